//! Whole experiments through the check: what the elaborated programs hold.

use crate::harness::{check, short, with};
use esper_check::hir::{Builtin, Experiment};

fn example(name: &str) -> String {
    std::fs::read_to_string(format!("{}/../../examples/{name}.blueprint", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn elaborated(source: &str, train: &str) -> Experiment {
    with(source, &[], |resolution, sources| match esper_check::elaborate(resolution, train) {
        Ok(experiment) => experiment,
        Err(problems) => panic!("{}", problems.iter().map(|p| short(p, sources)).collect::<String>()),
    })
}

#[test]
fn the_digits_mlp_elaborates() {
    let e = elaborated(&example("digits"), "digits");
    let types: Vec<String> = e.parameters.iter().map(|p| format!("{}: {}", p.path, p.ty)).collect();
    assert_eq!(types, ["first.weight: f32[64, 64]", "first.bias: f32[64]", "last.weight: f32[10, 64]", "last.bias: f32[10]"]);
    assert_eq!(e.target.to_string(), "i32[batch]");
    assert_eq!(e.classes, Some(10));
    assert_eq!(e.features[0].to_string(), "f32[batch, 64]");
    assert_eq!(check(&example("digits")), "");
}

#[test]
fn the_digits_cnn_elaborates() {
    let e = elaborated(&example("digits_cnn"), "digits_cnn");
    assert_eq!(e.states.len(), 6);
    assert_eq!(e.parameters.len(), 3 * 3 + 2);
    let convolutions = e.predict.calls.iter().filter(|c| matches!(c.builtin, Builtin::Convolution { .. })).count();
    assert_eq!(convolutions, 3);
    assert_eq!(check(&example("digits_cnn")), "");
}

#[test]
fn batch_norm_threads_its_state_in_training_only() {
    let e = elaborated(&example("digits_cnn"), "digits_cnn");
    let states = |f: &esper_check::hir::Function| f.outputs.iter().filter(|(k, _)| matches!(k, esper_ir::OutputKind::State(_))).count();
    assert_eq!((states(&e.train), states(&e.eval), states(&e.predict)), (6, 0, 0));
    assert_eq!(e.states[0].path, "blocks[0].norm.mean");
}

#[test]
fn a_left_out_width_is_inferred_and_dropout_draws_once_a_call() {
    let source = "use std.nn.{Dropout, Linear}
use std.losses.{cross_entropy}
use std.optim.{Sgd}
blueprint Net {
    layer drop = Dropout(0.5)
    layer last = Linear()
    forward(x: f32[b, 4]) -> f32[b, 3] { x |> drop |> drop |> last }
}
train net {
    model = Net()
    data = csv(\"data.csv\")
    loss = cross_entropy
    optimizer = Sgd(momentum = 0.9)
    batch = 8
    epochs = 1
}
";
    let e = elaborated(source, "net");
    assert_eq!(e.parameters[0].ty.to_string(), "f32[3, 4]");
    let streams = |f: &esper_check::hir::Function| -> Vec<u64> {
        f.calls.iter().filter_map(|c| if let Builtin::Random { stream, .. } = &c.builtin { Some(stream.0) } else { None }).collect()
    };
    let drawn = streams(&e.train);
    assert!(drawn.len() == 2 && drawn[0] != drawn[1]);
    assert!(streams(&e.eval).is_empty());
    assert_eq!(e.optimizer.states, [("v".to_string(), 0.0)]);
}

#[test]
fn equal_sizes_do_not_confuse_named_axes() {
    let source = "use std.nn.{BatchNorm}
use std.losses.{mse}
use std.optim.{Sgd}
blueprint Net {
    layer norm = BatchNorm()
    forward(x: f32[b, 8, 8, 8]) -> f32[b, 8, 8, 8] { norm(x) }
}
train net {
    model = Net()
    data = csv(\"data.csv\")
    loss = mse
    optimizer = Sgd()
    batch = 8
    epochs = 1
}
";
    let e = elaborated(source, "net");
    let aligned: Vec<&Vec<usize>> =
        e.eval.calls.iter().filter_map(|c| if let Builtin::Align { axes } = &c.builtin { Some(axes) } else { None }).collect();
    assert!(!aligned.is_empty() && aligned.iter().all(|a| **a == [1]));
}

#[test]
fn a_mixer_with_a_derivative_by_hand_elaborates() {
    let source = format!(
        "{}{}",
        include_str!("experiment.blueprint"),
        "use std.optim.{Sgd}
train digits {
    model = Mixer(d = 48)
    data = csv(\"data.csv\", shape = [1, 8, 8])
    loss = focal(gamma = 1.5)
    metrics = [top_k(k = 3)]
    optimizer = Sgd()
    batch = 8
    epochs = 1
}
"
    );
    let seeds = include_str!("seeds.blueprint");
    let library = format!(
        "{seeds}\n{}",
        "blueprint Mlp(expand: dim = 2, act: fn = gelu) {
    layer up = Linear(expand * d)
    layer down = Linear(d, weight_init = zeros)
    forward(x: f32[.., d]) -> f32[.., d] { x |> up |> act |> down }
}
"
    );
    with(&source, &[("std.seeds", &library), ("seeds", seeds)], |r, sources| {
        let e = match esper_check::elaborate(r, "digits") {
            Ok(e) => e,
            Err(p) => panic!("{}", p.iter().map(|p| short(p, sources)).collect::<String>()),
        };
        assert_eq!(e.train.rules.len(), 1);
        assert_eq!(e.metrics, ["top_k(k = 3)"]);
        assert!(e.parameters.iter().any(|p| p.path == "mixers[0].body.mix.up.weight"));
    });
}

#[test]
fn no_word_of_a_field_is_accepted_and_ignored() {
    let with_line = |line: &str| {
        check(&format!(
            "use std.hosts.{{Mlp}}
use std.losses.{{accuracy, cross_entropy}}
use std.optim.{{Sgd}}
train net {{
    model = Mlp(3)
    data = csv(\"data.csv\", shape = [4])
    loss = cross_entropy
    {line}
    optimizer = Sgd()
    batch = 8
    epochs = 1
}}
"
        ))
    };
    assert_eq!(with_line("metrics = [accuracy]\n    normalise = per_channel"), "");
    let found = with_line("metrics = [accuracy]\n    normalise = per_channel(3)");
    assert_eq!(found, "E0202 `per_channel` takes no arguments\n  ^ 9 `3`: nothing reads this\n");
    let found = with_line("metrics = [accuracy, ..]");
    let wanted = "E0613 a loss or metric is a function of the prediction and the target\n  ^ 8 `..`: this stands for axes of a shape\n";
    assert_eq!(found, wanted);
}
