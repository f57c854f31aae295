//! Calls of the functions of the language: arguments by the signature in the table, then one handler a family.
mod creation;
mod elementwise;
mod index;
mod movement;
mod reduction;
mod window;

use super::Engine;
use super::call::Given;
use super::sizes::has_rest;
use super::value::{Function, Kind, Target, Tensor, Value};
use crate::builtins::{BUILTINS, parameters};
use esper_diagnostics::{Diagnostic, Span};
use esper_ir::{DType, Dim};
use std::rc::Rc;

/// The arguments of a call, by the table's signature.
pub(crate) struct Args<'a> {
    /// The function's name.
    pub name: &'static str,
    names: Vec<&'static str>,
    slots: Vec<Option<Given<'a>>>,
    /// What `…` stands for.
    pub further: Vec<Given<'a>>,
    /// The whole call.
    pub span: Span,
}

impl<'a> Args<'a> {
    /// An argument, where it is given.
    pub fn get(&self, name: &str) -> Option<&Given<'a>> {
        self.slots[self.names.iter().position(|n| *n == name)?].as_ref()
    }
    /// The value of an argument that must be given.
    pub fn value(&self, name: &str) -> Value {
        self.get(name).map_or(Value::Poison, |g| g.value.clone())
    }
    /// Where an argument is written.
    pub fn place(&self, name: &str) -> Span {
        self.get(name).map_or(self.span, |g| g.expr.map_or(g.span, |e| e.span))
    }
}

impl<'a> Engine<'a> {
    /// A function of the language called.
    pub fn call_builtin(&mut self, index: usize, given: Vec<Given<'a>>, span: Span, text: &dyn Fn() -> String) -> Value {
        let info = &BUILTINS[index];
        if given.iter().any(|g| g.value.is_poison()) {
            return Value::Poison;
        }
        let spec = parameters(info.signature);
        let takes_more = info.signature.contains('…');
        let names: Vec<&'static str> = spec.iter().map(|(n, _)| *n).collect();
        let mut slots: Vec<Option<Given>> = vec![None; spec.len()];
        let mut further = vec![];
        let mut next = 0;
        for g in given {
            let slot = match &g.name {
                Some(name) => names.iter().position(|n| n == name),
                None => {
                    while slots.get(next).is_some_and(Option::is_some) {
                        next += 1;
                    }
                    (next < slots.len()).then_some(next)
                }
            };
            match slot {
                Some(i) if slots[i].is_none() => slots[i] = Some(g),
                Some(i) => {
                    let first = slots[i].as_ref().map_or(span, |g| g.span);
                    let problem = Diagnostic::error("E0202", format!("`{}` is given twice", names[i]), g.span, "given again")
                        .label(first, "given here");
                    return self.report(problem);
                }
                None if takes_more => further.push(g),
                None => return self.no_such_argument(info.name, &names, &g),
            }
        }
        let missing = spec.iter().zip(&slots).find(|((_, optional), g)| !optional && g.is_none()).map(|((n, _), _)| *n);
        if let Some(missing) = missing {
            let positional = slots.first().is_some_and(Option::is_some);
            if !positional {
                // Without its tensor it waits for it: an initialiser, or a function passed on.
                let bound = |(n, g): (&&str, Option<Given<'a>>)| g.map(|g| g.keep(n));
                let args = names.iter().zip(slots).filter_map(bound).collect();
                return Value::Function(Rc::new(Function { target: Target::Builtin(index), args, text: text() }));
            }
            return self.report(
                Diagnostic::error("E0202", format!("`{}` needs `{missing}`", info.name), span, format!("`{missing}` is not given"))
                    .help(format!("it is {}", info.signature)),
            );
        }
        let args = Args { name: info.name, names, slots, further, span };
        match info.name {
            "sum" | "mean" | "variance" | "max" | "min" | "argmax" | "argmin" => self.reduction(&args),
            "reshape" | "transpose" | "align" | "broadcast" | "expand" | "concat" | "stack" | "split" | "pad" | "flip" => {
                self.movement(&args)
            }
            "gather" | "take_along" | "scatter_add" | "one_hot" => self.indexed(&args),
            "einsum" => self.einsum(&args),
            "rearrange" => self.rearrange(&args),
            "conv" | "max_pool" | "avg_pool" => self.window(&args),
            "zeros" | "ones" | "full" | "iota" | "uniform" | "normal" | "bernoulli" | "random_int" => self.creation(&args),
            "range" | "len" | "rank" | "size" | "steps" | "epochs" | "share" => self.known(&args),
            _ => self.elementwise_function(&args),
        }
    }

    fn no_such_argument(&mut self, name: &str, names: &[&'static str], g: &Given<'a>) -> Value {
        let problem = match &g.name {
            Some(key) => {
                let problem =
                    Diagnostic::error("E0202", format!("`{name}` has no parameter `{key}`"), g.span, "there is no such parameter");
                match super::messages::closest(key, names.iter().copied()) {
                    Some(close) => {
                        let place = Span { end: g.span.start + key.len() as u32, ..g.span };
                        problem.edit(format!("replace by `{close}`"), place, close).certain()
                    }
                    None => problem.help(format!("it has {}", super::messages::listed(names))),
                }
            }
            None => Diagnostic::error("E0202", format!("too many arguments for `{name}`"), g.span, format!("it takes {}", names.len())),
        };
        self.report(problem)
    }

    /// A tensor argument; reports another kind. A number becomes a scalar of `dtype`.
    fn tensor_argument(&mut self, args: &Args<'a>, name: &str) -> Option<Tensor> {
        match args.value(name) {
            Value::Tensor(t) => Some(Tensor { span: args.place(name), ..t }),
            Value::Poison | Value::Unknown(_) => None,
            other => {
                let problem = Diagnostic::error(
                    "E0205",
                    format!("`{}` of `{}` is a tensor", name, args.name),
                    args.place(name),
                    format!("this is {}", other.words()),
                );
                self.report(problem);
                None
            }
        }
    }

    /// A whole number known to the compiler. `Ok(None)`: not known in a generic check, or poison.
    fn int_argument(&mut self, args: &Args<'a>, name: &str, default: i64) -> Option<i64> {
        match self.size_argument(args, name)? {
            None => Some(default),
            Some(d) => {
                let d = self.sizes.settle(&d);
                if d.as_const().is_none() && self.concrete {
                    self.report(Diagnostic::error(
                        "E0205",
                        format!("`{name}` of `{}` must be known when the program is compiled", args.name),
                        args.place(name),
                        format!("is {}", super::sizes::written(&d)),
                    ));
                }
                d.as_const()
            }
        }
    }

    /// A size; `Some(None)` where it is not given.
    fn size_argument(&mut self, args: &Args<'a>, name: &str) -> Option<Option<Dim>> {
        let Some(g) = args.get(name) else { return Some(None) };
        match self.coerce(g.value.clone(), &Kind::Int, args.place(name), g.expr, &format!("`{name}`")) {
            Value::Size(d) => Some(Some(d)),
            _ => None,
        }
    }

    fn float_argument(&mut self, args: &Args<'a>, name: &str, default: f64) -> Option<f64> {
        let Some(g) = args.get(name) else { return Some(default) };
        let value = self.coerce(g.value.clone(), &Kind::Float, args.place(name), g.expr, &format!("`{name}`"));
        match value {
            Value::Float(x) => Some(x),
            Value::Unknown(_) if !self.concrete => Some(default),
            Value::Size(_) | Value::Ratio(..) if self.concrete => {
                let problem = Diagnostic::error(
                    "E0205",
                    format!("`{name}` of `{}` must be known when the program is compiled", args.name),
                    args.place(name),
                    "depends on the size of the batch",
                );
                self.report(problem);
                None
            }
            Value::Size(_) | Value::Ratio(..) => Some(default),
            _ => None,
        }
    }

    fn bool_argument(&mut self, args: &Args<'a>, name: &str, default: bool) -> Option<bool> {
        let Some(g) = args.get(name) else { return Some(default) };
        match self.coerce(g.value.clone(), &Kind::Bool, args.place(name), g.expr, &format!("`{name}`")) {
            Value::Bool(b) => Some(b),
            _ => None,
        }
    }

    /// Sizes of a shape argument: a list of sizes, or the shape of a tensor. With the element type of the tensor.
    fn shape_argument(&mut self, args: &Args<'a>, name: &str) -> Option<(Vec<Dim>, Option<DType>)> {
        let g = args.get(name)?;
        match g.value.clone() {
            Value::Tensor(t) => Some((t.ty.shape, Some(t.ty.dtype))),
            Value::List(list) => {
                let mut shape = vec![];
                for value in list.iter() {
                    match self.coerce(value.clone(), &Kind::Dim, args.place(name), None, "the size of an axis") {
                        Value::Size(d) => shape.push(d),
                        _ => return None,
                    }
                }
                Some((shape, None))
            }
            Value::Rest(dims) => Some((dims.to_vec(), None)),
            Value::Size(d) => Some((vec![d], None)),
            Value::Poison | Value::Unknown(_) | Value::Series(_) => None,
            other => {
                let problem = Diagnostic::error(
                    "E0205",
                    format!("`{name}` of `{}` is a list of sizes or a tensor", args.name),
                    args.place(name),
                    format!("this is {}", other.words()),
                );
                self.report(problem);
                None
            }
        }
    }

    /// Axes of a tensor, by number or by name; ascending. `None`: poison, reported or not known.
    fn axes_argument(&mut self, args: &Args<'a>, name: &str, x: &Tensor) -> Option<Vec<usize>> {
        let g = args.get(name)?;
        let span = args.place(name);
        let values = match &g.value {
            Value::List(list) => list.to_vec(),
            Value::Rest(dims) => dims.iter().cloned().map(Value::Size).collect(),
            value => vec![value.clone()],
        };
        let mut axes = vec![];
        for value in values {
            let axis = self.axis_of(x, &value, span)?;
            if axes.contains(&axis) {
                let problem = Diagnostic::error("E0304", "an axis is named twice", span, format!("axis {axis} stands here twice"));
                self.report(problem.label(x.span, format!("of {}", self.show(x))));
                return None;
            }
            axes.push(axis);
        }
        axes.sort_unstable();
        Some(axes)
    }

    /// The one axis that a value says.
    fn axis_of(&mut self, x: &Tensor, value: &Value, span: Span) -> Option<usize> {
        let rank = x.ty.rank() as i64;
        let d = match value {
            Value::Size(d) => d.clone(),
            Value::Poison | Value::Unknown(_) => return None,
            other => {
                let problem =
                    Diagnostic::error("E0205", "an axis is given by number or by name", span, format!("this is {}", other.words()));
                self.report(problem);
                return None;
            }
        };
        if let Some(n) = d.as_const() {
            let unknown_rank = has_rest(&self.sizes.settle_type(&x.ty).shape);
            let place = if n < 0 { n + rank } else { n };
            if (0..rank).contains(&place) {
                // Counted across axes of unknown number it is not known which one it is.
                let crossed = if n < 0 { place as usize..rank as usize } else { 0..place as usize + 1 };
                let shape = self.sizes.settle_type(&x.ty).shape;
                return (!has_rest(&shape[crossed])).then_some(place as usize);
            }
            if !unknown_rank {
                let problem = Diagnostic::error("E0304", "there is no such axis", span, format!("axis {n}"))
                    .label(x.span, format!("{} has the axes {}", self.show(x), axis_range(rank)));
                self.report(problem);
            }
            return None;
        }
        let exact: Vec<usize> = (0..x.ty.rank()).filter(|i| x.ty.shape[*i] == d).collect();
        if let [axis] = exact[..] {
            return Some(axis);
        }
        let settled: Vec<usize> = (0..x.ty.rank()).filter(|i| self.sizes.same(&x.ty.shape[*i], &d)).collect();
        match (&exact[..], &settled[..]) {
            ([], [axis]) => Some(*axis),
            ([], []) => {
                let name = super::sizes::written(&d);
                if self.sizes.waits(&d) {
                    return None;
                }
                let problem = Diagnostic::error("E0304", format!("no axis is `{name}`"), span, format!("`{name}` is not an axis of it"))
                    .label(x.span, format!("is {}", self.show(x)));
                self.report(problem);
                None
            }
            (several, _) => {
                let name = super::sizes::written(&d);
                let count = several.len().max(settled.len());
                let problem = Diagnostic::error("E0304", format!("{count} axes are `{name}`"), span, "say by number which one is meant")
                    .label(x.span, format!("is {}", self.show(x)));
                self.report(problem);
                None
            }
        }
    }

    /// Lists, ranks, sizes and times.
    fn known(&mut self, args: &Args<'a>) -> Value {
        match args.name {
            "range" => self.range(args),
            "len" => match args.value("list") {
                Value::List(list) | Value::Tuple(list) => Value::int(list.len() as i64),
                Value::Series(_) => Value::Unknown(Kind::Int),
                Value::Rest(dims) => Value::int(dims.len() as i64),
                other => self.not_a(args, "list", "a list", &other),
            },
            "rank" => match args.value("x") {
                Value::Tensor(t) if has_rest(&self.sizes.settle_type(&t.ty).shape) => Value::Unknown(Kind::Int),
                Value::Tensor(t) => Value::int(t.ty.rank() as i64),
                Value::Size(_) | Value::Float(_) | Value::Ratio(..) => Value::int(0),
                other => self.not_a(args, "x", "a tensor", &other),
            },
            "size" => {
                let dims = match args.value("axes") {
                    Value::Rest(dims) => dims.to_vec(),
                    Value::Tensor(t) => t.ty.shape,
                    Value::Size(d) => vec![d],
                    Value::List(list) => list
                        .iter()
                        .filter_map(|v| match v {
                            Value::Size(d) => Some(d.clone()),
                            _ => None,
                        })
                        .collect(),
                    other => return self.not_a(args, "axes", "axes or a tensor", &other),
                };
                self.product(&dims, args.span).map_or(Value::Poison, Value::Size)
            }
            name => {
                let key = if name == "share" { "x" } else { "n" };
                let Some(n) = args.get(key) else { return Value::Poison };
                match self.known_number(&n.value) {
                    Some(x) if x < 0.0 => {
                        self.report(Diagnostic::error("E0205", "a time is not negative", args.place(key), format!("is {x}")))
                    }
                    Some(x) => Value::Time(match name {
                        "steps" => esper_ir::Duration::Steps(x),
                        "epochs" => esper_ir::Duration::Epochs(x),
                        _ => esper_ir::Duration::Share(x),
                    }),
                    None if matches!(n.value, Value::Unknown(_) | Value::Size(_) | Value::Ratio(..)) => Value::Unknown(Kind::Time),
                    None => {
                        let value = n.value.clone();
                        self.not_a(args, key, "a number", &value)
                    }
                }
            }
        }
    }

    fn range(&mut self, args: &Args<'a>) -> Value {
        let first = self.size_argument(args, "start");
        let second = self.size_argument(args, "stop");
        let (Some(Some(first)), Some(second)) = (first, second) else {
            return if args.value("start").is_poison() { Value::Poison } else { Value::Series(Rc::new(Value::Unknown(Kind::Int))) };
        };
        let (start, stop) = match second {
            Some(stop) => (first, stop),
            None => (Dim::constant(0), first),
        };
        match (self.sizes.settle(&start).as_const(), self.sizes.settle(&stop).as_const()) {
            (Some(a), Some(b)) => {
                if !self.bounded(b.saturating_sub(a), args.span) {
                    return Value::Poison;
                }
                Value::list((a..b).map(Value::int).collect())
            }
            _ => Value::Series(Rc::new(Value::Unknown(Kind::Int))),
        }
    }

    fn not_a(&mut self, args: &Args<'a>, name: &str, wanted: &str, value: &Value) -> Value {
        if matches!(value, Value::Poison | Value::Unknown(_)) {
            return Value::Poison;
        }
        let shown = format!("this is {}", value.words());
        self.report(Diagnostic::error("E0205", format!("`{name}` of `{}` is {wanted}", args.name), args.place(name), shown))
    }

    /// The product of sizes; reports an overflow.
    pub fn product(&mut self, dims: &[Dim], span: Span) -> Option<Dim> {
        let mut product = Dim::constant(1);
        for d in dims {
            match product.mul(d) {
                Ok(p) => product = p,
                Err(_) => {
                    self.report(Diagnostic::error("E0207", "a size too large to count with", span, "overflows 64 bits"));
                    return None;
                }
            }
        }
        Some(product)
    }
}

/// The numbers of the axes of a tensor.
fn axis_range(rank: i64) -> String {
    match rank {
        0 => "none: it is a scalar".into(),
        1 => "0".into(),
        n => format!("0 to {} (or -1 to -{n} from the end)", n - 1),
    }
}
