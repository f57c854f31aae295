//! Calls: what is called, which argument is which, and functions evaluated in place of their calls.
use super::scope::Scope;
use super::signature::{Binder, Passed, tensor_type};
use super::sizes::{exported, written};
use super::spelling::{argument, spell, unwrapped};
use super::value::{Bound, Function, Kind, Recipe, Target, Tensor, Value};
use super::{Argument, Engine, Link};
use crate::facts::FactKind;
use crate::names::{ItemClass, ItemId};
use esper_diagnostics::{Diagnostic, Span};
use esper_grammar::ast::*;
use esper_ir::{DType, Dim};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// An argument as it was given.
#[derive(Clone, Debug)]
pub(crate) struct Given<'a> {
    /// `name =`, where written or bound before.
    pub name: Option<String>,
    /// What it is.
    pub value: Value,
    /// Its expression, where it has one.
    pub expr: Option<&'a Expr>,
    /// Where, with its name.
    pub span: Span,
    /// As written.
    pub text: String,
    /// The expression of an argument that was bound before the call.
    pub kept: Option<Rc<Expr>>,
}

impl<'a> Given<'a> {
    /// A value given by position that nobody wrote as an argument.
    pub fn value(value: Value, span: Span) -> Given<'a> {
        Given { name: None, value, expr: None, span, text: String::new(), kept: None }
    }
    /// An argument that was bound before the call.
    pub fn bound(bound: &Bound) -> Given<'a> {
        let (name, value) = (Some(bound.name.clone()), bound.value.clone());
        Given { name, value, expr: None, span: bound.span, text: bound.text.clone(), kept: bound.expr.clone() }
    }
    /// The argument as its parameter keeps it.
    pub fn keep(self, name: &str) -> Bound {
        let expr = self.expr.map(|e| Rc::new(e.clone())).or(self.kept);
        Bound { name: name.to_string(), value: self.value, span: self.span, text: self.text, expr }
    }
}

impl<'a> Engine<'a> {
    /// `f(a, b = c)`, with what is piped into it as the first argument.
    pub fn call(&mut self, s: &mut Scope, callee: &'a Expr, piped: Option<Given<'a>>, args: &'a [Arg], span: Span) -> Value {
        let function = self.callee(s, callee);
        let is_piped = piped.is_some();
        let mut given: Vec<Given> = piped.into_iter().collect();
        for arg in args {
            let value = self.expr(s, &arg.value);
            let place = arg.name.as_ref().map_or(arg.value.span, |n| n.span.to(arg.value.span));
            given.push(Given {
                name: arg.name.as_ref().map(|n| n.text.clone()),
                value,
                expr: Some(&arg.value),
                span: place,
                text: argument(arg),
                kept: None,
            });
        }
        let text = || format!("{}({})", spell(callee), args.iter().map(argument).collect::<Vec<_>>().join(", "));
        if let Value::Recipe(recipe) = &function
            && recipe.args.is_empty()
            && !is_piped
            && !given.iter().any(|g| matches!(g.value, Value::Tensor(_)))
        {
            let recipe = recipe.clone();
            return self.recipe(&recipe, given, span, text());
        }
        let is_layer = match &function {
            Value::Layer(_) | Value::Slot(_) => true,
            Value::Series(of) => matches!(**of, Value::Layer(_)),
            Value::List(list) => list.iter().all(|l| matches!(l, Value::Layer(_))),
            _ => false,
        };
        let result = self.apply(s, function, given, callee.span, span, &text);
        if is_layer && !is_piped {
            self.learn(s, FactKind::LayerCall, span, &result);
        }
        result
    }

    /// `x |> f` and `x |> g(args)`.
    pub fn pipe(&mut self, s: &mut Scope, x: &'a Expr, f: &'a Expr, span: Span) -> Value {
        let value = self.expr(s, x);
        let given = Given { name: None, value, expr: Some(x), span: x.span, text: spell(x), kept: None };
        match &unwrapped(f).kind {
            ExprKind::Call { callee, args } => {
                let result = self.call(s, callee, Some(given), args, f.span);
                self.learn(s, FactKind::Stage, f.span, &result);
                widened(result, span)
            }
            _ => {
                let function = self.callee(s, f);
                let result = self.apply(s, function, vec![given], f.span, f.span, &|| spell(f));
                self.learn(s, FactKind::Stage, f.span, &result);
                widened(result, span)
            }
        }
    }

    /// What stands before `(`: a name there looks only among things that can be called.
    fn callee(&mut self, s: &mut Scope, e: &'a Expr) -> Value {
        let ExprKind::Name(name) = &unwrapped(e).kind else { return self.expr(s, e) };
        let local = s.find(name).map(|v| v.value.clone());
        if let Some(value) = local.as_ref().filter(|v| v.is_callable()) {
            return value.clone();
        }
        let mut found = local;
        if let Some(i) = s.instance
            && self.is_callable_member(i, name)
            && let Some(value) = self.member(s, i, name, e.span)
        {
            if value.is_callable() || value.is_poison() {
                return value;
            }
            found.get_or_insert(value);
        }
        match self.outer_name(s, name, e.span) {
            Value::Poison => found.unwrap_or(Value::Poison),
            value => value,
        }
    }

    /// A value called with arguments.
    pub fn apply(
        &mut self,
        s: &mut Scope,
        function: Value,
        mut given: Vec<Given<'a>>,
        name_span: Span,
        span: Span,
        text: &dyn Fn() -> String,
    ) -> Value {
        if !self.spend(span) {
            return Value::Poison;
        }
        match function {
            Value::Function(f) => {
                let mut all: Vec<Given> = f.args.iter().map(Given::bound).collect();
                for name in given.iter().filter_map(|g| g.name.as_ref()) {
                    all.retain(|g| g.name.as_ref() != Some(name));
                }
                all.append(&mut given);
                match f.target {
                    Target::Item(id) => self.call_item(id, all, span, text),
                    Target::Builtin(i) => self.call_builtin(i, all, span, text),
                }
            }
            Value::UnknownFunction(f) => match given.into_iter().next().map(|g| g.value) {
                Some(Value::Tensor(t)) if f.keeps_type => Value::Tensor(Tensor { span, ..t }),
                _ => Value::Poison,
            },
            Value::Layer(i) => self.call_instance(i, given, name_span, span),
            Value::List(layers) if layers.iter().all(|l| matches!(l, Value::Layer(_))) => {
                let mut value = match given.first() {
                    Some(first) if given.len() == 1 => first.value.clone(),
                    _ => {
                        return self.report(Diagnostic::error(
                            "E0202",
                            "an array of layers, called, takes one input",
                            name_span,
                            format!("gets {} arguments", given.len()),
                        ));
                    }
                };
                for layer in layers.iter() {
                    let Value::Layer(i) = layer else { continue };
                    let turn = Given { value, ..given[0].clone() };
                    value = self.call_instance(*i, vec![turn], name_span, span);
                }
                value
            }
            Value::Series(layer) => {
                let before = given.first().map(|g| g.value.clone());
                let result = self.apply(s, (*layer).clone(), given, name_span, span, text);
                // Any number of them in turn: known only where one keeps the type.
                match (before, result) {
                    (Some(Value::Tensor(x)), Value::Tensor(y)) if self.same_type(&x, &y) => Value::Tensor(y),
                    _ => Value::Poison,
                }
            }
            Value::Slot(name) => self.call_slot(&name, given, span),
            Value::Recipe(_) => {
                if given.iter().any(|g| g.value.is_poison()) {
                    return Value::Poison;
                }
                self.recipe_called(s, name_span, span, &text())
            }
            Value::Poison | Value::Unknown(_) => Value::Poison,
            other => self.report(Diagnostic::error(
                "E0205",
                "only functions, layers and slots can be called",
                name_span,
                match &other {
                    Value::Tensor(t) => format!("this is a tensor, {}", self.show(t)),
                    other => format!("this is {}", other.words()),
                },
            )),
        }
    }

    /// E0204.
    fn recipe_called(&mut self, s: &Scope, name_span: Span, span: Span, text: &str) -> Value {
        let label = "this is a recipe for a layer, not a layer: it has no parameters yet";
        let place = if span.file == name_span.file { name_span.to(span) } else { span };
        let mut problem = Diagnostic::error("E0204", "a recipe that is called", place, label);
        let owner = s.instance.map(|i| self.instances[i].definition);
        let forward = owner.and_then(|d| d.body.lines.iter().find(|l| matches!(l.kind, LineKind::Forward(_))));
        let name = text.split('(').next().unwrap_or_default().to_lowercase();
        if let Some(forward) = forward.filter(|_| !name.is_empty()) {
            problem = problem.edits(
                format!("declare `layer {name} = {text}`"),
                vec![(forward.span.before(), format!("layer {name} = {text}\n    ")), (place, name.clone())],
            );
        }
        self.report(problem)
    }

    /// A blueprint (or optimizer) with arguments.
    fn recipe(&mut self, bare: &Recipe, given: Vec<Given<'a>>, span: Span, text: String) -> Value {
        let info = self.resolution.item(bare.item);
        let (ItemKind::Blueprint(d) | ItemKind::Optimizer(d)) = &info.item.kind else { return Value::Poison };
        let Some(slots) = self.arguments(&d.params, given, &info.name, info.kind.noun()) else { return Value::Poison };
        let args = d.params.iter().zip(slots).filter_map(|(p, g)| g.map(|g| g.keep(&p.name.text))).collect();
        Value::Recipe(Rc::new(Recipe { item: bare.item, args, span, text }))
    }

    /// Which argument is for which parameter. Reports what is for none, or twice for one.
    pub fn arguments(&mut self, params: &'a [Param], given: Vec<Given<'a>>, name: &str, noun: &str) -> Option<Vec<Option<Given<'a>>>> {
        let mut slots: Vec<Option<Given>> = vec![None; params.len()];
        let mut sound = true;
        let (named, positional): (Vec<_>, Vec<_>) = given.into_iter().partition(|g| g.name.is_some());
        // What was bound before the call, or piped, leaves its place to nobody else.
        let bound: BTreeSet<&str> = named.iter().filter(|g| g.expr.is_none()).filter_map(|g| g.name.as_deref()).collect();
        let mut free = params
            .iter()
            .enumerate()
            .filter(|(_, p)| !bound.contains(p.name.text.as_str()))
            .map(|(i, _)| i)
            .collect::<Vec<_>>()
            .into_iter();
        for g in positional {
            match free.next() {
                Some(i) => slots[i] = Some(g),
                None => {
                    let wanted = format!("`{name}` takes {} argument{}", params.len(), if params.len() == 1 { "" } else { "s" });
                    self.report(Diagnostic::error("E0202", format!("too many arguments for the {noun} `{name}`"), g.span, wanted));
                    sound = false;
                }
            }
        }
        for g in named {
            let key = g.name.clone().unwrap_or_default();
            let Some(i) = params.iter().position(|p| p.name.text == key) else {
                let mut problem = Diagnostic::error(
                    "E0202",
                    format!("the {noun} `{name}` has no parameter `{key}`"),
                    g.span,
                    "there is no such parameter",
                );
                let close = super::messages::closest(&key, params.iter().map(|p| p.name.text.as_str()));
                match (close, g.expr) {
                    (Some(close), Some(_)) => {
                        let place = Span { end: g.span.start + key.len() as u32, ..g.span };
                        problem = problem.edit(format!("replace by `{close}`"), place, close.to_string()).certain();
                    }
                    _ => {
                        let all: Vec<&str> = params.iter().map(|p| p.name.text.as_str()).collect();
                        if !all.is_empty() {
                            problem = problem.help(format!("it has {}", super::messages::listed(&all)));
                        }
                    }
                }
                self.report(problem);
                sound = false;
                continue;
            };
            if let Some(first) = &slots[i] {
                let problem =
                    Diagnostic::error("E0202", format!("`{key}` is given twice"), g.span, "given again").label(first.span, "given here");
                self.report(problem);
                sound = false;
                continue;
            }
            slots[i] = Some(g);
        }
        sound.then_some(slots)
    }

    /// A `fn` item called.
    fn call_item(&mut self, id: ItemId, given: Vec<Given<'a>>, span: Span, text: &dyn Fn() -> String) -> Value {
        let info = self.resolution.item(id);
        let (name, file) = (info.name.clone(), info.file);
        let ItemKind::Fn { params, result, body, .. } = &info.item.kind else { return Value::Poison };
        debug_assert_eq!(info.kind, ItemClass::Fn);
        let Some(mut slots) = self.arguments(params, given, &name, "function") else { return Value::Poison };
        if slots.iter().flatten().any(|g| g.value.is_poison()) {
            return Value::Poison;
        }
        let missing = |p: &Param, g: &Option<Given>| g.is_none() && p.default.is_none() && tensor_type(&p.ty).is_some();
        let waits = params.iter().zip(&slots).filter(|(p, g)| missing(p, g)).count();
        let inputs_given = params.iter().zip(&slots).any(|(p, g)| tensor_type(&p.ty).is_some() && g.is_some());
        if waits > 0 && !inputs_given {
            let args = params.iter().zip(slots).filter_map(|(p, g)| g.map(|g| g.keep(&p.name.text))).collect();
            return Value::Function(Rc::new(Function { target: Target::Item(id), args, text: text() }));
        }
        for (p, g) in params.iter().zip(&slots) {
            let is_dim = matches!(&p.ty.kind, TypeKind::Named { name, dims: None } if name.text == "dim");
            if g.is_none() && p.default.is_none() && !is_dim {
                let problem = Diagnostic::error(
                    "E0202",
                    format!("`{name}` needs `{}`", p.name.text),
                    span,
                    format!("`{}` is not given", p.name.text),
                )
                .label(p.span, "has no default");
                return self.report(problem);
            }
        }
        if self.chain.iter().any(|l| l.item == Some(id)) {
            return Value::Poison;
        }
        let mut s = Scope::new(file, self.new_frame());
        let mut passed = vec![];
        for (p, g) in params.iter().zip(slots.iter_mut()) {
            let (Some((dtype, _)), Some(g)) = (tensor_type(&p.ty), g) else { continue };
            let Some(tensor) = self.to_tensor(g.value.clone(), dtype, g.span) else { return Value::Poison };
            passed.push(Passed { param: p, tensor, span: g.span });
        }
        let arguments = Some(arguments_of_call(params, &slots, &passed));
        let link = Link { name: name.clone(), arguments, span, item: Some(id), numbers: numbers(&slots) };
        let names: BTreeSet<&str> = params.iter().map(|p| p.name.text.as_str()).collect();
        let binder = Binder { params: &names, fixed: None };
        let tensors = match self.bind_names(&mut s, &passed, &binder) {
            Ok(_) => {
                self.chain.push(link.clone());
                let bound = self.bind_parameters(&mut s, params, &slots, &name, span);
                self.chain.pop();
                if !bound {
                    return Value::Poison;
                }
                self.check_sizes(&mut s, &passed)
            }
            Err(misfit) => Err(misfit),
        };
        let tensors = match tensors {
            Ok(tensors) => tensors,
            Err(misfit) => return self.function_misfit(&mut s, &name, &passed, misfit, span),
        };
        for (passed, tensor) in passed.iter().zip(&tensors) {
            s.declare(&passed.param.name.text, Value::Tensor(tensor.clone()), passed.param.name.span);
        }
        // A tensor input that was left out has a default: a number.
        for (p, g) in params.iter().zip(&slots) {
            if let (Some((dtype, _)), None, Some(default)) = (tensor_type(&p.ty), g, &p.default) {
                let value = self.expr(&mut s, default);
                let value = self.to_tensor(value, dtype, default.span).map_or(Value::Poison, Value::Tensor);
                s.declare(&p.name.text, value, p.name.span);
            }
        }
        let by_signature = !self.concrete && is_tensor_result(result);
        let value = if by_signature && !has_blank(result) {
            self.signature_result(&mut s, result, span)
        } else {
            self.chain.push(link);
            let inner = self.inside.last().copied();
            let mut value = if by_signature { self.quietly(|engine| engine.body(&mut s, body)) } else { self.body(&mut s, body) };
            value = self.coerce_to_type(&mut s, value, result, super::messages::result_span(body), None);
            if let (Some(gradient), true) = (info.gradient, self.concrete && !self.recorders.is_empty()) {
                value = self.with_gradient(&s, gradient, value, &tensors, span);
            }
            debug_assert_eq!(inner, self.inside.last().copied());
            self.chain.pop();
            value
        };
        widened(export(value, &s.export), span)
    }

    /// Compile-time parameters in order: what is given, a default that may use those to its left, or a size left to be inferred.
    pub fn bind_parameters(&mut self, s: &mut Scope, params: &'a [Param], slots: &[Option<Given<'a>>], owner: &str, span: Span) -> bool {
        let mut sound = true;
        for (p, g) in params.iter().zip(slots) {
            if tensor_type(&p.ty).is_some() {
                continue;
            }
            let is_dim = matches!(&p.ty.kind, TypeKind::Named { name, dims: None } if name.text == "dim");
            let value = match (g, &p.default) {
                (Some(g), _) => {
                    let value = self.coerce_argument(s, g, p);
                    if let (true, Value::Size(d)) = (is_dim, &value) { self.define_size(s, &p.name.text, d.clone()) } else { value }
                }
                (None, Some(default)) => {
                    let value = self.expr(s, default);
                    let value = self.coerce_to_type(s, value, &p.ty, default.span, Some(default));
                    if let (true, Value::Size(d)) = (is_dim, &value) { self.define_size(s, &p.name.text, d.clone()) } else { value }
                }
                (None, None) if is_dim => {
                    let symbol = s.symbol(&p.name.text);
                    let open = super::sizes::Open { name: p.name.text.clone(), span, owner: owner.to_string(), layer: None };
                    self.sizes.open.insert(symbol.clone(), open);
                    self.learn_left_out(span, &p.name.text, &symbol, p.name.span);
                    Value::Size(Dim::symbol(&symbol))
                }
                (None, None) => Value::Poison,
            };
            sound &= !value.is_poison();
            s.declare(&p.name.text, value, p.name.span);
        }
        sound
    }

    /// An argument as its parameter's kind.
    pub fn coerce_argument(&mut self, s: &mut Scope, g: &Given<'a>, p: &'a Param) -> Value {
        let what = format!("`{}`", p.name.text);
        let expr = g.expr.or(g.kept.as_deref());
        let place = expr.map_or(g.span, |e| e.span);
        match &p.ty.kind {
            TypeKind::Named { name, dims: None } if name.text == "bool" => self.coerce(g.value.clone(), &Kind::Bool, place, expr, &what),
            TypeKind::Named { name, dims: None } => match Kind::from_name(&name.text) {
                Some(kind) => self.coerce(g.value.clone(), &kind, place, expr, &what),
                None => g.value.clone(),
            },
            _ => self.coerce_to_type(s, g.value.clone(), &p.ty, place, expr),
        }
    }

    /// A size under a name of the frame.
    pub fn define_size(&mut self, s: &mut Scope, name: &str, size: Dim) -> Value {
        let symbol = s.symbol(name);
        if self.sizes.waits(&size) && size == Dim::symbol(&symbol) {
            return Value::Size(size);
        }
        self.sizes.define(&symbol, size.clone());
        s.export.insert(symbol.clone(), size);
        Value::Size(Dim::symbol(&symbol))
    }

    /// What a signature promises, as fresh tensors: a generic check does not look into what it calls.
    pub fn signature_result(&mut self, s: &mut Scope, result: &'a Type, span: Span) -> Value {
        match &result.kind {
            TypeKind::Tuple(types) => {
                let values = types.iter().map(|t| self.signature_result(s, t, span)).collect();
                Value::tuple(values)
            }
            _ => match self.quietly(|engine| engine.type_of(s, result)) {
                Some(ty) => Value::Tensor(Tensor { ty, value: crate::hir::Value(0), span }),
                None => Value::Poison,
            },
        }
    }

    /// A number or truth as text.
    pub fn short(&self, value: &Value) -> Option<String> {
        match value {
            Value::Size(d) => Some(written(&self.sizes.settle(d))),
            Value::Float(x) => Some(x.to_string()),
            Value::Bool(b) => Some(b.to_string()),
            _ => None,
        }
    }
}

/// The arguments of a function's call, for its link in the chain.
fn arguments_of_call(params: &[Param], slots: &[Option<Given>], passed: &[Passed]) -> Vec<Argument> {
    let shown = |(p, g): (&Param, &Option<Given>)| {
        let g = g.as_ref()?;
        Some(match passed.iter().find(|x| x.param.name.text == p.name.text) {
            Some(x) => Argument::Tensor(x.tensor.ty.clone()),
            None => Argument::of(&p.name.text, &g.value, &g.text),
        })
    };
    params.iter().zip(slots).filter_map(shown).collect()
}

/// Arguments that are sizes, with their places.
pub(crate) fn numbers(slots: &[Option<Given>]) -> Vec<(String, Dim, Span)> {
    let size = |g: &Given| match &g.value {
        Value::Size(d) if g.expr.is_some() => Some((g.name.clone().unwrap_or_else(|| g.text.clone()), d.clone(), g.span)),
        _ => None,
    };
    slots.iter().flatten().filter_map(size).collect()
}

/// The value with its sizes in the caller's names.
pub(crate) fn export(value: Value, names: &BTreeMap<String, Dim>) -> Value {
    match value {
        Value::Tensor(mut t) => {
            for d in &mut t.ty.shape {
                *d = exported(d, names);
            }
            Value::Tensor(t)
        }
        Value::Size(d) => Value::Size(exported(&d, names)),
        Value::Ratio(a, b) => Value::Ratio(exported(&a, names), exported(&b, names)),
        Value::Tuple(values) => Value::tuple(values.iter().map(|v| export(v.clone(), names)).collect()),
        Value::List(values) => Value::list(values.iter().map(|v| export(v.clone(), names)).collect()),
        other => other,
    }
}

/// The value as the result of a whole expression.
pub(crate) fn widened(value: Value, span: Span) -> Value {
    match value {
        Value::Tensor(t) => Value::Tensor(Tensor { span, ..t }),
        other => other,
    }
}

/// Whether a written type is of tensors.
pub(crate) fn is_tensor_result(ty: &Type) -> bool {
    match &ty.kind {
        TypeKind::Named { .. } => tensor_type(ty).is_some(),
        TypeKind::Tuple(types) => types.iter().any(is_tensor_result),
        _ => false,
    }
}

/// Whether `_` stands in it: whatever comes out.
pub(crate) fn has_blank(ty: &Type) -> bool {
    match &ty.kind {
        TypeKind::Named { dims, .. } => {
            dims.iter().flatten().any(|e| matches!(e, Elem::Expr(Expr { kind: ExprKind::Name(n), .. }) if n == "_"))
        }
        TypeKind::Tuple(types) => types.iter().any(has_blank),
        _ => false,
    }
}

/// The element type of the first tensor among values.
pub(crate) fn first_element(values: &[&Value]) -> Option<DType> {
    values.iter().find_map(|v| match v {
        Value::Tensor(t) => Some(t.ty.dtype),
        _ => None,
    })
}
