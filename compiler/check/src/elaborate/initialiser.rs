//! Initialisers: the code that fills a parameter or state, and hand-written derivatives as functions of their own.
use super::call::Given;
use super::instance::like;
use super::scope::Scope;
use super::value::{Kind, Tensor, Value};
use super::{Engine, Recorder};
use crate::hir::{Builtin, Function, GradientRule};
use esper_diagnostics::{Diagnostic, Span};
use esper_grammar::ast::*;
use esper_ir::{Input, OutputKind, TensorType};

impl<'a> Engine<'a> {
    /// The function that fills a stored tensor: no inputs, one output.
    pub fn initialiser(&mut self, s: &mut Scope, line: &'a Stored, ty: &TensorType, path: &str) -> Function {
        let Some(init) = &line.init else {
            let problem = Diagnostic::error(
                "E0409",
                format!("`{}` has no initial value", line.name.text),
                line.name.span,
                "what it holds at the start is not said",
            )
            .edit("start from zeros", line.ty.span.after(), " = zeros");
            self.report(problem);
            return Function::default();
        };
        self.recorders.push(Recorder { stream: format!("{path} at birth "), ..Recorder::default() });
        let training = self.training.replace(false);
        let value = self.expr(s, init);
        let filled = self.fill(s, value, ty, init.span);
        self.training = training;
        let mut recorder = self.recorders.pop().unwrap_or_default();
        if let Some(tensor) = filled {
            recorder.function.outputs.push((OutputKind::Value(0), tensor.value));
        }
        pruned(recorder.function)
    }

    /// An initialiser in a generic check: that it is one.
    pub fn check_initialiser(&mut self, s: &mut Scope, line: &'a Stored, ty: TensorType) {
        match &line.init {
            Some(init) => {
                let value = self.expr(s, init);
                self.fill(s, value, &ty, init.span);
            }
            None => {
                self.initialiser(s, line, &ty, &line.name.text);
            }
        }
    }

    /// A tensor of a type, filled by an initialiser: a number or a function of the tensor to fill.
    pub fn fill(&mut self, s: &mut Scope, value: Value, ty: &TensorType, span: Span) -> Option<Tensor> {
        let value = self.coerce(value, &Kind::Init, span, None, "an initial value");
        let filled = match value {
            Value::Size(_) | Value::Ratio(..) | Value::Float(_) => {
                let Some(x) = self.known_number(&value) else { return None };
                return Some(self.emit_tensor(Builtin::Constant(x), &[], ty.clone(), span));
            }
            Value::Function(_) => {
                let start = if self.recorders.is_empty() {
                    like(ty.clone(), span)
                } else {
                    self.emit_tensor(Builtin::Constant(0.0), &[], ty.clone(), span)
                };
                let given = Given::value(Value::Tensor(start), span);
                self.apply(s, value, vec![given], span, span, &String::new)
            }
            _ => return None,
        };
        match filled {
            Value::Tensor(t) => {
                let fits = t.ty.dtype == ty.dtype
                    && t.ty.rank() == ty.rank()
                    && t.ty.shape.iter().zip(&ty.shape).all(|(a, b)| self.sizes.unify(a, b));
                if fits {
                    return Some(t);
                }
                let (got, wanted) = (self.show(&t), super::sizes::written_type(&self.sizes.settle_type(ty)));
                self.report(Diagnostic::error(
                    "E0305",
                    "the initial value has another type",
                    span,
                    format!("gives {got}, wanted is {wanted}"),
                ));
                None
            }
            Value::Poison | Value::Unknown(_) => None,
            other => {
                let problem = Diagnostic::error("E0205", "an initialiser gives a tensor", span, format!("this gives {}", other.words()));
                self.report(problem.help("it is a function from the tensor to fill to its contents, or a number"));
                None
            }
        }
    }

    /// The result of a function with a hand-written derivative.
    pub fn with_gradient(&mut self, s: &Scope, gradient: &'a Item, value: Value, inputs: &[Tensor], span: Span) -> Value {
        let (ItemKind::Grad { args, body, .. }, Value::Tensor(y)) = (&gradient.kind, &value) else { return value };
        if args.len() != inputs.len() + 2 {
            return self.report(Diagnostic::error(
                "E0211",
                "a derivative names the inputs, the output and its cotangent",
                gradient.span,
                format!("names {} values, the function has {} inputs and one output", args.len(), inputs.len()),
            ));
        }
        self.recorders.push(Recorder::default());
        let mut inner = s.clone();
        // Tensors of the function itself belong to other code; its sizes and numbers are seen.
        inner.vars.retain(|v| !matches!(v.value, Value::Tensor(_)));
        for (i, (name, tensor)) in args.iter().zip(inputs.iter().chain([y, y])).enumerate() {
            let argument = self.input(Input::Argument(i), tensor.ty.clone(), name.span);
            inner.declare(&name.text, Value::Tensor(argument), name.span);
        }
        let result = self.body(&mut inner, body);
        let cotangents = match result {
            Value::Tuple(values) => values.to_vec(),
            other => vec![other],
        };
        let floats: Vec<&Tensor> = inputs.iter().filter(|t| t.ty.dtype.is_float()).collect();
        let mut outputs = vec![];
        let mut failed = cotangents.iter().any(Value::is_poison);
        if !failed && cotangents.len() != floats.len() {
            self.wrong_cotangents(body, cotangents.len(), floats.len());
            failed = true;
        }
        for (i, (cotangent, input)) in cotangents.into_iter().zip(&floats).enumerate() {
            let Some(tensor) = self.to_tensor(cotangent, input.ty.dtype, body.span) else {
                failed = true;
                continue;
            };
            match self.as_stored(tensor, &input.ty, &args[i].text, args[i].span, super::messages::result_span(body)) {
                Some(tensor) => outputs.push((OutputKind::Value(i), tensor.value)),
                None => failed = true,
            }
        }
        let mut recorder = self.recorders.pop().unwrap_or_default();
        if failed {
            return Value::Poison;
        }
        recorder.function.outputs = outputs;
        let rule = GradientRule { inputs: inputs.len(), function: pruned(recorder.function) };
        let ty = y.ty.clone();
        let all: Vec<&Tensor> = std::iter::once(y).chain(inputs).collect();
        let Some(function) = self.recorders.last_mut().map(|r| &mut r.function) else { return value.clone() };
        function.rules.push(rule);
        let rule = function.rules.len() - 1;
        self.emit(Builtin::WithGradient { rule }, &all, ty, span)
    }

    /// E0211: another number of cotangents than float inputs.
    pub fn wrong_cotangents(&mut self, body: &Body, got: usize, wanted: usize) {
        self.report(Diagnostic::error(
            "E0211",
            "a derivative gives one cotangent for each float input",
            super::messages::result_span(body),
            format!("gives {got}, the function has {wanted}"),
        ));
    }
}

/// The function without calls that no output needs. Random calls name their own streams, so nothing else changes.
pub(crate) fn pruned(function: Function) -> Function {
    let mut needed = vec![false; function.calls.len()];
    for (_, value) in &function.outputs {
        needed[value.0 as usize] = true;
    }
    for i in (0..function.calls.len()).rev() {
        if needed[i] {
            function.calls[i].args.iter().for_each(|a| needed[a.0 as usize] = true);
        }
    }
    let mut place = vec![crate::hir::Value(0); function.calls.len()];
    let mut calls = vec![];
    for (i, mut call) in function.calls.into_iter().enumerate() {
        if needed[i] {
            call.args.iter_mut().for_each(|a| *a = place[a.0 as usize]);
            place[i] = crate::hir::Value(calls.len() as u32);
            calls.push(call);
        }
    }
    let outputs = function.outputs.into_iter().map(|(kind, v)| (kind, place[v.0 as usize])).collect();
    Function { calls, outputs, rules: function.rules }
}
