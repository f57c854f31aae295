//! Declarations as text: signatures, types, documentation; what hovers, completions and lists of symbols show.
use super::navigation::{item_of, whole};
use crate::snapshot::Snapshot;
use esper_check::names::{Definition, DefinitionKind, LocalKind};
use esper_diagnostics::Span;
use esper_grammar::ast::{Body, Item, ItemKind, Line, Param};
use esper_grammar::{Node, visit_item};

/// The item's text up to its body; a constant whole.
pub fn signature(snapshot: &Snapshot, item: &Item) -> String {
    let upto = |body: &Body| snapshot.text_at(Span { end: body.span.start, ..item.span }).trim().to_string();
    match &item.kind {
        ItemKind::Fn { body, .. } | ItemKind::Grad { body, .. } => upto(body),
        ItemKind::Blueprint(d) | ItemKind::Optimizer(d) => upto(&d.body),
        ItemKind::Policy(d) | ItemKind::Train(d) => upto(&d.body),
        _ => snapshot.text_at(item.span).trim().to_string(),
    }
}

/// How a definition is declared, on as few lines as it is written.
pub fn declaration(snapshot: &Snapshot, definition: &Definition) -> String {
    let Some(item) = item_of(snapshot, definition) else { return definition.name.clone() };
    match definition.kind {
        DefinitionKind::Item(_) => signature(snapshot, item),
        DefinitionKind::Local(LocalKind::Dim) => format!("dim {}", definition.name),
        DefinitionKind::Local(LocalKind::Dims) => format!("..{}", definition.name),
        DefinitionKind::Local(LocalKind::Turn) => format!("for {}", definition.name),
        DefinitionKind::Local(_) => {
            let text = snapshot.text_at(whole(snapshot, definition)).trim();
            if text.lines().count() > 4 { text.lines().next().unwrap_or_default().to_string() } else { text.to_string() }
        }
    }
}

/// The documentation of a definition: that of its item, line or parameter.
pub fn docs(snapshot: &Snapshot, definition: &Definition) -> String {
    let Some(item) = item_of(snapshot, definition) else { return String::new() };
    if matches!(definition.kind, DefinitionKind::Item(_)) {
        return item.docs.text.clone();
    }
    let place = whole(snapshot, definition);
    let mut found = String::new();
    visit_item(item, &mut |node| {
        match node {
            Node::Line(Line { docs, span, .. }) | Node::Param(Param { docs, span, .. }) if *span == place => found = docs.text.clone(),
            _ => {}
        }
        true
    });
    found
}

/// The first sentence or line of a documentation.
pub fn summary(docs: &str) -> &str {
    docs.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim()
}

/// The parameter as it is written, without its documentation.
pub fn parameter(snapshot: &Snapshot, param: &Param) -> String {
    let end = param.default.as_ref().map_or(param.ty.span, |e| e.span);
    snapshot.text_at(param.name.span.to(end)).split_whitespace().collect::<Vec<_>>().join(" ")
}
