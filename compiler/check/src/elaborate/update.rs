//! Update rules: an optimizer's states, its run-time scalars with their schedules, and one function for each rank.
use super::call::Given;
use super::initialiser::pruned;
use super::scope::{Scope, Variable};
use super::value::{Bound, Recipe, Tensor, Value};
use super::{Engine, Recorder};
use crate::hir::{self, Function};
use crate::names::ItemClass;
use esper_diagnostics::{Diagnostic, Span};
use esper_grammar::ast::*;
use esper_ir::{DType, Dim, Input, OutputKind, TensorType};

/// Whether a parameter is a run-time scalar: a number or a schedule.
fn is_scalar(p: &Param) -> bool {
    matches!(&p.ty.kind, TypeKind::Named { name, dims: None } if name.text == "f32")
}

impl<'a> Engine<'a> {
    /// The optimizer of an experiment, elaborated for the ranks its parameters have.
    pub fn optimizer(&mut self, recipe: &Recipe, ranks: &[usize]) -> Option<hir::Optimizer> {
        let info = self.resolution.item(recipe.item);
        let (name, file) = (info.name.clone(), info.file);
        let ItemKind::Optimizer(definition) = &info.item.kind else { return None };
        let update = update_of(definition)?;
        let mut s = Scope::new(file, self.new_frame());
        let mut scalars = vec![];
        for p in &definition.params {
            let arg = recipe.args.iter().find(|a| a.name == p.name.text);
            let value = if is_scalar(p) {
                let value = match (arg, &p.default) {
                    (Some(arg), _) => arg.value.clone(),
                    (None, Some(default)) => self.expr(&mut s, default),
                    (None, None) => return self.optimizer_lacks(&name, p, recipe.span),
                };
                let function = self.schedule(value, arg, p)?;
                scalars.push((p.name.text.clone(), function));
                Value::Poison
            } else {
                let given = arg.map(Given::bound);
                if given.is_none() && p.default.is_none() {
                    return self.optimizer_lacks(&name, p, recipe.span);
                }
                if !self.bind_parameters(&mut s, std::slice::from_ref(p), &[given], &name, recipe.span) {
                    return None;
                }
                continue;
            };
            s.declare(&p.name.text, value, p.name.span);
        }
        let mut states = vec![];
        let mut rules = vec![];
        for rank in ranks {
            states.clear();
            let mut inner = s.clone();
            self.recorders.push(Recorder { stream: format!("{name} "), ..Recorder::default() });
            let function = self.update_rule(&mut inner, definition, update, *rank, &mut states);
            self.recorders.pop();
            rules.push((*rank, function?));
        }
        Some(hir::Optimizer { name, states, scalars, rules })
    }

    fn optimizer_lacks(&mut self, name: &str, p: &Param, span: Span) -> Option<hir::Optimizer> {
        let problem =
            Diagnostic::error("E0202", format!("`{name}` needs `{}`", p.name.text), span, format!("`{}` is not given", p.name.text))
                .label(p.span, "has no default");
        self.report(problem);
        None
    }

    /// A run-time scalar as a function of the step and the length of the run.
    fn schedule(&mut self, value: Value, arg: Option<&Bound>, p: &'a Param) -> Option<Function> {
        let span = arg.map_or(p.span, |a| a.span);
        self.recorders.push(Recorder { stream: format!("{} ", p.name.text), ..Recorder::default() });
        let result = self.schedule_value(value, span, &p.name.text);
        let mut recorder = self.recorders.pop()?;
        let tensor = result?;
        recorder.function.outputs.push((OutputKind::Value(0), tensor.value));
        Some(pruned(recorder.function))
    }

    fn schedule_value(&mut self, value: Value, span: Span, name: &str) -> Option<Tensor> {
        let scalar = TensorType::scalar(DType::F32);
        let value = match value {
            Value::Function(f) => {
                let step = self.input(Input::Step, scalar.clone(), span);
                let total = self.input(Input::TotalSteps, scalar, span);
                let inputs = self.tensor_inputs(&f);
                let given: Vec<Given> = [step, total].into_iter().take(inputs).map(|t| Given::value(Value::Tensor(t), span)).collect();
                if inputs == 0 || inputs > 2 {
                    let problem =
                        Diagnostic::error("E0205", format!("`{name}` is a number or a schedule"), span, format!("`{}` is none", f.text))
                            .help("a schedule is a `fn` of (step) or (step, total)");
                    self.report(problem);
                    return None;
                }
                let mut scope = self.file_scope(span.file);
                let text = f.text.clone();
                self.apply(&mut scope, Value::Function(f), given, span, span, &move || text.clone())
            }
            other => other,
        };
        match value {
            Value::Size(_) | Value::Ratio(..) | Value::Float(_) | Value::Time(_) => self.to_tensor(value, DType::F32, span),
            Value::Tensor(t) if t.ty == TensorType::scalar(DType::F32) => Some(t),
            Value::Poison | Value::Unknown(_) | Value::UnknownFunction(_) => None,
            other => {
                let shown = match &other {
                    Value::Tensor(t) => self.show(t),
                    other => other.words(),
                };
                let mut problem =
                    Diagnostic::error("E0205", format!("`{name}` is a number or a schedule"), span, format!("this is {shown}"));
                if matches!(other, Value::List(_)) {
                    problem = problem.help("to try several values, say `sweep { … }` in the experiment");
                }
                self.report(problem);
                None
            }
        }
    }

    /// How many tensor inputs a function value waits for.
    pub fn tensor_inputs(&self, f: &super::value::Function) -> usize {
        let super::value::Target::Item(id) = f.target else { return 1 };
        let ItemKind::Fn { params, .. } = &self.resolution.item(id).item.kind else { return 0 };
        params
            .iter()
            .filter(|p| super::signature::tensor_type(&p.ty).is_some() && !f.args.iter().any(|a| a.name == p.name.text))
            .filter(|p| p.default.is_none())
            .count()
    }

    fn update_rule(
        &mut self,
        s: &mut Scope,
        definition: &'a Definition,
        update: &'a Method,
        rank: usize,
        states: &mut Vec<(String, f64)>,
    ) -> Option<Function> {
        let shape: Vec<Dim> = (0..rank).map(|i| Dim::symbol(&format!("d{i}"))).collect();
        let ty = TensorType::new(DType::F32, shape.clone());
        s.is_update = true;
        s.declare("..", Value::Rest(std::rc::Rc::new(shape)), update.word);
        let mut number = 0;
        for p in definition.params.iter().filter(|p| is_scalar(p)) {
            let scalar = self.input(Input::OptimizerScalar(number), TensorType::scalar(DType::F32), p.span);
            if let Some(variable) = s.find_mut(&p.name.text) {
                variable.value = Value::Tensor(scalar);
            }
            number += 1;
        }
        for line in &definition.body.lines {
            match &line.kind {
                LineKind::Require { condition, message } => self.require(s, condition, message.as_ref()),
                LineKind::State(stored) => {
                    if let Some(condition) = &stored.condition {
                        match self.expr(s, condition) {
                            Value::Bool(true) => {}
                            Value::Bool(false) => continue,
                            _ => return None,
                        }
                    }
                    let start = self.state_start(s, stored)?;
                    let k = states.len();
                    states.push((stored.name.text.clone(), start));
                    let tensor = self.input(Input::OptimizerState(k), ty.clone(), stored.name.span);
                    let value = Value::Tensor(tensor);
                    s.vars.push(Variable { name: stored.name.text.clone(), value, span: stored.name.span, is_state: true });
                }
                _ => {}
            }
        }
        let inputs = [(Input::Updated, ty.clone()), (Input::Gradient, ty.clone()), (Input::Step, TensorType::scalar(DType::F32))];
        for (p, (input, ty)) in update.params.iter().zip(inputs) {
            let tensor = self.input(input, ty, p.name.span);
            s.declare(&p.name.text, Value::Tensor(tensor), p.name.span);
        }
        let depth = s.vars.len();
        let result = self.body(s, &update.body);
        let span = super::messages::result_span(&update.body);
        let updated = self.to_tensor(result, DType::F32, span)?;
        let updated = self.as_stored(updated, &ty, "the new parameter", update.result.span, span)?;
        s.vars.truncate(depth);
        let mut function = std::mem::take(&mut self.recorders.last_mut()?.function);
        function.outputs.push((OutputKind::Updated, updated.value));
        for (k, (name, _)) in states.iter().enumerate() {
            let Some(Value::Tensor(t)) = s.find(name).map(|v| v.value.clone()) else { continue };
            function.outputs.push((OutputKind::OptimizerState(k, 0), t.value));
        }
        Some(pruned(function))
    }

    /// The number a state starts from.
    fn state_start(&mut self, s: &mut Scope, stored: &'a Stored) -> Option<f64> {
        let Some(init) = &stored.init else { return Some(0.0) };
        let value = self.expr(s, init);
        let named = match &value {
            Value::Function(f) => match f.text.as_str() {
                "zeros" => Some(0.0),
                "ones" => Some(1.0),
                _ => None,
            },
            other => self.known_number(other),
        };
        if named.is_none() && !value.is_poison() {
            let problem =
                Diagnostic::error("E0205", "a state of an optimizer starts from a number", init.span, format!("this is {}", value.words()));
            self.report(problem.help("`zeros`, `ones` or a number"));
        }
        named
    }

    /// `state := value` in an update rule.
    pub fn assign_optimizer_state(&mut self, s: &mut Scope, name: &str, new: Value, span: Span) {
        let Some(Variable { value: Value::Tensor(old), span: declared, is_state: true, .. }) = s.find(name).cloned() else { return };
        let value = self
            .to_tensor(new, old.ty.dtype, span)
            .and_then(|t| self.as_stored(t, &old.ty, name, declared, span))
            .map_or(Value::Poison, Value::Tensor);
        if let Some(variable) = s.find_mut(name) {
            variable.value = value;
        }
    }

    /// The generic check of an optimizer.
    pub fn check_optimizer(&mut self, definition: &'a Definition, file: esper_diagnostics::FileId) {
        let Some(update) = update_of(definition) else { return };
        let mut s = Scope::new(file, 0);
        let scalar = TensorType::scalar(DType::F32);
        for p in &definition.params {
            if let Some(default) = &p.default {
                let value = self.expr(&mut s, default);
                if is_scalar(p) {
                    self.schedule_value(value, default.span, &p.name.text);
                } else {
                    self.coerce_to_type(&mut s, value, &p.ty, default.span, Some(default));
                }
            }
            let value = if is_scalar(p) {
                Value::Tensor(Tensor { ty: scalar.clone(), value: hir::Value(0), span: p.name.span })
            } else {
                self.symbolic(&mut s, &p.ty, &p.name.text)
            };
            s.declare(&p.name.text, value, p.name.span);
        }
        let known = Default::default();
        let inputs = self.symbolic_inputs(&mut s, &update.params, &known);
        s.is_update = true;
        for line in &definition.body.lines {
            match &line.kind {
                LineKind::Require { condition, message } => self.require(&mut s, condition, message.as_ref()),
                LineKind::State(stored) => {
                    if let Some(condition) = &stored.condition {
                        self.expr(&mut s, condition);
                    }
                    self.state_start(&mut s, stored);
                    let value = match self.type_of(&mut s, &stored.ty) {
                        Some(ty) => Value::Tensor(Tensor { ty, value: hir::Value(0), span: stored.name.span }),
                        None => Value::Poison,
                    };
                    s.vars.push(Variable { name: stored.name.text.clone(), value, span: stored.name.span, is_state: true });
                }
                _ => {}
            }
        }
        for (p, tensor) in update.params.iter().zip(inputs) {
            s.declare(&p.name.text, tensor.map_or(Value::Poison, Value::Tensor), p.name.span);
        }
        let value = self.body(&mut s, &update.body);
        self.coerce_to_type(&mut s, value, &update.result, super::messages::result_span(&update.body), None);
    }

    /// The recipe of an optimizer, reported where the value is something else.
    pub fn optimizer_recipe(&mut self, value: Value, span: Span) -> Option<std::rc::Rc<Recipe>> {
        match value {
            Value::Recipe(r) if self.resolution.item(r.item).kind == ItemClass::Optimizer => Some(r),
            Value::Poison => None,
            other => {
                let shown = match &other {
                    Value::Recipe(r) => format!("`{}` is a blueprint", r.text),
                    other => format!("this is {}", other.words()),
                };
                self.report(Diagnostic::error("E0205", "`optimizer` is an optimizer such as `AdamW(lr = 1e-3)`", span, shown));
                None
            }
        }
    }
}

fn update_of(definition: &Definition) -> Option<&Method> {
    definition.body.lines.iter().find_map(|l| match &l.kind {
        LineKind::Update(method) => Some(method),
        _ => None,
    })
}
