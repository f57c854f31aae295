//! The orders of reductions, bit for bit, in every way that a loop can be laid into lanes.
use crate::harness::{Numbers, apply, check, inner, kernel, load, row, run, stage, store, strided};
use esper_codegen::{Combine, Instruction, Kernel, Order, Reduction, Register, Stage, Value, VectorAxis};
use esper_ir::{DType, Prim};

fn reduction(value: u32, combine: Combine, order: Order, into: u32) -> Reduction {
    let dtype = if combine == Combine::ArgMax { DType::I32 } else { DType::F32 };
    Reduction { value: Value(value), combine, order, dtype, into: Register(into) }
}

/// A stage that stores a register as f32.
fn give(register: u32, from: DType, buffer: usize) -> Stage {
    let mut give = stage(&[], vec![Instruction::Register(Register(register))]);
    give.dtypes[0] = from;
    if from != DType::F32 {
        give.instructions.push(Instruction::Cast { value: Value(0), from, to: DType::F32 });
        give.dtypes.push(DType::F32);
    }
    give.stores = vec![store(buffer, row(0), give.instructions.len() as u32 - 1)];
    give
}

/// One reduction of `rows` rows over `extents`; the array is [rows, extents…] or its transpose.
fn reduce(rows: usize, extents: &[usize], combine: Combine, order: Order, vector: VectorAxis, transposed: bool) -> Kernel {
    let positions: usize = extents.iter().product();
    let mut stride = 1;
    let mut terms = vec![];
    for (axis, &extent) in extents.iter().enumerate().rev() {
        terms.push((inner(axis), if transposed { (stride * rows) as i64 } else { stride as i64 }));
        stride *= extent;
    }
    terms.push((row(0), if transposed { 1 } else { positions as i64 }));
    let mut sum = stage(extents, vec![load(0, strided(&terms))]);
    sum.reductions = vec![reduction(0, combine, order, 0)];
    let dtype = if combine == Combine::ArgMax { DType::I32 } else { DType::F32 };
    let mut kernel = kernel(&[rows], &[rows * positions, rows], vec![sum, give(0, dtype, 1)], 1, vector);
    kernel.registers = vec![dtype];
    kernel
}

#[test]
fn every_order_layout_and_length_gives_the_defined_bits() {
    let mut numbers = Numbers(21);
    for extents in [
        vec![1],
        vec![3],
        vec![10],
        vec![16],
        vec![17],
        vec![47],
        vec![64],
        vec![100],
        vec![256],
        vec![5, 7],
        vec![3, 12],
        vec![2, 3, 16],
        vec![4, 1, 20],
    ] {
        for rows in [1, 3, 4, 23, 40] {
            for order in [Order::Sequential, Order::Lanes16] {
                for combine in [Combine::Sum, Combine::Max, Combine::ArgMax] {
                    for (vector, transposed) in
                        [(VectorAxis::Inner, false), (VectorAxis::Rows, true), (VectorAxis::Rows, false), (VectorAxis::Inner, true)]
                    {
                        if rows > 4 && extents.len() > 1 && combine != Combine::Sum {
                            continue;
                        }
                        let kernel = reduce(rows, &extents, combine, order, vector, transposed);
                        let data = numbers.data(kernel.buffers[0].elements);
                        check(&kernel, &[data, vec![0.0; rows]], 0);
                    }
                }
            }
        }
    }
}

#[test]
fn axes_that_do_not_fuse_keep_the_order() {
    // Statistics of a channel over [b, h·w] of an array [b, c, h·w]: positions that are multiples of 16, of 4, and neither.
    let mut numbers = Numbers(22);
    for pixels in [16, 32, 20, 49] {
        for vector in [VectorAxis::Inner, VectorAxis::Rows] {
            let (images, channels) = (3usize, 5usize);
            let index = strided(&[(inner(0), (channels * pixels) as i64), (row(0), pixels as i64), (inner(1), 1)]);
            let mut sums = stage(&[images, pixels], vec![load(0, index), apply(Prim::Mul, &[0, 0])]);
            sums.reductions = vec![reduction(0, Combine::Sum, Order::Lanes16, 0), reduction(1, Combine::Sum, Order::Sequential, 1)];
            let mut both =
                stage(&[], vec![Instruction::Register(Register(0)), Instruction::Register(Register(1)), apply(Prim::Sub, &[0, 1])]);
            both.stores = vec![store(1, row(0), 2)];
            let kernel = kernel(&[channels], &[images * channels * pixels, channels], vec![sums, both], 2, vector);
            check(&kernel, &[numbers.data(images * channels * pixels), vec![0.0; channels]], 0);
        }
    }
}

#[test]
fn nan_wins_a_maximum_and_the_first_of_equals_an_argmax() {
    for vector in [VectorAxis::Inner, VectorAxis::Rows] {
        for order in [Order::Sequential, Order::Lanes16] {
            for place in 0..10 {
                let mut data = vec![1.0, 5.0, 5.0, -1.0, 5.0, 0.0, 5.0, 2.0, 5.0, 5.0].repeat(5);
                data[20 + place] = f64::NAN;
                data[30..40].fill(f64::NEG_INFINITY);
                for combine in [Combine::Max, Combine::ArgMax] {
                    let kernel = reduce(5, &[10], combine, order, vector, false);
                    check(&kernel, &[data.clone(), vec![0.0; 5]], 0);
                }
                let kernel = reduce(5, &[10], Combine::ArgMax, order, vector, false);
                let result = &run(&kernel, &[data.clone(), vec![0.0; 5]], 1)[1];
                assert_eq!(*result, vec![1.0, 1.0, place as f64, 0.0, 1.0]);
            }
        }
    }
}

/// Softmax of rows: maximum, sum of exponentials, quotients.
pub fn softmax(rows: usize, columns: usize, vector: VectorAxis) -> Kernel {
    let x = || load(0, strided(&[(row(0), columns as i64), (inner(0), 1)]));
    let mut largest = stage(&[columns], vec![x()]);
    largest.reductions = vec![reduction(0, Combine::Max, Order::Lanes16, 0)];
    let shifted = || vec![x(), Instruction::Register(Register(0)), apply(Prim::Sub, &[0, 1]), apply(Prim::Exp, &[2])];
    let mut sum = stage(&[columns], shifted());
    sum.reductions = vec![reduction(3, Combine::Sum, Order::Lanes16, 1)];
    let mut quotients = shifted();
    quotients.extend([Instruction::Register(Register(1)), apply(Prim::Div, &[3, 4])]);
    let mut last = stage(&[columns], quotients);
    last.stores = vec![store(1, strided(&[(row(0), columns as i64), (inner(0), 1)]), 5)];
    kernel(&[rows], &[rows * columns, rows * columns], vec![largest, sum, last], 2, vector)
}

#[test]
fn softmax_is_the_same_in_either_layout_and_for_any_number_of_threads() {
    let mut numbers = Numbers(23);
    for columns in [1, 10, 33, 1000] {
        let data = numbers.data(700 * columns);
        let result = |vector, threads| run(&softmax(700, columns, vector), &[data.clone(), vec![0.0; 700 * columns]], threads);
        let first = result(VectorAxis::Inner, 1);
        for threads in [1, 2, 3] {
            assert!(first == result(VectorAxis::Inner, threads) && first == result(VectorAxis::Rows, threads));
        }
        check(&softmax(23, columns, VectorAxis::Inner), &[data[..23 * columns].to_vec(), vec![0.0; 23 * columns]], 8);
    }
}
