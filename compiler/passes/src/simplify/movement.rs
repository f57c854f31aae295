//! Movements of elements merged with each other and with their neighbours.
use super::Rewriter;
use esper_ir::{DType, Dim, DotAxes, Lowering, NodeId, Op, Shape, TensorType};

fn is_one(size: &Dim) -> bool {
    size.as_const() == Some(1)
}

/// The axes whose size is not 1.
fn wide(shape: &[Dim]) -> Vec<usize> {
    (0..shape.len()).filter(|i| !is_one(&shape[*i])).collect()
}

fn squeezed(shape: &[Dim]) -> Shape {
    shape.iter().filter(|d| !is_one(d)).cloned().collect()
}

fn sum_of(a: &[Dim], b: &[Dim]) -> Option<Vec<Dim>> {
    a.iter().zip(b).map(|(x, y)| x.add(y).ok()).collect()
}

impl Rewriter<'_> {
    /// Something simpler than a movement, reduction or product of these arguments.
    pub(super) fn movement(&mut self, op: &Op, args: &[NodeId]) -> Option<NodeId> {
        let x = *args.first()?;
        let shape = self.graph.ty(x).shape.clone();
        match op {
            Op::Reshape { shape: to } => self.reshape(x, &shape, to),
            Op::Broadcast { shape: to, axes } => self.broadcast(x, &shape, to, axes),
            Op::Transpose { order } => self.transpose(x, &shape, order),
            Op::Slice { start, stop } => self.slice(x, &shape, start, stop),
            Op::Pad { low, high, value } => {
                let zero = Dim::constant(0);
                if low.iter().chain(high).all(|d| *d == zero) {
                    return Some(x);
                }
                let Op::Pad { low: l, high: h, value: v } = self.graph.op(x) else { return None };
                if v.to_bits() != value.to_bits() {
                    return None;
                }
                let merged = Op::Pad { low: sum_of(low, l)?, high: sum_of(high, h)?, value: *value };
                let inner = self.graph.args(x)[0];
                Some(self.apply(merged, &[inner]))
            }
            Op::Concat { .. } => (args.len() == 1).then_some(x),
            Op::Flip { axes } => {
                if axes.iter().all(|a| is_one(&shape[*a])) {
                    return Some(x);
                }
                let same = matches!(self.graph.op(x), Op::Flip { axes: a } if a == axes);
                same.then(|| self.graph.args(x)[0])
            }
            Op::Sum { axes } | Op::Max { axes } => self.reduction(op, x, &shape, axes),
            Op::DotGeneral(axes) => self.product_of_transposed(axes, args),
            Op::TakeAlongAdd { .. } => self.single_update(op, args),
            _ => None,
        }
    }

    fn reshape(&mut self, x: NodeId, shape: &Shape, to: &Shape) -> Option<NodeId> {
        if shape == to {
            return Some(x);
        }
        match self.graph.op(x).clone() {
            Op::Reshape { .. } => {
                let inner = self.graph.args(x)[0];
                Some(self.apply(Op::Reshape { shape: to.clone() }, &[inner]))
            }
            // Only axes of size 1 come or go: the repetition can be written in the new shape at once.
            Op::Broadcast { axes, .. } if squeezed(shape) == squeezed(to) => {
                let inner = self.graph.args(x)[0];
                if self.graph.ty(inner).shape.iter().any(is_one) {
                    return None;
                }
                let (before, after) = (wide(shape), wide(to));
                let axes = axes.iter().map(|a| Some(after[before.iter().position(|b| b == a)?])).collect::<Option<Vec<_>>>()?;
                Some(self.apply(Op::Broadcast { shape: to.clone(), axes }, &[inner]))
            }
            _ => None,
        }
    }

    fn broadcast(&mut self, x: NodeId, shape: &Shape, to: &Shape, axes: &[usize]) -> Option<NodeId> {
        if shape == to {
            return Some(x);
        }
        // Axes of size 1 say nothing: without them, a broadcast only adds axes.
        if shape.iter().any(is_one) {
            let axes = wide(shape).into_iter().map(|i| axes[i]).collect();
            let inner = self.apply(Op::Reshape { shape: squeezed(shape) }, &[x]);
            return Some(self.apply(Op::Broadcast { shape: to.clone(), axes }, &[inner]));
        }
        let Op::Broadcast { axes: inner_axes, .. } = self.graph.op(x) else { return None };
        let axes = inner_axes.iter().map(|a| axes[*a]).collect();
        let inner = self.graph.args(x)[0];
        Some(self.apply(Op::Broadcast { shape: to.clone(), axes }, &[inner]))
    }

    fn transpose(&mut self, x: NodeId, shape: &Shape, order: &[usize]) -> Option<NodeId> {
        if order.iter().enumerate().all(|(i, a)| i == *a) {
            return Some(x);
        }
        let moved: Vec<usize> = order.iter().copied().filter(|a| !is_one(&shape[*a])).collect();
        if moved.is_sorted() {
            let shape = order.iter().map(|a| shape[*a].clone()).collect();
            return Some(self.apply(Op::Reshape { shape }, &[x]));
        }
        let inner = *self.graph.args(x).first()?;
        match self.graph.op(x).clone() {
            Op::Transpose { order: first } => {
                let order = order.iter().map(|a| first[*a]).collect();
                Some(self.apply(Op::Transpose { order }, &[inner]))
            }
            // The product with its operands exchanged has its free axes exchanged.
            Op::DotGeneral(axes) => {
                let other = self.graph.args(x)[1];
                let batch = axes.left_batch.len();
                let left = axes.left_free(self.graph.ty(inner).rank()).len();
                let exchanged = (0..batch).chain(batch + left..order.len()).chain(batch..batch + left);
                if !order.iter().copied().eq(exchanged) {
                    return None;
                }
                let axes = DotAxes {
                    left_batch: axes.right_batch,
                    right_batch: axes.left_batch,
                    left_contract: axes.right_contract,
                    right_contract: axes.left_contract,
                };
                Some(self.apply(Op::DotGeneral(axes), &[other, inner]))
            }
            _ => None,
        }
    }

    fn slice(&mut self, x: NodeId, shape: &Shape, start: &[Dim], stop: &[Dim]) -> Option<NodeId> {
        let zero = Dim::constant(0);
        if start.iter().all(|d| *d == zero) && stop == &shape[..] {
            return Some(x);
        }
        match self.graph.op(x).clone() {
            Op::Slice { start: first, .. } => {
                let merged = Op::Slice { start: sum_of(start, &first)?, stop: sum_of(stop, &first)? };
                let inner = self.graph.args(x)[0];
                Some(self.apply(merged, &[inner]))
            }
            Op::Concat { axis } => {
                // A range that is exactly one of the parts.
                let whole = |i: usize| i == axis || (start[i] == zero && stop[i] == shape[i]);
                if !(0..shape.len()).all(whole) {
                    return None;
                }
                let mut begin = zero;
                for part in self.graph.args(x).to_vec() {
                    let end = begin.add(&self.graph.ty(part).shape[axis]).ok()?;
                    if begin == start[axis] && end == stop[axis] {
                        return Some(part);
                    }
                    begin = end;
                }
                None
            }
            _ => None,
        }
    }

    fn reduction(&mut self, op: &Op, x: NodeId, shape: &Shape, axes: &[usize]) -> Option<NodeId> {
        let with = |axes: Vec<usize>| if matches!(op, Op::Sum { .. }) { Op::Sum { axes } } else { Op::Max { axes } };
        let result: Shape = (0..shape.len()).filter(|i| !axes.contains(i)).map(|i| shape[i].clone()).collect();
        if axes.iter().any(|a| is_one(&shape[*a])) {
            // An axis of one element needs no arithmetic.
            let inner = self.apply(
                Op::Reshape {
                    shape: (0..shape.len()).filter(|i| !(axes.contains(i) && is_one(&shape[*i]))).map(|i| shape[i].clone()).collect(),
                },
                &[x],
            );
            let gone = |a: &usize| axes.iter().filter(|b| *b < a && is_one(&shape[**b])).count();
            let rest: Vec<usize> = axes.iter().filter(|a| !is_one(&shape[**a])).map(|a| a - gone(a)).collect();
            return Some(if rest.is_empty() { inner } else { self.apply(with(rest), &[inner]) });
        }
        let inner = *self.graph.args(x).first()?;
        match self.graph.op(x).clone() {
            Op::Broadcast { axes: from, .. } => {
                // Over what is only repeated, a sum is a multiplication, and a maximum nothing.
                let repeated: Vec<usize> = axes.iter().copied().filter(|a| !from.contains(a)).collect();
                if repeated.is_empty() || self.graph.ty(inner).shape.iter().any(is_one) {
                    return None;
                }
                let times = repeated.iter().try_fold(1.0, |n, a| Some(n * shape[*a].as_const()? as f64))?;
                let own: Vec<usize> = (0..from.len()).filter(|i| axes.contains(&from[*i])).collect();
                let mut value = if own.is_empty() { inner } else { self.apply(with(own), &[inner]) };
                if matches!(op, Op::Sum { .. }) {
                    let factor = self.graph.full_like(times, value);
                    value = self.apply(Op::Mul, &[value, factor]);
                }
                let place = |a: usize| (0..a).filter(|i| !axes.contains(i)).count();
                let to_axes = from.iter().filter(|a| !axes.contains(a)).map(|a| place(*a)).collect();
                Some(self.apply(Op::Broadcast { shape: result, axes: to_axes }, &[value]))
            }
            // Over everything, the shape does not matter.
            Op::Reshape { .. } if result.is_empty() => {
                let all = (0..self.graph.ty(inner).rank()).collect();
                Some(self.apply(with(all), &[inner]))
            }
            // A sign is changed once, after the sum.
            Op::Neg if matches!(op, Op::Sum { .. }) => {
                let sum = self.apply(op.clone(), &[inner]);
                Some(self.apply(Op::Neg, &[sum]))
            }
            Op::Sum { axes: first } if matches!(op, Op::Sum { .. }) => self.two_reductions(with, inner, &first, axes),
            Op::Max { axes: first } if matches!(op, Op::Max { .. }) => self.two_reductions(with, inner, &first, axes),
            _ => None,
        }
    }

    /// Two reductions in a row as one over the axes of both.
    fn two_reductions(&mut self, with: impl Fn(Vec<usize>) -> Op, x: NodeId, first: &[usize], second: &[usize]) -> Option<NodeId> {
        let kept: Vec<usize> = (0..self.graph.ty(x).rank()).filter(|i| !first.contains(i)).collect();
        let mut axes: Vec<usize> = first.iter().copied().chain(second.iter().map(|a| kept[*a])).collect();
        axes.sort();
        Some(self.apply(with(axes), &[x]))
    }

    /// A product reads its operands in any order of axes: transpositions before it disappear where the free axes keep their order.
    fn product_of_transposed(&mut self, axes: &DotAxes, args: &[NodeId]) -> Option<NodeId> {
        let mut axes = axes.clone();
        let mut operands = [args[0], args[1]];
        let mut changed = false;
        for (side, operand) in operands.iter_mut().enumerate() {
            let Op::Transpose { order } = self.graph.op(*operand).clone() else { continue };
            let free = if side == 0 { axes.left_free(order.len()) } else { axes.right_free(order.len()) };
            if !free.iter().map(|a| order[*a]).is_sorted() {
                continue;
            }
            let (batch, contract) =
                if side == 0 { (&mut axes.left_batch, &mut axes.left_contract) } else { (&mut axes.right_batch, &mut axes.right_contract) };
            for axis in batch.iter_mut().chain(contract) {
                *axis = order[*axis];
            }
            *operand = self.graph.args(*operand)[0];
            changed = true;
        }
        changed.then(|| self.apply(Op::DotGeneral(axes), &operands))
    }

    /// A scalar function of equally repeated or equally reshaped tensors is computed before that: on fewer elements, and next to what else is
    /// done in the first shape.
    pub(super) fn hoist(&mut self, op: &Op, args: &[NodeId]) -> Option<NodeId> {
        if !matches!(op.spec().lowering, Lowering::Map(_) | Lowering::Cast) {
            return None;
        }
        // The movement that an argument is the result of, with the shape before it.
        let moved = |id: NodeId| match self.graph.op(id) {
            Op::Broadcast { .. } | Op::Reshape { .. } => {
                let inner = self.graph.args(id)[0];
                Some((inner, self.graph.op(id).clone(), self.graph.ty(inner).shape.clone()))
            }
            _ => None,
        };
        let (_, movement, before) = args.iter().find_map(|a| moved(*a))?;
        let mut operands = Vec::with_capacity(args.len());
        for a in args {
            operands.push(match (moved(*a), self.constant(*a)) {
                (Some((inner, same, shape)), _) if same == movement && shape == before => Ok(inner),
                (None, Some(value)) => Err((value, TensorType::new(self.graph.ty(*a).dtype, before.clone()))),
                _ => return None,
            });
        }
        let operands: Vec<NodeId> = operands.into_iter().map(|o| o.unwrap_or_else(|(value, ty)| self.of_type(value, ty))).collect();
        let value = self.apply(op.clone(), &operands);
        Some(self.apply(movement, &[value]))
    }

    /// One update for each row is a selection by position, which fuses with its neighbours as adding at places does not.
    pub(super) fn single_update(&mut self, op: &Op, args: &[NodeId]) -> Option<NodeId> {
        let Op::TakeAlongAdd { axis, size } = op else { return None };
        let (indices, updates) = (args[0], args[1]);
        let mut shape = self.graph.ty(updates).shape.clone();
        if !is_one(&shape[*axis]) {
            return None;
        }
        shape[*axis] = size.clone();
        let span = self.graph.span(updates);
        let place = self.graph.leaf(Op::Iota { axis: *axis }, TensorType::new(DType::I32, shape.clone()), span);
        let everywhere = Op::Broadcast { shape: shape.clone(), axes: (0..shape.len()).collect() };
        let indices = self.apply(everywhere.clone(), &[indices]);
        let updates = self.apply(everywhere, &[updates]);
        let here = self.apply(Op::Equal, &[place, indices]);
        let zero = self.graph.full_like(0.0, updates);
        Some(self.apply(Op::Select, &[here, updates, zero]))
    }
}
