//! Pooling over windows, and its gradients.
use super::convolution::slid;
use super::spec::{Arity::Exactly, Derivative, between, example, foreign, listed, product, refuse};
use super::{Lowering, Op, OpSpec, Tolerance, Window};
use crate::{Dim, OpError, TensorType};
use smallvec::smallvec;

fn window_of(op: &Op) -> Window {
    match op {
        Op::MaxPool { window } | Op::MaxPoolGradient { window } | Op::AveragePool { window } | Op::AveragePoolGradient { window, .. } => {
            *window
        }
        _ => foreign(op),
    }
}

fn pooled(op: &Op, x: &TensorType) -> Result<TensorType, OpError> {
    let window = window_of(op);
    if !x.dtype.is_float() {
        return Err(OpError::new(format!("`{}` pools float tensors, not `{x}`", op.spec().name)));
    }
    let [height, width] = slid(&window, x)?;
    for axis in 0..2 {
        let reach = window.kernel[axis].saturating_sub(1).saturating_mul(window.dilation[axis]).saturating_add(1);
        if window.padding[axis] > reach / 2 {
            let message = format!("a pooling's padding of {} is more than half of its window of {reach}", window.padding[axis]);
            return Err(OpError::new(message));
        }
    }
    Ok(TensorType::new(x.dtype, vec![x.shape[0].clone(), x.shape[1].clone(), height, width]))
}

/// Every window: its position in y, and the positions in x of its elements that are not padding, in row-major order.
fn windows(window: &Window, x: &[usize], y: &[usize], mut visit: impl FnMut(usize, &[usize])) {
    let mut elements = vec![];
    for plane in 0..y[0] * y[1] {
        for row in 0..y[2] {
            for column in 0..y[3] {
                elements.clear();
                for tap_row in 0..window.kernel[0] {
                    let Some(h) = window.element(0, row, tap_row, x[2]) else { continue };
                    for tap_column in 0..window.kernel[1] {
                        let Some(w) = window.element(1, column, tap_column, x[3]) else { continue };
                        elements.push((plane * x[2] + h) * x[3] + w);
                    }
                }
                visit((plane * y[2] + row) * y[3] + column, &elements);
            }
        }
    }
}

/// The first largest element of a window; the first nan counts as largest. A window of padding alone has none.
fn largest(x: &[f64], elements: &[usize]) -> Option<usize> {
    let mut best: Option<usize> = None;
    for at in elements {
        if best.is_none_or(|b| x[*at] > x[b] || (x[*at].is_nan() && !x[b].is_nan())) {
            best = Some(*at);
        }
    }
    best
}

/// One operation for every tap of every window.
fn work_per_tap(op: &Op, y: &TensorType) -> Option<Dim> {
    let taps = window_of(op).kernel.into_iter().try_fold(1usize, usize::checked_mul)?;
    product(&y.shape).ok()?.mul(&Dim::constant(i64::try_from(taps).ok()?)).ok()
}

/// (window, x, y) of examples that together use every attribute.
fn cases() -> Vec<(Window, [usize; 4], [usize; 4])> {
    let window = |kernel, stride, padding, dilation| Window { kernel, stride, padding, dilation };
    vec![
        (window([2, 2], [2, 2], [0, 0], [1, 1]), [2, 2, 4, 6], [2, 2, 2, 3]),
        (window([3, 3], [2, 1], [1, 1], [1, 1]), [1, 2, 5, 4], [1, 2, 3, 4]),
        (window([2, 3], [1, 2], [1, 0], [2, 1]), [1, 1, 4, 7], [1, 1, 4, 3]),
        (window([3, 2], [3, 3], [0, 1], [1, 1]), [1, 2, 7, 5], [1, 2, 2, 2]),
    ]
}

fn refusals(of: fn(Window) -> Op) -> Vec<super::Refusal> {
    let window = |kernel, padding| of(Window { kernel, stride: [2, 2], padding, dilation: [1, 1] });
    vec![
        refuse(window([3, 3], [0, 0]), &[&[1, 1, 2, 4]], "does not fit into `f32[1, 1, 2, 4]`"),
        refuse(window([2, 2], [0, 0]), &[&[2, 4, 4]], "four axes"),
        refuse(window([2, 2], [2, 0]), &[&[1, 1, 4, 4]], "more than half"),
    ]
}

pub(super) static MAX_POOL: OpSpec = OpSpec {
    infer: |op, types| pooled(op, types[0]),
    derivative: Derivative::Reverse(|graph, node, cotangent| {
        let window = window_of(graph.op(node));
        let x = graph.args(node)[0];
        Ok(smallvec![Some(graph.binary(Op::MaxPoolGradient { window }, x, cotangent))])
    }),
    evaluate: Some(|op, args, shape| {
        let mut y = vec![f64::NEG_INFINITY; shape.iter().product()];
        windows(&window_of(op), &args[0].shape, shape, |at, elements| {
            if let Some(best) = largest(&args[0].data, elements) {
                y[at] = args[0].data[best];
            }
        });
        y
    }),
    work: |op, _, result| work_per_tap(op, result),
    examples: || cases().into_iter().map(|(window, x, _)| example(Op::MaxPool { window }, [between(-1.0, 1.0, &x)])).collect(),
    refusals: || refusals(|window| Op::MaxPool { window }),
    ..OpSpec::new(
        "max_pool",
        Exactly(1),
        Lowering::Window,
        "The largest element of each window over height and width; padding never is. The gradient goes to the first largest one.",
    )
};

pub(super) static MAX_POOL_GRADIENT: OpSpec = OpSpec {
    infer: |op, types| {
        let y = pooled(op, types[0])?;
        if y != *types[1] {
            return Err(OpError::new(format!("the pooling of `{}` gives `{y}`, not `{}`", types[0], types[1])));
        }
        Ok(types[0].clone())
    },
    derivative: Derivative::Missing("the gradient of a maximum pooling is not differentiable again"),
    evaluate: Some(|op, args, shape| {
        let mut dx = vec![0.0; shape.iter().product()];
        windows(&window_of(op), shape, &args[1].shape, |at, elements| {
            if let Some(best) = largest(&args[0].data, elements) {
                dx[best] += args[1].data[at];
            }
        });
        dx
    }),
    work: |op, operands, _| work_per_tap(op, operands.get(1)?),
    tolerance: Tolerance::ROUNDING,
    examples: || {
        let case = |(window, x, y): (Window, [usize; 4], [usize; 4])| {
            example(Op::MaxPoolGradient { window }, [between(-1.0, 1.0, &x), between(-1.0, 1.0, &y)])
        };
        cases().into_iter().map(case).collect()
    },
    refusals: || {
        let window = Window { kernel: [2, 2], stride: [2, 2], padding: [0, 0], dilation: [1, 1] };
        vec![refuse(Op::MaxPoolGradient { window }, &[&[1, 1, 4, 4], &[1, 1, 3, 2]], "gives `f32[1, 1, 2, 2]`, not `f32[1, 1, 3, 2]`")]
    },
    ..OpSpec::new(
        "max_pool_gradient",
        Exactly(2),
        Lowering::Window,
        "The gradient of a maximum pooling: each number goes to the first largest element of its window.",
    )
};

pub(super) static AVERAGE_POOL: OpSpec = OpSpec {
    infer: |op, types| pooled(op, types[0]),
    derivative: Derivative::Reverse(|graph, node, cotangent| {
        let window = window_of(graph.op(node));
        let x = graph.ty(graph.args(node)[0]);
        let size = [x.shape[2].clone(), x.shape[3].clone()];
        Ok(smallvec![Some(graph.unary(Op::AveragePoolGradient { window, size }, cotangent))])
    }),
    evaluate: Some(|op, args, shape| {
        let window = window_of(op);
        let taps = (window.kernel[0] * window.kernel[1]) as f64;
        let mut y = vec![0.0; shape.iter().product()];
        windows(&window, &args[0].shape, shape, |at, elements| y[at] = elements.iter().map(|e| args[0].data[*e]).sum::<f64>() / taps);
        y
    }),
    work: |op, _, result| work_per_tap(op, result),
    tolerance: Tolerance::ROUNDING,
    examples: || cases().into_iter().map(|(window, x, _)| example(Op::AveragePool { window }, [between(-1.0, 1.0, &x)])).collect(),
    refusals: || refusals(|window| Op::AveragePool { window }),
    ..OpSpec::new(
        "average_pool",
        Exactly(1),
        Lowering::Window,
        "The mean of each window over height and width, in which padding counts as zeros.",
    )
};

pub(super) static AVERAGE_POOL_GRADIENT: OpSpec = OpSpec {
    infer: |op, types| {
        let Op::AveragePoolGradient { size, .. } = op else { foreign(op) };
        let dy = types[0];
        if dy.rank() != 4 {
            return Err(OpError::new(format!("a pooling has four axes [n, c, h, w]: {}", listed(types))));
        }
        let x = TensorType::new(dy.dtype, vec![dy.shape[0].clone(), dy.shape[1].clone(), size[0].clone(), size[1].clone()]);
        let y = pooled(op, &x)?;
        if y != *dy {
            return Err(OpError::new(format!("the pooling of `{x}` gives `{y}`, not `{dy}`")));
        }
        Ok(x)
    },
    derivative: Derivative::Reverse(|graph, node, cotangent| {
        let window = window_of(graph.op(node));
        Ok(smallvec![Some(graph.unary(Op::AveragePool { window }, cotangent))])
    }),
    evaluate: Some(|op, args, shape| {
        let window = window_of(op);
        let taps = (window.kernel[0] * window.kernel[1]) as f64;
        let mut dx = vec![0.0; shape.iter().product()];
        windows(&window, shape, &args[0].shape, |at, elements| elements.iter().for_each(|e| dx[*e] += args[0].data[at] / taps));
        dx
    }),
    work: |op, operands, _| work_per_tap(op, operands.first()?),
    tolerance: Tolerance::ROUNDING,
    examples: || {
        let case = |(window, x, y): (Window, [usize; 4], [usize; 4])| {
            let size = [Dim::from(x[2]), Dim::from(x[3])];
            example(Op::AveragePoolGradient { window, size }, [between(-1.0, 1.0, &y)])
        };
        cases().into_iter().map(case).collect()
    },
    refusals: || {
        let window = Window { kernel: [2, 2], stride: [2, 2], padding: [0, 0], dilation: [1, 1] };
        let op = Op::AveragePoolGradient { window, size: [Dim::constant(4), Dim::constant(4)] };
        vec![refuse(op, &[&[1, 1, 3, 2]], "gives `f32[1, 1, 2, 2]`, not `f32[1, 1, 3, 2]`")]
    },
    ..OpSpec::new(
        "average_pool_gradient",
        Exactly(1),
        Lowering::Window,
        "The gradient of an average pooling: each number is shared equally by its window.",
    )
};
