//! Operators that give their first operand and matter to differentiation or growth only.
use super::spec::{Arity, Derivative, below, between, example, listed};
use super::{Lowering, Op, OpSpec};
use crate::{DType, Input, OpError, OutputKind};
use smallvec::smallvec;

pub(super) static STOP_GRADIENT: OpSpec = OpSpec {
    infer: |_, types| Ok(types[0].clone()),
    evaluate: Some(|_, args, _| args[0].data.clone()),
    examples: || vec![example(Op::StopGradient, [between(-2.0, 2.0, &[2, 3])])],
    ..OpSpec::new(
        "stop_gradient",
        Arity::Exactly(1),
        Lowering::Rule,
        "The value as it is, but a constant to differentiation: no gradient passes.",
    )
};

pub(super) static WITH_GRADIENT: OpSpec = OpSpec {
    infer: |_, types| {
        if !types[0].dtype.is_float() {
            return Err(OpError::new(format!("a gradient rule belongs to a float result, not to {}", listed(&types[..1]))));
        }
        Ok(types[0].clone())
    },
    evaluate: Some(|_, args, _| args[0].data.clone()),
    derivative: Derivative::Reverse(|graph, node, cotangent| {
        let Op::WithGradient { rule } = *graph.op(node) else { super::spec::foreign(graph.op(node)) };
        let rule = graph.rules()[rule].clone();
        let args = graph.args(node).to_vec();
        let given = |input: &Input| match input {
            Input::Argument(i) if *i < rule.inputs => Some(args[i + 1]),
            Input::Argument(i) if *i == rule.inputs => Some(args[0]),
            Input::Argument(i) if *i == rule.inputs + 1 => Some(cotangent),
            _ => None,
        };
        let mut cotangents = smallvec![None; args.len()];
        for (kind, value) in graph.inline(&rule.graph, &given)? {
            let OutputKind::Value(i) = kind else { continue };
            let Some(x) = args.get(i + 1) else {
                return Err(OpError::new(format!("a gradient rule of {} inputs gives a gradient for input {i}", rule.inputs)));
            };
            if graph.ty(value) != graph.ty(*x) {
                return Err(OpError::new(format!(
                    "a gradient rule gives {} where its input is {}",
                    listed(&[graph.ty(value)]),
                    listed(&[graph.ty(*x)])
                )));
            }
            cotangents[i + 1] = Some(value);
        }
        Ok(cotangents)
    }),
    // Its examples need a rule beside the operator: the tests build them.
    ..OpSpec::new(
        "with_gradient",
        Arity::AtLeast(1),
        Lowering::Rule,
        "The result of a function whose gradient is written by hand: what `grad` says is used instead of differentiating its body.",
    )
};

pub(super) static SLOT: OpSpec = OpSpec {
    infer: |_, types| Ok(types[0].clone()),
    evaluate: Some(|_, args, _| args[0].data.clone()),
    derivative: Derivative::Reverse(|_, _, cotangent| Ok(smallvec![Some(cotangent), None])),
    examples: || {
        // What the second operand is makes no difference here: one without a gradient shows that none is given to it.
        vec![example(Op::Slot { slot: 0 }, [between(-2.0, 2.0, &[2, 3]), below(9, DType::I32, &[2, 5])])]
    },
    ..OpSpec::new(
        "slot",
        Arity::Exactly(2),
        Lowering::Rule,
        "A place where the network may grow: the first operand as it is, until a seed that reads the second adds to it.",
    )
};
