//! `--set`: what a path means, and what it changes in the tree.
use crate::overrides::apply;
use crate::{Override, Session};
use esper_check::names::resolve;
use esper_grammar::print_tree;
use std::path::Path;

const TEXT: &str = "use std.nn.{Linear}
use std.losses.{cross_entropy}
use std.optim.{AdamW, Sgd, warmup_cosine}

blueprint Net(hidden: dim = 4) {
    layer only = Linear(hidden)
    forward(x: f32[b, d]) -> f32[b, hidden] { only(x) }
}

train base {
    model = Net
    data = csv(\"digits.csv\", label = 64)
    loss = cross_entropy
    optimizer = AdamW(lr = warmup_cosine(peak = 3e-3))
    batch = 64
    epochs = 4
}

train derived from base {
    optimizer = Sgd()
}
";

/// The tree of an experiment after the changes, one line a field; or what is wrong.
fn changed(train: &str, changes: &[&str]) -> Result<String, Vec<String>> {
    changed_in(TEXT, train, changes)
}

fn changed_in(text: &str, train: &str, changes: &[&str]) -> Result<String, Vec<String>> {
    let changes: Vec<Override> = changes.iter().map(|c| c.parse().expect("path=value")).collect();
    let mut loaded = Session::new().load_text("main.blueprint", text, Path::new(""));
    assert_eq!(loaded.problems, []);
    let tree = loaded.files[0].parsed.clone();
    let inputs = loaded.inputs();
    let resolution = resolve(&inputs);
    assert_eq!(resolution.problems, []);
    let id = resolution.lookup(loaded.files[0].id, train).expect("the experiment");
    let mut sources = loaded.sources.clone();
    let file = apply(&changes, id, &resolution, &tree.file, &mut sources)
        .map_err(|problems| problems.iter().map(|p| format!("{} {}: {}", p.code, p.message, p.helps.join(" "))).collect::<Vec<_>>())?;
    loaded.sources = sources;
    let text = print_tree(&file);
    let start = text.find(&format!("train {train}")).expect("the experiment");
    let rest = &text[start..];
    Ok(rest[..rest[1..].find("\n  train ").map_or(rest.len(), |end| end + 1)].to_string())
}

#[test]
fn fields_arguments_and_their_last_words_are_changed() {
    let whole =
        changed("base", &["epochs=3", "seed=9", "peak=1e-2", "optimizer.lr.final=1e-5", "weight_decay=0", "hidden=8"]).expect("changed");
    for (field, value) in [("epochs", "3"), ("seed", "9"), ("peak", "0.01"), ("final", "1e-5"), ("weight_decay", "0"), ("hidden", "8")] {
        assert!(whole.lines().any(|l| l.contains(field) && l.contains(value)), "{field} {value}\n{whole}");
    }
    assert!(!whole.contains("3e-3"), "{whole}");
}

#[test]
fn an_argument_by_position_is_replaced() {
    let text = TEXT.replace("optimizer = Sgd()", "optimizer = Sgd(0.1, 0.9)");
    let whole = changed_in(&text, "derived", &["momentum=0.5"]).expect("changed");
    assert!(whole.contains("(call Sgd 0.1 0.5)"), "{whole}");
}

#[test]
fn a_derived_experiment_changes_its_own_copy() {
    let whole = changed("derived", &["momentum=0.9", "model.hidden=2"]).expect("changed");
    assert!(whole.contains("momentum") && whole.contains("hidden"), "{whole}");
}

#[test]
fn unknown_and_ambiguous_settings_and_broken_values_are_errors() {
    assert_eq!(changed("base", &["epoch=3"]), Err(vec!["E0095 the experiment has no setting `epoch`: did you mean `epochs`?".to_string()]));
    let two = changed("base", &["eps=1", "smoothing=0.1", "x.y=2"]).expect_err("unknown");
    assert!(two.last().is_some_and(|e| e.contains("has no setting `x.y`")), "{two:?}");
    assert!(changed("base", &["epochs=3 +"]).is_err());
    assert!("epochs".parse::<Override>().is_err() && "=3".parse::<Override>().is_err() && "a b=3".parse::<Override>().is_err());
}
