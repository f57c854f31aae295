//! Hovers: what a name is, its type or inferred shape, what it costs, and its documentation.
use super::cost::Cost;
use super::describe;
use super::navigation::{modules, named};
use super::surroundings::{blueprint_of_layer, item_at, nodes_at};
use super::words::{self, Position};
use crate::snapshot::Snapshot;
use crate::workspace::Analysis;
use esper_check::builtins::BUILTINS;
use esper_check::facts::FactKind;
use esper_check::names::{Definition, DefinitionKind, LocalKind, Occurrence};
use esper_diagnostics::Span;
use esper_grammar::ast::ItemKind;
use esper_grammar::{Node, TokenKind, tokens};
use esper_ir::SIGNALS;

/// Markdown about a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hover {
    /// What it is about.
    pub span: Span,
    /// The text.
    pub text: String,
}

/// What there is to say about the name or word at a byte. `costs`: of sound experiments.
pub fn hover(analysis: &Analysis, costs: &[Cost], offset: usize) -> Option<Hover> {
    let snapshot = &*analysis.snapshot;
    if let Some((occurrence, definition)) = named(snapshot, offset) {
        return Some(Hover { span: occurrence.span, text: of_definition(analysis, costs, occurrence, definition) });
    }
    if let Some((span, file)) = modules(snapshot).into_iter().find(|(s, _)| s.start as usize <= offset && offset <= s.end as usize) {
        let docs = snapshot.tree(file).map(|tree| tree.docs.text.clone()).unwrap_or_default();
        return Some(Hover { span, text: format!("{}\n\n{docs}", fenced(snapshot.text_at(span))) });
    }
    let text = snapshot.text(snapshot.entry());
    let covers = |range: &std::ops::Range<usize>| range.start <= offset && offset <= range.end && !range.is_empty();
    let word = |kind: TokenKind| matches!(kind, TokenKind::Name | TokenKind::Word);
    let range = tokens(text).into_iter().find(|(range, kind)| covers(range) && word(*kind)).map(|(range, _)| range)?;
    let span = Span::new(snapshot.entry(), range.start, range.end);
    of_word(snapshot, offset, &text[range]).map(|text| Hover { span, text })
}

fn fenced(code: &str) -> String {
    format!("```blueprint\n{code}\n```")
}

fn of_definition(analysis: &Analysis, costs: &[Cost], occurrence: Occurrence, definition: &Definition) -> String {
    let snapshot = &*analysis.snapshot;
    let mut text = fenced(&describe::declaration(snapshot, definition));
    let fact = |span: Span| {
        let of_name = |f: &&esper_check::facts::Fact| f.span == span && matches!(f.kind, FactKind::Value | FactKind::Let | FactKind::Stage);
        analysis.learned.facts.iter().find(of_name)
    };
    let inferred = fact(occurrence.span).or_else(|| fact(definition.span));
    if let (Some(fact), DefinitionKind::Local(kind)) = (inferred, definition.kind) {
        match (fact.kind, kind) {
            (FactKind::Stage, _) => text.push_str(&format!("\n\ngives `{}` here", fact.text)),
            (_, LocalKind::Dim | LocalKind::Dims) if fact.text == definition.name => {}
            _ => text.push_str(&format!("\n\n`{}`: `{}`", definition.name, fact.text)),
        }
    } else if let Some(fact) = inferred.filter(|f| f.kind == FactKind::Stage) {
        text.push_str(&format!("\n\ngives `{}` here", fact.text));
    }
    let docs = describe::docs(snapshot, definition);
    if !docs.is_empty() {
        text.push_str(&format!("\n\n{docs}"));
    }
    if definition.kind == DefinitionKind::Local(LocalKind::Layer)
        && let Some((of, _)) = blueprint_of_layer(snapshot, definition)
    {
        text.push_str(&format!("\n\n{}", fenced(&describe::declaration(snapshot, of))));
        let docs = describe::docs(snapshot, of);
        if !docs.is_empty() {
            text.push_str(&format!("\n\n{docs}"));
        }
    }
    let lines = costs.iter().flat_map(|cost| cost.of(snapshot, definition));
    let lines: Vec<String> = lines.map(|line| format!("- {line}")).collect();
    if !lines.is_empty() {
        text.push_str(&format!("\n\n{}", lines.join("\n")));
    }
    if matches!(definition.kind, DefinitionKind::Item(_)) && definition.span.file != snapshot.entry() {
        let module = snapshot.file(definition.span.file).map(|f| f.module.clone()).unwrap_or_default();
        text.push_str(&format!("\n\n*from `{module}`*"));
    }
    text
}

fn of_word(snapshot: &Snapshot, offset: usize, word: &str) -> Option<String> {
    let item = item_at(snapshot, offset).map(|(_, item)| &item.kind);
    if matches!(item, Some(ItemKind::Policy(_)))
        && let Some((code, doc)) = super::policy_words::said_of(snapshot.text(snapshot.entry()), offset, word)
    {
        return Some(format!("{}\n\n{doc}", fenced(&code)));
    }
    if matches!(item, Some(ItemKind::Policy(_)))
        && let Some(text) = of_signal(snapshot, offset, word)
    {
        return Some(text);
    }
    if let Some(builtin) = BUILTINS.iter().find(|b| b.name == word) {
        return Some(format!("{}\n\n{}", fenced(builtin.signature), builtin.doc));
    }
    let nearest: &[Position] = match item {
        Some(ItemKind::Train(_)) => &[Position::Train, Position::Item],
        Some(ItemKind::Policy(_)) => &[Position::Policy, Position::Item],
        Some(ItemKind::Optimizer(_)) => &[Position::Optimizer, Position::Code],
        _ => &[Position::Blueprint, Position::Code, Position::Item, Position::Inside],
    };
    let entry = words::find(word, nearest)?;
    Some(format!("{}\n\n{}", fenced(entry.text), entry.doc))
}

/// A signal in a rule of a policy; its name may have a dot.
fn of_signal(snapshot: &Snapshot, offset: usize, word: &str) -> Option<String> {
    let dotted = nodes_at(snapshot, offset).into_iter().rev().find_map(|node| match node {
        Node::Expr(e) if matches!(e.kind, esper_grammar::ast::ExprKind::Dot { .. }) => Some(snapshot.text_at(e.span)),
        _ => None,
    });
    let record = SIGNALS.iter().find(|r| Some(r.name) == dotted).or_else(|| SIGNALS.iter().find(|r| r.name == word))?;
    let unit = if record.unit == "1" { String::new() } else { format!(" (in {})", record.unit) };
    Some(format!("{}\n\n{}{unit}", fenced(record.name), record.doc))
}
