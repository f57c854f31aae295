//! Operators that read no node: inputs, constants, positions and random numbers.
use super::spec::{Arity::Exactly, Example, tensor, work_per_element};
use super::{Input, Lowering::Leaf, Op, OpSpec, StreamId, Tolerance};
use crate::{DType, Dim, TensorType};

fn leaf(op: Op, ty: TensorType) -> Example {
    Example { op, operands: vec![], ty: Some(ty) }
}

pub(super) static INPUT: OpSpec = OpSpec {
    examples: || {
        let inputs = [
            Input::Parameter(3),
            Input::State(0),
            Input::Feature(0),
            Input::Target,
            Input::Step,
            Input::TotalSteps,
            Input::EpochSteps,
            Input::Updated,
            Input::Gradient,
            Input::OptimizerState(1),
            Input::OptimizerScalar(0),
            Input::Alpha(0),
            Input::Age(1),
            Input::Boost(0),
            Input::Argument(2),
        ];
        inputs.into_iter().map(|i| leaf(Op::Input(i), tensor(DType::F32, &[2, 3]))).collect()
    },
    ..OpSpec::new("input", Exactly(0), Leaf, "A tensor from outside: a parameter, a state, the current batch, a run-time scalar.")
};

pub(super) static CONSTANT: OpSpec = OpSpec {
    examples: || {
        vec![
            leaf(Op::Constant(0.1), tensor(DType::F32, &[2, 3])),
            leaf(Op::Constant(-3.0), tensor(DType::I32, &[])),
            leaf(Op::Constant(f64::NEG_INFINITY), tensor(DType::F32, &[])),
            leaf(Op::Constant(1.0), tensor(DType::Bool, &[4])),
        ]
    },
    ..OpSpec::new("constant", Exactly(0), Leaf, "One number everywhere: `zeros`, `ones`, or a number that meets a tensor.")
};

pub(super) static SIZE: OpSpec = OpSpec {
    examples: || {
        let three_halves = Dim::constant(3).divide(&Dim::constant(2)).unwrap_or(Dim::constant(1));
        vec![leaf(Op::Size(Dim::constant(7)), tensor(DType::F32, &[])), leaf(Op::Size(three_halves), tensor(DType::F32, &[]))]
    },
    ..OpSpec::new("size", Exactly(0), Leaf, "A size of the model as a number in a computation, such as the divisor of a mean.")
};

pub(super) static IOTA: OpSpec = OpSpec {
    examples: || vec![leaf(Op::Iota { axis: 1 }, tensor(DType::I32, &[2, 3])), leaf(Op::Iota { axis: 0 }, tensor(DType::F32, &[2, 3, 2]))],
    work: work_per_element,
    ..OpSpec::new("iota", Exactly(0), Leaf, "0, 1, 2 and so on along one axis, the same along all others.")
};

pub(super) static RANDOM: OpSpec = OpSpec {
    examples: || vec![leaf(Op::Random { stream: StreamId(0x0123_4567_89ab_cdef) }, tensor(DType::F32, &[3, 5]))],
    work: |_, _, result| super::spec::product(&result.shape).ok()?.mul(&Dim::constant(60)).ok(),
    tolerance: Tolerance::EXACT,
    ..OpSpec::new(
        "random",
        Exactly(0),
        Leaf,
        "Independent numbers, uniform from 0 up to but not including 1. They depend on the run's seed, the step, the place of the call in the model and the \
         position in the tensor, and on nothing else, so they are the same on every device.",
    )
};
