//! Where a seed begins and ends in affine maps: what initialisers may set so that it is born as they want it.
use esper_ir::{Graph, Input, NodeId, Op, OutputKind, Seed};

/// The first and last affine maps of a seed, by the numbers of their parameters in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ends {
    /// The weight that is applied to what the seed reads, with nothing in between.
    pub first: Option<usize>,
    /// The weight whose product is what the seed gives, but for `last_bias`.
    pub last: Option<usize>,
    /// What is added to that product.
    pub last_bias: Option<usize>,
    /// What stands between the two, where that is one elementwise function of the first product (and maybe a bias).
    pub between: Vec<Op>,
}

/// Finds the affine ends of a seed in its evaluation graph.
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
    let Some((input, weight)) = product(graph, node) else {
        ends.last_bias = None;
        return ends;
    };
    ends.last = Some(weight);
    let mut at = through_movement(graph, input);
    loop {
        if let Some((input, weight)) = product(graph, at) {
            if *graph.op(through_movement(graph, input)) == Op::Input(Input::Argument(0)) {
                ends.first = Some(weight);
            }
            break;
        }
        // One operand of each step towards the input depends on it; constants and biases do not.
        let varies = |n: &NodeId| depends(graph, *n);
        let open: Vec<NodeId> = graph.args(at).iter().copied().filter(varies).collect();
        let [only] = open[..] else { break };
        ends.between.push(graph.op(at).clone());
        at = through_movement(graph, only);
    }
    ends
}

/// Whether a node depends on what the seed reads.
fn depends(graph: &Graph, node: NodeId) -> bool {
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
fn through_movement(graph: &Graph, mut node: NodeId) -> NodeId {
    while matches!(
        graph.op(node),
        Op::Reshape { .. } | Op::Transpose { .. } | Op::Broadcast { .. } | Op::StopGradient | Op::WithGradient { .. } | Op::Slot { .. }
    ) {
        node = graph.args(node)[0];
    }
    node
}

fn parameter(graph: &Graph, node: NodeId) -> Option<usize> {
    match graph.op(through_movement(graph, node)) {
        Op::Input(Input::Parameter(i)) => Some(*i),
        _ => None,
    }
}

/// A matrix product or convolution with a parameter: the other operand and the parameter.
fn product(graph: &Graph, node: NodeId) -> Option<(NodeId, usize)> {
    if !matches!(graph.op(node), Op::DotGeneral(_) | Op::Convolution { .. }) {
        return None;
    }
    let [left, right] = [graph.args(node)[0], graph.args(node)[1]];
    parameter(graph, right).map(|p| (left, p)).or_else(|| parameter(graph, left).map(|p| (right, p)))
}
