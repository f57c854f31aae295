//! What a device runs: kernels, library steps, and buffers with their places in one arena per lifetime class.
use crate::Kernel;
use esper_diagnostics::Span;
use esper_ir::{DType, OutputKind, Window};
use serde::{Deserialize, Serialize};

/// How long a buffer lives; each class is one arena. The first six have the same layout in every program of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Class {
    /// Trained tensors.
    Parameters,
    /// Untrained tensors that training assigns.
    States,
    /// States of the update rule: state k of every parameter, at the parameter's offset, in block k.
    OptimizerStates,
    /// Gradients, at the parameters' offsets.
    Gradients,
    /// 32-bit words written before every step: seed low, seed high, step (as i32), then f32: step, total steps, epoch steps, then the update rule's scalars.
    Scalars,
    /// This batch's rows, and results that the host reads: predictions, loss, metrics. Its layout is the program's own.
    Exchange,
    /// Everything that lives within a step, placed by liveness; also workspace of library steps.
    Activations,
}

impl Class {
    /// All of them.
    pub const ALL: [Class; 7] =
        [Class::Parameters, Class::States, Class::OptimizerStates, Class::Gradients, Class::Scalars, Class::Exchange, Class::Activations];
}

/// Word offsets in [`Class::Scalars`].
pub mod scalar_words {
    /// The run's seed, low and high half.
    pub const SEED: usize = 0;
    /// The step as an i32, keys the random streams.
    pub const STEP_KEY: usize = 2;
    /// The step as an f32, from 1.
    pub const STEP: usize = 3;
    /// Steps of the run as an f32.
    pub const TOTAL_STEPS: usize = 4;
    /// Steps of an epoch as an f32.
    pub const EPOCH_STEPS: usize = 5;
    /// First scalar of the update rule; they are computed by the program from its schedules.
    pub const OPTIMIZER: usize = 6;
}

/// A buffer of a program, by position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BufferId(pub u32);

/// A range of an arena.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Buffer {
    /// For people: `first.weight`, `relu_7`.
    pub name: String,
    /// Elements' type.
    pub dtype: DType,
    /// Sizes, row-major.
    pub shape: Vec<usize>,
    /// Which arena.
    pub class: Class,
    /// First byte in it.
    pub offset: usize,
    /// Bytes.
    pub bytes: usize,
    /// The source it came from, to name it when it goes bad.
    pub span: Span,
}

/// What is done to a finished tile of a product while it is in cache: `relu?(value + bias)`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Epilogue {
    /// A vector added to every row of a product (its length is the columns) or to every channel of a convolution.
    pub bias: Option<BufferId>,
    /// max(·, 0).
    pub relu: bool,
}

/// A matrix product, maybe batched: `c[batch][m, n] = a[batch][m, k] · b[batch][k, n]`. Strides in elements.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dot {
    /// Left, its strides along (m, k).
    pub a: BufferId,
    /// See `a`.
    pub a_strides: [usize; 2],
    /// Right, its strides along (k, n).
    pub b: BufferId,
    /// See `b`.
    pub b_strides: [usize; 2],
    /// Result, row-major and dense: strides (n, 1).
    pub c: BufferId,
    /// Sizes.
    pub m: usize,
    /// Sizes.
    pub n: usize,
    /// Sizes.
    pub k: usize,
    /// Products side by side, each with its extent and the strides of a, b and c along it; outermost first.
    pub batch: Vec<BatchAxis>,
    /// What follows.
    pub epilogue: Epilogue,
}

/// One batch axis of a [`Dot`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct BatchAxis {
    pub extent: usize,
    pub a: usize,
    pub b: usize,
    pub c: usize,
}

/// Which of the three products of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum ConvolutionKind {
    Forward,
    InputGradient,
    WeightGradient,
}

/// A convolution in `[n, c, h, w]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Convolution {
    /// Which product.
    pub kind: ConvolutionKind,
    /// Forward: x, weight. Input gradient: dy, weight. Weight gradient: x, dy. All dense, row-major.
    pub operands: [BufferId; 2],
    /// y, dx or dweight.
    pub result: BufferId,
    /// Images, input channels, height, width of x.
    pub input: [usize; 4],
    /// Output channels, height, width of y.
    pub output: [usize; 3],
    /// The window.
    pub window: Window,
    /// Groups.
    pub groups: usize,
    /// What follows (forward only).
    pub epilogue: Epilogue,
}

/// Which pooling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum PoolingKind {
    Max,
    MaxGradient,
    Average,
    AverageGradient,
}

/// A pooling in `[n, c, h, w]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pooling {
    /// Which.
    pub kind: PoolingKind,
    /// Max, Average: x. MaxGradient: x, dy. AverageGradient: dy.
    pub operands: Vec<BufferId>,
    /// y or dx.
    pub result: BufferId,
    /// Images × channels, height, width of x.
    pub input: [usize; 3],
    /// Height, width of y.
    pub output: [usize; 2],
    /// The window.
    pub window: Window,
}

/// `result[o, i, r] = Σ updates[o, j, r] where indices[…] == i`, in the order of j. Covers both scatters of the operator table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scatter {
    /// i32. For `per_element`, of the updates' shape; otherwise one index for each j.
    pub indices: BufferId,
    /// f32 [outer, updates, inner].
    pub updates: BufferId,
    /// f32 [outer, places, inner].
    pub result: BufferId,
    /// Product of the axes before.
    pub outer: usize,
    /// Updates along the axis.
    pub count: usize,
    /// Places along the axis of the result.
    pub places: usize,
    /// Product of the axes behind.
    pub inner: usize,
    /// Whether every element has its own index.
    pub per_element: bool,
}

/// One step of a program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Step {
    /// A loop nest with its buffers, in the order of the kernel's parameters.
    Kernel {
        /// Position in [`Program::kernels`].
        kernel: usize,
        /// What it is given.
        arguments: Vec<BufferId>,
    },
    /// A matrix product.
    Dot(Dot),
    /// A convolution.
    Convolution(Convolution),
    /// A pooling.
    Pooling(Pooling),
    /// A scatter.
    Scatter(Scatter),
}

impl Step {
    /// The buffers it reads and writes.
    pub fn buffers(&self) -> Vec<BufferId> {
        match self {
            Step::Kernel { arguments, .. } => arguments.clone(),
            Step::Dot(dot) => [dot.a, dot.b, dot.c].into_iter().chain(dot.epilogue.bias).collect(),
            Step::Convolution(convolution) => {
                convolution.operands.into_iter().chain([convolution.result]).chain(convolution.epilogue.bias).collect()
            }
            Step::Pooling(pooling) => pooling.operands.iter().copied().chain([pooling.result]).collect(),
            Step::Scatter(scatter) => vec![scatter.indices, scatter.updates, scatter.result],
        }
    }
}

/// A compiled graph. Steps `0 .. update` change nothing but activations, gradients and the exchange; the rest commits the step:
/// parameters, states and states of the update rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Program {
    /// For people: `train[64]`.
    pub name: String,
    /// The distinct loop nests.
    pub kernels: Vec<Kernel>,
    /// All buffers.
    pub buffers: Vec<Buffer>,
    /// In order.
    pub steps: Vec<Step>,
    /// The first step that commits.
    pub update: usize,
    /// Bytes of each arena that this program needs, in the order of [`Class::ALL`].
    pub arenas: [usize; 7],
    /// Where each feature is written; an empty buffer where the program does not read it.
    pub features: Vec<BufferId>,
    /// Where the targets are written, if the program reads any.
    pub target: Option<BufferId>,
    /// Where results are read.
    pub outputs: Vec<(OutputKind, BufferId)>,
}
