//! Convolutions and pooling: windows over the axes after the channels.
use super::Args;
use crate::elaborate::Engine;
use crate::elaborate::sizes::{has_rest, written};
use crate::elaborate::value::{Tensor, Value};
use crate::hir::Builtin;
use esper_diagnostics::Diagnostic;
use esper_ir::{Dim, TensorType, Window};

/// Sizes of a window along the axes it slides over.
struct Taps {
    kernel: Vec<Dim>,
    stride: Vec<Dim>,
    padding: Vec<Dim>,
    dilation: Vec<Dim>,
}

impl<'a> Engine<'a> {
    pub(super) fn window(&mut self, args: &Args<'a>) -> Value {
        let Some(x) = self.tensor_argument(args, "x") else { return Value::Poison };
        let settled = self.sizes.settle_type(&x.ty);
        if has_rest(&settled.shape) {
            return Value::Poison;
        }
        if !matches!(x.ty.rank(), 3 | 4) {
            let shown = self.show(&x);
            return self.report(Diagnostic::error(
                "E0302",
                format!("`{}` is of [b, c, h, w] or [b, c, t]", args.name),
                x.span,
                format!("is {shown}, with {} axes", x.ty.rank()),
            ));
        }
        if !x.ty.dtype.is_float() {
            let shown = self.show(&x);
            return self.report(
                Diagnostic::error("E0208", format!("`{}` is of real numbers", args.name), x.span, format!("is {shown}"))
                    .help("`cast(x, f32)` first: element types are never converted silently"),
            );
        }
        let axes = x.ty.rank() - 2;
        if args.name == "conv" { self.convolution(args, x, axes) } else { self.pooling(args, x, axes) }
    }

    /// A size for each axis: one for all of them, or a list.
    fn per_axis(&mut self, args: &Args<'a>, name: &str, axes: usize, default: Option<&[Dim]>) -> Option<Vec<Dim>> {
        let Some(g) = args.get(name) else {
            return default.map(<[Dim]>::to_vec);
        };
        let values = match &g.value {
            Value::List(list) => list.to_vec(),
            value => vec![value.clone(); axes],
        };
        if values.len() != axes {
            let told = format!("{} numbers for {axes} axes", values.len());
            self.report(Diagnostic::error("E0205", format!("`{name}` is one number or one for each axis"), args.place(name), told));
            return None;
        }
        let kind = crate::elaborate::value::Kind::Dim;
        let mut sizes = vec![];
        for value in values {
            match self.coerce(value, &kind, args.place(name), g.expr, &format!("`{name}`")) {
                Value::Size(d) => sizes.push(d),
                _ => return None,
            }
        }
        Some(sizes)
    }

    fn convolution(&mut self, args: &Args<'a>, x: Tensor, axes: usize) -> Value {
        let Some(weight) = self.tensor_argument(args, "weight") else { return Value::Poison };
        if weight.ty.rank() != axes + 2 {
            let (a, b) = (self.show(&x), self.show(&weight));
            return self.report(
                Diagnostic::error("E0302", "the weight has another number of axes", weight.span, format!("is {b}"))
                    .label(x.span, format!("is {a}")),
            );
        }
        let ones = vec![Dim::constant(1); axes];
        let zeros = vec![Dim::constant(0); axes];
        let taps = (|| {
            Some(Taps {
                kernel: weight.ty.shape[2..].to_vec(),
                stride: self.per_axis(args, "stride", axes, Some(&ones))?,
                padding: self.per_axis(args, "padding", axes, Some(&zeros))?,
                dilation: self.per_axis(args, "dilation", axes, Some(&ones))?,
            })
        })();
        let Some(taps) = taps else { return Value::Poison };
        let groups = match self.size_argument(args, "groups") {
            Some(Some(d)) => d,
            Some(None) => Dim::constant(1),
            None => return Value::Poison,
        };
        let (input, share) = (x.ty.shape[1].clone(), weight.ty.shape[1].clone());
        let fits = share.mul(&groups).is_ok_and(|both| self.sizes.unify(&both, &input));
        if !fits {
            let (c, w) = (written(&self.sizes.settle(&input)), written(&self.sizes.settle(&share)));
            let g = written(&self.sizes.settle(&groups));
            let shown = self.show(&x);
            return self.report(
                Diagnostic::error("E0308", "the channels do not match", weight.span, format!("reads {w} channels in each of {g} groups"))
                    .label(x.span, format!("is {shown}, with {c} channels")),
            );
        }
        let Some(out) = self.positions(args, &x, &taps) else { return Value::Poison };
        let shape = [x.ty.shape[0].clone(), weight.ty.shape[0].clone()].into_iter().chain(out).collect();
        let ty = TensorType::new(x.ty.dtype, shape);
        let window = self.window_of(args, &taps);
        let groups = self.sizes.settle(&groups).as_const().and_then(|g| usize::try_from(g).ok());
        match (window, groups) {
            (Some(window), Some(groups)) => self.emit(Builtin::Convolution { window, groups }, &[&x, &weight], ty, args.span),
            _ => self.in_generic(args, ty),
        }
    }

    fn pooling(&mut self, args: &Args<'a>, x: Tensor, axes: usize) -> Value {
        let zeros = vec![Dim::constant(0); axes];
        let taps = (|| {
            let kernel = self.per_axis(args, "kernel", axes, None)?;
            Some(Taps {
                stride: self.per_axis(args, "stride", axes, Some(&kernel))?,
                padding: self.per_axis(args, "padding", axes, Some(&zeros))?,
                dilation: vec![Dim::constant(1); axes],
                kernel,
            })
        })();
        let Some(taps) = taps else { return Value::Poison };
        let Some(out) = self.positions(args, &x, &taps) else { return Value::Poison };
        let shape = x.ty.shape[..2].iter().cloned().chain(out).collect();
        let ty = TensorType::new(x.ty.dtype, shape);
        match self.window_of(args, &taps) {
            Some(window) if args.name == "max_pool" => self.emit(Builtin::MaxPool { window }, &[&x], ty, args.span),
            Some(window) => self.emit(Builtin::AveragePool { window }, &[&x], ty, args.span),
            None => self.in_generic(args, ty),
        }
    }

    /// The result of a window whose numbers a generic check lacks.
    fn in_generic(&mut self, args: &Args<'a>, ty: TensorType) -> Value {
        if self.concrete {
            return self.report(Diagnostic::error(
                "E0205",
                format!("the window of `{}` must be known when the program is compiled", args.name),
                args.span,
                "one of its sizes is not",
            ));
        }
        Value::Tensor(Tensor { ty, value: crate::hir::Value(0), span: args.span })
    }

    /// How many places each axis has: floor((n + 2·padding - dilation·(kernel - 1) - 1) / stride) + 1.
    fn positions(&mut self, args: &Args<'a>, x: &Tensor, taps: &Taps) -> Option<Vec<Dim>> {
        let one = Dim::constant(1);
        let mut sizes = vec![];
        for (i, n) in x.ty.shape[2..].iter().enumerate() {
            let count = (|| {
                let reach = taps.dilation[i].mul(&taps.kernel[i].sub(&one)?)?.add(&one)?;
                let space = n.add(&taps.padding[i].mul(&Dim::constant(2))?)?.sub(&reach)?;
                space.floor_div(&taps.stride[i])?.add(&one)
            })();
            let Ok(count) = count else {
                self.report(Diagnostic::error("E0207", "a size too large to count with, or a stride of 0", args.span, "of this window"));
                return None;
            };
            let known = self.sizes.settle(&count);
            if known.as_const().is_some_and(|c| c < 1) {
                let (kernel, size) = (written(&self.sizes.settle(&taps.kernel[i])), written(&self.sizes.settle(n)));
                let shown = self.show(x);
                let problem = Diagnostic::error(
                    "E0310",
                    "the window is larger than what it slides over",
                    args.span,
                    format!("{kernel} taps over {size} places"),
                )
                .label(x.span, format!("is {shown}"));
                self.report(problem);
                return None;
            }
            sizes.push(count);
        }
        Some(sizes)
    }

    /// The numbers of a window, the first axis being one place high where there is only one.
    fn window_of(&mut self, args: &Args<'a>, taps: &Taps) -> Option<Window> {
        let mut pair = |name: &str, sizes: &[Dim], fill: usize| -> Option<[usize; 2]> {
            let mut numbers = vec![];
            for d in sizes {
                let n = self.sizes.settle(d).as_const()?;
                let least = if name == "padding" { 0 } else { 1 };
                if n < least || n > i64::from(u32::MAX) {
                    self.report(Diagnostic::error("E0205", format!("`{name}` is at least {least}"), args.place(name), format!("is {n}")));
                    return None;
                }
                numbers.push(n as usize);
            }
            match numbers[..] {
                [w] => Some([fill, w]),
                [h, w] => Some([h, w]),
                _ => None,
            }
        };
        Some(Window {
            kernel: pair("kernel", &taps.kernel, 1)?,
            stride: pair("stride", &taps.stride, 1)?,
            padding: pair("padding", &taps.padding, 0)?,
            dilation: pair("dilation", &taps.dilation, 1)?,
        })
    }
}
