//! The symbols of a file as a tree, and the search for symbols.
use super::describe;
use crate::snapshot::Snapshot;
use esper_diagnostics::{FileId, Span};
use esper_grammar::ast::{Body, Item, ItemKind, LineKind};

/// What a symbol is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum SymbolKind {
    Constant,
    Function,
    Blueprint,
    Optimizer,
    Policy,
    Experiment,
    Tensor,
    Layer,
    Slot,
    Method,
    Field,
}

/// A symbol with those in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// Its name.
    pub name: String,
    /// Its type, recipe or signature.
    pub detail: String,
    /// What it is.
    pub kind: SymbolKind,
    /// All of it.
    pub whole: Span,
    /// Its name's place.
    pub place: Span,
    /// What stands in it.
    pub children: Vec<Symbol>,
}

/// The symbols of a file in the order of the text.
pub fn symbols(snapshot: &Snapshot, file: FileId) -> Vec<Symbol> {
    snapshot.tree(file).into_iter().flat_map(|tree| &tree.items).filter_map(|item| symbol(snapshot, item)).collect()
}

fn symbol(snapshot: &Snapshot, item: &Item) -> Option<Symbol> {
    let (name, kind, body) = match &item.kind {
        ItemKind::Const { name, .. } => (name, SymbolKind::Constant, None),
        ItemKind::Fn { name, .. } => (name, SymbolKind::Function, None),
        ItemKind::Grad { name, .. } => (name, SymbolKind::Function, None),
        ItemKind::Blueprint(d) => (&d.name, SymbolKind::Blueprint, Some(&d.body)),
        ItemKind::Optimizer(d) => (&d.name, SymbolKind::Optimizer, Some(&d.body)),
        ItemKind::Policy(d) => (&d.name, SymbolKind::Policy, Some(&d.body)),
        ItemKind::Train(d) => (&d.name, SymbolKind::Experiment, Some(&d.body)),
        ItemKind::Use { .. } | ItemKind::Broken(_) => return None,
    };
    let signature = describe::signature(snapshot, item);
    let detail = signature.split_once(name.text.as_str()).map_or("", |(_, rest)| rest);
    let detail = detail.trim_start_matches([':', '=']).split_whitespace().collect::<Vec<_>>().join(" ");
    let children = body.map(|body| members(snapshot, body)).unwrap_or_default();
    let prefix = if matches!(item.kind, ItemKind::Grad { .. }) { "grad " } else { "" };
    Some(Symbol { name: format!("{prefix}{}", name.text), detail, kind, whole: item.span, place: name.span, children })
}

fn members(snapshot: &Snapshot, body: &Body) -> Vec<Symbol> {
    let short = |span: Span| snapshot.text_at(span).split_whitespace().collect::<Vec<_>>().join(" ");
    let of_line = |line: &esper_grammar::ast::Line| {
        let (name, place, detail, kind) = match &line.kind {
            LineKind::Param(s) => (s.name.text.clone(), s.name.span, format!("param {}", short(s.ty.span)), SymbolKind::Tensor),
            LineKind::State(s) => (s.name.text.clone(), s.name.span, format!("state {}", short(s.ty.span)), SymbolKind::Tensor),
            LineKind::Layer { name, recipe, .. } => (name.text.clone(), name.span, short(recipe.span), SymbolKind::Layer),
            LineKind::Slot { name, .. } => (name.text.clone(), name.span, "slot".to_string(), SymbolKind::Slot),
            LineKind::Forward(m) | LineKind::Update(m) => {
                (short(m.word), m.word, short(Span { start: m.word.end, end: m.result.span.end, ..m.word }), SymbolKind::Method)
            }
            LineKind::Set { target, value } => (short(target.span), target.span, short(value.span), SymbolKind::Field),
            LineKind::Section { name, .. } => (name.text.clone(), name.span, String::new(), SymbolKind::Field),
            _ => return None,
        };
        Some(Symbol { name, detail, kind, whole: line.span, place, children: vec![] })
    };
    body.lines.iter().filter_map(of_line).collect()
}

/// How well a name answers a search: `None` where its letters are not all there in order, smaller is better.
pub fn matches(name: &str, query: &str) -> Option<usize> {
    if query.is_empty() {
        return Some(0);
    }
    let (low, wanted) = (name.to_lowercase(), query.to_lowercase());
    if low.starts_with(&wanted) {
        return Some(name.len() - query.len());
    }
    if low.contains(&wanted) {
        return Some(100 + name.len());
    }
    let mut letters = low.chars();
    wanted.chars().all(|w| letters.any(|c| c == w)).then_some(200 + name.len())
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn beginnings_answer_a_search_better_than_letters_in_order() {
        assert!(matches("Linear", "lin") < matches("BiLinear", "lin"));
        assert!(matches("BiLinear", "lin") < matches("LayerIn", "lin"));
        assert_eq!(matches("relu", "x"), None);
    }
}
