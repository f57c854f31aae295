//! Inlay hints: inferred shapes of `let`s, pipe stages and layer calls, dims that were left out, names of parameters.
use super::surroundings::callable;
use crate::snapshot::Snapshot;
use crate::workspace::Analysis;
use esper_check::builtins::{BUILTINS, parameters};
use esper_check::facts::{Fact, FactKind};
use esper_check::names::{DefinitionKind, LocalKind};
use esper_diagnostics::Span;
use esper_grammar::ast::{Arg, Expr, ExprKind, LineKind, Pattern};
use esper_grammar::{Node, visit_file};
use std::collections::BTreeSet;

/// What a hint tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HintKind {
    /// A shape.
    Shape,
    /// A parameter's name or an inferred parameter.
    Parameter,
}

/// A piece of a hint's text, maybe leading to a declaration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The text.
    pub text: String,
    /// Where it leads.
    pub target: Option<Span>,
}

/// A hint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// The byte in front of which it stands.
    pub at: usize,
    /// Its text.
    pub parts: Vec<Part>,
    /// What it tells.
    pub kind: HintKind,
    /// The longer text of a tooltip.
    pub tooltip: String,
    /// What writes it into the text, where it can be written.
    pub insert: Option<String>,
}

/// The hints of the entry in a range.
pub fn hints(analysis: &Analysis, range: Span) -> Vec<Hint> {
    let snapshot = &*analysis.snapshot;
    let inside = |span: Span| span.file == snapshot.entry() && span.start <= range.end && range.start <= span.end;
    let written = Written::of(snapshot);
    let facts = analysis.learned.facts.iter().filter(|f| inside(f.span));
    let mut hints: Vec<Hint> = facts.filter_map(|fact| of_fact(snapshot, fact, &written)).collect();
    hints.extend(parameter_names(snapshot, range));
    hints.sort_by_key(|hint| (hint.at, hint.kind == HintKind::Parameter));
    hints
}

/// What the text says already.
#[derive(Default)]
struct Written {
    /// Names of `let`s that stand alone and have no type.
    bare: BTreeSet<Span>,
    /// Values of `let`s: what they give is told at the name.
    values: BTreeSet<Span>,
}

impl Written {
    fn of(snapshot: &Snapshot) -> Written {
        let mut written = Written::default();
        let Some(tree) = snapshot.tree(snapshot.entry()) else { return written };
        visit_file(tree, &mut |node| {
            if let Node::Line(line) = node
                && let LineKind::Let { pattern, ty: None, value } = &line.kind
            {
                written.values.insert(value.span);
                if let Pattern::Name(name) = pattern {
                    written.bare.insert(name.span);
                }
            }
            true
        });
        written
    }
}

fn is_type(text: &str) -> bool {
    ["f32", "f16", "bf16", "i32", "u8", "bool"].iter().any(|t| text == *t || text.starts_with(&format!("{t}[")))
        || text.starts_with("(") && text.contains('[')
}

fn of_fact(snapshot: &Snapshot, fact: &Fact, written: &Written) -> Option<Hint> {
    let name = || snapshot.text_at(fact.span).to_string();
    match fact.kind {
        FactKind::Let if is_type(&fact.text) => {
            // Sizes that have no name in the text cannot be written.
            let can_be_written = written.bare.contains(&fact.span) && !fact.text.contains(['?', '(']) && !fact.text.contains(".0");
            Some(Hint {
                at: fact.span.end as usize,
                parts: linked(snapshot, fact, ": "),
                kind: HintKind::Shape,
                tooltip: format!("`{}` is `{}`, as the check infers it.", name(), fact.text),
                insert: can_be_written.then(|| format!(": {}", fact.text)),
            })
        }
        FactKind::Stage | FactKind::LayerCall if is_type(&fact.text) && !written.values.contains(&fact.span) => Some(Hint {
            at: fact.span.end as usize,
            parts: linked(snapshot, fact, ""),
            kind: HintKind::Shape,
            tooltip: format!("`{}` gives `{}` here.", name(), fact.text),
            insert: None,
        }),
        FactKind::LeftOut => {
            let text = snapshot.text_at(fact.span);
            let (at, before, after) = match text.ends_with(')') {
                true if text.ends_with("()") => (fact.span.end as usize - 1, "", ""),
                true => (fact.span.end as usize - 1, ", ", ""),
                false => (fact.span.end as usize, "(", ")"),
            };
            let parts = [(before, None), (fact.text.as_str(), fact.about), (after, None)];
            let parts =
                parts.into_iter().filter(|(text, _)| !text.is_empty()).map(|(text, target)| Part { text: text.to_string(), target });
            Some(Hint {
                at,
                parts: parts.collect(),
                kind: HintKind::Parameter,
                tooltip: format!("Left out, and inferred from use: `{}`.", fact.text),
                insert: (!fact.text.contains('?')).then(|| format!("{before}{}{after}", fact.text)),
            })
        }
        _ => None,
    }
}

/// The text of a shape with its dims leading to where they are bound.
fn linked(snapshot: &Snapshot, fact: &Fact, before: &str) -> Vec<Part> {
    let item = super::surroundings::item_at(snapshot, fact.span.start as usize).map(|(position, _)| position);
    let declared = |name: &str| {
        let dims = snapshot.index().definitions().filter(|(_, d)| d.name == name && Some(d.item) == item && d.span.file == fact.span.file);
        let mut dims =
            dims.filter(|(_, d)| matches!(d.kind, DefinitionKind::Local(LocalKind::Dim | LocalKind::Dims | LocalKind::Parameter { .. })));
        dims.next().map(|(_, d)| d.span)
    };
    let mut parts: Vec<Part> = vec![];
    let mut plain = before.to_string();
    let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut rest = fact.text.as_str();
    while let Some(first) = rest.chars().next() {
        let end = if is_letter(first) { rest.find(|c| !is_letter(c)).unwrap_or(rest.len()) } else { first.len_utf8() };
        let (piece, after) = rest.split_at(end);
        match declared(piece) {
            Some(target) => {
                if !plain.is_empty() {
                    parts.push(Part { text: std::mem::take(&mut plain), target: None });
                }
                parts.push(Part { text: piece.to_string(), target: Some(target) });
            }
            None => plain.push_str(piece),
        }
        rest = after;
    }
    if !plain.is_empty() {
        parts.push(Part { text: plain, target: None });
    }
    parts
}

/// The parameters that literal arguments are for.
fn parameter_names(snapshot: &Snapshot, range: Span) -> Vec<Hint> {
    let mut hints = vec![];
    let Some(tree) = snapshot.tree(snapshot.entry()) else { return hints };
    visit_file(tree, &mut |node| {
        let span = node.span();
        match node {
            Node::Expr(Expr { kind: ExprKind::Pipe(_, into), .. }) => {
                if let ExprKind::Call { callee, args } = &into.kind {
                    of_call(snapshot, callee, args, true, &mut hints);
                }
            }
            Node::Expr(Expr { kind: ExprKind::Call { callee, args }, .. }) => of_call(snapshot, callee, args, false, &mut hints),
            _ => {}
        }
        span.start <= range.end && range.start <= span.end
    });
    // A call behind `|>` is seen as such first.
    let mut seen = BTreeSet::new();
    hints.retain(|hint: &Hint| seen.insert(hint.at) && range.start as usize <= hint.at && hint.at <= range.end as usize);
    hints
}

fn of_call(snapshot: &Snapshot, callee: &Expr, args: &[Arg], is_piped: bool, hints: &mut Vec<Hint>) {
    let ExprKind::Name(name) = &callee.kind else { return };
    let names: Vec<(String, Option<Span>)> = match snapshot.index().meaning(callee.span) {
        Some(id) => match callable(snapshot, snapshot.index().definition(id)) {
            Some(callable) => callable.params.iter().map(|p| (p.name.text.clone(), Some(p.name.span))).collect(),
            None => return,
        },
        None => match BUILTINS.iter().find(|b| b.name == name) {
            Some(builtin) => parameters(builtin.signature).into_iter().map(|(name, _)| (name.to_string(), None)).collect(),
            None => return,
        },
    };
    // One parameter needs no name.
    if names.len() - usize::from(is_piped && !names.is_empty()) < 2 {
        return;
    }
    let positional = args.iter().take_while(|a| a.name.is_none());
    for (arg, (name, target)) in positional.zip(names.iter().skip(usize::from(is_piped))) {
        if is_literal(&arg.value) {
            hints.push(Hint {
                at: arg.value.span.start as usize,
                parts: vec![Part { text: format!("{name} ="), target: *target }],
                kind: HintKind::Parameter,
                tooltip: format!("This is for the parameter `{name}`."),
                insert: None,
            });
        }
    }
}

/// Whether an expression does not say itself what it is.
fn is_literal(e: &Expr) -> bool {
    match &e.kind {
        ExprKind::Int(_) | ExprKind::Float { .. } | ExprKind::Bool(_) | ExprKind::Str(_) => true,
        ExprKind::Unary(_, inner) | ExprKind::Paren(inner) => is_literal(inner),
        ExprKind::Binary { left, right, .. } => is_literal(left) && is_literal(right),
        _ => false,
    }
}
