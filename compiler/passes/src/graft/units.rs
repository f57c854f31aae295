//! Seeds that are new hidden units: an affine map of what the slot holds, an elementwise function, an affine map to what leaves it.
use super::affine::{Ends, depends, ends, parameter, product, through_movement};
use crate::differentiate;
use crate::simplify::copy;
use esper_diagnostics::Span;
use esper_ir::{BATCH, Graph, Input, Lowering, NodeId, Op, OutputKind, Seed, Tensor, interpret};

/// A seed as units with fan-in and fan-out: what initialisers that read statistics set.
#[derive(Clone, Debug)]
pub struct Units {
    /// The fan-in, `[units, inputs]`, by its number among the seed's parameters.
    pub first: usize,
    /// What is added to the units' sums, where there is such a thing.
    pub first_bias: Option<usize>,
    /// The fan-out, `[outputs, units]`.
    pub last: usize,
    /// What is added at the end.
    pub last_bias: Option<usize>,
    /// How many units.
    pub count: usize,
    /// From their sums, [`Input::Argument`] 0, to what they pass on, [`OutputKind::Value`] 0.
    activation: Graph,
}

/// A seed as new units; none where it is something else: no affine map at an end, a normalisation in between, weights of more than two axes.
/// With `opened` its maximums count a slope of 1 where both are equal: see [`opened`].
pub fn units(seed: &Seed, opened: bool) -> Option<Units> {
    let Ends { last: Some(last), last_bias } = ends(seed) else { return None };
    let graph = if opened { self::opened(&seed.eval) } else { seed.eval.clone() };
    let end = graph.output(OutputKind::Value(0))?;
    let (activated, _) = last_product(&graph, end, last)?;
    let (sums, first) = single_product(&graph, activated)?;
    let (input, _) = product(&graph, sums)?;
    let is_plain = |p: usize| seed.parameters[p].ty.rank() == 2;
    if *graph.op(through_movement(&graph, input)) != Op::Input(Input::Argument(0)) || !is_plain(first) || !is_plain(last) {
        return None;
    }
    let count = usize::try_from(seed.parameters[first].ty.shape[0].as_const()?).ok()?;
    let (activation, first_bias) = cut(&graph, sums, activated)?;
    Some(Units { first, first_bias, last, last_bias, count, activation })
}

impl Units {
    /// What the units pass on for some sums: as many rows of [`Units::count`] as `rows` says, for a batch of `batch` rows of data.
    pub fn activate(&self, sums: &[f64], batch: usize) -> Result<Vec<f64>, String> {
        let bound = self.activation.bind(&|name| (name == BATCH).then_some(batch as i64)).map_err(|e| e.to_string())?;
        let found = run(&bound, sums)?;
        found.into_iter().next().ok_or_else(|| "compiler bug: an activation without a result".into())
    }

    /// The activation's value and slope at zero, as differentiation takes it.
    pub fn at_zero(&self) -> Result<(f64, f64), String> {
        let mut graph = self.activation.bind(&|name| (name == BATCH).then_some(1)).map_err(|e| e.to_string())?;
        let value = graph.output(OutputKind::Value(0)).ok_or("compiler bug: an activation without a result")?;
        let sums =
            graph.ids().find(|id| *graph.op(*id) == Op::Input(Input::Argument(0))).ok_or("compiler bug: an activation of nothing")?;
        let elements = graph.ty(sums).elements().ok_or("compiler bug: an activation of unknown size")?;
        let axes: Vec<usize> = (0..graph.ty(value).rank()).collect();
        let total = graph.sum(value, axes);
        let slope = differentiate(&mut graph, total, &[sums])?[0].unwrap_or_else(|| graph.full_like(0.0, sums));
        graph.add_output(OutputKind::Value(1), slope);
        let found = run(&graph, &vec![0.0; elements])?;
        // Every unit has the same one.
        Ok((found[0][0], found[1][0]))
    }
}

/// The graph with every `maximum(x, constant)` written the other way round: the same numbers, and where both are equal the gradient goes to
/// `x`. So relu has a slope of 1 at zero, and units that are born with a fan-in of zero can learn (Evci et al., "GradMax", ICLR 2022, section 3.1).
pub(super) fn opened(graph: &Graph) -> Graph {
    crate::simplify::rebuild(graph, &mut |rebuilt, node, args| {
        if node.op == Op::Maximum && is_constant(rebuilt, args[1]) {
            return copy(rebuilt, node, &[args[1], args[0]]);
        }
        copy(rebuilt, node, args)
    })
}

fn is_constant(graph: &Graph, node: NodeId) -> bool {
    matches!(graph.op(through_movement(graph, node)), Op::Constant { .. })
}

fn run(graph: &Graph, sums: &[f64]) -> Result<Vec<Vec<f64>>, String> {
    let input = |input: &Input| {
        let id = graph.ids().find(|id| *graph.op(*id) == Op::Input(input.clone()))?;
        let ty = graph.ty(id);
        Some(Tensor::new(ty.dtype, ty.sizes()?, sums.to_vec()))
    };
    Ok(interpret(graph, &input, 0, 0)?.into_iter().map(|(_, tensor)| tensor.data).collect())
}

/// What the last weight is applied to.
fn last_product(graph: &Graph, end: NodeId, last: usize) -> Option<(NodeId, NodeId)> {
    let mut node = through_movement(graph, end);
    if *graph.op(node) == Op::Add {
        let args = graph.args(node);
        let rest = if parameter(graph, args[1]).is_some() { args[0] } else { args[1] };
        node = through_movement(graph, rest);
    }
    let (input, weight) = product(graph, node)?;
    (weight == last && matches!(graph.op(node), Op::DotGeneral(_))).then_some((input, node))
}

/// The only product with a parameter that a node is an elementwise function of, and that parameter.
fn single_product(graph: &Graph, of: NodeId) -> Option<(NodeId, usize)> {
    let (mut open, mut seen, mut found) = (vec![of], vec![false; graph.len()], None);
    while let Some(node) = open.pop() {
        if std::mem::replace(&mut seen[node.index()], true) || !depends(graph, node) {
            continue;
        }
        match (product(graph, node), graph.op(node).spec().lowering) {
            (Some((_, weight)), _) if matches!(graph.op(node), Op::DotGeneral(_)) && found.is_none() => found = Some((node, weight)),
            (None, Lowering::Map(_) | Lowering::Cast | Lowering::Rule) => open.extend_from_slice(graph.args(node)),
            (None, Lowering::Movement) if matches!(graph.op(node), Op::Reshape { .. }) => open.extend_from_slice(graph.args(node)),
            _ => return None,
        }
    }
    found
}

/// The graph from the units' sums to what they pass on, and the bias that is added to the sums. None where another parameter takes part.
fn cut(graph: &Graph, sums: NodeId, activated: NodeId) -> Option<(Graph, Option<usize>)> {
    let mut part = Graph::new();
    graph.rules().iter().for_each(|rule| _ = part.add_rule(rule.clone()));
    let mut bias = None;
    let wanted = ancestors(graph, activated, sums);
    let mut copies: Vec<Option<NodeId>> = vec![None; graph.len()];
    for id in graph.ids().filter(|id| wanted[id.index()]) {
        let node = graph.node(id);
        copies[id.index()] = Some(if id == sums {
            part.input(Input::Argument(0), node.ty.clone(), Span::default())
        } else if let Op::Input(Input::Parameter(number)) = node.op {
            // One that is added to the sums is a bias and starts as zero with these initialisers; no other can be set aside.
            if bias.replace(number).is_some_and(|other| other != number) || !is_added(graph, id, sums, &wanted) {
                return None;
            }
            part.constant(0.0, node.ty.clone())
        } else {
            let args = node.args.iter().map(|a| copies[a.index()]).collect::<Option<Vec<_>>>()?;
            copy(&mut part, node, &args)
        });
    }
    let value = copies[activated.index()]?;
    part.add_output(OutputKind::Value(0), value);
    Some((part, bias))
}

/// What a node is computed from, itself included, without what the sums are computed from.
fn ancestors(graph: &Graph, of: NodeId, sums: NodeId) -> Vec<bool> {
    let (mut wanted, mut open) = (vec![false; graph.len()], vec![of]);
    while let Some(node) = open.pop() {
        if !std::mem::replace(&mut wanted[node.index()], true) && node != sums {
            open.extend_from_slice(graph.args(node));
        }
    }
    wanted
}

/// Whether all that a parameter does is to be added to the sums.
fn is_added(graph: &Graph, parameter: NodeId, sums: NodeId, wanted: &[bool]) -> bool {
    let users = |of: NodeId| graph.users(of).into_iter().filter(|user| wanted[user.index()]);
    users(parameter).all(|user| match graph.op(user) {
        Op::Add => graph.args(user).iter().any(|a| through_movement(graph, *a) == sums),
        Op::Broadcast { .. } | Op::Reshape { .. } => is_added(graph, user, sums, wanted),
        _ => false,
    })
}
