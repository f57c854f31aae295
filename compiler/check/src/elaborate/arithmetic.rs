//! Operators: exact arithmetic of sizes, real numbers known to the compiler, truths, and elementwise operators on tensors.
use super::Engine;
use super::scope::Scope;
use super::value::{Kind, Tensor, Value};
use crate::hir::Builtin;
use esper_diagnostics::{Diagnostic, Span};
use esper_grammar::ast::*;
use esper_ir::{DType, Dim, Op, TensorType};
use std::cmp::Ordering;

/// Powers of sizes are multiplied out: more than this is not a size of anything.
const LARGEST_EXPONENT: i64 = 64;

impl<'a> Engine<'a> {
    /// `-x`, `not x`.
    pub fn unary(&mut self, op: UnaryOp, x: Value, span: Span) -> Value {
        match (op, x) {
            (_, Value::Poison) => Value::Poison,
            (UnaryOp::Neg, Value::Size(d)) => Dim::constant(0).sub(&d).map_or(Value::Poison, Value::Size),
            (UnaryOp::Neg, Value::Ratio(a, b)) => Dim::constant(0).sub(&a).map_or(Value::Poison, |a| Value::Ratio(a, b)),
            (UnaryOp::Neg, Value::Float(x)) => Value::Float(-x),
            (UnaryOp::Neg, value @ Value::Unknown(Kind::Int | Kind::Dim | Kind::Float)) => value,
            (UnaryOp::Neg, Value::Tensor(t)) if t.ty.dtype != DType::Bool => {
                let ty = t.ty.clone();
                self.emit(Builtin::Elementwise(Op::Neg), &[&t], ty, span)
            }
            (UnaryOp::Not, Value::Bool(b)) => Value::Bool(!b),
            (UnaryOp::Not, value @ Value::Unknown(Kind::Bool)) => value,
            (UnaryOp::Not, Value::Tensor(t)) if t.ty.dtype == DType::Bool => {
                let ty = t.ty.clone();
                self.emit(Builtin::Elementwise(Op::Not), &[&t], ty, span)
            }
            (op, other) => {
                let (sign, wanted) = if op == UnaryOp::Neg { ("-", "a number") } else { ("not", "true or false") };
                let shown = match &other {
                    Value::Tensor(t) => self.show(t),
                    other => other.words(),
                };
                self.report(Diagnostic::error("E0205", format!("`{sign}` is of {wanted}"), span, format!("this is {shown}")))
            }
        }
    }

    /// `and`, `or`: of truths, the right side only where it decides; of bool tensors, elementwise.
    pub fn logic(&mut self, s: &mut Scope, op: BinaryOp, left: &'a Expr, right: &'a Expr, span: Span) -> Value {
        let decided = op == BinaryOp::Or;
        let x = self.expr(s, left);
        if matches!(x, Value::Bool(b) if b == decided) {
            return x;
        }
        let y = if matches!(x, Value::Unknown(_)) {
            self.under(s, left, !decided, |engine, s| engine.expr(s, right))
        } else {
            self.expr(s, right)
        };
        match (x, y) {
            (Value::Poison, _) | (_, Value::Poison) => Value::Poison,
            (_, Value::Bool(b)) if b == decided => Value::Bool(b),
            (Value::Bool(_), y @ (Value::Bool(_) | Value::Unknown(Kind::Bool))) => y,
            (Value::Unknown(Kind::Bool), Value::Bool(_) | Value::Unknown(Kind::Bool)) => Value::Unknown(Kind::Bool),
            (Value::Tensor(x), Value::Tensor(y)) if x.ty.dtype == DType::Bool && y.ty.dtype == DType::Bool => {
                let op = if decided { Op::Or } else { Op::And };
                self.elementwise(op, &[x, y], DType::Bool, span)
            }
            (x, y) => {
                let (bad, e) = if matches!(x, Value::Bool(_) | Value::Unknown(Kind::Bool)) { (y, right) } else { (x, left) };
                let word = if decided { "or" } else { "and" };
                self.report(Diagnostic::error("E0205", format!("`{word}` is of true or false"), e.span, format!("this is {}", bad.words())))
            }
        }
    }

    /// Every other operator.
    pub fn binary(&mut self, op: BinaryOp, op_span: Span, x: (Value, &'a Expr), y: (Value, &'a Expr), span: Span) -> Value {
        let ((x, left), (y, right)) = (x, y);
        if x.is_poison() || y.is_poison() {
            return Value::Poison;
        }
        match (&x, &y) {
            (Value::Tensor(_), _) | (_, Value::Tensor(_)) => self.tensor_binary(op, op_span, (x, left), (y, right), span),
            (Value::Size(a), Value::Size(b)) => self.size_binary(op, a, b, right, span),
            (
                Value::Size(_) | Value::Ratio(..) | Value::Float(_) | Value::Unknown(Kind::Int | Kind::Dim | Kind::Float),
                Value::Size(_) | Value::Ratio(..) | Value::Float(_) | Value::Unknown(Kind::Int | Kind::Dim | Kind::Float),
            ) => self.number_binary(op, x, y, span),
            (Value::Time(_), _) | (_, Value::Time(_))
                if is_number(&x) || is_number(&y) || matches!((&x, &y), (Value::Time(_), Value::Time(_))) =>
            {
                // Inside a body a time is its number of steps.
                let (Some(a), Some(b)) = (self.to_tensor(x, DType::F32, left.span), self.to_tensor(y, DType::F32, right.span)) else {
                    return Value::Poison;
                };
                self.tensor_binary(op, op_span, (Value::Tensor(a), left), (Value::Tensor(b), right), span)
            }
            _ => self.equality(op, &x, &y, span),
        }
    }

    /// `==` of what is no number.
    fn equality(&mut self, op: BinaryOp, x: &Value, y: &Value, span: Span) -> Value {
        let equal = match (x, y) {
            (Value::Bool(a), Value::Bool(b)) => Some(a == b),
            (Value::Text(a), Value::Text(b)) => Some(a == b),
            (Value::Element(a), Value::Element(b)) => Some(a == b),
            (Value::Unknown(_) | Value::UnknownFunction(_), _) | (_, Value::Unknown(_) | Value::UnknownFunction(_)) => {
                return if is_comparison(op) { Value::Unknown(Kind::Bool) } else { Value::Poison };
            }
            _ => None,
        };
        match (op, equal) {
            (BinaryOp::Eq, Some(e)) => Value::Bool(e),
            (BinaryOp::Ne, Some(e)) => Value::Bool(!e),
            _ => {
                let sign = op.text();
                self.report(Diagnostic::error(
                    "E0205",
                    format!("`{sign}` cannot combine these"),
                    span,
                    format!("{} {sign} {}", x.words(), y.words()),
                ))
            }
        }
    }

    fn size_binary(&mut self, op: BinaryOp, a: &Dim, b: &Dim, right: &'a Expr, span: Span) -> Value {
        let (sa, sb) = (self.sizes.settle(a), self.sizes.settle(b));
        let zero = sb.as_const() == Some(0);
        let result = match op {
            BinaryOp::Add => a.add(b),
            BinaryOp::Sub => a.sub(b),
            BinaryOp::Mul => a.mul(b),
            BinaryOp::Div | BinaryOp::Rem if zero => {
                return self.report(Diagnostic::error("E0207", "a division by zero", right.span, "is 0"));
            }
            BinaryOp::Div => {
                let whole = sa.divide(&sb).ok().and_then(|q| q.is_whole());
                match (whole, a.divide(b)) {
                    (Some(true), Ok(q)) => return Value::Size(q),
                    _ => return Value::Ratio(a.clone(), b.clone()),
                }
            }
            BinaryOp::Rem => a.remainder(b),
            BinaryOp::Pow => match sb.as_const() {
                Some(n @ 0..=LARGEST_EXPONENT) => a.power(n as u32),
                Some(n) if n < 0 => {
                    return match self.known_number(&Value::Size(a.clone())) {
                        Some(x) => Value::Float(x.powf(n as f64)),
                        None => Value::Unknown(Kind::Float),
                    };
                }
                Some(n) => {
                    return self.report(Diagnostic::error("E0207", "a power too large to be a size", span, format!("to the power {n}")));
                }
                None => return Value::Unknown(Kind::Int),
            },
            BinaryOp::MatMul => return self.equality(op, &Value::Size(a.clone()), &Value::Size(b.clone()), span),
            _ => return self.compare_sizes(op, &sa, &sb),
        };
        match result {
            Ok(d) => Value::Size(d),
            Err(_) => self.report(Diagnostic::error("E0207", "a size too large to count with", span, "overflows 64 bits")),
        }
    }

    fn compare_sizes(&self, op: BinaryOp, a: &Dim, b: &Dim) -> Value {
        if self.sizes.waits(a) || self.sizes.waits(b) {
            if a != b {
                return Value::Unknown(Kind::Bool);
            }
        }
        let order = a.compare(b);
        let at_least = |x: &Dim, y: &Dim| x.at_least(y);
        let truth = match op {
            BinaryOp::Eq => order.map(|o| o == Ordering::Equal),
            BinaryOp::Ne => order.map(|o| o != Ordering::Equal),
            BinaryOp::Ge => at_least(a, b),
            BinaryOp::Le => at_least(b, a),
            BinaryOp::Lt => at_least(a, b).map(|t| !t),
            BinaryOp::Gt => at_least(b, a).map(|t| !t),
            _ => None,
        };
        truth.map_or(Value::Unknown(Kind::Bool), Value::Bool)
    }

    fn number_binary(&mut self, op: BinaryOp, x: Value, y: Value, span: Span) -> Value {
        // Quotients stay exact among whole numbers.
        if let (Some((a, b)), Some((c, d))) = (quotient(&x), quotient(&y)) {
            let cross = || Some((a.mul(&d).ok()?, c.mul(&b).ok()?, b.mul(&d).ok()?));
            let exact = match op {
                BinaryOp::Add => cross().and_then(|(p, q, n)| Some((p.add(&q).ok()?, n))),
                BinaryOp::Sub => cross().and_then(|(p, q, n)| Some((p.sub(&q).ok()?, n))),
                BinaryOp::Mul => a.mul(&c).ok().zip(b.mul(&d).ok()),
                BinaryOp::Div => a.mul(&d).ok().zip(b.mul(&c).ok()),
                _ => None,
            };
            if let Some((p, q)) = exact {
                if self.sizes.settle(&q).as_const() == Some(0) {
                    return self.report(Diagnostic::error("E0207", "a division by zero", span, "divides by zero"));
                }
                let whole = self.sizes.settle(&p).divide(&self.sizes.settle(&q)).ok().and_then(|q| q.is_whole());
                return match (whole, p.divide(&q)) {
                    (Some(true), Ok(size)) => Value::Size(size),
                    _ => Value::Ratio(p, q),
                };
            }
        }
        match (self.known_number(&x), self.known_number(&y)) {
            (Some(a), Some(b)) => match op {
                BinaryOp::Add => Value::Float(a + b),
                BinaryOp::Sub => Value::Float(a - b),
                BinaryOp::Mul => Value::Float(a * b),
                BinaryOp::Div => Value::Float(a / b),
                BinaryOp::Rem => Value::Float(a - b * (a / b).floor()),
                BinaryOp::Pow => Value::Float(libm::pow(a, b)),
                BinaryOp::Eq => Value::Bool(a == b),
                BinaryOp::Ne => Value::Bool(a != b),
                BinaryOp::Lt => Value::Bool(a < b),
                BinaryOp::Gt => Value::Bool(a > b),
                BinaryOp::Le => Value::Bool(a <= b),
                BinaryOp::Ge => Value::Bool(a >= b),
                _ => self.equality(op, &x, &y, span),
            },
            _ if is_comparison(op) => Value::Unknown(Kind::Bool),
            _ if op == BinaryOp::MatMul => self.equality(op, &Value::Float(0.0), &Value::Float(0.0), span),
            _ if self.concrete => {
                // A number that only the batch decides: known when the program runs.
                let (Some(a), Some(b)) = (self.to_tensor(x, DType::F32, span), self.to_tensor(y, DType::F32, span)) else {
                    return Value::Poison;
                };
                match elementwise_op(op) {
                    Some(op) => self.elementwise(op, &[a, b], DType::F32, span),
                    None => Value::Poison,
                }
            }
            _ => {
                let whole = |v: &Value| matches!(v, Value::Size(_) | Value::Unknown(Kind::Int | Kind::Dim));
                let stays =
                    whole(&x) && whole(&y) && matches!(op, BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Rem | BinaryOp::Pow);
                // A quotient may be a size: with an unknown part nothing is said of it.
                if stays || (op == BinaryOp::Div && whole(&x) && whole(&y)) {
                    Value::Unknown(Kind::Int)
                } else {
                    Value::Unknown(Kind::Float)
                }
            }
        }
    }

    fn tensor_binary(&mut self, op: BinaryOp, op_span: Span, x: (Value, &'a Expr), y: (Value, &'a Expr), span: Span) -> Value {
        let ((x, left), (y, right)) = (x, y);
        if op == BinaryOp::MatMul {
            return self.matmul(x, y, (left.span, right.span), span);
        }
        if let (BinaryOp::Pow, Value::Tensor(t), Some(n)) = (op, &x, self.known_number(&y)) {
            if let Some(value) = self.small_power(t, n, span) {
                return value;
            }
        }
        let dtype = super::call::first_element(&[&x, &y]).unwrap_or(DType::F32);
        let (Some(a), Some(b)) = (self.to_tensor(x, dtype, left.span), self.to_tensor(y, dtype, right.span)) else { return Value::Poison };
        let a = Tensor { span: left.span, ..a };
        let b = Tensor { span: right.span, ..b };
        if a.ty.dtype != b.ty.dtype {
            return self.elements_differ(&a, &b);
        }
        if a.ty.dtype == DType::Bool && !matches!(op, BinaryOp::Eq | BinaryOp::Ne) {
            let sign = op.text();
            let shown = self.show(&a);
            let problem =
                Diagnostic::error("E0208", format!("`{sign}` is of numbers"), op_span, "not of true and false").label(a.span, shown);
            return self.report(problem.help("`cast(…, f32)` makes 1 of true and 0 of false"));
        }
        let (op, a, b) = match op {
            BinaryOp::Gt => (Op::Less, b, a),
            BinaryOp::Ge => (Op::LessEqual, b, a),
            op => match elementwise_op(op) {
                Some(op) => (op, a, b),
                None => return Value::Poison,
            },
        };
        let dtype = if is_truth(&op) { DType::Bool } else { a.ty.dtype };
        self.elementwise(op, &[a, b], dtype, span)
    }

    /// `x ^ 2` and the like without a logarithm, which negative numbers do not have.
    fn small_power(&mut self, t: &Tensor, n: f64, span: Span) -> Option<Value> {
        let ty = t.ty.clone();
        if !ty.dtype.is_float() {
            return None;
        }
        if n == 0.5 {
            return Some(self.emit(Builtin::Elementwise(Op::Sqrt), &[t], ty, span));
        }
        if n == 1.0 {
            return Some(Value::Tensor(t.clone()));
        }
        if n.fract() != 0.0 || !(2.0..=8.0).contains(&n) {
            return None;
        }
        let mut power = t.clone();
        for _ in 1..n as u32 {
            power = self.emit_tensor(Builtin::Elementwise(Op::Mul), &[&power, t], ty.clone(), span);
        }
        Some(Value::Tensor(power))
    }

    /// An elementwise operator on tensors of one element type, broadcast by NumPy's rule on sizes that are provably equal or 1.
    pub fn elementwise(&mut self, op: Op, operands: &[Tensor], dtype: DType, span: Span) -> Value {
        let mut shape = operands[0].ty.shape.clone();
        for (i, next) in operands.iter().enumerate().skip(1) {
            match self.broadcast_shapes(&shape, &next.ty.shape) {
                Ok(both) => shape = both,
                Err(axis) => {
                    let so_far = Tensor { ty: TensorType::new(operands[0].ty.dtype, shape), ..operands[i - 1].clone() };
                    return self.do_not_broadcast(&so_far, next, axis, span);
                }
            }
        }
        let all: Vec<&Tensor> = operands.iter().collect();
        self.emit(Builtin::Elementwise(op), &all, TensorType::new(dtype, shape), span)
    }

    /// The shape of both after broadcasting; otherwise the axis, counted from the end, where they do not meet.
    pub fn broadcast_shapes(&mut self, a: &[Dim], b: &[Dim]) -> Result<Vec<Dim>, usize> {
        let rank = a.len().max(b.len());
        let mut shape = vec![Dim::constant(1); rank];
        for back in 1..=rank {
            let one = Dim::constant(1);
            let x = a.len().checked_sub(back).map_or(&one, |i| &a[i]);
            let y = b.len().checked_sub(back).map_or(&one, |i| &b[i]);
            shape[rank - back] = if b.len() < back {
                x.clone()
            } else if a.len() < back {
                y.clone()
            } else if self.sizes.settle(y).as_const() == Some(1) {
                x.clone()
            } else if self.sizes.settle(x).as_const() == Some(1) {
                y.clone()
            } else if self.sizes.unify(x, y) {
                if x.as_const().is_some() { y.clone() } else { x.clone() }
            } else {
                return Err(back);
            };
        }
        Ok(shape)
    }
}

/// A whole number or quotient as a pair.
fn quotient(value: &Value) -> Option<(Dim, Dim)> {
    match value {
        Value::Size(d) => Some((d.clone(), Dim::constant(1))),
        Value::Ratio(a, b) => Some((a.clone(), b.clone())),
        _ => None,
    }
}

fn is_number(value: &Value) -> bool {
    matches!(value, Value::Size(_) | Value::Ratio(..) | Value::Float(_) | Value::Unknown(Kind::Int | Kind::Dim | Kind::Float))
}

fn is_comparison(op: BinaryOp) -> bool {
    matches!(op, BinaryOp::Eq | BinaryOp::Ne | BinaryOp::Lt | BinaryOp::Gt | BinaryOp::Le | BinaryOp::Ge)
}

fn is_truth(op: &Op) -> bool {
    matches!(op, Op::Equal | Op::NotEqual | Op::Less | Op::LessEqual)
}

fn elementwise_op(op: BinaryOp) -> Option<Op> {
    Some(match op {
        BinaryOp::Add => Op::Add,
        BinaryOp::Sub => Op::Sub,
        BinaryOp::Mul => Op::Mul,
        BinaryOp::Div => Op::Div,
        BinaryOp::Rem => Op::Rem,
        BinaryOp::Pow => Op::Pow,
        BinaryOp::Eq => Op::Equal,
        BinaryOp::Ne => Op::NotEqual,
        BinaryOp::Lt => Op::Less,
        BinaryOp::Le => Op::LessEqual,
        _ => return None,
    })
}
