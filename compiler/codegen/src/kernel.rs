//! The small loop-nest form that targets spell: rows in parallel, and in every row a few stages one after the other.
use esper_ir::{DType, Prim, StreamId};
use serde::{Deserialize, Serialize};

/// How a kernel uses one of its buffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Access {
    Read,
    Write,
    ReadWrite,
}

/// A buffer that a kernel is given, by position.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BufferParameter {
    /// What its elements are.
    pub dtype: DType,
    /// How it is used. Two parameters of one kernel never overlap unless both only read.
    pub access: Access,
    /// The number of elements.
    pub elements: usize,
}

/// An SSA value of a stage, by position among the stage's instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Value(pub u32);

/// A row's own scalar, written once by a stage (a reduction or a definition) and read by later stages of the same row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Register(pub u32);

/// A whole-number expression over the loop counters: where in a buffer an element lies. All values are non-negative except inside a guard.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Index {
    /// A number.
    Constant(i64),
    /// The counter of row axis `n` (of [`Kernel::rows`]).
    Row(usize),
    /// The counter of axis `n` of the stage's own loop (of [`Stage::inner`]).
    Inner(usize),
    /// An i32 value of the same stage (a gathered index).
    Value(Value),
    /// A sum.
    Add(Box<Index>, Box<Index>),
    /// A product with a number.
    Mul(Box<Index>, i64),
    /// The floor of the quotient by a positive number.
    Div(Box<Index>, i64),
    /// The remainder (never negative) by a positive number.
    Mod(Box<Index>, i64),
}

/// A condition that an index lies in `0 .. extent`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Guard {
    /// The index.
    pub index: Index,
    /// One past the last allowed.
    pub extent: i64,
}

/// One SSA instruction of a stage, evaluated at every position of its loop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Instruction {
    /// An element of a buffer; where a guard fails nothing is read and the value is `otherwise`.
    Load {
        /// Which parameter.
        buffer: usize,
        /// Where in it.
        index: Index,
        /// All must hold.
        guards: Vec<Guard>,
        /// What stands where one fails.
        otherwise: f64,
    },
    /// A row scalar of an earlier stage.
    Register(Register),
    /// A number of a type.
    Constant(f64, DType),
    /// An index as an i32 or f32 number.
    Position(Index, DType),
    /// 1 where all guards hold, otherwise 0 (bool).
    Inside(Vec<Guard>),
    /// A scalar function; operands of the type given (for `Select`: of the second and third operand).
    Apply(Prim, Vec<Value>, DType),
    /// To another type.
    Cast {
        /// What.
        value: Value,
        /// From this type.
        from: DType,
        /// To this type.
        to: DType,
    },
    /// Uniform in [0, 1): 24 bits of Philox4x32-10 with key (the run's 64-bit seed, in buffer `key` as two i32 words 0 and 1) and
    /// counter (position, step = word 2 of `key`, stream id's low half, its high half); the top 24 bits of the first output word, times 2⁻²⁴.
    Random {
        /// Which parameter holds seed and step.
        key: usize,
        /// The stream.
        stream: StreamId,
        /// The position in the tensor.
        index: Index,
    },
}

/// How a reduction combines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Combine {
    /// Sum.
    Sum,
    /// Largest; NaN wins.
    Max,
    /// Row-major position (over the stage's inner axes) of the first largest element, an i32.
    ArgMax,
}

/// The order in which a reduction adds, a function of operator and shape only, so that every target and schedule gives the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Order {
    /// One accumulator over the inner positions in row-major order.
    Sequential,
    /// 16 accumulators: position `p` (row-major over the inner axes) goes to accumulator `p % 16`; then 8 + 8, 4 + 4, 2 + 2, 1 + 1 (lane i with lane i + half).
    Lanes16,
}

/// One reduction of a stage over all its inner positions into a row scalar.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reduction {
    /// What is combined.
    pub value: Value,
    /// How.
    pub combine: Combine,
    /// In which order.
    pub order: Order,
    /// Of which type the accumulator is (the value's; i32 for ArgMax's result).
    pub dtype: DType,
    /// Where the result goes.
    pub into: Register,
}

/// A value that every inner position writes to a buffer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Store {
    /// Which parameter.
    pub buffer: usize,
    /// Where in it; different positions write different places.
    pub index: Index,
    /// What.
    pub value: Value,
}

/// One loop inside a row.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// Extents of its axes, outermost first; empty: once per row.
    pub inner: Vec<usize>,
    /// What every position computes.
    pub instructions: Vec<Instruction>,
    /// The type of each instruction's value.
    pub dtypes: Vec<DType>,
    /// Reductions over all positions.
    pub reductions: Vec<Reduction>,
    /// Row scalars defined by a stage without inner axes.
    pub definitions: Vec<(Register, Value)>,
    /// What is written.
    pub stores: Vec<Store>,
}

/// Which loop a vector machine should put into its lanes. The result does not depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum VectorAxis {
    /// Neighbouring rows (the last row axis): for reductions down columns.
    Rows,
    /// Neighbouring inner positions.
    Inner,
}

/// A loop nest. Rows are independent of each other; the stages of a row run in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kernel {
    /// A readable name, unique in its program: `exp_sum_div_3`.
    pub name: String,
    /// What it is given.
    pub buffers: Vec<BufferParameter>,
    /// Extents of the parallel axes, outermost first; empty: one row.
    pub rows: Vec<usize>,
    /// What each row does.
    pub stages: Vec<Stage>,
    /// How many row scalars there are, with their types.
    pub registers: Vec<DType>,
    /// Which loop to vectorise.
    pub vector: VectorAxis,
    /// The operators it came from, for people.
    pub origin: Vec<String>,
}

impl Kernel {
    /// The number of rows.
    pub fn row_count(&self) -> usize {
        self.rows.iter().product()
    }
}
