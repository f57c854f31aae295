//! Case is meaning: `UPPER` constants, `Upper` blueprints, optimizers and policies, `lower` the rest.
use super::items::ItemClass;

/// How a name must be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    /// `MAX_DEPTH`.
    Constant,
    /// `ConvNorm`.
    Upper,
    /// `conv_norm`.
    Lower,
}

impl Case {
    /// The case of an item's name.
    pub(super) fn of(class: ItemClass) -> Case {
        match class {
            ItemClass::Const => Case::Constant,
            ItemClass::Blueprint | ItemClass::Optimizer | ItemClass::Policy => Case::Upper,
            ItemClass::Fn | ItemClass::Train => Case::Lower,
        }
    }
    /// Whether a name is written so. Leading underscores and characters without case do not count.
    pub(super) fn fits(self, name: &str) -> bool {
        let name = name.trim_start_matches('_');
        match self {
            Case::Constant => !name.chars().any(char::is_lowercase),
            Case::Upper => !name.starts_with(char::is_lowercase) && !name.contains('_'),
            Case::Lower => !name.chars().any(char::is_uppercase),
        }
    }
    /// The name written so.
    pub(super) fn apply(self, name: &str) -> String {
        let body = name.trim_start_matches('_');
        let prefix = &name[..name.len() - body.len()];
        let words = words(body);
        let spelt = match self {
            Case::Constant => words.join("_").to_uppercase(),
            Case::Lower => words.join("_").to_lowercase(),
            Case::Upper => words.iter().map(|w| capitalised(w)).collect(),
        };
        format!("{prefix}{spelt}")
    }
    /// The rule in the user's words.
    pub(super) fn rule(self) -> &'static str {
        match self {
            Case::Constant => "in capitals",
            Case::Upper => "with a capital first letter and no `_`",
            Case::Lower => "in lower case",
        }
    }
}

/// The words of a name: `convNorm2D`, `conv_norm` and `ConvNorm` are two and more words.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = vec![String::new()];
    let mut before_lower = false;
    for c in name.chars() {
        if c == '_' || (c.is_uppercase() && before_lower) {
            words.push(String::new());
        }
        if c != '_'
            && let Some(word) = words.last_mut()
        {
            word.push(c);
        }
        before_lower = c.is_lowercase() || c.is_numeric();
    }
    words.retain(|w| !w.is_empty());
    words
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    let all_upper = word.chars().count() > 1 && !word.chars().any(char::is_lowercase);
    match letters.next() {
        Some(first) if all_upper => first.to_uppercase().chain(letters.flat_map(char::to_lowercase)).collect(),
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::Case;

    #[test]
    fn names_are_spelt_in_every_case() {
        assert_eq!(Case::Lower.apply("ConvNorm"), "conv_norm");
        assert_eq!(Case::Lower.apply("B"), "b");
        assert_eq!(Case::Constant.apply("maxDepth"), "MAX_DEPTH");
        assert_eq!(Case::Upper.apply("conv_norm"), "ConvNorm");
        assert_eq!(Case::Upper.apply("_MAX_POOL"), "_MaxPool");
        assert!(Case::Upper.fits("GPT2") && Case::Constant.fits("N") && Case::Lower.fits("_x1"));
        assert!(!Case::Upper.fits("mlp") && !Case::Constant.fits("Patch") && !Case::Lower.fits("nHeads"));
    }
}
