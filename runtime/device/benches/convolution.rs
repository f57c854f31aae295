//! Measures the three directions of convolutions against the matrix product of the same size, in one process.
//!
//! `cargo bench -p esper-device --bench convolution -- [avx2] [THREADS]`

use esper_device::cpu::convolution::{ConvolutionEpilogue, ConvolutionPlan, ConvolutionShape};
use esper_device::cpu::gemm::{GemmPlan, Strides};
use esper_device::cpu::instruction_set::InstructionSet;
use esper_device::cpu::workers::Workers;
use std::time::Instant;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let set = if arguments.iter().any(|argument| argument == "avx2") { InstructionSet::Avx2 } else { InstructionSet::detect() };
    let threads = arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(1);
    let workers = Workers::new(threads);
    println!("{set:?}, {threads} threads, 3×3, GF/s; gemm: the output as one plain product of that size");
    println!(
        "{:>5} {:>4} {:>4} {:>4} {:>6}  {:>8} {:>8} {:>8} {:>8}",
        "batch", "ci", "co", "size", "stride", "output", "d input", "d weight", "gemm"
    );
    for (batch, input_channels, output_channels, size, stride) in [
        (64, 1, 8, 8, 1),
        (64, 8, 16, 8, 1),
        (64, 16, 32, 8, 1),
        (128, 3, 16, 32, 1),
        (128, 16, 16, 32, 1),
        (128, 16, 32, 32, 2),
        (128, 32, 32, 16, 1),
        (128, 64, 64, 8, 1),
    ] {
        let shape = ConvolutionShape {
            batch,
            input_channels,
            input: [size, size],
            output_channels,
            kernel: [3, 3],
            stride: [stride, stride],
            padding: [1, 1],
            dilation: [1, 1],
            groups: 1,
        };
        let [x, w, y] = shape.floats().map(|count| (0..count).map(|i| (i % 11) as f32 - 5.0).collect::<Vec<f32>>());
        let steps = input_channels * 9;
        let windows = y.len() / output_channels;
        let flops = 2.0 * (y.len() * steps) as f64;
        let rates = [
            (ConvolutionPlan::forward(shape, set), &x, &w, y.len()),
            (ConvolutionPlan::input_gradient(shape, set), &y, &w, x.len()),
            (ConvolutionPlan::weight_gradient(shape, set), &x, &y, w.len()),
        ]
        .map(|(plan, first, second, count)| {
            let mut result = vec![0.0f32; count];
            let mut workspace = vec![0.0f32; plan.workspace_floats(threads)];
            let none = ConvolutionEpilogue::default();
            // SAFETY: every buffer has the size that the plan's shape gives.
            let run = || unsafe {
                plan.run(first.as_ptr(), second.as_ptr(), result.as_mut_ptr(), &none, workspace.as_mut_ptr(), &workers);
            };
            flops / fastest(run) / 1e9
        });
        let (a, b) = (vec![1.0f32; output_channels * steps], vec![1.0f32; steps * windows]);
        let mut c = vec![0.0f32; output_channels * windows];
        let plan = GemmPlan::for_instruction_set(
            set,
            output_channels,
            windows,
            steps,
            Strides::row_major(steps),
            Strides::row_major(windows),
            windows,
        );
        let mut workspace = vec![0.0f32; plan.workspace_floats(threads)];
        let product = flops / fastest(|| plan.run_on_slices(&a, &b, &mut c, &mut workspace, &workers)) / 1e9;
        let [output, input, weight] = rates;
        println!(
            "{batch:>5} {input_channels:>4} {output_channels:>4} {size:>4} {stride:>6}  {output:>8.1} {input:>8.1} {weight:>8.1} {product:>8.1}"
        );
    }
}

/// Seconds of the fastest of several runs.
fn fastest(mut run: impl FnMut()) -> f64 {
    run();
    let mut best = f64::INFINITY;
    let start = Instant::now();
    while start.elapsed().as_secs_f64() < 0.2 {
        let start = Instant::now();
        run();
        best = best.min(start.elapsed().as_secs_f64());
    }
    best
}
