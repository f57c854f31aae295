//! Kernels made at random, with everything a kernel may contain, against the definition.
use crate::harness::{Numbers, check_on, inner, row, strided};
use crate::oracle::Data;
use esper_codegen::{
    Access, BufferParameter, Combine, Guard, Index, Instruction, Kernel, Order, Reduction, Register, Stage, Store, Value, VectorAxis,
};
use esper_device::cpu::{CpuOptions, Processor};
use esper_ir::{DType, Prim, StreamId};

const FLOAT: [Prim; 12] = [
    Prim::Neg,
    Prim::Abs,
    Prim::Sign,
    Prim::Floor,
    Prim::Add,
    Prim::Sub,
    Prim::Mul,
    Prim::Maximum,
    Prim::Minimum,
    Prim::Sqrt,
    Prim::Div,
    Prim::Reciprocal,
];
const WHOLE: [Prim; 9] = [Prim::Neg, Prim::Abs, Prim::Add, Prim::Sub, Prim::Mul, Prim::Div, Prim::Rem, Prim::Maximum, Prim::Minimum];
const COMPARE: [Prim; 4] = [Prim::Equal, Prim::NotEqual, Prim::Less, Prim::LessEqual];

struct Maker {
    numbers: Numbers,
    buffers: Vec<BufferParameter>,
    data: Vec<Data>,
    rows: Vec<usize>,
    registers: Vec<DType>,
}

impl Maker {
    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.numbers.below(of.len())]
    }

    /// An index over some of the counters; its range is 0 ..= the second number.
    fn index(&mut self, extents: &[usize], dense: bool) -> (Index, i64) {
        let counters = (0..self.rows.len()).map(|n| (row(n), self.rows[n])).chain(extents.iter().enumerate().map(|(n, &e)| (inner(n), e)));
        let mut terms = vec![];
        let (mut last, mut stride) = (0, 1i64);
        for (counter, extent) in counters.collect::<Vec<_>>().into_iter().rev() {
            let factor = if dense { stride } else { [0, 1, 1, stride, 3][self.numbers.below(5)] };
            terms.push((counter, factor));
            last += factor * (extent as i64 - 1).max(0);
            stride *= extent as i64;
        }
        let index = strided(&terms);
        if dense {
            return (index, last);
        }
        match self.numbers.below(6) {
            0 => (Index::Div(Box::new(index), 3), last / 3),
            1 => (Index::Mod(Box::new(index), 5), 4.min(last.max(4))),
            2 => (Index::Add(Box::new(index), Box::new(Index::Constant(2))), last + 2),
            _ => (index, last),
        }
    }

    fn buffer(&mut self, dtype: DType, access: Access, elements: usize) -> usize {
        self.buffers.push(BufferParameter { dtype, access, elements });
        let data = (0..elements)
            .map(|_| match dtype {
                DType::F32 => (self.numbers.between(-4.0, 4.0) * 8.0).round() / 8.0,
                DType::I32 => self.numbers.below(15) as f64 - 5.0,
                DType::U8 => self.numbers.below(256) as f64,
                _ => self.numbers.below(2) as f64,
            })
            .collect();
        self.data.push(data);
        self.buffers.len() - 1
    }

    fn guards(&mut self, extents: &[usize]) -> Vec<Guard> {
        (0..self.numbers.below(3))
            .map(|_| {
                let (index, last) = self.index(extents, false);
                let index = Index::Add(Box::new(index), Box::new(Index::Constant(-(self.numbers.below(3) as i64))));
                Guard { index, extent: (last - self.numbers.below(3) as i64).max(1) }
            })
            .collect()
    }

    fn stage(&mut self, key: usize) -> Stage {
        let inner: Vec<usize> = match self.numbers.below(5) {
            0 => vec![],
            1 => vec![[1, 2, 9, 16, 21, 35][self.numbers.below(6)]],
            2 => vec![3, [4, 5, 16][self.numbers.below(3)]],
            3 => vec![1 + self.numbers.below(40)],
            _ => vec![2, 1, 6],
        };
        let mut stage = Stage { inner: inner.clone(), ..Stage::default() };
        let push = |stage: &mut Stage, instruction, dtype| {
            stage.instructions.push(instruction);
            stage.dtypes.push(dtype);
            Value(stage.instructions.len() as u32 - 1)
        };
        let mut typed: Vec<(Value, DType)> = vec![];
        let zero = push(&mut stage, Instruction::Constant(1.5, DType::F32), DType::F32);
        let whole = push(&mut stage, Instruction::Constant(3.0, DType::I32), DType::I32);
        typed.extend([(zero, DType::F32), (whole, DType::I32)]);
        for _ in 0..3 + self.numbers.below(9) {
            let of = |typed: &[(Value, DType)], dtype: DType| -> Vec<Value> {
                typed.iter().filter(|(_, d)| *d == dtype).map(|(v, _)| *v).collect()
            };
            let (instruction, dtype) = match self.numbers.below(11) {
                0..=2 => {
                    let (index, last) = self.index(&inner, false);
                    let dtype = self.pick(&[DType::F32, DType::F32, DType::F32, DType::I32, DType::Bool, DType::U8]);
                    let guards = if self.numbers.below(3) == 0 { self.guards(&inner) } else { vec![] };
                    let buffer = self.buffer(dtype, Access::Read, last as usize + 1);
                    (Instruction::Load { buffer, index, guards, otherwise: -2.0 * f64::from(u8::from(dtype == DType::F32)) }, dtype)
                }
                3 => {
                    // A gather, guarded by its own index.
                    let wholes = of(&typed, DType::I32);
                    let value = self.pick(&wholes);
                    let places = 1 + self.numbers.below(8);
                    let width = inner.last().copied().unwrap_or(1);
                    let buffer = self.buffer(DType::F32, Access::Read, places * width);
                    let column = if inner.is_empty() { Index::Constant(0) } else { Index::Inner(inner.len() - 1) };
                    let index = strided(&[(Index::Value(value), width as i64), (column, 1)]);
                    let guards = vec![Guard { index: Index::Value(value), extent: places as i64 }];
                    (Instruction::Load { buffer, index, guards, otherwise: f64::NAN }, DType::F32)
                }
                4 if !self.registers.is_empty() => {
                    let register = self.numbers.below(self.registers.len());
                    (Instruction::Register(Register(register as u32)), self.registers[register])
                }
                5 => {
                    let dtype = self.pick(&[DType::I32, DType::F32]);
                    (Instruction::Position(self.index(&inner, false).0, dtype), dtype)
                }
                6 => (Instruction::Inside(self.guards(&inner)), DType::Bool),
                7 => {
                    let (value, from) = self.pick(&typed);
                    let to = self.pick(&[DType::F32, DType::I32, DType::Bool]);
                    (Instruction::Cast { value, from, to }, to)
                }
                8 => {
                    let stream = StreamId(self.numbers.next());
                    (Instruction::Random { key, stream, index: self.index(&inner, false).0 }, DType::F32)
                }
                9 => {
                    let dtype = self.pick(&[DType::F32, DType::I32]);
                    let operands = of(&typed, dtype);
                    let prim = self.pick(&COMPARE);
                    (Instruction::Apply(prim, vec![self.pick(&operands), self.pick(&operands)], dtype), DType::Bool)
                }
                _ => {
                    let dtype = self.pick(&[DType::F32, DType::F32, DType::I32]);
                    let operands = of(&typed, dtype);
                    let bools = of(&typed, DType::Bool);
                    if !bools.is_empty() && self.numbers.below(3) == 0 {
                        let arguments = vec![self.pick(&bools), self.pick(&operands), self.pick(&operands)];
                        (Instruction::Apply(Prim::Select, arguments, dtype), dtype)
                    } else {
                        let prim = if dtype == DType::F32 { self.pick(&FLOAT) } else { self.pick(&WHOLE) };
                        (Instruction::Apply(prim, (0..prim.arity()).map(|_| self.pick(&operands)).collect(), dtype), dtype)
                    }
                }
            };
            let value = push(&mut stage, instruction, dtype);
            typed.push((value, dtype));
        }
        let (value, dtype) = typed[typed.len() - 1];
        let positions: usize = inner.iter().product::<usize>() * self.rows.iter().product::<usize>();
        let (index, last) = self.index(&inner, true);
        assert_eq!(last as usize + 1, positions);
        let buffer = self.buffer(dtype, Access::Write, positions);
        stage.stores.push(Store { buffer, index, value });
        for (value, dtype) in typed.into_iter().filter(|(_, d)| matches!(d, DType::F32 | DType::I32)) {
            if self.numbers.below(4) != 0 {
                continue;
            }
            if inner.is_empty() {
                stage.definitions.push((Register(self.registers.len() as u32), value));
                self.registers.push(dtype);
                continue;
            }
            let combine = self.pick(&[Combine::Sum, Combine::Sum, Combine::Max, Combine::ArgMax]);
            let order = self.pick(&[Order::Sequential, Order::Lanes16]);
            let result = if combine == Combine::ArgMax { DType::I32 } else { dtype };
            stage.reductions.push(Reduction { value, combine, order, dtype: result, into: Register(self.registers.len() as u32) });
            self.registers.push(result);
        }
        stage
    }
}

fn make(seed: u64) -> (Kernel, Vec<Data>) {
    let mut numbers = Numbers(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    numbers.next();
    let rows = match numbers.below(4) {
        0 => vec![],
        1 => vec![1 + numbers.below(40)],
        2 => vec![3, 1 + numbers.below(20)],
        _ => vec![2, 1, 1 + numbers.below(9)],
    };
    let mut maker = Maker { numbers, buffers: vec![], data: vec![], rows, registers: vec![] };
    let key = maker.buffer(DType::I32, Access::Read, 3);
    let stages = (0..1 + maker.numbers.below(3)).map(|_| maker.stage(key)).collect();
    let vector = maker.pick(&[VectorAxis::Rows, VectorAxis::Inner]);
    let Maker { buffers, data, rows, registers, .. } = maker;
    let kernel = Kernel { name: format!("random_{seed}"), buffers, rows, stages, registers, vector, origin: vec![] };
    (kernel, data)
}

#[test]
fn random_kernels_do_what_is_defined() {
    let device = Processor::open(CpuOptions { threads: Some(1) }).expect("a processor");
    for seed in 1..600 {
        let (kernel, data) = make(seed);
        check_on(&device, &kernel, &data, 0);
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let devices = [1, 2, 3].map(|threads| Processor::open(CpuOptions { threads: Some(threads) }).expect("a processor"));
    for seed in 1..60 {
        let (mut kernel, mut data) = make(seed);
        // More rows, so that they are divided: only kernels whose rows form one axis that every buffer can follow.
        if kernel.rows.len() != 1 {
            continue;
        }
        kernel.rows[0] *= 500;
        for (buffer, data) in kernel.buffers.iter_mut().zip(&mut data) {
            *data = data.repeat(500 * 5);
            buffer.elements = data.len();
        }
        let results = devices.each_ref().map(|device| crate::harness::run_on(device, &kernel, &data));
        for other in &results[1..] {
            for (a, b) in results[0].iter().zip(other) {
                assert!(a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits()), "{kernel:#?}");
            }
        }
    }
}
