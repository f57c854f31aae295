//! Expressions, types and the lists in brackets.
use super::Formatter;
use super::document::*;
use crate::ast::*;
use esper_diagnostics::Span;

/// Types up to this width are never broken.
const UNBROKEN_TYPE: usize = 60;

impl<'s> Formatter<'s> {
    fn written(&self, span: Span) -> &'s str {
        &self.source[span.start as usize..span.end as usize]
    }

    /// `open a, b close`, one a line with a comma after the last where that is too wide. `end` is the place behind the closer.
    pub(super) fn list<T>(
        &mut self,
        (open, close): (&'static str, &'static str),
        items: &[T],
        start: impl Fn(&T) -> usize,
        end: usize,
        mut print: impl FnMut(&mut Self, &T) -> Document,
    ) -> Document {
        let mut inside = vec![];
        for (index, item) in items.iter().enumerate() {
            inside.push(text(if index == 0 { "" } else { "," }));
            inside.push(self.between(start(item)));
            inside.push(if index == 0 { soft_line() } else { line() });
            inside.push(print(self, item));
        }
        if !items.is_empty() {
            inside.push(if_broken(","));
        }
        inside.push(self.between(end.saturating_sub(close.len())));
        bracketed(open, inside, close)
    }

    pub(super) fn params(&mut self, params: &[Param], end: usize) -> Document {
        let start = |param: &Param| param.span.start as usize;
        self.list(("(", ")"), params, start, end, |f, param| {
            let mut parts = f.docs(&param.docs, "///");
            parts.extend([text(format!("{}: ", param.name.text)), f.ty(&param.ty)]);
            parts.extend(f.assigned(" = ", param.default.as_ref()));
            concat(parts)
        })
    }

    /// Documentation lines, each with a line end.
    pub(super) fn docs(&self, docs: &Docs, slashes: &str) -> Vec<Document> {
        if docs.span.is_none() {
            return vec![];
        }
        let lines = docs.text.split('\n');
        lines.flat_map(|line| [text(format!("{slashes} {line}").trim_end()), hard_line(false)]).collect()
    }

    pub(super) fn assigned(&mut self, sign: &str, value: Option<&Expr>) -> Vec<Document> {
        let Some(value) = value else { return vec![] };
        let stray = self.stray(value.span.start as usize);
        vec![text(sign), stray, self.expr(value)]
    }

    /// A type; a short one is never broken.
    pub(super) fn ty(&mut self, ty: &Type) -> Document {
        let document = self.any_type(ty);
        match document.flat(UNBROKEN_TYPE) {
            Some(flat) => text(flat),
            None => document,
        }
    }

    fn any_type(&mut self, ty: &Type) -> Document {
        let end = ty.span.end as usize;
        let start = |ty: &Type| ty.span.start as usize;
        match &ty.kind {
            TypeKind::Named { name, dims: None } => text(&name.text),
            TypeKind::Named { name, dims: Some(dims) } => {
                let dims = self.elems(dims, end);
                concat(vec![text(&name.text), dims])
            }
            TypeKind::Tuple(types) => self.list(("(", ")"), types, start, end, Self::any_type),
            TypeKind::List(element) => concat(vec![text("["), self.any_type(element), text("]")]),
            TypeKind::Fn(None) => text("fn"),
            TypeKind::Fn(Some((params, result))) => {
                let open = ty.span.start as usize;
                let close = self.source[open..result.span.start as usize].rfind(')').map_or(open, |at| open + at + 1);
                let params = self.list(("(", ")"), params, start, close, Self::any_type);
                concat(vec![text("fn"), params, text(" -> "), self.any_type(result)])
            }
        }
    }

    fn elems(&mut self, elems: &[Elem], end: usize) -> Document {
        let start = |elem: &Elem| match elem {
            Elem::Expr(value) => value.span.start as usize,
            Elem::Rest(_, span) | Elem::Slice(_, _, span) => span.start as usize,
        };
        self.list(("[", "]"), elems, start, end, |f, elem| match elem {
            Elem::Expr(value) => f.expr(value),
            Elem::Rest(name, _) => text(format!("..{}", name.as_ref().map_or("", |n| n.text.as_str()))),
            Elem::Slice(from, to, _) => {
                let from = f.assigned("", from.as_ref());
                let to = f.assigned("", to.as_ref());
                concat(vec![concat(from), text(":"), concat(to)])
            }
        })
    }

    pub(super) fn pattern(&mut self, pattern: &Pattern) -> Document {
        let start = |pattern: &Pattern| match pattern {
            Pattern::Name(name) => name.span.start as usize,
            Pattern::Tuple(_, span) => span.start as usize,
        };
        match pattern {
            Pattern::Name(name) => text(&name.text),
            Pattern::Tuple(patterns, span) => self.list(("(", ")"), patterns, start, span.end as usize, Self::pattern),
        }
    }

    /// Each form has a function of its own, so that the frames of nested expressions stay small.
    pub(super) fn expr(&mut self, expr: &Expr) -> Document {
        let end = expr.span.end as usize;
        match &expr.kind {
            ExprKind::Name(name) => text(name),
            ExprKind::Int(_) | ExprKind::Float { .. } | ExprKind::Str(_) | ExprKind::Bool(_) | ExprKind::Error => {
                text(self.written(expr.span))
            }
            ExprKind::Unary(op, operand) => self.unary(*op, operand),
            ExprKind::Binary { op, .. } => self.operation(expr, *op),
            ExprKind::Pipe(..) => self.pipe(expr),
            ExprKind::Call { callee, args } => self.call(callee, args, end),
            ExprKind::Index { base, elems } => self.index(base, elems, end),
            ExprKind::Dot { base, name } => self.dot(base, name),
            ExprKind::Tuple(parts) => self.list(("(", ")"), parts, |part| part.span.start as usize, end, Self::expr),
            ExprKind::Paren(inner) => self.paren(inner, end),
            ExprKind::List(elems) => self.elems(elems, end),
            ExprKind::Repeat { value, count } => self.repeat(value, count, end),
            ExprKind::Each { value, pattern, over } => self.each(value, pattern, over, end),
            ExprKind::If { .. } => self.branches(expr, true),
        }
    }

    fn unary(&mut self, op: UnaryOp, operand: &Expr) -> Document {
        let operand = self.expr(operand);
        concat(vec![text(if op == UnaryOp::Not { "not " } else { "-" }), operand])
    }

    fn call(&mut self, callee: &Expr, args: &[Arg], end: usize) -> Document {
        let callee = self.expr(callee);
        let start = |arg: &Arg| arg.name.as_ref().map_or(arg.value.span, |n| n.span).start as usize;
        let args = self.list(("(", ")"), args, start, end, |f, arg| match &arg.name {
            Some(name) => concat(vec![text(format!("{} = ", name.text)), f.expr(&arg.value)]),
            None => f.expr(&arg.value),
        });
        concat(vec![callee, args])
    }

    fn index(&mut self, base: &Expr, elems: &[Elem], end: usize) -> Document {
        let base = self.expr(base);
        concat(vec![base, self.elems(elems, end)])
    }

    fn dot(&mut self, base: &Expr, name: &Name) -> Document {
        let base = self.expr(base);
        concat(vec![base, text(format!(".{}", name.text))])
    }

    fn paren(&mut self, inner: &Expr, end: usize) -> Document {
        let before = self.between(inner.span.start as usize);
        let inner = self.expr(inner);
        let after = self.between(end - 1);
        bracketed("(", vec![before, soft_line(), inner, after], ")")
    }

    fn repeat(&mut self, value: &Expr, count: &Expr, end: usize) -> Document {
        let mut inside = vec![self.between(value.span.start as usize), soft_line(), self.expr(value), text(" ;")];
        inside.extend([self.between(count.span.start as usize), line(), self.expr(count), self.between(end - 1)]);
        bracketed("[", inside, "]")
    }

    fn each(&mut self, value: &Expr, pattern: &Pattern, over: &Expr, end: usize) -> Document {
        let mut inside = vec![self.between(value.span.start as usize), soft_line(), self.expr(value)];
        let turns = self.find("for", value.span.end as usize, over.span.start as usize);
        inside.extend([self.between(turns), line(), text("for "), self.pattern(pattern), text(" in "), self.expr(over)]);
        inside.push(self.between(end - 1));
        bracketed("[", inside, "]")
    }

    /// `if a { x } else if b { y } else { z }`: all branches on one line, or none.
    fn branches(&mut self, expr: &Expr, outermost: bool) -> Document {
        let ExprKind::If { condition, then, otherwise } = &expr.kind else { return self.expr(expr) };
        let mut parts = vec![text("if "), self.expr(condition), text(" ")];
        parts.push(self.body(then, false));
        if let Some(body) = otherwise {
            parts.push(text(" else "));
            match &body.lines[..] {
                [Line { kind: LineKind::Expr(next), .. }] if !self.written(body.span).starts_with('{') => {
                    parts.push(self.branches(next, false))
                }
                _ => parts.push(self.body(body, false)),
            }
        }
        let document = concat(parts);
        if outermost { group(document) } else { document }
    }

    /// Operators of one level, in a row: broken before each of them or before none.
    fn operation(&mut self, expr: &Expr, op: BinaryOp) -> Document {
        let (mut first, mut rest) = (expr, vec![]);
        while let ExprKind::Binary { op: inner, op_span, left, right } = &first.kind {
            if level(*inner) != level(op) || (!rest.is_empty() && op == BinaryOp::Pow) {
                break;
            }
            rest.push((*inner, *op_span, left.span.end, &**right));
            first = left;
        }
        let head = self.expr(first);
        let mut tail = vec![];
        let literal = matches!(first.kind, ExprKind::Int(_)) && rest.len() == 1;
        for (op, op_span, left_end, right) in rest.into_iter().rev() {
            // `1/16` and `4*d` are one number to their reader
            let plain = match op {
                BinaryOp::Div => !matches!(right.kind, ExprKind::Unary(..)),
                BinaryOp::Mul => matches!(right.kind, ExprKind::Name(_)),
                _ => false,
            };
            if literal && plain && op_span.start == left_end && op_span.end == right.span.start {
                return concat(vec![head, text(op.text()), self.expr(right)]);
            }
            let before = self.between(op_span.start as usize);
            let after = self.stray(right.span.start as usize);
            let right = self.expr(right);
            tail.push(concat(vec![before, line(), text(format!("{} ", op.text())), after, right]));
        }
        group(concat(vec![head, nest(concat(tail))]))
    }

    /// A pipe is broken where its author broke it; where that is not enough also elsewhere, and one on one line at every stage or at none.
    fn pipe(&mut self, expr: &Expr) -> Document {
        let (mut first, mut stages) = (expr, vec![]);
        while let ExprKind::Pipe(value, stage) = &first.kind {
            stages.push((value.span.end as usize, &**stage));
            first = value;
        }
        stages.reverse();
        let head = self.expr(first);
        let kept = stages.iter().any(|(from, stage)| self.line_ends(*from, stage.span.start as usize));
        let mut tail = vec![];
        for (from, stage) in stages {
            let start = stage.span.start as usize;
            let sign = self.find("|>", from, start);
            let before = self.between(sign);
            let after = self.stray(start);
            let ends = self.line_ends(from, start);
            let document = self.expr(stage);
            let stage = concat(vec![if ends { hard_line(false) } else { line() }, text("|> "), after, document]);
            tail.push(concat(vec![before, if kept && !ends { group(stage) } else { stage }]));
        }
        group(concat(vec![head, nest(concat(tail))]))
    }
}

fn bracketed(open: &'static str, inside: Vec<Document>, close: &'static str) -> Document {
    group(concat(vec![text(open), nest(concat(inside)), soft_line(), text(close)]))
}

/// How tightly an operator binds; operators of one level stand in a row.
fn level(op: BinaryOp) -> u8 {
    match op {
        BinaryOp::Or => 0,
        BinaryOp::And => 1,
        BinaryOp::Eq | BinaryOp::Ne | BinaryOp::Lt | BinaryOp::Gt | BinaryOp::Le | BinaryOp::Ge => 2,
        BinaryOp::Add | BinaryOp::Sub => 3,
        BinaryOp::Mul | BinaryOp::Div | BinaryOp::Rem | BinaryOp::MatMul => 4,
        BinaryOp::Pow => 5,
    }
}
