//! Tokens as data, for `--emit tokens` and for editors' colours.
use crate::layout::layout;
use crate::token::{Token, lex};
use std::ops::Range;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// A name.
    Name,
    /// A word of the language, also where it is used as a name.
    Word,
    /// A whole number.
    Int,
    /// A number with a point or an exponent.
    Float,
    /// A string, closed or not.
    String,
    /// `+`, `(`, `->` …
    Sign,
    /// `//`.
    Comment,
    /// `///`.
    Doc,
    /// `//!`.
    FileDoc,
    /// Written by the layout step: the end of a statement; an empty range.
    Newline,
    /// Written by the layout step: the start of the next item; an empty range.
    NextItem,
    /// Written by the layout step: a bracket that was left open is closed here; an empty range.
    Closer,
    /// No token of the language.
    Unknown,
}

/// All tokens with their bytes, comments and what the layout step writes included, in the order of the text.
pub fn tokens(text: &str) -> Vec<(Range<usize>, TokenKind)> {
    let raw = lex(text);
    let (laid_out, _) = layout(text, &raw);
    let written = laid_out.iter().filter(|t| t.0 == t.2).map(|t| (t.0..t.2, kind(&t.1, true)));
    let mut all: Vec<_> = written.chain(raw.iter().map(|t| (t.0..t.2, kind(&t.1, false)))).collect();
    // what is written at the end of a token comes behind it: it begins later
    all.sort_by_key(|(range, _)| (range.start, range.end));
    all
}

fn kind(token: &Token, written: bool) -> TokenKind {
    use Token::*;
    match token {
        Comment(_) => TokenKind::Comment,
        Doc(_) => TokenKind::Doc,
        FileDoc(_) => TokenKind::FileDoc,
        Identifier(_) => TokenKind::Name,
        Int(_) => TokenKind::Int,
        Float(_) => TokenKind::Float,
        String(_) | OpenString(_) => TokenKind::String,
        Newline => TokenKind::Newline,
        NextItem => TokenKind::NextItem,
        Unknown(_) => TokenKind::Unknown,
        RightBrace | RightParen | RightBracket if written => TokenKind::Closer,
        LeftBrace | RightBrace | LeftParen | RightParen | LeftBracket | RightBracket | Comma | Colon | Semicolon | Equals | Assign
        | Arrow | Pipe | Dot | DotDot | Plus | Minus | Star | Slash | Percent | At | Caret | Equal | NotEqual | Less | Greater
        | LessEqual | GreaterEqual => TokenKind::Sign,
        _ => TokenKind::Word,
    }
}

#[cfg(test)]
mod tests {
    use super::{TokenKind::*, tokens};

    #[test]
    fn what_the_layout_step_writes_is_shown_in_its_place() {
        let kinds = |text: &str| tokens(text).into_iter().map(|t| t.1).collect::<Vec<_>>();
        assert_eq!(
            kinds("const A = (1 // x\nconst B = 2.0"),
            [Word, Name, Sign, Sign, Int, Closer, NextItem, Comment, Word, Name, Sign, Float]
        );
        assert_eq!(kinds("grad f() {\n    a\n    b\n}"), [Word, Name, Sign, Sign, Sign, Name, Newline, Name, Sign]);
    }
}
