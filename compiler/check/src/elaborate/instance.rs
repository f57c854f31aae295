//! Instances of blueprints: made by `layer`, their sizes fixed and their parameters created at the first call.
use super::call::{Given, export, has_blank, is_tensor_result, widened};
use super::scope::{Scope, Variable};
use super::signature::{Binder, Misfit, Passed, tensor_type};
use super::value::{Bound, Recipe, Tensor, Value};
use super::{Argument, Engine, Link};
use esper_diagnostics::{Diagnostic, FileId, Span};
use esper_grammar::ast::*;
use esper_ir::{Dim, LayerInstance, TensorType};
use std::collections::{BTreeMap, BTreeSet};

/// A part of an instance.
#[derive(Clone, Debug)]
pub(crate) enum Member<'a> {
    /// A parameter or state, created at the first use.
    Stored { is_state: bool, line: &'a Stored, index: Option<usize> },
    /// A layer, an array of them, or what is poisoned.
    Layer { value: Value },
    /// A growth site.
    Slot,
}

/// The condition under which a member exists.
#[derive(Clone, Debug)]
pub(crate) struct Existence {
    /// Where the condition is written.
    pub span: Span,
    /// As written.
    pub text: String,
    /// In canonical form, for branches on the same condition.
    pub conditions: Vec<String>,
    /// Whether it holds, where that is known.
    pub holds: Option<bool>,
}

/// An instance of a blueprint.
#[derive(Clone, Debug)]
pub(crate) struct Instance<'a> {
    /// Its tree.
    pub definition: &'a Definition,
    /// Its file.
    pub file: FileId,
    /// `blocks[0].first`; empty for the host.
    pub path: String,
    /// `Linear(16)`, as written.
    pub text: String,
    /// The layer's name where it is declared.
    pub span: Span,
    /// Where its recipe is written.
    pub recipe_span: Span,
    /// The number of its own symbols.
    pub frame: u32,
    /// Its parameters and the sizes that hold for all its calls.
    pub vars: Vec<Variable>,
    /// What those who made it call its sizes.
    pub export: BTreeMap<String, Dim>,
    /// Names of sizes that hold for all its calls, because something it stores depends on them.
    pub fixed: BTreeSet<String>,
    /// Its parts.
    pub members: BTreeMap<String, (Member<'a>, Option<Existence>)>,
    /// Its given arguments.
    pub args: Vec<Bound>,
    /// Its first call: where, and the inputs' types.
    pub first_call: Option<(Span, Vec<TensorType>)>,
    /// Whether its members were made.
    pub is_ready: bool,
    /// Whether something is wrong with it, so that it stays silent.
    pub is_poisoned: bool,
    /// Its number in the record of layers.
    pub record: Option<usize>,
}

impl<'a> Engine<'a> {
    /// Makes an instance of a recipe. Its arguments are checked here; what depends on its input waits for the first call.
    pub fn make_instance(&mut self, recipe: &Recipe, path: String, name: &str, span: Span) -> Value {
        if !self.spend(span) {
            return Value::Poison;
        }
        let info = self.resolution.item(recipe.item);
        let ItemKind::Blueprint(definition) = &info.item.kind else { return Value::Poison };
        let frame = self.new_frame();
        let mut s = Scope::new(info.file, frame);
        let slots: Vec<Option<Given>> =
            definition.params.iter().map(|p| recipe.args.iter().find(|a| a.name == p.name.text).map(Given::bound)).collect();
        for (p, g) in definition.params.iter().zip(&slots) {
            let is_dim = matches!(&p.ty.kind, TypeKind::Named { name, dims: None } if name.text == "dim");
            if g.is_none() && p.default.is_none() && !is_dim {
                let problem = Diagnostic::error(
                    "E0202",
                    format!("`{}` needs `{}`", info.name, p.name.text),
                    recipe.span,
                    format!("`{}` is not given", p.name.text),
                )
                .label(p.span, "has no default");
                return self.report(problem);
            }
        }
        let before = self.problems.len();
        let sound = self.bind_layer_parameters(&mut s, definition, &slots, recipe);
        for open in self.sizes.open.values_mut().filter(|o| o.span == recipe.span && o.layer.is_none()) {
            open.layer = Some(name.to_string());
        }
        let instance = Instance {
            definition,
            file: info.file,
            path,
            text: recipe.text.clone(),
            span,
            recipe_span: recipe.span,
            frame,
            vars: s.vars,
            export: s.export,
            fixed: fixed_names(definition),
            members: BTreeMap::new(),
            args: recipe.args.clone(),
            first_call: None,
            is_ready: false,
            is_poisoned: !sound || self.problems.len() > before,
            record: None,
        };
        self.instances.push(instance);
        Value::Layer(self.instances.len() - 1)
    }

    fn bind_layer_parameters(&mut self, s: &mut Scope, definition: &'a Definition, slots: &[Option<Given<'a>>], recipe: &Recipe) -> bool {
        let name = definition.name.text.as_str();
        let mut sound = true;
        for (i, p) in definition.params.iter().enumerate() {
            // A default that is not whole is told at the argument that makes it so.
            if let (None, Some(default)) = (&slots[i], &p.default) {
                let found = self.problems.len();
                let value = self.quietly(|engine| engine.expr(s, default));
                if let Value::Ratio(a, b) = &value {
                    let quotient = self.sizes.settle(a).divide(&self.sizes.settle(b));
                    let is_size = matches!(&p.ty.kind, TypeKind::Named { name, .. } if name.text == "dim" || name.text == "int");
                    if is_size && quotient.as_ref().is_ok_and(|q| q.is_whole() == Some(false)) {
                        self.default_not_exact(s, p, default, recipe, a, b);
                        sound = false;
                        s.declare(&p.name.text, Value::Poison, p.name.span);
                        continue;
                    }
                }
                debug_assert_eq!(found, self.problems.len());
            }
            sound &= self.bind_parameters(s, std::slice::from_ref(p), std::slice::from_ref(&slots[i]), name, recipe.span);
        }
        sound
    }

    /// An instance called.
    pub fn call_instance(&mut self, index: usize, given: Vec<Given<'a>>, name_span: Span, span: Span) -> Value {
        let instance = &self.instances[index];
        if instance.is_poisoned || given.iter().any(|g| g.value.is_poison()) || self.inside.contains(&index) {
            return Value::Poison;
        }
        let definition = instance.definition;
        let Some(forward) = forward_of(definition) else { return Value::Poison };
        let mut s = Scope::new(instance.file, self.new_frame());
        s.instance = Some(index);
        s.vars = self.instances[index].vars.clone();
        s.export = self.instances[index].export.clone();
        let Some(slots) = self.arguments(&forward.params, given, &definition.name.text, "layer") else { return Value::Poison };
        let mut passed = vec![];
        for (p, g) in forward.params.iter().zip(&slots) {
            let Some(g) = g else {
                let problem = Diagnostic::error(
                    "E0202",
                    format!("`{}` needs its input `{}`", definition.name.text, p.name.text),
                    span,
                    "is not given",
                )
                .label(p.span, "wanted here");
                return self.report(problem);
            };
            let Some((dtype, _)) = tensor_type(&p.ty) else { continue };
            let Some(tensor) = self.to_tensor(g.value.clone(), dtype, g.span) else { return Value::Poison };
            passed.push(Passed { param: p, tensor, span: g.span });
        }
        let link = self.instance_link(index);
        let result = self.enter(index, link, |engine| engine.bound_call(&mut s, index, forward, &passed, span));
        match result {
            Ok(value) => {
                let value = widened(export(value, &s.export), span);
                self.record_first(index, &passed, &value);
                value
            }
            Err(Misfit::Silent) => Value::Poison,
            Err(misfit) => self.layer_misfit(&mut s, index, &passed, misfit, name_span),
        }
    }

    fn instance_link(&self, index: usize) -> Link {
        let instance = &self.instances[index];
        let size = |a: &Bound| match &a.value {
            Value::Size(d) => Some((a.name.clone(), d.clone(), a.span)),
            _ => None,
        };
        let numbers = instance.args.iter().filter_map(size).collect();
        let (name, arguments) = match instance.path.as_str() {
            "" => (instance.text.clone(), None),
            path => {
                let arguments = instance.args.iter().map(|a| Argument::of(&a.name, &a.value, &a.text)).collect();
                (format!("{path} = {}", instance.definition.name.text), Some(arguments))
            }
        };
        Link { name, arguments, span: instance.span, item: None, numbers }
    }

    /// Runs something as the code of an instance.
    pub fn enter<T>(&mut self, index: usize, link: Link, run: impl FnOnce(&mut Self) -> T) -> T {
        self.inside.push(index);
        self.chain.push(link);
        let assumed = std::mem::take(&mut self.assumed);
        let result = run(self);
        self.assumed = assumed;
        self.chain.pop();
        self.inside.pop();
        result
    }

    fn bound_call(&mut self, s: &mut Scope, index: usize, forward: &'a Method, passed: &[Passed<'a>], span: Span) -> Result<Value, Misfit> {
        let definition = self.instances[index].definition;
        let params: BTreeSet<&str> =
            definition.params.iter().map(|p| p.name.text.as_str()).chain(forward.params.iter().map(|p| p.name.text.as_str())).collect();
        let fixed = self.instances[index].fixed.clone();
        let frame = self.instances[index].frame;
        let kept = self.bind_names(s, passed, &Binder { params: &params, fixed: Some((&fixed, frame)) })?;
        for (name, value) in kept {
            if let Value::Size(d) = &value {
                let own = d.to_string();
                if let Some(outer) = s.export.get(&own) {
                    self.instances[index].export.insert(own, outer.clone());
                }
            }
            let variable = Variable { name, value, span, is_state: false };
            self.instances[index].vars.push(variable);
        }
        // Sizes are fixed by the first call even where it does not fit, so that one mistake is told once.
        if self.instances[index].first_call.is_none() {
            let types = passed.iter().map(|p| p.tensor.ty.clone()).collect();
            self.instances[index].first_call = Some((span, types));
            self.reserve_record(index, passed);
        }
        if !self.instances[index].is_ready {
            self.instances[index].is_ready = true;
            self.make_members(s, index);
        }
        let tensors = self.check_sizes(s, passed)?;
        for (passed, tensor) in passed.iter().zip(tensors) {
            s.declare(&passed.param.name.text, Value::Tensor(tensor), passed.param.name.span);
        }
        let by_signature = !self.concrete;
        if by_signature && is_tensor_result(&forward.result) && !has_blank(&forward.result) {
            return Ok(self.signature_result(s, &forward.result, span));
        }
        let value = if by_signature { self.quietly(|engine| engine.body(s, &forward.body)) } else { self.body(s, &forward.body) };
        Ok(self.coerce_to_type(s, value, &forward.result, super::messages::result_span(&forward.body), None))
    }

    fn reserve_record(&mut self, index: usize, passed: &[Passed<'a>]) {
        if !self.concrete || self.instances[index].path.is_empty() {
            return;
        }
        let input = passed.first().map_or(TensorType::scalar(esper_ir::DType::F32), |p| p.tensor.ty.clone());
        let instance = &mut self.instances[index];
        instance.record = Some(self.layers.len());
        self.layers.push(LayerInstance {
            path: instance.path.clone(),
            blueprint: instance.definition.name.text.clone(),
            output: input.clone(),
            input,
            span: instance.span,
        });
    }

    fn record_first(&mut self, index: usize, passed: &[Passed<'a>], value: &Value) {
        let Some(record) = self.instances[index].record.take() else { return };
        let output = match value {
            Value::Tensor(t) => Some(t.ty.clone()),
            Value::Tuple(values) => values.iter().find_map(|v| match v {
                Value::Tensor(t) => Some(t.ty.clone()),
                _ => None,
            }),
            _ => None,
        };
        if let Some(output) = output {
            self.layers[record].output = output;
        }
        if let Some(first) = passed.first() {
            self.layers[record].input = first.tensor.ty.clone();
        }
    }

    /// The tensors that stand for a blueprint's inputs and its code evaluated with them: the generic check of a blueprint.
    pub fn check_instance(&mut self, index: usize) {
        let instance = &self.instances[index];
        let definition = instance.definition;
        let Some(forward) = forward_of(definition) else { return };
        let mut s = Scope::new(instance.file, 0);
        s.instance = Some(index);
        s.vars = instance.vars.clone();
        let params: BTreeSet<&str> = definition.params.iter().map(|p| p.name.text.as_str()).collect();
        let inputs = self.symbolic_inputs(&mut s, &forward.params, &params);
        let bound = s.vars.clone();
        self.instances[index].vars = bound;
        self.inside.push(index);
        self.instances[index].is_ready = true;
        self.make_members(&mut s, index);
        for (p, tensor) in forward.params.iter().zip(inputs) {
            s.declare(&p.name.text, tensor.map_or(Value::Poison, Value::Tensor), p.name.span);
        }
        let value = self.body(&mut s, &forward.body);
        self.coerce_to_type(&mut s, value, &forward.result, super::messages::result_span(&forward.body), None);
        self.inside.pop();
    }
}

/// The `forward` of a blueprint.
pub(crate) fn forward_of(definition: &Definition) -> Option<&Method> {
    definition.body.lines.iter().find_map(|l| match &l.kind {
        LineKind::Forward(method) => Some(method),
        _ => None,
    })
}

/// Names in the lines that store or require something: the sizes among them hold for all calls of an instance.
fn fixed_names(definition: &Definition) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for line in &definition.body.lines {
        match &line.kind {
            LineKind::Param(stored) | LineKind::State(stored) => {
                type_names(&stored.ty, &mut names);
                stored.init.iter().chain(&stored.condition).for_each(|e| expr_names(e, &mut names));
            }
            LineKind::Layer { recipe, condition, .. } => {
                expr_names(recipe, &mut names);
                condition.iter().for_each(|e| expr_names(e, &mut names));
            }
            LineKind::Require { condition, .. } => expr_names(condition, &mut names),
            _ => {}
        }
    }
    names
}

fn type_names(ty: &Type, names: &mut BTreeSet<String>) {
    if let TypeKind::Named { dims: Some(elems), .. } = &ty.kind {
        elems.iter().for_each(|e| elem_names(e, names));
    }
}

fn elem_names(elem: &Elem, names: &mut BTreeSet<String>) {
    match elem {
        Elem::Expr(e) => expr_names(e, names),
        Elem::Rest(name, _) => {
            names.insert(super::expression::rest_name(name));
        }
        Elem::Slice(a, b, _) => a.iter().chain(b).for_each(|e| expr_names(e, names)),
    }
}

/// All names in an expression.
pub(crate) fn expr_names(e: &Expr, names: &mut BTreeSet<String>) {
    match &e.kind {
        ExprKind::Name(name) => {
            names.insert(name.clone());
        }
        ExprKind::Unary(_, x) | ExprKind::Paren(x) => expr_names(x, names),
        ExprKind::Binary { left: a, right: b, .. } | ExprKind::Pipe(a, b) | ExprKind::Repeat { value: a, count: b } => {
            expr_names(a, names);
            expr_names(b, names);
        }
        ExprKind::Call { callee, args } => {
            expr_names(callee, names);
            args.iter().for_each(|a| expr_names(&a.value, names));
        }
        ExprKind::Index { base, elems } => {
            expr_names(base, names);
            elems.iter().for_each(|e| elem_names(e, names));
        }
        ExprKind::Dot { base, .. } => expr_names(base, names),
        ExprKind::Tuple(parts) => parts.iter().for_each(|p| expr_names(p, names)),
        ExprKind::List(elems) => elems.iter().for_each(|e| elem_names(e, names)),
        ExprKind::Each { value, over, .. } => {
            expr_names(value, names);
            expr_names(over, names);
        }
        ExprKind::If { condition, then, otherwise } => {
            expr_names(condition, names);
            for body in [Some(then), otherwise.as_ref()].into_iter().flatten() {
                for line in &body.lines {
                    if let LineKind::Expr(e) = &line.kind {
                        expr_names(e, names);
                    }
                }
            }
        }
        ExprKind::Int(_) | ExprKind::Float { .. } | ExprKind::Str(_) | ExprKind::Bool(_) | ExprKind::Error => {}
    }
}

/// A tensor of zeros of a type that is only looked at.
pub(crate) fn like(ty: TensorType, span: Span) -> Tensor {
    Tensor { ty, value: crate::hir::Value(0), span }
}
