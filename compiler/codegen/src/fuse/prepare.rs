//! The graph as code is generated from it: without marks for derivatives, with transposed copies where products need them.
use crate::contraction::{canonical, moved, operand};
use crate::fuse::sizes;
use esper_ir::{Graph, Node, NodeId, Op};
use std::collections::BTreeMap;

/// Whether a node is one number everywhere.
pub(crate) fn is_constant(graph: &Graph, node: NodeId, number: f64) -> bool {
    let mut node = node;
    loop {
        match graph.op(node) {
            Op::Constant(value) => return *value == number,
            Op::Broadcast { .. } | Op::Reshape { .. } | Op::Transpose { .. } | Op::StopGradient => node = graph.args(node)[0],
            _ => return false,
        }
    }
}

/// A copy of what the outputs need, rewritten: marks for derivatives are gone; `0 < x` reads `max(x, 0)` where that exists, which is the same bit
/// for every x and lets x itself stay in a product's epilogue; operands of products that strides cannot express are transposed.
pub(crate) fn prepare(graph: &Graph) -> Graph {
    let live = graph.live();
    let mut result = Graph::new();
    let mut copies: Vec<Option<NodeId>> = vec![None; graph.len()];
    let mut rectified: BTreeMap<NodeId, NodeId> = BTreeMap::new();
    for id in graph.ids().filter(|id| live[id.index()]) {
        let node = graph.node(id);
        let of = |a: &NodeId| copies[a.index()].expect("arguments come first");
        let args: Vec<NodeId> = node.args.iter().map(of).collect();
        let copy = match &node.op {
            Op::StopGradient | Op::WithGradient { .. } | Op::Slot { .. } => args[0],
            op if op.is_leaf() => result.leaf(op.clone(), node.ty.clone(), node.span),
            Op::Less if is_constant(&result, args[0], 0.0) && rectified.contains_key(&args[1]) => {
                result.build_at(Op::Less, &[args[0], rectified[&args[1]]], node.span)
            }
            Op::DotGeneral(_) => product(&mut result, node, &args),
            op => result.build_at(op.clone(), &args, node.span),
        };
        if let Op::Maximum = node.op {
            for (x, zero) in [(args[0], args[1]), (args[1], args[0])] {
                if is_constant(&result, zero, 0.0) {
                    rectified.insert(x, copy);
                }
            }
        }
        copies[id.index()] = Some(copy);
    }
    for output in graph.outputs() {
        result.add_output(output.kind.clone(), copies[output.node.index()].expect("outputs are live"));
    }
    result.prune()
}

fn product(graph: &mut Graph, node: &Node, args: &[NodeId]) -> NodeId {
    let Op::DotGeneral(axes) = &node.op else { return graph.build_at(node.op.clone(), args, node.span) };
    let ranks = [sizes(graph, args[0]).len(), sizes(graph, args[1]).len()];
    let (left_free, right_free) = (axes.left_free(ranks[0]), axes.right_free(ranks[1]));
    let mut operands = [args[0], args[1]];
    let mut which = [false, false];
    let sides = [(&axes.left_batch, &left_free, &axes.left_contract), (&axes.right_batch, &right_free, &axes.right_contract)];
    for (side, (batch, free, contract)) in sides.into_iter().enumerate() {
        if operand(graph, operands[side], contract, free).is_none() {
            operands[side] = graph.transpose(operands[side], canonical(batch, free, contract));
            which[side] = true;
        }
    }
    graph.build_at(Op::DotGeneral(moved(axes, ranks, which)), &operands, node.span)
}
