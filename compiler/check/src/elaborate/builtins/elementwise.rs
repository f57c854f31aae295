//! Elementwise functions: on tensors one operator each, on numbers known to the compiler computed by it.
use super::Args;
use crate::elaborate::Engine;
use crate::elaborate::value::{Kind, Tensor, Value};
use crate::hir::Builtin;
use esper_diagnostics::Diagnostic;
use esper_ir::{DType, Dim, Op};

impl<'a> Engine<'a> {
    pub(super) fn elementwise_function(&mut self, args: &Args<'a>) -> Value {
        match args.name {
            "floor" | "ceil" | "round" => self.rounding(args),
            "maximum" | "minimum" => self.extreme(args),
            "where" => self.selection(args),
            "clamp" => self.clamp(args),
            "lerp" => self.lerp(args),
            "cast" => self.cast(args),
            "stop_gradient" => match args.value("x") {
                Value::Tensor(t) => self.on_tensor(Op::StopGradient, &t, args),
                other => other,
            },
            _ => self.function_of_one(args),
        }
    }

    fn on_tensor(&mut self, op: Op, t: &Tensor, args: &Args<'a>) -> Value {
        let ty = t.ty.clone();
        self.emit(Builtin::Elementwise(op), &[t], ty, args.span)
    }

    fn function_of_one(&mut self, args: &Args<'a>) -> Value {
        let x = args.value("x");
        let x = match x {
            Value::Time(_) => self.to_tensor(x, DType::F32, args.span).map_or(Value::Poison, Value::Tensor),
            other => other,
        };
        match x {
            Value::Tensor(t) => {
                let signed = matches!(args.name, "abs" | "sign");
                if !t.ty.dtype.is_float() && !(signed && t.ty.dtype == DType::I32) {
                    return self.not_float(args, &t);
                }
                if args.name == "tan" {
                    let sine = self.emit_tensor(Builtin::Elementwise(Op::Sin), &[&t], t.ty.clone(), args.span);
                    let cosine = self.emit_tensor(Builtin::Elementwise(Op::Cos), &[&t], t.ty.clone(), args.span);
                    return self.elementwise(Op::Div, &[sine, cosine], t.ty.dtype, args.span);
                }
                let Some(op) = operator(args.name) else { return Value::Poison };
                self.on_tensor(op, &t, args)
            }
            Value::Size(ref d) if args.name == "abs" && self.sizes.settle(d).as_const().is_some() => {
                Value::int(self.sizes.settle(d).as_const().unwrap_or_default().saturating_abs())
            }
            Value::Size(_) | Value::Ratio(..) | Value::Float(_) => match self.known_number(&x) {
                Some(x) => Value::Float(computed(args.name, x)),
                None if self.concrete => {
                    let Some(t) = self.to_tensor(x, DType::F32, args.span) else { return Value::Poison };
                    let Some(op) = operator(args.name) else { return Value::Poison };
                    self.on_tensor(op, &t, args)
                }
                None => Value::Unknown(Kind::Float),
            },
            Value::Unknown(Kind::Int | Kind::Dim | Kind::Float) => Value::Unknown(Kind::Float),
            other => self.not_a(args, "x", "a tensor or a number", &other),
        }
    }

    fn not_float(&mut self, args: &Args<'a>, t: &Tensor) -> Value {
        let shown = self.show(t);
        let problem = Diagnostic::error("E0208", format!("`{}` is of real numbers", args.name), args.place("x"), format!("is {shown}"))
            .help("`cast(x, f32)` first: element types are never converted silently");
        self.report(problem)
    }

    fn rounding(&mut self, args: &Args<'a>) -> Value {
        match args.value("x") {
            Value::Tensor(t) => {
                let op = match args.name {
                    "floor" => Op::Floor,
                    "ceil" => Op::Ceil,
                    _ => Op::Round,
                };
                if t.ty.dtype.is_float() { self.on_tensor(op, &t, args) } else { self.not_float(args, &t) }
            }
            value @ Value::Size(_) => value,
            Value::Ratio(a, b) if args.name != "round" => {
                let rounded = if args.name == "floor" { a.floor_div(&b) } else { a.ceil_div(&b) };
                match rounded {
                    Ok(d) => Value::Size(d),
                    Err(_) => self.report(Diagnostic::error("E0207", "a division by zero", args.span, "divides by zero")),
                }
            }
            value @ (Value::Ratio(..) | Value::Float(_)) => match self.known_number(&value) {
                Some(x) => {
                    let rounded = match args.name {
                        "floor" => x.floor(),
                        "ceil" => x.ceil(),
                        _ => libm::rint(x),
                    };
                    if rounded.abs() < 9e15 { Value::Size(Dim::constant(rounded as i64)) } else { Value::Float(rounded) }
                }
                None => Value::Unknown(Kind::Int),
            },
            Value::Unknown(Kind::Int | Kind::Dim | Kind::Float) => Value::Unknown(Kind::Int),
            other => self.not_a(args, "x", "a tensor or a number", &other),
        }
    }

    /// Operands of one element type: numbers follow the tensors.
    fn operands(&mut self, args: &Args<'a>, names: &[&str]) -> Option<Vec<Tensor>> {
        let values: Vec<Value> = names.iter().map(|n| args.value(n)).collect();
        let all: Vec<&Value> = values.iter().collect();
        let dtype = crate::elaborate::call::first_element(&all).unwrap_or(DType::F32);
        let mut tensors = vec![];
        for (name, value) in names.iter().zip(values) {
            let t = self.to_tensor(value, dtype, args.place(name))?;
            let t = Tensor { span: args.place(name), ..t };
            if t.ty.dtype != dtype {
                let first = tensors.first().cloned().unwrap_or_else(|| t.clone());
                self.elements_differ(&first, &t);
                return None;
            }
            tensors.push(t);
        }
        Some(tensors)
    }

    fn has_tensor(&self, args: &Args<'a>, names: &[&str]) -> bool {
        names.iter().any(|n| matches!(args.value(n), Value::Tensor(_) | Value::Time(_)))
    }

    fn extreme(&mut self, args: &Args<'a>) -> Value {
        let larger = args.name == "maximum";
        if self.has_tensor(args, &["x", "y"]) {
            let Some(operands) = self.operands(args, &["x", "y"]) else { return Value::Poison };
            let dtype = operands[0].ty.dtype;
            return self.elementwise(if larger { Op::Maximum } else { Op::Minimum }, &operands, dtype, args.span);
        }
        self.extreme_of_numbers(&args.value("x"), &args.value("y"), larger, args)
    }

    /// The larger or smaller of two numbers known to the compiler.
    pub(super) fn extreme_of_numbers(&mut self, x: &Value, y: &Value, larger: bool, args: &Args<'a>) -> Value {
        match (x, y) {
            (Value::Size(a), Value::Size(b)) => {
                let result = if larger { a.maximum(b) } else { a.minimum(b) };
                result.map_or(Value::Poison, Value::Size)
            }
            (x, y) => match (self.known_number(x), self.known_number(y)) {
                (Some(a), Some(b)) => Value::Float(if larger { a.max(b) } else { a.min(b) }),
                _ if matches!(x, Value::Unknown(_)) || matches!(y, Value::Unknown(_)) => Value::Unknown(Kind::Float),
                _ => self.not_a(args, "x", "a tensor or a number", x),
            },
        }
    }

    fn selection(&mut self, args: &Args<'a>) -> Value {
        let condition = match args.value("condition") {
            Value::Tensor(t) => Tensor { span: args.place("condition"), ..t },
            Value::Bool(b) => return args.value(if b { "x" } else { "y" }),
            other => return self.not_a(args, "condition", "a bool tensor", &other),
        };
        if condition.ty.dtype != DType::Bool {
            let shown = self.show(&condition);
            return self.report(Diagnostic::error("E0208", "a condition is of true and false", condition.span, format!("is {shown}")));
        }
        let Some(operands) = self.operands(args, &["x", "y"]) else { return Value::Poison };
        let dtype = operands[0].ty.dtype;
        let all = [condition, operands[0].clone(), operands[1].clone()];
        self.elementwise(Op::Select, &all, dtype, args.span)
    }

    fn clamp(&mut self, args: &Args<'a>) -> Value {
        if !self.has_tensor(args, &["x", "low", "high"]) {
            let low = self.extreme_of_numbers(&args.value("x"), &args.value("low"), true, args);
            return self.extreme_of_numbers(&low, &args.value("high"), false, args);
        }
        let Some(operands) = self.operands(args, &["x", "low", "high"]) else { return Value::Poison };
        let dtype = operands[0].ty.dtype;
        match self.elementwise(Op::Maximum, &operands[..2], dtype, args.span) {
            Value::Tensor(raised) => self.elementwise(Op::Minimum, &[raised, operands[2].clone()], dtype, args.span),
            other => other,
        }
    }

    fn lerp(&mut self, args: &Args<'a>) -> Value {
        let numbers = [args.value("a"), args.value("b"), args.value("t")];
        if !self.has_tensor(args, &["a", "b", "t"]) {
            let known: Option<Vec<f64>> = numbers.iter().map(|n| self.known_number(n)).collect();
            return match known.as_deref() {
                Some([a, b, t]) => Value::Float(a + t * (b - a)),
                _ => Value::Unknown(Kind::Float),
            };
        }
        let Some(operands) = self.operands(args, &["a", "b", "t"]) else { return Value::Poison };
        let [a, b, t] = &operands[..] else { return Value::Poison };
        let dtype = a.ty.dtype;
        if !dtype.is_float() {
            return self.not_float(args, a);
        }
        // The named places let a misfit point at the operands.
        let Value::Tensor(difference) = self.elementwise(Op::Sub, &[b.clone(), a.clone()], dtype, args.span) else { return Value::Poison };
        let Value::Tensor(part) = self.elementwise(Op::Mul, &[t.clone(), difference], dtype, args.span) else { return Value::Poison };
        self.elementwise(Op::Add, &[a.clone(), part], dtype, args.span)
    }

    fn cast(&mut self, args: &Args<'a>) -> Value {
        let Value::Element(to) = args.value("to") else {
            let value = args.value("to");
            return self.not_a(args, "to", "an element type such as f32", &value);
        };
        let Some(t) = self.to_tensor(args.value("x"), to, args.place("x")) else { return Value::Poison };
        if t.ty.dtype == to {
            return Value::Tensor(Tensor { span: args.span, ..t });
        }
        let mut ty = t.ty.clone();
        ty.dtype = to;
        self.emit(Builtin::Elementwise(Op::Cast { to }), &[&t], ty, args.span)
    }
}

fn operator(name: &str) -> Option<Op> {
    Some(match name {
        "abs" => Op::Abs,
        "cos" => Op::Cos,
        "erf" => Op::Erf,
        "erf_inv" => Op::ErfInv,
        "exp" => Op::Exp,
        "log" => Op::Log,
        "reciprocal" => Op::Reciprocal,
        "rsqrt" => Op::Rsqrt,
        "sign" => Op::Sign,
        "sin" => Op::Sin,
        "sqrt" => Op::Sqrt,
        "tanh" => Op::Tanh,
        _ => return None,
    })
}

/// The function of a number, in float64.
fn computed(name: &str, x: f64) -> f64 {
    match name {
        "abs" => x.abs(),
        "cos" => libm::cos(x),
        "erf" => libm::erf(x),
        "erf_inv" => erf_inverse(x),
        "exp" => libm::exp(x),
        "log" => libm::log(x),
        "reciprocal" => 1.0 / x,
        "rsqrt" => 1.0 / x.sqrt(),
        "sign" if x == 0.0 => 0.0,
        "sign" => x.signum(),
        "sin" => libm::sin(x),
        "sqrt" => x.sqrt(),
        "tan" => libm::tan(x),
        "tanh" => libm::tanh(x),
        _ => f64::NAN,
    }
}

/// The inverse of erf: Winitzki's approximation, then Newton's steps, whose derivative is 2/√π · e^(-y²).
fn erf_inverse(x: f64) -> f64 {
    if x.abs() >= 1.0 {
        return if x == 1.0 {
            f64::INFINITY
        } else if x == -1.0 {
            f64::NEG_INFINITY
        } else {
            f64::NAN
        };
    }
    let a = 0.147;
    let log = libm::log(1.0 - x * x);
    let half = 2.0 / (std::f64::consts::PI * a) + log / 2.0;
    let mut y = x.signum() * ((half * half - log / a).sqrt() - half).sqrt();
    for _ in 0..4 {
        let slope = std::f64::consts::FRAC_2_SQRT_PI * libm::exp(-y * y);
        y -= (libm::erf(y) - x) / slope;
    }
    y
}

#[cfg(test)]
mod tests {
    use super::erf_inverse;

    #[test]
    fn the_inverse_of_erf_undoes_it() {
        for x in [-0.99, -0.5, 0.0, 1e-3, 0.3, 0.9545] {
            assert!((libm::erf(erf_inverse(x)) - x).abs() < 1e-14, "{x}");
        }
    }
}
