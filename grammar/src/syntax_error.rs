//! What is wrong with a text, in the user's words.
use crate::construct::Failure;
use crate::layout::{DEEPEST, LayoutProblem, Proof};
use crate::token::{Spanned, Token};
use esper_diagnostics::{Diagnostic, FileId, Span, nearest};
use lalrpop_util::ParseError;

/// The text that a message is about.
pub(crate) struct Scene<'a> {
    file: FileId,
    text: &'a str,
    /// All tokens but comments.
    tokens: Vec<Spanned<'a>>,
    line_starts: Vec<usize>,
    /// Where items begin in the first column, in order.
    item_starts: Vec<usize>,
}

impl<'a> Scene<'a> {
    pub(crate) fn new(file: FileId, text: &'a str, raw: &[Spanned<'a>]) -> Scene<'a> {
        let tokens: Vec<Spanned> = raw.iter().filter(|t| !matches!(t.1, Token::Comment(_))).cloned().collect();
        let line_starts: Vec<usize> = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let first_column = |at: &usize| line_starts.binary_search(at).is_ok();
        let item_starts = tokens.iter().filter(|t| t.1.starts_item()).map(|t| t.0).filter(first_column).collect();
        Scene { file, text, tokens, line_starts, item_starts }
    }

    /// The line of a byte, from 0.
    pub(crate) fn line(&self, at: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= at) - 1
    }

    fn span(&self, range: std::ops::Range<usize>) -> Span {
        Span::new(self.file, range.start, range.end)
    }

    fn written(&self, range: std::ops::Range<usize>) -> &'a str {
        &self.text[range]
    }

    /// The last token that begins before a place.
    fn before(&self, at: usize) -> Option<&Spanned<'a>> {
        self.tokens.partition_point(|t| t.0 < at).checked_sub(1).map(|index| &self.tokens[index])
    }

    /// The first token that begins at or behind a place.
    fn from(&self, at: usize) -> Option<&Spanned<'a>> {
        self.tokens.get(self.tokens.partition_point(|t| t.0 < at))
    }

    /// Whether an item begins in the first column between two places.
    pub(crate) fn item_between(&self, start: usize, end: usize) -> bool {
        let next = self.item_starts.partition_point(|at| *at <= start);
        self.item_starts.get(next).is_some_and(|at| *at < end)
    }

    /// The spaces in front of the line that a place is on.
    fn indentation(&self, at: usize) -> &'a str {
        let line = &self.text[self.line_starts[self.line(at)]..];
        &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
    }
}

/// Where the parser gave up.
pub(crate) fn place(failure: &Failure) -> usize {
    match failure {
        ParseError::UnrecognizedToken { token, .. } | ParseError::ExtraToken { token } => token.0,
        ParseError::UnrecognizedEof { location, .. } | ParseError::InvalidToken { location } => *location,
        ParseError::User { error } => match *error {},
    }
}

/// Where the parser gave up for want of a `{`.
pub(crate) fn missing_brace(failure: &Failure) -> Option<usize> {
    match failure {
        ParseError::UnrecognizedToken { expected, .. } | ParseError::UnrecognizedEof { expected, .. } => {
            expected.iter().any(|t| t == "\"{\"").then(|| place(failure))
        }
        _ => None,
    }
}

/// The tokens that are none: unknown characters and unclosed strings.
pub(crate) fn of_tokens(scene: &Scene) -> Vec<Diagnostic> {
    let found = scene.tokens.iter().filter_map(|(start, token, end)| match token {
        Token::Unknown(text) => Some(unknown(scene.span(*start..*end), text)),
        Token::OpenString(text) => {
            let span = scene.span(*start..*end);
            let label = "this string is not closed on its line";
            Some(Diagnostic::error("E0005", "unclosed string", span, label).edit("insert `\"`", span.after(), closing_quote(text)))
        }
        _ => None,
    });
    found.collect()
}

/// A lone backslash at the end would escape the quote.
fn closing_quote(text: &str) -> &'static str {
    let backslashes = text.len() - text.trim_end_matches('\\').len();
    if backslashes % 2 == 1 { "\\\"" } else { "\"" }
}

fn unknown(span: Span, text: &str) -> Diagnostic {
    const WORDS: [(&str, &str); 4] = [("&&", "and"), ("||", "or"), ("!", "not "), ("&", "and")];
    let named = if text.chars().count() > 8 { "these characters".to_string() } else { format!("`{text}`") };
    let diagnostic = Diagnostic::error("E0003", format!("{named} means nothing here"), span, "not part of the language");
    if let Some((_, word)) = WORDS.iter().find(|(sign, _)| *sign == text) {
        return diagnostic.edit(format!("replace by `{}`", word.trim()), span, *word);
    }
    match text.chars().next() {
        Some('#') => diagnostic.help("a comment begins with `//`"),
        Some('\'' | '“' | '”' | '‘' | '’') => diagnostic.help("strings stand in straight double quotes: `\"…\"`"),
        Some('×' | '·') => diagnostic.edit("replace by `*`", span, "*"),
        Some('−' | '–') => diagnostic.edit("replace by `-`", span, "-"),
        Some('→') => diagnostic.edit("replace by `->`", span, "->"),
        Some('≤') => diagnostic.edit("replace by `<=`", span, "<="),
        Some('≥') => diagnostic.edit("replace by `>=`", span, ">="),
        Some('≠') => diagnostic.edit("replace by `!=`", span, "!="),
        Some(other) if other.is_alphabetic() => diagnostic.help("names are made of the letters a to z, digits and `_`"),
        _ => diagnostic,
    }
}

/// Brackets, semicolons and depth.
pub(crate) fn of_layout(scene: &Scene, problem: LayoutProblem) -> Diagnostic {
    match problem {
        LayoutProblem::Unclosed { openers, proof, at, inside_end } => unclosed(scene, &openers, proof, at, inside_end),
        LayoutProblem::Stray(at, token) => {
            let bracket = sign(&token);
            let span = scene.span(at..at + 1);
            Diagnostic::error("E0002", format!("`{bracket}` closes nothing"), span, "no bracket is open for it here").edit(
                format!("remove `{bracket}`"),
                span,
                "",
            )
        }
        LayoutProblem::Semicolon(at) => semicolon(scene, at),
        LayoutProblem::TooDeep(at) => {
            let span = scene.span(at..scene.from(at).map_or(at, |t| t.2));
            Diagnostic::error("E0007", format!("this is nested more than {DEEPEST} levels deep"), span, "too deep from here on")
        }
    }
}

fn unclosed(scene: &Scene, openers: &[(usize, Token)], proof: Proof, at: std::ops::Range<usize>, inside_end: usize) -> Diagnostic {
    let (outermost, first) = &openers[openers.len() - 1];
    let bracket = sign(first);
    let word = scene.written(at.clone());
    let label = match proof {
        Proof::Declaration => format!("`{word}` begins a new line, so the `{bracket}` above is never closed"),
        Proof::Item => format!("`{word}` begins a new item, so the `{bracket}` above is never closed"),
        Proof::Closer => format!("`{word}` closes a bracket further out, so the `{bracket}` before is never closed"),
        Proof::End => format!("the file ends, so the `{bracket}` is never closed"),
    };
    let mut diagnostic = Diagnostic::error("E0001", format!("unclosed `{bracket}`"), scene.span(at), label);
    for (start, _) in openers.iter().rev().take(MOST_LABELS) {
        diagnostic = diagnostic.label(scene.span(*start..*start + 1), "opened here");
    }
    // braces are closed on lines of their own, where the bracket's line begins
    let mut text = String::new();
    let mut title = String::new();
    for (start, token) in openers {
        let closer = sign(&token.closer());
        if *token == Token::LeftBrace {
            text.push('\n');
            text.push_str(scene.indentation(*start));
        }
        text.push_str(closer);
        title.push_str(closer);
    }
    if openers.len() > MOST_LABELS {
        return diagnostic;
    }
    let insert = inside_end.max(*outermost + 1);
    diagnostic.edit(format!("insert `{title}`"), scene.span(insert..insert), text)
}

/// How many unclosed brackets one message shows.
const MOST_LABELS: usize = 4;

fn semicolon(scene: &Scene, at: usize) -> Diagnostic {
    let diagnostic = |label: &str| Diagnostic::error("E0006", "a semicolon between statements", scene.span(at..at + 1), label);
    let next = scene.from(at + 1);
    match next {
        Some((start, token, _)) if scene.line(*start) == scene.line(at) && *token != Token::RightBrace => {
            let text = format!("\n{}", scene.indentation(at));
            diagnostic("statements are separated by new lines").edit("replace by a new line", scene.span(at..*start), text)
        }
        _ => diagnostic("a new line ends the statement already").edit("remove `;`", scene.span(at..at + 1), "").certain(),
    }
}

/// Where the parser gave up; `None` where another message says it better.
pub(crate) fn of_parser(scene: &Scene, failure: Failure) -> Option<Diagnostic> {
    let (start, token, end, expected) = match failure {
        ParseError::UnrecognizedToken { token: (start, token, end), expected } => (start, Some(token), end, expected),
        ParseError::UnrecognizedEof { location, expected } => (location, None, location, expected),
        ParseError::ExtraToken { token: (start, token, end) } => (start, Some(token), end, vec![]),
        ParseError::InvalidToken { location } => (location, None, location, vec![]),
        ParseError::User { error } => match error {},
    };
    let expected = Expected(expected);
    let written_by_layout = start == end;
    match &token {
        Some(Token::Unknown(_)) => return None,
        Some(Token::RightBrace | Token::RightParen | Token::RightBracket) if written_by_layout => return None,
        Some(Token::Newline) if expected.has("next") => {
            // between items: what is wrong is the line that follows
            let first = scene.tokens.partition_point(|t| t.0 < start);
            let documented = scene.tokens[first..].iter().find(|t| !matches!(t.1, Token::Doc(_)));
            return Some(match (documented, scene.tokens.get(first)?) {
                (Some((start, token, end)), _) => outside(scene, *start..*end, token),
                (None, (start, _, end)) => Diagnostic::error("E0013", DANGLING, scene.span(*start..*end), "no item follows"),
            });
        }
        Some(found) if expected.has("\"blueprint\"") && expected.has("\"const\"") && !found.starts_item() => {
            return Some(match found {
                Token::NextItem => Diagnostic::error("E0013", DANGLING, scene.span(start..end), "no item follows"),
                found => outside(scene, start..end, found),
            });
        }
        _ => {}
    }
    let found = Found { scene, start, end, token: token.filter(|_| !written_by_layout) };
    Some(found.unexpected(&expected))
}

const DANGLING: &str = "this documentation belongs to nothing";

/// A line that no item holds.
fn outside(scene: &Scene, at: std::ops::Range<usize>, token: &Token) -> Diagnostic {
    const ITEMS: [&str; 8] = ["use", "const", "fn", "grad", "blueprint", "optimizer", "policy", "train"];
    let span = scene.span(at.clone());
    let word = scene.written(at);
    if matches!(token, Token::FileDoc(_)) {
        return misplaced_file_doc(span);
    }
    if token.starts_item() {
        return Diagnostic::error("E0004", format!("expected a name after {}", quoted(word)), span, "what it declares has no name");
    }
    let diagnostic = Diagnostic::error("E0012", format!("{} stands outside of any item", quoted(word)), span, "expected an item here");
    let other = match word {
        "def" | "func" | "function" => Some("fn"),
        "class" | "module" | "model" | "struct" => Some("blueprint"),
        "import" => Some("use"),
        _ => None,
    };
    match other.or_else(|| if matches!(token, Token::Identifier(_)) { nearest(word, ITEMS) } else { None }) {
        Some(item) => diagnostic.edit(format!("replace by `{item}`"), span, item),
        None => diagnostic.help("items begin with `use`, `const`, `fn`, `grad`, `blueprint`, `optimizer`, `policy` or `train`"),
    }
}

fn misplaced_file_doc(span: Span) -> Diagnostic {
    let slashes = Span { end: span.start + 3, ..span };
    let message = "`//!` documents the file, so it stands at its top";
    Diagnostic::error("E0013", message, span, "not at the top").edit("make it a comment, `//`", slashes, "//")
}

/// What the parser would have taken.
struct Expected(Vec<String>);

impl Expected {
    fn has(&self, token: &str) -> bool {
        self.0.iter().any(|t| t == token)
    }

    /// Whether a value may begin here.
    fn value(&self) -> bool {
        self.has("int")
    }

    /// A few words for what may stand here.
    fn words(&self) -> String {
        let mut words: Vec<String> = vec![];
        if self.value() {
            words.push("a value".into());
        } else if self.has("identifier") {
            words.push(if self.has("\"fn\"") { "a type" } else { "a name" }.into());
        }
        const SIGNS: [&str; 13] = ["{", "->", ":", "=", ")", "]", "}", "(", ",", "in", "from", "by", "if"];
        let signs = SIGNS.iter().filter(|sign| self.has(&format!("\"{sign}\"")));
        // where a value may begin, brackets and the words that are also names only make the list long
        let alone = words.is_empty();
        let telling = signs.filter(|sign| alone || matches!(**sign, ")" | "]" | "{" | "}"));
        words.extend(telling.map(|sign| format!("`{sign}`")).take(if alone { 3 } else { 1 }));
        if self.has("newline") || self.has("next") {
            words.push("the end of the line".into());
        }
        words.truncate(3);
        match words.split_last() {
            Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
            Some((last, _)) => last.clone(),
            None => "something else".into(),
        }
    }
}

/// What stands where the parser gave up. `token` is `None` at the end of a line or of the file.
struct Found<'s, 'a> {
    scene: &'s Scene<'a>,
    start: usize,
    end: usize,
    token: Option<Token<'a>>,
}

impl<'a> Found<'_, 'a> {
    fn unexpected(&self, expected: &Expected) -> Diagnostic {
        let span = self.scene.span(self.start..self.end);
        let previous = self.scene.before(self.start).filter(|t| self.scene.line(t.0) == self.scene.line(self.start));
        match &self.token {
            None if expected.has("\"{\"") => return self.missing_body(span),
            None if matches!(previous, Some((_, Token::Doc(_), _))) => {
                return Diagnostic::error("E0013", DANGLING, span, "no line follows that it could document");
            }
            Some(Token::Doc(_)) => {
                let slashes = Span { end: span.start + 3, ..span };
                return Diagnostic::error(
                    "E0013",
                    "`///` documents what stands below it, so it begins a line",
                    span,
                    "not at the start of a line",
                )
                .edit("replace by `//`", slashes, "//");
            }
            Some(Token::FileDoc(_)) => return misplaced_file_doc(span),
            Some(Token::RightBrace) if matches!(previous, Some((_, Token::Doc(_), _))) || self.after_doc() => {
                return Diagnostic::error("E0013", DANGLING, span, "no line follows that it could document");
            }
            _ => {}
        }
        let ends = previous.is_some_and(|t| t.1.can_end_statement());
        if let (Some(token), Some(previous)) = (&self.token, previous)
            && ends
            && (expected.has("newline") || expected.has("next"))
            && begins_statement(token)
        {
            return self.two_statements(span, previous);
        }
        let place = match previous {
            Some((start, _, end)) => format!(" after {}", quoted(self.scene.written(*start..*end))),
            None => String::new(),
        };
        let label = match &self.token {
            Some(_) if self.is_reserved() && expected.has("identifier") => {
                format!("{} is a word of the language, so it cannot be a name", quoted(self.word()))
            }
            Some(_) => format!("found {}", quoted(self.word())),
            None if self.start >= self.scene.text.trim_end().len() => "the file ends here".to_string(),
            None => "the line ends here".to_string(),
        };
        let diagnostic = Diagnostic::error("E0004", format!("expected {}{place}", expected.words()), span, label);
        match (&self.token, previous.map(|t| &t.1)) {
            (Some(Token::Equals), _) if ends && expected.has("\"{\"") => diagnostic.edit("compare with `==`", span, "=="),
            (Some(Token::Star), Some(Token::Star)) => diagnostic.help("`^` raises to a power: `x ^ 2`"),
            (Some(Token::Equals), Some(Token::Plus | Token::Minus | Token::Star | Token::Slash)) => {
                diagnostic.help("write the operation in full: `x = x + y`")
            }
            _ => diagnostic,
        }
    }

    fn word(&self) -> &'a str {
        self.scene.written(self.start..self.end)
    }

    fn is_reserved(&self) -> bool {
        self.word().starts_with(|c: char| c.is_ascii_alphabetic()) && !matches!(self.token, Some(Token::Identifier(_)))
    }

    fn after_doc(&self) -> bool {
        matches!(self.scene.before(self.start), Some((_, Token::Doc(_), _)))
    }

    /// The line ends where a body has to begin.
    fn missing_body(&self, span: Span) -> Diagnostic {
        let line = self.scene.line_starts[self.scene.line(self.start)];
        let word = self.scene.from(line).map_or("", |t| self.scene.written(t.0..t.2));
        Diagnostic::error("E0010", format!("{} without a body", quoted(word)), span, "expected `{` here")
            .help("a body stands in braces: `{ … }`")
    }

    fn two_statements(&self, span: Span, previous: &Spanned) -> Diagnostic {
        let before = self.scene.written(previous.0..previous.2);
        let text = format!("\n{}", self.scene.indentation(self.start));
        let diagnostic = Diagnostic::error("E0006", "two statements on one line", span, "statements are separated by new lines");
        match before {
            "return" => diagnostic.help("there is no `return`: the last expression of a body is its value").edit(
                "remove `return`",
                self.scene.span(previous.0..self.start),
                "",
            ),
            "var" | "val" | "def" => diagnostic.edit("replace by `let`", self.scene.span(previous.0..previous.2), "let"),
            _ => diagnostic.edit("begin a new line", self.scene.span(previous.2..self.start), text),
        }
    }
}

fn begins_statement(token: &Token) -> bool {
    use Token::*;
    token.is_name()
        || token.starts_declaration()
        || matches!(token, Int(_) | Float(_) | String(_) | True | False | If | For | Not | LeftParen)
}

/// A bracket as it is written.
fn sign(token: &Token) -> &'static str {
    match token {
        Token::LeftBrace => "{",
        Token::RightBrace => "}",
        Token::LeftParen => "(",
        Token::RightParen => ")",
        Token::LeftBracket => "[",
        _ => "]",
    }
}

/// Text of the user between backticks, cut where it is long.
fn quoted(text: &str) -> String {
    const LONGEST: usize = 30;
    match text.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("`{}…`", &text[..cut]),
        None => format!("`{text}`"),
    }
}
