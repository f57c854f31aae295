//! Which nodes of a graph are kept in memory or computed once a row ("roots"); everything else is computed where it is read.
use esper_ir::{Graph, NodeId, Op};
use std::collections::BTreeSet;

/// Operations that a value may cost before two readers share it through memory instead of computing it twice.
const CHEAP_OPERATIONS: usize = 8;
/// Tensors that such a value may read.
const CHEAP_READS: usize = 3;
/// How long a chain of operations in one kernel may grow.
const LONGEST_CHAIN: usize = 96;

/// What a node is to the fuser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Computed by its readers.
    Inline,
    /// Computed once, by a kernel.
    Root,
    /// A step of its own: a product, convolution, pooling or scatter.
    Template,
    /// A tensor from outside.
    Outside,
}

/// The node whose value this one is, in the same row-major order: through reshapes and operators that only mean something to derivatives.
pub(crate) fn storage(graph: &Graph, node: NodeId) -> NodeId {
    let mut node = node;
    loop {
        match graph.op(node) {
            Op::Reshape { .. } | Op::StopGradient | Op::WithGradient { .. } | Op::Slot { .. } => node = graph.args(node)[0],
            Op::Sum { axes } | Op::Max { axes } if axes.is_empty() => node = graph.args(node)[0],
            Op::Cast { to } if *to == graph.ty(graph.args(node)[0]).dtype => node = graph.args(node)[0],
            _ => return node,
        }
    }
}

/// Whether it is a step of its own.
pub(crate) fn is_template(op: &Op) -> bool {
    matches!(
        op,
        Op::DotGeneral(_)
            | Op::Convolution { .. }
            | Op::ConvolutionInputGradient { .. }
            | Op::ConvolutionWeightGradient { .. }
            | Op::MaxPool { .. }
            | Op::MaxPoolGradient { .. }
            | Op::AveragePool { .. }
            | Op::AveragePoolGradient { .. }
            | Op::ScatterAdd { .. }
            | Op::TakeAlongAdd { .. }
    )
}

/// Whether it is a reduction over at least one axis.
pub(crate) fn is_reduction(op: &Op) -> bool {
    match op {
        Op::Sum { axes } | Op::Max { axes } => !axes.is_empty(),
        Op::ArgMax { .. } => true,
        _ => false,
    }
}

/// Whether computing it again costs more than a few loads.
fn is_expensive(op: &Op) -> bool {
    matches!(op, Op::Exp | Op::Log | Op::Sin | Op::Cos | Op::Tanh | Op::Erf | Op::ErfInv | Op::Pow | Op::Random { .. })
}

/// The role of every node. `required`: nodes that must be in memory (already [`storage`] nodes).
pub(crate) fn roles(graph: &Graph, required: &BTreeSet<NodeId>) -> Vec<Role> {
    let live = graph.live();
    let mut roles: Vec<Role> = graph
        .ids()
        .map(|id| match graph.op(id) {
            Op::Input(_) => Role::Outside,
            op if is_template(op) => Role::Template,
            op if is_reduction(op) || required.contains(&id) => Role::Root,
            _ => Role::Inline,
        })
        .collect();
    // From the end: which roots read a node, and whether some reader repeats it.
    let mut readers: Vec<BTreeSet<NodeId>> = vec![BTreeSet::new(); graph.len()];
    let mut repeated = vec![false; graph.len()];
    for id in graph.ids().rev().filter(|id| live[id.index()]) {
        let several = readers[id.index()].len() > 1 || repeated[id.index()];
        if roles[id.index()] == Role::Inline && is_expensive(graph.op(id)) && several {
            roles[id.index()] = Role::Root;
        }
        let inline = roles[id.index()] == Role::Inline;
        let own: BTreeSet<NodeId> = if inline { readers[id.index()].clone() } else { BTreeSet::from([id]) };
        for (position, &a) in graph.args(id).iter().enumerate() {
            if matches!(graph.op(id), Op::WithGradient { .. }) && position > 0 {
                continue;
            }
            let spreads = match graph.op(id) {
                Op::Broadcast { .. } => graph.ty(id).elements() > graph.ty(a).elements(),
                Op::Gather { .. } | Op::TakeAlong { .. } => graph.ty(id).elements() > graph.ty(a).elements(),
                _ => false,
            };
            repeated[a.index()] |= spreads || (inline && repeated[id.index()]);
            readers[a.index()].extend(own.iter().copied());
        }
    }
    // From the start: what an inline value costs, and how long its chain is.
    let mut cost: Vec<(usize, BTreeSet<NodeId>, usize)> = vec![(0, BTreeSet::new(), 0); graph.len()];
    for id in graph.ids().filter(|id| live[id.index()]) {
        let mut own = (usize::from(!is_movement(graph.op(id))), BTreeSet::new(), 1);
        for &a in graph.args(id) {
            let (operations, reads, length) = &cost[a.index()];
            own.0 += operations;
            own.1.extend(reads.iter().copied());
            own.2 = own.2.max(length + 1);
        }
        if roles[id.index()] == Role::Inline {
            let heavy = own.0 > CHEAP_OPERATIONS || own.1.len() > CHEAP_READS;
            let shared = readers[id.index()].len() > 1;
            if !is_movement(graph.op(id)) && ((heavy && shared) || own.2 > LONGEST_CHAIN) {
                roles[id.index()] = Role::Root;
            }
        }
        cost[id.index()] = if roles[id.index()] == Role::Inline { own } else { (0, BTreeSet::from([id]), 0) };
    }
    roles
}

/// Whether it only says where elements are.
pub(crate) fn is_movement(op: &Op) -> bool {
    matches!(
        op,
        Op::Broadcast { .. }
            | Op::Reshape { .. }
            | Op::Transpose { .. }
            | Op::Slice { .. }
            | Op::Flip { .. }
            | Op::Constant(_)
            | Op::Size(_)
            | Op::Iota { .. }
            | Op::StopGradient
            | Op::WithGradient { .. }
            | Op::Slot { .. }
    )
}
