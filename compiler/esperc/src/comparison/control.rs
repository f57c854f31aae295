//! The controls that a growing run is compared with, by the names of the language.
use crate::exit::Failure;
use esper_ir::Control;

/// What the language names and this version cannot run, with the reason.
const MISSING: [(&str, &str); 2] = [
    (
        "static_final",
        "it trains the exported source anew, and a grown network cannot be exported as a blueprint yet; `static` trains the same network",
    ),
    ("pruned_from_large", "a large network cannot be pruned down yet"),
];

/// What it is, for people.
pub fn says(control: Control) -> &'static str {
    match control {
        Control::Off => "the same without growth, the twin",
        Control::Static => "the network that grew, trained from step 0 for as many epochs",
        Control::EqualFlops => "the network that grew, trained from step 0 for as many whole epochs as the growing run's FLOPs last",
        Control::FixedSchedule => {
            "the changes of the first seed's run that grew, at the same steps, whatever the policy would have decided"
        }
    }
}

/// Reads `off,static`, or `all` for those that can be run.
pub fn list(words: &str) -> Result<Vec<Control>, Failure> {
    if words == "all" {
        return Ok(Control::ALL.to_vec());
    }
    let mut list = vec![];
    for word in words.split(',').map(str::trim) {
        match (Control::named(word), MISSING.iter().find(|(name, _)| *name == word)) {
            (Some(control), _) if !list.contains(&control) => list.push(control),
            (Some(_), _) => {}
            (None, Some((name, why))) => return Err(Failure::Usage(format!("the control `{name}` does not exist yet: {why}"))),
            (None, None) => {
                let known: Vec<&str> = Control::ALL.into_iter().map(Control::name).chain(MISSING.iter().map(|m| m.0)).collect();
                return Err(Failure::Usage(format!("there is no control `{word}`; the controls are {}", known.join(", "))));
            }
        }
    }
    Ok(list)
}

/// What `all` leaves out, in a line for people.
pub fn left_out() -> String {
    MISSING.iter().map(|(name, why)| format!("note: without `{name}`: {why}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_are_named_as_in_the_language_and_what_is_missing_says_why() {
        assert_eq!(list("static, off,static").unwrap(), [Control::Static, Control::Off]);
        assert_eq!(list("all").unwrap(), Control::ALL);
        for (words, says) in [
            ("static_final", "does not exist yet: it trains the exported source"),
            ("of", "there is no control `of`; the controls are off, "),
        ] {
            let Err(Failure::Usage(text)) = list(words) else { panic!("{words}") };
            assert!(text.contains(says), "{text}");
        }
    }
}
