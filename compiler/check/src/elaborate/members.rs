//! Members of instances: parameters and states as tensors, layers, slots; reading and assigning them.
use super::Engine;
use super::conditions::conjuncts;
use super::instance::{Existence, Member};
use super::scope::Scope;
use super::spelling::spell;
use super::value::{Tensor, Value};
use crate::hir;
use esper_diagnostics::{Diagnostic, Span};
use esper_grammar::ast::*;
use esper_ir::{Input, TensorType};
use std::rc::Rc;

impl<'a> Engine<'a> {
    /// Evaluates the lines of an instance's blueprint that make its parts, in order.
    pub fn make_members(&mut self, s: &mut Scope, index: usize) {
        let definition = self.instances[index].definition;
        for line in &definition.body.lines {
            match &line.kind {
                LineKind::Param(stored) => self.make_stored(s, index, stored, false),
                LineKind::State(stored) => self.make_stored(s, index, stored, true),
                LineKind::Layer { name, recipe, condition } => self.make_layer(s, index, name, recipe, condition.as_ref()),
                LineKind::Slot { name, .. } => self.add_member(index, name, Member::Slot, None),
                LineKind::Require { condition, message } => self.require(s, condition, message.as_ref()),
                _ => {}
            }
        }
    }

    fn add_member(&mut self, index: usize, name: &Name, member: Member<'a>, existence: Option<Existence>) {
        self.instances[index].members.entry(name.text.clone()).or_insert((member, existence));
    }

    fn existence(&mut self, s: &mut Scope, condition: Option<&'a Expr>) -> Option<Existence> {
        let condition = condition?;
        let value = self.expr(s, condition);
        let holds = match value {
            Value::Bool(b) => Some(b),
            Value::Tensor(t) => {
                let shown = self.show(&t);
                self.report(Diagnostic::error(
                    "E0406",
                    "an `if` on a tensor",
                    condition.span,
                    format!("{shown}: known only when the program runs"),
                ));
                None
            }
            // What the condition was meant to be is not known, so nothing can be said of it.
            Value::Poison => return None,
            _ => None,
        };
        Some(Existence { span: condition.span, text: spell(condition), conditions: conjuncts(condition, true), holds })
    }

    fn make_stored(&mut self, s: &mut Scope, index: usize, line: &'a Stored, is_state: bool) {
        let existence = self.existence(s, line.condition.as_ref());
        if existence.as_ref().is_some_and(|e| e.holds == Some(false)) {
            self.add_member(index, &line.name, Member::Stored { is_state, line, index: None }, existence);
            return;
        }
        let Some(ty) = self.type_of(s, &line.ty) else {
            self.add_member(index, &line.name, Member::Layer { value: Value::Poison }, existence);
            return;
        };
        let settled = self.sizes.settle_type(&ty);
        if settled.shape.iter().any(|d| d.symbols().contains(esper_ir::BATCH)) {
            let what = if is_state { "state" } else { "parameter" };
            let problem = Diagnostic::error(
                "E0407",
                format!("the shape of a {what} contains the size of the batch"),
                line.ty.span,
                "would change from batch to batch",
            );
            self.report(problem);
        }
        if let Some(axis) = settled.shape.iter().position(|d| d.as_const().is_some_and(|n| n < 1)) {
            let size = super::sizes::written(&settled.shape[axis]);
            let problem = Diagnostic::error("E0310", "an axis is at least 1", line.ty.span, format!("axis {axis} would be {size}"));
            self.report(problem);
        }
        let number = if self.concrete { Some(self.create_stored(s, index, line, is_state, ty)) } else { None };
        if !self.concrete {
            self.check_initialiser(s, line, settled);
        }
        self.add_member(index, &line.name, Member::Stored { is_state, line, index: number }, existence);
    }

    fn create_stored(&mut self, s: &mut Scope, index: usize, line: &'a Stored, is_state: bool, ty: TensorType) -> usize {
        let instance = &self.instances[index];
        let path = joined(&instance.path, &line.name.text);
        let owner = (instance.path.clone(), instance.definition.name.text.clone());
        let init = self.initialiser(s, line, &ty, &path);
        let stored = hir::Stored { path, ty: self.sizes.settle_type(&ty), init, span: line.name.span, owner };
        let list = if is_state { &mut self.states } else { &mut self.parameters };
        list.push(stored);
        list.len() - 1
    }

    fn make_layer(&mut self, s: &mut Scope, index: usize, name: &'a Name, recipe: &'a Expr, condition: Option<&'a Expr>) {
        let existence = self.existence(s, condition);
        let absent = existence.as_ref().is_some_and(|e| e.holds == Some(false));
        let value = if absent {
            Value::Nothing
        } else {
            let assumed = self.assumed.len();
            self.assumed.extend(existence.iter().flat_map(|e| e.conditions.clone()));
            let value = match condition {
                Some(c) => self.under(s, c, true, |engine, s| engine.expr(s, recipe)),
                None => self.expr(s, recipe),
            };
            self.assumed.truncate(assumed);
            let path = joined(&self.instances[index].path, &name.text);
            self.instantiate(value, path, name, recipe)
        };
        self.add_member(index, name, Member::Layer { value }, existence);
    }

    fn instantiate(&mut self, value: Value, path: String, name: &'a Name, recipe: &'a Expr) -> Value {
        match value {
            Value::Recipe(r) => {
                if !matches!(self.resolution.item(r.item).item.kind, ItemKind::Blueprint(_)) {
                    return self.report(Diagnostic::error(
                        "E0205",
                        "a layer is made from a blueprint",
                        recipe.span,
                        format!("`{}` is none", r.text),
                    ));
                }
                self.make_instance(&r, path, &name.text, name.span)
            }
            Value::List(list) => {
                let layers: Vec<Value> = list
                    .iter()
                    .enumerate()
                    .map(|(i, element)| self.instantiate(element.clone(), format!("{path}[{i}]"), name, recipe))
                    .collect();
                if layers.iter().any(Value::is_poison) { Value::Poison } else { Value::list(layers) }
            }
            Value::Series(element) => match self.instantiate((*element).clone(), format!("{path}[i]"), name, recipe) {
                Value::Poison => Value::Poison,
                layer => Value::Series(Rc::new(layer)),
            },
            Value::Poison | Value::Unknown(_) => Value::Poison,
            other => {
                let problem = Diagnostic::error(
                    "E0205",
                    "a layer is made from a recipe such as `Linear(16)`",
                    recipe.span,
                    format!("this is {}", other.words()),
                );
                self.report(problem)
            }
        }
    }

    /// Whether a name is a layer or slot of the instance.
    pub fn is_callable_member(&self, index: usize, name: &str) -> bool {
        self.instances[index].members.get(name).is_some_and(|(m, _)| !matches!(m, Member::Stored { .. }))
    }

    /// A member read in the instance's own code.
    pub fn member(&mut self, s: &mut Scope, index: usize, name: &str, span: Span) -> Option<Value> {
        let (member, existence) = self.instances[index].members.get(name)?.clone();
        if let Some(existence) = existence {
            let exists = existence.holds.unwrap_or_else(|| self.holds_here(&existence.conditions));
            if !exists {
                return Some(self.may_not_exist(name, &member, &existence, span));
            }
        }
        Some(match member {
            Member::Layer { value } => value,
            Member::Slot => Value::Slot(Rc::from(name)),
            Member::Stored { is_state, line, index: number } => {
                let Some(ty) = self.quietly(|engine| engine.type_of(s, &line.ty)) else { return Some(Value::Poison) };
                Value::Tensor(self.read_stored(is_state, number, ty, span))
            }
        })
    }

    fn read_stored(&mut self, is_state: bool, number: Option<usize>, ty: TensorType, span: Span) -> Tensor {
        let Some(number) = number else { return Tensor { ty, value: hir::Value(0), span } };
        if !is_state {
            return self.input(Input::Parameter(number), ty, span);
        }
        let current = self.recorders.last().and_then(|r| r.states.get(&number).copied());
        match current {
            Some(value) => Tensor { ty, value, span },
            None => self.input(Input::State(number), ty, span),
        }
    }

    /// `layer.name`, read by those who hold the layer.
    pub fn member_from_outside(&mut self, s: &mut Scope, index: usize, name: &str, span: Span) -> Option<Value> {
        if self.instances[index].is_poisoned {
            return Some(Value::Poison);
        }
        let mut inner = Scope::new(self.instances[index].file, self.instances[index].frame);
        inner.vars = self.instances[index].vars.clone();
        inner.instance = Some(index);
        if !self.instances[index].is_ready {
            // Its parts do not depend on an input: they can be made before the first call.
            let needs_input = self.needs_input(index);
            if needs_input {
                let instance = &self.instances[index];
                let problem = Diagnostic::error(
                    "E0408",
                    format!("`{name}` is read before the layer's first call"),
                    span,
                    "its shape depends on the input of the first call",
                )
                .label(instance.span, "this layer");
                return Some(self.report(problem));
            }
            self.instances[index].is_ready = true;
            self.inside.push(index);
            self.make_members(&mut inner, index);
            self.inside.pop();
        }
        let own = self.instances[index].vars.iter().find(|v| v.name == name).map(|v| v.value.clone());
        let value = match own {
            Some(value) => value,
            None => self.member(&mut inner, index, name, span)?,
        };
        let _ = s;
        let export = self.instances[index].export.clone();
        Some(super::call::export(value, &export))
    }

    /// Whether a stored shape or layer names a size that only the input gives.
    fn needs_input(&self, index: usize) -> bool {
        let instance = &self.instances[index];
        let Some(forward) = super::instance::forward_of(instance.definition) else { return false };
        let mut bound = vec![];
        for p in &forward.params {
            let Some((_, elems)) = super::signature::tensor_type(&p.ty) else { continue };
            for e in elems {
                match e {
                    Elem::Expr(Expr { kind: ExprKind::Name(name), .. }) => bound.push(name.clone()),
                    Elem::Rest(name, _) => bound.push(super::expression::rest_name(name)),
                    _ => {}
                }
            }
        }
        bound.iter().any(|name| instance.fixed.contains(name) && !instance.vars.iter().any(|v| v.name == *name))
    }

    /// `state := value`.
    pub fn assign(&mut self, s: &mut Scope, target: &'a Expr, value: &'a Expr) {
        let new = self.expr(s, value);
        let ExprKind::Name(name) = &target.kind else { return };
        if s.is_update {
            self.assign_optimizer_state(s, name, new, value.span);
            return;
        }
        let Some(index) = s.instance else { return };
        let Some((Member::Stored { is_state: true, line, index: number }, existence)) = self.instances[index].members.get(name).cloned()
        else {
            return;
        };
        if let Some(existence) = &existence {
            let exists = existence.holds.unwrap_or_else(|| self.holds_here(&existence.conditions));
            if !exists {
                let member = Member::Stored { is_state: true, line, index: number };
                self.may_not_exist(name, &member, existence, target.span);
                return;
            }
        }
        let in_training = self.training.unwrap_or_else(|| self.holds_here(&["training".to_string()]));
        if !in_training {
            let problem = Diagnostic::error(
                "E0404",
                "state that changes outside training",
                target.span,
                "state is assigned only while training; evaluation must not change the model",
            )
            .edits(
                "wrap in `if training { … }`",
                vec![(target.span.before(), "if training { ".to_string()), (value.span.after(), " }".to_string())],
            );
            self.report(problem);
            return;
        }
        let Some(ty) = self.quietly(|engine| engine.type_of(s, &line.ty)) else { return };
        let Some(tensor) = self.to_tensor(new, ty.dtype, value.span) else { return };
        let Some(tensor) = self.as_stored(tensor, &ty, name, line.ty.span, value.span) else { return };
        if let (Some(number), Some(recorder)) = (number, self.recorders.last_mut()) {
            recorder.states.insert(number, tensor.value);
        }
    }

    /// A new value of a state: of the state's type, a scalar being spread over it.
    pub fn as_stored(&mut self, tensor: Tensor, ty: &TensorType, name: &str, declared: Span, span: Span) -> Option<Tensor> {
        let same = tensor.ty.rank() == ty.rank()
            && tensor.ty.dtype == ty.dtype
            && tensor.ty.shape.iter().zip(&ty.shape).all(|(a, b)| self.sizes.unify(a, b));
        if same {
            return Some(tensor);
        }
        if tensor.ty.rank() == 0 && tensor.ty.dtype == ty.dtype {
            return Some(self.emit_tensor(hir::Builtin::BroadcastTo, &[&tensor], ty.clone(), span));
        }
        let got = self.show(&tensor);
        let wanted = super::sizes::written_type(&self.sizes.settle_type(ty));
        let problem = Diagnostic::error("E0405", format!("`{name}` changes its type"), span, format!("is {got}"))
            .label(declared, format!("`{name}` is {wanted}"));
        self.report(problem);
        None
    }
}

/// The path of a member.
pub(crate) fn joined(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_string() } else { format!("{path}.{name}") }
}
