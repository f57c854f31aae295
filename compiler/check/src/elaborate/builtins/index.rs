//! Indexing: `x[.., 0:n, -1]`, elements of lists, and tensors indexed by tensors.
use super::Args;
use crate::elaborate::Engine;
use crate::elaborate::scope::Scope;
use crate::elaborate::sizes::{has_rest, written};
use crate::elaborate::value::{Kind, Tensor, Value};
use crate::hir::{Builtin, IndexItem};
use esper_diagnostics::{Diagnostic, Span};
use esper_grammar::ast::*;
use esper_ir::{DType, Dim, TensorType};

impl<'a> Engine<'a> {
    /// `base[elems]`.
    pub fn index(&mut self, s: &mut Scope, base: &'a Expr, elems: &'a [Elem], span: Span) -> Value {
        match self.expr(s, base) {
            Value::Tensor(t) => self.index_tensor(s, Tensor { span: base.span, ..t }, elems, span),
            Value::List(list) | Value::Tuple(list) => self.index_list(s, &list, elems, base, span),
            Value::Rest(dims) => {
                let list: Vec<Value> = dims.iter().cloned().map(Value::Size).collect();
                self.index_list(s, &list, elems, base, span)
            }
            Value::Series(element) => match elems {
                [Elem::Expr(e)] => {
                    let place = self.expr(s, e);
                    if place.is_poison() { Value::Poison } else { (*element).clone() }
                }
                _ => Value::Series(element),
            },
            Value::Poison | Value::Unknown(_) => Value::Poison,
            other => self.report(Diagnostic::error(
                "E0205",
                "only tensors and lists have elements",
                base.span,
                format!("this is {}", other.words()),
            )),
        }
    }

    fn index_list(&mut self, s: &mut Scope, list: &[Value], elems: &'a [Elem], base: &'a Expr, span: Span) -> Value {
        let length = list.len() as i64;
        match elems {
            [Elem::Expr(e)] => {
                let value = self.expr(s, e);
                let Some(n) = self.whole_number(&value, e, "an index") else { return Value::Poison };
                let place = if n < 0 { n + length } else { n };
                match usize::try_from(place).ok().and_then(|i| list.get(i)) {
                    Some(value) => value.clone(),
                    None => {
                        let problem = Diagnostic::error("E0310", "outside of the list", e.span, format!("is {n}"))
                            .label(base.span, format!("has {length} elements"));
                        self.report(problem)
                    }
                }
            }
            [Elem::Slice(a, b, _)] => {
                let mut bound = |e: &'a Option<Expr>, default: i64| match e {
                    None => Some(default),
                    Some(e) => {
                        let value = self.expr(s, e);
                        self.whole_number(&value, e, "an index").map(|n| if n < 0 { n + length } else { n })
                    }
                };
                let (Some(a), Some(b)) = (bound(a, 0), bound(b, length)) else { return Value::Poison };
                if a < 0 || b > length || a > b {
                    let problem = Diagnostic::error("E0310", "outside of the list", span, format!("{a} to {b}"))
                        .label(base.span, format!("has {length} elements"));
                    return self.report(problem);
                }
                Value::list(list[a as usize..b as usize].to_vec())
            }
            _ => self.report(Diagnostic::error("E0205", "a list has one index", span, format!("these are {}", elems.len()))),
        }
    }

    fn index_tensor(&mut self, s: &mut Scope, x: Tensor, elems: &'a [Elem], span: Span) -> Value {
        let shape = self.sizes.settle_type(&x.ty).shape;
        let rank = x.ty.rank();
        let rest = elems.iter().position(|e| matches!(e, Elem::Rest(..)));
        let written_axes = elems.len() - usize::from(rest.is_some());
        if written_axes > rank {
            if has_rest(&shape) {
                return Value::Poison;
            }
            let shown = self.show(&x);
            return self.report(
                Diagnostic::error("E0302", "more indices than axes", span, format!("{written_axes} indices"))
                    .label(x.span, format!("is {shown}")),
            );
        }
        let mut items = vec![];
        let mut result = vec![];
        let whole = |items: &mut Vec<IndexItem>, result: &mut Vec<Dim>, axis: usize| {
            items.push(IndexItem::Range(Dim::constant(0), shape[axis].clone()));
            result.push(x.ty.shape[axis].clone());
        };
        for (i, elem) in elems.iter().enumerate() {
            // Axes of unknown number may only be crossed by `..`.
            let axis = if rest.is_some_and(|r| i > r) { rank - (elems.len() - i) } else { i };
            let crossed = if rest.is_some_and(|r| i > r) { axis..rank } else { 0..axis + 1 };
            if !matches!(elem, Elem::Rest(..)) && has_rest(&shape[crossed]) {
                return Value::Poison;
            }
            match elem {
                Elem::Rest(..) => (i..rank - (elems.len() - i - 1)).for_each(|axis| whole(&mut items, &mut result, axis)),
                Elem::Slice(None, None, _) => whole(&mut items, &mut result, axis),
                Elem::Slice(a, b, place) => {
                    let Some(start) = self.bound(s, a.as_ref(), &Dim::constant(0), &x.ty.shape[axis]) else { return Value::Poison };
                    let size = x.ty.shape[axis].clone();
                    let Some(stop) = self.bound(s, b.as_ref(), &size, &size) else { return Value::Poison };
                    if !self.inside_axis(&x, axis, &start, &stop, *place) {
                        return Value::Poison;
                    }
                    let Ok(length) = stop.sub(&start) else { return Value::Poison };
                    items.push(IndexItem::Range(self.sizes.settle(&start), self.sizes.settle(&stop)));
                    result.push(length);
                }
                Elem::Expr(e) => {
                    let size = x.ty.shape[axis].clone();
                    let Some(at) = self.bound(s, Some(e), &size, &size) else { return Value::Poison };
                    let Ok(next) = at.add(&Dim::constant(1)) else { return Value::Poison };
                    if !self.inside_axis(&x, axis, &at, &next, e.span) {
                        return Value::Poison;
                    }
                    items.push(IndexItem::At(self.sizes.settle(&at)));
                }
            }
        }
        if rest.is_none() {
            if has_rest(&shape[elems.len()..]) && elems.is_empty() {
                return Value::Poison;
            }
            (elems.len()..rank).for_each(|axis| whole(&mut items, &mut result, axis));
        }
        self.emit(Builtin::Index(items), &[&x], TensorType::new(x.ty.dtype, result), span)
    }

    /// One end of a range: negative numbers count from the end.
    fn bound(&mut self, s: &mut Scope, e: Option<&'a Expr>, default: &Dim, size: &Dim) -> Option<Dim> {
        let Some(e) = e else { return Some(default.clone()) };
        let value = self.expr(s, e);
        if let Value::Tensor(t) = &value {
            let shown = self.show(t);
            let problem =
                Diagnostic::error("E0205", "an index is known when the program is compiled", e.span, format!("this is a tensor, {shown}"))
                    .help("to read entries by a tensor of numbers there is `gather(x, indices, axis)`");
            self.report(problem);
            return None;
        }
        let Value::Size(d) = self.coerce(value, &Kind::Int, e.span, Some(e), "an index") else { return None };
        match self.sizes.settle(&d).as_const() {
            Some(n) if n < 0 => size.add(&d).ok(),
            _ => Some(d),
        }
    }

    fn inside_axis(&mut self, x: &Tensor, axis: usize, start: &Dim, stop: &Dim, span: Span) -> bool {
        let size = self.sizes.settle(&x.ty.shape[axis]);
        let (a, b) = (self.sizes.settle(start), self.sizes.settle(stop));
        let outside = size.at_least(&b) == Some(false) || b.at_least(&a) == Some(false) || a.as_const().is_some_and(|n| n < 0);
        if outside {
            let shown = self.show(x);
            let problem = Diagnostic::error("E0310", "outside of the axis", span, format!("{} to {}", written(&a), written(&b)))
                .label(x.span, format!("is {shown}: this axis has {}", written(&size)));
            self.report(problem);
        }
        !outside
    }

    pub(super) fn indexed(&mut self, args: &Args<'a>) -> Value {
        match args.name {
            "gather" => self.gather(args),
            "take_along" => self.take_along(args),
            "scatter_add" => self.scatter_add(args),
            _ => {
                let Some(indices) = self.indices(args) else { return Value::Poison };
                let Some(Some(classes)) = self.size_argument(args, "classes") else { return Value::Poison };
                let mut shape = indices.ty.shape.clone();
                shape.push(classes.clone());
                let classes = self.sizes.settle(&classes);
                self.emit(Builtin::OneHot { classes }, &[&indices], TensorType::new(DType::F32, shape), args.span)
            }
        }
    }

    fn indices(&mut self, args: &Args<'a>) -> Option<Tensor> {
        let t = self.tensor_argument(args, "indices")?;
        if t.ty.dtype == DType::I32 {
            return Some(t);
        }
        let shown = self.show(&t);
        let problem = Diagnostic::error("E0208", "indices are i32", t.span, format!("is {shown}"))
            .help("`cast(…, i32)` first: element types are never converted silently");
        self.report(problem);
        None
    }

    fn one_axis(&mut self, args: &Args<'a>, x: &Tensor) -> Option<usize> {
        match args.get("axis") {
            Some(_) => self.axes_argument(args, "axis", x)?.first().copied(),
            None if x.ty.rank() > 0 => Some(0),
            None => {
                self.report(Diagnostic::error("E0304", format!("`{}` needs an axis", args.name), x.span, "is a scalar"));
                None
            }
        }
    }

    fn gather(&mut self, args: &Args<'a>) -> Value {
        let Some(table) = self.tensor_argument(args, "table") else { return Value::Poison };
        let Some(indices) = self.indices(args) else { return Value::Poison };
        let Some(axis) = self.one_axis(args, &table) else { return Value::Poison };
        let shape = [&table.ty.shape[..axis], &indices.ty.shape, &table.ty.shape[axis + 1..]].concat();
        self.emit(Builtin::Gather { axis }, &[&table, &indices], TensorType::new(table.ty.dtype, shape), args.span)
    }

    fn take_along(&mut self, args: &Args<'a>) -> Value {
        let Some(x) = self.tensor_argument(args, "x") else { return Value::Poison };
        let Some(indices) = self.indices(args) else { return Value::Poison };
        let Some(axis) = self.one_axis(args, &x) else { return Value::Poison };
        let mut shape = x.ty.shape.clone();
        let fits = indices.ty.rank() == x.ty.rank() && {
            shape[axis] = indices.ty.shape[axis].clone();
            (0..x.ty.rank()).all(|i| {
                i == axis
                    || self.sizes.settle(&indices.ty.shape[i]).as_const() == Some(1)
                    || self.sizes.unify(&indices.ty.shape[i], &x.ty.shape[i])
            })
        };
        if !fits {
            let (a, b) = (self.show(&x), self.show(&indices));
            return self.report(
                Diagnostic::error("E0303", "the indices have x's axes", indices.span, format!("is {b}")).label(x.span, format!("is {a}")),
            );
        }
        self.emit(Builtin::TakeAlong { axis }, &[&x, &indices], TensorType::new(x.ty.dtype, shape), args.span)
    }

    fn scatter_add(&mut self, args: &Args<'a>) -> Value {
        let Some(indices) = self.indices(args) else { return Value::Poison };
        let Some(updates) = self.tensor_argument(args, "updates") else { return Value::Poison };
        let Some(Some(size)) = self.size_argument(args, "size") else { return Value::Poison };
        let Some(axis) = self.int_argument(args, "axis", 0) else { return Value::Poison };
        let behind = updates.ty.rank() as i64 - indices.ty.rank() as i64;
        if !(0..=behind).contains(&axis) {
            let (a, b) = (self.show(&indices), self.show(&updates));
            return self.report(Diagnostic::error("E0304", "there is no such axis", args.span, format!("indices {a}, updates {b}")));
        }
        let axis = axis as usize;
        let end = axis + indices.ty.rank();
        let fits = indices.ty.shape.iter().zip(&updates.ty.shape[axis..end]).all(|(a, b)| self.sizes.unify(a, b));
        if !fits {
            let (a, b) = (self.show(&indices), self.show(&updates));
            return self.report(
                Diagnostic::error("E0303", "the updates have the indices' axes", updates.span, format!("is {b}"))
                    .label(indices.span, format!("is {a}")),
            );
        }
        let shape = [&updates.ty.shape[..axis], std::slice::from_ref(&size), &updates.ty.shape[end..]].concat();
        let size = self.sizes.settle(&size);
        self.emit(Builtin::ScatterAdd { axis, size }, &[&indices, &updates], TensorType::new(updates.ty.dtype, shape), args.span)
    }
}
