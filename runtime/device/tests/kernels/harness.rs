//! Builds kernels in few words, runs them on the processor, and compares.
use crate::oracle::{self, Data};
use esper_codegen::{
    Access, Buffer, BufferId, BufferParameter, Class, Index, Instruction, Kernel, Program, Stage, Step, Store, Value, VectorAxis,
};
use esper_device::cpu::{CpuOptions, Processor};
use esper_device::{Device, Memory, Phase};
use esper_ir::{DType, Prim};

/// A row counter.
pub fn row(n: usize) -> Index {
    Index::Row(n)
}
/// An inner counter.
pub fn inner(n: usize) -> Index {
    Index::Inner(n)
}
/// A sum of products.
pub fn strided(terms: &[(Index, i64)]) -> Index {
    let scaled = |(index, factor): &(Index, i64)| Index::Mul(Box::new(index.clone()), *factor);
    terms.iter().map(scaled).reduce(|a, b| Index::Add(Box::new(a), Box::new(b))).unwrap_or(Index::Constant(0))
}
/// An unguarded load.
pub fn load(buffer: usize, index: Index) -> Instruction {
    Instruction::Load { buffer, index, guards: vec![], otherwise: 0.0 }
}
/// A primitive of f32 values.
pub fn apply(prim: Prim, arguments: &[u32]) -> Instruction {
    Instruction::Apply(prim, arguments.iter().map(|&v| Value(v)).collect(), DType::F32)
}
/// A store.
pub fn store(buffer: usize, index: Index, value: u32) -> Store {
    Store { buffer, index, value: Value(value) }
}
/// A stage of f32 instructions.
pub fn stage(inner: &[usize], instructions: Vec<Instruction>) -> Stage {
    let dtypes = vec![DType::F32; instructions.len()];
    Stage { inner: inner.to_vec(), instructions, dtypes, ..Stage::default() }
}
/// A kernel of f32 buffers: the last is written, the others are read.
pub fn kernel(rows: &[usize], elements: &[usize], stages: Vec<Stage>, registers: usize, vector: VectorAxis) -> Kernel {
    let last = elements.len() - 1;
    let buffers = elements.iter().enumerate().map(|(at, &elements)| BufferParameter {
        dtype: DType::F32,
        access: if at == last { Access::Write } else { Access::Read },
        elements,
    });
    Kernel {
        name: "under_test".into(),
        buffers: buffers.collect(),
        rows: rows.to_vec(),
        stages,
        registers: vec![DType::F32; registers],
        vector,
        origin: vec![],
    }
}

/// A program of one kernel, its buffers in the activations one after the other.
pub fn program(kernel: &Kernel) -> Program {
    let mut offset = 0;
    let mut buffers = vec![];
    for (at, parameter) in kernel.buffers.iter().enumerate() {
        let bytes = parameter.elements * parameter.dtype.bytes();
        buffers.push(Buffer {
            name: format!("buffer_{at}"),
            dtype: parameter.dtype,
            shape: vec![parameter.elements],
            class: Class::Activations,
            offset,
            bytes,
            span: Default::default(),
        });
        offset += bytes.next_multiple_of(64);
    }
    let arguments = (0..kernel.buffers.len() as u32).map(BufferId).collect();
    Program {
        name: "test".into(),
        kernels: vec![kernel.clone()],
        buffers,
        steps: vec![Step::Kernel { kernel: 0, arguments }],
        update: 0,
        arenas: [0, 0, 0, 0, 0, 0, offset],
        features: vec![],
        target: None,
        outputs: vec![],
    }
}

fn to_bytes(data: &Data, dtype: DType) -> Vec<u8> {
    match dtype {
        DType::F32 => data.iter().flat_map(|&v| (v as f32).to_le_bytes()).collect(),
        DType::U8 => data.iter().map(|&v| v as u8).collect(),
        _ => data.iter().flat_map(|&v| (v as i64 as i32).to_le_bytes()).collect(),
    }
}

fn from_bytes(bytes: &[u8], dtype: DType) -> Data {
    let words = bytes.chunks_exact(4).map(|b| [b[0], b[1], b[2], b[3]]);
    match dtype {
        DType::F32 => words.map(|b| f64::from(f32::from_le_bytes(b))).collect(),
        DType::U8 => bytes.iter().map(|&b| f64::from(b)).collect(),
        _ => words.map(|b| f64::from(i32::from_le_bytes(b))).collect(),
    }
}

/// What the processor leaves in the buffers.
pub fn run(kernel: &Kernel, buffers: &[Data], threads: usize) -> Vec<Data> {
    let device = Processor::open(CpuOptions { threads: Some(threads) }).expect("a processor");
    run_on(&device, kernel, buffers)
}

/// The same on a device that is open.
pub fn run_on(device: &Processor, kernel: &Kernel, buffers: &[Data]) -> Vec<Data> {
    let program = program(kernel);
    let mut executable = device.load(&program).unwrap_or_else(|e| panic!("{e}\n{kernel:?}"));
    let mut memory: Box<dyn Memory> = device.memory(program.arenas).expect("room");
    for (buffer, data) in program.buffers.iter().zip(buffers) {
        memory.write(Class::Activations, buffer.offset, &to_bytes(data, buffer.dtype)).expect("in range");
    }
    executable.run(&mut *memory, Phase::All).expect("a valid program");
    let read = |buffer: &Buffer| {
        let mut bytes = vec![0; buffer.bytes];
        memory.read(Class::Activations, buffer.offset, &mut bytes).expect("in range");
        from_bytes(&bytes, buffer.dtype)
    };
    program.buffers.iter().map(read).collect()
}

/// The distance of two f32 numbers in units of the last place; 0 for two NaNs and for two zeros.
pub fn ulps(a: f64, b: f64) -> u64 {
    let (a, b) = (a as f32, b as f32);
    if a == b || a.is_nan() && b.is_nan() {
        return 0;
    }
    if a.is_nan() || b.is_nan() {
        return u64::MAX;
    }
    let order = |x: f32| if x.is_sign_negative() { -i64::from(x.to_bits() & 0x7fff_ffff) } else { i64::from(x.to_bits()) };
    order(a).abs_diff(order(b))
}

/// Compares the processor with the definition: within `tolerance` units of the last place.
pub fn check(kernel: &Kernel, buffers: &[Data], tolerance: u64) {
    let device = Processor::open(CpuOptions { threads: Some(1) }).expect("a processor");
    check_on(&device, kernel, buffers, tolerance);
}

/// The same on a device that is open.
pub fn check_on(device: &Processor, kernel: &Kernel, buffers: &[Data], tolerance: u64) {
    let actual = run_on(device, kernel, buffers);
    let mut expected = buffers.to_vec();
    oracle::evaluate(kernel, &mut expected);
    for (number, (actual, expected)) in actual.iter().zip(&expected).enumerate() {
        for (at, (&a, &e)) in actual.iter().zip(expected).enumerate() {
            assert!(ulps(a, e) <= tolerance, "buffer {number}, element {at}: {a:e} where the definition has {e:e}\n{kernel:#?}");
        }
    }
}

/// Numbers that look random and are the same every time.
pub struct Numbers(pub u64);

impl Numbers {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() >> 33) as usize % n
    }
    /// In [low, high), an f32.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        f64::from((low + (high - low) * (self.next() >> 11) as f64 / (1u64 << 53) as f64) as f32)
    }
    pub fn data(&mut self, n: usize) -> Data {
        (0..n).map(|_| self.between(-4.0, 4.0)).collect()
    }
}
