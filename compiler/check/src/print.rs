//! The checked program as text: `esperc build --emit hir`.
use crate::hir::{Experiment, Function, Stored};
use std::fmt::Write;

/// The whole experiment: stored tensors, programs, the optimizer and its schedules, one call a line.
pub fn print_hir(experiment: &Experiment) -> String {
    let mut out = format!("experiment {} = {}\n", experiment.name, experiment.host);
    for (word, list) in [("param", &experiment.parameters), ("state", &experiment.states)] {
        list.iter().enumerate().for_each(|(i, s)| stored(&mut out, word, i, s));
    }
    for (name, f) in [("train", &experiment.train), ("eval", &experiment.eval), ("predict", &experiment.predict)] {
        function(&mut out, name, f, 0);
    }
    for (name, f) in &experiment.optimizer.scalars {
        function(&mut out, &format!("{}.{name}", experiment.optimizer.name), f, 0);
    }
    for (rank, f) in &experiment.optimizer.rules {
        function(&mut out, &format!("{} of rank {rank}", experiment.optimizer.name), f, 0);
    }
    out
}

fn stored(out: &mut String, word: &str, index: usize, s: &Stored) {
    let _ = writeln!(out, "\n{word} {index} {}: {}  // {} {}", s.path, s.ty, s.owner.1, s.owner.0);
    function(out, "init", &s.init, 1);
}

fn function(out: &mut String, name: &str, f: &Function, indent: usize) {
    let pad = "    ".repeat(indent);
    let gap = if indent == 0 { "\n" } else { "" };
    let _ = writeln!(out, "{gap}{pad}{name} {{");
    for (i, call) in f.calls.iter().enumerate() {
        let args: Vec<String> = call.args.iter().map(|a| format!("%{}", a.0)).collect();
        let place = if call.path.is_empty() { String::new() } else { format!("  // {}", call.path) };
        let _ = writeln!(out, "{pad}    %{i}: {} = {:?}({}){place}", call.ty, call.builtin, args.join(", "));
    }
    for (kind, value) in &f.outputs {
        let _ = writeln!(out, "{pad}    {kind:?} = %{}", value.0);
    }
    for (i, rule) in f.rules.iter().enumerate() {
        function(out, &format!("rule {i} of {} inputs", rule.inputs), &rule.function, indent + 1);
    }
    let _ = writeln!(out, "{pad}}}");
}
