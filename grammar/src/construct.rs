//! What the grammar's actions call to build the tree: places, literals, repaired comparisons, and what can be kept of broken lines.
use crate::ast::*;
use crate::token::{Spanned, Token, lex};
use esper_diagnostics::{Diagnostic, FileId, Span};
use lalrpop_util::ErrorRecovery;

/// What lalrpop reports where it gave up on a line or an item.
pub(crate) type Recovered<'a> = ErrorRecovery<usize, Token<'a>, std::convert::Infallible>;
/// What a parse stopped at.
pub(crate) type Failure<'a> = lalrpop_util::ParseError<usize, Token<'a>, std::convert::Infallible>;
/// Parameters and result of `forward` or `update`.
pub(crate) type Head = (Vec<Param>, Type);

/// How many bytes of a broken line are looked at for what it declares.
const LONGEST_HEAD: usize = 400;

/// What the actions share: the text that is parsed, and what was found wrong in it so far.
pub(crate) struct Context<'a> {
    pub(crate) file: FileId,
    pub(crate) text: &'a str,
    pub(crate) failures: Vec<Failure<'a>>,
    pub(crate) problems: Vec<Diagnostic>,
    /// Names that lines and items which could not be read were about to declare.
    pub(crate) broken_names: Vec<Name>,
}

impl<'a> Context<'a> {
    pub(crate) fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.file, start, end.max(start))
    }

    /// Documentation lines without their `slashes` first bytes and one leading space.
    pub(crate) fn docs(&self, start: usize, lines: Vec<&str>, end: usize, slashes: usize) -> Docs {
        if lines.is_empty() {
            return Docs::default();
        }
        let lines: Vec<&str> = lines
            .iter()
            .map(|line| {
                let line = line[slashes..].trim_end();
                line.strip_prefix(' ').unwrap_or(line)
            })
            .collect();
        Docs { text: lines.join("\n"), span: Some(self.span(start, end)) }
    }

    pub(crate) fn name(&self, start: usize, text: &str, end: usize) -> Name {
        Name { text: text.to_string(), span: self.span(start, end) }
    }

    pub(crate) fn path(&self, name: Name) -> Path {
        Path { span: name.span, names: vec![name] }
    }

    pub(crate) fn longer_path(&self, mut path: Path, name: Name) -> Path {
        path.span = path.span.to(name.span);
        path.names.push(name);
        path
    }

    pub(crate) fn method(&self, start: usize, end: usize, (params, result): Head, body: Body) -> Method {
        Method { params, result, body, word: self.span(start, end) }
    }

    pub(crate) fn unary(&self, op: UnaryOp, start: usize, operand: Expr) -> Expr {
        Expr { span: self.span(start, operand.span.end as usize), kind: ExprKind::Unary(op, Box::new(operand)) }
    }

    pub(crate) fn binary(&self, op: BinaryOp, op_start: usize, left: Expr, right: Expr) -> Expr {
        let op_span = self.span(op_start, op_start + op.text().len());
        Expr { span: left.span.to(right.span), kind: ExprKind::Binary { op, op_span, left: Box::new(left), right: Box::new(right) } }
    }

    /// A comparison. `a < b < c` is read as `a < b and b < c`, with the error that says so.
    pub(crate) fn compare(&mut self, op: BinaryOp, op_start: usize, left: Expr, right: Expr) -> Expr {
        let Some(middle) = last_compared(&left).cloned() else { return self.binary(op, op_start, left, right) };
        let text = self.text;
        let written = |span: Span| &text[span.start as usize..span.end as usize];
        let repaired = format!("{} and {} {} {}", written(left.span), written(middle.span), op.text(), written(right.span));
        let op_span = self.span(op_start, op_start + op.text().len());
        self.problems.push(
            Diagnostic::error("E0008", "comparisons do not chain", op_span, "comparisons do not chain")
                .label(left.span, "this is already true or false")
                .edit(format!("replace by `{repaired}`"), left.span.to(right.span), repaired),
        );
        let second = self.binary(op, op_start, middle, right);
        let span = left.span.to(second.span);
        Expr { kind: ExprKind::Binary { op: BinaryOp::And, op_span, left: Box::new(left), right: Box::new(second) }, span }
    }

    pub(crate) fn pipe(&self, value: Expr, stage: Expr) -> Expr {
        Expr { span: value.span.to(stage.span), kind: ExprKind::Pipe(Box::new(value), Box::new(stage)) }
    }

    pub(crate) fn call(&self, callee: Expr, args: Vec<Arg>, end: usize) -> Expr {
        Expr { span: self.span(callee.span.start as usize, end), kind: ExprKind::Call { callee: Box::new(callee), args } }
    }

    pub(crate) fn index(&self, base: Expr, elems: Vec<Elem>, end: usize) -> Expr {
        Expr { span: self.span(base.span.start as usize, end), kind: ExprKind::Index { base: Box::new(base), elems } }
    }

    pub(crate) fn dot(&self, base: Expr, name: Name) -> Expr {
        Expr { span: base.span.to(name.span), kind: ExprKind::Dot { base: Box::new(base), name } }
    }

    /// `(a,)` is `(a)`: a comma may trail any list.
    pub(crate) fn tuple(&self, first: Expr, mut rest: Vec<Expr>) -> ExprKind {
        if rest.is_empty() {
            return ExprKind::Paren(Box::new(first));
        }
        rest.insert(0, first);
        ExprKind::Tuple(rest)
    }

    pub(crate) fn else_if(&self, start: usize, condition: Expr, then: Body, otherwise: Option<Body>, end: usize) -> Body {
        let span = self.span(start, end);
        let kind = ExprKind::If { condition: Box::new(condition), then, otherwise };
        Body { lines: vec![Line { docs: Docs::default(), kind: LineKind::Expr(Expr { kind, span }), span }], span }
    }

    pub(crate) fn int(&mut self, start: usize, text: &str) -> ExprKind {
        match text.replace('_', "").parse() {
            Ok(value) => ExprKind::Int(value),
            Err(_) => self.too_large(start, text, "whole numbers go up to 9223372036854775807"),
        }
    }

    pub(crate) fn float(&mut self, start: usize, text: &str) -> ExprKind {
        match text.replace('_', "").parse::<f64>() {
            Ok(value) if value.is_finite() => ExprKind::Float { value, text: text.to_string() },
            _ => self.too_large(start, text, "numbers go up to about 1.8e308; `inf` is infinity"),
        }
    }

    fn too_large(&mut self, start: usize, text: &str, limit: &str) -> ExprKind {
        let span = self.span(start, start + text.len());
        self.problems.push(Diagnostic::error("E0009", "this number is too large", span, limit));
        ExprKind::Error
    }

    /// A string with its quotes: its escapes are resolved.
    pub(crate) fn string(&mut self, start: usize, text: &str) -> ExprKind {
        let mut value = String::with_capacity(text.len());
        let mut characters = text[1..text.len() - 1].char_indices();
        while let Some((_, character)) = characters.next() {
            if character != '\\' {
                value.push(character);
                continue;
            }
            match characters.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, 't')) => value.push('\t'),
                Some((_, escaped @ ('"' | '\\'))) => value.push(escaped),
                Some((at, other)) => {
                    // `at` counts behind the quote, so the backslash is at `start + at`
                    let span = self.span(start + at, start + at + 1 + other.len_utf8());
                    self.problems.push(
                        Diagnostic::error("E0011", format!("`\\{other}` is no escape"), span, "only `\\n`, `\\t`, `\\\"` and `\\\\` are")
                            .edit("write the backslash as `\\\\`", span, format!("\\\\{other}")),
                    );
                    value.extend(['\\', other]);
                }
                None => value.push('\\'),
            }
        }
        ExprKind::Str(value)
    }

    /// An item that could not be read.
    pub(crate) fn broken_item(&mut self, start: usize, recovered: Recovered<'a>, body: Option<Body>, end: usize) -> Item {
        self.failures.push(recovered.error);
        let tokens = self.head(start, &body, end);
        if let [(_, word, _), named, ..] = &tokens[..]
            && word.starts_item()
        {
            self.broken_names.extend(self.token_name(named));
        }
        Item { docs: Docs::default(), kind: ItemKind::Broken(body), span: self.span(start, end) }
    }

    /// A line that could not be read. What it was about to declare is still declared, with a value that stays silent.
    pub(crate) fn broken_line(&mut self, start: usize, recovered: Recovered<'a>, mut body: Option<Body>, end: usize) -> Line {
        self.failures.push(recovered.error);
        let tokens = self.head(start, &body, end);
        let first = tokens.iter().position(|t| !matches!(t.1, Token::Doc(_))).unwrap_or(0);
        let error = |at: usize| Expr { kind: ExprKind::Error, span: self.span(at, end) };
        let kind = match &tokens[first..] {
            [(_, Token::Let, at), rest @ ..] => {
                self.token_pattern(rest).map(|pattern| LineKind::Let { pattern, ty: None, value: error(*at) })
            }
            [(_, Token::Layer, at), named, ..] => {
                self.token_name(named).map(|name| LineKind::Layer { name, recipe: error(*at), condition: None })
            }
            [(_, Token::Slot, _), named, ..] => self.token_name(named).map(|name| LineKind::Slot { name, ty: None }),
            [(_, Token::For, at), rest @ ..] if body.is_some() => self.token_pattern(rest).and_then(|pattern| {
                let body = body.take()?;
                Some(LineKind::For { pattern, over: error(*at), body })
            }),
            [named, (_, sign @ (Token::Equals | Token::Assign), at), ..] => self.token_name(named).map(|name| {
                let target = Expr { kind: ExprKind::Name(name.text), span: name.span };
                let value = error(*at);
                if *sign == Token::Equals { LineKind::Set { target, value } } else { LineKind::Assign { target, value } }
            }),
            [(_, Token::Param | Token::State, _), named, ..] => {
                let name = self.token_name(named);
                self.broken_names.extend(name);
                None
            }
            _ => None,
        };
        Line { docs: Docs::default(), kind: kind.unwrap_or(LineKind::Broken(body)), span: self.span(start, end) }
    }

    /// The first tokens of what could not be read.
    fn head(&self, start: usize, body: &Option<Body>, end: usize) -> Vec<Spanned<'a>> {
        let end = body.as_ref().map_or(end, |b| b.span.start as usize);
        let text: &'a str = self.text;
        // what a line declares stands at its start; a line that fails over and over stays cheap
        let mut end = end.clamp(start, start + LONGEST_HEAD);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let mut tokens = lex(&text[start..end]);
        tokens.retain(|t| !matches!(t.1, Token::Comment(_)));
        tokens.iter_mut().for_each(|t| (t.0, t.2) = (t.0 + start, t.2 + start));
        tokens
    }

    fn token_name(&self, (start, token, end): &Spanned<'a>) -> Option<Name> {
        token.is_name().then(|| self.name(*start, &self.text[*start..*end], *end))
    }

    fn token_pattern(&self, tokens: &[Spanned<'a>]) -> Option<Pattern> {
        let first = tokens.first()?;
        if first.1 != Token::LeftParen {
            return self.token_name(first).map(Pattern::Name);
        }
        let inside: Vec<_> = tokens[1..].iter().take_while(|t| t.1 == Token::Comma || t.1.is_name()).collect();
        let end = inside.last().map_or(first.2, |t| t.2);
        let names = inside.into_iter().filter_map(|t| self.token_name(t)).map(Pattern::Name).collect();
        Some(Pattern::Tuple(names, self.span(first.0, end)))
    }
}

/// The right operand of a comparison, also of one that was repaired.
fn last_compared(expr: &Expr) -> Option<&Expr> {
    use BinaryOp::*;
    match &expr.kind {
        ExprKind::Binary { op: Eq | Ne | Lt | Gt | Le | Ge, right, .. } => Some(right),
        // a comparison's left side is a chain where it is an `and` without brackets
        ExprKind::Binary { op: And, right, .. } => last_compared(right),
        _ => None,
    }
}
