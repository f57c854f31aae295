//! The programs of an experiment: the model in training and evaluation with its loss and metrics, the optimizer, and the run.
use super::fields::{Field, Fields};
use crate::elaborate::call::Given;
use crate::elaborate::initialiser::pruned;
use crate::elaborate::instance::forward_of;
use crate::elaborate::scope::Scope;
use crate::elaborate::signature::{Binder, Passed, tensor_type};
use crate::elaborate::sizes::has_rest;
use crate::elaborate::spelling::{element, spell};
use crate::elaborate::value::{Function, Kind, Target, Tensor, Value};
use crate::elaborate::{Engine, Recorder};
use crate::hir::{self, Builtin, Distribution, IndexItem};
use crate::names::{ItemClass, ItemInfo};
use esper_diagnostics::{Diagnostic, Span};
use esper_grammar::ast::*;
use esper_ir::{BATCH, Control, DType, Dim, Input, OnNonFinite, OutputKind, RunSettings, TensorType};
use std::collections::BTreeSet;
use std::rc::Rc;

/// A loss or metric.
struct Measure {
    function: Rc<Function>,
    span: Span,
}

/// What a program of an experiment gives beside its prediction.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Train,
    Evaluate,
    Predict,
}

impl<'a> Engine<'a> {
    /// Everything an experiment says, elaborated. `None` where something is wrong, which is reported.
    pub(super) fn experiment(&mut self, info: &'a ItemInfo<'a>, fields: &Fields<'a>) -> Option<hir::Experiment> {
        let settings = self.settings(fields);
        self.refuse_missing_features(fields);
        let controls = self.controls(fields);
        let data = self.data(fields);
        let loss = self.measure(fields.get("loss")?);
        let metrics = self.metrics(fields);
        let optimizer_field = fields.get("optimizer")?.clone();
        let mut s = Scope::new(optimizer_field.file, 0);
        let value = self.expr(&mut s, &optimizer_field.value);
        let optimizer = self.optimizer_recipe(value, optimizer_field.value.span);
        let model = fields.get("model")?.clone();
        let host = self.host(&model);
        let (settings, data, loss, metrics, optimizer, (host, host_text)) = (settings?, data?, loss?, metrics?, optimizer?, host?);
        let features = self.features(host, data.shape.as_deref(), fields, data.span)?;

        let target = self.target(host, &features, &loss)?;
        let mut programs = vec![];
        for mode in [Mode::Train, Mode::Evaluate, Mode::Predict] {
            programs.push(self.program(mode, host, &features, &target, &loss, &metrics)?);
        }
        let prediction = programs[0].1.clone();
        let grown = self.grown(&fields.grow)?;
        let of_seeds = grown.seeds.iter().flat_map(|s| &s.parameters);
        let ranks: BTreeSet<usize> = self.parameters.iter().chain(of_seeds).map(|p| p.ty.rank()).collect();
        if ranks.is_empty() {
            let problem = Diagnostic::error("E0612", "the model has nothing to train", model.value.span, "has no parameters");
            self.report(problem);
            return None;
        }
        self.training = Some(true);
        let ranks: Vec<usize> = ranks.into_iter().collect();
        let optimizer = self.optimizer(&optimizer, &ranks)?;
        self.settle_deferred();
        self.report_open();
        if self.has_errors() {
            return None;
        }
        let classes = (target.dtype == DType::I32 && prediction.rank() == target.rank() + 1)
            .then(|| prediction.shape.last().and_then(Dim::as_const).and_then(|n| usize::try_from(n).ok()))
            .flatten();
        let mut functions = programs.into_iter().map(|(f, _)| self.settled(f)).collect::<Vec<_>>().into_iter();
        let (train, eval, predict) = (functions.next()?, functions.next()?, functions.next()?);
        let parameters = std::mem::take(&mut self.parameters).into_iter().map(|p| self.settled_stored(p)).collect();
        let states = std::mem::take(&mut self.states).into_iter().map(|p| self.settled_stored(p)).collect();
        let layers = std::mem::take(&mut self.layers)
            .into_iter()
            .map(|mut l| {
                l.input = self.sizes.settle_type(&l.input);
                l.output = self.sizes.settle_type(&l.output);
                l
            })
            .collect();
        Some(hir::Experiment {
            name: info.name.clone(),
            host: host_text,
            parameters,
            states,
            train,
            eval,
            predict,
            metrics: metrics.iter().map(|m| m.function.text.clone()).collect(),
            loss: loss.function.text.clone(),
            features,
            target,
            classes,
            optimizer,
            data,
            settings,
            layers,
            slots: grown.slots,
            seeds: grown.seeds,
            policies: grown.policies,
            controls: controls?,
            span: info.name_span,
        })
    }

    fn settings(&mut self, fields: &Fields<'a>) -> Option<RunSettings> {
        let batch = self.count(fields, "batch", None);
        let epochs = self.count(fields, "epochs", None);
        let save_every = self.count(fields, "save_every", Some(10));
        let seed = match fields.get("seed").cloned() {
            Some(f) => self.seed_value(&mut Scope::new(f.file, 0), f.value),
            None => Some(0),
        };
        let clip = match fields.get("clip").cloned() {
            None => Some(None),
            Some(f) => match self.field_value(&mut Scope::new(f.file, 0), f.value, &Kind::Float, "`clip`") {
                Value::Float(x) if x > 0.0 && x.is_finite() => Some(Some(x)),
                Value::Float(x) => {
                    self.report(Diagnostic::error("E0611", "`clip` is a number above 0", f.value.span, format!("is {x}")));
                    None
                }
                _ => None,
            },
        };
        let on_nonfinite = self.on_nonfinite(fields);
        let start = self.start(fields);
        Some(RunSettings {
            batch: batch?,
            epochs: epochs?,
            seed: seed?,
            clip: clip?,
            save_every: save_every?,
            on_nonfinite: on_nonfinite?,
            start: start?,
        })
    }

    fn on_nonfinite(&mut self, fields: &Fields<'a>) -> Option<OnNonFinite> {
        // A run that grows has a seed to take out.
        let Some(field) = fields.get("on_nonfinite").cloned() else {
            return Some(if !fields.grow.is_empty() { OnNonFinite::Rollback } else { OnNonFinite::Stop });
        };
        let (word, _, args) = self.field_word(&field, "what to do about a step that is not finite")?;
        let name = word.name;
        if let Some(arg) = args.first() {
            self.report(Diagnostic::error("E0202", format!("`{name}` takes no arguments"), arg.value.span, "nothing reads this"));
            return None;
        }
        Some(if name == "rollback" { OnNonFinite::Rollback } else { OnNonFinite::Stop })
    }

    fn count(&mut self, fields: &Fields<'a>, name: &str, default: Option<usize>) -> Option<usize> {
        let Some(f) = fields.get(name).cloned() else { return default };
        match self.field_value(&mut Scope::new(f.file, 0), f.value, &Kind::Int, &format!("`{name}`")) {
            Value::Size(d) => {
                let n = d.as_const().filter(|n| *n >= 1).and_then(|n| usize::try_from(n).ok());
                if n.is_none() {
                    self.report(Diagnostic::error("E0611", format!("`{name}` is at least 1"), f.value.span, format!("is {d}")));
                }
                n
            }
            _ => None,
        }
    }

    /// Fields that this version knows and cannot do: an error, never an ignored line.
    fn refuse_missing_features(&mut self, fields: &Fields<'a>) {
        if let Some(f) = fields.get("precision").cloned()
            && !matches!(&f.value.kind, ExprKind::Name(n) if n == "f32")
        {
            let problem = Diagnostic::error(
                "E0603",
                "mixed precision does not exist yet in this version of Esper",
                f.value.span,
                format!("`{}` is asked for", spell(f.value)),
            );
            self.report(problem.edit("train in f32", f.value.span, "f32"));
        }
        if let Some(f) = fields.get("augment").cloned()
            && !matches!(&f.value.kind, ExprKind::List(elems) if elems.is_empty())
        {
            let message = "augmentation does not exist yet in this version of Esper";
            let problem = Diagnostic::error("E0603", message, f.name_span, "this experiment asks for it");
            self.report(problem.help("remove the line to train without"));
        }
    }

    /// What a growing run is to be compared with.
    fn controls(&mut self, fields: &Fields<'a>) -> Option<Vec<Control>> {
        let Some(field) = fields.get("controls").cloned() else { return Some(vec![]) };
        let ExprKind::List(elems) = &field.value.kind else { return self.control(&field).map(|control| vec![control]) };
        let mut controls = vec![];
        for elem in elems {
            controls.push(match elem {
                Elem::Expr(value) => self.control(&Field { value, ..field.clone() }),
                Elem::Rest(_, span) | Elem::Slice(_, _, span) => {
                    self.report(Diagnostic::error(field.code, "`controls` is a list of names", *span, "this stands for axes of a shape"));
                    None
                }
            });
        }
        controls.into_iter().collect()
    }

    fn control(&mut self, field: &Field<'a>) -> Option<Control> {
        let (word, span, _) = self.field_word(field, "what a growing run is compared with")?;
        let control = Control::named(word.name);
        if control.is_none() {
            let message = format!("the control `{}` does not exist yet in this version of Esper", word.name);
            self.report(Diagnostic::error("E0603", message, span, "this experiment asks for it"));
        }
        control
    }

    fn measure(&mut self, field: &Field<'a>) -> Option<Measure> {
        let mut s = Scope::new(field.file, 0);
        let value = self.expr(&mut s, field.value);
        self.measure_of(value, field.value)
    }

    fn measure_of(&mut self, value: Value, e: &'a Expr) -> Option<Measure> {
        match value {
            Value::Function(function) if matches!(function.target, Target::Item(_)) => {
                if self.tensor_inputs(&function) == 2 {
                    return Some(Measure { function: Rc::new(Function { text: spell(e), ..(*function).clone() }), span: e.span });
                }
                let problem =
                    Diagnostic::error("E0613", "a loss or metric takes the prediction and the target", e.span, "takes something else");
                self.report(problem);
                None
            }
            Value::Poison => None,
            other => {
                let told = format!("this is {}", other.words());
                let problem = Diagnostic::error("E0613", "a loss or metric is a function of the prediction and the target", e.span, told);
                self.report(problem);
                None
            }
        }
    }

    fn metrics(&mut self, fields: &Fields<'a>) -> Option<Vec<Measure>> {
        let Some(field) = fields.get("metrics").cloned() else { return Some(vec![]) };
        let mut s = Scope::new(field.file, 0);
        let ExprKind::List(elems) = &field.value.kind else {
            return self.measure(&field).map(|m| vec![m]);
        };
        let mut metrics = vec![];
        for elem in elems {
            metrics.push(match elem {
                Elem::Expr(e) => {
                    let value = self.expr(&mut s, e);
                    self.measure_of(value, e)
                }
                Elem::Rest(_, span) | Elem::Slice(_, _, span) => {
                    let told = "this stands for axes of a shape";
                    self.report(Diagnostic::error("E0613", "a loss or metric is a function of the prediction and the target", *span, told));
                    None
                }
            });
        }
        metrics.into_iter().collect()
    }

    /// The model's instance and its text.
    fn host(&mut self, field: &Field<'a>) -> Option<(usize, String)> {
        let mut s = Scope::new(field.file, 0);
        match self.expr(&mut s, field.value) {
            Value::Recipe(recipe) if self.resolution.item(recipe.item).kind == ItemClass::Blueprint => {
                let name = self.resolution.item(recipe.item).name.clone();
                match self.make_instance(&recipe, String::new(), &name, field.value.span) {
                    Value::Layer(i) if !self.instances[i].is_poisoned => Some((i, spell(field.value))),
                    _ => None,
                }
            }
            Value::Poison => None,
            other => {
                let shown = match &other {
                    Value::Recipe(r) => format!("`{}` is an optimizer", r.text),
                    other => format!("this is {}", other.words()),
                };
                self.report(Diagnostic::error("E0205", "`model` is a recipe such as `Mlp(10)`", field.value.span, shown));
                None
            }
        }
    }

    /// The type of one batch of features: from the data's `shape`, or read off the model's input.
    fn features(&mut self, host: usize, row: Option<&[usize]>, fields: &Fields<'a>, data: Span) -> Option<Vec<TensorType>> {
        let definition = self.instances[host].definition;
        let Some(forward) = forward_of(definition) else { return None };
        let [param] = &forward.params[..] else {
            let problem = Diagnostic::error(
                "E0614",
                "a model that is trained takes one input",
                fields.place("model"),
                format!("`{}` takes {}", definition.name.text, forward.params.len()),
            );
            self.report(problem.label(forward.word, "declared here"));
            return None;
        };
        let Some((dtype, elems)) = tensor_type(&param.ty) else { return None };
        let batch = Dim::symbol(BATCH);
        if let Some(row) = row {
            let sizes = row.iter().map(|n| Dim::constant(*n as i64));
            return Some(vec![TensorType::new(dtype, std::iter::once(batch).chain(sizes).collect())]);
        }
        let mut s = Scope::new(self.instances[host].file, 0);
        s.vars = self.instances[host].vars.clone();
        let mut shape = vec![batch];
        let no_batch = elems.is_empty() || !matches!(&elems[0], Elem::Rest(..) | Elem::Expr(Expr { kind: ExprKind::Name(_), .. }));
        if no_batch {
            let problem = Diagnostic::error(
                "E0614",
                "a model's input has the batch as its first axis",
                param.ty.span,
                "its first axis is something else",
            );
            self.report(problem.label(fields.place("model"), "trained here"));
            return None;
        }
        for (i, elem) in elems.iter().enumerate() {
            let known = match elem {
                Elem::Expr(_) if i == 0 => continue,
                Elem::Expr(e) => match self.quietly(|engine| engine.expr(&mut s, e)) {
                    Value::Size(d) => Some(self.sizes.settle(&d)).filter(|d| d.as_const().is_some()),
                    _ => None,
                },
                _ => None,
            };
            match known {
                Some(d) => shape.push(d),
                None => {
                    let place = match elem {
                        Elem::Expr(e) => e.span,
                        Elem::Rest(_, span) | Elem::Slice(_, _, span) => *span,
                    };
                    let told = format!("the size of `{}` is not known", element(elem));
                    let problem = Diagnostic::error("E0610", "the shape of one row is not known", data, "does not say it")
                        .label(place, told)
                        .help("write it: `shape = [channels, height, width]`");
                    self.report(problem);
                    return None;
                }
            }
        }
        Some(vec![TensorType::new(dtype, shape)])
    }

    /// The type of the target: what the loss takes beside the prediction.
    fn target(&mut self, host: usize, features: &[TensorType], loss: &Measure) -> Option<TensorType> {
        // The prediction's type is known by a first evaluation, whose code is thrown away; instances stay.
        self.training = Some(true);
        self.recorders.push(Recorder::default());
        let prediction = self.prediction(host, features);
        self.recorders.pop();
        let prediction = prediction?;
        let Target::Item(id) = loss.function.target else { return None };
        let info = self.resolution.item(id);
        let ItemKind::Fn { params, .. } = &info.item.kind else { return None };
        let inputs: Vec<&'a Param> =
            params.iter().filter(|p| tensor_type(&p.ty).is_some() && !loss.function.args.iter().any(|a| a.name == p.name.text)).collect();
        let [first, second, ..] = inputs[..] else { return None };
        let mut s = Scope::new(info.file, self.new_frame());
        let names: BTreeSet<&str> = params.iter().map(|p| p.name.text.as_str()).collect();
        let passed = [Passed { param: first, tensor: prediction.clone(), span: loss.span }];
        if let Err(misfit) = self.bind_names(&mut s, &passed, &Binder { params: &names, fixed: None }) {
            let name = info.name.clone();
            self.function_misfit(&mut s, &name, &passed, misfit, loss.span);
            return None;
        }
        match self.quietly(|engine| engine.type_of(&mut s, &second.ty)) {
            Some(ty) => Some(self.sizes.settle_type(&ty)),
            None => {
                let shown = self.show(&prediction);
                let problem = Diagnostic::error(
                    "E0613",
                    "the type of the target is not known",
                    second.ty.span,
                    "names a size that the prediction does not have",
                )
                .label(loss.span, format!("the prediction is {shown}"));
                self.report(problem);
                None
            }
        }
    }

    fn prediction(&mut self, host: usize, features: &[TensorType]) -> Option<Tensor> {
        let span = self.instances[host].span;
        let given = features
            .iter()
            .enumerate()
            .map(|(i, ty)| {
                let tensor = self.input(Input::Feature(i), ty.clone(), span);
                Given::value(Value::Tensor(tensor), span)
            })
            .collect();
        match self.call_instance(host, given, span, span) {
            Value::Tensor(t) => Some(t),
            Value::Poison => None,
            other => {
                let problem =
                    Diagnostic::error("E0614", "a model that is trained gives one tensor", span, format!("this gives {}", other.words()));
                self.report(problem);
                None
            }
        }
    }

    fn program(
        &mut self,
        mode: Mode,
        host: usize,
        features: &[TensorType],
        target: &TensorType,
        loss: &Measure,
        metrics: &[Measure],
    ) -> Option<(hir::Function, TensorType)> {
        self.training = Some(mode == Mode::Train);
        self.recorders.push(Recorder::default());
        let built = self.built(mode, host, features, target, loss, metrics);
        let mut recorder = self.recorders.pop()?;
        let (outputs, prediction) = built?;
        recorder.function.outputs = outputs;
        if mode == Mode::Train {
            recorder.function.outputs.extend(recorder.states.iter().map(|(i, v)| (OutputKind::State(*i), *v)));
        }
        Some((pruned(recorder.function), self.sizes.settle_type(&prediction)))
    }

    fn built(
        &mut self,
        mode: Mode,
        host: usize,
        features: &[TensorType],
        target: &TensorType,
        loss: &Measure,
        metrics: &[Measure],
    ) -> Option<(Vec<(OutputKind, hir::Value)>, TensorType)> {
        let prediction = self.prediction(host, features)?;
        let mut outputs = vec![(OutputKind::Prediction, prediction.value)];
        if mode == Mode::Predict {
            return Some((outputs, prediction.ty));
        }
        let measured = self.measured(loss, &prediction, target)?;
        outputs.push((OutputKind::Loss, measured.value));
        for (i, metric) in metrics.iter().enumerate() {
            let measured = self.measured(metric, &prediction, target)?;
            outputs.push((OutputKind::Metric(i), measured.value));
        }
        Some((outputs, prediction.ty))
    }

    /// A loss or metric of the prediction and the target: one number.
    fn measured(&mut self, measure: &Measure, prediction: &Tensor, target: &TensorType) -> Option<Tensor> {
        let target = self.input(Input::Target, target.clone(), measure.span);
        let given = [prediction.clone(), target].map(|t| Given::value(Value::Tensor(t), measure.span));
        let mut s = Scope::new(measure.span.file, 0);
        let function = Value::Function(measure.function.clone());
        let text = measure.function.text.clone();
        match self.apply(&mut s, function, given.to_vec(), measure.span, measure.span, &move || text.clone()) {
            Value::Tensor(t) if t.ty == TensorType::scalar(DType::F32) => Some(t),
            Value::Tensor(t) => {
                let shown = self.show(&t);
                self.report(Diagnostic::error("E0613", "a loss or metric gives one number", measure.span, format!("gives {shown}")));
                None
            }
            number @ (Value::Float(_) | Value::Size(_)) => self.to_tensor(number, DType::F32, measure.span),
            _ => None,
        }
    }

    pub(crate) fn settled_stored(&self, mut stored: hir::Stored) -> hir::Stored {
        stored.ty = self.sizes.settle_type(&stored.ty);
        stored.init = self.settled(stored.init);
        stored
    }

    /// A function with every inferred size in place.
    pub(crate) fn settled(&self, mut function: hir::Function) -> hir::Function {
        let settle = |d: &mut Dim| *d = self.sizes.settle(d);
        for call in &mut function.calls {
            call.ty.shape.iter_mut().for_each(settle);
            match &mut call.builtin {
                Builtin::Size(d) | Builtin::OneHot { classes: d } | Builtin::ScatterAdd { size: d, .. } => settle(d),
                Builtin::Rearrange { sizes, .. } => sizes.iter_mut().for_each(|(_, d)| settle(d)),
                Builtin::Pad { low, high, .. } => low.iter_mut().chain(high).for_each(settle),
                Builtin::Random { distribution: Distribution::Integer { low, high }, .. } => {
                    settle(low);
                    settle(high);
                }
                Builtin::Index(items) => items.iter_mut().for_each(|item| match item {
                    IndexItem::Range(a, b) => {
                        settle(a);
                        settle(b);
                    }
                    IndexItem::At(a) => settle(a),
                }),
                _ => {}
            }
        }
        for rule in &mut function.rules {
            rule.function = self.settled(std::mem::take(&mut rule.function));
        }
        debug_assert!(function.calls.iter().all(|c| !has_rest(&c.ty.shape)));
        function
    }
}
