//! How long kernels take to compile: the budget is 5 to 10 ms for a step of 30 kernels.
use esper_codegen::{
    Access, Buffer, BufferId, BufferParameter, Class, Combine, Index, Instruction, Kernel, Order, Program, Reduction, Register, Stage,
    Step, Store, Value, VectorAxis,
};
use esper_device::Device;
use esper_device::cpu::{CpuOptions, Processor};
use esper_ir::{DType, Prim};
use std::time::Instant;

fn strided(terms: &[(Index, i64)]) -> Index {
    let scaled = |(index, factor): &(Index, i64)| Index::Mul(Box::new(index.clone()), *factor);
    terms.iter().map(scaled).reduce(|a, b| Index::Add(Box::new(a), Box::new(b))).unwrap_or(Index::Constant(0))
}

fn load(buffer: usize, index: Index) -> Instruction {
    Instruction::Load { buffer, index, guards: vec![], otherwise: 0.0 }
}

fn apply(prim: Prim, arguments: &[u32]) -> Instruction {
    Instruction::Apply(prim, arguments.iter().map(|&v| Value(v)).collect(), DType::F32)
}

fn stage(inner: &[usize], instructions: Vec<Instruction>) -> Stage {
    let dtypes = vec![DType::F32; instructions.len()];
    Stage { inner: inner.to_vec(), instructions, dtypes, ..Stage::default() }
}

fn kernel(name: &str, rows: &[usize], buffers: &[(Access, usize)], stages: Vec<Stage>, registers: usize, vector: VectorAxis) -> Kernel {
    Kernel {
        name: name.into(),
        buffers: buffers.iter().map(|&(access, elements)| BufferParameter { dtype: DType::F32, access, elements }).collect(),
        rows: rows.to_vec(),
        stages,
        registers: vec![DType::F32; registers],
        vector,
        origin: vec![],
    }
}

/// AdamW over `n` parameters: parameter, two states (read and written), gradient, scalars.
fn adamw(n: usize) -> Kernel {
    let constant = |value| Instruction::Constant(value, DType::F32);
    let body = vec![
        load(0, Index::Row(0)),
        load(1, Index::Row(0)),
        load(2, Index::Row(0)),
        load(3, Index::Row(0)),
        load(4, Index::Constant(0)),
        load(4, Index::Constant(1)),
        load(4, Index::Constant(2)),
        constant(0.9),
        constant(0.1),
        constant(0.999),
        constant(0.001),
        constant(1e-8),
        constant(0.99),
        apply(Prim::Mul, &[1, 7]),
        apply(Prim::Mul, &[3, 8]),
        apply(Prim::Add, &[13, 14]),
        apply(Prim::Mul, &[2, 9]),
        apply(Prim::Mul, &[3, 3]),
        apply(Prim::Mul, &[17, 10]),
        apply(Prim::Add, &[16, 18]),
        apply(Prim::Mul, &[19, 6]),
        apply(Prim::Sqrt, &[20]),
        apply(Prim::Add, &[21, 11]),
        apply(Prim::Mul, &[15, 5]),
        apply(Prim::Div, &[23, 22]),
        apply(Prim::Mul, &[24, 4]),
        apply(Prim::Mul, &[0, 12]),
        apply(Prim::Sub, &[26, 25]),
    ];
    let mut stage = stage(&[], body);
    for (buffer, value) in [(0, 27), (1, 15), (2, 19)] {
        stage.stores.push(Store { buffer, index: Index::Row(0), value: Value(value) });
    }
    let buffers = [(Access::ReadWrite, n), (Access::ReadWrite, n), (Access::ReadWrite, n), (Access::Read, n), (Access::Read, 3)];
    kernel("adamw", &[n], &buffers, vec![stage], 0, VectorAxis::Rows)
}

/// Softmax of rows.
fn softmax(rows: usize, columns: usize) -> Kernel {
    let at = || strided(&[(Index::Row(0), columns as i64), (Index::Inner(0), 1)]);
    let reduction =
        |value, combine, into| Reduction { value: Value(value), combine, order: Order::Lanes16, dtype: DType::F32, into: Register(into) };
    let mut largest = stage(&[columns], vec![load(0, at())]);
    largest.reductions = vec![reduction(0, Combine::Max, 0)];
    let shifted = || vec![load(0, at()), Instruction::Register(Register(0)), apply(Prim::Sub, &[0, 1]), apply(Prim::Exp, &[2])];
    let mut sum = stage(&[columns], shifted());
    sum.reductions = vec![reduction(3, Combine::Sum, 1)];
    let mut quotients = shifted();
    quotients.extend([Instruction::Register(Register(1)), apply(Prim::Div, &[3, 4])]);
    let mut last = stage(&[columns], quotients);
    last.stores = vec![Store { buffer: 1, index: at(), value: Value(5) }];
    let n = rows * columns;
    kernel("softmax", &[rows], &[(Access::Read, n), (Access::Write, n)], vec![largest, sum, last], 2, VectorAxis::Inner)
}

/// Sums of columns: the gradient of a bias.
fn column_sums(rows: usize, columns: usize) -> Kernel {
    let at = strided(&[(Index::Inner(0), columns as i64), (Index::Row(0), 1)]);
    let mut sum = stage(&[rows], vec![load(0, at)]);
    sum.reductions =
        vec![Reduction { value: Value(0), combine: Combine::Sum, order: Order::Sequential, dtype: DType::F32, into: Register(0) }];
    let mut give = stage(&[], vec![Instruction::Register(Register(0))]);
    give.stores = vec![Store { buffer: 1, index: Index::Row(0), value: Value(0) }];
    let buffers = [(Access::Read, rows * columns), (Access::Write, columns)];
    kernel("column_sums", &[columns], &buffers, vec![sum, give], 1, VectorAxis::Rows)
}

/// Mean square of every channel of [b, c, h·w].
fn channel_squares(images: usize, channels: usize, pixels: usize) -> Kernel {
    let at = strided(&[(Index::Inner(0), (channels * pixels) as i64), (Index::Row(0), pixels as i64), (Index::Inner(1), 1)]);
    let mut sum = stage(&[images, pixels], vec![load(0, at), apply(Prim::Mul, &[0, 0])]);
    let reduction = |value, into| Reduction {
        value: Value(value),
        combine: Combine::Sum,
        order: Order::Lanes16,
        dtype: DType::F32,
        into: Register(into),
    };
    sum.reductions = vec![reduction(0, 0), reduction(1, 1)];
    let mut give = stage(&[], vec![Instruction::Register(Register(0)), Instruction::Register(Register(1)), apply(Prim::Add, &[0, 1])]);
    give.stores = vec![Store { buffer: 1, index: Index::Row(0), value: Value(2) }];
    let buffers = [(Access::Read, images * channels * pixels), (Access::Write, channels)];
    kernel("channel_squares", &[channels], &buffers, vec![sum, give], 2, VectorAxis::Inner)
}

/// An elementwise function of a whole tensor: `prim(x) · x + y`.
fn elementwise(prim: Prim, n: usize) -> Kernel {
    let body =
        vec![load(0, Index::Row(0)), load(1, Index::Row(0)), apply(prim, &[0]), apply(Prim::Mul, &[2, 0]), apply(Prim::Add, &[3, 1])];
    let mut stage = stage(&[], body);
    stage.stores = vec![Store { buffer: 2, index: Index::Row(0), value: Value(4) }];
    let buffers = [(Access::Read, n), (Access::Read, n), (Access::Write, n)];
    kernel("elementwise", &[n], &buffers, vec![stage], 0, VectorAxis::Rows)
}

/// A program that runs every kernel once, each on buffers of its own.
fn program(kernels: Vec<Kernel>) -> Program {
    let (mut buffers, mut steps, mut offset) = (vec![], vec![], 0);
    for (number, kernel) in kernels.iter().enumerate() {
        let first = buffers.len() as u32;
        for parameter in &kernel.buffers {
            let bytes = parameter.elements * 4;
            let (name, shape, dtype) = (String::from("buffer"), vec![parameter.elements], parameter.dtype);
            buffers.push(Buffer { name, dtype, shape, class: Class::Activations, offset, bytes, span: Default::default() });
            offset += bytes.next_multiple_of(64);
        }
        steps.push(Step::Kernel { kernel: number, arguments: (first..buffers.len() as u32).map(BufferId).collect() });
    }
    let update = steps.len();
    let arenas = [0, 0, 0, 0, 0, 0, offset];
    Program { name: "bench".into(), kernels, buffers, steps, update, arenas, features: vec![], target: None, outputs: vec![] }
}

fn milliseconds(work: &mut dyn FnMut()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64() * 1e3
}

fn main() {
    let hot = [
        ("AdamW over 1.8M", adamw(1_800_000), 1_800_000.0 * 28.0),
        ("softmax [256, 10]", softmax(256, 10), 256.0 * 10.0 * 8.0),
        ("softmax [1024, 1000]", softmax(1024, 1000), 1024.0 * 1000.0 * 8.0),
        ("column sums [256, 1024]", column_sums(256, 1024), 256.0 * 1024.0 * 4.0),
        ("channel statistics [64, 32, 256]", channel_squares(64, 32, 256), 64.0 * 32.0 * 256.0 * 4.0),
        ("x·tanh(x)+y over 1M", elementwise(Prim::Tanh, 1_000_000), 12e6),
        ("x·exp(x)+y over 1M", elementwise(Prim::Exp, 1_000_000), 12e6),
        ("x·erf(x)+y over 1M", elementwise(Prim::Erf, 1_000_000), 12e6),
        ("x·|x|+y over 1M", elementwise(Prim::Abs, 1_000_000), 12e6),
    ];
    println!("{:34} {:>10} {:>12} {:>12} {:>10}", "kernel", "compile", "1 thread", "2 threads", "GB/s");
    for (name, kernel, bytes) in hot {
        let mut best = [f64::MAX; 2];
        let mut compile = f64::MAX;
        for (best, threads) in best.iter_mut().zip([1, 2]) {
            let program = program(vec![kernel.clone()]);
            let mut executable = None;
            for _ in 0..5 {
                let device = Processor::open(CpuOptions { threads: Some(threads) }).expect("a processor");
                compile = compile.min(milliseconds(&mut || executable = Some(device.load(&program).expect("a program"))));
            }
            let Some(mut executable) = executable else { return };
            let device = Processor::open(CpuOptions { threads: Some(threads) }).expect("a processor");
            let mut memory = device.memory(program.arenas).expect("room");
            for _ in 0..30 {
                *best = best.min(milliseconds(&mut || executable.run(&mut *memory, esper_device::Phase::All).expect("a program")));
            }
        }
        println!("{name:34} {compile:7.2} ms {:9.3} ms {:9.3} ms {:10.1}", best[0], best[1], bytes / best[0] * 1e-6);
    }
    // A step of 30 different kernels, as a classifier with ten layers has.
    let mut kernels = vec![];
    for n in 0..6 {
        let size = 4096 + 64 * n;
        kernels.extend([adamw(size), softmax(256, 10 + n), column_sums(256, 256 + 16 * n), channel_squares(32, 16 + n, 64)]);
        kernels.push(elementwise([Prim::Abs, Prim::Exp, Prim::Tanh, Prim::Sqrt, Prim::Erf, Prim::Log][n], size));
    }
    let step = program(kernels);
    for threads in [1, 2] {
        let (mut cold, mut again) = (f64::MAX, f64::MAX);
        for _ in 0..5 {
            let device = Processor::open(CpuOptions { threads: Some(threads) }).expect("a processor");
            cold = cold.min(milliseconds(&mut || drop(device.load(&step).expect("a program"))));
            again = again.min(milliseconds(&mut || drop(device.load(&step).expect("a program"))));
        }
        println!("a step of {} kernels with {threads} threads: {cold:.2} ms, {again:.2} ms from the cache", step.kernels.len());
    }
}
