//! Where a seed ends in an affine map: what makes it zero where it is zero.
use esper_ir::{Graph, Input, NodeId, Op, OutputKind, Seed};

/// The last affine map of a seed, by the numbers of its parameters in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ends {
    /// The weight whose product is what the seed gives, but for `last_bias`.
    pub last: Option<usize>,
    /// What is added to that product.
    pub last_bias: Option<usize>,
}

/// Finds the affine end of a seed in its evaluation graph.
pub fn ends(seed: &Seed) -> Ends {
    let graph = &seed.eval;
    let mut ends = Ends::default();
    let Some(mut node) = graph.output(OutputKind::Value(0)).map(|n| through_movement(graph, n)) else { return ends };
    if let Op::Add = graph.op(node) {
        let [left, right] = [graph.args(node)[0], graph.args(node)[1]];
        for (bias, rest) in [(right, left), (left, right)] {
            if let Some(parameter) = parameter(graph, bias) {
                ends.last_bias = Some(parameter);
                node = through_movement(graph, rest);
                break;
            }
        }
    }
    match product(graph, node) {
        Some((_, weight)) => ends.last = Some(weight),
        None => ends.last_bias = None,
    }
    ends
}

/// Whether a node depends on what the seed reads.
pub(super) fn depends(graph: &Graph, node: NodeId) -> bool {
    let mut open = vec![node];
    let mut seen = vec![false; graph.len()];
    while let Some(at) = open.pop() {
        if std::mem::replace(&mut seen[at.index()], true) {
            continue;
        }
        if *graph.op(at) == Op::Input(Input::Argument(0)) {
            return true;
        }
        open.extend_from_slice(graph.args(at));
    }
    false
}

/// The node without reshapes, transpositions and marks around it.
pub(super) fn through_movement(graph: &Graph, mut node: NodeId) -> NodeId {
    while matches!(
        graph.op(node),
        Op::Reshape { .. } | Op::Transpose { .. } | Op::Broadcast { .. } | Op::StopGradient | Op::WithGradient { .. } | Op::Slot { .. }
    ) {
        node = graph.args(node)[0];
    }
    node
}

pub(super) fn parameter(graph: &Graph, node: NodeId) -> Option<usize> {
    match graph.op(through_movement(graph, node)) {
        Op::Input(Input::Parameter(i)) => Some(*i),
        _ => None,
    }
}

/// A matrix product or convolution with a parameter: the other operand and the parameter.
pub(super) fn product(graph: &Graph, node: NodeId) -> Option<(NodeId, usize)> {
    if !matches!(graph.op(node), Op::DotGeneral(_) | Op::Convolution { .. }) {
        return None;
    }
    let [left, right] = [graph.args(node)[0], graph.args(node)[1]];
    parameter(graph, right).map(|p| (left, p)).or_else(|| parameter(graph, left).map(|p| (right, p)))
}
