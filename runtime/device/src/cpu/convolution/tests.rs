//! The three directions against their definition in float64, for many sizes, on every instruction set.

use super::*;
use crate::cpu::workers::Workers;

fn floats(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..count)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1 << 23) as f32 - 1.0
        })
        .collect()
}

/// Calls `each(input index, weight index, output index)` for every product of the convolution.
fn products(shape: &ConvolutionShape, mut each: impl FnMut(usize, usize, usize)) {
    let [height, width] = shape.output();
    let (inputs, outputs) = (shape.input_channels / shape.groups, shape.output_channels / shape.groups);
    for image in 0..shape.batch {
        for out in 0..shape.output_channels {
            for (row, column) in (0..height).flat_map(|row| (0..width).map(move |column| (row, column))) {
                for channel in 0..inputs {
                    for (y, x) in (0..shape.kernel[0]).flat_map(|y| (0..shape.kernel[1]).map(move |x| (y, x))) {
                        let at_y = (row * shape.stride[0] + y * shape.dilation[0]).wrapping_sub(shape.padding[0]);
                        let at_x = (column * shape.stride[1] + x * shape.dilation[1]).wrapping_sub(shape.padding[1]);
                        if at_y < shape.input[0] && at_x < shape.input[1] {
                            let source = image * shape.input_channels + out / outputs * inputs + channel;
                            each(
                                (source * shape.input[0] + at_y) * shape.input[1] + at_x,
                                ((out * inputs + channel) * shape.kernel[0] + y) * shape.kernel[1] + x,
                                ((image * shape.output_channels + out) * height + row) * width + column,
                            );
                        }
                    }
                }
            }
        }
    }
}

/// Runs a plan for 1, 2 and 3 threads; the bits must agree.
fn run(plan: &ConvolutionPlan, first: &[f32], second: &[f32], count: usize, epilogue: ConvolutionEpilogue) -> Vec<f32> {
    let mut results: Vec<Vec<f32>> = Vec::new();
    for threads in [1, 2, 3] {
        let length = plan.workspace_floats(threads);
        let mut workspace = vec![f32::NAN; length + 32];
        let mut result = vec![f32::NAN; count + 32];
        let workers = Workers::new(threads);
        // SAFETY: every buffer was made for this plan.
        unsafe { plan.run(first.as_ptr(), second.as_ptr(), result.as_mut_ptr(), &epilogue, workspace.as_mut_ptr(), &workers) };
        assert!(workspace[length..].iter().all(|x| x.is_nan()), "writes past the workspace: {:?}", plan.shape());
        assert!(result[count..].iter().all(|x| x.is_nan()), "writes past the result: {:?}", plan.shape());
        result.truncate(count);
        results.push(result);
    }
    let bits = |result: &[f32]| result.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    assert!(bits(&results[0]) == bits(&results[1]) && bits(&results[0]) == bits(&results[2]), "threads matter: {:?}", plan.shape());
    results.swap_remove(0)
}

fn assert_close(what: &str, shape: &ConvolutionShape, got: &[f32], expected: &[f64], magnitude: &[f64]) {
    for (index, ((got, expected), magnitude)) in got.iter().zip(expected).zip(magnitude).enumerate() {
        let bound = (magnitude + 1.0) * 1e-5;
        assert!((*got as f64 - expected).abs() <= bound, "{what} at {index}: {got} for {expected}, {shape:?}");
    }
}

fn check(shape: ConvolutionShape, set: InstructionSet) {
    let [inputs, weights, outputs] = shape.floats();
    let (x, w, dy, bias) = (floats(inputs, 1), floats(weights, 2), floats(outputs, 3), floats(shape.output_channels, 4));
    let plane = (shape.output()[0] * shape.output()[1]).max(1);
    let (mut y, mut dx, mut dw) = (vec![0.0; outputs], vec![0.0; inputs], vec![0.0; weights]);
    let (mut y_size, mut dx_size, mut dw_size) = (y.clone(), dx.clone(), dw.clone());
    products(&shape, |input, weight, output| {
        let (a, b, c) = (x[input] as f64, w[weight] as f64, dy[output] as f64);
        y[output] += a * b;
        dx[input] += b * c;
        dw[weight] += a * c;
        y_size[output] += (a * b).abs();
        dx_size[input] += (b * c).abs();
        dw_size[weight] += (a * c).abs();
    });
    let none = ConvolutionEpilogue::default();
    assert_close("output", &shape, &run(&ConvolutionPlan::forward(shape, set), &x, &w, outputs, none), &y, &y_size);
    let both = ConvolutionEpilogue { bias: Some(bias.as_ptr()), relu: true };
    let finished: Vec<f64> =
        y.iter().enumerate().map(|(index, y)| (y + bias[index / plane % shape.output_channels] as f64).max(0.0)).collect();
    assert_close("bias and relu", &shape, &run(&ConvolutionPlan::forward(shape, set), &x, &w, outputs, both), &finished, &y_size);
    assert_close("input gradient", &shape, &run(&ConvolutionPlan::input_gradient(shape, set), &dy, &w, inputs, none), &dx, &dx_size);
    assert_close("weight gradient", &shape, &run(&ConvolutionPlan::weight_gradient(shape, set), &x, &dy, weights, none), &dw, &dw_size);
}

#[test]
fn every_combination_of_window_and_groups() {
    for &set in InstructionSet::available() {
        for kernel in [[1, 1], [3, 3], [2, 4], [5, 1]] {
            for (stride, padding, dilation) in [
                ([1, 1], [0, 0], [1, 1]),
                ([1, 1], [1, 1], [1, 1]),
                ([2, 2], [1, 1], [1, 1]),
                ([1, 2], [0, 2], [2, 1]),
                ([3, 2], [2, 1], [1, 2]),
                ([2, 3], [6, 5], [2, 2]),
            ] {
                for (input_channels, output_channels, groups) in [(1, 5, 1), (3, 4, 1), (4, 6, 2), (3, 3, 3), (2, 4, 2)] {
                    let base = ConvolutionShape {
                        batch: 2,
                        input_channels,
                        input: [9, 11],
                        output_channels,
                        kernel,
                        stride,
                        padding,
                        dilation,
                        groups,
                    };
                    check(base, set);
                }
            }
        }
    }
}

#[test]
fn sizes_of_real_networks() {
    let square = |batch, input_channels, output_channels, size, stride, kernel: usize| ConvolutionShape {
        batch,
        input_channels,
        input: [size, size],
        output_channels,
        kernel: [kernel, kernel],
        stride: [stride, stride],
        padding: [kernel / 2, kernel / 2],
        dilation: [1, 1],
        groups: 1,
    };
    for &set in InstructionSet::available() {
        check(square(3, 1, 8, 8, 1, 3), set);
        check(square(19, 8, 16, 8, 1, 3), set);
        check(square(2, 16, 32, 16, 2, 3), set);
        check(square(1, 17, 40, 32, 1, 3), set);
        check(square(1, 130, 3, 7, 1, 3), set);
        check(square(2, 16, 32, 4, 2, 1), set);
        check(ConvolutionShape { groups: 16, ..square(2, 16, 16, 33, 1, 3) }, set);
        check(ConvolutionShape { groups: 16, ..square(1, 16, 16, 20, 2, 3) }, set);
    }
}

#[test]
fn nothing_to_compute() {
    let shape = ConvolutionShape {
        batch: 2,
        input_channels: 2,
        input: [2, 2],
        output_channels: 3,
        kernel: [4, 4],
        stride: [1, 1],
        padding: [0, 0],
        dilation: [1, 1],
        groups: 1,
    };
    assert_eq!(shape.output(), [0, 0]);
    check(shape, InstructionSet::detect());
    check(ConvolutionShape { batch: 0, padding: [2, 2], ..shape }, InstructionSet::detect());
}
