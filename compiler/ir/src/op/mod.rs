//! The tensor operators: a closed set, each with one record that everything else reads.
mod attributes;
mod comparison;
mod contraction;
mod convolution;
mod elementwise;
mod indexed;
mod leaves;
mod movement;
mod pooling;
mod reduction;
mod rule;
mod spec;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use attributes::{Attribute, AttributeSource, from_attributes};
pub(crate) use spec::check_axes;
pub use spec::{Arity, Cotangents, Derivative, Domain, Evaluate, Example, Lowering, OpSpec, Operand, Refusal, Tolerance};
pub use table::TABLE;

use crate::{DType, Dim, Shape};
use serde::{Deserialize, Serialize};

/// A window that slides over the last two axes: of a convolution or a pooling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Window {
    /// Taps along height and width.
    pub kernel: [usize; 2],
    /// Steps between windows.
    pub stride: [usize; 2],
    /// Zeros (for a maximum: −∞) on both sides of each axis.
    pub padding: [usize; 2],
    /// Distance between taps.
    pub dilation: [usize; 2],
}

/// The numbers of a contraction: which axes are paired as batch and which are summed over.
/// The result's axes: batch (in the order given), then the left's free axes, then the right's.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DotAxes {
    /// Batch axes of the left operand.
    pub left_batch: Vec<usize>,
    /// Batch axes of the right operand, paired with the left's in order.
    pub right_batch: Vec<usize>,
    /// Axes of the left operand that are summed over.
    pub left_contract: Vec<usize>,
    /// Axes of the right operand that are summed over, paired in order.
    pub right_contract: Vec<usize>,
}

/// What a graph reads from outside.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Input {
    /// A trained tensor, by its number in [`crate::Model::parameters`].
    Parameter(usize),
    /// An untrained tensor that training assigns, by its number in [`crate::Model::states`].
    State(usize),
    /// The current batch of a column of the data (0: what `forward` takes; further ones follow its parameters).
    Feature(usize),
    /// The current batch of targets.
    Target,
    /// The number of the step, from 1, as an f32 scalar. In an update rule: of this parameter's own updates.
    Step,
    /// The number of steps of the run, as an f32 scalar.
    TotalSteps,
    /// Steps of one epoch, as an f32 scalar.
    EpochSteps,
    /// The parameter an update rule or initialiser is about.
    Updated,
    /// The gradient an update rule is given.
    Gradient,
    /// A state of the update rule, by its number in the rule.
    OptimizerState(usize),
    /// A run-time scalar of the update rule (learning rate, weight decay), by its number in [`crate::Optimizer::scalars`].
    OptimizerScalar(usize),
    /// How much a live seed counts, by its number in [`crate::Model::live`]: an f32 scalar.
    Alpha(usize),
    /// How many updates a live seed has had, the current one included: an f32 scalar.
    Age(usize),
    /// What a live seed's learning rate is multiplied by: an f32 scalar.
    Boost(usize),
    /// An argument of a gradient rule or of a graph used as a function, by its position.
    Argument(usize),
}

/// A stream of random numbers. Streams of different ids are independent; the numbers of one depend on
/// (run seed, step, id, position in the tensor) and on nothing else. The id is a hash of the instance path and the
/// place of the call, so that what else grows changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StreamId(pub u64);

/// A tensor operator with its attributes. Attributes are typed fields, never strings. Implicit broadcasting does not exist here.
/// What each computes is said once, in its record: [`Op::spec`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Op {
    // ---- leaves
    /// A tensor from outside, of the type written at the node.
    Input(Input),
    /// One number everywhere; the node's type says how many.
    Constant(#[serde(with = "crate::text::number")] f64),
    /// The value of a size, as a scalar of the node's float or integer type: a constant once sizes are bound.
    Size(Dim),
    /// 0, 1, 2 … along `axis`, the same along all others; i32 or f32.
    Iota {
        axis: usize,
    },
    /// Uniform in [0, 1): multiples of 2⁻²⁴ from 24 random bits (Philox4x32-10, Salmon et al., SC11).
    Random {
        stream: StreamId,
    },

    // ---- elementwise, one operand
    Neg,
    Exp,
    Log,
    Sqrt,
    Rsqrt,
    Reciprocal,
    Sin,
    Cos,
    Tanh,
    Erf,
    ErfInv,
    Abs,
    Sign,
    Floor,
    Ceil,
    /// To the nearest whole number, halves to even.
    Round,
    /// Logical.
    Not,
    /// To another element type: float to integer truncates towards zero, to bool is `!= 0`.
    Cast {
        to: DType,
    },
    /// The value; no gradient passes.
    StopGradient,

    // ---- elementwise, two operands of one type
    Add,
    Sub,
    Mul,
    Div,
    Maximum,
    Minimum,
    Pow,
    /// Remainder with the sign of the divisor (floored), as Python's `%`.
    Rem,
    /// Comparisons give bool.
    Equal,
    NotEqual,
    Less,
    LessEqual,
    /// Logical.
    And,
    Or,
    /// `select(condition, then, otherwise)`.
    Select,

    // ---- movement: no arithmetic
    /// To `shape`; operand axis `i` becomes axis `axes[i]` (ascending); an operand axis of size 1 may be repeated.
    Broadcast {
        shape: Shape,
        axes: Vec<usize>,
    },
    /// The same elements in row-major order under another shape.
    Reshape {
        shape: Shape,
    },
    /// Result axis `i` is operand axis `order[i]`.
    Transpose {
        order: Vec<usize>,
    },
    /// `start[i] .. stop[i]` of each axis.
    Slice {
        start: Vec<Dim>,
        stop: Vec<Dim>,
    },
    /// `value` before and after each axis.
    Pad {
        low: Vec<Dim>,
        high: Vec<Dim>,
        #[serde(with = "crate::text::number")]
        value: f64,
    },
    /// Any number of operands, one after the other along `axis`.
    Concat {
        axis: usize,
    },
    /// Backwards along these axes.
    Flip {
        axes: Vec<usize>,
    },

    // ---- indexed
    /// `gather(table, indices)`: `axis` of the table is replaced by the indices' axes. An index outside gives NaN (integers: 0).
    Gather {
        axis: usize,
    },
    /// `scatter_add(indices, updates)`: zeros whose `axis` has `size` places, each update added where its index says; inverse of `Gather`. Indices outside add nothing.
    ScatterAdd {
        axis: usize,
        size: Dim,
    },
    /// `take_along(x, indices)`: same rank; along `axis`, element `indices[…]`; the other axes are equal. Outside as `Gather`.
    TakeAlong {
        axis: usize,
    },
    /// `take_along_add(indices, updates)`: zeros whose `axis` has `size` places; inverse of `TakeAlong`.
    TakeAlongAdd {
        axis: usize,
        size: Dim,
    },

    // ---- reductions: the axes disappear (ascending, without repetition)
    Sum {
        axes: Vec<usize>,
    },
    /// The largest element; the gradient is shared equally among equals.
    Max {
        axes: Vec<usize>,
    },
    /// Position of the first largest element along `axis`, i32.
    ArgMax {
        axis: usize,
    },

    // ---- contractions and windows
    /// Sum of products over paired axes.
    DotGeneral(DotAxes),
    /// `convolution(x [n, ci, h, w], weight [co, ci / groups, kh, kw])` → [n, co, oh, ow].
    Convolution {
        window: Window,
        groups: usize,
    },
    /// `(dy [n, co, oh, ow], weight)` → dx, whose height and width are `size`.
    ConvolutionInputGradient {
        window: Window,
        groups: usize,
        size: [Dim; 2],
    },
    /// `(x, dy)` → dweight.
    ConvolutionWeightGradient {
        window: Window,
        groups: usize,
    },
    /// The largest element of each window over the last two of four axes.
    MaxPool {
        window: Window,
    },
    /// `(x, dy)` → dx: each dy goes to the first largest element of its window.
    MaxPoolGradient {
        window: Window,
    },
    /// The mean of each window, padding counted, over the last two of four axes.
    AveragePool {
        window: Window,
    },
    /// `dy` → dx, whose height and width are `size`.
    AveragePoolGradient {
        window: Window,
        size: [Dim; 2],
    },

    // ---- derivatives by hand
    /// `(y, x₀, x₁ …)` → y. Its derivative is rule number `rule` of the graph: inputs (x…, y, dy), one cotangent per float x; none flows into y.
    WithGradient {
        rule: usize,
    },

    // ---- growth
    /// `(target, source)` → target: a slot of the model, by its number. What grows there is put in its place before code is made.
    Slot {
        slot: usize,
    },
}
