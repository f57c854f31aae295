//! Operators that move elements without arithmetic.
use super::spec::{
    Arity::{AtLeast, Exactly},
    Derivative, between, example, foreign, listed, number, positions, product, refuse, strides,
};
use super::{Lowering::Movement, Op, OpSpec};
use crate::{Dim, OpError, Shape, TensorType};
use smallvec::smallvec;

fn refused(op: &Op, what: &str, types: &[&TensorType]) -> OpError {
    OpError::new(format!("`{}` {what}: {}", op.spec().name, listed(types)))
}

fn show(shape: &[Dim]) -> String {
    format!("[{}]", shape.iter().map(|d| d.to_string()).collect::<Vec<_>>().join(", "))
}

pub(super) static BROADCAST: OpSpec = OpSpec {
    infer: |op, types| {
        let Op::Broadcast { shape, axes } = op else { foreign(op) };
        let x = types[0];
        if axes.len() != x.rank() || axes.windows(2).any(|w| w[0] >= w[1]) || axes.last().is_some_and(|a| *a >= shape.len()) {
            return Err(refused(op, "needs one ascending axis of the result for each axis", types));
        }
        for (size, axis) in x.shape.iter().zip(axes) {
            if *size != shape[*axis] && size.as_const() != Some(1) {
                return Err(OpError::new(format!(
                    "`{x}` does not broadcast to `{}`: an axis of {size} cannot become {}",
                    show(shape),
                    shape[*axis]
                )));
            }
        }
        Ok(TensorType::new(x.dtype, shape.clone()))
    },
    derivative: Derivative::Reverse(|graph, node, cotangent| {
        let Op::Broadcast { shape, axes } = graph.op(node).clone() else { foreign(graph.op(node)) };
        let operand = graph.ty(graph.args(node)[0]).shape.clone();
        let repeated = |axis: &usize| axes.iter().position(|a| a == axis).is_none_or(|i| operand[i] != shape[*axis]);
        let summed: Vec<usize> = (0..shape.len()).filter(repeated).collect();
        let sum = graph.sum(cotangent, summed);
        Ok(smallvec![Some(graph.reshape(sum, operand))])
    }),
    evaluate: Some(|op, args, shape| {
        let Op::Broadcast { axes, .. } = op else { foreign(op) };
        let from = strides(&args[0].shape);
        let mut data = Vec::with_capacity(shape.iter().product());
        positions(shape, |p| {
            let at = |(i, axis): (usize, &usize)| if args[0].shape[i] == 1 { 0 } else { p[*axis] * from[i] };
            data.push(args[0].data[axes.iter().enumerate().map(at).sum::<usize>()]);
        });
        data
    }),
    examples: || {
        let to =
            |sizes: &[usize], axes: &[usize]| Op::Broadcast { shape: sizes.iter().map(|n| Dim::from(*n)).collect(), axes: axes.to_vec() };
        vec![
            example(to(&[2, 3], &[1]), [between(-1.0, 1.0, &[3])]),
            example(to(&[2, 3, 4], &[0, 2]), [between(-1.0, 1.0, &[2, 1])]),
            example(to(&[4], &[]), [between(-1.0, 1.0, &[])]),
        ]
    },
    refusals: || {
        let to =
            |sizes: &[usize], axes: &[usize]| Op::Broadcast { shape: sizes.iter().map(|n| Dim::from(*n)).collect(), axes: axes.to_vec() };
        vec![
            refuse(to(&[2, 3], &[1]), &[&[2]], "an axis of 2 cannot become 3"),
            refuse(to(&[2, 3], &[1, 0]), &[&[3, 2]], "ascending"),
            refuse(to(&[2], &[1]), &[&[2]], "ascending"),
        ]
    },
    ..OpSpec::new(
        "broadcast",
        Exactly(1),
        Movement,
        "Repeats a tensor along new axes, or along axes of size 1, until it has the given shape. The gradient is summed over the repetitions.",
    )
};

pub(super) static RESHAPE: OpSpec = OpSpec {
    infer: |op, types| {
        let Op::Reshape { shape } = op else { foreign(op) };
        let (before, after) = (product(&types[0].shape)?, product(shape)?);
        if before != after {
            let message = format!("`{}` has {before} elements, which do not fit the shape `{}` of {after}", types[0], show(shape));
            return Err(OpError::new(message));
        }
        Ok(TensorType::new(types[0].dtype, shape.clone()))
    },
    derivative: Derivative::Reverse(|graph, node, cotangent| {
        let shape = graph.ty(graph.args(node)[0]).shape.clone();
        Ok(smallvec![Some(graph.reshape(cotangent, shape))])
    }),
    evaluate: Some(|_, args, _| args[0].data.clone()),
    examples: || {
        let to = |sizes: &[usize]| Op::Reshape { shape: sizes.iter().map(|n| Dim::from(*n)).collect() };
        vec![
            example(to(&[3, 4]), [between(-1.0, 1.0, &[2, 6])]),
            example(to(&[]), [between(-1.0, 1.0, &[1, 1])]),
            example(to(&[2, 1, 3]), [between(-1.0, 1.0, &[6])]),
        ]
    },
    refusals: || vec![refuse(Op::Reshape { shape: vec![Dim::constant(5)] }, &[&[2, 3]], "`f32[2, 3]` has 6 elements")],
    ..OpSpec::new("reshape", Exactly(1), Movement, "The same elements, in row-major order, under another shape.")
};

pub(super) static TRANSPOSE: OpSpec = OpSpec {
    infer: |op, types| {
        let Op::Transpose { order } = op else { foreign(op) };
        let mut sorted = order.clone();
        sorted.sort();
        if sorted.iter().copied().ne(0..types[0].rank()) {
            return Err(refused(op, &format!("by {order:?} is no order of the axes"), types));
        }
        Ok(TensorType::new(types[0].dtype, order.iter().map(|a| types[0].shape[*a].clone()).collect()))
    },
    derivative: Derivative::Reverse(|graph, node, cotangent| {
        let Op::Transpose { order } = graph.op(node) else { foreign(graph.op(node)) };
        let mut inverse = vec![0; order.len()];
        for (i, axis) in order.iter().enumerate() {
            inverse[*axis] = i;
        }
        Ok(smallvec![Some(graph.transpose(cotangent, inverse))])
    }),
    evaluate: Some(|op, args, shape| {
        let Op::Transpose { order } = op else { foreign(op) };
        let from = strides(&args[0].shape);
        let mut data = Vec::with_capacity(args[0].data.len());
        positions(shape, |p| data.push(args[0].data[p.iter().zip(order).map(|(i, axis)| i * from[*axis]).sum::<usize>()]));
        data
    }),
    examples: || {
        vec![
            example(Op::Transpose { order: vec![1, 0] }, [between(-1.0, 1.0, &[2, 3])]),
            example(Op::Transpose { order: vec![2, 0, 1] }, [between(-1.0, 1.0, &[2, 3, 4])]),
        ]
    },
    refusals: || {
        vec![
            refuse(Op::Transpose { order: vec![0, 0] }, &[&[2, 3]], "no order of the axes"),
            refuse(Op::Transpose { order: vec![0] }, &[&[2, 3]], "no order of the axes"),
        ]
    },
    ..OpSpec::new("transpose", Exactly(1), Movement, "The axes in another order.")
};

pub(super) static SLICE: OpSpec = OpSpec {
    infer: |op, types| {
        let Op::Slice { start, stop } = op else { foreign(op) };
        let x = types[0];
        if start.len() != x.rank() || stop.len() != x.rank() {
            return Err(refused(op, "needs a start and a stop for each axis", types));
        }
        let mut shape = Shape::with_capacity(x.rank());
        for (axis, ((low, high), size)) in start.iter().zip(stop).zip(&x.shape).enumerate() {
            let outside = low.at_least(&Dim::constant(0)) == Some(false) || size.at_least(high) == Some(false);
            if outside || high.at_least(&low.add(&Dim::constant(1))?) == Some(false) {
                return Err(OpError::new(format!(
                    "the slice {low}:{high} is empty or outside axis {axis} of `{x}`, which has {size} elements"
                )));
            }
            shape.push(high.sub(low)?);
        }
        Ok(TensorType::new(x.dtype, shape))
    },
    derivative: Derivative::Reverse(|graph, node, cotangent| {
        let Op::Slice { start, stop } = graph.op(node).clone() else { foreign(graph.op(node)) };
        let size = graph.ty(graph.args(node)[0]).shape.clone();
        let high = size.iter().zip(&stop).map(|(n, s)| n.sub(s)).collect::<Result<_, _>>()?;
        Ok(smallvec![Some(graph.unary(Op::Pad { low: start, high, value: 0.0 }, cotangent))])
    }),
    evaluate: Some(|op, args, shape| {
        let Op::Slice { start, .. } = op else { foreign(op) };
        let from = strides(&args[0].shape);
        let start: Vec<usize> = start.iter().map(number).collect();
        let mut data = Vec::with_capacity(shape.iter().product());
        positions(shape, |p| {
            data.push(args[0].data[p.iter().zip(&start).zip(&from).map(|((i, s), stride)| (i + s) * stride).sum::<usize>()])
        });
        data
    }),
    examples: || {
        let slice = |start: &[i64], stop: &[i64]| Op::Slice {
            start: start.iter().map(|n| Dim::constant(*n)).collect(),
            stop: stop.iter().map(|n| Dim::constant(*n)).collect(),
        };
        vec![
            example(slice(&[1, 0], &[3, 2]), [between(-1.0, 1.0, &[4, 3])]),
            example(slice(&[0, 2, 1], &[2, 3, 4]), [between(-1.0, 1.0, &[2, 3, 4])]),
        ]
    },
    refusals: || {
        let slice = |low: i64, high: i64| Op::Slice { start: vec![Dim::constant(low)], stop: vec![Dim::constant(high)] };
        vec![
            refuse(slice(0, 5), &[&[4]], "outside axis 0 of `f32[4]`"),
            refuse(slice(2, 2), &[&[4]], "empty"),
            refuse(slice(-1, 2), &[&[4]], "outside"),
            refuse(slice(0, 1), &[&[4, 4]], "for each axis"),
        ]
    },
    ..OpSpec::new("slice", Exactly(1), Movement, "`x[a:b]`: a range of every axis. The gradient of what is left out is 0.")
};

pub(super) static PAD: OpSpec = OpSpec {
    infer: |op, types| {
        let Op::Pad { low, high, .. } = op else { foreign(op) };
        let x = types[0];
        if low.len() != x.rank() || high.len() != x.rank() {
            return Err(refused(op, "needs two widths for each axis", types));
        }
        let mut shape = Shape::with_capacity(x.rank());
        for ((before, after), size) in low.iter().zip(high).zip(&x.shape) {
            if [before, after].into_iter().any(|n| n.at_least(&Dim::constant(0)) == Some(false)) {
                return Err(refused(op, &format!("by {before} and {after} would take elements away"), types));
            }
            shape.push(size.add(before)?.add(after)?);
        }
        Ok(TensorType::new(x.dtype, shape))
    },
    derivative: Derivative::Reverse(|graph, node, cotangent| {
        let Op::Pad { low, .. } = graph.op(node).clone() else { foreign(graph.op(node)) };
        let size = graph.ty(graph.args(node)[0]).shape.clone();
        let stop = low.iter().zip(&size).map(|(l, n)| l.add(n)).collect::<Result<_, _>>()?;
        Ok(smallvec![Some(graph.unary(Op::Slice { start: low, stop }, cotangent))])
    }),
    evaluate: Some(|op, args, shape| {
        let Op::Pad { low, value, .. } = op else { foreign(op) };
        let low: Vec<usize> = low.iter().map(number).collect();
        let from = strides(&args[0].shape);
        let mut data = Vec::with_capacity(shape.iter().product());
        positions(shape, |p| {
            let inside = p.iter().zip(&low).zip(&args[0].shape).all(|((i, l), n)| i >= l && i - l < *n);
            let at = |((i, l), stride): ((&usize, &usize), &usize)| (i - l) * stride;
            data.push(if inside { args[0].data[p.iter().zip(&low).zip(&from).map(at).sum::<usize>()] } else { *value });
        });
        data
    }),
    examples: || {
        let pad = |low: &[i64], high: &[i64], value: f64| Op::Pad {
            low: low.iter().map(|n| Dim::constant(*n)).collect(),
            high: high.iter().map(|n| Dim::constant(*n)).collect(),
            value,
        };
        vec![
            example(pad(&[1, 0], &[0, 2], 0.0), [between(-1.0, 1.0, &[2, 3])]),
            example(pad(&[0, 1, 2], &[0, 1, 0], -1.5), [between(-1.0, 1.0, &[2, 1, 2])]),
        ]
    },
    refusals: || {
        let pad = |low: i64| Op::Pad { low: vec![Dim::constant(low)], high: vec![Dim::constant(0)], value: 0.0 };
        vec![refuse(pad(-1), &[&[4]], "would take elements away"), refuse(pad(1), &[&[4, 4]], "for each axis")]
    },
    ..OpSpec::new("pad", Exactly(1), Movement, "More places before and after the elements of every axis, filled with one number.")
};

pub(super) static CONCAT: OpSpec = OpSpec {
    infer: |op, types| {
        let Op::Concat { axis } = op else { foreign(op) };
        let first = types[0];
        if *axis >= first.rank() {
            return Err(refused(op, &format!("along axis {axis} finds no such axis"), types));
        }
        let mut shape = first.shape.clone();
        for other in &types[1..] {
            let fits = other.dtype == first.dtype
                && other.rank() == first.rank()
                && (0..first.rank()).all(|i| i == *axis || other.shape[i] == first.shape[i]);
            if !fits {
                return Err(refused(op, &format!("along axis {axis} needs tensors that agree in everything else"), types));
            }
            shape[*axis] = shape[*axis].add(&other.shape[*axis])?;
        }
        Ok(TensorType::new(first.dtype, shape))
    },
    derivative: Derivative::Reverse(|graph, node, cotangent| {
        let Op::Concat { axis } = *graph.op(node) else { foreign(graph.op(node)) };
        let mut cotangents = smallvec![];
        let mut begin = Dim::constant(0);
        for x in graph.args(node).to_vec() {
            let mut stop = graph.ty(x).shape.clone();
            let mut start = vec![Dim::constant(0); stop.len()];
            stop[axis] = begin.add(&stop[axis])?;
            start[axis] = std::mem::replace(&mut begin, stop[axis].clone());
            let whole = start[axis] == Dim::constant(0) && stop == graph.ty(cotangent).shape;
            cotangents.push(Some(if whole { cotangent } else { graph.unary(Op::Slice { start, stop }, cotangent) }));
        }
        Ok(cotangents)
    }),
    evaluate: Some(|op, args, shape| {
        let Op::Concat { axis } = op else { foreign(op) };
        let outer: usize = shape[..*axis].iter().product();
        let mut data = Vec::with_capacity(shape.iter().product());
        for i in 0..outer {
            for x in args {
                let run = x.data.len() / outer;
                data.extend_from_slice(&x.data[i * run..(i + 1) * run]);
            }
        }
        data
    }),
    examples: || {
        vec![
            example(Op::Concat { axis: 0 }, [between(-1.0, 1.0, &[2, 3]), between(-1.0, 1.0, &[1, 3])]),
            example(Op::Concat { axis: 1 }, [between(-1.0, 1.0, &[2, 1]), between(-1.0, 1.0, &[2, 3]), between(-1.0, 1.0, &[2, 2])]),
            example(Op::Concat { axis: 0 }, [between(-1.0, 1.0, &[2])]),
        ]
    },
    refusals: || {
        vec![
            refuse(Op::Concat { axis: 0 }, &[&[2, 3], &[2, 4]], "`f32[2, 3]` and `f32[2, 4]`"),
            refuse(Op::Concat { axis: 2 }, &[&[2, 3]], "no such axis"),
        ]
    },
    ..OpSpec::new("concat", AtLeast(1), Movement, "Tensors one after the other along one axis.")
};

pub(super) static FLIP: OpSpec = OpSpec {
    infer: |op, types| {
        let Op::Flip { axes } = op else { foreign(op) };
        if axes.windows(2).any(|w| w[0] >= w[1]) || axes.last().is_some_and(|a| *a >= types[0].rank()) {
            return Err(refused(op, &format!("along {axes:?} needs ascending axes of its operand"), types));
        }
        Ok(types[0].clone())
    },
    derivative: Derivative::Reverse(|graph, node, cotangent| {
        let op = graph.op(node).clone();
        Ok(smallvec![Some(graph.unary(op, cotangent))])
    }),
    evaluate: Some(|op, args, shape| {
        let Op::Flip { axes } = op else { foreign(op) };
        let from = strides(shape);
        let mut data = Vec::with_capacity(args[0].data.len());
        positions(shape, |p| {
            let at = |(axis, i): (usize, &usize)| from[axis] * if axes.contains(&axis) { shape[axis] - 1 - i } else { *i };
            data.push(args[0].data[p.iter().enumerate().map(at).sum::<usize>()]);
        });
        data
    }),
    examples: || {
        vec![
            example(Op::Flip { axes: vec![0] }, [between(-1.0, 1.0, &[4])]),
            example(Op::Flip { axes: vec![0, 2] }, [between(-1.0, 1.0, &[2, 3, 4])]),
        ]
    },
    refusals: || vec![refuse(Op::Flip { axes: vec![1] }, &[&[3]], "ascending axes")],
    ..OpSpec::new("flip", Exactly(1), Movement, "The elements in opposite order along some axes.")
};
