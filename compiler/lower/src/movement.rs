//! Rearranging, aligning and indexing to reshapes, transposes and slices.
use crate::contraction::product;
use crate::function::Lowering;
use esper_check::hir::{Group, IndexItem};
use esper_ir::{Dim, NodeId, Op, Shape};

/// `rearrange`: the groups are taken apart, the letters reordered, and put together again.
pub(crate) fn rearrange(l: &mut Lowering, x: NodeId, from: &[Group], to: &[Group], sizes: &[(String, Dim)]) -> Result<NodeId, String> {
    let size_of = |letter: &String| {
        sizes.iter().find(|(name, _)| name == letter).map(|(_, size)| size.clone()).ok_or_else(|| format!("`{letter}` has no size"))
    };
    let source: Vec<&String> = from.iter().flatten().collect();
    let apart: Shape = source.iter().map(|c| size_of(c)).collect::<Result<_, _>>()?;
    let x = l.reshape(x, apart)?;
    let order = to
        .iter()
        .flatten()
        .map(|c| source.iter().position(|s| *s == c).ok_or_else(|| format!("`{c}` is not on the left")))
        .collect::<Result<_, _>>()?;
    let x = l.transpose(x, order)?;
    let together = to
        .iter()
        .map(|group| {
            let sizes = group.iter().map(size_of).collect::<Result<Vec<_>, _>>()?;
            product(sizes.iter())
        })
        .collect::<Result<_, String>>()?;
    l.reshape(x, together)
}

/// `align`: operand axis `i` on result axis `axes[i]`, size 1 elsewhere.
pub(crate) fn align(l: &mut Lowering, x: NodeId, axes: &[usize]) -> Result<NodeId, String> {
    let mut order: Vec<usize> = (0..axes.len()).collect();
    order.sort_by_key(|i| axes[*i]);
    let x = l.transpose(x, order)?;
    l.reshape(x, l.shape().clone())
}

/// `x[…]`: one slice, then the axes that were given one place disappear.
pub(crate) fn index(l: &mut Lowering, x: NodeId, items: &[IndexItem]) -> Result<NodeId, String> {
    let one = Dim::constant(1);
    let mut start = Vec::new();
    let mut stop = Vec::new();
    for item in items {
        match item {
            IndexItem::Range(a, z) => {
                start.push(a.clone());
                stop.push(z.clone());
            }
            IndexItem::At(a) => {
                start.push(a.clone());
                stop.push(a.add(&one).map_err(|e| e.to_string())?);
            }
        }
    }
    let zero = Dim::constant(0);
    let whole = start.iter().all(|s| *s == zero) && stop == l.graph.ty(x).shape;
    let x = if whole { x } else { l.apply(Op::Slice { start, stop }, &[x])? };
    l.reshape(x, l.shape().clone())
}
