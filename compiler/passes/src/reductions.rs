//! Large sums in two levels. How a sum is split is a function of its size alone, so results do not depend on threads or device.
use crate::simplify::{copy, rebuild};
use esper_ir::{Dim, Graph, NodeId, Op, Shape};

/// A full sum of more elements than this is split.
const LARGE: usize = 16_384;
/// Elements of one row of the first level.
const ROW: usize = 4096;

/// Sums of more than 16,384 elements into a scalar become sums of rows of 4096 elements (the last filled up with zeros) and a sum of those.
pub(crate) fn split(graph: &Graph) -> Graph {
    rebuild(graph, &mut |rewritten, node, args| match &node.op {
        Op::Sum { axes } if axes.len() == rewritten.ty(args[0]).rank() => {
            split_sum(rewritten, args[0]).unwrap_or_else(|| copy(rewritten, node, args))
        }
        _ => copy(rewritten, node, args),
    })
}

fn split_sum(graph: &mut Graph, x: NodeId) -> Option<NodeId> {
    let elements = graph.ty(x).elements().filter(|n| *n > LARGE)?;
    let rows = elements.div_ceil(ROW);
    let padding = rows.checked_mul(ROW)?.checked_sub(elements)?;
    let shape = |sizes: &[usize]| -> Shape { sizes.iter().map(|n| Dim::from(*n)).collect() };
    let mut flat = x;
    if padding > 0 {
        flat = graph.reshape(flat, shape(&[elements]));
        flat = graph.unary(Op::Pad { low: shape(&[0]), high: shape(&[padding]), value: 0.0 }, flat);
    }
    let table = graph.reshape(flat, shape(&[rows, ROW]));
    let sums = graph.sum(table, [1]);
    Some(split_sum(graph, sums).unwrap_or_else(|| graph.sum(sums, [0])))
}
