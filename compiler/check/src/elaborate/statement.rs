//! Bodies: their lines in order, loops unrolled, branches taken, the last expression being the value.
use super::Engine;
use super::scope::{Scope, Variable};
use super::sizes::written_type;
use super::value::{Kind, Tensor, Value};
use crate::facts::FactKind;
use esper_diagnostics::{Diagnostic, Span};
use esper_grammar::ast::*;

impl<'a> Engine<'a> {
    /// What a body gives; its names end with it, rebindings of outer names do not.
    pub fn body(&mut self, s: &mut Scope, body: &'a Body) -> Value {
        let depth = s.vars.len();
        let mut value = Value::Nothing;
        for line in &body.lines {
            value = self.line(s, line);
        }
        s.vars.truncate(depth);
        value
    }

    fn line(&mut self, s: &mut Scope, line: &'a Line) -> Value {
        match &line.kind {
            LineKind::Expr(e) => return self.expr(s, e),
            LineKind::Let { pattern, ty, value } => {
                let mut result = self.expr(s, value);
                if let Some(ty) = ty {
                    result = self.coerce_to_type(s, result, ty, value.span, Some(value));
                }
                self.declare(s, pattern, result);
            }
            LineKind::Set { target, value } => self.rebind(s, target, value),
            LineKind::Assign { target, value } => self.assign(s, target, value),
            LineKind::Require { condition, message } => self.require(s, condition, message.as_ref()),
            LineKind::For { pattern, over, body } => self.loop_over(s, pattern, over, body),
            // Lines that do not belong here are told by the names part.
            LineKind::Broken(_) => return Value::Poison,
            _ => {}
        }
        Value::Nothing
    }

    /// Declares what a pattern names.
    pub fn declare(&mut self, s: &mut Scope, pattern: &'a Pattern, value: Value) {
        match pattern {
            Pattern::Name(name) => {
                self.learn(s, FactKind::Let, name.span, &value);
                s.declare(&name.text, value, name.span);
            }
            Pattern::Tuple(parts, span) => {
                let values = match value {
                    Value::Tuple(values) if values.len() == parts.len() => values.to_vec(),
                    Value::List(values) if values.len() == parts.len() => values.to_vec(),
                    Value::Series(element) => parts.iter().map(|_| (*element).clone()).collect(),
                    Value::Poison | Value::Unknown(_) => vec![Value::Poison; parts.len()],
                    other => {
                        let count = match &other {
                            Value::Tuple(values) | Value::List(values) => format!("{} values", values.len()),
                            _ => other.words(),
                        };
                        self.report(Diagnostic::error(
                            "E0209",
                            format!("{} names, but {count} to take apart", parts.len()),
                            *span,
                            format!("these are {} names", parts.len()),
                        ));
                        vec![Value::Poison; parts.len()]
                    }
                };
                for (part, value) in parts.iter().zip(values) {
                    self.declare(s, part, value);
                }
            }
        }
    }

    fn rebind(&mut self, s: &mut Scope, target: &'a Expr, value: &'a Expr) {
        let new = self.expr(s, value);
        let ExprKind::Name(name) = &target.kind else { return };
        let in_loop = s.loops > 0;
        let Some(old) = s.find(name).cloned() else { return };
        let new = match (&old.value, new) {
            (Value::Tensor(before), Value::Tensor(after)) if !in_loop && !self.same_type(before, &after) => {
                let problem =
                    Diagnostic::error("E0405", format!("`{name}` changes its type"), value.span, format!("is {}", self.show(&after)))
                        .label(old.span, format!("`{name}` is {} here", self.show(before)))
                        .help("a name keeps its type; give the new tensor a name of its own with `let`");
                self.report(problem)
            }
            (Value::Tensor(before), number @ (Value::Size(_) | Value::Float(_) | Value::Ratio(..))) => {
                let dtype = before.ty.dtype;
                self.to_tensor(number, dtype, value.span).map_or(Value::Poison, Value::Tensor)
            }
            (_, new) => new,
        };
        if let Some(variable) = s.find_mut(name) {
            variable.value = new;
        }
    }

    /// Whether two tensors have provably the same type.
    pub fn same_type(&self, a: &Tensor, b: &Tensor) -> bool {
        a.ty.dtype == b.ty.dtype
            && a.ty.rank() == b.ty.rank()
            && a.ty.shape.iter().zip(&b.ty.shape).all(|(x, y)| self.sizes.same(x, y) || self.sizes.waits(x) || self.sizes.waits(y))
    }

    /// A tensor's type as messages write it.
    pub fn show(&self, t: &Tensor) -> String {
        written_type(&self.sizes.settle_type(&t.ty))
    }

    /// `require condition, "message"`.
    pub fn require(&mut self, s: &mut Scope, condition: &'a Expr, message: Option<&'a Expr>) {
        let value = self.expr(s, condition);
        let told = match message.map(|m| &m.kind) {
            Some(ExprKind::Str(text)) => text.clone(),
            _ => String::new(),
        };
        self.required(value, condition.span, &told);
    }

    /// Reports where a requirement does not hold.
    pub fn required(&mut self, value: Value, span: Span, told: &str) {
        match value {
            Value::Bool(true) | Value::Poison | Value::Unknown(_) => {}
            Value::Bool(false) => {
                let message = if told.is_empty() { "a requirement does not hold".to_string() } else { told.to_string() };
                self.report(Diagnostic::error("E0210", message, span, "does not hold"));
            }
            other => {
                let problem = Diagnostic::error("E0205", "a requirement is true or false", span, format!("this is {}", other.words()));
                self.report(problem);
            }
        }
    }

    fn loop_over(&mut self, s: &mut Scope, pattern: &'a Pattern, over: &'a Expr, body: &'a Body) {
        let list = self.expr(s, over);
        let depth = s.vars.len();
        s.loops += 1;
        match list {
            Value::List(list) => {
                for element in list.iter() {
                    if !self.spend(over.span) {
                        break;
                    }
                    self.declare(s, pattern, element.clone());
                    self.body(s, body);
                    s.vars.truncate(depth);
                }
            }
            Value::Series(element) => {
                let before = s.vars.clone();
                self.declare(s, pattern, (*element).clone());
                self.body(s, body);
                s.vars.truncate(depth);
                // Any number of turns: what one turn changes the type of is not known.
                let after = std::mem::replace(&mut s.vars, before);
                self.merge_variables(s, after);
            }
            Value::Poison | Value::Unknown(_) => {
                let before = s.vars.clone();
                self.declare(s, pattern, Value::Poison);
                self.quietly(|engine| engine.body(s, body));
                s.vars.truncate(depth);
                let after = std::mem::replace(&mut s.vars, before);
                self.merge_variables(s, after);
            }
            other => {
                self.report(Diagnostic::error("E0205", "`for` goes over a list", over.span, format!("this is {}", other.words())));
            }
        }
        s.loops -= 1;
    }

    fn merge_variables(&mut self, s: &mut Scope, other: Vec<Variable>) {
        for (variable, other) in s.vars.iter_mut().zip(other) {
            variable.value = merged(self, &variable.value, &other.value);
        }
    }

    /// `if condition { … } else { … }`.
    pub fn branch(&mut self, s: &mut Scope, condition: &'a Expr, then: &'a Body, otherwise: Option<&'a Body>) -> Value {
        let decided = match self.expr(s, condition) {
            Value::Bool(b) => Some(b),
            Value::Unknown(_) if self.concrete => {
                return self.report(
                    Diagnostic::error(
                        "E0412",
                        "a condition that the sizes do not decide",
                        condition.span,
                        "true for some sizes and not for others",
                    )
                    .help("an `if` may not depend on the size of a batch, nor on a dim that is inferred later"),
                );
            }
            Value::Unknown(_) => None,
            Value::Poison => {
                // What else is wrong in the branches is still said.
                self.both_branches(s, condition, then, otherwise);
                return Value::Poison;
            }
            Value::Tensor(t) => return self.condition_on_tensor(condition, &t, then, otherwise),
            other => {
                return self.report(Diagnostic::error(
                    "E0205",
                    "a condition is true or false",
                    condition.span,
                    format!("this is {}", other.words()),
                ));
            }
        };
        match decided {
            Some(true) => self.under(s, condition, true, |engine, s| engine.body(s, then)),
            Some(false) => match otherwise {
                Some(body) => self.under(s, condition, false, |engine, s| engine.body(s, body)),
                None => Value::Nothing,
            },
            None => {
                let (a, b) = self.both_branches(s, condition, then, otherwise);
                if otherwise.is_none() {
                    return Value::Nothing;
                }
                self.merge_branches(s, condition, a, b)
            }
        }
    }

    fn both_branches(&mut self, s: &mut Scope, condition: &'a Expr, then: &'a Body, otherwise: Option<&'a Body>) -> (Value, Value) {
        let before = s.vars.clone();
        let a = self.under(s, condition, true, |engine, s| engine.body(s, then));
        let after = std::mem::replace(&mut s.vars, before);
        let b = match otherwise {
            Some(body) => self.under(s, condition, false, |engine, s| engine.body(s, body)),
            None => Value::Nothing,
        };
        self.merge_variables(s, after);
        (a, b)
    }

    /// One value for two branches of which it is not known which is taken: equal where the equations of one branch make them equal.
    fn merge_branches(&mut self, s: &mut Scope, condition: &'a Expr, a: Value, b: Value) -> Value {
        if let (Value::Tensor(x), Value::Tensor(y)) = (&a, &b) {
            if self.same_type(x, y) || self.under(s, condition, false, |engine, _| engine.same_type(x, y)) {
                return a;
            }
            if self.under(s, condition, true, |engine, _| engine.same_type(x, y)) {
                return b;
            }
        }
        merged(self, &a, &b)
    }
}

/// What two possible values have in common.
fn merged(engine: &Engine, a: &Value, b: &Value) -> Value {
    match (a, b) {
        (Value::Tensor(x), Value::Tensor(y)) if engine.same_type(x, y) => a.clone(),
        (Value::Tensor(x), Value::Size(_) | Value::Float(_) | Value::Ratio(..) | Value::Unknown(_)) if x.ty.rank() == 0 => a.clone(),
        (Value::Size(_) | Value::Float(_) | Value::Ratio(..) | Value::Unknown(_), Value::Tensor(y)) if y.ty.rank() == 0 => b.clone(),
        (Value::Size(x), Value::Size(y)) if engine.sizes.same(x, y) => a.clone(),
        (Value::Size(_) | Value::Unknown(Kind::Int | Kind::Dim), Value::Size(_) | Value::Unknown(Kind::Int | Kind::Dim)) => {
            Value::Unknown(Kind::Int)
        }
        (Value::Float(x), Value::Float(y)) if x == y => a.clone(),
        (
            Value::Size(_) | Value::Ratio(..) | Value::Float(_) | Value::Unknown(Kind::Int | Kind::Dim | Kind::Float),
            Value::Size(_) | Value::Ratio(..) | Value::Float(_) | Value::Unknown(Kind::Int | Kind::Dim | Kind::Float),
        ) => Value::Unknown(Kind::Float),
        (Value::Bool(x), Value::Bool(y)) if x == y => a.clone(),
        (Value::Bool(_) | Value::Unknown(Kind::Bool), Value::Bool(_) | Value::Unknown(Kind::Bool)) => Value::Unknown(Kind::Bool),
        (Value::Unknown(x), Value::Unknown(y)) if x == y => a.clone(),
        (Value::Layer(x), Value::Layer(y)) if x == y => a.clone(),
        (Value::Nothing, Value::Nothing) => Value::Nothing,
        (Value::List(x), Value::List(y)) if x.len() == y.len() => {
            Value::list(x.iter().zip(y.iter()).map(|(x, y)| merged(engine, x, y)).collect())
        }
        (Value::Tuple(x), Value::Tuple(y)) if x.len() == y.len() => {
            Value::tuple(x.iter().zip(y.iter()).map(|(x, y)| merged(engine, x, y)).collect())
        }
        (Value::Text(x), Value::Text(y)) if x == y => a.clone(),
        (Value::Element(x), Value::Element(y)) if x == y => a.clone(),
        (Value::Function(x), Value::Function(y)) if x.target == y.target && x.args.is_empty() && y.args.is_empty() => a.clone(),
        (Value::Rest(x), Value::Rest(y)) if x == y => a.clone(),
        (Value::Slot(x), Value::Slot(y)) if x == y => a.clone(),
        (Value::Time(x), Value::Time(y)) if x == y => a.clone(),
        (Value::Recipe(x), Value::Recipe(y)) if std::rc::Rc::ptr_eq(x, y) => a.clone(),
        (Value::Series(x), Value::Series(y)) => Value::Series(std::rc::Rc::new(merged(engine, x, y))),
        (Value::UnknownFunction(_), Value::UnknownFunction(_)) => a.clone(),
        _ => Value::Poison,
    }
}
