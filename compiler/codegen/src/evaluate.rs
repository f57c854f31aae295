//! Programs run slowly and plainly on the host: the meaning of kernels and steps, against which fusion and every device can be checked.
use crate::{
    Access, Buffer, BufferId, Class, Combine, Convolution, ConvolutionKind, Dot, Epilogue, Guard, Index, Instruction, Kernel, Order,
    Pooling, PoolingKind, Program, Scatter, Stage, Step, Value, VectorAxis,
};
use esper_ir::{DType, Prim, Window, philox};

/// How floats are computed. They are kept as f32 in memory either way where `Single`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// Every operation rounds to f32, as devices do.
    Single,
    /// Nothing rounds: a program computes what its graph means.
    Double,
}

/// The arenas of a program as numbers, one for each four bytes.
#[derive(Clone, Debug)]
pub struct Memory {
    words: Vec<Vec<f64>>,
}

impl Memory {
    /// Zeros in arenas large enough for a program.
    pub fn of(program: &Program) -> Memory {
        Memory { words: program.arenas.iter().map(|bytes| vec![0.0; bytes.div_ceil(4)]).collect() }
    }
    /// Makes arenas large enough for another program, too, and keeps what they hold.
    pub fn grow(&mut self, program: &Program) {
        for (words, bytes) in self.words.iter_mut().zip(program.arenas) {
            words.resize(words.len().max(bytes.div_ceil(4)), 0.0);
        }
    }
    /// The elements of a buffer.
    pub fn read(&self, buffer: &Buffer) -> &[f64] {
        let start = buffer.offset / 4;
        &self.words[buffer.class as usize][start..start + elements(buffer)]
    }
    /// Sets the elements of a buffer.
    pub fn write(&mut self, buffer: &Buffer, values: &[f64]) {
        let start = buffer.offset / 4;
        self.words[buffer.class as usize][start..start + values.len()].copy_from_slice(values);
    }
    /// All of an arena.
    pub fn arena(&mut self, class: Class) -> &mut Vec<f64> {
        &mut self.words[class as usize]
    }
}

fn elements(buffer: &Buffer) -> usize {
    buffer.shape.iter().product()
}

/// Runs steps of a program.
pub fn run(program: &Program, memory: &mut Memory, steps: std::ops::Range<usize>, precision: Precision) {
    for step in &program.steps[steps] {
        let mut device = Evaluator { program, memory, precision };
        match step {
            Step::Kernel { kernel, arguments } => device.kernel(&program.kernels[*kernel], arguments),
            Step::Dot(dot) => device.dot(dot),
            Step::Convolution(convolution) => device.convolution(convolution),
            Step::Pooling(pooling) => device.pooling(pooling),
            Step::Scatter(scatter) => device.scatter(scatter),
        }
    }
}

struct Evaluator<'a> {
    program: &'a Program,
    memory: &'a mut Memory,
    precision: Precision,
}

/// Where the loops of a kernel stand.
struct Counters<'a> {
    rows: &'a [usize],
    inner: &'a [usize],
}

impl Evaluator<'_> {
    fn round(&self, value: f64, dtype: DType) -> f64 {
        match (dtype.is_float(), self.precision) {
            (true, Precision::Single) => f64::from(value as f32),
            _ => value,
        }
    }
    fn buffer(&self, id: BufferId) -> &Buffer {
        &self.program.buffers[id.0 as usize]
    }
    fn tensor(&self, id: BufferId) -> Vec<f64> {
        self.memory.read(self.buffer(id)).to_vec()
    }
    fn set(&mut self, id: BufferId, values: &[f64]) {
        let buffer = &self.program.buffers[id.0 as usize];
        assert_eq!(values.len(), elements(buffer), "{} has another number of elements", buffer.name);
        self.memory.write(buffer, values);
    }
    fn word(&self, id: BufferId, at: i64) -> f64 {
        let buffer = self.buffer(id);
        let inside = usize::try_from(at).is_ok_and(|at| at < elements(buffer));
        assert!(inside, "element {at} of {} {:?} is read", buffer.name, buffer.shape);
        self.memory.words[buffer.class as usize][buffer.offset / 4 + at as usize]
    }

    fn kernel(&mut self, kernel: &Kernel, arguments: &[BufferId]) {
        // The order of rows and of inner positions must not matter: the last rows run first where the kernel says that lanes run over them.
        let rows = positions(&kernel.rows);
        let backwards = kernel.vector == VectorAxis::Rows;
        for at in 0..rows.len() {
            let row = &rows[if backwards { rows.len() - 1 - at } else { at }];
            let mut registers = vec![0.0; kernel.registers.len()];
            for stage in &kernel.stages {
                self.stage(kernel, stage, arguments, row, &mut registers);
            }
        }
    }

    fn stage(&mut self, kernel: &Kernel, stage: &Stage, arguments: &[BufferId], row: &[usize], registers: &mut [f64]) {
        let mut reduced: Vec<Vec<f64>> = vec![vec![]; stage.reductions.len()];
        for inner in positions(&stage.inner) {
            let at = Counters { rows: row, inner: &inner };
            let mut values: Vec<f64> = Vec::with_capacity(stage.instructions.len());
            for (instruction, &dtype) in stage.instructions.iter().zip(&stage.dtypes) {
                let value = self.instruction(instruction, arguments, &at, &values, registers);
                values.push(self.round(value, dtype));
            }
            for (reduction, all) in stage.reductions.iter().zip(&mut reduced) {
                all.push(values[reduction.value.0 as usize]);
            }
            for (register, value) in &stage.definitions {
                registers[register.0 as usize] = values[value.0 as usize];
            }
            for store in &stage.stores {
                let parameter = &kernel.buffers[store.buffer];
                assert_ne!(parameter.access, Access::Read, "{} writes what it may only read", kernel.name);
                let buffer = &self.program.buffers[arguments[store.buffer].0 as usize];
                let place = place(&store.index, &at, &values);
                let inside = usize::try_from(place).is_ok_and(|p| p < elements(buffer));
                assert!(inside, "{} writes element {place} of {} {:?}", kernel.name, buffer.name, buffer.shape);
                self.memory.words[buffer.class as usize][buffer.offset / 4 + place as usize] = values[store.value.0 as usize];
            }
        }
        for (reduction, all) in stage.reductions.iter().zip(&reduced) {
            let result = self.reduce(all, reduction.combine, reduction.order, reduction.dtype);
            registers[reduction.into.0 as usize] = result;
        }
    }

    fn reduce(&self, all: &[f64], combine: Combine, order: Order, dtype: DType) -> f64 {
        let add = |a: f64, b: f64| self.round(if combine == Combine::Sum { a + b } else { greater(a, b) }, dtype);
        let start = match combine {
            Combine::Sum => 0.0,
            _ if dtype.is_float() => f64::NEG_INFINITY,
            _ => f64::from(i32::MIN),
        };
        match (combine, order) {
            (Combine::ArgMax, _) => {
                let mut best = 0;
                for (at, value) in all.iter().enumerate() {
                    if *value > all[best] || (value.is_nan() && !all[best].is_nan()) {
                        best = at;
                    }
                }
                best as f64
            }
            (_, Order::Sequential) => all.iter().fold(start, |sum, v| add(sum, *v)),
            (_, Order::Lanes16) => {
                let mut lanes = [start; 16];
                for (at, value) in all.iter().enumerate() {
                    lanes[at % 16] = add(lanes[at % 16], *value);
                }
                for half in [8, 4, 2, 1] {
                    for lane in 0..half {
                        lanes[lane] = add(lanes[lane], lanes[lane + half]);
                    }
                }
                lanes[0]
            }
        }
    }

    fn instruction(&self, instruction: &Instruction, arguments: &[BufferId], at: &Counters, values: &[f64], registers: &[f64]) -> f64 {
        match instruction {
            Instruction::Load { buffer, index, guards, otherwise } => {
                if guards.iter().all(|g| holds(g, at, values)) {
                    self.word(arguments[*buffer], place(index, at, values))
                } else {
                    *otherwise
                }
            }
            Instruction::Register(register) => registers[register.0 as usize],
            Instruction::Constant(value, dtype) => match dtype {
                DType::F32 | DType::F16 | DType::BF16 => *value,
                DType::I32 | DType::U8 => value.trunc(),
                DType::Bool => f64::from(u8::from(*value != 0.0)),
            },
            Instruction::Position(index, _) => place(index, at, values) as f64,
            Instruction::Inside(guards) => f64::from(u8::from(guards.iter().all(|g| holds(g, at, values)))),
            Instruction::Apply(prim, operands, dtype) => {
                let operands: Vec<f64> = operands.iter().map(|v| values[v.0 as usize]).collect();
                apply(*prim, &operands, *dtype)
            }
            Instruction::Cast { value, from: _, to } => cast(values[value.0 as usize], *to),
            Instruction::Random { key, stream, index } => {
                let [low, high, step] = [0, 1, 2].map(|n| self.word(arguments[*key], n) as i64 as u32);
                let seed = u64::from(low) | (u64::from(high) << 32);
                philox::uniform(seed, step, *stream, place(index, at, values) as u32)
            }
        }
    }

    fn finished(&self, value: f64, epilogue: &Epilogue, channel: usize) -> f64 {
        let value = self.round(value, DType::F32);
        let value = match epilogue.bias {
            Some(bias) => self.round(value + self.word(bias, channel as i64), DType::F32),
            None => value,
        };
        if epilogue.relu { greater(value, 0.0) } else { value }
    }

    fn dot(&mut self, dot: &Dot) {
        let (a, b) = (self.tensor(dot.a), self.tensor(dot.b));
        let mut c = self.tensor(dot.c);
        let extents: Vec<usize> = dot.batch.iter().map(|axis| axis.extent).collect();
        for batch in positions(&extents) {
            let offset = |stride: &dyn Fn(&crate::BatchAxis) -> usize| -> usize {
                dot.batch.iter().zip(&batch).map(|(axis, i)| stride(axis) * i).sum()
            };
            let (a0, b0, c0) = (offset(&|x| x.a), offset(&|x| x.b), offset(&|x| x.c));
            for (row, column) in (0..dot.m).flat_map(|row| (0..dot.n).map(move |column| (row, column))) {
                let term = |k: usize| {
                    a[a0 + row * dot.a_strides[0] + k * dot.a_strides[1]] * b[b0 + k * dot.b_strides[0] + column * dot.b_strides[1]]
                };
                let sum: f64 = (0..dot.k).map(term).sum();
                c[c0 + row * dot.n + column] = self.finished(sum, &dot.epilogue, column);
            }
        }
        self.set(dot.c, &c);
    }

    fn convolution(&mut self, step: &Convolution) {
        let [images, channels, height, width] = step.input;
        let [outputs, rows, columns] = step.output;
        let Window { kernel, .. } = step.window;
        let (per_in, per_out) = (channels / step.groups, outputs / step.groups);
        let (first, second) = (self.tensor(step.operands[0]), self.tensor(step.operands[1]));
        let mut result = vec![0.0; elements(self.buffer(step.result))];
        for at in positions(&[images, outputs, rows, columns, per_in, kernel[0], kernel[1]]) {
            let [image, output, row, column, channel, up, left] = at[..] else { continue };
            let (Some(y), Some(x)) = (tap(&step.window, 0, row, up, height), tap(&step.window, 1, column, left, width)) else { continue };
            let input = ((image * channels + output / per_out * per_in + channel) * height + y) * width + x;
            let weight = ((output * per_in + channel) * kernel[0] + up) * kernel[1] + left;
            let out = ((image * outputs + output) * rows + row) * columns + column;
            match step.kind {
                ConvolutionKind::Forward => result[out] += first[input] * second[weight],
                ConvolutionKind::InputGradient => result[input] += first[out] * second[weight],
                ConvolutionKind::WeightGradient => result[weight] += first[input] * second[out],
            }
        }
        for (at, value) in result.iter_mut().enumerate() {
            let channel = if step.kind == ConvolutionKind::Forward { at / (rows * columns) % outputs } else { 0 };
            *value = self.finished(*value, &step.epilogue, channel);
        }
        self.set(step.result, &result);
    }

    fn pooling(&mut self, step: &Pooling) {
        let [planes, height, width] = step.input;
        let [rows, columns] = step.output;
        let operands: Vec<Vec<f64>> = step.operands.iter().map(|b| self.tensor(*b)).collect();
        let mut result = vec![0.0; elements(self.buffer(step.result))];
        let area = (step.window.kernel[0] * step.window.kernel[1]) as f64;
        for at in positions(&[planes, rows, columns]) {
            let out = (at[0] * rows + at[1]) * columns + at[2];
            let taps: Vec<usize> = positions(&step.window.kernel)
                .iter()
                .filter_map(|k| {
                    let y = tap(&step.window, 0, at[1], k[0], height)?;
                    Some((at[0] * height + y) * width + tap(&step.window, 1, at[2], k[1], width)?)
                })
                .collect();
            let largest = |x: &[f64]| {
                let better = |best: Option<usize>, &t: &usize| match best {
                    Some(b) if x[t] > x[b] || (x[t].is_nan() && !x[b].is_nan()) => Some(t),
                    None => Some(t),
                    best => best,
                };
                taps.iter().fold(None, better)
            };
            match step.kind {
                PoolingKind::Max => result[out] = largest(&operands[0]).map_or(f64::NEG_INFINITY, |t| operands[0][t]),
                PoolingKind::MaxGradient => {
                    if let Some(t) = largest(&operands[0]) {
                        result[t] += operands[1][out];
                    }
                }
                PoolingKind::Average => result[out] = taps.iter().map(|t| operands[0][*t]).sum::<f64>() / area,
                PoolingKind::AverageGradient => taps.iter().for_each(|t| result[*t] += operands[0][out] / area),
            }
        }
        result.iter_mut().for_each(|v| *v = self.round(*v, DType::F32));
        self.set(step.result, &result);
    }

    fn scatter(&mut self, step: &Scatter) {
        let (indices, updates) = (self.tensor(step.indices), self.tensor(step.updates));
        let mut result = vec![0.0; elements(self.buffer(step.result))];
        for at in positions(&[step.outer, step.count, step.inner]) {
            let from = (at[0] * step.count + at[1]) * step.inner + at[2];
            let index = if step.per_element { indices[from] } else { indices[at[1]] };
            if index >= 0.0 && index < step.places as f64 {
                let to = (at[0] * step.places + index as usize) * step.inner + at[2];
                result[to] = self.round(result[to] + updates[from], DType::F32);
            }
        }
        self.set(step.result, &result);
    }
}

/// The coordinate along an axis that a tap of a window reads.
fn tap(window: &Window, axis: usize, out: usize, tap: usize, extent: usize) -> Option<usize> {
    (out * window.stride[axis] + tap * window.dilation[axis]).checked_sub(window.padding[axis]).filter(|at| *at < extent)
}

/// All positions of some extents in row-major order.
fn positions(extents: &[usize]) -> Vec<Vec<usize>> {
    let mut all = vec![vec![]];
    for &extent in extents {
        all = all.into_iter().flat_map(|at: Vec<usize>| (0..extent).map(move |i| [&at[..], &[i]].concat())).collect();
    }
    all
}

fn holds(guard: &Guard, at: &Counters, values: &[f64]) -> bool {
    (0..guard.extent).contains(&place(&guard.index, at, values))
}

fn place(index: &Index, at: &Counters, values: &[f64]) -> i64 {
    match index {
        Index::Constant(n) => *n,
        Index::Row(n) => at.rows[*n] as i64,
        Index::Inner(n) => at.inner[*n] as i64,
        Index::Value(Value(v)) => values[*v as usize] as i64,
        Index::Add(a, b) => place(a, at, values) + place(b, at, values),
        Index::Mul(a, n) => place(a, at, values) * n,
        Index::Div(a, n) => place(a, at, values).div_euclid(*n),
        Index::Mod(a, n) => place(a, at, values).rem_euclid(*n),
    }
}

fn greater(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) }
}

fn cast(value: f64, to: DType) -> f64 {
    match to {
        DType::F32 | DType::F16 | DType::BF16 => value,
        DType::I32 => f64::from(value as i32),
        DType::U8 => f64::from(value as u8),
        DType::Bool => f64::from(u8::from(value != 0.0)),
    }
}

/// Integers wrap around; everything else is the primitive's own definition.
fn apply(prim: Prim, operands: &[f64], dtype: DType) -> f64 {
    let value = prim.evaluate(operands);
    match (prim, dtype) {
        (Prim::Equal | Prim::NotEqual | Prim::Less | Prim::LessEqual | Prim::And | Prim::Or | Prim::Not, _) => value,
        (_, DType::I32) => f64::from(value as i64 as i32),
        (_, DType::U8) => f64::from(value as i64 as u8),
        _ => value,
    }
}
