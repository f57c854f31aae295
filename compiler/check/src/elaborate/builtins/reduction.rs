//! Reductions over axes.
use super::Args;
use crate::elaborate::Engine;
use crate::elaborate::sizes::has_rest;
use crate::elaborate::value::{Tensor, Value};
use crate::hir::{Builtin, Reduce};
use esper_diagnostics::Diagnostic;
use esper_ir::{DType, Dim, Op, TensorType};

impl<'a> Engine<'a> {
    pub(super) fn reduction(&mut self, args: &Args<'a>) -> Value {
        if matches!(args.name, "max" | "min") && !matches!(args.value("x"), Value::Tensor(_)) && args.get("axis").is_some() {
            // Of sizes it is the larger or smaller one.
            let (x, y) = (args.value("x"), args.value("axis"));
            return self.extreme_of_numbers(&x, &y, args.name == "max", args);
        }
        let Some(x) = self.tensor_argument(args, "x") else { return Value::Poison };
        let Some(keep) = self.bool_argument(args, "keep", false) else { return Value::Poison };
        if matches!(args.name, "argmax" | "argmin") {
            return self.position_of_extreme(args, x, keep);
        }
        if !x.ty.dtype.is_float() && matches!(args.name, "mean" | "variance") || x.ty.dtype == DType::Bool {
            let shown = self.show(&x);
            let problem = Diagnostic::error("E0208", format!("`{}` is of numbers", args.name), x.span, format!("is {shown}"))
                .help("`cast(x, f32)` first: element types are never converted silently");
            return self.report(problem);
        }
        let axes = match args.get("axis") {
            Some(_) => match self.axes_argument(args, "axis", &x) {
                Some(axes) => axes,
                None => return Value::Poison,
            },
            None => {
                if keep && has_rest(&self.sizes.settle_type(&x.ty).shape) {
                    return Value::Poison;
                }
                (0..x.ty.rank()).collect()
            }
        };
        let how = match args.name {
            "sum" => Reduce::Sum,
            "mean" | "variance" => Reduce::Mean,
            "max" => Reduce::Max,
            _ => Reduce::Min,
        };
        if args.name != "variance" {
            return Value::Tensor(self.reduce(&x, how, axes, keep, args));
        }
        let mean = self.reduce(&x, Reduce::Mean, axes.clone(), true, args);
        let Value::Tensor(centred) = self.elementwise(Op::Sub, &[x, mean], DType::F32, args.span) else { return Value::Poison };
        let ty = centred.ty.clone();
        let squared = self.emit_tensor(Builtin::Elementwise(Op::Mul), &[&centred, &centred], ty, args.span);
        Value::Tensor(self.reduce(&squared, Reduce::Mean, axes, keep, args))
    }

    fn reduce(&mut self, x: &Tensor, how: Reduce, axes: Vec<usize>, keep: bool, args: &Args<'a>) -> Tensor {
        let ty = TensorType::new(x.ty.dtype, reduced(&x.ty.shape, &axes, keep));
        self.emit_tensor(Builtin::Reduce { how, axes, keep }, &[x], ty, args.span)
    }

    fn position_of_extreme(&mut self, args: &Args<'a>, mut x: Tensor, keep: bool) -> Value {
        let axes = match args.get("axis") {
            Some(_) => self.axes_argument(args, "axis", &x),
            None if x.ty.rank() > 0 => Some(vec![x.ty.rank() - 1]),
            None => {
                let problem = Diagnostic::error("E0304", format!("`{}` needs an axis", args.name), x.span, "is a scalar");
                self.report(problem);
                None
            }
        };
        let Some(axes) = axes else { return Value::Poison };
        let [axis] = axes[..] else {
            return self.report(Diagnostic::error(
                "E0304",
                format!("`{}` is along one axis", args.name),
                args.place("axis"),
                "these are several",
            ));
        };
        if args.name == "argmin" {
            let ty = x.ty.clone();
            x = self.emit_tensor(Builtin::Elementwise(Op::Neg), &[&x], ty, args.span);
        }
        let ty = TensorType::new(DType::I32, reduced(&x.ty.shape, &[axis], keep));
        self.emit(Builtin::ArgMax { axis, keep }, &[&x], ty, args.span)
    }
}

fn reduced(shape: &[Dim], axes: &[usize], keep: bool) -> Vec<Dim> {
    let axis = |(i, d): (usize, &Dim)| match (axes.contains(&i), keep) {
        (false, _) => Some(d.clone()),
        (true, true) => Some(Dim::constant(1)),
        (true, false) => None,
    };
    shape.iter().enumerate().filter_map(axis).collect()
}
