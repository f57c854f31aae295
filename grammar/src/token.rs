//! Text to tokens. Lexing never fails: what is no token becomes `Unknown`, a string without its end becomes `OpenString`.
use logos::Logos;

/// One token of the text, or one that the layout step writes.
#[derive(Logos, Clone, Debug, PartialEq)]
#[logos(skip r"[ \t\r\n\f]+")]
#[rustfmt::skip]
pub(crate) enum Token<'a> {
    #[regex(r"//[^\n]*", |l| l.slice(), allow_greedy = true, priority = 2)] Comment(&'a str),
    #[regex(r"///([^/\n][^\n]*)?", |l| l.slice(), allow_greedy = true, priority = 6)] Doc(&'a str),
    #[regex(r"//![^\n]*", |l| l.slice(), allow_greedy = true, priority = 6)] FileDoc(&'a str),
    #[regex("[A-Za-z_][A-Za-z0-9_]*", |l| l.slice())] Identifier(&'a str),
    #[regex(r"[0-9][0-9_]*", |l| l.slice())] Int(&'a str),
    #[regex(r"[0-9][0-9_]*\.[0-9][0-9_]*([eE][+-]?[0-9]+)?", |l| l.slice())]
    #[regex(r"[0-9][0-9_]*[eE][+-]?[0-9]+", |l| l.slice())] Float(&'a str),
    #[regex(r#""([^"\\\n]|\\[^\n])*""#, |l| l.slice(), priority = 20)] String(&'a str),
    /// A string that its line ends before its closing quote.
    #[regex(r#""([^"\\\n]|\\[^\n])*\\?"#, |l| l.slice(), priority = 10)] OpenString(&'a str),
    // items
    #[token("use")] Use, #[token("const")] Const, #[token("fn")] Fn, #[token("grad")] Grad, #[token("blueprint")] Blueprint,
    #[token("optimizer")] Optimizer, #[token("policy")] Policy, #[token("train")] Train,
    // lines
    #[token("param")] Param, #[token("state")] State, #[token("layer")] Layer, #[token("slot")] Slot, #[token("forward")] Forward, #[token("update")] Update,
    #[token("grow")] Grow, #[token("require")] Require, #[token("let")] Let,
    // expressions
    #[token("if")] If, #[token("else")] Else, #[token("for")] For, #[token("true")] True, #[token("false")] False,
    #[token("and")] And, #[token("or")] Or, #[token("not")] Not,
    // words that are also ordinary names
    #[token("in")] In, #[token("from")] From, #[token("by")] By, #[token("as")] As, #[token("when")] When,
    #[token("{")] LeftBrace, #[token("}")] RightBrace, #[token("(")] LeftParen, #[token(")")] RightParen, #[token("[")] LeftBracket, #[token("]")] RightBracket,
    #[token(",")] Comma, #[token(":")] Colon, #[token(";")] Semicolon, #[token("=")] Equals, #[token(":=")] Assign, #[token("->")] Arrow, #[token("|>")] Pipe,
    #[token(".")] Dot, #[token("..")] DotDot, #[token("+")] Plus, #[token("-")] Minus, #[token("*")] Star, #[token("/")] Slash, #[token("%")] Percent,
    #[token("@")] At, #[token("^")] Caret, #[token("==")] Equal, #[token("!=")] NotEqual, #[token("<")] Less, #[token(">")] Greater, #[token("<=")] LessEqual, #[token(">=")] GreaterEqual,
    /// Written by the layout step: a new line that ends a statement.
    Newline,
    /// Written by the layout step: the start of the next item.
    NextItem,
    /// Text that is no token.
    Unknown(&'a str),
}

/// First byte, token, one past the last byte.
pub(crate) type Spanned<'a> = (usize, Token<'a>, usize);

/// All tokens of a text, comments too. A byte order mark in front is skipped, neighbouring unknown characters are one token.
pub(crate) fn lex(text: &str) -> Vec<Spanned<'_>> {
    let skipped = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let mut tokens: Vec<Spanned<'_>> = Vec::new();
    for (token, range) in Token::lexer(&text[skipped..]).spanned() {
        let (start, end) = (range.start + skipped, range.end + skipped);
        match token {
            Ok(token) => tokens.push((start, token, end)),
            Err(()) => match tokens.last_mut() {
                Some((first, Token::Unknown(whole), last)) if *last == start => {
                    *whole = &text[*first..end];
                    *last = end;
                }
                _ => tokens.push((start, Token::Unknown(&text[start..end]), end)),
            },
        }
    }
    tokens
}

impl<'a> Token<'a> {
    /// Whether the word begins an item when it stands first on a line.
    pub(crate) fn starts_item(&self) -> bool {
        use Token::*;
        matches!(self, Use | Const | Fn | Grad | Blueprint | Optimizer | Policy | Train)
    }

    /// Whether the word begins a statement when it stands first on a line, whatever the line before lacks.
    pub(crate) fn starts_declaration(&self) -> bool {
        use Token::*;
        matches!(self, Param | State | Layer | Slot | Forward | Update | Grow | Require | Let)
    }

    /// Whether a statement may end with this token.
    pub(crate) fn can_end_statement(&self) -> bool {
        use Token::*;
        match self {
            Identifier(_) | Int(_) | Float(_) | String(_) | OpenString(_) | Unknown(_) | True | False | RightBrace | RightParen
            | RightBracket => true,
            Fn => true, // the kind `fn`
            _ => self.is_name(),
        }
    }

    /// Whether the token can stand where a name is wanted: an identifier, or a word that stays usable as one.
    pub(crate) fn is_name(&self) -> bool {
        use Token::*;
        matches!(self, Identifier(_) | In | From | By | As | When | Blueprint | Optimizer | Policy | Train | Grad)
    }

    /// Whether a line that begins with this token goes on with the line above. `spaced`: a space follows it.
    pub(crate) fn goes_on(&self, spaced: bool) -> bool {
        use Token::*;
        match self {
            Minus => spaced, // `- y` goes on, `-y` is a new statement
            LeftBrace | RightBrace | RightParen | RightBracket | Comma | Colon | Semicolon | Equals | Assign | Arrow | Pipe | Dot
            | Plus | Star | Slash | Percent | At | Caret | Equal | NotEqual | Less | Greater | LessEqual | GreaterEqual | Else | And
            | Or => true,
            _ => false,
        }
    }

    /// The bracket that closes this one.
    pub(crate) fn closer(&self) -> Token<'a> {
        match self {
            Token::LeftBrace => Token::RightBrace,
            Token::LeftParen => Token::RightParen,
            _ => Token::RightBracket,
        }
    }
}
