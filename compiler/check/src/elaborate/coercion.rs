//! From the kind a value has to the kind that is wanted, by the table of the language; nothing else is converted.
use super::Engine;
use super::messages::dotted;
use super::scope::Scope;
use super::sizes::{written, written_type};
use super::spelling::{spell, unwrapped};
use super::value::{Kind, Tensor, UnknownFunction, Value};
use crate::hir::Builtin;
use esper_diagnostics::{Diagnostic, Span};
use esper_grammar::ast::*;
use esper_ir::{DType, Dim, Duration, Input, Op, TensorType};
use std::rc::Rc;

/// A size that must be whole once what it waits for is inferred.
#[derive(Clone, Debug)]
pub(crate) struct Deferred {
    /// What must be whole.
    pub dividend: Dim,
    /// What it is divided by.
    pub divisor: Dim,
    /// Where it is written.
    pub span: Span,
}

impl<'a> Engine<'a> {
    /// The value as the wanted kind; poison where it cannot be, which is reported. `what` names what it is for.
    pub fn coerce(&mut self, value: Value, kind: &Kind, span: Span, e: Option<&Expr>, what: &str) -> Value {
        match (kind, value) {
            (_, Value::Poison) => Value::Poison,
            (Kind::Dim, Value::Unknown(Kind::Int | Kind::Dim)) => Value::Size(self.unknown_size()),
            (Kind::Dim | Kind::Int, Value::Size(d)) => {
                if *kind == Kind::Dim
                    && let Some(n) = self.sizes.settle(&d).as_const().filter(|n| *n < 0)
                {
                    return self.report(Diagnostic::error("E0205", "a size is not negative", span, format!("is {n}")));
                }
                Value::Size(d)
            }
            (Kind::Dim | Kind::Int, Value::Ratio(a, b)) => self.exact(&a, &b, span, e),
            (Kind::Float, value @ (Value::Size(_) | Value::Ratio(..) | Value::Float(_))) => match self.known_number(&value) {
                Some(x) => Value::Float(x),
                None => value,
            },
            (Kind::Float, Value::Unknown(Kind::Int | Kind::Dim)) => Value::Unknown(Kind::Float),
            (Kind::Int, value @ Value::Unknown(Kind::Dim)) => value,
            (Kind::Bool, value @ Value::Bool(_)) | (Kind::Str, value @ Value::Text(_)) | (Kind::Time, value @ Value::Time(_)) => value,
            (Kind::Axis, value @ (Value::Size(_) | Value::Rest(_) | Value::List(_) | Value::Unknown(Kind::Int | Kind::Dim))) => value,
            (Kind::Fn, value @ (Value::Function(_) | Value::UnknownFunction(_))) => value,
            (
                Kind::Init,
                value @ (Value::Function(_) | Value::UnknownFunction(_) | Value::Unknown(Kind::Fn | Kind::Float | Kind::Int | Kind::Dim)),
            ) => value,
            (Kind::Init, value @ (Value::Size(_) | Value::Ratio(..) | Value::Float(_))) => value,
            (Kind::Blueprint, value @ Value::Recipe(_)) => value,
            (Kind::List(inner), Value::List(list)) => {
                let values: Vec<Value> = list.iter().map(|v| self.coerce(v.clone(), inner, span, None, what)).collect();
                if values.iter().any(Value::is_poison) { Value::Poison } else { Value::list(values) }
            }
            (Kind::List(_), value @ Value::Series(_)) => value,
            (kind, Value::Unknown(known)) if known == *kind => Value::Unknown(known),
            (kind, value) => self.wrong_kind(kind, &value, span, what),
        }
    }

    fn wrong_kind(&mut self, kind: &Kind, value: &Value, span: Span, what: &str) -> Value {
        let shown = match value {
            Value::Float(x) if matches!(kind, Kind::Dim | Kind::Int) => format!("{x}, which is not whole"),
            Value::Tensor(t) => format!("a tensor, {}", self.show(t)),
            other => other.words(),
        };
        let mut problem =
            Diagnostic::error("E0205", format!("{what} is {}, not {}", kind.words(), value.words()), span, format!("this is {shown}"));
        if matches!(value, Value::List(_)) {
            problem = problem.help("to try several values, say `sweep { … }` in the experiment");
        }
        if matches!((kind, value), (Kind::Time, Value::Size(_) | Value::Float(_))) {
            problem = problem.help("a time has a unit: `steps(n)`, `epochs(n)` or `share(x)` of the run");
        }
        self.report(problem)
    }

    /// A quotient as a size: it must divide.
    fn exact(&mut self, a: &Dim, b: &Dim, span: Span, e: Option<&Expr>) -> Value {
        let Ok(quotient) = a.divide(b) else {
            return self.report(Diagnostic::error("E0207", "a division by zero", span, "divides by zero"));
        };
        let Ok(settled) = self.sizes.settle(a).divide(&self.sizes.settle(b)) else {
            return self.report(Diagnostic::error("E0207", "a division by zero", span, "divides by zero"));
        };
        match settled.is_whole() {
            Some(true) => Value::Size(quotient),
            Some(false) => self.not_exact(a, b, span, e),
            None => {
                if self.concrete {
                    self.deferred.push(Deferred { dividend: a.clone(), divisor: b.clone(), span });
                }
                Value::Size(quotient)
            }
        }
    }

    /// E0201: `/` between integers never rounds.
    pub fn not_exact(&mut self, a: &Dim, b: &Dim, span: Span, e: Option<&Expr>) -> Value {
        let value = |d: &Dim| {
            let (name, number) = (dotted(&written(d)), written(&self.sizes.settle(d)));
            if name == number { number } else { format!("{name} = {number}") }
        };
        let mut problem = Diagnostic::error(
            "E0201",
            "a division of whole numbers that leaves a remainder",
            span,
            format!("{} does not divide {}", value(b), value(a)),
        )
        .note("`/` between integers never rounds");
        if let Some(e) = e.filter(|e| matches!(unwrapped(e).kind, ExprKind::Binary { op: BinaryOp::Div, .. })) {
            let inner = spell(unwrapped(e));
            for rounding in ["floor", "ceil"] {
                problem = problem.edit(format!("replace by `{rounding}({inner})`"), e.span, format!("{rounding}({inner})"));
            }
        }
        // The instance whose sizes make it so.
        if let Some(link) = self.chain.iter().rev().find(|l| l.item.is_none() && l.span != span) {
            let mut names = a.symbols();
            names.extend(b.symbols());
            let known = |name: String| {
                let size = Dim::symbol(&name);
                let number = self.sizes.settle(&size).as_const()?;
                Some(format!("{} = {number}", written(&size)))
            };
            let known: Vec<String> = names.into_iter().filter_map(known).collect();
            if !known.is_empty() {
                problem = problem.label(link.span, format!("because of this instance, {}", known.join(", ")));
            }
        }
        self.report(problem)
    }

    /// Decides what waited for an inferred size.
    pub fn settle_deferred(&mut self) {
        for Deferred { dividend, divisor, span } in std::mem::take(&mut self.deferred) {
            let quotient = self.sizes.settle(&dividend).divide(&self.sizes.settle(&divisor));
            if quotient.is_ok_and(|q| q.is_whole() == Some(false)) {
                self.not_exact(&dividend, &divisor, span, None);
            }
        }
    }

    /// The value as what a written type asks for.
    pub fn coerce_to_type(&mut self, s: &mut Scope, value: Value, ty: &'a Type, span: Span, e: Option<&Expr>) -> Value {
        if value.is_poison() {
            return value;
        }
        match &ty.kind {
            TypeKind::Named { name, dims: None } if name.text == "bool" && !matches!(value, Value::Tensor(_)) => {
                self.coerce(value, &Kind::Bool, span, e, "this")
            }
            TypeKind::Named { name, dims } => {
                if let (Some(kind), None) = (Kind::from_name(&name.text), dims) {
                    return self.coerce(value, &kind, span, e, "this");
                }
                let Some(dtype) = DType::from_name(&name.text) else { return Value::Poison };
                let Some(tensor) = self.to_tensor(value, dtype, span) else { return Value::Poison };
                let Some(wanted) = self.type_of(s, ty) else { return Value::Poison };
                self.expect_type(tensor, &wanted, ty, span)
            }
            TypeKind::List(inner) => match value {
                Value::List(list) => {
                    let values: Vec<Value> = list.iter().map(|v| self.coerce_to_type(s, v.clone(), inner, span, None)).collect();
                    if values.iter().any(Value::is_poison) { Value::Poison } else { Value::list(values) }
                }
                value @ Value::Series(_) => value,
                other => self.report(Diagnostic::error("E0205", "a list is wanted", span, format!("this is {}", other.words()))),
            },
            TypeKind::Tuple(types) => match value {
                Value::Tuple(values) if values.len() == types.len() => {
                    let values: Vec<Value> =
                        values.iter().zip(types).map(|(v, t)| self.coerce_to_type(s, v.clone(), t, span, None)).collect();
                    Value::tuple(values)
                }
                other => {
                    let problem = Diagnostic::error(
                        "E0209",
                        format!("{} values are wanted", types.len()),
                        span,
                        format!("this is {}", other.words()),
                    )
                    .label(ty.span, "wanted here");
                    self.report(problem)
                }
            },
            TypeKind::Fn(_) => self.coerce(value, &Kind::Fn, span, e, "this"),
        }
    }

    /// The tensor under the type that was promised for it; reports where it has another.
    pub fn expect_type(&mut self, tensor: Tensor, wanted: &TensorType, promise: &'a Type, span: Span) -> Value {
        let settled = self.sizes.settle_type(&tensor.ty);
        if tensor.ty.rank() != wanted.rank() {
            if super::sizes::has_rest(&settled.shape) || super::sizes::has_rest(&self.sizes.settle_type(wanted).shape) {
                return Value::Poison;
            }
            return self.not_as_promised(&tensor, wanted, promise, None, span);
        }
        for axis in 0..wanted.rank() {
            if !self.sizes.unify(&tensor.ty.shape[axis], &wanted.shape[axis]) {
                return self.not_as_promised(&tensor, wanted, promise, Some(axis), span);
            }
        }
        if tensor.ty.dtype != wanted.dtype {
            return self.not_as_promised(&tensor, wanted, promise, None, span);
        }
        Value::Tensor(Tensor { ty: wanted.clone(), ..tensor })
    }

    /// A tensor type with its sizes in names of the scope; `None` where something of it is poison.
    pub fn type_of(&mut self, s: &mut Scope, ty: &'a Type) -> Option<TensorType> {
        let TypeKind::Named { name, dims } = &ty.kind else { return None };
        let dtype = DType::from_name(&name.text)?;
        let mut shape = vec![];
        for elem in dims.iter().flatten() {
            match elem {
                Elem::Expr(Expr { kind: ExprKind::Name(name), .. }) if name == "_" => shape.push(self.unknown_size()),
                Elem::Expr(e) => {
                    let value = self.expr(s, e);
                    match self.coerce(value, &Kind::Dim, e.span, Some(e), "the size of an axis") {
                        Value::Size(d) => shape.push(d),
                        _ => return None,
                    }
                }
                Elem::Rest(name, _) => match s.find(&super::expression::rest_name(name)).map(|v| &v.value) {
                    Some(Value::Rest(dims)) => shape.extend(dims.iter().cloned()),
                    _ => return None,
                },
                Elem::Slice(..) => return None,
            }
        }
        Some(TensorType::new(dtype, shape))
    }

    /// A value as a tensor that meets tensors of the element type: numbers become scalars. Reports what cannot.
    pub fn to_tensor(&mut self, value: Value, dtype: DType, span: Span) -> Option<Tensor> {
        match value {
            Value::Tensor(t) => Some(t),
            Value::Size(ref d) => match super::expression::rational(&self.sizes.settle(d)) {
                Some(n) => Some(self.constant(n, dtype, span)),
                None => {
                    let size = self.sizes.settle(d);
                    Some(self.emit_tensor(Builtin::Size(size), &[], TensorType::scalar(dtype), span))
                }
            },
            Value::Ratio(ref a, ref b) => {
                if !dtype.is_float() {
                    let wanted = format!("{} elements are whole numbers", dtype.name());
                    self.report(Diagnostic::error("E0208", wanted, span, "this quotient is not"));
                    return None;
                }
                if let Some(x) = self.known_number(&value) {
                    return Some(self.constant(x, dtype, span));
                }
                let a = self.to_tensor(Value::Size(a.clone()), dtype, span)?;
                let b = self.to_tensor(Value::Size(b.clone()), dtype, span)?;
                Some(self.emit_tensor(Builtin::Elementwise(Op::Div), &[&a, &b], TensorType::scalar(dtype), span))
            }
            Value::Float(x) => {
                if !dtype.is_float() {
                    let problem = Diagnostic::error(
                        "E0208",
                        format!("a real number among {} elements", dtype.name()),
                        span,
                        format!("{x} is not a whole number, and element types are never converted silently"),
                    );
                    self.report(problem.help("`cast(…, f32)` the tensor first"));
                    return None;
                }
                Some(self.constant(x, dtype, span))
            }
            Value::Time(time) => Some(self.time_in_steps(time, span)),
            Value::Bool(b) if dtype == DType::Bool => Some(self.constant(f64::from(u8::from(b)), dtype, span)),
            Value::Unknown(Kind::Float | Kind::Int | Kind::Dim | Kind::Time) => Some(self.constant(0.0, dtype, span)),
            Value::Unknown(Kind::Bool) if dtype == DType::Bool => Some(self.constant(0.0, dtype, span)),
            Value::Poison | Value::Unknown(_) => None,
            other => {
                self.report(Diagnostic::error("E0205", "a tensor is wanted", span, format!("this is {}", other.words())));
                None
            }
        }
    }

    /// Inside a body a time is its number of steps.
    fn time_in_steps(&mut self, time: Duration, span: Span) -> Tensor {
        let scalar = TensorType::scalar(DType::F32);
        let (count, unit) = match time {
            Duration::Steps(n) => return self.constant(n, DType::F32, span),
            Duration::Epochs(n) => (n, Input::EpochSteps),
            Duration::Share(x) => (x, Input::TotalSteps),
        };
        let unit = self.input(unit, scalar.clone(), span);
        let count = self.constant(count, DType::F32, span);
        self.emit_tensor(Builtin::Elementwise(Op::Mul), &[&count, &unit], scalar, span)
    }

    /// The value of a parameter in a generic check: what stands for every argument.
    pub fn symbolic(&mut self, s: &mut Scope, ty: &Type, name: &str) -> Value {
        match &ty.kind {
            TypeKind::Named { name: kind, dims: None } => match Kind::from_name(&kind.text) {
                Some(Kind::Dim) => Value::Size(Dim::symbol(&s.symbol(name))),
                Some(Kind::Fn) => Value::UnknownFunction(Rc::new(UnknownFunction { keeps_type: true })),
                Some(kind) => Value::Unknown(kind),
                None if kind.text == "bool" => Value::Unknown(Kind::Bool),
                None => Value::Poison,
            },
            TypeKind::List(inner) => Value::Series(Rc::new(self.symbolic_element(inner))),
            TypeKind::Fn(signature) => Value::UnknownFunction(Rc::new(UnknownFunction { keeps_type: signature.is_none() })),
            _ => Value::Poison,
        }
    }

    fn symbolic_element(&mut self, ty: &Type) -> Value {
        match &ty.kind {
            TypeKind::Named { name, dims: None } if name.text == "bool" => Value::Unknown(Kind::Bool),
            TypeKind::Named { name, dims: None } => match Kind::from_name(&name.text) {
                Some(Kind::Fn) => Value::UnknownFunction(Rc::new(UnknownFunction { keeps_type: true })),
                Some(kind) => Value::Unknown(kind),
                None => Value::Poison,
            },
            TypeKind::List(inner) => Value::Series(Rc::new(self.symbolic_element(inner))),
            _ => Value::Poison,
        }
    }

    /// A promise that is not kept: E0305 with both types.
    fn not_as_promised(&mut self, tensor: &Tensor, wanted: &TensorType, promise: &'a Type, axis: Option<usize>, span: Span) -> Value {
        let got = written_type(&self.sizes.settle_type(&tensor.ty));
        let wanted = self.sizes.settle_type(wanted);
        let place = axis.and_then(|axis| elem_span(promise, axis, wanted.rank())).unwrap_or(promise.span);
        let mut problem = Diagnostic::error("E0305", "the result is not what was promised", span, format!("is {got}"))
            .label(place, if place == promise.span { format!("promised: {}", written_type(&wanted)) } else { "promised".into() });
        if !self.concrete {
            problem = problem.edit(format!("promise `{got}`"), promise.span, got);
        }
        problem = self.explain_stride(problem, axis.map(|a| (&tensor.ty.shape[a], &wanted.shape[a])));
        self.report(problem)
    }
}

/// The place of an axis in a written type.
fn elem_span(ty: &Type, axis: usize, rank: usize) -> Option<Span> {
    let TypeKind::Named { dims: Some(elems), .. } = &ty.kind else { return None };
    let rest = elems.iter().position(|e| matches!(e, Elem::Rest(..)));
    let index = match rest {
        Some(r) if axis >= r => {
            let behind = elems.len() - r - 1;
            if axis >= rank - behind { elems.len() - (rank - axis) } else { r }
        }
        _ => axis,
    };
    Some(match elems.get(index)? {
        Elem::Expr(e) => e.span,
        Elem::Rest(_, span) | Elem::Slice(_, _, span) => *span,
    })
}
