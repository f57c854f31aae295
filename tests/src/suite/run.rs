//! `## run`: values for given inputs, from the interpreter; the processor repeats them with 1, 2 and 3 threads.
//!
//! A block has lines `name = numbers` for what is given (`features`, `target`, or the path of a parameter or state; what is not given has its
//! initial value, and `features` may be `random`), and lines `> name = numbers` for what comes out:
//!
//! - `prediction`, `loss` and the names of metrics, in evaluation where `evaluation` stands before them;
//! - `gradient PATH`, and `new PATH` of a state;
//! - `NAME at STEP STEP …`: a run-time scalar of the update rule at these steps of a run of 100 steps and epochs of 10.
use super::compare::{Processors, SEED, STEP, values};
use esper_ir::{BATCH, DType, Domain, Graph, Input, Model, NodeId, Operand, OutputKind, Tensor, TensorType, Tolerance, interpret};
use std::collections::BTreeMap;

/// The processor's numbers may differ by this share of an output's largest.
const SPREAD: f64 = 2e-5;
/// Steps of the run for schedules, and steps of its epochs.
const TOTAL: f64 = 100.0;
const EPOCH: f64 = 10.0;

/// The block again, with the numbers that come out.
pub fn text(model: &Model, block: &str) -> Result<String, String> {
    let (mut given, mut asked): (BTreeMap<&str, &str>, Vec<&str>) = (BTreeMap::new(), vec![]);
    for line in block.lines().filter(|l| !l.trim().is_empty()) {
        match line.strip_prefix("> ") {
            Some(line) => asked.push(line.split(" = ").next().unwrap_or(line).trim()),
            None => {
                let (name, numbers) = line.split_once(" = ").ok_or_else(|| format!("`{line}` is no `name = numbers`"))?;
                given.insert(name.trim(), numbers.trim());
            }
        }
    }
    let runner = Runner::new(model, &given)?;
    let mut out: Vec<String> = block.lines().filter(|l| !l.starts_with("> ")).map(str::to_string).collect();
    for name in asked {
        out.push(format!("> {name} = {}", runner.value(name).map_err(|e| format!("`{name}`: {e}"))?));
    }
    Ok(out.join("\n"))
}

struct Runner<'a> {
    model: &'a Model,
    rows: usize,
    feeds: Vec<(Input, Tensor)>,
    processors: Processors,
}

impl<'a> Runner<'a> {
    fn new(model: &'a Model, given: &BTreeMap<&str, &str>) -> Result<Runner<'a>, String> {
        let rows = super::rows(model);
        let mut feeds = vec![];
        let mut left: Vec<&str> = given.keys().copied().collect();
        let mut feed = |input: Input, name: &str, ty: &TensorType, otherwise: Option<Tensor>| -> Result<(), String> {
            left.retain(|l| *l != name);
            let ty = bound(ty, rows)?;
            let tensor = match (given.get(name), otherwise) {
                (Some(&"random"), _) => random(model, &ty, feeds.len()),
                (Some(text), _) => read(text, &ty).map_err(|e| format!("`{name}`: {e}"))?,
                (None, Some(tensor)) => tensor,
                (None, None) => random(model, &ty, feeds.len()),
            };
            feeds.push((input, tensor));
            Ok(())
        };
        for (n, ty) in model.features.iter().enumerate() {
            let name = if n == 0 { "features".to_string() } else { format!("features {n}") };
            feed(Input::Feature(n), &name, ty, None)?;
        }
        feed(Input::Target, "target", &model.target, None)?;
        for (n, parameter) in model.parameters.iter().enumerate() {
            feed(Input::Parameter(n), &parameter.path, &parameter.ty, Some(initial(&parameter.init)?))?;
        }
        for (n, state) in model.states.iter().enumerate() {
            feed(Input::State(n), &state.path, &state.ty, Some(initial(&state.init)?))?;
        }
        match left.first() {
            Some(name) => Err(format!("the model has no `{name}`")),
            None => Ok(Runner { model, rows, feeds, processors: Processors::default() }),
        }
    }

    fn value(&self, name: &str) -> Result<String, String> {
        let passed = |graph: Result<Graph, esper_pipeline::Error>| graph.map_err(|e| e.to_string());
        let of = |list: &[esper_ir::Parameter], path: &str| list.iter().position(|p| p.path == path).ok_or("the model has no such path");
        let step = || passed(esper_pipeline::step_graph(self.model, self.rows));
        if let Some((scalar, steps)) = name.split_once(" at ") {
            return self.schedule(scalar, steps);
        }
        if let Some(path) = name.strip_prefix("gradient ") {
            return self.output(&step()?, &OutputKind::Gradient(of(&self.model.parameters, path)?));
        }
        if let Some(path) = name.strip_prefix("new ") {
            return self.output(&step()?, &OutputKind::State(of(&self.model.states, path)?));
        }
        let (name, evaluation) = match name.strip_prefix("evaluation ") {
            Some(name) => (name, true),
            None => (name, false),
        };
        let kind = match name {
            "prediction" if evaluation => {
                return self.output(&passed(esper_pipeline::predict_graph(self.model, self.rows))?, &OutputKind::Prediction);
            }
            "prediction" => {
                let graph = self.model.train.bind(&|s| (s == BATCH).then_some(self.rows as i64)).map_err(|e| e.to_string())?;
                return self.output(&esper_passes::run(&graph)?, &OutputKind::Prediction);
            }
            "loss" => OutputKind::Loss,
            "gradient_norm" => OutputKind::GradientNorm,
            metric => OutputKind::Metric(self.model.metrics.iter().position(|m| m == metric).ok_or("there is no such output")?),
        };
        if evaluation {
            self.output(&passed(esper_pipeline::eval_graph(self.model, self.rows))?, &kind)
        } else {
            self.output(&step()?, &kind)
        }
    }

    /// One output of a graph, on the interpreter and on the processors.
    fn output(&self, graph: &Graph, kind: &OutputKind) -> Result<String, String> {
        let mut alone = Graph::new();
        let inputs: Vec<NodeId> =
            self.feeds.iter().enumerate().map(|(n, (_, tensor))| super::compare::given(&mut alone, n, &type_of(tensor))).collect();
        let named = |input: &Input| self.feeds.iter().position(|(i, _)| i == input).map(|n| inputs[n]);
        let outputs = alone.inline(graph, &named).map_err(|e| e.message)?;
        let (_, node) = outputs.iter().find(|(k, _)| k == kind).ok_or("the program has no such output")?;
        alone.add_output(OutputKind::Value(0), *node);
        let alone = alone.prune();
        let tensors: Vec<Tensor> = self.feeds.iter().map(|(_, t)| t.clone()).collect();
        let tolerance = Tolerance { absolute: 1e-6, relative: 1e-5 };
        self.processors.compare(&alone, &tensors, tolerance, SPREAD).map_err(|e| format!("the processor: {e}"))?;
        let feed = |input: &Input| if let Input::State(n) = input { tensors.get(*n).cloned() } else { None };
        let tensor = interpret(&alone, &feed, SEED, STEP)?.remove(0).1;
        Ok(written(&tensor))
    }

    fn schedule(&self, scalar: &str, steps: &str) -> Result<String, String> {
        let schedule = self.model.optimizer.scalars.iter().find(|s| s.name == scalar).ok_or("the update rule has no such scalar")?;
        let mut values = vec![];
        for step in steps.split_whitespace() {
            let step: u32 = step.parse().map_err(|_| format!("`{step}` is no step"))?;
            let number = |input: &Input| {
                let value = match input {
                    Input::Step => f64::from(step),
                    Input::TotalSteps => TOTAL,
                    Input::EpochSteps => EPOCH,
                    _ => return None,
                };
                Some(Tensor::scalar(DType::F32, value))
            };
            values.push(interpret(&schedule.graph, &number, 0, step)?.remove(0).1.data[0]);
        }
        Ok(written(&Tensor::new(DType::F32, vec![values.len()], values)))
    }
}

/// The value of a graph without inputs.
pub(super) fn initial(graph: &Graph) -> Result<Tensor, String> {
    interpret(graph, &|_| None, SEED, 0).map(|mut outputs| rounded(outputs.remove(0).1))
}

/// As f32 has it.
fn rounded(mut tensor: Tensor) -> Tensor {
    if tensor.dtype == DType::F32 {
        tensor.data.iter_mut().for_each(|v| *v = f64::from(*v as f32));
    }
    tensor
}

pub(super) fn bound(ty: &TensorType, rows: usize) -> Result<TensorType, String> {
    let bind = |dim: &esper_ir::Dim| dim.bind(&|s| (s == BATCH).then_some(rows as i64)).map_err(|e| e.to_string());
    Ok(TensorType::new(ty.dtype, ty.shape.iter().map(bind).collect::<Result<_, _>>()?))
}

/// Numbers of unit size, or classes of the model.
pub(super) fn random(model: &Model, ty: &TensorType, salt: usize) -> Tensor {
    let domain = if ty.dtype.is_float() { Domain::Between(-1.0, 1.0) } else { Domain::Below(model.classes.unwrap_or(2) as u32) };
    values(&Operand { ty: ty.clone(), domain }, 60 + salt as u64)
}

fn type_of(tensor: &Tensor) -> TensorType {
    TensorType::new(tensor.dtype, tensor.shape.iter().map(|n| esper_ir::Dim::from(*n)).collect())
}

/// `[[1, 2], [3, 4]]`: the brackets are for people, the count must be right.
fn read(text: &str, ty: &TensorType) -> Result<Tensor, String> {
    let flat: String = text.chars().map(|c| if "[],".contains(c) { ' ' } else { c }).collect();
    let data: Vec<f64> = flat.split_whitespace().map(|w| w.parse().map_err(|_| format!("`{w}` is no number"))).collect::<Result<_, _>>()?;
    if Some(data.len()) != ty.elements() {
        return Err(format!("{} numbers are given for `{ty}`", data.len()));
    }
    Ok(rounded(Tensor::new(ty.dtype, ty.sizes().ok_or("it has symbolic sizes")?, data)))
}

/// A tensor with six digits, in brackets.
pub(super) fn written(tensor: &Tensor) -> String {
    fn part(shape: &[usize], data: &[f64]) -> String {
        match shape {
            [] => digits(data[0]),
            [n, rest @ ..] => {
                let size = data.len() / n.max(&1);
                let parts: Vec<String> = data.chunks(size.max(1)).map(|d| part(rest, d)).collect();
                format!("[{}]", parts.join(", "))
            }
        }
    }
    part(&tensor.shape, &tensor.data)
}

/// Six digits; what the interpreter rounds to less than that is 0.
fn digits(value: f64) -> String {
    if value.abs() < 1e-12 {
        return "0".into();
    }
    format!("{value:.5e}").parse::<f64>().map_or_else(|_| value.to_string(), |v| v.to_string())
}
