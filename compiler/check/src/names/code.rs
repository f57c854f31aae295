//! Bodies of code: what each line declares, rebinds and does, and that the body ends in its value.
use super::belongs::Place;
use super::scope::{FrameKind, LocalKind};
use super::suggest;
use super::walk::Walker;
use esper_diagnostics::{Diagnostic, Span};
use esper_grammar::ast::{BinaryOp, Body, Expr, ExprKind, Line, LineKind, Pattern, UnaryOp};

/// What a body of code is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Its last expression is its value.
    Value,
    /// Its lines do something; it has no value.
    Effect,
}

impl Walker<'_, '_> {
    /// Walks a branch in a frame of its own.
    pub(super) fn branch(&mut self, body: &Body, wanted: Wanted) {
        self.framed(FrameKind::Branch, |w| w.code(body, wanted));
    }

    /// Walks the lines of a body of code.
    pub(super) fn code(&mut self, body: &Body, wanted: Wanted) {
        if body.lines.is_empty() && wanted == Wanted::Value {
            return self.say(Diagnostic::error(
                "E0426",
                "a body without a value",
                body.span,
                "this body is empty, and its last expression should be its value",
            ));
        }
        let last = body.lines.len().saturating_sub(1);
        for (i, line) in body.lines.iter().enumerate() {
            let is_value = wanted == Wanted::Value && i == last;
            match &line.kind {
                LineKind::Expr(expr) if is_value => {
                    self.expr(expr);
                    self.note_minus(expr, i.checked_sub(1).map(|i| &body.lines[i]));
                }
                LineKind::Expr(expr) => self.statement(expr, body.lines.get(i + 1)),
                _ => {
                    self.code_line(line, is_value);
                    if is_value {
                        self.ends_without_value(line);
                    }
                }
            }
        }
    }

    fn code_line(&mut self, line: &Line, is_last: bool) {
        match &line.kind {
            LineKind::Let { pattern, ty, value } => {
                if let Some(ty) = ty {
                    self.type_names(ty);
                }
                self.expr(value);
                self.let_line(line, pattern, ty.as_ref().map(|t| t.span), is_last);
            }
            LineKind::For { pattern, over, body } => {
                self.expr(over);
                self.framed(FrameKind::Turn, |w| {
                    w.pattern(pattern, LocalKind::Turn, None, false);
                    w.code(body, Wanted::Effect);
                });
            }
            LineKind::Require { condition, message } => {
                self.expr(condition);
                message.iter().for_each(|m| self.expr(m));
            }
            LineKind::Set { target, value } => {
                self.expr(value);
                self.rebinding(target, value);
            }
            LineKind::Assign { target, value } => {
                self.expr(value);
                self.assignment(target, value);
            }
            LineKind::Expr(_) | LineKind::Broken(_) => {}
            _ => self.does_not_belong(line, Place::Code),
        }
    }

    /// An expression that is not the body's value: only an `if` can do something.
    fn statement(&mut self, expr: &Expr, next: Option<&Line>) {
        if let ExprKind::If { condition, then, otherwise } = &expr.kind {
            self.expr(condition);
            if then.lines.is_empty() && otherwise.as_ref().is_none_or(|b| b.lines.is_empty()) {
                return self.say(without_effect(expr.span, "this `if` does nothing"));
            }
            self.branch(then, Wanted::Effect);
            otherwise.iter().for_each(|body| self.branch(body, Wanted::Effect));
            return;
        }
        self.expr(expr);
        if matches!(expr.kind, ExprKind::Error) {
            return;
        }
        let mut problem = match &expr.kind {
            ExprKind::Binary { op: BinaryOp::Eq, left, op_span, .. } if matches!(left.kind, ExprKind::Name(_)) => without_effect(
                expr.span,
                "this compares, and nothing uses the answer",
            )
            .edit("replace `==` by `=`, which rebinds", *op_span, "="),
            _ => without_effect(expr.span, "this value is used by nothing"),
        };
        if let Some(minus) = leading_minus(expr) {
            problem = problem.edit("put a space behind the minus, which goes on with the line above", minus.after(), " ");
        } else if let Some(minus) = next.and_then(|line| if let LineKind::Expr(e) = &line.kind { leading_minus(e) } else { None }) {
            problem = problem.label(minus, "without a space after it, a minus begins a new statement").edit(
                "put a space behind the minus, which goes on with the line above",
                minus.after(),
                " ",
            );
        }
        self.say(problem);
    }

    /// Remembers that the value of a body begins with a minus below a `let`, in case nothing uses that `let`.
    fn note_minus(&mut self, value: &Expr, above: Option<&Line>) {
        let (Some(minus), Some(Line { kind: LineKind::Let { pattern: Pattern::Name(name), .. }, .. })) = (leading_minus(value), above)
        else {
            return;
        };
        if let Some(local) = self.scope.find(&name.text) {
            self.minus_below.insert(local, minus);
        }
    }

    fn let_line(&mut self, line: &Line, pattern: &Pattern, ty: Option<Span>, is_last: bool) {
        if let Pattern::Name(name) = pattern
            && let Some(old) = self.scope.find(&name.text)
            && self.scope.get(old).kind.rebindable()
        {
            let text = &name.text;
            let why = match self.scope.opened_since(old) {
                Some(FrameKind::Turn) => {
                    format!(
                        "`{text}` already exists; a second `{text}` would end with this turn of the loop and the outer one would never change"
                    )
                }
                Some(_) => {
                    format!("`{text}` already exists; a second `{text}` would end with this branch and the outer one would never change")
                }
                None => format!("`{text}` already exists; a new value needs no `let`"),
            };
            let mut changes = vec![(Span { end: name.span.start, ..line.span }, String::new())];
            changes.extend(ty.map(|ty| (Span { start: name.span.end, ..ty }, String::new())));
            let problem =
                Diagnostic::error("E0103", "`let` where a rebinding was meant", Span { start: line.span.start, ..name.span }, why)
                    .label(self.scope.get(old).span, format!("`{text}` is declared here"))
                    .edits("remove `let`", changes)
                    .certain();
            self.say(problem);
            self.scope.get_mut(old).used = true;
            return;
        }
        let before = self.scope.all().len();
        self.pattern(pattern, LocalKind::Let, Some(line.span), false);
        if is_last {
            (before..self.scope.all().len()).for_each(|local| self.scope.get_mut(local).used = true);
        }
    }

    /// `name = value` in code.
    fn rebinding(&mut self, target: &Expr, value: &Expr) {
        let wrong = |says: String| Diagnostic::error("E0428", "this cannot be given a new value by `=`", target.span, says);
        let ExprKind::Name(text) = &target.kind else {
            let says = match &target.kind {
                ExprKind::Error => return,
                ExprKind::Index { .. } => "elements of a tensor do not change: `where`, `concat` or `scatter_add` give a new tensor",
                ExprKind::Tuple(_) => "only `let` takes a tuple apart",
                _ => "only a name can be rebound",
            };
            let parts = match &target.kind {
                ExprKind::Tuple(parts) => parts.iter().collect(),
                ExprKind::Call { args, .. } => args.iter().map(|a| &a.value).collect(),
                _ => vec![],
            };
            let unknown = |w: &Self, part: &Expr| matches!(&part.kind, ExprKind::Name(n) if w.scope.find(n).is_none());
            if parts.is_empty() || !parts.iter().all(|part| unknown(self, part)) {
                self.expr(target);
                return self.say(wrong(says.to_string()));
            }
            // `(a, b) = …` of new names, maybe behind a misspelt `let`.
            for part in parts {
                if let ExprKind::Name(name) = &part.kind {
                    let local = self.scope.declare(name, part.span, LocalKind::Let);
                    self.scope.get_mut(local).used = true;
                }
            }
            let problem = wrong(says.to_string());
            return self.say(match &target.kind {
                ExprKind::Call { callee, .. } => problem.edit("declare with `let`", callee.span, "let"),
                _ => problem.edit("declare with `let`", target.span.before(), "let "),
            });
        };
        let Some(local) = self.scope.find(text) else { return self.rebinding_of_nothing(text, target.span) };
        let local = self.scope.get_mut(local);
        local.places.push(target.span);
        let (kind, at) = (local.kind, local.span);
        if kind.rebindable() {
            return;
        }
        local.used = true;
        let problem = wrong(format!("`{text}` is {}", kind.noun())).label(at, "declared here");
        self.say(match kind {
            LocalKind::State => problem.edit("assign with `:=`", between(target, value), " := ").certain(),
            LocalKind::Parameter { .. } | LocalKind::Dim | LocalKind::Dims => {
                problem.help("what the compiler knows does not change: declare another name with `let`")
            }
            LocalKind::Trained => problem.help("a `param` is changed by the optimizer alone; what a body assigns is a `state`"),
            _ => problem.help("declare another name with `let`"),
        });
    }

    fn rebinding_of_nothing(&mut self, text: &str, span: Span) {
        if self.lenient || self.was_reported(text) {
            return;
        }
        let candidates: Vec<(String, Span)> =
            self.scope.visible().filter(|l| l.kind.rebindable()).map(|l| (l.name.clone(), l.span)).collect();
        let problem = match suggest::nearest(text, candidates) {
            Some((meant, at)) => {
                Diagnostic::error("E0101", format!("unknown name `{text}`"), span, format!("nothing is called `{text}` here"))
                    .label(at, "did you mean this one?")
                    .edit(format!("replace by `{meant}`"), span, meant)
            }
            None => Diagnostic::error(
                "E0113",
                format!("nothing is called `{text}`, so it cannot be given a new value"),
                span,
                "`=` rebinds what a `let` declared",
            )
            .edit("insert `let`", span.before(), "let "),
        };
        self.say(problem);
        let local = self.scope.declare(text, span, LocalKind::Let);
        self.scope.get_mut(local).used = true;
    }

    /// `name := value`.
    fn assignment(&mut self, target: &Expr, value: &Expr) {
        let wrong = |says: String| Diagnostic::error("E0429", "`:=` assigns a state", target.span, says);
        let ExprKind::Name(text) = &target.kind else {
            if !matches!(target.kind, ExprKind::Error) {
                self.expr(target);
                let says = if matches!(target.kind, ExprKind::Dot { .. }) {
                    "a state is assigned only where it is declared"
                } else {
                    "this is no state"
                };
                self.say(wrong(says.to_string()));
            }
            return;
        };
        let Some(local) = self.scope.find(text) else {
            if self.lenient || self.was_reported(text) {
                return;
            }
            let states: Vec<(String, Span)> =
                self.scope.visible().filter(|l| l.kind == LocalKind::State).map(|l| (l.name.clone(), l.span)).collect();
            self.silence(text);
            return self.say(match suggest::nearest(text, states) {
                Some((meant, at)) => {
                    Diagnostic::error("E0101", format!("unknown name `{text}`"), target.span, format!("nothing is called `{text}` here"))
                        .label(at, "did you mean this state?")
                        .edit(format!("replace by `{meant}`"), target.span, meant)
                }
                None => {
                    wrong(format!("no state is called `{text}`")).help("a blueprint or optimizer declares it: `state name: type = zeros`")
                }
            });
        };
        let local = self.scope.get_mut(local);
        local.places.push(target.span);
        local.used = true;
        let (kind, at) = (local.kind, local.span);
        if kind == LocalKind::State {
            return;
        }
        let problem = wrong(format!("`{text}` is {}, not a state", kind.noun())).label(at, "declared here");
        self.say(if kind.rebindable() { problem.edit("rebind with `=`", between(target, value), " = ").certain() } else { problem });
    }

    fn ends_without_value(&mut self, line: &Line) {
        let (says, help) = match &line.kind {
            LineKind::Let { pattern: Pattern::Name(name), .. } => {
                ("a `let` has no value", Some(format!("end the body with `{}`", name.text)))
            }
            LineKind::Let { .. } => ("a `let` has no value", None),
            LineKind::Set { .. } => ("a rebinding has no value", None),
            LineKind::Assign { .. } => ("an assignment has no value", None),
            LineKind::For { .. } => {
                ("a `for` has no value", Some("rebind a name of outside in the loop and end the body with it".to_string()))
            }
            LineKind::Require { .. } => ("a `require` has no value", None),
            // Anything else was reported because it does not belong here at all.
            _ => return,
        };
        let problem = Diagnostic::error(
            "E0426",
            "a body without a value",
            line.span,
            format!("{says}, and the value of a body is its last expression"),
        );
        self.say(match help {
            Some(help) => problem.help(help),
            None => problem,
        });
    }

    /// An `if` that is a value and has no `else`.
    pub(super) fn if_without_else(&mut self, span: Span, then: &Body) {
        let at = Span { end: then.span.start.max(span.start + 2), ..span };
        self.say(
            Diagnostic::error("E0426", "an `if` without a value", at, "where this does not hold, nothing is its value")
                .help("add `else { … }`"),
        );
    }
}

fn without_effect(span: Span, says: &str) -> Diagnostic {
    Diagnostic::error("E0427", "a line without effect", span, says)
        .note("the last line of a body is its value; every other line must do something")
}

/// The place between the target and the value of a `=` or `:=`.
fn between(target: &Expr, value: &Expr) -> Span {
    Span { file: target.span.file, start: target.span.end, end: value.span.start }
}

/// The `-` that an expression begins with.
fn leading_minus(expr: &Expr) -> Option<Span> {
    match &expr.kind {
        ExprKind::Unary(UnaryOp::Neg, _) => Some(Span { end: expr.span.start + 1, ..expr.span }),
        ExprKind::Binary { left, .. } | ExprKind::Pipe(left, _) => leading_minus(left),
        _ => None,
    }
}
