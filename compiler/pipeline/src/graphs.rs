//! The graphs that are compiled: the model's, with sizes bound, differentiated, clipped and simplified.
use crate::Error;
use esper_diagnostics::Span;
use esper_ir::{BATCH, DType, Graph, Input, Model, NodeId, Op, OutputKind, Part, TensorType};
use esper_passes::{differentiate, run};

/// What PyTorch's `clip_grad_norm_` adds to the norm before it divides by it.
const CLIP_EPSILON: f64 = 1e-6;

/// Forward and backward of one training step on `batch` rows, with the scalars of the update rule.
///
/// Outputs: loss, metrics, states, one gradient a parameter, the scalars, and with clipping the gradient's norm. A model in which seeds live also
/// gives the loss of each that learns in the shadow, from which alone its gradients come, and the norms of all groups of gradients: the network
/// and each seed are groups of their own, clipped apart, so that none changes what another learns.
pub fn step_graph(model: &Model, batch: usize) -> Result<Graph, Error> {
    let mut graph = bind(&model.train, batch)?;
    let parameters: Vec<NodeId> =
        model.parameters.iter().enumerate().map(|(i, p)| graph.input(Input::Parameter(i), p.ty.clone(), p.span)).collect();
    let mut gradients: Vec<Option<NodeId>> = vec![None; parameters.len()];
    let is_shadow = |i: usize| model.live.iter().any(|l| l.planting.part == Part::Shadow && l.parameters.contains(&i));
    let network: Vec<usize> = (0..parameters.len()).filter(|i| !is_shadow(*i)).collect();
    gradients_of(&mut graph, OutputKind::Loss, &network, &parameters, &mut gradients)?;
    for (j, live) in model.live.iter().enumerate().filter(|(_, l)| l.planting.part == Part::Shadow) {
        let own: Vec<usize> = live.parameters.clone().collect();
        gradients_of(&mut graph, OutputKind::ShadowLoss(j), &own, &parameters, &mut gradients)?;
    }
    let mut gradients: Vec<NodeId> = gradients
        .into_iter()
        .zip(&model.parameters)
        .map(|(gradient, p)| gradient.unwrap_or_else(|| graph.constant(0.0, p.ty.clone())))
        .collect();
    if model.settings.clip.is_some() || !model.live.is_empty() {
        for (kind, group) in groups(model) {
            let norm = norm(&mut graph, &gradients, &group);
            graph.add_output(kind, norm);
            if let Some(limit) = model.settings.clip {
                clip(&mut graph, &mut gradients, &group, norm, limit)?;
            }
        }
    }
    for (i, gradient) in gradients.into_iter().enumerate() {
        graph.add_output(OutputKind::Gradient(i), gradient);
    }
    for (k, schedule) in model.optimizer.scalars.iter().enumerate() {
        let value = inlined(&mut graph, &schedule.graph)?;
        graph.add_output(OutputKind::OptimizerScalar(k), value);
    }
    finish(without(&graph, &|kind| *kind == OutputKind::Prediction)?)
}

/// Differentiates one of the losses by some parameters.
fn gradients_of(
    graph: &mut Graph,
    loss: OutputKind,
    of: &[usize],
    parameters: &[NodeId],
    gradients: &mut [Option<NodeId>],
) -> Result<(), Error> {
    let loss = graph.output(&loss).ok_or_else(|| Error::Bug(format!("the training graph has no {loss:?}")))?;
    let wanted: Vec<NodeId> = of.iter().map(|i| parameters[*i]).collect();
    let found = differentiate(graph, loss, &wanted).map_err(Error::Bug)?;
    of.iter().zip(found).for_each(|(i, gradient)| gradients[*i] = gradient);
    Ok(())
}

/// The groups whose gradients have norms of their own: what is no live seed's, and each live seed.
fn groups(model: &Model) -> Vec<(OutputKind, Vec<usize>)> {
    let of_seeds = |i: &usize| model.live.iter().any(|l| l.parameters.contains(i));
    let network = (0..model.parameters.len()).filter(|i| !of_seeds(i)).collect();
    let seeds = model.live.iter().enumerate().map(|(j, live)| (OutputKind::SeedNorm(j), live.parameters.clone().collect()));
    std::iter::once((OutputKind::GradientNorm, network)).chain(seeds).collect()
}

/// What grows could start from: of a training batch and each of some slots, `Value(2k)` is what a seed reads there, and `Value(2k + 1)` the gradient
/// of the loss by what leaves the slot, both of the k-th slot. The loss is a mean over rows, so the gradient of a row's own loss is `batch` times
/// its row of the latter.
pub fn statistics_graph(model: &Model, slots: &[usize], batch: usize) -> Result<Graph, Error> {
    let mut graph = bind(&model.train, batch)?;
    let loss = graph.output(OutputKind::Loss).ok_or_else(|| Error::Bug("the training graph has no loss".into()))?;
    let node = |slot: &usize| graph.ids().find(|id| *graph.op(*id) == Op::Slot { slot: *slot });
    let nodes: Vec<NodeId> = slots
        .iter()
        .map(|slot| node(slot).ok_or_else(|| Error::Bug(format!("slot {slot} is not in the graph"))))
        .collect::<Result<_, _>>()?;
    let gradients = differentiate(&mut graph, loss, &nodes).map_err(Error::Bug)?;
    let mut found = vec![];
    for (k, (node, gradient)) in nodes.into_iter().zip(gradients).enumerate() {
        let source = graph.args(node)[1];
        let ty = graph.ty(node).clone();
        let gradient = gradient.unwrap_or_else(|| graph.constant(0.0, ty));
        found.extend([(OutputKind::Value(2 * k), source), (OutputKind::Value(2 * k + 1), gradient)]);
    }
    finish(only(&graph, &found)?)
}

/// Evaluation of a batch: loss and metrics.
pub fn eval_graph(model: &Model, batch: usize) -> Result<Graph, Error> {
    finish(without(&bind(&model.eval, batch)?, &|kind| *kind == OutputKind::Prediction)?)
}

/// Prediction for a batch, without targets.
pub fn predict_graph(model: &Model, batch: usize) -> Result<Graph, Error> {
    finish(bind(&model.predict, batch)?)
}

/// The initial values of everything that training keeps.
pub fn init_graph(model: &Model) -> Result<Graph, Error> {
    let mut graph = Graph::new();
    for (i, parameter) in model.parameters.iter().enumerate() {
        let value = inlined(&mut graph, &parameter.init)?;
        graph.add_output(OutputKind::Parameter(i), value);
    }
    for (i, state) in model.states.iter().enumerate() {
        let value = inlined(&mut graph, &state.init)?;
        graph.add_output(OutputKind::State(i), value);
    }
    for (k, value) in model.optimizer.state_init.iter().enumerate() {
        for (i, parameter) in model.parameters.iter().enumerate() {
            let node = graph.constant(*value, parameter.ty.clone());
            graph.add_output(OutputKind::OptimizerState(k, i), node);
        }
    }
    finish(graph)
}

fn bind(graph: &Graph, batch: usize) -> Result<Graph, Error> {
    let rows = i64::try_from(batch).map_err(|_| Error::Bug("a batch of more than 2^63 rows".into()))?;
    graph.bind(&|name| (name == BATCH).then_some(rows)).map_err(|e| Error::Bug(e.to_string()))
}

/// Copies a graph of one output in and gives that output. Run-time scalars of both are the same inputs.
fn inlined(graph: &mut Graph, other: &Graph) -> Result<NodeId, Error> {
    let outputs = graph.inline(other, &|_| None).map_err(|e| Error::Bug(e.to_string()))?;
    outputs.first().map(|(_, node)| *node).ok_or_else(|| Error::Bug("a graph without outputs".into()))
}

/// The graph without some of its outputs and what only they need.
fn without(graph: &Graph, drop: &dyn Fn(&OutputKind) -> bool) -> Result<Graph, Error> {
    let mut kept = Graph::new();
    let outputs = kept.inline(graph, &|_| None).map_err(|e| Error::Bug(e.to_string()))?;
    for (kind, node) in outputs.into_iter().filter(|(kind, _)| !drop(kind)) {
        kept.add_output(kind, node);
    }
    Ok(kept)
}

/// The graph with other outputs, and nothing that they do not need.
fn only(graph: &Graph, outputs: &[(OutputKind, NodeId)]) -> Result<Graph, Error> {
    // Outputs cannot be taken away from a graph: they are added to a copy of its nodes.
    let mut kept = Graph::new();
    let mut with = graph.clone();
    for (kind, node) in outputs {
        with.add_output(kind.clone(), *node);
    }
    let copied = kept.inline(&with, &|_| None).map_err(|e| Error::Bug(e.to_string()))?;
    for (kind, node) in copied.into_iter().filter(|(kind, _)| outputs.iter().any(|(k, _)| k == kind)) {
        kept.add_output(kind, node);
    }
    Ok(kept.prune())
}

fn finish(graph: Graph) -> Result<Graph, Error> {
    run(&graph).map_err(Error::Bug)
}

/// The common norm of a group of gradients.
fn norm(graph: &mut Graph, gradients: &[NodeId], group: &[usize]) -> NodeId {
    let mut total = graph.constant(0.0, TensorType::scalar(DType::F32));
    for gradient in group.iter().map(|i| gradients[*i]) {
        let squares = graph.binary(Op::Mul, gradient, gradient);
        let axes: Vec<usize> = (0..graph.ty(squares).rank()).collect();
        let sum = if axes.is_empty() { squares } else { graph.sum(squares, axes) };
        total = graph.binary(Op::Add, total, sum);
    }
    graph.unary(Op::Sqrt, total)
}

/// Scales a group of gradients so that their common norm is at most `limit` (Pascanu et al., ICML 2013), as PyTorch does it.
fn clip(graph: &mut Graph, gradients: &mut [NodeId], group: &[usize], norm: NodeId, limit: f64) -> Result<(), Error> {
    let scalar = TensorType::scalar(DType::F32);
    let epsilon = graph.constant(CLIP_EPSILON, scalar.clone());
    let above = graph.binary(Op::Add, norm, epsilon);
    let limit = graph.constant(limit, scalar.clone());
    let ratio = graph.binary(Op::Div, limit, above);
    let one = graph.constant(1.0, scalar);
    let factor = graph.binary(Op::Minimum, ratio, one);
    for &i in group {
        let shape = graph.ty(gradients[i]).shape.clone();
        let spread = if shape.is_empty() {
            factor
        } else {
            graph.apply(Op::Broadcast { shape, axes: vec![] }, &[factor], Span::default()).map_err(|e| Error::Bug(e.to_string()))?
        };
        gradients[i] = graph.binary(Op::Mul, gradients[i], spread);
    }
    Ok(())
}
