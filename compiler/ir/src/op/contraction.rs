//! The matrix product in general: sums of products over paired axes.
use super::spec::{Arity::Exactly, Derivative, between, example, foreign, listed, others, positions, product, refuse, strides};
use super::{DotAxes, Lowering::Contraction, Op, OpSpec, Tolerance};
use crate::{Dim, Graph, NodeId, OpError, TensorType};
use smallvec::smallvec;

impl DotAxes {
    /// The left operand's axes that are neither batch nor contracted, ascending.
    pub fn left_free(&self, rank: usize) -> Vec<usize> {
        others(rank, &[&self.left_batch[..], &self.left_contract].concat())
    }
    /// The right operand's axes that are neither batch nor contracted, ascending.
    pub fn right_free(&self, rank: usize) -> Vec<usize> {
        others(rank, &[&self.right_batch[..], &self.right_contract].concat())
    }
}

fn axes_of(op: &Op) -> &DotAxes {
    match op {
        Op::DotGeneral(axes) => axes,
        _ => foreign(op),
    }
}

fn infer(op: &Op, types: &[&TensorType]) -> Result<TensorType, OpError> {
    let axes = axes_of(op);
    let (left, right) = (types[0], types[1]);
    if left.dtype != right.dtype || !left.dtype.is_float() {
        return Err(OpError::new(format!("a product needs float tensors of one type, not {}", listed(types))));
    }
    for (batch, contract, ty) in [(&axes.left_batch, &axes.left_contract, left), (&axes.right_batch, &axes.right_contract, right)] {
        let mut used = [&batch[..], contract].concat();
        used.sort();
        if used.windows(2).any(|w| w[0] == w[1]) || used.last().is_some_and(|a| *a >= ty.rank()) {
            return Err(OpError::new(format!("a product pairs axes {used:?} of `{ty}`")));
        }
    }
    if axes.left_batch.len() != axes.right_batch.len() || axes.left_contract.len() != axes.right_contract.len() {
        return Err(OpError::new(format!("a product pairs different numbers of axes of {}", listed(types))));
    }
    let pairs = axes.left_batch.iter().zip(&axes.right_batch).chain(axes.left_contract.iter().zip(&axes.right_contract));
    for (l, r) in pairs {
        if left.shape[*l] != right.shape[*r] {
            return Err(OpError::new(format!(
                "a product pairs axis {l} of `{left}` with axis {r} of `{right}`: {} and {} differ",
                left.shape[*l], right.shape[*r]
            )));
        }
    }
    let batch = axes.left_batch.iter().map(|a| left.shape[*a].clone());
    let left_free = axes.left_free(left.rank()).into_iter().map(|a| left.shape[a].clone());
    let right_free = axes.right_free(right.rank()).into_iter().map(|a| right.shape[a].clone());
    Ok(TensorType::new(left.dtype, batch.chain(left_free).chain(right_free).collect()))
}

/// The cotangent of one operand: the product of the result's cotangent with the other operand over the other's free axes, in whichever order of
/// the two gives the operand's own axes without a transposition, where one does.
fn operand_cotangent(graph: &mut Graph, node: NodeId, cotangent: NodeId, of_left: bool) -> NodeId {
    let axes = axes_of(graph.op(node)).clone();
    let (left, right) = (graph.args(node)[0], graph.args(node)[1]);
    let (left_rank, right_rank) = (graph.ty(left).rank(), graph.ty(right).rank());
    let (left_free, right_free) = (axes.left_free(left_rank), axes.right_free(right_rank));
    let batch: Vec<usize> = (0..axes.left_batch.len()).collect();
    let in_result = |free: &[usize], start: usize| (start..start + free.len()).collect::<Vec<_>>();
    let left_in_result = in_result(&left_free, batch.len());
    let right_in_result = in_result(&right_free, batch.len() + left_free.len());
    // (the operand's own batch, contracted and free axes), (the other operand with its batch, contracted and free axes and where the latter are in the result)
    let (own_batch, own_contract, own_free) =
        if of_left { (&axes.left_batch, &axes.left_contract, &left_free) } else { (&axes.right_batch, &axes.right_contract, &right_free) };
    let (other, other_batch, other_contract, other_free, summed) = if of_left {
        (right, &axes.right_batch, &axes.right_contract, &right_free, right_in_result)
    } else {
        (left, &axes.left_batch, &axes.left_contract, &left_free, left_in_result)
    };
    // The axes of the product that come from the other operand: its contracted axes in ascending order, named by the operand's own.
    let mut from_other: Vec<usize> = (0..other_contract.len()).collect();
    from_other.sort_by_key(|i| other_contract[*i]);
    let from_other: Vec<usize> = from_other.into_iter().map(|i| own_contract[i]).collect();
    let layout = |cotangent_first: bool| -> Vec<usize> {
        let (first, second) = if cotangent_first { (own_free, &from_other) } else { (&from_other, own_free) };
        [&own_batch[..], first, second].concat()
    };
    let in_order = |layout: &[usize]| layout.iter().enumerate().all(|(i, a)| i == *a);
    let cotangent_first = in_order(&layout(true)) || !in_order(&layout(false));
    let product = if cotangent_first {
        let pairs =
            DotAxes { left_batch: batch, right_batch: other_batch.clone(), left_contract: summed, right_contract: other_free.clone() };
        graph.binary(Op::DotGeneral(pairs), cotangent, other)
    } else {
        let pairs =
            DotAxes { left_batch: other_batch.clone(), right_batch: batch, left_contract: other_free.clone(), right_contract: summed };
        graph.binary(Op::DotGeneral(pairs), other, cotangent)
    };
    let layout = layout(cotangent_first);
    let order: Vec<usize> =
        (0..layout.len()).map(|axis| layout.iter().position(|a| *a == axis).expect("every axis is somewhere")).collect();
    graph.transpose(product, order)
}

fn pair(left_batch: &[usize], right_batch: &[usize], left_contract: &[usize], right_contract: &[usize]) -> Op {
    Op::DotGeneral(DotAxes {
        left_batch: left_batch.to_vec(),
        right_batch: right_batch.to_vec(),
        left_contract: left_contract.to_vec(),
        right_contract: right_contract.to_vec(),
    })
}

pub(super) static DOT_GENERAL: OpSpec = OpSpec {
    infer,
    derivative: Derivative::Reverse(|graph, node, cotangent| {
        let left = operand_cotangent(graph, node, cotangent, true);
        let right = operand_cotangent(graph, node, cotangent, false);
        Ok(smallvec![Some(left), Some(right)])
    }),
    evaluate: Some(|op, args, _| {
        let axes = axes_of(op);
        let (left, right) = (args[0], args[1]);
        let (left_stride, right_stride) = (strides(&left.shape), strides(&right.shape));
        let sizes = |axes: &[usize], shape: &[usize]| axes.iter().map(|a| shape[*a]).collect::<Vec<_>>();
        let offsets = |axes: &[usize], shape: &[usize], stride: &[usize]| {
            let mut offsets = vec![];
            positions(&sizes(axes, shape), |p| offsets.push(p.iter().zip(axes).map(|(i, a)| i * stride[*a]).sum::<usize>()));
            offsets
        };
        let left_batch = offsets(&axes.left_batch, &left.shape, &left_stride);
        let right_batch = offsets(&axes.right_batch, &right.shape, &right_stride);
        let left_sum = offsets(&axes.left_contract, &left.shape, &left_stride);
        let right_sum = offsets(&axes.right_contract, &right.shape, &right_stride);
        let left_free = offsets(&axes.left_free(left.shape.len()), &left.shape, &left_stride);
        let right_free = offsets(&axes.right_free(right.shape.len()), &right.shape, &right_stride);
        let mut data = Vec::with_capacity(left_batch.len() * left_free.len() * right_free.len());
        for (lb, rb) in left_batch.iter().zip(&right_batch) {
            for lf in &left_free {
                for rf in &right_free {
                    let products = left_sum.iter().zip(&right_sum).map(|(l, r)| left.data[lb + lf + l] * right.data[rb + rf + r]);
                    data.push(products.sum());
                }
            }
        }
        data
    }),
    work: |op, operands, result| {
        let left = operands.first()?;
        let contracted: Vec<Dim> = axes_of(op).left_contract.iter().map(|a| left.shape[*a].clone()).collect();
        product(&contracted).ok()?.mul(&product(&result.shape).ok()?).ok()?.mul(&Dim::constant(2)).ok()
    },
    tolerance: Tolerance::ACCUMULATION,
    examples: || {
        let two = |op: Op, left: &[usize], right: &[usize]| example(op, [between(-1.0, 1.0, left), between(-1.0, 1.0, right)]);
        vec![
            two(pair(&[], &[], &[1], &[0]), &[2, 3], &[3, 4]),
            two(pair(&[], &[], &[1], &[1]), &[2, 3], &[4, 3]),
            two(pair(&[], &[], &[0], &[0]), &[3, 2], &[3, 4]),
            two(pair(&[0], &[0], &[2], &[1]), &[2, 3, 4], &[2, 4, 5]),
            two(pair(&[1, 0], &[0, 2], &[2], &[1]), &[2, 3, 4], &[3, 4, 2, 2]),
            two(pair(&[], &[], &[0, 2], &[1, 0]), &[2, 3, 4], &[4, 2]),
            two(pair(&[], &[], &[], &[]), &[2], &[3]),
            two(pair(&[], &[], &[0], &[0]), &[4], &[4]),
        ]
    },
    refusals: || {
        vec![
            refuse(pair(&[], &[], &[1], &[0]), &[&[2, 3], &[4, 5]], "axis 1 of `f32[2, 3]` with axis 0 of `f32[4, 5]`"),
            refuse(pair(&[0], &[], &[1], &[0]), &[&[2, 3], &[3, 5]], "different numbers of axes"),
            refuse(pair(&[], &[], &[1, 1], &[0, 1]), &[&[2, 3], &[3, 3]], "pairs axes [1, 1]"),
            refuse(pair(&[], &[], &[2], &[0]), &[&[2, 3], &[3, 3]], "pairs axes [2]"),
        ]
    },
    ..OpSpec::new(
        "dot_general",
        Exactly(2),
        Contraction,
        "Sums of products over paired axes: `x @ w` and every `einsum`. The axes of the result are the batch axes, then what is left of the left operand, \
         then of the right one.",
    )
};
