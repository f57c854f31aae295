//! What follows a product or a forward convolution and is done to its tiles while they are in cache: a bias, then max(·, 0).
use crate::contraction::{origin, product};
use crate::fuse::{Role, is_constant, sizes, storage};
use crate::index::{Affine, Extents};
use esper_ir::{DType, Graph, NodeId, Op};
use std::collections::BTreeMap;

/// A product with what follows it.
#[derive(Clone, Debug)]
pub(crate) struct Fused {
    /// The product or convolution.
    pub core: NodeId,
    /// What is added: a node in memory.
    pub bias: Option<NodeId>,
    /// Whether negative results become 0.
    pub relu: bool,
}

/// Finds epilogues: for the node whose value the step stores, the product it starts from. The roles of both change: the last node is the
/// template, those before it are no longer computed anywhere.
pub(crate) fn fuse_epilogues(graph: &Graph, roles: &mut [Role]) -> BTreeMap<NodeId, Fused> {
    let mut found = BTreeMap::new();
    for core in graph.ids() {
        if !matches!(graph.op(core), Op::DotGeneral(_) | Op::Convolution { .. }) {
            continue;
        }
        let mut fused = Fused { core, bias: None, relu: false };
        let mut last = core;
        if let Some((sum, other)) = only_user(graph, last).and_then(|(user, from)| operand_beside(graph, user, from, &Op::Add)) {
            if let Some(bias) = bias_of(graph, core, other).filter(|b| roles[b.index()] != Role::Inline) {
                fused.bias = Some(bias);
                last = sum;
            }
        }
        if let Some((rectified, other)) = only_user(graph, last).and_then(|(user, from)| operand_beside(graph, user, from, &Op::Maximum)) {
            if is_constant(graph, other, 0.0) {
                fused.relu = true;
                last = rectified;
            }
        }
        if last != core {
            let mut node = core;
            while node != last {
                roles[node.index()] = Role::Inline;
                node = graph.users(node)[0];
            }
            roles[last.index()] = Role::Template;
            found.insert(last, fused);
        }
    }
    found
}

/// The one node that uses a node which is no output, looking through reshapes: it and its operand.
fn only_user(graph: &Graph, node: NodeId) -> Option<(NodeId, NodeId)> {
    let mut node = node;
    loop {
        let users = graph.users(node);
        let &[user] = users.as_slice() else { return None };
        if graph.outputs().iter().any(|o| o.node == node) {
            return None;
        }
        match graph.op(user) {
            Op::Reshape { .. } => node = user,
            _ => return Some((user, node)),
        }
    }
}

/// If `user` is that operator of two different operands, it and the operand that is not `from`.
fn operand_beside(graph: &Graph, user: NodeId, from: NodeId, op: &Op) -> Option<(NodeId, NodeId)> {
    match (graph.op(user) == op, graph.args(user)) {
        (true, &[a, b]) if a != b => Some((user, if a == from { b } else { a })),
        _ => None,
    }
}

/// The vector that `other`, of as many elements as the result of `core`, repeats for every row or channel.
fn bias_of(graph: &Graph, core: NodeId, other: NodeId) -> Option<NodeId> {
    let (base, place) = origin(graph, other);
    let own = sizes(graph, other);
    let extents = Extents { rows: own.clone(), inner: vec![] };
    let position = Affine::linear(&own, &extents.row_counters());
    let (length, expected) = match graph.op(core) {
        Op::DotGeneral(_) => {
            let n = product(graph, core)?.n;
            (n, position.divided(n as i64, &extents).1)
        }
        _ => {
            let image = sizes(graph, core);
            let area = (image[2] * image[3]) as i64;
            (image[1], position.divided(area, &extents).0.divided(image[1] as i64, &extents).1)
        }
    };
    let whole = graph.ty(base).elements() == Some(length) && graph.ty(base).dtype == DType::F32;
    (whole && place == expected && length > 1).then(|| storage(graph, base))
}
