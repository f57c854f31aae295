//! Steps with hand-written kernels: planned once for their sizes, run without allocation.
use super::executable::Arguments;
use super::product::ProductPlan;
use super::scatter::ScatterPlan;
use super::windowed::{ConvolutionStep, PoolingStep};
use super::workers::Sequence;
use crate::DeviceError;
use esper_codegen::{BufferId, Program, Step};

/// A planned library step.
pub enum Library {
    /// A matrix product.
    Product(ProductPlan),
    /// One of the three products of a convolution.
    Convolution(ConvolutionStep),
    /// A pooling or its gradient.
    Pooling(PoolingStep),
    /// A scatter.
    Scatter(ScatterPlan),
}

impl Library {
    /// Chooses kernels and sets workspace aside. `program` has been validated.
    ///
    /// # Errors
    /// A step, or sizes, without an implementation.
    pub fn plan(program: &Program, step: &Step, threads: usize) -> Result<Library, DeviceError> {
        match step {
            Step::Dot(dot) => Ok(Library::Product(ProductPlan::new(dot, threads))),
            Step::Convolution(convolution) => Ok(Library::Convolution(ConvolutionStep::new(convolution, threads))),
            Step::Pooling(pooling) => Ok(Library::Pooling(PoolingStep::new(pooling))),
            Step::Scatter(scatter) => Ok(Library::Scatter(ScatterPlan::new(scatter))),
            Step::Kernel { .. } => Err(DeviceError::UnsupportedStep {
                program: program.name.clone(),
                step: "a kernel".into(),
                reason: "it is compiled and no library step".into(),
            }),
        }
    }

    /// The step's buffers in the order that [`Library::run`] is given them, and the one it writes.
    pub fn arguments(step: &Step) -> (Vec<BufferId>, BufferId) {
        match step {
            Step::Kernel { arguments, .. } => (arguments.clone(), arguments.last().copied().unwrap_or(BufferId(0))),
            Step::Dot(dot) => (vec![dot.a, dot.b, dot.c].into_iter().chain(dot.epilogue.bias).collect(), dot.c),
            Step::Convolution(c) => (vec![c.operands[0], c.operands[1], c.result].into_iter().chain(c.epilogue.bias).collect(), c.result),
            Step::Pooling(pooling) => (pooling.operands.iter().copied().chain([pooling.result]).collect(), pooling.result),
            Step::Scatter(scatter) => (vec![scatter.indices, scatter.updates, scatter.result], scatter.result),
        }
    }

    /// For people: the step with its sizes.
    pub fn name(&self) -> String {
        match self {
            Library::Product(plan) => plan.name(),
            Library::Convolution(plan) => plan.name(),
            Library::Pooling(plan) => plan.name(),
            Library::Scatter(plan) => plan.name(),
        }
    }

    /// Runs the step.
    pub fn run(&mut self, arguments: Arguments, sequence: &Sequence) {
        match self {
            Library::Product(plan) => plan.run(arguments, sequence),
            Library::Convolution(plan) => plan.run(arguments, sequence),
            Library::Pooling(plan) => plan.run(arguments, sequence),
            Library::Scatter(plan) => plan.run(arguments, sequence),
        }
    }
}
