//! Tensors made from nothing: constants, counting, random numbers.
use super::Args;
use crate::elaborate::Engine;
use crate::elaborate::value::Value;
use crate::hir::{Builtin, Distribution};
use esper_diagnostics::Diagnostic;
use esper_ir::{DType, Dim, TensorType};

impl<'a> Engine<'a> {
    pub(super) fn creation(&mut self, args: &Args<'a>) -> Value {
        let Some((shape, like)) = self.shape_argument(args, "shape") else { return Value::Poison };
        let real = like.filter(|d| d.is_float()).unwrap_or(DType::F32);
        match args.name {
            "zeros" => self.filled(0.0, like, shape, args),
            "ones" => self.filled(1.0, like, shape, args),
            "full" => match self.float_argument(args, "value", 0.0) {
                Some(value) => self.filled(value, like, shape, args),
                None => Value::Poison,
            },
            "iota" => {
                let rank = shape.len() as i64;
                let Some(axis) = self.int_argument(args, "axis", 0) else { return Value::Poison };
                let place = if axis < 0 { axis + rank } else { axis };
                if !(0..rank).contains(&place) {
                    return self.report(Diagnostic::error(
                        "E0304",
                        "there is no such axis",
                        args.place("axis"),
                        format!("axis {axis} of a shape of {rank} axes"),
                    ));
                }
                self.emit(Builtin::Iota { axis: place as usize }, &[], TensorType::new(DType::I32, shape), args.span)
            }
            "uniform" => {
                let (Some(low), Some(high)) = (self.float_argument(args, "low", 0.0), self.float_argument(args, "high", 1.0)) else {
                    return Value::Poison;
                };
                self.random(Distribution::Uniform { low, high }, real, shape, args)
            }
            "normal" => {
                let (Some(mean), Some(std)) = (self.float_argument(args, "mean", 0.0), self.float_argument(args, "std", 1.0)) else {
                    return Value::Poison;
                };
                self.random(Distribution::Normal { mean, std }, real, shape, args)
            }
            "bernoulli" => {
                let Some(p) = self.float_argument(args, "p", 0.5) else { return Value::Poison };
                if !(0.0..=1.0).contains(&p) {
                    return self.report(Diagnostic::error("E0210", "a probability lies in [0, 1]", args.place("p"), format!("is {p}")));
                }
                self.random(Distribution::Bernoulli { p }, DType::Bool, shape, args)
            }
            _ => {
                let low = self.size_argument(args, "low");
                let high = self.size_argument(args, "high");
                let (Some(low), Some(Some(high))) = (low, high) else { return Value::Poison };
                let low = low.unwrap_or_else(|| Dim::constant(0));
                let (low, high) = (self.sizes.settle(&low), self.sizes.settle(&high));
                self.random(Distribution::Integer { low, high }, DType::I32, shape, args)
            }
        }
    }

    fn filled(&mut self, value: f64, like: Option<DType>, shape: Vec<Dim>, args: &Args<'a>) -> Value {
        self.emit(Builtin::Constant(value), &[], TensorType::new(like.unwrap_or(DType::F32), shape), args.span)
    }

    fn random(&mut self, distribution: Distribution, dtype: DType, shape: Vec<Dim>, args: &Args<'a>) -> Value {
        let stream = self.next_stream();
        self.emit(Builtin::Random { distribution, stream }, &[], TensorType::new(dtype, shape), args.span)
    }
}
