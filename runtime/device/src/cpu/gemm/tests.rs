//! Matrix products against sums in float64, for many sizes, layouts and epilogues, on every instruction set.

use super::*;
use crate::cpu::instruction_set::InstructionSet;
use crate::cpu::workers::Workers;

/// A small deterministic generator (xorshift64*).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
    fn below(&mut self, end: usize) -> usize {
        ((self.next() >> 33) as usize) % end
    }
    fn float(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1 << 23) as f32 - 1.0
    }
    fn floats(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.float()).collect()
    }
}

#[derive(Copy, Clone, Debug)]
struct Case {
    m: usize,
    n: usize,
    k: usize,
    transpose_a: bool,
    transpose_b: bool,
    /// Floats between the end of a row and the next row, in A, B and C.
    gap: usize,
}

#[derive(Copy, Clone, Debug, Default)]
struct Options {
    scale: Option<f32>,
    accumulate: bool,
    bias_columns: bool,
    bias_rows: bool,
    relu: bool,
    gate: bool,
}

/// Runs the case for 1, 2 and 3 threads, asserts that all bits agree, and checks against float64.
fn check(set: InstructionSet, case: Case, options: Options, seed: u64) {
    let Case { m, n, k, gap, .. } = case;
    let mut numbers = Numbers(seed | 1);
    let layout = |rows: usize, columns: usize, transposed: bool| {
        if transposed {
            (Strides::column_major(rows + gap), (rows + gap) * columns)
        } else {
            (Strides::row_major(columns + gap), (columns + gap) * rows)
        }
    };
    let (a_strides, a_length) = layout(m, k, case.transpose_a);
    let (b_strides, b_length) = layout(k, n, case.transpose_b);
    let (a, b) = (numbers.floats(a_length), numbers.floats(b_length));
    let c_row = n + gap;
    let before = numbers.floats(m * c_row);
    let (columns, rows, gate) = (numbers.floats(n), numbers.floats(m), numbers.floats(m * c_row));
    let epilogue = Epilogue {
        scale: options.scale.unwrap_or(1.0),
        accumulate: options.accumulate,
        bias: match options {
            Options { bias_columns: true, .. } => Bias::Columns(columns.as_ptr()),
            Options { bias_rows: true, .. } => Bias::Rows(rows.as_ptr()),
            _ => Bias::None,
        },
        relu: options.relu,
        gate: options.gate.then_some(Gate { values: gate.as_ptr(), row_stride: c_row }),
    };
    let plan = GemmPlan::for_instruction_set(set, m, n, k, a_strides, b_strides, c_row);
    let mut results = Vec::new();
    for threads in [1, 2, 3] {
        let workers = Workers::new(threads);
        let mut c = before.clone();
        let length = plan.workspace_floats(threads);
        let mut workspace = vec![f32::NAN; length + 8];
        // SAFETY: every buffer was made for this plan.
        unsafe { plan.run(a.as_ptr(), b.as_ptr(), c.as_mut_ptr(), &epilogue, workspace.as_mut_ptr(), &workers) };
        assert!(workspace[length..].iter().all(|x| x.is_nan()), "{case:?} writes past its workspace");
        results.push(c);
    }
    let bits = |c: &[f32]| c.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    assert!(
        bits(&results[0]) == bits(&results[1]) && bits(&results[0]) == bits(&results[2]),
        "{set:?} {case:?}: threads change the result"
    );
    for i in 0..m {
        for j in 0..c_row {
            let got = results[0][i * c_row + j];
            if j >= n {
                assert_eq!(got.to_bits(), before[i * c_row + j].to_bits(), "{set:?} {case:?} writes between rows");
                continue;
            }
            let (mut sum, mut magnitude) = (0.0f64, 0.0f64);
            for p in 0..k {
                let x = a[i * a_strides.row as usize + p * a_strides.column as usize] as f64;
                let y = b[p * b_strides.row as usize + j * b_strides.column as usize] as f64;
                sum += x * y;
                magnitude += (x * y).abs();
            }
            let scale = epilogue.scale as f64;
            sum *= scale;
            magnitude = magnitude * scale.abs() + 2.0;
            if options.accumulate {
                sum += before[i * c_row + j] as f64;
            }
            if options.bias_columns {
                sum += columns[j] as f64;
            } else if options.bias_rows {
                sum += rows[i] as f64;
            }
            if options.relu {
                sum = sum.max(0.0);
            }
            if options.gate && gate[i * c_row + j] <= 0.0 {
                sum = 0.0;
                assert_eq!(got, 0.0);
            }
            let bound = magnitude * (k + 8) as f64 * f32::EPSILON as f64;
            assert!((got as f64 - sum).abs() <= bound, "{set:?} {case:?} {options:?} at ({i}, {j}): {got} for {sum}");
        }
    }
}

#[test]
fn random_sizes_and_layouts() {
    let mut numbers = Numbers(7);
    for &set in InstructionSet::available() {
        for round in 0..120 {
            let size = |numbers: &mut Numbers| if numbers.below(4) == 0 { numbers.below(3) } else { numbers.below(70) };
            let case = Case {
                m: size(&mut numbers),
                n: size(&mut numbers),
                k: size(&mut numbers),
                transpose_a: numbers.below(2) == 0,
                transpose_b: numbers.below(2) == 0,
                gap: numbers.below(3),
            };
            let options = Options {
                scale: (numbers.below(3) == 0).then_some(-0.5),
                accumulate: numbers.below(3) == 0,
                bias_columns: numbers.below(3) == 0,
                bias_rows: numbers.below(3) == 0,
                relu: numbers.below(3) == 0,
                gate: numbers.below(4) == 0,
            };
            check(set, case, options, round + 1);
        }
    }
}

#[test]
fn sizes_beyond_one_block_run_in_parallel() {
    let all = Options { scale: Some(0.5), accumulate: true, bias_columns: true, bias_rows: false, relu: true, gate: true };
    for &set in InstructionSet::available() {
        for (m, n, k) in [(65, 130, 401), (257, 33, 256), (31, 10, 5000), (20, 300, 256), (10, 64, 2048), (3, 2100, 200)] {
            let transposed = m % 2 == 0;
            check(set, Case { m, n, k, transpose_a: transposed, transpose_b: !transposed, gap: 0 }, Options::default(), 3);
            check(set, Case { m, n, k, transpose_a: !transposed, transpose_b: transposed, gap: 1 }, all, 4);
        }
    }
}

#[test]
fn an_empty_sum_is_the_epilogue_of_zero() {
    let options = Options { bias_columns: true, ..Options::default() };
    for &set in InstructionSet::available() {
        for (m, n) in [(1, 1), (5, 40), (0, 3), (3, 0)] {
            check(set, Case { m, n, k: 0, transpose_a: false, transpose_b: false, gap: 0 }, options, 9);
        }
    }
}

#[test]
fn not_a_number_passes_relu() {
    let plan = GemmPlan::new(1, 20, 1, Strides::row_major(1), Strides::row_major(20), 20);
    let mut c = [0.0f32; 20];
    let mut workspace = vec![0.0; plan.workspace_floats(1)];
    let epilogue = Epilogue { relu: true, ..Epilogue::NONE };
    // SAFETY: every buffer was made for this plan.
    unsafe { plan.run([f32::NAN].as_ptr(), [1.0; 20].as_ptr(), c.as_mut_ptr(), &epilogue, workspace.as_mut_ptr(), &Workers::new(1)) };
    assert!(c.iter().all(|x| x.is_nan()));
}

#[test]
#[should_panic(expected = "A is too short")]
fn short_slices_are_refused() {
    let plan = GemmPlan::new(2, 2, 2, Strides::row_major(2), Strides::row_major(2), 2);
    plan.run_on_slices(&[0.0; 3], &[0.0; 4], &mut [0.0; 4], &mut vec![0.0; plan.workspace_floats(1)], &Workers::new(1));
}
