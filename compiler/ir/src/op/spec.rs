//! The form of an operator's record, and what records are made of.
use super::Op;
use crate::{DType, Dim, Graph, NodeId, OpError, Prim, Shape, Tensor, TensorType};
use smallvec::SmallVec;

/// How many operands an operator takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arity {
    /// So many.
    Exactly(usize),
    /// So many or more.
    AtLeast(usize),
}

/// The cotangents of a node's operands, in their order; `None` where no gradient flows.
pub type Cotangents = SmallVec<[Option<NodeId>; 3]>;

/// How gradients flow back through an operator.
#[derive(Clone, Copy)]
pub enum Derivative {
    /// They do not: the result is constant almost everywhere, or no float.
    Zero,
    /// Given the graph, a node of this operator and the cotangent of its result, adds nodes for the cotangents of its operands.
    /// Works with symbolic sizes as well as with numbers.
    Reverse(fn(&mut Graph, NodeId, NodeId) -> Result<Cotangents, OpError>),
    /// It has a gradient that cannot be computed, for this reason.
    Missing(&'static str),
}

/// What kind of work an operator is to a code generator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lowering {
    /// Reads no node: input, constant, position or random number.
    Leaf,
    /// A scalar function at every element.
    Map(Prim),
    /// Conversion of the element type.
    Cast,
    /// Other positions of the same elements.
    Movement,
    /// Positions that are data.
    Indexed,
    /// Axes disappear.
    Reduce,
    /// A matrix product in general.
    Contraction,
    /// Convolution or pooling.
    Window,
    /// The first operand as it is; only differentiation looks at it.
    Rule,
}

/// How far a device may be from the float64 interpreter on inputs of the examples' domains: `|a - b| <= absolute + relative * |b|`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Tolerance {
    pub absolute: f64,
    pub relative: f64,
}

impl Tolerance {
    /// The same bits: no arithmetic, or arithmetic on whole numbers.
    pub const EXACT: Tolerance = Tolerance { absolute: 0.0, relative: 0.0 };
    /// One or two roundings in float32.
    pub const ROUNDING: Tolerance = Tolerance { absolute: 1e-6, relative: 1e-6 };
    /// A polynomial approximation in float32.
    pub const APPROXIMATION: Tolerance = Tolerance { absolute: 2e-6, relative: 4e-6 };
    /// A sum of many products in float32.
    pub const ACCUMULATION: Tolerance = Tolerance { absolute: 2e-5, relative: 1e-5 };
}

/// What values an example's operand takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Domain {
    /// Uniform between the two.
    Between(f64, f64),
    /// Whole numbers `0 .. n`.
    Below(u32),
}

/// An operand of an example.
#[derive(Clone, Debug, PartialEq)]
pub struct Operand {
    /// Its type, without symbolic sizes.
    pub ty: TensorType,
    /// Its values.
    pub domain: Domain,
}

/// A small application of an operator, for generated tests.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// With its attributes.
    pub op: Op,
    /// What it is applied to.
    pub operands: Vec<Operand>,
    /// The type of a leaf; of other operators the shape rule's.
    pub ty: Option<TensorType>,
}

/// An application that the shape rule refuses.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// With its attributes.
    pub op: Op,
    /// What it is applied to.
    pub operands: Vec<TensorType>,
    /// A part of the message.
    pub because: &'static str,
}

/// The elements of a result, from the operator, its operands and the result's sizes.
pub type Evaluate = fn(&Op, &[&Tensor], &[usize]) -> Vec<f64>;

/// Everything that is known of an operator.
pub struct OpSpec {
    /// Its name in the text form of graphs.
    pub name: &'static str,
    /// What it computes, for the user of the language.
    pub doc: &'static str,
    /// How many operands it takes.
    pub arity: Arity,
    /// The type of the result; a refusal names the types. Called through [`OpSpec::result_type`], which has counted the operands.
    pub infer: fn(&Op, &[&TensorType]) -> Result<TensorType, OpError>,
    /// How gradients flow back.
    pub derivative: Derivative,
    /// What kind of work it is.
    pub lowering: Lowering,
    /// The elements of the result (given its sizes) in float64. `None`: leaves, whose values come from outside, and [`Lowering::Map`].
    pub evaluate: Option<Evaluate>,
    /// Additions, multiplications and other scalar functions for operands and result of these types, as a size. `None`: too many to count.
    pub work: fn(&Op, &[&TensorType], &TensorType) -> Option<Dim>,
    /// [`OpSpec::work`] as a number, where no size is symbolic.
    pub flops: fn(&Op, &[&TensorType], &TensorType) -> Option<u64>,
    /// How far devices may be off.
    pub tolerance: Tolerance,
    /// Small applications that together use every attribute.
    pub examples: fn() -> Vec<Example>,
    /// Applications that are refused.
    pub refusals: fn() -> Vec<Refusal>,
}

impl OpSpec {
    /// A record to be completed: without gradient, examples and work.
    pub(super) const fn new(name: &'static str, arity: Arity, lowering: Lowering, doc: &'static str) -> OpSpec {
        OpSpec {
            name,
            doc,
            arity,
            infer: |op, _| Err(OpError::new(format!("`{}` reads no tensor", op.spec().name))),
            derivative: Derivative::Zero,
            lowering,
            evaluate: None,
            work: |_, _, _| Some(Dim::constant(0)),
            flops: |op, operands, result| (op.spec().work)(op, operands, result)?.as_const()?.try_into().ok(),
            tolerance: Tolerance::EXACT,
            examples: Vec::new,
            refusals: Vec::new,
        }
    }
    /// The type of the result for operands of these types: [`OpSpec::infer`] after counting, with every axis at least 1.
    pub fn result_type(&self, op: &Op, operands: &[&TensorType]) -> Result<TensorType, OpError> {
        let (wanted, fits) = match self.arity {
            Arity::Exactly(n) => (n.to_string(), operands.len() == n),
            Arity::AtLeast(n) => (format!("at least {n}"), operands.len() >= n),
        };
        if !fits {
            return Err(OpError::new(format!("`{}` takes {wanted} tensors, not {}", self.name, operands.len())));
        }
        let ty = (self.infer)(op, operands)?;
        check_axes(&ty)?;
        Ok(ty)
    }
    /// Bytes that are read and written when nothing is fused, as a size.
    pub fn traffic(&self, operands: &[&TensorType], result: &TensorType) -> Option<Dim> {
        if matches!(self.lowering, Lowering::Leaf | Lowering::Rule) {
            return Some(Dim::constant(0));
        }
        operands.iter().chain([&result]).try_fold(Dim::constant(0), |sum, ty| {
            let bytes = product(&ty.shape).ok()?.mul(&Dim::from(ty.dtype.bytes())).ok()?;
            sum.add(&bytes).ok()
        })
    }
    /// [`OpSpec::traffic`] as a number, where no size is symbolic.
    pub fn bytes(&self, operands: &[&TensorType], result: &TensorType) -> Option<u64> {
        self.traffic(operands, result)?.as_const()?.try_into().ok()
    }
}

/// That no axis is a fraction or smaller than 1, as far as that is known.
pub(crate) fn check_axes(ty: &TensorType) -> Result<(), OpError> {
    for (axis, size) in ty.shape.iter().enumerate() {
        if size.is_whole() == Some(false) {
            return Err(OpError::new(format!("axis {axis} of `{ty}` would be a fraction")));
        }
        if size.as_const().is_some_and(|n| n < 1) {
            return Err(OpError::new(format!("axis {axis} of `{ty}` would have no element")));
        }
    }
    Ok(())
}

/// The number of elements.
pub(super) fn product(shape: &[Dim]) -> Result<Dim, crate::DimError> {
    shape.iter().try_fold(Dim::constant(1), |a, b| a.mul(b))
}

/// One operation for every element of the result.
pub(super) fn work_per_element(_: &Op, _: &[&TensorType], result: &TensorType) -> Option<Dim> {
    product(&result.shape).ok()
}

/// One operation for every element of the first operand.
pub(super) fn work_per_operand_element(_: &Op, operands: &[&TensorType], _: &TensorType) -> Option<Dim> {
    product(&operands.first()?.shape).ok()
}

/// `f32[2, 3]`, for examples.
pub(super) fn tensor(dtype: DType, sizes: &[usize]) -> TensorType {
    TensorType::new(dtype, sizes.iter().map(|n| Dim::from(*n)).collect())
}

/// An f32 operand of an example with values between two.
pub(super) fn between(low: f64, high: f64, sizes: &[usize]) -> Operand {
    Operand { ty: tensor(DType::F32, sizes), domain: Domain::Between(low, high) }
}

/// An operand of an example with whole values `0 .. n`.
pub(super) fn below(n: u32, dtype: DType, sizes: &[usize]) -> Operand {
    Operand { ty: tensor(dtype, sizes), domain: Domain::Below(n) }
}

/// An example of an operator with operands.
pub(super) fn example(op: Op, operands: impl Into<Vec<Operand>>) -> Example {
    Example { op, operands: operands.into(), ty: None }
}

/// A refusal of f32 operands of these sizes.
pub(super) fn refuse(op: Op, operands: &[&[usize]], because: &'static str) -> Refusal {
    Refusal { op, operands: operands.iter().map(|s| tensor(DType::F32, s)).collect(), because }
}

/// Types as a message lists them: `` `f32[2]` and `i32` ``.
pub(super) fn listed(types: &[&TensorType]) -> String {
    types.iter().map(|t| format!("`{t}`")).collect::<Vec<_>>().join(" and ")
}

/// The sizes of a type that are certainly numbers; of sizes without names only, as the interpreter has them.
pub(super) fn number(dim: &Dim) -> usize {
    dim.as_const().and_then(|n| usize::try_from(n).ok()).expect("the interpreter runs graphs without symbolic sizes")
}

/// Splits a row-major shape at an axis: elements before, along, and behind it.
pub(super) fn around(shape: &[usize], axis: usize) -> (usize, usize, usize) {
    (shape[..axis].iter().product(), shape[axis], shape[axis + 1..].iter().product())
}

/// Row-major strides.
pub(super) fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for i in (1..shape.len()).rev() {
        strides[i - 1] = strides[i] * shape[i];
    }
    strides
}

/// Calls `visit` with every position of a shape in row-major order.
pub(super) fn positions(shape: &[usize], mut visit: impl FnMut(&[usize])) {
    if shape.contains(&0) {
        return;
    }
    let mut position = vec![0; shape.len()];
    loop {
        visit(&position);
        let mut axis = shape.len();
        loop {
            if axis == 0 {
                return;
            }
            axis -= 1;
            position[axis] += 1;
            if position[axis] < shape[axis] {
                break;
            }
            position[axis] = 0;
        }
    }
}

/// The shape with some axes (ascending) left out.
pub(super) fn without(shape: &Shape, axes: &[usize]) -> Shape {
    shape.iter().enumerate().filter(|(i, _)| !axes.contains(i)).map(|(_, d)| d.clone()).collect()
}

/// The axes that are not in `axes`, ascending.
pub(super) fn others(rank: usize, axes: &[usize]) -> Vec<usize> {
    (0..rank).filter(|i| !axes.contains(i)).collect()
}

/// What a record's functions say when they are given an operator of another record.
#[cold]
pub(super) fn foreign(op: &Op) -> ! {
    unreachable!("compiler bug: `{}` is given to another operator's record", op.spec().name)
}
