//! Programs put together by hand, and their buffers' contents.
use esper_codegen::{
    Access, Buffer, BufferId, BufferParameter, Class, Combine, Index, Instruction, Kernel, Order, Program, Reduction, Register, Stage,
    Step, Store, Value, VectorAxis,
};
use esper_device::Memory;
use esper_device::cpu::{CpuOptions, Processor};
use esper_ir::{DType, Prim};

/// A program under construction: buffers one after the other in their arenas.
#[derive(Default)]
pub struct Builder {
    pub kernels: Vec<Kernel>,
    pub buffers: Vec<Buffer>,
    pub steps: Vec<Step>,
    pub arenas: [usize; 7],
}

impl Builder {
    pub fn buffer(&mut self, name: &str, class: Class, dtype: DType, shape: &[usize]) -> BufferId {
        let bytes = shape.iter().product::<usize>() * dtype.bytes();
        let offset = self.arenas[class as usize];
        self.arenas[class as usize] += bytes.next_multiple_of(64);
        let (name, shape) = (name.to_string(), shape.to_vec());
        self.buffers.push(Buffer { name, dtype, shape, class, offset, bytes, span: Default::default() });
        BufferId(self.buffers.len() as u32 - 1)
    }

    /// `result[i] = x[i] op y[i]` over flat buffers.
    pub fn elementwise(&mut self, prim: Prim, x: BufferId, y: BufferId, result: BufferId) {
        let n = self.buffers[result.0 as usize].shape.iter().product();
        let load = |buffer| Instruction::Load { buffer, index: Index::Row(0), guards: vec![], otherwise: 0.0 };
        let stage = Stage {
            instructions: vec![load(0), load(1), Instruction::Apply(prim, vec![Value(0), Value(1)], DType::F32)],
            dtypes: vec![DType::F32; 3],
            stores: vec![Store { buffer: 2, index: Index::Row(0), value: Value(2) }],
            ..Stage::default()
        };
        let parameter = |access| BufferParameter { dtype: DType::F32, access, elements: n };
        self.kernels.push(Kernel {
            name: format!("{prim:?}_{}", self.kernels.len()),
            buffers: vec![parameter(Access::Read), parameter(Access::Read), parameter(Access::Write)],
            rows: vec![n],
            stages: vec![stage],
            registers: vec![],
            vector: VectorAxis::Rows,
            origin: vec![],
        });
        self.steps.push(Step::Kernel { kernel: self.kernels.len() - 1, arguments: vec![x, y, result] });
    }

    pub fn finish(self, update: usize) -> Program {
        Program {
            name: "train[4]".into(),
            kernels: self.kernels,
            buffers: self.buffers,
            steps: self.steps,
            update,
            arenas: self.arenas,
            features: vec![],
            target: None,
            outputs: vec![],
        }
    }
}

pub fn open(threads: usize) -> Processor {
    Processor::open(CpuOptions { threads: Some(threads) }).expect("a processor")
}

pub fn write(memory: &mut dyn Memory, program: &Program, id: BufferId, data: &[f32]) {
    let buffer = &program.buffers[id.0 as usize];
    let bytes: Vec<u8> = data.iter().flat_map(|v| v.to_le_bytes()).collect();
    assert_eq!(bytes.len(), buffer.bytes);
    memory.write(buffer.class, buffer.offset, &bytes).expect("in range");
}

pub fn read(memory: &dyn Memory, program: &Program, id: BufferId) -> Vec<f32> {
    let buffer = &program.buffers[id.0 as usize];
    let mut bytes = vec![0; buffer.bytes];
    memory.read(buffer.class, buffer.offset, &mut bytes).expect("in range");
    bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}

pub fn numbers(n: usize, seed: u64) -> Vec<f32> {
    let mut state = seed | 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 40) as f32 / (1u32 << 24) as f32) - 0.5
    };
    (0..n).map(|_| next()).collect()
}

/// A sum of squares over all of x into one element: a row with a long inner loop.
pub fn sum_of_squares(b: &mut Builder, x: BufferId, result: BufferId) {
    let n: usize = b.buffers[x.0 as usize].shape.iter().product();
    let sum = Stage {
        inner: vec![n],
        instructions: vec![
            Instruction::Load { buffer: 0, index: Index::Inner(0), guards: vec![], otherwise: 0.0 },
            Instruction::Apply(Prim::Mul, vec![Value(0), Value(0)], DType::F32),
        ],
        dtypes: vec![DType::F32; 2],
        reductions: vec![Reduction { value: Value(1), combine: Combine::Sum, order: Order::Lanes16, dtype: DType::F32, into: Register(0) }],
        ..Stage::default()
    };
    let give = Stage {
        instructions: vec![Instruction::Register(Register(0))],
        dtypes: vec![DType::F32],
        stores: vec![Store { buffer: 1, index: Index::Constant(0), value: Value(0) }],
        ..Stage::default()
    };
    b.kernels.push(Kernel {
        name: "squares".into(),
        buffers: vec![
            BufferParameter { dtype: DType::F32, access: Access::Read, elements: n },
            BufferParameter { dtype: DType::F32, access: Access::Write, elements: 1 },
        ],
        rows: vec![],
        stages: vec![sum, give],
        registers: vec![DType::F32],
        vector: VectorAxis::Inner,
        origin: vec![],
    });
    b.steps.push(Step::Kernel { kernel: b.kernels.len() - 1, arguments: vec![x, result] });
}
