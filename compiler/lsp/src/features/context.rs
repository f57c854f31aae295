//! What may stand at a place that is being written, read off the tokens before it: the text there is seldom whole.
use super::surroundings::item_at;
use super::words::Position;
use crate::snapshot::Snapshot;
use esper_grammar::ast::ItemKind;
use esper_grammar::{TokenKind, tokens};
use std::ops::Range;

/// What may stand at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Context {
    /// Nothing that is known: a comment, a text, a name that is being declared.
    Nothing,
    /// A module behind `use`; what is written of it.
    Module(String),
    /// A name in the braces of a `use` of this module.
    Import(String),
    /// A part of what this name is.
    Member(String),
    /// A policy, or an experiment, to derive from.
    Origin(Position),
    /// The beginning of an item or of a line of some body; in code also an expression.
    Line(Position),
    /// A type.
    Type,
    /// A size in the brackets of a type.
    Size,
    /// A condition in a rule of a policy.
    Condition,
    /// A value; `is_piped`: behind `|>`.
    Expression {
        /// Whether a value is piped into it.
        is_piped: bool,
    },
}

/// A place that is being written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Writing {
    /// What may stand there.
    pub context: Context,
    /// The bytes of the word that is being written, up to its end.
    pub word: Range<usize>,
}

/// The token before a place, and those before it.
struct Before<'t> {
    text: &'t str,
    tokens: Vec<(Range<usize>, TokenKind)>,
}

impl Before<'_> {
    fn text(&self, back: usize) -> &str {
        self.tokens.len().checked_sub(back + 1).map_or("", |i| &self.text[self.tokens[i].0.clone()])
    }
    /// The words and signs of the line that a place stands in, up to it.
    fn of_line(&self, start: usize) -> Vec<&str> {
        let line = self.text[..start].rfind('\n').map_or(0, |at| at + 1);
        self.tokens.iter().filter(|(range, _)| line <= range.start).map(|(range, _)| &self.text[range.clone()]).collect()
    }
    /// The brackets that are open, outermost first: their positions among the tokens.
    fn open(&self, from: usize) -> Vec<usize> {
        let mut open = vec![];
        for (i, (range, kind)) in self.tokens.iter().enumerate().filter(|(_, (range, _))| from <= range.start) {
            match (kind, &self.text[range.clone()]) {
                (TokenKind::Sign, "(" | "[" | "{") => open.push(i),
                (TokenKind::Sign, ")" | "]" | "}") => drop(open.pop()),
                _ => {}
            }
        }
        open
    }
    fn at(&self, i: usize) -> &str {
        &self.text[self.tokens[i].0.clone()]
    }
}

const ELEMENT_TYPES: [&str; 6] = ["f32", "f16", "bf16", "i32", "u8", "bool"];

/// What is being written at a byte.
pub fn writing(snapshot: &Snapshot, offset: usize) -> Writing {
    let text = snapshot.text(snapshot.entry());
    let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let start = text[..offset].rfind(|c| !is_letter(c)).map_or(0, |at| at + text[at..].chars().next().map_or(1, char::len_utf8));
    let end = text[offset..].find(|c| !is_letter(c)).map_or(text.len(), |at| offset + at);
    let all = tokens(text);
    let in_text = |(range, kind): &(Range<usize>, TokenKind)| match kind {
        TokenKind::Comment | TokenKind::Doc | TokenKind::FileDoc => range.start < offset && offset <= range.end,
        TokenKind::String => range.start < offset && offset < range.end,
        TokenKind::Int | TokenKind::Float => range.start < offset && offset <= range.end,
        _ => false,
    };
    let word = start..end;
    if all.iter().any(in_text) {
        return Writing { context: Context::Nothing, word };
    }
    let is_read = |(range, kind): &(Range<usize>, TokenKind)| {
        range.end <= start && !range.is_empty() && !matches!(kind, TokenKind::Comment | TokenKind::Doc | TokenKind::FileDoc)
    };
    let before = Before { text, tokens: all.into_iter().filter(is_read).collect() };
    let context = context(snapshot, &before, start);
    Writing { context, word }
}

fn context(snapshot: &Snapshot, before: &Before, start: usize) -> Context {
    let line = before.of_line(start);
    if line.first() == Some(&"use") {
        return of_use(&line[1..]);
    }
    let item = item_at(snapshot, start).map(|(_, item)| item);
    let kind = item.map(|item| &item.kind);
    let open = before.open(item.map_or(0, |item| item.span.start as usize));
    if before.text(0) == "." {
        // A number with a point is none of it, a signal of a policy is.
        let base: Vec<&str> = [before.text(1)].into_iter().filter(|t| t.starts_with(|c: char| c.is_ascii_alphabetic())).collect();
        return base.first().map_or(Context::Nothing, |base| Context::Member(base.to_string()));
    }
    let innermost = open.last().map(|i| before.at(*i));
    if line.is_empty() && matches!(innermost, None | Some("{")) && !matches!(before.text(0), "|>" | "=" | ":=" | "," | "(" | "[") {
        return Context::Line(position_of_line(before, kind, &open));
    }
    match line[..] {
        ["policy", _, .., "from"] => return Context::Origin(Position::Policy),
        ["train", _, .., "from"] => return Context::Origin(Position::Train),
        ["blueprint" | "optimizer" | "policy" | "train" | "fn" | "grad" | "const" | "layer" | "slot" | "param" | "state" | "let"] => {
            return Context::Nothing;
        }
        [.., "as"] => return Context::Nothing,
        _ => {}
    }
    let declares = |i: usize| i > 0 && is_signature(before, i - 1);
    match (before.text(0), innermost, open.last()) {
        ("->", ..) => Context::Type,
        (":", Some("["), _) => Context::Expression { is_piped: false },
        (":", ..) => Context::Type,
        ("," | "(", Some("("), Some(at)) if declares(*at) => Context::Nothing,
        (_, Some("["), Some(at)) if *at > 0 && ELEMENT_TYPES.contains(&before.at(*at - 1)) => Context::Size,
        ("|>", ..) => Context::Expression { is_piped: true },
        _ if matches!(kind, Some(ItemKind::Policy(_))) && line.contains(&"when") => Context::Condition,
        _ => Context::Expression { is_piped: false },
    }
}

/// Whether the name at a token declares what the bracket behind it lists: `fn f(`, `forward(`.
fn is_signature(before: &Before, name: usize) -> bool {
    let declares = |i: usize| ["fn", "grad", "blueprint", "optimizer"].contains(&before.at(i));
    matches!(before.at(name), "forward" | "update") || name > 0 && declares(name - 1)
}

fn of_use(line: &[&str]) -> Context {
    if let Some(brace) = line.iter().position(|t| *t == "{") {
        let module: String = line[..brace].concat().trim_end_matches('.').to_string();
        let is_name = matches!(line.last(), Some(&"{" | &","));
        return if is_name { Context::Import(module) } else { Context::Nothing };
    }
    match line.last() {
        None => Context::Module(String::new()),
        Some(&".") => Context::Module(line.concat()),
        Some(_) => Context::Nothing,
    }
}

/// What a line begins, by the braces that are open.
fn position_of_line(before: &Before, kind: Option<&ItemKind>, open: &[usize]) -> Position {
    let braces: Vec<usize> = open.iter().copied().filter(|i| before.at(*i) == "{").collect();
    match (kind, braces.len()) {
        (_, 0) | (None, _) => Position::Item,
        (Some(ItemKind::Blueprint(_)), 1) => Position::Blueprint,
        (Some(ItemKind::Optimizer(_)), 1) => Position::Optimizer,
        (Some(ItemKind::Train(_)), _) => Position::Train,
        (Some(ItemKind::Policy(_)), _) => Position::Policy,
        _ => Position::Code,
    }
}
