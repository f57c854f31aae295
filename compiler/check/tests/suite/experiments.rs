//! Whole experiments through the check: what the elaborated programs hold.


use esper_check::hir::{Builtin, Experiment};
use crate::harness::{check, short, with};

fn example(name: &str) -> String {
    std::fs::read_to_string(format!("{}/../../examples/{name}.blueprint", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn elaborated(source: &str, train: &str, set: &[(&str, &str)]) -> Experiment {
    let set: Vec<(String, String)> = set.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect();
    with(source, &[], |resolution, sources| match esper_check::elaborate(resolution, train, &set) {
        Ok(experiment) => experiment,
        Err(problems) => panic!("{}", problems.iter().map(|p| short(p, sources)).collect::<String>()),
    })
}

#[test]
fn the_digits_mlp_elaborates() {
    let e = elaborated(&example("digits"), "digits", &[]);
    let types: Vec<String> = e.parameters.iter().map(|p| format!("{}: {}", p.path, p.ty)).collect();
    assert_eq!(types, ["first.weight: f32[64, 64]", "first.bias: f32[64]", "last.weight: f32[10, 64]", "last.bias: f32[10]"]);
    assert_eq!(e.target.to_string(), "i32[batch]");
    assert_eq!(e.classes, Some(10));
    assert_eq!(e.features[0].to_string(), "f32[batch, 64]");
    assert_eq!(check(&example("digits")), "");
}

#[test]
fn the_digits_cnn_elaborates() {
    let e = elaborated(&example("digits_cnn"), "digits_cnn", &[]);
    assert_eq!(e.states.len(), 6);
    assert_eq!(e.parameters.len(), 3 * 3 + 2);
    let convolutions = e.predict.calls.iter().filter(|c| matches!(c.builtin, Builtin::Convolution { .. })).count();
    assert_eq!(convolutions, 3);
    assert_eq!(check(&example("digits_cnn")), "");
}
