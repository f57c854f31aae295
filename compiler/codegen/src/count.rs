//! How much a program computes and moves, for the summary.
use crate::{Convolution, Instruction, Kernel, Program, Stage, Step};
use esper_ir::Prim;

impl Program {
    /// Floating-point operations of one run: two for each multiplication with its addition, one for every other scalar function.
    pub fn flops(&self) -> u64 {
        self.steps.iter().map(|step| self.step_flops(step)).sum()
    }
    /// Bytes that steps read and write, each buffer once a step: what a device without caches between steps must move.
    pub fn bytes(&self) -> u64 {
        self.steps.iter().map(|step| self.step_bytes(step)).sum()
    }
    /// Floating-point operations of one step.
    pub fn step_flops(&self, step: &Step) -> u64 {
        match step {
            Step::Kernel { kernel, .. } => kernel_flops(&self.kernels[*kernel]),
            Step::Dot(dot) => {
                let batch: usize = dot.batch.iter().map(|axis| axis.extent).product();
                2 * (batch * dot.m * dot.n * dot.k) as u64
            }
            Step::Convolution(convolution) => convolution_flops(convolution),
            Step::Pooling(pooling) => {
                (pooling.input[0] * pooling.output.iter().product::<usize>()) as u64
                    * pooling.window.kernel.iter().product::<usize>() as u64
            }
            Step::Scatter(scatter) => (scatter.outer * scatter.count * scatter.inner) as u64,
        }
    }
    /// Bytes that one step reads and writes.
    pub fn step_bytes(&self, step: &Step) -> u64 {
        step.buffers().iter().map(|b| self.buffers[b.0 as usize].bytes as u64).sum()
    }
}

fn kernel_flops(kernel: &Kernel) -> u64 {
    let stage = |stage: &Stage| {
        let arithmetic = |i: &&Instruction| matches!(i, Instruction::Apply(prim, ..) if *prim != Prim::Select);
        let each = stage.instructions.iter().filter(arithmetic).count() + stage.reductions.len();
        each as u64 * stage.inner.iter().product::<usize>() as u64
    };
    kernel.row_count() as u64 * kernel.stages.iter().map(stage).sum::<u64>()
}

fn convolution_flops(step: &Convolution) -> u64 {
    let results = step.input[0] * step.output.iter().product::<usize>();
    let taps = step.input[1] / step.groups.max(1) * step.window.kernel.iter().product::<usize>();
    2 * results as u64 * taps as u64
}
