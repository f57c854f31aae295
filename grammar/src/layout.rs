//! The step between lexer and parser: decides where a line ends a statement and where the next item begins, and closes
//! brackets that an unfinished line or item left open, so that the parser meets balanced text only.
use crate::token::{Spanned, Token};

/// What proves that a bracket is never closed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Proof {
    /// A bracket of another kind closes further out.
    Closer,
    /// A word at the start of a line that begins a statement.
    Declaration,
    /// A word in the first column that begins an item.
    Item,
    /// The end of the file.
    End,
}

/// What was wrong with brackets and statement ends. Places are byte offsets.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum LayoutProblem<'a> {
    /// Brackets without their closers, innermost first.
    Unclosed {
        /// The brackets.
        openers: Vec<(usize, Token<'a>)>,
        /// What proves it.
        proof: Proof,
        /// Where the proof stands.
        at: std::ops::Range<usize>,
        /// The end of the last token inside.
        inside_end: usize,
    },
    /// A closing bracket that closes nothing.
    Stray(usize, Token<'a>),
    /// A semicolon between or behind statements.
    Semicolon(usize),
    /// The tree would be deeper than [`DEEPEST`].
    TooDeep(usize),
}

impl LayoutProblem<'_> {
    /// From the outermost parenthesis or bracket that is not closed to what proves it.
    pub(crate) fn swallowed(&self) -> Option<std::ops::Range<usize>> {
        let LayoutProblem::Unclosed { openers, at, .. } = self else { return None };
        let (start, _) = openers.iter().rev().find(|(_, token)| *token != Token::LeftBrace)?;
        Some(*start..at.start)
    }
}

/// No tree is deeper than this, so nothing that walks one needs a guard of its own.
pub(crate) const DEEPEST: usize = 1000;

/// An open bracket. `depth` bounds the levels that the current statement or list element adds, `deepest` those of the ones before.
struct Open<'a> {
    at: usize,
    token: Token<'a>,
    depth: usize,
    deepest: usize,
    /// An unclosed string on its line may have swallowed its closer.
    excused: bool,
}

struct Layout<'a, 't> {
    text: &'t str,
    tokens: Vec<Spanned<'a>>,
    problems: Vec<LayoutProblem<'a>>,
    /// The file itself comes first and is never closed.
    open: Vec<Open<'a>>,
    /// How many of `open` are braces, parentheses, brackets: whether a closer closes anything.
    kinds: [usize; 3],
    /// The sum of all `depth`s in `open`.
    depth: usize,
    /// The end of the last token of the text.
    previous_end: usize,
    /// A tree too deep: nothing is read before the next item.
    skipping: bool,
}

/// The tokens that the parser sees, and what was wrong with them. Tokens that this step writes are empty and stand at the end of
/// the token before them.
pub(crate) fn layout<'a>(text: &str, raw: &[Spanned<'a>]) -> (Vec<Spanned<'a>>, Vec<LayoutProblem<'a>>) {
    let raw: Vec<Spanned<'a>> = raw.iter().filter(|t| !matches!(t.1, Token::Comment(_))).cloned().collect();
    let file = Open { at: 0, token: Token::NextItem, depth: 0, deepest: 0, excused: false };
    let mut state = Layout {
        text,
        tokens: Vec::with_capacity(raw.len() + raw.len() / 4),
        problems: vec![],
        open: vec![file],
        kinds: [0; 3],
        depth: 0,
        previous_end: 0,
        skipping: false,
    };
    // the start of the line's first token, whether a semicolon came last, and the first token after the current run of docs
    let (mut line_start, mut after_semicolon, mut ahead) = (0, false, 0);
    for (index, (start, token, end)) in raw.iter().cloned().enumerate() {
        let first_on_line = index == 0 || after_semicolon || text[state.previous_end..start].contains('\n');
        if first_on_line {
            line_start = start;
        }
        ahead = ahead.max(index);
        while matches!(raw.get(ahead), Some((_, Token::Doc(_), _))) {
            ahead += 1;
        }
        // what a run of docs stands before decides what the run is
        let lead = raw.get(ahead).map_or(&Token::NextItem, |t| &t.1);
        let named = raw.get(ahead + 1).is_some_and(|next| next.1.can_end_statement());
        let at = start..end;
        let item_begins = state.item_begins(first_on_line, start, lead, named);
        let declares = first_on_line && !state.after_doc() && lead.starts_declaration();
        if item_begins {
            state.begin_item(at.clone());
        }
        if state.skipping {
            state.previous_end = end;
            continue;
        }
        if first_on_line {
            // a string that is not closed took the closers of its line with it
            state.close_until(|open| !open.excused || open.token == Token::LeftBrace, Proof::Declaration, at.clone());
        }
        if declares {
            state.close_until(|open| open.token == Token::LeftBrace || open.token == Token::NextItem, Proof::Declaration, at.clone());
        }
        if first_on_line && !item_begins {
            let spaced = text[end..].starts_with([' ', '\t']);
            state.end_statement(declares, after_semicolon && !token.closes() || !token.goes_on(spaced));
        }
        after_semicolon = false;
        state.previous_end = end;
        match &token {
            Token::Semicolon if matches!(state.here().token, Token::LeftBrace | Token::NextItem) => {
                state.problems.push(LayoutProblem::Semicolon(start));
                after_semicolon = true;
                continue;
            }
            Token::OpenString(_) => state.open.iter_mut().filter(|o| o.at >= line_start).for_each(|o| o.excused = true),
            _ => {}
        }
        if token.closes() && !state.close(&token, at) {
            continue;
        }
        state.push(start, token, end);
    }
    state.previous_end = raw.last().map_or(0, |t| t.2);
    state.close_until(|_| false, Proof::End, text.len()..text.len());
    (state.tokens, state.problems)
}

impl<'a> Token<'a> {
    fn closes(&self) -> bool {
        matches!(self, Token::RightBrace | Token::RightParen | Token::RightBracket)
    }

    fn bracket_kind(&self) -> usize {
        match self {
            Token::LeftBrace | Token::RightBrace => 0,
            Token::LeftParen | Token::RightParen => 1,
            _ => 2,
        }
    }
}

impl<'a> Layout<'a, '_> {
    fn here(&mut self) -> &mut Open<'a> {
        let last = self.open.len() - 1;
        &mut self.open[last]
    }

    fn last(&self) -> Option<&Token<'a>> {
        self.tokens.last().map(|t| &t.1)
    }

    fn after_doc(&self) -> bool {
        matches!(self.last(), Some(Token::Doc(_)))
    }

    fn write(&mut self, token: Token<'a>) {
        let at = self.previous_end.max(self.tokens.last().map_or(0, |t| t.2));
        self.tokens.push((at, token, at));
    }

    /// Inside brackets only a word in the first column proves that a new item begins.
    fn item_begins(&self, first_on_line: bool, start: usize, lead: &Token, named: bool) -> bool {
        let outside = self.open.len() == 1 || self.text[..start].ends_with('\n');
        first_on_line && outside && !self.after_doc() && lead.starts_item() && named
    }

    fn begin_item(&mut self, at: std::ops::Range<usize>) {
        self.close_until(|_| false, Proof::Item, at);
        if !self.tokens.iter().all(|t| matches!(t.1, Token::FileDoc(_))) {
            self.write(Token::NextItem);
        }
        self.depth = 0;
        self.open[0].depth = 0;
        self.skipping = false;
    }

    /// Starts the count of levels anew: a new statement or list element. What the ones before added stays with the bracket.
    fn restart(&mut self) {
        let open = self.here();
        open.deepest = open.deepest.max(open.depth);
        let depth = std::mem::take(&mut open.depth);
        self.depth -= depth;
    }

    fn end_statement(&mut self, declares: bool, begins: bool) {
        let in_body = matches!(self.here().token, Token::LeftBrace | Token::NextItem);
        // a declaration at the start of a line is a new statement, whatever the line before lacks
        let unfinished = declares
            && self.last().is_some_and(|last| !matches!(last, Token::LeftBrace | Token::Newline | Token::NextItem | Token::FileDoc(_)));
        if in_body && begins && (unfinished || self.last().is_some_and(Token::can_end_statement)) {
            self.write(Token::Newline);
            self.restart();
        }
    }

    fn pop(&mut self) -> Option<Open<'a>> {
        if self.open.len() == 1 {
            return None;
        }
        let closed = self.open.pop()?;
        self.kinds[closed.token.bracket_kind()] -= 1;
        self.depth -= closed.depth;
        let levels = closed.depth.max(closed.deepest) + 1;
        self.here().depth += levels;
        self.depth += levels;
        Some(closed)
    }

    /// Writes the closers of all brackets inside the innermost one that `stop` accepts.
    fn close_until(&mut self, stop: impl Fn(&Open) -> bool, proof: Proof, at: std::ops::Range<usize>) {
        let mut openers = vec![];
        while !stop(self.here()) {
            let Some(closed) = self.pop() else { break };
            self.write(closed.token.closer());
            if !self.skipping && !closed.excused {
                openers.push((closed.at, closed.token));
            }
        }
        if !openers.is_empty() {
            self.problems.push(LayoutProblem::Unclosed { openers, proof, at, inside_end: self.previous_end });
        }
    }

    /// Closes the bracket that `closer` belongs to; `false` where there is none.
    fn close(&mut self, closer: &Token<'a>, at: std::ops::Range<usize>) -> bool {
        if self.kinds[closer.bracket_kind()] == 0 {
            self.problems.push(LayoutProblem::Stray(at.start, closer.clone()));
            return false;
        }
        self.previous_end = self.tokens.last().map_or(0, |t| t.2);
        self.close_until(|open| open.token.closer() == *closer, Proof::Closer, at.clone());
        self.previous_end = at.end;
        self.pop();
        true
    }

    fn push(&mut self, start: usize, token: Token<'a>, end: usize) {
        match &token {
            Token::LeftBrace | Token::LeftParen | Token::LeftBracket => {
                self.kinds[token.bracket_kind()] += 1;
                self.open.push(Open { at: start, token: token.clone(), depth: 0, deepest: 0, excused: false });
            }
            Token::RightBrace | Token::RightParen | Token::RightBracket => {}
            Token::Comma => self.restart(),
            Token::Identifier(_) | Token::Int(_) | Token::Float(_) | Token::String(_) | Token::OpenString(_) | Token::Doc(_) => {}
            // operators and words: each adds at most one level
            _ => {
                self.here().depth += 1;
                self.depth += 1;
            }
        }
        if self.open.len() + self.depth > DEEPEST {
            self.problems.push(LayoutProblem::TooDeep(start));
            self.skipping = true;
            return;
        }
        self.tokens.push((start, token, end));
    }
}
