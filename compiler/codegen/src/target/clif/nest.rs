//! A kernel made ready for code: indices in normal form, axes of one step dropped, axes that move together fused.
use super::affine::{Affine, Axis, Extents};
use crate::{Guard, Index, Instruction, Kernel, Reduction, Register, Stage, Unsupported, Value, VectorAxis};
use esper_ir::{DType, Prim, StreamId};

/// A condition in normal form: `0 <= index < extent`.
#[derive(Clone, Debug)]
pub(super) struct Bound {
    pub index: Affine,
    pub extent: i64,
}

/// An instruction with normal indices.
#[derive(Clone, Debug)]
pub(super) enum Operation {
    Load { buffer: usize, index: Affine, bounds: Vec<Bound>, otherwise: f64 },
    Register(Register),
    Constant(f64, DType),
    Position(Affine, DType),
    Inside(Vec<Bound>),
    Apply(Prim, Vec<Value>, DType),
    Cast { value: Value, to: DType },
    Random { key: usize, stream: StreamId, index: Affine },
}

/// A stage with normal indices.
#[derive(Clone, Debug)]
pub(super) struct NestStage {
    pub inner: Vec<usize>,
    pub operations: Vec<Operation>,
    pub dtypes: Vec<DType>,
    pub reductions: Vec<Reduction>,
    pub definitions: Vec<(Register, Value)>,
    pub stores: Vec<(usize, Affine, Value)>,
}

/// A kernel ready to be spelt.
#[derive(Clone, Debug)]
pub(super) struct Nest {
    /// At least one axis.
    pub rows: Vec<usize>,
    pub stages: Vec<NestStage>,
    pub vector: VectorAxis,
}

impl Nest {
    /// Checks a kernel and brings it into normal form.
    pub fn of(kernel: &Kernel) -> Result<Nest, Unsupported> {
        let refuse = |reason: String| Err(Unsupported::of_kernel(&kernel.name, reason));
        if let Some(dtype) = kernel.buffers.iter().map(|b| b.dtype).chain(kernel.registers.iter().copied()).find(half) {
            return refuse(format!("the processor target does not compute in {} yet", dtype.name()));
        }
        let mut stages = vec![];
        for stage in &kernel.stages {
            if let Some(dtype) = stage.dtypes.iter().copied().find(half) {
                return refuse(format!("the processor target does not compute in {} yet", dtype.name()));
            }
            if stage.dtypes.len() != stage.instructions.len() {
                return refuse("a stage whose types do not match its instructions (a bug in the compiler)".into());
            }
            stages.push(NestStage::of(stage, &kernel.rows));
        }
        let mut nest = Nest { rows: kernel.rows.clone(), stages, vector: kernel.vector };
        nest.drop_single_rows();
        nest.fuse_rows();
        nest.stages.iter_mut().for_each(NestStage::fuse_inner);
        if nest.rows.is_empty() {
            nest.rows.push(1);
        }
        if nest.stages.iter().all(|s| s.inner.is_empty()) {
            nest.vector = VectorAxis::Rows;
        }
        Ok(nest)
    }

    fn drop_single_rows(&mut self) {
        while let Some(axis) = self.rows.iter().position(|&n| n == 1) {
            self.rows.remove(axis);
            self.stages.iter_mut().for_each(|s| s.rewrite(&|a| a.without(Axis::Row(axis))));
        }
    }

    fn fuse_rows(&mut self) {
        let mut axis = 0;
        while axis + 1 < self.rows.len() {
            let extent = self.rows[axis + 1];
            let fuses = self.stages.iter().all(|s| s.all_indices(&|a| a.fuses(Axis::Row(axis), Axis::Row(axis + 1), extent)));
            if fuses {
                self.rows[axis + 1] *= self.rows[axis];
                self.rows.remove(axis);
                self.stages.iter_mut().for_each(|s| s.rewrite(&|a| a.without(Axis::Row(axis))));
                axis = axis.saturating_sub(1);
            } else {
                axis += 1;
            }
        }
    }
}

/// Whether a type has no arithmetic here.
fn half(dtype: &DType) -> bool {
    matches!(dtype, DType::F16 | DType::BF16)
}

impl NestStage {
    fn of(stage: &Stage, rows: &[usize]) -> NestStage {
        let extents = Extents { rows, inner: &stage.inner };
        let affine = |index: &Index| Affine::of(index, extents);
        let bounds = |guards: &[Guard]| {
            let all = guards.iter().map(|g| Bound { index: affine(&g.index), extent: g.extent });
            all.filter(|b| {
                let (low, high) = b.index.range(extents);
                low < 0 || high >= b.extent
            })
            .collect::<Vec<_>>()
        };
        let operations = stage.instructions.iter().map(|instruction| match instruction {
            Instruction::Load { buffer, index, guards, otherwise } => {
                Operation::Load { buffer: *buffer, index: affine(index), bounds: bounds(guards), otherwise: *otherwise }
            }
            Instruction::Register(register) => Operation::Register(*register),
            Instruction::Constant(value, dtype) => Operation::Constant(*value, *dtype),
            Instruction::Position(index, dtype) => Operation::Position(affine(index), *dtype),
            Instruction::Inside(guards) => Operation::Inside(bounds(guards)),
            Instruction::Apply(prim, arguments, dtype) => Operation::Apply(*prim, arguments.clone(), *dtype),
            Instruction::Cast { value, from: _, to } => Operation::Cast { value: *value, to: *to },
            Instruction::Random { key, stream, index } => Operation::Random { key: *key, stream: *stream, index: affine(index) },
        });
        let mut result = NestStage {
            inner: stage.inner.clone(),
            operations: operations.collect(),
            dtypes: stage.dtypes.clone(),
            reductions: stage.reductions.clone(),
            definitions: stage.definitions.clone(),
            stores: stage.stores.iter().map(|s| (s.buffer, affine(&s.index), s.value)).collect(),
        };
        while let Some(axis) = result.inner.iter().position(|&n| n == 1) {
            result.inner.remove(axis);
            result.rewrite(&|a| a.without(Axis::Inner(axis)));
        }
        result
    }

    fn fuse_inner(&mut self) {
        let mut axis = 0;
        while axis + 1 < self.inner.len() {
            let extent = self.inner[axis + 1];
            if self.all_indices(&|a| a.fuses(Axis::Inner(axis), Axis::Inner(axis + 1), extent)) {
                self.inner[axis + 1] *= self.inner[axis];
                self.inner.remove(axis);
                self.rewrite(&|a| a.without(Axis::Inner(axis)));
                axis = axis.saturating_sub(1);
            } else {
                axis += 1;
            }
        }
    }

    /// Whether a property holds for every index.
    fn all_indices(&self, holds: &dyn Fn(&Affine) -> bool) -> bool {
        let bounds = |all: &[Bound]| all.iter().all(|b| holds(&b.index));
        self.operations.iter().all(|operation| match operation {
            Operation::Load { index, bounds: all, .. } => holds(index) && bounds(all),
            Operation::Inside(all) => bounds(all),
            Operation::Position(index, _) | Operation::Random { index, .. } => holds(index),
            _ => true,
        }) && self.stores.iter().all(|(_, index, _)| holds(index))
    }

    fn rewrite(&mut self, change: &dyn Fn(&Affine) -> Affine) {
        let bounds = |all: &mut Vec<Bound>| all.iter_mut().for_each(|b| b.index = change(&b.index));
        for operation in &mut self.operations {
            match operation {
                Operation::Load { index, bounds: all, .. } => {
                    *index = change(index);
                    bounds(all);
                }
                Operation::Inside(all) => bounds(all),
                Operation::Position(index, _) | Operation::Random { index, .. } => *index = change(index),
                _ => {}
            }
        }
        self.stores.iter_mut().for_each(|(_, index, _)| *index = change(index));
    }

    /// The number of positions.
    pub fn positions(&self) -> usize {
        self.inner.iter().product()
    }

    /// Which values change along an axis. `registers`: which row scalars do.
    pub fn varying(&self, axis: Axis, registers: &[bool]) -> Vec<bool> {
        let mut varies: Vec<bool> = Vec::with_capacity(self.operations.len());
        for operation in &self.operations {
            let of = |v: Value| varies[v.0 as usize];
            let changes = match operation {
                Operation::Load { index, bounds, .. } => index.varies(axis, &of) || bounds.iter().any(|b| b.index.varies(axis, &of)),
                Operation::Register(register) => registers[register.0 as usize],
                Operation::Constant(..) => false,
                Operation::Position(index, _) | Operation::Random { index, .. } => index.varies(axis, &of),
                Operation::Inside(bounds) => bounds.iter().any(|b| b.index.varies(axis, &of)),
                Operation::Apply(_, arguments, _) => arguments.iter().any(|&v| of(v)),
                Operation::Cast { value, .. } => of(*value),
            };
            varies.push(changes);
        }
        varies
    }

    /// About how many machine instructions one position takes, to choose how far a loop is unrolled.
    pub fn weight(&self) -> usize {
        let of = |operation: &Operation| match operation {
            Operation::Random { .. } => 120,
            Operation::Apply(Prim::Exp, ..) => 16,
            Operation::Apply(Prim::Tanh | Prim::Log | Prim::Sin | Prim::Cos | Prim::Erf, ..) => 30,
            Operation::Apply(Prim::ErfInv | Prim::Pow, ..) => 60,
            Operation::Load { bounds, .. } if !bounds.is_empty() => 12,
            Operation::Register(_) | Operation::Constant(..) => 0,
            _ => 1,
        };
        self.operations.iter().map(of).sum::<usize>() + self.stores.len() + self.reductions.len()
    }
}
