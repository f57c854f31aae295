//! Comparison, logic and selection, element by element.
use super::spec::{Arity::Exactly, Derivative, below, between, example, listed, refuse, tensor, work_per_element};
use super::{Lowering::Map, Op, OpSpec, Refusal};
use crate::{DType, OpError, Prim, TensorType};
use smallvec::smallvec;

/// The type of two equal operands, or what is wrong with them.
pub(super) fn one_type(op: &Op, types: &[&TensorType]) -> Result<TensorType, OpError> {
    match types {
        [first, rest @ ..] if rest.iter().all(|t| t == first) => Ok((*first).clone()),
        _ => Err(OpError::new(format!("`{}` needs tensors of one type, not {}", op.spec().name, listed(types)))),
    }
}

fn compare(op: &Op, types: &[&TensorType]) -> Result<TensorType, OpError> {
    let ty = one_type(op, types)?;
    if ty.dtype == DType::Bool && matches!(op, Op::Less | Op::LessEqual) {
        return Err(OpError::new(format!("`{}` orders numbers, not {}", op.spec().name, listed(&types[..1]))));
    }
    Ok(TensorType::new(DType::Bool, ty.shape))
}

fn logic(op: &Op, types: &[&TensorType]) -> Result<TensorType, OpError> {
    let ty = one_type(op, types)?;
    if ty.dtype != DType::Bool {
        return Err(OpError::new(format!("`{}` combines conditions (bool), not {}", op.spec().name, listed(&types[..1]))));
    }
    Ok(ty)
}

/// A comparison with examples of floats, where equal pairs are rare, and of small whole numbers, where they are not.
macro_rules! comparison {
    ($record:ident, $name:literal, $op:ident, $doc:literal) => {
        pub(super) static $record: OpSpec = OpSpec {
            infer: compare,
            work: work_per_element,
            examples: || {
                vec![
                    example(Op::$op, [between(-1.0, 1.0, &[2, 3]), between(-1.0, 1.0, &[2, 3])]),
                    example(Op::$op, [below(3, DType::I32, &[9]), below(3, DType::I32, &[9])]),
                ]
            },
            refusals: || {
                let mixed = vec![tensor(DType::F32, &[2]), tensor(DType::I32, &[2])];
                vec![
                    refuse(Op::$op, &[&[2], &[3]], "`f32[2]` and `f32[3]`"),
                    Refusal { op: Op::$op, operands: mixed, because: "`f32[2]` and `i32[2]`" },
                ]
            },
            ..OpSpec::new($name, Exactly(2), Map(Prim::$op), $doc)
        };
    };
}

comparison!(EQUAL, "equal", Equal, "Whether two elements are equal; nan equals nothing.");
comparison!(NOT_EQUAL, "not_equal", NotEqual, "Whether two elements differ; nan differs from everything.");
comparison!(LESS, "less", Less, "Whether the left element is smaller; with nan, no.");
comparison!(LESS_EQUAL, "less_equal", LessEqual, "Whether the left element is smaller or equal; with nan, no.");

fn logic_examples(op: Op) -> Vec<super::Example> {
    let operands = if matches!(op, Op::Not) { 1 } else { 2 };
    vec![example(op, vec![below(2, DType::Bool, &[7]); operands])]
}

pub(super) static NOT: OpSpec = OpSpec {
    infer: logic,
    work: work_per_element,
    examples: || logic_examples(Op::Not),
    refusals: || vec![refuse(Op::Not, &[&[2]], "not `f32[2]`")],
    ..OpSpec::new("not", Exactly(1), Map(Prim::Not), "Whether a condition does not hold.")
};

pub(super) static AND: OpSpec = OpSpec {
    infer: logic,
    work: work_per_element,
    examples: || logic_examples(Op::And),
    refusals: || vec![refuse(Op::And, &[&[2], &[2]], "not `f32[2]`")],
    ..OpSpec::new("and", Exactly(2), Map(Prim::And), "Whether both conditions hold.")
};

pub(super) static OR: OpSpec = OpSpec {
    infer: logic,
    work: work_per_element,
    examples: || logic_examples(Op::Or),
    refusals: || vec![refuse(Op::Or, &[&[2], &[2]], "not `f32[2]`")],
    ..OpSpec::new("or", Exactly(2), Map(Prim::Or), "Whether at least one condition holds.")
};

pub(super) static SELECT: OpSpec = OpSpec {
    infer: |_, types| {
        let condition = TensorType::new(DType::Bool, types[1].shape.clone());
        if types[1] != types[2] || *types[0] != condition {
            let message = format!("`where` needs a condition (bool) and two tensors of one type and shape, not {}", listed(types));
            return Err(OpError::new(message));
        }
        Ok(types[1].clone())
    },
    derivative: Derivative::Reverse(|graph, node, cotangent| {
        let condition = graph.args(node)[0];
        let zero = graph.full_like(0.0, cotangent);
        let then = graph.select(condition, cotangent, zero);
        let otherwise = graph.select(condition, zero, cotangent);
        Ok(smallvec![None, Some(then), Some(otherwise)])
    }),
    work: work_per_element,
    examples: || {
        let float = || between(-1.0, 1.0, &[2, 3]);
        let whole = || below(9, DType::I32, &[4]);
        vec![
            example(Op::Select, [below(2, DType::Bool, &[2, 3]), float(), float()]),
            example(Op::Select, [below(2, DType::Bool, &[4]), whole(), whole()]),
        ]
    },
    refusals: || {
        let operands = vec![tensor(DType::Bool, &[2]), tensor(DType::F32, &[3]), tensor(DType::F32, &[3])];
        vec![
            Refusal { op: Op::Select, operands, because: "`bool[2]` and `f32[3]`" },
            refuse(Op::Select, &[&[2], &[2], &[2]], "a condition (bool)"),
        ]
    },
    ..OpSpec::new(
        "select",
        Exactly(3),
        Map(Prim::Select),
        "`where(condition, then, otherwise)`: element by element the second or the third. The gradient goes to the one that was taken.",
    )
};
