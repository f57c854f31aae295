//! Movement: other shapes, other orders, parts put together or taken apart.
use super::Args;
use crate::elaborate::Engine;
use crate::elaborate::sizes::{has_rest, written, written_type};
use crate::elaborate::value::{Kind, Tensor, Value};
use crate::hir::{Builtin, IndexItem};
use esper_diagnostics::Diagnostic;
use esper_ir::{Dim, TensorType};

impl<'a> Engine<'a> {
    pub(super) fn movement(&mut self, args: &Args<'a>) -> Value {
        match args.name {
            "concat" | "stack" => return self.join(args),
            _ => {}
        }
        let x = match args.value("x") {
            number @ (Value::Size(_) | Value::Float(_) | Value::Ratio(..)) if matches!(args.name, "broadcast" | "expand") => {
                match self.to_tensor(number, esper_ir::DType::F32, args.place("x")) {
                    Some(t) => t,
                    None => return Value::Poison,
                }
            }
            _ => match self.tensor_argument(args, "x") {
                Some(x) => x,
                None => return Value::Poison,
            },
        };
        match args.name {
            "reshape" => self.reshape(args, x),
            "transpose" => self.transpose(args, x),
            "align" => self.align(args, x),
            "broadcast" => self.broadcast_to(args, x, "like"),
            "expand" => self.broadcast_to(args, x, "shape"),
            "split" => self.split(args, x),
            "pad" => self.pad(args, x),
            _ => match self.axes_argument(args, "axis", &x) {
                Some(axes) => {
                    let ty = x.ty.clone();
                    self.emit(Builtin::Flip { axes }, &[&x], ty, args.span)
                }
                None => Value::Poison,
            },
        }
    }

    fn reshape(&mut self, args: &Args<'a>, x: Tensor) -> Value {
        let Some(g) = args.get("shape") else { return Value::Poison };
        // One -1 is what the others leave.
        let free = match &g.value {
            Value::List(list) => list.iter().position(|v| matches!(v, Value::Size(d) if d.as_const() == Some(-1))),
            _ => None,
        };
        let Some(before) = self.product(&x.ty.shape.clone(), args.span) else { return Value::Poison };
        let shape = match (free, &g.value) {
            (Some(free), Value::List(list)) => {
                let mut shape = vec![];
                for (i, v) in list.iter().enumerate() {
                    match self.coerce(v.clone(), &Kind::Int, args.place("shape"), None, "the size of an axis") {
                        Value::Size(_) if i == free => shape.push(Dim::constant(1)),
                        Value::Size(d) => shape.push(d),
                        _ => return Value::Poison,
                    }
                }
                let Some(others) = self.product(&shape, args.span) else { return Value::Poison };
                let Ok(rest) = before.divide(&others) else { return Value::Poison };
                if self.sizes.settle(&rest).is_whole() == Some(false) {
                    return self.sizes_differ(args, &x, &others);
                }
                shape[free] = rest;
                shape
            }
            _ => match self.shape_argument(args, "shape") {
                Some((shape, _)) => shape,
                None => return Value::Poison,
            },
        };
        let Some(after) = self.product(&shape, args.span) else { return Value::Poison };
        if !self.sizes.unify(&before, &after) {
            return self.sizes_differ(args, &x, &after);
        }
        self.emit(Builtin::Reshape, &[&x], TensorType::new(x.ty.dtype, shape), args.span)
    }

    fn sizes_differ(&mut self, args: &Args<'a>, x: &Tensor, after: &Dim) -> Value {
        let shown = self.show(x);
        let after = written(&self.sizes.settle(after));
        let before = self.product(&x.ty.shape.clone(), args.span).map_or(String::new(), |d| written(&self.sizes.settle(&d)));
        let problem = Diagnostic::error("E0306", "another number of elements", args.place("shape"), format!("holds {after} elements"))
            .label(x.span, format!("is {shown}: {before} elements"));
        self.report(problem)
    }

    fn transpose(&mut self, args: &Args<'a>, x: Tensor) -> Value {
        let rank = x.ty.rank();
        let order: Vec<usize> = match args.get("axes").map(|g| g.value.clone()) {
            None => {
                if rank < 2 {
                    let shown = self.show(&x);
                    return self.report(Diagnostic::error(
                        "E0302",
                        "`transpose` exchanges the last two axes",
                        x.span,
                        format!("is {shown}"),
                    ));
                }
                (0..rank - 2).chain([rank - 1, rank - 2]).collect()
            }
            Some(Value::List(list)) => {
                let mut order = vec![];
                for v in list.iter() {
                    match self.axis_of(&x, v, args.place("axes")) {
                        Some(axis) => order.push(axis),
                        None => return Value::Poison,
                    }
                }
                let mut sorted = order.clone();
                sorted.sort_unstable();
                if sorted != (0..rank).collect::<Vec<_>>() {
                    let shown = self.show(&x);
                    let problem = Diagnostic::error(
                        "E0304",
                        "an order names every axis once",
                        args.place("axes"),
                        format!("names {} axes", order.len()),
                    )
                    .label(x.span, format!("is {shown}"));
                    return self.report(problem);
                }
                order
            }
            Some(other) => return self.not_a(args, "axes", "a list of axes", &other),
        };
        let shape = order.iter().map(|i| x.ty.shape[*i].clone()).collect();
        self.emit(Builtin::Transpose { order }, &[&x], TensorType::new(x.ty.dtype, shape), args.span)
    }

    fn align(&mut self, args: &Args<'a>, x: Tensor) -> Value {
        let Some(like) = self.tensor_argument(args, "like") else { return Value::Poison };
        let mut axes = vec![];
        for d in x.ty.shape.clone() {
            let exact: Vec<usize> = (0..like.ty.rank()).filter(|i| like.ty.shape[*i] == d && !axes.contains(i)).collect();
            let same = |engine: &Self| (0..like.ty.rank()).filter(|i| engine.sizes.same(&like.ty.shape[*i], &d)).collect::<Vec<_>>();
            let found = if exact.len() == 1 { exact } else { same(self) };
            match found[..] {
                [axis] => axes.push(axis),
                _ => {
                    if self.sizes.waits(&d) {
                        return Value::Poison;
                    }
                    let name = written(&self.sizes.settle(&d));
                    let (a, b) = (self.show(&x), self.show(&like));
                    let told = if found.is_empty() { format!("no axis is {name}") } else { format!("{} axes are {name}", found.len()) };
                    let problem = Diagnostic::error("E0304", "nothing to align this axis with", args.place("x"), format!("is {a}"))
                        .label(like.span, format!("is {b}: {told}"));
                    return self.report(problem);
                }
            }
        }
        let mut shape = vec![Dim::constant(1); like.ty.rank()];
        for (d, axis) in x.ty.shape.iter().zip(&axes) {
            shape[*axis] = d.clone();
        }
        self.emit(Builtin::Align { axes }, &[&x], TensorType::new(x.ty.dtype, shape), args.span)
    }

    fn broadcast_to(&mut self, args: &Args<'a>, x: Tensor, name: &str) -> Value {
        let Some((shape, _)) = self.shape_argument(args, name) else { return Value::Poison };
        let fits = x.ty.rank() <= shape.len() && {
            let shift = shape.len() - x.ty.rank();
            x.ty.shape
                .clone()
                .iter()
                .zip(&shape[shift..])
                .all(|(a, b)| self.sizes.settle(a).as_const() == Some(1) || self.sizes.unify(a, b))
        };
        let wanted = TensorType::new(x.ty.dtype, shape);
        if !fits {
            if has_rest(&self.sizes.settle_type(&x.ty).shape) || has_rest(&self.sizes.settle_type(&wanted).shape) {
                return Value::Poison;
            }
            let (a, b) = (self.show(&x), written_type(&self.sizes.settle_type(&wanted)));
            return self.report(
                Diagnostic::error("E0303", "cannot be repeated to this shape", args.place(name), format!("gives {b}"))
                    .label(x.span, format!("is {a}")),
            );
        }
        self.emit(Builtin::BroadcastTo, &[&x], wanted, args.span)
    }

    fn split(&mut self, args: &Args<'a>, x: Tensor) -> Value {
        let axis = match args.get("axis") {
            Some(_) => self.axes_argument(args, "axis", &x).and_then(|a| a.first().copied()),
            None => x.ty.rank().checked_sub(1),
        };
        let Some(axis) = axis else { return Value::Poison };
        let whole = x.ty.shape[axis].clone();
        let sizes: Vec<Dim> = match args.value("parts") {
            Value::List(list) => {
                let mut sizes = vec![];
                for v in list.iter() {
                    match self.coerce(v.clone(), &Kind::Dim, args.place("parts"), None, "a part") {
                        Value::Size(d) => sizes.push(d),
                        _ => return Value::Poison,
                    }
                }
                let total = sizes.iter().try_fold(Dim::constant(0), |a, b| a.add(b));
                let Ok(total) = total else { return Value::Poison };
                if !self.sizes.unify(&total, &whole) {
                    let (got, wanted, shown) = (written(&self.sizes.settle(&total)), written(&self.sizes.settle(&whole)), self.show(&x));
                    return self.report(
                        Diagnostic::error("E0306", "the parts are not the whole", args.place("parts"), format!("together {got}"))
                            .label(x.span, format!("is {shown}: the axis has {wanted}")),
                    );
                }
                sizes
            }
            _ => {
                let Some(count) = self.int_argument(args, "parts", 1) else { return Value::Poison };
                if count < 1 || !self.bounded(count, args.place("parts")) {
                    return self.report(Diagnostic::error(
                        "E0205",
                        "there is at least one part",
                        args.place("parts"),
                        format!("is {count}"),
                    ));
                }
                let place = args.place("parts");
                let part = self.coerce(Value::Ratio(whole.clone(), Dim::constant(count)), &Kind::Dim, place, None, "a part");
                let Value::Size(part) = part else { return Value::Poison };
                vec![part; count as usize]
            }
        };
        let mut start = Dim::constant(0);
        let mut parts = vec![];
        for size in sizes {
            let Ok(stop) = start.add(&size) else { return Value::Poison };
            let mut shape = x.ty.shape.clone();
            shape[axis] = size;
            let items = self.whole_items(&x, |i, whole| if i == axis { (start.clone(), stop.clone()) } else { whole });
            parts.push(self.emit(Builtin::Index(items), &[&x], TensorType::new(x.ty.dtype, shape), args.span));
            start = stop;
        }
        Value::tuple(parts)
    }

    /// Ranges over all axes, each as `range` wants it.
    fn whole_items(&self, x: &Tensor, range: impl Fn(usize, (Dim, Dim)) -> (Dim, Dim)) -> Vec<IndexItem> {
        let item = |(i, d): (usize, &Dim)| {
            let (a, z) = range(i, (Dim::constant(0), d.clone()));
            IndexItem::Range(self.sizes.settle(&a), self.sizes.settle(&z))
        };
        x.ty.shape.iter().enumerate().map(item).collect()
    }

    fn pad(&mut self, args: &Args<'a>, x: Tensor) -> Value {
        let Some(axes) = self.axes_argument(args, "axis", &x) else { return Value::Poison };
        let (Some(low), Some(high)) = (self.size_argument(args, "low"), self.size_argument(args, "high")) else { return Value::Poison };
        let Some(value) = self.float_argument(args, "value", 0.0) else { return Value::Poison };
        let zero = Dim::constant(0);
        let (low, high) = (low.unwrap_or_else(|| zero.clone()), high.unwrap_or_else(|| zero.clone()));
        let mut shape = x.ty.shape.clone();
        let (mut lows, mut highs) = (vec![zero.clone(); x.ty.rank()], vec![zero; x.ty.rank()]);
        for axis in axes {
            let Ok(size) = shape[axis].add(&low).and_then(|d| d.add(&high)) else { return Value::Poison };
            shape[axis] = size;
            lows[axis] = self.sizes.settle(&low);
            highs[axis] = self.sizes.settle(&high);
        }
        self.emit(Builtin::Pad { low: lows, high: highs, value }, &[&x], TensorType::new(x.ty.dtype, shape), args.span)
    }

    fn join(&mut self, args: &Args<'a>) -> Value {
        let values = match args.value("parts") {
            Value::List(list) | Value::Tuple(list) => list.to_vec(),
            Value::Series(_) => return Value::Poison,
            other => return self.not_a(args, "parts", "a list of tensors", &other),
        };
        let mut parts: Vec<Tensor> = vec![];
        for v in values {
            match v {
                Value::Tensor(t) => parts.push(t),
                other => return self.not_a(args, "parts", "a list of tensors", &other),
            }
        }
        let Some(first) = parts.first().cloned() else {
            return self.report(Diagnostic::error(
                "E0205",
                format!("`{}` needs at least one tensor", args.name),
                args.place("parts"),
                "is empty",
            ));
        };
        if args.name == "stack" {
            return self.stack(args, &first, &parts);
        }
        let Some(axis) = self.axes_argument(args, "axis", &first).and_then(|a| a.first().copied()) else { return Value::Poison };
        self.concatenate(args, &parts, axis)
    }

    fn concatenate(&mut self, args: &Args<'a>, parts: &[Tensor], axis: usize) -> Value {
        let first = &parts[0];
        let mut size = first.ty.shape[axis].clone();
        for part in &parts[1..] {
            if part.ty.dtype != first.ty.dtype {
                return self.elements_differ(first, part);
            }
            let same = part.ty.rank() == first.ty.rank()
                && (0..first.ty.rank()).all(|i| i == axis || self.sizes.unify(&part.ty.shape[i], &first.ty.shape[i]));
            if !same {
                let (a, b) = (self.show(first), self.show(part));
                let problem =
                    Diagnostic::error("E0303", "tensors put one after the other differ along that axis only", part.span, format!("is {b}"))
                        .label(first.span, format!("is {a}"));
                return self.report(problem);
            }
            match size.add(&part.ty.shape[axis]) {
                Ok(sum) => size = sum,
                Err(_) => return Value::Poison,
            }
        }
        let mut shape = first.ty.shape.clone();
        shape[axis] = size;
        let all: Vec<&Tensor> = parts.iter().collect();
        self.emit(Builtin::Concat { axis }, &all, TensorType::new(first.ty.dtype, shape), args.span)
    }

    fn stack(&mut self, args: &Args<'a>, first: &Tensor, parts: &[Tensor]) -> Value {
        let Some(axis) = self.int_argument(args, "axis", 0) else { return Value::Poison };
        let rank = first.ty.rank() as i64 + 1;
        let place = if axis < 0 { axis + rank } else { axis };
        if !(0..rank).contains(&place) {
            return self.report(Diagnostic::error("E0304", "there is no such axis", args.place("axis"), format!("axis {axis} of {rank}")));
        }
        let mut widened = vec![];
        for part in parts {
            let mut shape = part.ty.shape.clone();
            if shape.len() != first.ty.rank() {
                let (a, b) = (self.show(first), self.show(part));
                let problem = Diagnostic::error("E0303", "stacked tensors have one type", part.span, format!("is {b}"))
                    .label(first.span, format!("is {a}"));
                return self.report(problem);
            }
            shape.insert(place as usize, Dim::constant(1));
            widened.push(self.emit_tensor(Builtin::Reshape, &[part], TensorType::new(part.ty.dtype, shape), part.span));
        }
        self.concatenate(args, &widened, place as usize)
    }
}
