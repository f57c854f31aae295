//! How the operands of matrix products lie in memory: strides where movement allows, a transposed copy where it does not.
use crate::fuse::{sizes, storage};
use crate::index::{Affine, Atom, Extents};
use esper_ir::{DotAxes, Graph, NodeId, Op};

/// A tensor in memory seen through movement: the node it is the value of, and the stride of each axis in elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct View {
    /// What must be in memory.
    pub base: NodeId,
    /// Of every axis of the viewed tensor.
    pub strides: Vec<usize>,
    /// Sizes of the viewed tensor.
    pub sizes: Vec<usize>,
}

/// The place in another tensor of every element of `node`, followed through operators that only move elements; `None` where that is no single
/// element. Coordinates of `node` are row counters.
pub(crate) fn origin(graph: &Graph, node: NodeId) -> (NodeId, Affine) {
    let own = sizes(graph, node);
    let extents = Extents { rows: own.clone(), inner: vec![] };
    let (mut node, mut at) = (node, extents.row_counters());
    loop {
        let from = graph.args(node).first().copied();
        match (graph.op(node), from) {
            (Op::Reshape { .. }, Some(from)) => {
                at = Affine::linear(&sizes(graph, node), &at).coordinates(&sizes(graph, from), &extents);
                node = from;
            }
            (Op::Transpose { order }, Some(from)) => {
                let mut place = vec![Affine::default(); order.len()];
                for (i, &o) in order.iter().enumerate() {
                    place[o] = at[i].clone();
                }
                (node, at) = (from, place);
            }
            (Op::Broadcast { axes, .. }, Some(from)) => {
                let operand = sizes(graph, from);
                at = axes.iter().zip(operand).map(|(&axis, n)| if n == 1 { Affine::default() } else { at[axis].clone() }).collect();
                node = from;
            }
            (Op::StopGradient | Op::WithGradient { .. } | Op::Slot { .. }, Some(from)) => node = from,
            _ => return (node, Affine::linear(&sizes(graph, node), &at)),
        }
    }
}

/// An operand of a product as strides into what it is moved from, or as a dense tensor of its own.
fn view(graph: &Graph, operand: NodeId) -> View {
    let own = sizes(graph, operand);
    let (base, place) = origin(graph, operand);
    let row = |atom: &Atom| matches!(atom, Atom::Row(_));
    if place.constant == 0 && place.terms.iter().all(|(atom, c)| row(atom) && *c >= 0) {
        let strides = (0..own.len()).map(|axis| place.coefficient(&Atom::Row(axis)) as usize).collect();
        return View { base, strides, sizes: own };
    }
    dense(graph, operand)
}

/// A tensor that is in memory itself.
fn dense(graph: &Graph, operand: NodeId) -> View {
    let sizes = sizes(graph, operand);
    let mut strides = vec![1; sizes.len()];
    for axis in (0..sizes.len().saturating_sub(1)).rev() {
        strides[axis] = strides[axis + 1] * sizes[axis + 1];
    }
    View { base: storage(graph, operand), strides, sizes }
}

/// How a product reads an operand: as it lies if it can, otherwise from a dense copy, which then must fit.
pub(crate) fn operand(graph: &Graph, operand: NodeId, contract: &[usize], free: &[usize]) -> Option<View> {
    [view(graph, operand), dense(graph, operand)].into_iter().find(|v| fits(v, contract, free))
}

impl View {
    /// Several axes as one: its extent and stride; `None` where they do not lie one inside the other.
    pub fn joined(&self, axes: &[usize]) -> Option<(usize, usize)> {
        let mut long = axes.iter().rev().filter(|a| self.sizes[**a] != 1);
        let Some(&last) = long.next() else { return Some((1, 1)) };
        let (mut extent, stride) = (self.sizes[last], self.strides[last]);
        for &axis in long {
            if self.strides[axis] != stride * extent {
                return None;
            }
            extent *= self.sizes[axis];
        }
        Some((extent, stride))
    }
}

/// Whether a product can read its operands as they lie.
fn fits(view: &View, contract: &[usize], free: &[usize]) -> bool {
    let one_dense = |axes: &[usize]| view.joined(axes).map(|(extent, stride)| extent == 1 || stride == 1);
    match (one_dense(contract), one_dense(free)) {
        // Kernels of products need unit stride along one of the two; a stride of 0 (a repeated operand) is copied too.
        (Some(a), Some(b)) => (a || b) && [contract, free].iter().all(|axes| view.joined(axes).is_some_and(|(n, s)| n == 1 || s > 0)),
        _ => false,
    }
}

/// The permutation of an operand's axes that any product can read: batch, free, contracted.
pub(crate) fn canonical(batch: &[usize], free: &[usize], contract: &[usize]) -> Vec<usize> {
    [batch, free, contract].concat()
}

/// The axes of a product whose operands are in [`canonical`] order (`left`, `right`: which of them are).
pub(crate) fn moved(axes: &DotAxes, ranks: [usize; 2], which: [bool; 2]) -> DotAxes {
    let mut axes = axes.clone();
    let range = |from: usize, to: usize| (from..to).collect::<Vec<_>>();
    if which[0] {
        let (batch, contract) = (axes.left_batch.len(), axes.left_contract.len());
        axes.left_batch = range(0, batch);
        axes.left_contract = range(ranks[0] - contract, ranks[0]);
    }
    if which[1] {
        let (batch, contract) = (axes.right_batch.len(), axes.right_contract.len());
        axes.right_batch = range(0, batch);
        axes.right_contract = range(ranks[1] - contract, ranks[1]);
    }
    axes
}

/// Extents, strides and batch axes of a product, ready for [`crate::Dot`].
pub(crate) struct Product {
    pub left: View,
    pub right: View,
    pub m: usize,
    pub n: usize,
    pub k: usize,
    pub left_strides: [usize; 2],
    pub right_strides: [usize; 2],
    pub batch: Vec<crate::BatchAxis>,
}

/// How a product reads its operands, after [`crate::fuse::prepare`] made sure that it can.
pub(crate) fn product(graph: &Graph, node: NodeId) -> Option<Product> {
    let Op::DotGeneral(axes) = graph.op(node) else { return None };
    let args = graph.args(node);
    let (left_free, right_free) = (axes.left_free(graph.ty(args[0]).rank()), axes.right_free(graph.ty(args[1]).rank()));
    let left = operand(graph, args[0], &axes.left_contract, &left_free)?;
    let right = operand(graph, args[1], &axes.right_contract, &right_free)?;
    let (m, left_m) = left.joined(&left_free)?;
    let (k, left_k) = left.joined(&axes.left_contract)?;
    let (_, right_k) = right.joined(&axes.right_contract)?;
    let (n, right_n) = right.joined(&right_free)?;
    let mut batch: Vec<crate::BatchAxis> = vec![];
    let mut c = m * n;
    for (&l, &r) in axes.left_batch.iter().zip(&axes.right_batch).rev() {
        let extent = left.sizes[l];
        if extent == 1 {
            continue;
        }
        match batch.first_mut() {
            // Axes that lie one inside the other are one.
            Some(inner) if left.strides[l] == inner.a * inner.extent && right.strides[r] == inner.b * inner.extent => {
                inner.extent *= extent
            }
            _ => batch.insert(0, crate::BatchAxis { extent, a: left.strides[l], b: right.strides[r], c }),
        }
        c *= extent;
    }
    Some(Product { left_strides: [left_m, left_k], right_strides: [right_k, right_n], left, right, m, n, k, batch })
}
