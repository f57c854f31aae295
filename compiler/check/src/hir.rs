//! The checked program: straight-line code with every call inlined, every loop unrolled and every type known.
//!
//! `check` evaluates a blueprint over types. What it leaves behind is this: one list of builtin calls for each program of an
//! experiment, with sizes that are numbers except for the batch. `lower` turns each call into graph operators; nothing else is left to decide.
use esper_diagnostics::Span;
use esper_ir::{
    Birth, Control, DType, DataSpec, Dim, Input, LayerInstance, Op, OutputKind, Policy, RunSettings, Slot, StreamId, TensorType, Window,
};

/// A value of a function: the position of the call that gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Value(pub u32);

/// One axis of an einsum or rearrange operand: several letters where a group `(h d)` is written.
pub type Group = Vec<String>;

/// How a reduction of the language combines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduce {
    /// All added.
    Sum,
    /// The sum over the count.
    Mean,
    /// The largest.
    Max,
    /// The smallest.
    Min,
}

/// One element of an index `x[.., 0:n, -1]`, axis by axis with `..` already spread out.
#[derive(Clone, Debug, PartialEq)]
pub enum IndexItem {
    /// `a:b`: keeps the axis.
    Range(Dim, Dim),
    /// One place: the axis disappears.
    At(Dim),
}

/// How random numbers are distributed; parameters are numbers known to the compiler.
#[derive(Clone, Debug, PartialEq)]
pub enum Distribution {
    /// In [low, high).
    Uniform {
        /// The smallest value.
        low: f64,
        /// Above every value.
        high: f64,
    },
    /// Mean and standard deviation (Box and Muller).
    Normal {
        /// The mean.
        mean: f64,
        /// The standard deviation.
        std: f64,
    },
    /// 1 with probability p; bool.
    Bernoulli {
        /// How often it is 1.
        p: f64,
    },
    /// Whole numbers in low .. high, i32.
    Integer {
        /// The smallest value.
        low: Dim,
        /// Above every value.
        high: Dim,
    },
}

/// A builtin function with all that is known when the compiler runs. Its operands' and result's types stand at the call.
#[derive(Clone, Debug, PartialEq)]
pub enum Builtin {
    /// A tensor from outside.
    Input(Input),
    /// A number everywhere.
    Constant(f64),
    /// A size as a number of the result's element type.
    Size(Dim),
    /// 0, 1, 2 … along an axis.
    Iota {
        /// The axis it counts along.
        axis: usize,
    },
    /// Random numbers of the result's type.
    Random {
        /// How the numbers are distributed.
        distribution: Distribution,
        /// Which numbers of the generator they are.
        stream: StreamId,
    },
    /// An elementwise operator of the table (unary, binary, comparison, `Select`, `Cast`, `StopGradient`); operands broadcast by NumPy's rule to the result.
    Elementwise(Op),
    /// `x @ y`: matrix product of the last two axes; a vector (rank 1) on either side is a row or column that disappears; leading axes broadcast.
    MatMul,
    /// `einsum(pattern, …)`: letters of each operand's axes, and of the result's; `..` is spread out into letters of its own. A letter missing in the result is summed.
    Einsum {
        /// The letters of each operand.
        operands: Vec<Vec<String>>,
        /// The letters of the result.
        result: Vec<String>,
    },
    /// `rearrange(x, pattern)`: groups of letters on both sides and the size of every letter.
    Rearrange {
        /// The operand's axes.
        from: Vec<Group>,
        /// The result's axes.
        to: Vec<Group>,
        /// The size of every letter.
        sizes: Vec<(String, Dim)>,
    },
    /// Result axis i is operand axis `order[i]`.
    Transpose {
        /// The operand axis on each result axis.
        order: Vec<usize>,
    },
    /// Another shape (the result's), row-major.
    Reshape,
    /// Operand axis i stands on result axis `axes[i]`; every other result axis has size 1 (`align`).
    Align {
        /// The result axis of each operand axis.
        axes: Vec<usize>,
    },
    /// NumPy broadcasting to the result's shape (`broadcast`, `expand`).
    BroadcastTo,
    /// `x[…]`, one item an axis. Also each part of `split`.
    Index(Vec<IndexItem>),
    /// One after the other along an axis.
    Concat {
        /// The axis along which they follow each other.
        axis: usize,
    },
    /// A number before and after each axis.
    Pad {
        /// How much is put before each axis.
        low: Vec<Dim>,
        /// How much is put behind each axis.
        high: Vec<Dim>,
        /// The number.
        value: f64,
    },
    /// Backwards along axes.
    Flip {
        /// The axes.
        axes: Vec<usize>,
    },
    /// `gather(table, indices, axis)`.
    Gather {
        /// The axis of the table.
        axis: usize,
    },
    /// `take_along(x, indices, axis)`; the indices' other axes broadcast to x's.
    TakeAlong {
        /// The axis.
        axis: usize,
    },
    /// `scatter_add(indices, updates, size, axis)`.
    ScatterAdd {
        /// The axis of the result.
        axis: usize,
        /// Its size.
        size: Dim,
    },
    /// `one_hot(indices, classes)`: a new last axis, of the result's element type.
    OneHot {
        /// The size of the new axis.
        classes: Dim,
    },
    /// Over axes (ascending); with `keep` they stay with size 1.
    Reduce {
        /// How elements combine.
        how: Reduce,
        /// The axes that are reduced.
        axes: Vec<usize>,
        /// Whether they stay with size 1.
        keep: bool,
    },
    /// Position of the first largest element along an axis.
    ArgMax {
        /// The axis.
        axis: usize,
        /// Whether it stays with size 1.
        keep: bool,
    },
    /// `conv(x, weight)`; 1-d is rank 3 (the window's first axis is then 1).
    Convolution {
        /// Kernel, stride, padding and dilation.
        window: Window,
        /// How many groups the channels form.
        groups: usize,
    },
    /// `max_pool(x)`.
    MaxPool {
        /// Kernel, stride and padding.
        window: Window,
    },
    /// `avg_pool(x)`.
    AveragePool {
        /// Kernel, stride and padding.
        window: Window,
    },
    /// `(target, source)`: a slot of the host, by its number; gives the target.
    Slot {
        /// Its number.
        slot: usize,
    },
    /// The operands are (y, x…); the derivative is rule number `rule` of the function.
    WithGradient {
        /// Its position among the rules.
        rule: usize,
    },
}

/// One call.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// What is called.
    pub builtin: Builtin,
    /// With what.
    pub args: Vec<Value>,
    /// What it gives.
    pub ty: TensorType,
    /// Where it was written.
    pub span: Span,
    /// The instance whose code it is in: `blocks[0].first`; empty for the host itself.
    pub path: String,
}

/// A hand-written derivative: inputs are arguments x…, y, dy in this order; outputs are [`OutputKind::Value`] i, the cotangent of `x_i`.
#[derive(Clone, Debug, PartialEq)]
pub struct GradientRule {
    /// How many x there are.
    pub inputs: usize,
    /// Its code.
    pub function: Function,
}

/// Straight-line code.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Function {
    /// In order; an argument always stands before its use.
    pub calls: Vec<Call>,
    /// What it gives.
    pub outputs: Vec<(OutputKind, Value)>,
    /// Derivatives that its calls name.
    pub rules: Vec<GradientRule>,
}

/// A parameter or state of the model.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// `blocks[0].first.weight`.
    pub path: String,
    /// Its type; no symbolic sizes.
    pub ty: TensorType,
    /// No inputs, one output [`OutputKind::Value`] 0.
    pub init: Function,
    /// Where it is declared.
    pub span: Span,
    /// Path of the instance that declares it and the name of its blueprint.
    pub owner: (String, String),
}

/// The optimizer of an experiment.
#[derive(Clone, Debug, PartialEq)]
pub struct Optimizer {
    /// `AdamW`.
    pub name: String,
    /// Names and constant initial values of its states.
    pub states: Vec<(String, f64)>,
    /// Its run-time scalars: inputs Step, TotalSteps, EpochSteps; one f32 output [`OutputKind::Value`] 0.
    pub scalars: Vec<(String, Function)>,
    /// For each rank that a parameter has, the rule for a tensor of shape `d0, d1 …`.
    /// Inputs: Updated, Gradient, Step, OptimizerState(k), OptimizerScalar(k); outputs: Updated, OptimizerState(k, 0).
    pub rules: Vec<(usize, Function)>,
}

/// A whole experiment, ready to lower. Exists only where the check found no error.
#[derive(Clone, Debug, PartialEq)]
pub struct Experiment {
    /// The `train` item's name.
    pub name: String,
    /// `DigitsMlp(hidden = 16)` as written.
    pub host: String,
    /// Trained tensors in the order their instances were made.
    pub parameters: Vec<Stored>,
    /// Untrained tensors.
    pub states: Vec<Stored>,
    /// Inputs Parameter, State, Feature, Target; outputs Prediction, Loss, Metric, State.
    pub train: Function,
    /// The same in evaluation, without State outputs.
    pub eval: Function,
    /// Without targets: Prediction alone.
    pub predict: Function,
    /// Names of the metrics.
    pub metrics: Vec<String>,
    /// Name of the loss.
    pub loss: String,
    /// Types of the features, the first size being [`esper_ir::BATCH`].
    pub features: Vec<TensorType>,
    /// Type of the target.
    pub target: TensorType,
    /// Classes, where the target is i32 and the loss reads it as class numbers (last size of the prediction).
    pub classes: Option<usize>,
    /// The optimizer.
    pub optimizer: Optimizer,
    /// The data.
    pub data: DataSpec,
    /// The run.
    pub settings: RunSettings,
    /// Instances in the order they were made.
    pub layers: Vec<LayerInstance>,
    /// The slots of the host, in the order of their calls.
    pub slots: Vec<Slot>,
    /// The candidates of all slots.
    pub seeds: Vec<Seed>,
    /// The policies of the `grow` lines.
    pub policies: Vec<Policy>,
    /// What a growing run is to be compared with.
    pub controls: Vec<Control>,
    /// The `train` item's name in the source.
    pub span: Span,
}

/// A candidate for one slot.
#[derive(Clone, Debug, PartialEq)]
pub struct Seed {
    /// The recipe as written.
    pub text: String,
    /// The blueprint's name.
    pub blueprint: String,
    /// Its birth, proved.
    pub birth: Birth,
    /// Trained tensors, with paths that begin at the seed.
    pub parameters: Vec<Stored>,
    /// Untrained tensors.
    pub states: Vec<Stored>,
    /// Inputs Argument(0), Parameter, State by the seed's own numbers; outputs Value(0), State.
    pub train: Function,
    /// The same in evaluation, without State outputs.
    pub eval: Function,
    /// Where the candidate is written, or the line that lists it.
    pub span: Span,
    /// Where its recipe is written, whatever the file.
    pub recipe: Span,
}

impl Function {
    /// Makes every slot in it the identity for good.
    pub fn shut_slots(&mut self) {
        for at in 0..self.calls.len() {
            if let Builtin::Slot { .. } = self.calls[at].builtin {
                let target = self.calls[at].args[0];
                self.calls[at].builtin = Builtin::Reshape;
                self.calls[at].args = vec![target];
            }
        }
    }
    /// The type of a value.
    pub fn ty(&self, value: Value) -> &TensorType {
        &self.calls[value.0 as usize].ty
    }
    /// Adds a call and gives its value.
    pub fn push(&mut self, builtin: Builtin, args: Vec<Value>, ty: TensorType, span: Span, path: &str) -> Value {
        self.calls.push(Call { builtin, args, ty, span, path: path.to_string() });
        Value(self.calls.len() as u32 - 1)
    }
    /// A number of an element type, as a scalar.
    pub fn scalar(&mut self, value: f64, dtype: DType, span: Span, path: &str) -> Value {
        self.push(Builtin::Constant(value), vec![], TensorType::scalar(dtype), span, path)
    }
}
