//! The definition of a kernel, one element after the other: what compiled code is compared with.
use esper_codegen::{Combine, Guard, Index, Instruction, Kernel, Order, Reduction, Stage};
use esper_ir::{DType, Prim, StreamId};

/// A buffer's elements; f32 as their values, integers and bools as whole numbers.
pub type Data = Vec<f64>;

/// Runs all rows of a kernel. Elementary functions are computed in f64 and rounded; everything else is rounded to f32 after every operation.
pub fn evaluate(kernel: &Kernel, buffers: &mut [Data]) {
    for row in 0..kernel.row_count() {
        let rows = unravel(row, &kernel.rows);
        let mut registers = vec![0.0; kernel.registers.len()];
        for stage in &kernel.stages {
            run_stage(kernel, stage, &rows, &mut registers, buffers);
        }
    }
}

fn unravel(mut flat: usize, extents: &[usize]) -> Vec<i64> {
    let mut counters = vec![0; extents.len()];
    for (counter, &extent) in counters.iter_mut().zip(extents).rev() {
        *counter = (flat % extent) as i64;
        flat /= extent;
    }
    counters
}

fn run_stage(kernel: &Kernel, stage: &Stage, rows: &[i64], registers: &mut [f64], buffers: &mut [Data]) {
    let positions: usize = stage.inner.iter().product();
    let mut seen: Vec<Vec<f64>> = vec![vec![]; stage.reductions.len()];
    for position in 0..positions {
        let place = Place { rows, inner: &unravel(position, &stage.inner) };
        let mut values: Vec<f64> = vec![];
        for instruction in &stage.instructions {
            let value = place.instruction(instruction, &values, registers, buffers, kernel);
            values.push(value);
        }
        for (seen, reduction) in seen.iter_mut().zip(&stage.reductions) {
            seen.push(values[reduction.value.0 as usize]);
        }
        for (register, value) in &stage.definitions {
            registers[register.0 as usize] = values[value.0 as usize];
        }
        for store in &stage.stores {
            let at = place.index(&store.index, &values);
            buffers[store.buffer][at as usize] = values[store.value.0 as usize];
        }
    }
    for (seen, reduction) in seen.iter().zip(&stage.reductions) {
        let dtype = stage.dtypes[reduction.value.0 as usize];
        registers[reduction.into.0 as usize] = reduce(seen, reduction, dtype);
    }
}

fn reduce(seen: &[f64], reduction: &Reduction, dtype: DType) -> f64 {
    let larger = |best: f64, value: f64| value > best || value.is_nan() && !best.is_nan();
    let lowest = if dtype == DType::F32 { f64::NEG_INFINITY } else { f64::from(i32::MIN) };
    let combine = |sum: f64, value: f64| match reduction.combine {
        Combine::Sum => round(sum + value, dtype),
        _ if sum.is_nan() || !larger(sum, value) => sum,
        _ => value,
    };
    if reduction.combine == Combine::ArgMax {
        let (mut best, mut at) = (lowest, 0);
        for (position, &value) in seen.iter().enumerate() {
            if larger(best, value) {
                (best, at) = (value, position);
            }
        }
        return at as f64;
    }
    let start = if reduction.combine == Combine::Sum { 0.0 } else { lowest };
    match reduction.order {
        Order::Sequential => seen.iter().fold(start, |sum, &value| combine(sum, value)),
        Order::Lanes16 => {
            let mut sums = vec![start; 16];
            for (position, &value) in seen.iter().enumerate() {
                sums[position % 16] = combine(sums[position % 16], value);
            }
            while sums.len() > 1 {
                let half = sums.len() / 2;
                sums = (0..half).map(|i| combine(sums[i], sums[i + half])).collect();
            }
            sums[0]
        }
    }
}

/// As the type holds it.
fn round(value: f64, dtype: DType) -> f64 {
    match dtype {
        DType::I32 => f64::from((value as i64) as i32),
        DType::U8 => f64::from((value as i64) as u8),
        DType::Bool => f64::from(u8::from(value != 0.0)),
        _ => f64::from(value as f32),
    }
}

struct Place<'a> {
    rows: &'a [i64],
    inner: &'a [i64],
}

impl Place<'_> {
    fn index(&self, index: &Index, values: &[f64]) -> i64 {
        match index {
            Index::Constant(n) => *n,
            Index::Row(n) => self.rows[*n],
            Index::Inner(n) => self.inner[*n],
            Index::Value(v) => values[v.0 as usize] as i64,
            Index::Add(a, b) => self.index(a, values) + self.index(b, values),
            Index::Mul(a, n) => self.index(a, values) * n,
            Index::Div(a, n) => self.index(a, values).div_euclid(*n),
            Index::Mod(a, n) => self.index(a, values).rem_euclid(*n),
        }
    }

    fn inside(&self, guards: &[Guard], values: &[f64]) -> bool {
        guards.iter().all(|g| (0..g.extent).contains(&self.index(&g.index, values)))
    }

    fn instruction(&self, instruction: &Instruction, values: &[f64], registers: &[f64], buffers: &[Data], kernel: &Kernel) -> f64 {
        match instruction {
            Instruction::Load { buffer, guards, otherwise, .. } if !self.inside(guards, values) => {
                round(*otherwise, kernel.buffers[*buffer].dtype)
            }
            Instruction::Load { buffer, index, .. } => buffers[*buffer][self.index(index, values) as usize],
            Instruction::Register(register) => registers[register.0 as usize],
            Instruction::Constant(value, dtype) => round(*value, *dtype),
            Instruction::Position(index, dtype) => round(self.index(index, values) as f64, *dtype),
            Instruction::Inside(guards) => f64::from(u8::from(self.inside(guards, values))),
            Instruction::Apply(prim, arguments, dtype) => {
                let arguments: Vec<f64> = arguments.iter().map(|v| values[v.0 as usize]).collect();
                apply(*prim, &arguments, *dtype)
            }
            Instruction::Cast { value, to, .. } => {
                let value = values[value.0 as usize];
                match to {
                    DType::I32 => f64::from(value as i32),
                    DType::U8 => f64::from(value as u8),
                    other => round(value, *other),
                }
            }
            Instruction::Random { key, stream, index } => {
                let word = |n: usize| buffers[*key][n] as i64 as i32 as u32;
                uniform([word(0), word(1)], word(2), *stream, self.index(index, values) as u32)
            }
        }
    }
}

/// A primitive, exactly where it is rounded once.
pub fn apply(prim: Prim, a: &[f64], dtype: DType) -> f64 {
    let nan = a.iter().any(|x| x.is_nan());
    let truth = |b: bool| f64::from(u8::from(b));
    let exact = match prim {
        Prim::Neg => -a[0],
        Prim::Exp => a[0].exp(),
        Prim::Log => a[0].ln(),
        Prim::Sqrt => a[0].sqrt(),
        // Two roundings, as the definition has two operations.
        Prim::Rsqrt => 1.0 / f64::from(a[0].sqrt() as f32),
        Prim::Reciprocal => 1.0 / a[0],
        Prim::Sin => a[0].sin(),
        Prim::Cos => a[0].cos(),
        Prim::Tanh => a[0].tanh(),
        Prim::Erf => libm::erf(a[0]),
        Prim::ErfInv => erf_inv(a[0]),
        Prim::Abs => a[0].abs(),
        Prim::Sign if a[0] > 0.0 => 1.0,
        Prim::Sign if a[0] < 0.0 => -1.0,
        Prim::Sign => a[0],
        Prim::Floor => a[0].floor(),
        Prim::Ceil => a[0].ceil(),
        Prim::Round => a[0].round_ties_even(),
        Prim::Not => return truth(a[0] == 0.0),
        Prim::Add => a[0] + a[1],
        Prim::Sub => a[0] - a[1],
        Prim::Mul => a[0] * a[1],
        Prim::Div if dtype == DType::F32 => a[0] / a[1],
        Prim::Div if a[1] == 0.0 => 0.0,
        Prim::Div => (a[0] / a[1]).trunc(),
        Prim::Maximum if nan => f64::NAN,
        Prim::Maximum => a[0].max(a[1]),
        Prim::Minimum if nan => f64::NAN,
        Prim::Minimum => a[0].min(a[1]),
        Prim::Pow => a[0].powf(a[1]),
        Prim::Rem if dtype != DType::F32 && a[1] == 0.0 => 0.0,
        Prim::Rem => {
            let rest = a[0] % a[1];
            if rest != 0.0 && (rest < 0.0) != (a[1] < 0.0) { rest + a[1] } else { rest }
        }
        Prim::Equal => return truth(a[0] == a[1]),
        Prim::NotEqual => return truth(a[0] != a[1]),
        Prim::Less => return truth(a[0] < a[1]),
        Prim::LessEqual => return truth(a[0] <= a[1]),
        Prim::And => return truth(a[0] != 0.0 && a[1] != 0.0),
        Prim::Or => return truth(a[0] != 0.0 || a[1] != 0.0),
        Prim::Select => return if a[0] != 0.0 { a[1] } else { a[2] },
    };
    round(exact, dtype)
}

/// By Newton's method on the error function.
pub fn erf_inv(x: f64) -> f64 {
    if x.abs() >= 1.0 || x.is_nan() {
        return if x == 1.0 {
            f64::INFINITY
        } else if x == -1.0 {
            f64::NEG_INFINITY
        } else {
            f64::NAN
        };
    }
    let w = -((1.0 - x) * (1.0 + x)).ln();
    let mut y = x.signum() * if w < 5.0 { 0.8 * w.sqrt() } else { w.sqrt() - 0.3 };
    for _ in 0..60 {
        // Against the complement where the function is flat, so that no digits are lost.
        let miss = if x.abs() > 0.5 { x.signum() * ((1.0 - x.abs()) - libm::erfc(y.abs())) } else { libm::erf(y) - x };
        let slope = 2.0 / std::f64::consts::PI.sqrt() * (-y * y).exp();
        let step = miss / slope;
        y -= step / (1.0 + y * step);
    }
    y
}

fn uniform(key: [u32; 2], step: u32, stream: StreamId, position: u32) -> f64 {
    let mut counter = [position, step, stream.0 as u32, (stream.0 >> 32) as u32];
    let mut key = key;
    for round in 0..10 {
        if round > 0 {
            key = [key[0].wrapping_add(0x9E37_79B9), key[1].wrapping_add(0xBB67_AE85)];
        }
        let (a, b) = (u64::from(counter[0]) * 0xD251_1F53, u64::from(counter[2]) * 0xCD9E_8D57);
        counter = [(b >> 32) as u32 ^ counter[1] ^ key[0], b as u32, (a >> 32) as u32 ^ counter[3] ^ key[1], a as u32];
    }
    f64::from(counter[0] >> 8) / 16_777_216.0
}

#[test]
fn philox_gives_the_authors_numbers() {
    // First output word of philox4x32-10 for an all-zero counter and key, from the authors' known answers: 6627e8d5.
    assert_eq!(uniform([0, 0], 0, StreamId(0), 0), f64::from(0x6627_e8d5u32 >> 8) / 16_777_216.0);
}
