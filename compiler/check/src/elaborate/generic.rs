//! The generic check: each item once, with names for its sizes. It reports what can be refuted or would have to be believed.
use super::Engine;
use super::instance::Instance;
use super::scope::Scope;
use super::value::{Kind, Value};
use crate::facts::Fact;
use crate::hir;
use crate::names::{ItemClass, ItemInfo, Resolution};
use esper_diagnostics::{Diagnostic, Severity};
use esper_grammar::ast::*;
use std::collections::{BTreeMap, BTreeSet};

/// One piece of a check. What it finds follows from the item's text and from what the names it looks up mean, and from nothing else,
/// so a caller may remember it.
#[derive(Clone, Copy, Debug)]
pub enum Work<'a> {
    /// An item with names for its sizes.
    Item(&'a ItemInfo<'a>),
    /// The fields of an experiment.
    Fields(&'a ItemInfo<'a>),
    /// An experiment with its sizes, where everything else is sound.
    Experiment(&'a ItemInfo<'a>),
}

/// What a piece of a check finds.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// What is wrong, in the order found.
    pub problems: Vec<Diagnostic>,
    /// What was learned of an item, where that was asked for.
    pub facts: Vec<Fact>,
    /// A sound experiment.
    pub experiment: Option<hir::Experiment>,
}

impl<'a> Work<'a> {
    /// The item that the work is about.
    pub fn item(&self) -> &'a ItemInfo<'a> {
        match self {
            Work::Item(info) | Work::Fields(info) | Work::Experiment(info) => info,
        }
    }
    /// Does it. `learn`: facts are wanted too.
    pub fn run(self, resolution: &'a Resolution<'a>, learn: bool) -> Findings {
        match self {
            Work::Item(info) => {
                let mut engine = Engine::new(resolution, false);
                engine.facts = learn.then(Default::default);
                engine.check_item(info);
                let facts = engine.facts();
                Findings { problems: engine.problems, facts, experiment: None }
            }
            Work::Fields(info) => Findings { problems: super::train::check_fields(resolution, info), ..Findings::default() },
            Work::Experiment(info) => {
                let (experiment, problems) = super::train::check_train(resolution, info);
                Findings { problems, experiment, ..Findings::default() }
            }
        }
    }
}

/// Checks every item; then, where nothing is wrong so far (the texts included, if they parse), every experiment with its sizes.
/// `run` does each piece of the work, or knows what it finds.
pub(crate) fn check_items<'a>(
    resolution: &'a Resolution<'a>,
    parses: bool,
    run: &mut dyn FnMut(Work<'a>) -> Vec<Diagnostic>,
) -> Vec<Diagnostic> {
    let mut problems: Vec<Diagnostic> = vec![];
    for info in &resolution.items {
        for problem in run(Work::Item(info)) {
            let known = |p: &Diagnostic| p.code == problem.code && p.primary.span == problem.primary.span;
            if !problems.iter().any(known) {
                problems.push(problem);
            }
        }
    }
    let is_error = |p: &Diagnostic| p.severity == Severity::Error;
    for info in resolution.items.iter().filter(|i| i.kind == ItemClass::Train) {
        // What is wrong with an item would show again in each experiment that uses it.
        let sound = parses && !problems.iter().any(is_error) && !resolution.problems.iter().any(is_error);
        let fields = run(Work::Fields(info));
        let elaborates = sound && !fields.iter().any(is_error);
        problems.extend(fields);
        if elaborates {
            problems.extend(run(Work::Experiment(info)));
        }
    }
    problems
}

impl<'a> Engine<'a> {
    fn check_item(&mut self, info: &'a ItemInfo<'a>) {
        match &info.item.kind {
            ItemKind::Const { ty, value, .. } => {
                let mut s = Scope::new(info.file, 0);
                let result = self.expr(&mut s, value);
                match ty {
                    Some(ty) => {
                        self.coerce_to_type(&mut s, result, ty, value.span, Some(value));
                    }
                    None => {
                        if let Value::Ratio(a, b) = &result
                            && self.known_number(&result).is_none()
                        {
                            self.not_exact(a, b, value.span, Some(value));
                        }
                    }
                }
            }
            ItemKind::Fn { params, result, body, .. } => self.check_function(info, params, result, body),
            ItemKind::Blueprint(definition) => self.check_blueprint(info, definition),
            ItemKind::Optimizer(definition) => self.check_optimizer(definition, info.file),
            ItemKind::Policy(_) => {
                self.policy(info.id);
            }
            _ => {}
        }
    }

    /// Parameters of an item as what stands for every argument; their defaults are checked against their kinds.
    fn symbolic_parameters(&mut self, s: &mut Scope, params: &'a [Param]) {
        for p in params {
            if super::signature::tensor_type(&p.ty).is_some() {
                continue;
            }
            if let Some(default) = &p.default {
                let value = self.expr(s, default);
                self.coerce_to_type(s, value, &p.ty, default.span, Some(default));
            }
            let value = self.symbolic(s, &p.ty, &p.name.text);
            s.declare(&p.name.text, value, p.name.span);
        }
    }

    fn check_function(&mut self, info: &'a ItemInfo<'a>, params: &'a [Param], result: &'a Type, body: &'a Body) {
        let mut s = Scope::new(info.file, 0);
        let names: BTreeSet<&str> = params.iter().map(|p| p.name.text.as_str()).collect();
        // Sizes that the types of inputs name come first: defaults may use them.
        let mut early = s.clone();
        self.quietly(|engine| engine.symbolic_inputs(&mut early, params, &names));
        s.vars = early.vars;
        self.symbolic_parameters(&mut s, params);
        let inputs = self.symbolic_inputs(&mut s, params, &names);
        let mut tensors = vec![];
        for (p, tensor) in params.iter().zip(inputs) {
            if super::signature::tensor_type(&p.ty).is_some() {
                tensors.extend(tensor.clone());
                s.declare(&p.name.text, tensor.map_or(Value::Poison, Value::Tensor), p.name.span);
            }
        }
        let mut inner = s.clone();
        let value = self.body(&mut inner, body);
        let span = super::messages::result_span(body);
        let value = match value {
            Value::Nothing => return,
            value => self.coerce_to_type(&mut s, value, result, span, None),
        };
        if let (Some(gradient), Value::Tensor(_)) = (info.gradient, &value) {
            self.check_gradient(&s, gradient, &tensors, &value);
        }
        self.report_open();
    }

    fn check_gradient(&mut self, s: &Scope, gradient: &'a Item, inputs: &[super::value::Tensor], value: &Value) {
        // The derivative's code is evaluated as it would be at a call; without a recorder nothing is kept of it.
        self.recorders.push(super::Recorder::default());
        self.with_gradient(s, gradient, value.clone(), inputs, gradient.span);
        self.recorders.pop();
    }

    fn check_blueprint(&mut self, info: &'a ItemInfo<'a>, definition: &'a Definition) {
        let mut s = Scope::new(info.file, 0);
        self.symbolic_parameters(&mut s, &definition.params);
        let instance = Instance {
            definition,
            file: info.file,
            path: String::new(),
            text: info.name.clone(),
            span: definition.name.span,
            recipe_span: definition.name.span,
            frame: 0,
            vars: s.vars,
            export: BTreeMap::new(),
            fixed: BTreeSet::new(),
            members: BTreeMap::new(),
            args: vec![],
            first_call: None,
            is_ready: false,
            is_poisoned: false,
            record: None,
        };
        self.instances.push(instance);
        self.check_instance(self.instances.len() - 1);
        self.report_open();
    }

    /// An expression of an experiment that must be of a kind; for the field's name in messages.
    pub fn field_value(&mut self, s: &mut Scope, e: &'a Expr, kind: &Kind, what: &str) -> Value {
        let value = self.expr(s, e);
        self.coerce(value, kind, e.span, Some(e), what)
    }
}
