//! Every primitive on one lane, four lanes and tails, against f64.
use crate::harness::{Numbers, apply, kernel, load, row, run, stage, store, ulps};
use crate::oracle::{self, Data};
use esper_codegen::{Instruction, Value, VectorAxis};
use esper_ir::{DType, Prim};

/// Applies a primitive to columns of arguments; 4·n + 3 elements, so that vectors and a tail run.
fn apply_all(prim: Prim, arguments: &[Data]) -> Data {
    let n = arguments[0].len();
    let mut instructions: Vec<Instruction> = (0..arguments.len()).map(|a| load(a, row(0))).collect();
    let operands: Vec<u32> = (0..arguments.len() as u32).collect();
    let mut body = stage(&[], vec![]);
    instructions.push(apply(prim, &operands));
    let result = operands.len() as u32;
    let gives_bool = matches!(prim, Prim::Equal | Prim::NotEqual | Prim::Less | Prim::LessEqual | Prim::And | Prim::Or | Prim::Not);
    body.dtypes = vec![DType::F32; instructions.len()];
    let stored = if gives_bool {
        body.dtypes[result as usize] = DType::Bool;
        instructions.push(Instruction::Cast { value: Value(result), from: DType::Bool, to: DType::F32 });
        body.dtypes.push(DType::F32);
        result + 1
    } else {
        result
    };
    body.instructions = instructions;
    body.stores = vec![store(arguments.len(), row(0), stored)];
    let kernel = kernel(&[n], &vec![n; arguments.len() + 1], vec![body], 0, VectorAxis::Rows);
    let mut buffers = arguments.to_vec();
    buffers.push(vec![0.0; n]);
    let together = run(&kernel, &buffers, 1).pop().expect("a result");
    // Every element again alone, in the scalar tail: the same bits.
    for shift in 1..4 {
        let shifted: Vec<Data> = buffers.iter().map(|b| b[shift..].to_vec()).collect();
        let n = shifted[0].len();
        let mut shorter = kernel.clone();
        shorter.rows = vec![n];
        shorter.buffers.iter_mut().for_each(|b| b.elements = n);
        let apart = run(&shorter, &shifted, 1).pop().expect("a result");
        for (at, (a, b)) in together[shift..].iter().zip(&apart).enumerate() {
            assert_eq!(
                (*a as f32).to_bits(),
                (*b as f32).to_bits(),
                "{prim:?} of {:?} moved by {shift}",
                arguments.iter().map(|x| x[at + shift]).collect::<Vec<_>>()
            );
        }
    }
    together
}

fn worst(prim: Prim, arguments: &[Data]) -> (u64, Vec<f64>, f64) {
    let actual = apply_all(prim, arguments);
    let mut worst = (0, vec![], 0.0);
    for (at, &a) in actual.iter().enumerate() {
        let operands: Vec<f64> = arguments.iter().map(|x| x[at]).collect();
        let distance = ulps(a, oracle::apply(prim, &operands, DType::F32));
        if distance > worst.0 {
            worst = (distance, operands, a);
        }
    }
    worst
}

const SPECIAL: [f64; 17] =
    [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -2.5, 1e-30, -1e-30, 1e30, -1e30, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 88.5, -87.0, 1.4e-45];

fn one(low: f64, high: f64) -> Data {
    let mut numbers = Numbers(7);
    let mut data: Data = (0..4000).map(|_| numbers.between(low, high)).collect();
    data.extend(SPECIAL.iter().map(|&v| f64::from(v as f32)));
    data.extend([0.25, 0.75]);
    data
}

fn two(low: f64, high: f64) -> [Data; 2] {
    let mut numbers = Numbers(11);
    let mut a: Data = (0..2000).map(|_| numbers.between(low, high)).collect();
    let mut b: Data = (0..2000).map(|_| numbers.between(low, high)).collect();
    for x in SPECIAL {
        for y in SPECIAL {
            a.push(f64::from(x as f32));
            b.push(f64::from(y as f32));
        }
    }
    [a, b]
}

#[track_caller]
fn within(prim: Prim, arguments: &[Data], tolerance: u64) {
    let (distance, operands, actual) = worst(prim, arguments);
    println!("{prim:?}: at most {distance} ulp");
    let expected = if operands.is_empty() { 0.0 } else { oracle::apply(prim, &operands, DType::F32) };
    assert!(distance <= tolerance, "{prim:?} of {operands:?} is {actual:e}, not {expected:e}: {distance} ulp");
}

#[test]
fn what_is_rounded_once_is_exact() {
    for prim in
        [Prim::Neg, Prim::Sqrt, Prim::Rsqrt, Prim::Reciprocal, Prim::Abs, Prim::Sign, Prim::Floor, Prim::Ceil, Prim::Round, Prim::Not]
    {
        within(prim, &[one(-100.0, 100.0)], 0);
    }
    for prim in [
        Prim::Add,
        Prim::Sub,
        Prim::Mul,
        Prim::Div,
        Prim::Maximum,
        Prim::Minimum,
        Prim::Equal,
        Prim::NotEqual,
        Prim::Less,
        Prim::LessEqual,
        Prim::And,
        Prim::Or,
    ] {
        within(prim, &two(-10.0, 10.0), 0);
    }
}

#[test]
fn selection_takes_what_the_condition_says() {
    let [a, b] = two(-10.0, 10.0);
    let mut numbers = Numbers(3);
    let condition: Data = (0..a.len()).map(|_| numbers.below(2) as f64).collect();
    within(Prim::Select, &[condition, a, b], 0);
}

#[test]
fn exponentials_and_logarithms() {
    within(Prim::Exp, &[one(-104.0, 89.0)], 2);
    within(Prim::Exp, &[one(-1.0, 1.0)], 2);
    within(Prim::Log, &[one(0.0, 10.0)], 2);
    within(Prim::Log, &[one(0.0, 1e30)], 2);
    within(Prim::Log, &[one(0.9, 1.1)], 2);
}

#[test]
fn trigonometry() {
    // Near multiples of pi the result is small: an absolute bound there.
    for (prim, range) in [(Prim::Sin, 3.0), (Prim::Cos, 1.5), (Prim::Sin, 1e4), (Prim::Cos, 1e4)] {
        let x: Data = one(-range, range).into_iter().filter(|v| v.abs() < 1e5 || !v.is_finite()).collect();
        let actual = apply_all(prim, &[x.clone()]);
        for (x, a) in x.iter().zip(actual) {
            let expected = oracle::apply(prim, &[*x], DType::F32);
            let close = (a - expected).abs() <= 1.2e-7 || a.is_nan() && expected.is_nan();
            assert!(close || ulps(a, expected) <= 2, "{prim:?} of {x} is {a}, not {expected}");
        }
    }
}

#[test]
fn tanh_and_the_error_function() {
    within(Prim::Tanh, &[one(-10.0, 10.0)], 3);
    within(Prim::Tanh, &[one(-0.7, 0.7)], 3);
    within(Prim::Erf, &[one(-5.0, 5.0)], 3);
    within(Prim::Erf, &[one(-1.0, 1.0)], 3);
    within(Prim::ErfInv, &[one(-1.0, 1.0)], 10);
    within(Prim::ErfInv, &[one(0.99, 1.0)], 10);
}

#[test]
fn powers_and_remainders() {
    within(Prim::Pow, &two(0.0, 8.0), 1);
    let [a, _] = two(-8.0, 8.0);
    let whole: Data = a.iter().enumerate().map(|(at, _)| (at % 9) as f64 - 4.0).collect();
    within(Prim::Pow, &[a, whole], 1);
    let mut numbers = Numbers(5);
    let a: Data = (0..3001).map(|_| numbers.between(-1000.0, 1000.0)).collect();
    let b: Data = (0..3001).map(|_| numbers.between(0.5, 9.0) * if numbers.below(2) == 0 { 1.0 } else { -1.0 }).collect();
    within(Prim::Rem, &[a, b], 1);
}
