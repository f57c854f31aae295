//! `--emit`: prints a stage of the compilation.
use crate::load::Loaded;
use esper_check::hir::Experiment;
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

/// The checked programs of an experiment.
pub fn hir(experiment: &Experiment) -> String {
    esper_check::print_hir(experiment)
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
