//! `--emit`: prints a stage of the compilation.
use crate::load::Loaded;
use esper_check::hir::{Experiment, Function};
use esper_ir::Model;

/// A stage that this crate prints. What comes after the graph (kernels, the code of a target, the memory plan) is printed from the
/// [`Model`] by the pipeline; [`Stage::named`] knows only the names of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The words and signs of the entry file, one a line.
    Tokens,
    /// The syntax tree of the entry file.
    Ast,
    /// The checked program of the experiment.
    Hir,
    /// The graphs of the experiment as text that parses back.
    Graph,
    /// The training graph for graphviz.
    GraphDot,
}

impl Stage {
    /// The stage of that name on the command line: `graph=dot`.
    pub fn named(name: &str) -> Option<Stage> {
        Some(match name {
            "tokens" => Stage::Tokens,
            "ast" => Stage::Ast,
            "hir" => Stage::Hir,
            "graph" => Stage::Graph,
            "graph=dot" => Stage::GraphDot,
            _ => return None,
        })
    }
}

/// The tokens of the entry file, one a line: place, kind, text. What the layout step writes has no text.
pub fn tokens(loaded: &Loaded) -> String {
    let Some(entry) = loaded.files.first() else { return String::new() };
    let text = &loaded.sources.file(entry.id).text;
    let mut out = String::new();
    let (mut line, mut line_start, mut seen) = (1, 0, 0);
    for (range, kind) in esper_grammar::tokens(text) {
        while let Some(end) = text.get(seen..range.start).and_then(|between| between.find('\n')) {
            seen += end + 1;
            line_start = seen;
            line += 1;
        }
        let column = text[line_start..range.start].chars().count() + 1;
        out.push_str(&format!("{line}:{column} {kind:?} {}\n", &text[range]).replace(" \n", "\n"));
    }
    out
}

/// The syntax tree of the entry file.
pub fn ast(loaded: &Loaded) -> String {
    loaded.files.first().map_or_else(String::new, |entry| esper_grammar::print_tree(&entry.parsed.file))
}

/// The checked programs of an experiment: one call a line, with its operands, its type and the instance whose code it is.
pub fn hir(experiment: &Experiment) -> String {
    let mut out = format!("experiment {}: {}\n", experiment.name, experiment.host);
    for (kind, stored) in [("param", &experiment.parameters), ("state", &experiment.states)] {
        for s in stored {
            out.push_str(&format!("{kind} {}: {} of {}\n", s.path, s.ty, s.owner.1));
        }
    }
    for (name, function) in [("train", &experiment.train), ("eval", &experiment.eval), ("predict", &experiment.predict)] {
        print_function(name, function, &mut out);
    }
    for (name, scalar) in &experiment.optimizer.scalars {
        print_function(&format!("{}.{name}", experiment.optimizer.name), scalar, &mut out);
    }
    for (rank, rule) in &experiment.optimizer.rules {
        print_function(&format!("{} for rank {rank}", experiment.optimizer.name), rule, &mut out);
    }
    out
}

fn print_function(name: &str, function: &Function, out: &mut String) {
    out.push_str(&format!("\n{name}\n"));
    for (i, call) in function.calls.iter().enumerate() {
        let args: Vec<String> = call.args.iter().map(|a| format!("%{}", a.0)).collect();
        let path = if call.path.is_empty() { String::new() } else { format!("  // {}", call.path) };
        out.push_str(&format!("  %{i}: {} = {:?} ({}){path}\n", call.ty, call.builtin, args.join(", ")));
    }
    for (kind, value) in &function.outputs {
        out.push_str(&format!("  {kind:?} = %{}\n", value.0));
    }
    for (i, rule) in function.rules.iter().enumerate() {
        print_function(&format!("{name}, derivative {i}"), &rule.function, out);
    }
}

/// The graphs of a model: training, evaluation, prediction and the update rules.
pub fn graph(model: &Model) -> String {
    let mut text = String::new();
    for (name, graph) in [("train", &model.train), ("eval", &model.eval), ("predict", &model.predict)] {
        text.push_str(&format!("// {name}\n{}\n", esper_ir::print(graph)));
    }
    for (rank, rule) in model.optimizer.rules.iter().enumerate() {
        if let Some(rule) = rule {
            text.push_str(&format!("// {} for tensors of rank {rank}\n{}\n", model.optimizer.name, esper_ir::print(&rule.graph)));
        }
    }
    text
}

/// The training graph for graphviz.
pub fn graph_dot(model: &Model) -> String {
    esper_ir::dot(&model.train)
}
