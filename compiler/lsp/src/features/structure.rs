//! What belongs together in the text: ranges to fold, and ranges to select step by step.
use super::surroundings::nodes_at;
use crate::snapshot::Snapshot;
use esper_diagnostics::Span;
use esper_grammar::ast::{Expr, ExprKind, ItemKind};
use esper_grammar::{Node, TokenKind, tokens, visit_file};

/// What folds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FoldKind {
    /// A body or the brackets of a call or list.
    Code,
    /// Comments or documentation.
    Comment,
    /// `use` lines.
    Imports,
}

/// Ranges of more than one line that fold: from the end of their first line to the end of the range.
pub fn folds(snapshot: &Snapshot) -> Vec<(Span, FoldKind)> {
    let entry = snapshot.entry();
    let lines = snapshot.lines(entry);
    let mut found: Vec<(Span, FoldKind)> = vec![];
    let Some(tree) = snapshot.tree(entry) else { return found };
    visit_file(tree, &mut |node| {
        let folds = match node {
            Node::Body(_) => true,
            Node::Expr(Expr { kind, .. }) => matches!(kind, ExprKind::Call { .. } | ExprKind::List(_) | ExprKind::Pipe(..)),
            Node::Item(item) => matches!(item.kind, ItemKind::Use { .. }),
            _ => false,
        };
        if folds && !matches!(node, Node::Item(_)) {
            found.push((node.span(), FoldKind::Code));
        }
        true
    });
    let mut runs: Vec<(Span, FoldKind)> = vec![];
    let mut extend = |span: Span, kind: FoldKind| {
        let follows =
            |last: &(Span, FoldKind)| last.1 == kind && lines.line(span.start as usize) <= lines.line(last.0.end.max(1) as usize - 1) + 1;
        match runs.last_mut().filter(|last| follows(last)) {
            Some(last) => last.0 = last.0.to(span),
            None => runs.push((span, kind)),
        }
    };
    for item in tree.items.iter().filter(|item| matches!(item.kind, ItemKind::Use { .. })) {
        extend(item.span, FoldKind::Imports);
    }
    let text = snapshot.text(entry);
    for (range, kind) in tokens(text) {
        let alone = text[..range.start].rsplit('\n').next().is_some_and(|before| before.trim().is_empty());
        if matches!(kind, TokenKind::Comment | TokenKind::Doc | TokenKind::FileDoc) && alone {
            extend(Span::new(entry, range.start, range.end), FoldKind::Comment);
        }
    }
    found.extend(runs);
    found.retain(|(span, _)| lines.line(span.start as usize) < lines.line(span.end as usize));
    found.sort_by_key(|(span, kind)| (span.start, std::cmp::Reverse(span.end), *kind));
    // One range for each first line: what folds more goes first.
    found.dedup_by_key(|(span, _)| lines.line(span.start as usize));
    found
}

/// Ranges around a byte, each inside the next one.
pub fn selections(snapshot: &Snapshot, offset: usize) -> Vec<Span> {
    let entry = snapshot.entry();
    let text = snapshot.text(entry);
    let mut spans = vec![Span::new(entry, 0, text.len())];
    spans.extend(nodes_at(snapshot, offset).iter().map(Node::span));
    let covers = |range: &std::ops::Range<usize>| range.start <= offset && offset <= range.end && !range.is_empty();
    let token = tokens(text).into_iter().filter(|(range, _)| covers(range)).max_by_key(|(_, kind)| *kind == TokenKind::Name);
    spans.extend(token.map(|(range, _)| Span::new(entry, range.start, range.end)));
    let mut nested: Vec<Span> = vec![];
    for span in spans {
        match nested.last() {
            Some(outer) if *outer == span || span.start < outer.start || span.end > outer.end => {}
            _ => nested.push(span),
        }
    }
    nested.reverse();
    nested
}
