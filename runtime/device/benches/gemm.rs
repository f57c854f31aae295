//! Compares the matrix products with the crate `gemm` in one process: the ratio of their times, above 1 is faster.
//!
//! `cargo bench -p esper-device --bench gemm -- [avx2] [THREADS]`

use esper_device::cpu::gemm::{GemmPlan, Strides};
use esper_device::cpu::instruction_set::InstructionSet;
use esper_device::cpu::workers::Workers;
use std::time::Instant;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let set = if arguments.iter().any(|argument| argument == "avx2") { InstructionSet::Avx2 } else { InstructionSet::detect() };
    let threads = arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(1);
    let workers = Workers::new(threads);
    println!("{set:?}, {threads} threads: ratio = time of gemm 0.19 / own time");
    println!("{:>5} {:>5} {:>5}  layout  {:>9} {:>9}  ratio", "m", "n", "k", "own GF/s", "gemm GF/s");
    let (mut worst, mut product, mut count) = (f64::INFINITY, 0.0, 0);
    for m in [64, 256, 2048] {
        for k in [64, 128, 784, 1024] {
            for n in [10, 64, 128, 1024] {
                for layout in ["NN", "NT", "TN"] {
                    let (own, other) = measure(set, &workers, m, n, k, layout);
                    let flops = 2.0 * (m * n * k) as f64;
                    let ratio = other / own;
                    println!("{m:>5} {n:>5} {k:>5}  {layout}      {:>9.1} {:>9.1}  {ratio:.2}", flops / own / 1e9, flops / other / 1e9);
                    worst = ratio.min(worst);
                    product += ratio.ln();
                    count += 1;
                }
            }
        }
    }
    println!("worst ratio {worst:.2}, geometric mean {:.2}", (product / count as f64).exp());
}

/// Seconds of one product, own and of the crate: the best of interleaved rounds.
fn measure(set: InstructionSet, workers: &Workers, m: usize, n: usize, k: usize, layout: &str) -> (f64, f64) {
    let (a_strides, b_strides) = match layout {
        "NN" => (Strides::row_major(k), Strides::row_major(n)),
        "NT" => (Strides::row_major(k), Strides::column_major(k)),
        _ => (Strides::column_major(m), Strides::row_major(n)),
    };
    let a: Vec<f32> = (0..m * k).map(|i| (i % 13) as f32 - 6.0).collect();
    let b: Vec<f32> = (0..k * n).map(|i| (i % 7) as f32 - 3.0).collect();
    let mut c = vec![0.0f32; m * n];
    let mut other_c = vec![0.0f32; m * n];
    let plan = GemmPlan::for_instruction_set(set, m, n, k, a_strides, b_strides, n);
    let mut workspace = vec![0.0f32; plan.workspace_floats(workers.threads())];
    let repeats = (20_000_000 / (m * n * k)).clamp(1, 1000);
    let (mut own, mut other) = (f64::INFINITY, f64::INFINITY);
    let parallelism = if workers.threads() > 1 { gemm::Parallelism::Rayon(workers.threads()) } else { gemm::Parallelism::None };
    for _ in 0..7 {
        let start = Instant::now();
        for _ in 0..repeats {
            plan.run_on_slices(&a, &b, &mut c, &mut workspace, workers);
        }
        own = own.min(start.elapsed().as_secs_f64() / repeats as f64);
        let start = Instant::now();
        for _ in 0..repeats {
            // SAFETY: the buffers have the sizes and strides that are passed.
            unsafe {
                gemm::gemm(
                    m,
                    n,
                    k,
                    other_c.as_mut_ptr(),
                    1,
                    n as isize,
                    false,
                    a.as_ptr(),
                    a_strides.column,
                    a_strides.row,
                    b.as_ptr(),
                    b_strides.column,
                    b_strides.row,
                    0.0,
                    1.0,
                    false,
                    false,
                    false,
                    parallelism,
                )
            };
        }
        other = other.min(start.elapsed().as_secs_f64() / repeats as f64);
    }
    assert!(c.iter().zip(&other_c).all(|(x, y)| (x - y).abs() <= 1e-3 * k as f32), "{m} × {n} × {k} {layout}: results differ");
    (own, other)
}
