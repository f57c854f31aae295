//! Expressions: names, literals, lists, branches; operators and calls have files of their own.
use super::scope::Scope;
use super::sizes;
use super::value::{Function, Kind, Recipe, Target, Value};
use super::{DEEPEST, Engine};
use crate::facts::FactKind;
use crate::names::{ItemClass, ItemId};
use esper_diagnostics::{Diagnostic, Span};
use esper_grammar::ast::*;
use esper_ir::{DType, Dim};
use std::rc::Rc;

impl<'a> Engine<'a> {
    /// What an expression gives.
    pub fn expr(&mut self, s: &mut Scope, e: &'a Expr) -> Value {
        if self.depth >= DEEPEST {
            return self.report(Diagnostic::error(
                "E0413",
                "this nests too deeply to be evaluated",
                e.span,
                "the limit of 1,200 levels was reached here",
            ));
        }
        self.depth += 1;
        let value = self.expr_of_any_kind(s, e);
        if matches!(e.kind, ExprKind::Name(_)) {
            self.learn(s, FactKind::Value, e.span, &value);
        }
        self.depth -= 1;
        value
    }

    fn expr_of_any_kind(&mut self, s: &mut Scope, e: &'a Expr) -> Value {
        match &e.kind {
            ExprKind::Name(name) => {
                if !self.concrete {
                    self.names.insert(e.span, name.clone());
                }
                self.name(s, name, e.span)
            }
            ExprKind::Int(n) => Value::int(*n),
            ExprKind::Float { value, .. } => Value::Float(*value),
            ExprKind::Str(text) => Value::Text(Rc::from(text.as_str())),
            ExprKind::Bool(b) => Value::Bool(*b),
            ExprKind::Paren(inner) => self.expr(s, inner),
            ExprKind::Unary(op, x) => {
                let x = self.expr(s, x);
                self.unary(*op, x, e.span)
            }
            ExprKind::Binary { op: op @ (BinaryOp::And | BinaryOp::Or), left, right, .. } => self.logic(s, *op, left, right, e.span),
            ExprKind::Binary { op, op_span, left, right } => {
                let x = self.expr(s, left);
                let y = self.expr(s, right);
                self.binary(*op, *op_span, (x, left), (y, right), e.span)
            }
            ExprKind::Pipe(x, f) => self.pipe(s, x, f, e.span),
            ExprKind::Call { callee, args } => self.call(s, callee, None, args, e.span),
            ExprKind::Index { base, elems } => self.index(s, base, elems, e.span),
            ExprKind::Dot { base, name } => self.dot(s, base, name),
            ExprKind::Tuple(parts) => {
                let parts = parts.iter().map(|p| self.expr(s, p)).collect();
                Value::tuple(parts)
            }
            ExprKind::List(elems) => self.list(s, elems),
            ExprKind::Repeat { value, count } => self.repeat(s, value, count),
            ExprKind::Each { value, pattern, over } => self.each(s, value, pattern, over),
            ExprKind::If { condition, then, otherwise } => self.branch(s, condition, then, otherwise.as_ref()),
            ExprKind::Error => Value::Poison,
        }
    }

    /// What a name means. What means nothing is poison: the names part of the check has said so.
    pub fn name(&mut self, s: &mut Scope, name: &str, span: Span) -> Value {
        if let Some(variable) = s.find(name) {
            return variable.value.clone();
        }
        if let Some(i) = s.instance
            && let Some(value) = self.member(s, i, name, span)
        {
            return value;
        }
        self.outer_name(s, name, span)
    }

    /// What a name means outside of the item.
    pub fn outer_name(&mut self, s: &Scope, name: &str, span: Span) -> Value {
        match name {
            "training" => return self.training.map_or(Value::Unknown(Kind::Bool), Value::Bool),
            "inf" => return Value::Float(f64::INFINITY),
            _ => {}
        }
        if let Some(id) = self.resolution.lookup(s.file, name) {
            return self.item_value(id, name, span);
        }
        if let Some(dtype) = DType::from_name(name) {
            return Value::Element(dtype);
        }
        match crate::builtins::position(name) {
            Some(i) => Value::Function(Rc::new(Function { target: Target::Builtin(i), args: vec![], text: name.to_string() })),
            None => Value::Poison,
        }
    }

    fn item_value(&mut self, id: ItemId, name: &str, span: Span) -> Value {
        if !self.resolution.is_usable(id) {
            return Value::Poison;
        }
        let info = self.resolution.item(id);
        match info.kind {
            ItemClass::Fn => Value::Function(Rc::new(Function { target: Target::Item(id), args: vec![], text: name.to_string() })),
            ItemClass::Blueprint | ItemClass::Optimizer => {
                Value::Recipe(Rc::new(Recipe { item: id, args: vec![], span, text: name.to_string() }))
            }
            ItemClass::Const => self.constant_item(id),
            ItemClass::Policy | ItemClass::Train => Value::Poison,
        }
    }

    fn constant_item(&mut self, id: ItemId) -> Value {
        if let Some(value) = self.constants.get(&id) {
            return value.clone();
        }
        let info = self.resolution.item(id);
        let ItemKind::Const { ty, value, .. } = &info.item.kind else { return Value::Poison };
        // While it is evaluated it is poison: a constant that contains itself is a problem of names.
        self.constants.insert(id, Value::Poison);
        let mut scope = self.file_scope(info.file);
        let mut result = self.expr(&mut scope, value);
        if let Some(ty) = ty {
            result = self.coerce_to_type(&mut scope, result, ty, value.span, Some(value));
        }
        self.constants.insert(id, result.clone());
        result
    }

    fn list(&mut self, s: &mut Scope, elems: &'a [Elem]) -> Value {
        let mut values = vec![];
        for elem in elems {
            match elem {
                Elem::Expr(e) => match self.expr(s, e) {
                    Value::Poison => return Value::Poison,
                    value => values.push(value),
                },
                Elem::Rest(name, _) => match s.find(&rest_name(name)).map(|v| v.value.clone()) {
                    Some(Value::Rest(dims)) => values.extend(dims.iter().cloned().map(Value::Size)),
                    _ => return Value::Poison,
                },
                Elem::Slice(_, _, span) => {
                    return self.report(Diagnostic::error(
                        "E0205",
                        "`a:b` has a meaning only in an index",
                        *span,
                        "not an element of a list",
                    ));
                }
            }
        }
        Value::list(values)
    }

    fn repeat(&mut self, s: &mut Scope, value: &'a Expr, count: &'a Expr) -> Value {
        let count_value = self.expr(s, count);
        let element = self.expr(s, value);
        if element.is_poison() {
            return Value::Poison;
        }
        match self.whole_number(&count_value, count, "how often") {
            Some(n) if n >= 0 => {
                if !self.bounded(n, count.span) {
                    return Value::Poison;
                }
                Value::list((0..n).map(|_| element.clone()).collect())
            }
            Some(n) => self.report(Diagnostic::error("E0205", "a list cannot have less than no elements", count.span, format!("is {n}"))),
            None if count_value.is_poison() => Value::Poison,
            None => Value::Series(Rc::new(element)),
        }
    }

    /// Whether a count is small enough to be unrolled; reports where it is not.
    pub fn bounded(&mut self, n: i64, span: Span) -> bool {
        if n <= super::MOST_WORK as i64 {
            return true;
        }
        self.report(Diagnostic::error("E0411", "the program unrolls to more than 1,000,000 operations", span, format!("{n} turns")));
        false
    }

    fn each(&mut self, s: &mut Scope, value: &'a Expr, pattern: &'a Pattern, over: &'a Expr) -> Value {
        let over_value = self.expr(s, over);
        let depth = s.vars.len();
        let mut turn = |engine: &mut Self, element: Value| {
            engine.declare(s, pattern, element);
            let result = engine.expr(s, value);
            s.vars.truncate(depth);
            result
        };
        match over_value {
            Value::List(list) => {
                let mut results = vec![];
                for element in list.iter() {
                    if !self.spend(over.span) {
                        return Value::Poison;
                    }
                    match turn(self, element.clone()) {
                        Value::Poison => return Value::Poison,
                        result => results.push(result),
                    }
                }
                Value::list(results)
            }
            Value::Series(element) => match turn(self, (*element).clone()) {
                Value::Poison => Value::Poison,
                result => Value::Series(Rc::new(result)),
            },
            Value::Poison | Value::Unknown(_) => Value::Poison,
            other => self.report(Diagnostic::error("E0205", "`for` goes over a list", over.span, format!("this is {}", other.words()))),
        }
    }

    fn dot(&mut self, s: &mut Scope, base: &'a Expr, name: &'a Name) -> Value {
        match self.expr(s, base) {
            Value::Layer(i) => self.member_from_outside(s, i, &name.text, name.span).unwrap_or(Value::Poison),
            Value::Poison | Value::Unknown(_) => Value::Poison,
            other => self.report(Diagnostic::error(
                "E0205",
                format!("only a layer has parts such as `.{}`", name.text),
                base.span,
                format!("this is {}", other.words()),
            )),
        }
    }

    /// A number known to the compiler, where it is.
    pub fn known_number(&self, value: &Value) -> Option<f64> {
        match value {
            Value::Float(x) => Some(*x),
            Value::Size(d) => rational(&self.sizes.settle(d)),
            Value::Ratio(a, b) => Some(rational(&self.sizes.settle(a))? / rational(&self.sizes.settle(b))?),
            _ => None,
        }
    }

    /// A whole number known to the compiler; reports where it is something else.
    pub fn whole_number(&mut self, value: &Value, e: &'a Expr, what: &str) -> Option<i64> {
        let value = self.coerce(value.clone(), &Kind::Int, e.span, Some(e), what);
        match value {
            Value::Size(d) => self.sizes.settle(&d).as_const(),
            _ => None,
        }
    }

    /// A size that the generic check does not know: settled by the first equation, and nothing is said where none comes.
    pub fn unknown_size(&mut self) -> Dim {
        let symbol = format!("?@{}", self.new_frame());
        let open = sizes::Open { name: String::new(), span: Span::default(), owner: String::new(), layer: None };
        self.sizes.open.insert(symbol.clone(), open);
        Dim::symbol(&symbol)
    }
}

/// The value of a size without names.
pub(crate) fn rational(d: &Dim) -> Option<f64> {
    d.as_rational().map(|(p, q)| p as f64 / q as f64)
}

/// The name under which the axes behind `..` or `..space` are kept.
pub(crate) fn rest_name(name: &Option<Name>) -> String {
    name.as_ref().map_or_else(|| "..".to_string(), |n| n.text.clone())
}
