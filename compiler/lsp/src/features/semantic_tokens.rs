//! What every name and word is, for colours that know the program.
use super::words;
use crate::snapshot::Snapshot;
use esper_check::builtins::BUILTINS;
use esper_check::names::{Definition, DefinitionKind, ItemClass, LocalKind};
use esper_diagnostics::Span;
use esper_grammar::ast::{Expr, ExprKind, ItemKind, LineKind};
use esper_grammar::{Node, TokenKind, tokens, visit_file};
use std::collections::BTreeMap;

/// The kinds of tokens, in the order of their numbers.
pub const TYPES: [&str; 13] = [
    "namespace",
    "type",
    "class",
    "parameter",
    "variable",
    "property",
    "function",
    "keyword",
    "comment",
    "string",
    "number",
    "operator",
    "typeParameter",
];
/// What else may be said of a token, by bit.
pub const MODIFIERS: [&str; 5] = ["declaration", "readonly", "defaultLibrary", "documentation", "modification"];

/// A token of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SemanticToken {
    /// Where it stands; within one line.
    pub span: Span,
    /// The number of its kind in [`TYPES`].
    pub kind: u32,
    /// Bits of [`MODIFIERS`].
    pub modifiers: u32,
}

const DECLARATION: u32 = 1;
const READONLY: u32 = 1 << 1;
const LIBRARY: u32 = 1 << 2;
const DOCUMENTATION: u32 = 1 << 3;
const MODIFICATION: u32 = 1 << 4;

fn number(kind: &str) -> u32 {
    TYPES.iter().position(|t| *t == kind).unwrap_or_default() as u32
}

/// The tokens of the entry in the order of the text.
pub fn semantic_tokens(snapshot: &Snapshot) -> Vec<SemanticToken> {
    let entry = snapshot.entry();
    let text = snapshot.text(entry);
    let written = Roles::of(snapshot);
    let mut found = vec![];
    for (range, kind) in tokens(text) {
        let span = Span::new(entry, range.start, range.end);
        let word = &text[range];
        let (kind, modifiers) = match kind {
            TokenKind::Comment => ("comment", 0),
            TokenKind::Doc | TokenKind::FileDoc => ("comment", DOCUMENTATION),
            TokenKind::Int | TokenKind::Float => ("number", 0),
            TokenKind::String => ("string", 0),
            TokenKind::Sign if word.chars().all(|c| !"(){}[],:;.".contains(c)) => ("operator", 0),
            TokenKind::Name | TokenKind::Word => match written.name(snapshot, span, word, kind) {
                Some(role) => role,
                None => continue,
            },
            _ => continue,
        };
        found.push(SemanticToken { span, kind: number(kind), modifiers });
    }
    found
}

/// What names are that the index does not know.
struct Roles {
    roles: BTreeMap<Span, (&'static str, u32)>,
}

impl Roles {
    fn of(snapshot: &Snapshot) -> Roles {
        let mut roles = BTreeMap::new();
        let Some(tree) = snapshot.tree(snapshot.entry()) else { return Roles { roles } };
        visit_file(tree, &mut |node| {
            match node {
                Node::Path(path) => path.names.iter().for_each(|n| {
                    roles.insert(n.span, ("namespace", 0));
                }),
                Node::Arg(arg) => arg.name.iter().for_each(|n| {
                    roles.insert(n.span, ("parameter", 0));
                }),
                Node::Expr(Expr { kind: ExprKind::Dot { name, .. }, .. }) => {
                    roles.insert(name.span, ("property", 0));
                }
                Node::Line(line) => match &line.kind {
                    LineKind::Set { target, .. } => {
                        roles.insert(target.span, ("property", MODIFICATION));
                    }
                    LineKind::Assign { target, .. } => {
                        roles.insert(target.span, ("variable", MODIFICATION));
                    }
                    LineKind::Rule { verb, .. } | LineKind::Section { name: verb, .. } => {
                        roles.insert(verb.span, ("keyword", 0));
                    }
                    _ => {}
                },
                _ => {}
            }
            true
        });
        for item in &tree.items {
            // A field of a section is one, not a name that gets a new value.
            if let ItemKind::Grad { name, .. } = &item.kind {
                roles.insert(name.span, ("function", DECLARATION));
            }
        }
        Roles { roles }
    }

    fn name(&self, snapshot: &Snapshot, span: Span, word: &str, kind: TokenKind) -> Option<(&'static str, u32)> {
        if let Some(id) = snapshot.index().meaning(span) {
            let definition = snapshot.index().definition(id);
            let (role, mut modifiers) = of_definition(definition);
            if definition.span == span {
                modifiers |= DECLARATION;
            }
            if self.roles.get(&span).is_some_and(|(_, m)| m & MODIFICATION != 0) {
                modifiers |= MODIFICATION;
            }
            if snapshot.file(definition.span.file).is_some_and(|f| f.module.starts_with("std.")) {
                modifiers |= LIBRARY;
            }
            return Some((role, modifiers));
        }
        if let Some(role) = self.roles.get(&span) {
            return Some(*role);
        }
        if kind == TokenKind::Word {
            return Some(("keyword", 0));
        }
        if BUILTINS.iter().any(|b| b.name == word) {
            return Some(("function", LIBRARY));
        }
        let known = words::find(word, &[words::Position::ElementType, words::Position::Kind])?;
        match known.position {
            words::Position::ElementType | words::Position::Kind => Some(("type", LIBRARY)),
            words::Position::Inside => Some(("variable", READONLY | LIBRARY)),
            _ => None,
        }
    }
}

fn of_definition(definition: &Definition) -> (&'static str, u32) {
    match definition.kind {
        DefinitionKind::Item(ItemClass::Const) => ("variable", READONLY),
        DefinitionKind::Item(ItemClass::Fn) => ("function", 0),
        DefinitionKind::Item(ItemClass::Blueprint | ItemClass::Optimizer | ItemClass::Policy) => ("class", 0),
        DefinitionKind::Item(ItemClass::Train) => ("variable", READONLY),
        DefinitionKind::Local(LocalKind::Input) => ("parameter", 0),
        DefinitionKind::Local(LocalKind::Parameter { .. }) => ("parameter", READONLY),
        DefinitionKind::Local(LocalKind::Dim | LocalKind::Dims) => ("typeParameter", 0),
        DefinitionKind::Local(LocalKind::Trained | LocalKind::State | LocalKind::Layer | LocalKind::Slot) => ("property", 0),
        DefinitionKind::Local(LocalKind::Let | LocalKind::Turn) => ("variable", 0),
    }
}

/// The one edit that turns numbers that were sent into those that hold now: where, how many go, what comes.
pub fn delta(before: &[u32], after: &[u32]) -> Option<(usize, usize, Vec<u32>)> {
    let same = before.iter().zip(after).take_while(|(a, b)| a == b).count();
    if same == before.len() && same == after.len() {
        return None;
    }
    let rest = before.len().min(after.len()) - same;
    let tail = before.iter().rev().zip(after.iter().rev()).take(rest).take_while(|(a, b)| a == b).count();
    Some((same, before.len() - same - tail, after[same..after.len() - tail].to_vec()))
}

#[cfg(test)]
mod tests {
    use super::delta;

    #[test]
    fn a_delta_leads_from_one_list_to_the_other() {
        let lists: [&[u32]; 6] = [&[], &[1], &[1, 2, 3], &[1, 3], &[1, 1, 1], &[1, 1]];
        for before in lists {
            for after in lists {
                let mut list = before.to_vec();
                match delta(before, after) {
                    Some((at, count, new)) => drop(list.splice(at..at + count, new)),
                    None => assert_eq!(before, after),
                }
                assert_eq!(list, after, "{before:?} to {after:?}");
            }
        }
    }
}
