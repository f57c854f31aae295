//! `--emit`: prints a stage of the compilation.
use crate::load::Loaded;
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

/// The syntax tree of the entry file, places as `start..end` in bytes.
pub fn ast(loaded: &Loaded) -> String {
    loaded.files.first().map_or_else(String::new, |entry| short_spans(&format!("{:#?}\n", entry.parsed.file)))
}

/// Rust's debug form with every span, which it spreads over six lines, as `12..15`.
fn short_spans(tree: &str) -> String {
    let mut out = String::with_capacity(tree.len() / 2);
    let mut lines = tree.lines();
    while let Some(line) = lines.next() {
        let Some(prefix) = line.strip_suffix("Span {") else {
            out.push_str(line);
            out.push('\n');
            continue;
        };
        let mut numbers = vec![];
        let mut close = "";
        for inner in lines.by_ref() {
            let text = inner.trim();
            let number = text.strip_prefix("start: ").or_else(|| text.strip_prefix("end: "));
            numbers.extend(number.map(|n| n.trim_end_matches(',')));
            if text.starts_with('}') {
                close = text.trim_start_matches('}');
                break;
            }
        }
        out.push_str(&format!("{prefix}{}{close}\n", numbers.join("..")));
    }
    out
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
