//! The convolution and its two gradients, each of which is made of the other two.
use super::spec::{Arity::Exactly, Derivative, between, example, foreign, listed, product, refuse};
use super::{Lowering, Op, OpSpec, Tolerance, Window};
use crate::{Dim, DimError, OpError, Tensor, TensorType};
use smallvec::smallvec;

impl Window {
    /// How many windows lie along an axis (0: height, 1: width) of `size` elements: `floor((size + 2 padding - dilation (kernel - 1) - 1) / stride) + 1`.
    pub fn positions(&self, axis: usize, size: &Dim) -> Result<Dim, DimError> {
        let count = |n: usize| i64::try_from(n).map(Dim::constant).map_err(|_| DimError::Overflow);
        let taps = count(self.dilation[axis])?.mul(&count(self.kernel[axis])?.sub(&Dim::constant(1))?)?;
        let room = size.add(&count(self.padding[axis])?.mul(&Dim::constant(2))?)?.sub(&taps)?.sub(&Dim::constant(1))?;
        room.floor_div(&count(self.stride[axis])?)?.add(&Dim::constant(1))
    }
    /// The element along an axis that a tap of a window lies on, if it is not padding.
    pub fn element(&self, axis: usize, window: usize, tap: usize, size: usize) -> Option<usize> {
        (window * self.stride[axis] + tap * self.dilation[axis]).checked_sub(self.padding[axis]).filter(|i| *i < size)
    }
}

/// Height and width of what a window gives over a picture of `[.., h, w]`.
pub(super) fn slid(window: &Window, picture: &TensorType) -> Result<[Dim; 2], OpError> {
    let [.., height, width] = &picture.shape[..] else {
        return Err(OpError::new(format!("a window slides over four axes [n, c, h, w], not over `{picture}`")));
    };
    if picture.rank() != 4 {
        return Err(OpError::new(format!("a window slides over four axes [n, c, h, w], not over `{picture}`")));
    }
    if window.kernel.contains(&0) || window.stride.contains(&0) || window.dilation.contains(&0) {
        return Err(OpError::new("kernel, stride and dilation of a window are at least 1"));
    }
    let sizes = [window.positions(0, height)?, window.positions(1, width)?];
    if sizes.iter().any(|n| n.at_least(&Dim::constant(1)) == Some(false)) {
        let [h, w] = window.kernel;
        return Err(OpError::new(format!("a window of {h} x {w} does not fit into `{picture}`, padding {:?} included", window.padding)));
    }
    Ok(sizes)
}

fn count(n: usize) -> Result<Dim, OpError> {
    i64::try_from(n).map(Dim::constant).map_err(|_| DimError::Overflow.into())
}

/// Checks picture against weight and gives the result's type.
fn convolved(op: &Op, x: &TensorType, weight: &TensorType) -> Result<TensorType, OpError> {
    let (window, groups) = attributes(op);
    let types = listed(&[x, weight]);
    if x.dtype != weight.dtype || !x.dtype.is_float() {
        return Err(OpError::new(format!("a convolution needs float tensors of one type, not {types}")));
    }
    let [height, width] = slid(&window, x)?;
    if groups == 0 {
        return Err(OpError::new("a convolution has at least one group"));
    }
    let groups = count(groups)?;
    if weight.rank() != 4 || weight.shape[2] != count(window.kernel[0])? || weight.shape[3] != count(window.kernel[1])? {
        return Err(OpError::new(format!(
            "a convolution's weight is [out, in / groups, {}, {}], not `{weight}`",
            window.kernel[0], window.kernel[1]
        )));
    }
    if weight.shape[1].mul(&groups)? != x.shape[1] {
        return Err(OpError::new(format!(
            "a convolution of {} channels in {groups} groups needs a weight of {} channels each, not {}: {types}",
            x.shape[1],
            x.shape[1].divide(&groups)?,
            weight.shape[1]
        )));
    }
    if weight.shape[0].divide(&groups)?.is_whole() == Some(false) {
        return Err(OpError::new(format!("{} output channels do not divide into {groups} groups", weight.shape[0])));
    }
    Ok(TensorType::new(x.dtype, vec![x.shape[0].clone(), weight.shape[0].clone(), height, width]))
}

fn attributes(op: &Op) -> (Window, usize) {
    match op {
        Op::Convolution { window, groups }
        | Op::ConvolutionInputGradient { window, groups, .. }
        | Op::ConvolutionWeightGradient { window, groups } => (*window, *groups),
        _ => foreign(op),
    }
}

/// Every product of the convolution: positions in x, weight and y. The one loop that defines all three operators.
fn products(window: &Window, groups: usize, x: &[usize], weight: &[usize], y: &[usize], mut visit: impl FnMut(usize, usize, usize)) {
    let (inputs, outputs) = (weight[1], y[1] / groups);
    for n in 0..y[0] {
        for o in 0..y[1] {
            let group = o / outputs.max(1);
            for row in 0..y[2] {
                for column in 0..y[3] {
                    let at_y = ((n * y[1] + o) * y[2] + row) * y[3] + column;
                    for i in 0..inputs {
                        for tap_row in 0..weight[2] {
                            let Some(h) = window.element(0, row, tap_row, x[2]) else { continue };
                            for tap_column in 0..weight[3] {
                                let Some(w) = window.element(1, column, tap_column, x[3]) else { continue };
                                let at_x = ((n * x[1] + group * inputs + i) * x[2] + h) * x[3] + w;
                                let at_weight = ((o * inputs + i) * weight[2] + tap_row) * weight[3] + tap_column;
                                visit(at_x, at_weight, at_y);
                            }
                        }
                    }
                }
            }
        }
    }
}

fn work(result: &[Dim], per_element: &[Dim]) -> Option<Dim> {
    product(result).ok()?.mul(&product(per_element).ok()?).ok()?.mul(&Dim::constant(2)).ok()
}

/// Pictures, weight and window of examples that together use every attribute: (window, groups, x, weight, y).
#[allow(clippy::type_complexity)]
fn cases() -> Vec<(Window, usize, [usize; 4], [usize; 4], [usize; 4])> {
    let window = |kernel, stride, padding, dilation| Window { kernel, stride, padding, dilation };
    vec![
        (window([3, 3], [1, 1], [1, 1], [1, 1]), 1, [2, 2, 4, 5], [3, 2, 3, 3], [2, 3, 4, 5]),
        (window([3, 2], [2, 1], [0, 1], [1, 1]), 1, [1, 2, 6, 4], [2, 2, 3, 2], [1, 2, 2, 5]),
        (window([2, 3], [1, 2], [1, 2], [2, 1]), 2, [2, 4, 5, 6], [6, 2, 2, 3], [2, 6, 5, 4]),
        (window([3, 3], [2, 2], [1, 1], [1, 1]), 3, [1, 3, 5, 5], [3, 1, 3, 3], [1, 3, 3, 3]),
        (window([1, 1], [1, 1], [0, 0], [1, 1]), 1, [2, 3, 2, 2], [4, 3, 1, 1], [2, 4, 2, 2]),
        (window([3, 3], [3, 2], [0, 0], [1, 2]), 1, [1, 1, 8, 8], [1, 1, 3, 3], [1, 1, 2, 2]),
    ]
}

pub(super) static CONVOLUTION: OpSpec = OpSpec {
    infer: |op, types| convolved(op, types[0], types[1]),
    derivative: Derivative::Reverse(|graph, node, cotangent| {
        let (window, groups) = attributes(graph.op(node));
        let (x, weight) = (graph.args(node)[0], graph.args(node)[1]);
        let size = [graph.ty(x).shape[2].clone(), graph.ty(x).shape[3].clone()];
        let dx = graph.binary(Op::ConvolutionInputGradient { window, groups, size }, cotangent, weight);
        let dweight = graph.binary(Op::ConvolutionWeightGradient { window, groups }, x, cotangent);
        Ok(smallvec![Some(dx), Some(dweight)])
    }),
    evaluate: Some(|op, args, shape| {
        let (window, groups) = attributes(op);
        let mut y = vec![0.0; shape.iter().product()];
        let (x, weight): (&Tensor, &Tensor) = (args[0], args[1]);
        products(&window, groups, &x.shape, &weight.shape, shape, |at_x, at_weight, at_y| y[at_y] += x.data[at_x] * weight.data[at_weight]);
        y
    }),
    work: |_, operands, result| work(&result.shape, &operands.get(1)?.shape[1..]),
    tolerance: Tolerance::ACCUMULATION,
    examples: || {
        let case = |(window, groups, x, weight, _): (Window, usize, [usize; 4], [usize; 4], [usize; 4])| {
            example(Op::Convolution { window, groups }, [between(-1.0, 1.0, &x), between(-1.0, 1.0, &weight)])
        };
        cases().into_iter().map(case).collect()
    },
    refusals: || {
        let window = Window { kernel: [3, 3], stride: [1, 1], padding: [0, 0], dilation: [1, 1] };
        let of = |groups| Op::Convolution { window, groups };
        vec![
            refuse(of(1), &[&[1, 3, 8, 8], &[4, 2, 3, 3]], "needs a weight of 3 channels each, not 2"),
            refuse(of(1), &[&[1, 3, 2, 8], &[4, 3, 3, 3]], "does not fit into `f32[1, 3, 2, 8]`"),
            refuse(of(2), &[&[1, 4, 8, 8], &[5, 2, 3, 3]], "5 output channels do not divide into 2 groups"),
            refuse(of(1), &[&[1, 3, 8, 8], &[4, 3, 5, 5]], "not `f32[4, 3, 5, 5]`"),
            refuse(of(1), &[&[3, 8, 8], &[4, 3, 3, 3]], "four axes"),
        ]
    },
    ..OpSpec::new(
        "convolution",
        Exactly(2),
        Lowering::Window,
        "`convolution(x, weight)` slides a window of weights over the pictures `x: [n, in, h, w]`; the weight is `[out, in / groups, kh, kw]`. \
         Each group of output channels sees its own group of input channels. The size is `floor((h + 2 * padding - dilation * (kh - 1) - 1) / stride) + 1`.",
    )
};

pub(super) static CONVOLUTION_INPUT_GRADIENT: OpSpec = OpSpec {
    infer: |op, types| {
        let Op::ConvolutionInputGradient { window, groups, size } = op else { foreign(op) };
        let (dy, weight) = (types[0], types[1]);
        if dy.rank() != 4 || weight.rank() != 4 {
            return Err(OpError::new(format!("a convolution has four axes [n, c, h, w]: {}", listed(types))));
        }
        let channels = weight.shape[1].mul(&count(*groups)?)?;
        let x = TensorType::new(dy.dtype, vec![dy.shape[0].clone(), channels, size[0].clone(), size[1].clone()]);
        let y = convolved(op, &x, weight)?;
        if y != *dy {
            return Err(OpError::new(format!("a convolution of `{x}` with `{weight}` and {window:?} gives `{y}`, not `{dy}`")));
        }
        Ok(x)
    },
    derivative: Derivative::Reverse(|graph, node, cotangent| {
        let (window, groups) = attributes(graph.op(node));
        let (dy, weight) = (graph.args(node)[0], graph.args(node)[1]);
        let of_dy = graph.binary(Op::Convolution { window, groups }, cotangent, weight);
        let of_weight = graph.binary(Op::ConvolutionWeightGradient { window, groups }, cotangent, dy);
        Ok(smallvec![Some(of_dy), Some(of_weight)])
    }),
    evaluate: Some(|op, args, shape| {
        let (window, groups) = attributes(op);
        let mut x = vec![0.0; shape.iter().product()];
        let (dy, weight): (&Tensor, &Tensor) = (args[0], args[1]);
        products(&window, groups, shape, &weight.shape, &dy.shape, |at_x, at_weight, at_y| {
            x[at_x] += dy.data[at_y] * weight.data[at_weight]
        });
        x
    }),
    work: |_, operands, _| work(&operands.first()?.shape, &operands.get(1)?.shape[1..]),
    tolerance: Tolerance::ACCUMULATION,
    examples: || {
        let case = |(window, groups, x, weight, y): (Window, usize, [usize; 4], [usize; 4], [usize; 4])| {
            let size = [Dim::from(x[2]), Dim::from(x[3])];
            example(Op::ConvolutionInputGradient { window, groups, size }, [between(-1.0, 1.0, &y), between(-1.0, 1.0, &weight)])
        };
        cases().into_iter().map(case).collect()
    },
    refusals: || {
        let window = Window { kernel: [3, 3], stride: [1, 1], padding: [0, 0], dilation: [1, 1] };
        let op = Op::ConvolutionInputGradient { window, groups: 1, size: [Dim::constant(8), Dim::constant(8)] };
        vec![refuse(op, &[&[1, 4, 7, 6], &[4, 3, 3, 3]], "gives `f32[1, 4, 6, 6]`, not `f32[1, 4, 7, 6]`")]
    },
    ..OpSpec::new(
        "convolution_input_gradient",
        Exactly(2),
        Lowering::Window,
        "The gradient of a convolution with respect to its pictures: a transposed convolution.",
    )
};

pub(super) static CONVOLUTION_WEIGHT_GRADIENT: OpSpec = OpSpec {
    infer: |op, types| {
        let Op::ConvolutionWeightGradient { window, groups } = op else { foreign(op) };
        let (x, dy) = (types[0], types[1]);
        if x.rank() != 4 || dy.rank() != 4 || *groups == 0 {
            return Err(OpError::new(format!("a convolution has four axes [n, c, h, w] and at least one group: {}", listed(types))));
        }
        let channels = x.shape[1].divide(&count(*groups)?)?;
        if channels.is_whole() == Some(false) {
            return Err(OpError::new(format!("{} channels do not divide into {groups} groups", x.shape[1])));
        }
        let kernel = [count(window.kernel[0])?, count(window.kernel[1])?];
        let weight = TensorType::new(x.dtype, vec![dy.shape[1].clone(), channels, kernel[0].clone(), kernel[1].clone()]);
        let y = convolved(op, x, &weight)?;
        if y != *dy {
            return Err(OpError::new(format!("a convolution of `{x}` with `{weight}` gives `{y}`, not `{dy}`")));
        }
        Ok(weight)
    },
    derivative: Derivative::Reverse(|graph, node, cotangent| {
        let (window, groups) = attributes(graph.op(node));
        let (x, dy) = (graph.args(node)[0], graph.args(node)[1]);
        let size = [graph.ty(x).shape[2].clone(), graph.ty(x).shape[3].clone()];
        let of_x = graph.binary(Op::ConvolutionInputGradient { window, groups, size }, dy, cotangent);
        let of_dy = graph.binary(Op::Convolution { window, groups }, x, cotangent);
        Ok(smallvec![Some(of_x), Some(of_dy)])
    }),
    evaluate: Some(|op, args, shape| {
        let (window, groups) = attributes(op);
        let mut weight = vec![0.0; shape.iter().product()];
        let (x, dy): (&Tensor, &Tensor) = (args[0], args[1]);
        products(&window, groups, &x.shape, shape, &dy.shape, |at_x, at_weight, at_y| weight[at_weight] += x.data[at_x] * dy.data[at_y]);
        weight
    }),
    work: |_, operands, result| work(&operands.get(1)?.shape, &result.shape[1..]),
    tolerance: Tolerance::ACCUMULATION,
    examples: || {
        let case = |(window, groups, x, _, y): (Window, usize, [usize; 4], [usize; 4], [usize; 4])| {
            example(Op::ConvolutionWeightGradient { window, groups }, [between(-1.0, 1.0, &x), between(-1.0, 1.0, &y)])
        };
        cases().into_iter().map(case).collect()
    },
    refusals: || {
        let window = Window { kernel: [3, 3], stride: [1, 1], padding: [0, 0], dilation: [1, 1] };
        let op = |groups| Op::ConvolutionWeightGradient { window, groups };
        vec![
            refuse(op(1), &[&[1, 3, 8, 8], &[1, 4, 7, 6]], "gives `f32[1, 4, 6, 6]`, not `f32[1, 4, 7, 6]`"),
            refuse(op(2), &[&[1, 3, 8, 8], &[1, 4, 6, 6]], "3 channels do not divide into 2 groups"),
        ]
    },
    ..OpSpec::new("convolution_weight_gradient", Exactly(2), Lowering::Window, "The gradient of a convolution with respect to its weight.")
};
