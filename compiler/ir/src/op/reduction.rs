//! Operators that make axes disappear.
use super::spec::{
    Arity::Exactly, Derivative, below, between, example, foreign, listed, others, positions, refuse, strides, without,
    work_per_operand_element,
};
use super::{Lowering::Reduce, Op, OpSpec, Refusal, Tolerance};
use crate::{DType, OpError, Tensor, TensorType};
use smallvec::smallvec;

fn axes(op: &Op) -> &[usize] {
    match op {
        Op::Sum { axes } | Op::Max { axes } => axes,
        Op::ArgMax { axis } => std::slice::from_ref(axis),
        _ => foreign(op),
    }
}

fn reduced(op: &Op, types: &[&TensorType]) -> Result<TensorType, OpError> {
    let (x, axes, name) = (types[0], axes(op), op.spec().name);
    if axes.windows(2).any(|w| w[0] >= w[1]) || axes.last().is_some_and(|a| *a >= x.rank()) {
        return Err(OpError::new(format!("`{name}` over {axes:?} needs ascending axes of {}", listed(types))));
    }
    if x.dtype == DType::Bool {
        return Err(OpError::new(format!("`{name}` does not apply to {}: `cast` it first", listed(types))));
    }
    let dtype = if matches!(op, Op::ArgMax { .. }) { DType::I32 } else { x.dtype };
    Ok(TensorType::new(dtype, without(&x.shape, axes)))
}

/// For each place of the result, in row-major order, the operand's elements that fall there, in row-major order.
fn groups(x: &Tensor, axes: &[usize], mut visit: impl FnMut(&mut dyn Iterator<Item = f64>)) {
    let kept = others(x.shape.len(), axes);
    let stride = strides(&x.shape);
    let sizes = |axes: &[usize]| axes.iter().map(|a| x.shape[*a]).collect::<Vec<_>>();
    let offset = |position: &[usize], axes: &[usize]| position.iter().zip(axes).map(|(i, a)| i * stride[*a]).sum::<usize>();
    let mut inner = vec![];
    positions(&sizes(axes), |p| inner.push(offset(p, axes)));
    positions(&sizes(&kept), |p| {
        let start = offset(p, &kept);
        visit(&mut inner.iter().map(|i| x.data[start + i]));
    });
}

/// The larger one; nan if one is.
fn larger(a: f64, b: f64) -> f64 {
    if a.is_nan() || a > b { a } else { b }
}

pub(super) static SUM: OpSpec = OpSpec {
    infer: reduced,
    derivative: Derivative::Reverse(|graph, node, cotangent| {
        let shape = graph.ty(graph.args(node)[0]).shape.clone();
        let kept = others(shape.len(), axes(graph.op(node)));
        Ok(smallvec![Some(graph.broadcast_to(cotangent, shape, kept))])
    }),
    evaluate: Some(|op, args, _| {
        let mut data = vec![];
        groups(args[0], axes(op), |elements| data.push(elements.sum()));
        data
    }),
    work: work_per_operand_element,
    tolerance: Tolerance::ACCUMULATION,
    examples: || {
        vec![
            example(Op::Sum { axes: vec![0] }, [between(-1.0, 1.0, &[3, 4])]),
            example(Op::Sum { axes: vec![1] }, [between(-1.0, 1.0, &[3, 4])]),
            example(Op::Sum { axes: vec![0, 2] }, [between(-1.0, 1.0, &[2, 3, 4])]),
            example(Op::Sum { axes: vec![0, 1] }, [between(-1.0, 1.0, &[17, 5])]),
            example(Op::Sum { axes: vec![0] }, [below(9, DType::I32, &[6])]),
        ]
    },
    refusals: || {
        vec![
            refuse(Op::Sum { axes: vec![2] }, &[&[2, 3]], "ascending axes of `f32[2, 3]`"),
            refuse(Op::Sum { axes: vec![1, 1] }, &[&[2, 3]], "ascending"),
            Refusal { op: Op::Sum { axes: vec![0] }, operands: vec![super::spec::tensor(DType::Bool, &[2])], because: "`bool[2]`" },
        ]
    },
    ..OpSpec::new(
        "sum",
        Exactly(1),
        Reduce,
        "The sum over some axes, which disappear. The order of additions is fixed, so the result is the same on every device.",
    )
};

pub(super) static MAX: OpSpec = OpSpec {
    infer: reduced,
    derivative: Derivative::Reverse(|graph, node, cotangent| {
        let x = graph.args(node)[0];
        let shape = graph.ty(x).shape.clone();
        let axes = axes(graph.op(node)).to_vec();
        let kept = others(shape.len(), &axes);
        let largest = graph.broadcast_to(node, shape.clone(), kept.clone());
        let equal = graph.binary(Op::Equal, x, largest);
        let to = graph.ty(x).dtype;
        let ones = graph.unary(Op::Cast { to }, equal);
        let count = graph.sum(ones, axes);
        let share = graph.binary(Op::Div, cotangent, count);
        let shares = graph.broadcast_to(share, shape, kept);
        let zero = graph.full_like(0.0, shares);
        Ok(smallvec![Some(graph.select(equal, shares, zero))])
    }),
    evaluate: Some(|op, args, _| {
        let mut data = vec![];
        groups(args[0], axes(op), |elements| data.push(elements.fold(f64::NEG_INFINITY, larger)));
        data
    }),
    work: work_per_operand_element,
    examples: || {
        vec![
            example(Op::Max { axes: vec![0] }, [between(-1.0, 1.0, &[3, 4])]),
            example(Op::Max { axes: vec![0, 2] }, [between(-1.0, 1.0, &[2, 3, 4])]),
            example(Op::Max { axes: vec![0] }, [between(-1.0, 1.0, &[5])]),
        ]
    },
    refusals: || vec![refuse(Op::Max { axes: vec![1] }, &[&[3]], "ascending axes of `f32[3]`")],
    ..OpSpec::new(
        "max",
        Exactly(1),
        Reduce,
        "The largest element over some axes, which disappear; nan if there is one. The gradient is shared equally among equal largest elements.",
    )
};

pub(super) static ARG_MAX: OpSpec = OpSpec {
    infer: reduced,
    evaluate: Some(|op, args, _| {
        let mut data = vec![];
        groups(args[0], axes(op), |elements| {
            let mut best: Option<(usize, f64)> = None;
            for (i, x) in elements.enumerate() {
                if best.is_none_or(|(_, b)| x > b || (x.is_nan() && !b.is_nan())) {
                    best = Some((i, x));
                }
            }
            data.push(best.map_or(0.0, |(i, _)| i as f64));
        });
        data
    }),
    work: work_per_operand_element,
    examples: || {
        vec![
            example(Op::ArgMax { axis: 1 }, [between(-1.0, 1.0, &[3, 4])]),
            example(Op::ArgMax { axis: 0 }, [between(-1.0, 1.0, &[3, 4])]),
            example(Op::ArgMax { axis: 0 }, [below(3, DType::I32, &[8])]),
        ]
    },
    refusals: || vec![refuse(Op::ArgMax { axis: 1 }, &[&[3]], "ascending axes of `f32[3]`")],
    ..OpSpec::new(
        "argmax",
        Exactly(1),
        Reduce,
        "The position of the first largest element along one axis, as i32; the first nan counts as largest. No gradient passes.",
    )
};
