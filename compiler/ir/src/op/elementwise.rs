//! Arithmetic at every element.
use super::comparison::one_type;
use super::spec::{Arity::Exactly, Derivative, below, between, example, listed, refuse, tensor, work_per_element};
use super::{Lowering, Lowering::Map, Op, OpSpec, Refusal, Tolerance};
use crate::{DType, Graph, NodeId, OpError, Prim, TensorType};
use smallvec::smallvec;

fn floats(op: &Op, types: &[&TensorType]) -> Result<TensorType, OpError> {
    let ty = one_type(op, types)?;
    if !ty.dtype.is_float() {
        let name = op.spec().name;
        return Err(OpError::new(format!("`{name}` is a function of float tensors, not of {}: `cast` it first", listed(&types[..1]))));
    }
    Ok(ty)
}

fn numbers(op: &Op, types: &[&TensorType]) -> Result<TensorType, OpError> {
    let ty = one_type(op, types)?;
    let unsigned = ty.dtype == DType::U8 && matches!(op, Op::Neg | Op::Sign | Op::Abs);
    if ty.dtype == DType::Bool || unsigned {
        return Err(OpError::new(format!("`{}` does not apply to {}: `cast` it first", op.spec().name, listed(&types[..1]))));
    }
    Ok(ty)
}

/// The cotangent of the one operand, from (graph, operand, result, cotangent of the result).
type UnaryReverse = fn(&mut Graph, NodeId, NodeId, NodeId) -> NodeId;
/// The cotangents of both operands, from (graph, [left, right], result, cotangent of the result).
type BinaryReverse = fn(&mut Graph, [NodeId; 2], NodeId, NodeId) -> [NodeId; 2];

/// `derivative` or the scalar rule for it: `reverse!(|graph, x, y, g| …)`.
macro_rules! reverse {
    (unary $rule:expr) => {
        Derivative::Reverse(|graph, node, cotangent| {
            let x = graph.args(node)[0];
            let rule: UnaryReverse = $rule;
            Ok(smallvec![Some(rule(graph, x, node, cotangent))])
        })
    };
    (binary $rule:expr) => {
        Derivative::Reverse(|graph, node, cotangent| {
            let operands = [graph.args(node)[0], graph.args(node)[1]];
            let rule: BinaryReverse = $rule;
            Ok(rule(graph, operands, node, cotangent).into_iter().map(Some).collect())
        })
    };
}

macro_rules! unary {
    ($record:ident, $name:literal, $op:ident, $infer:ident, $tolerance:ident, ($low:literal, $high:literal), $derivative:expr, $doc:literal) => {
        pub(super) static $record: OpSpec = OpSpec {
            infer: $infer,
            derivative: $derivative,
            work: work_per_element,
            tolerance: Tolerance::$tolerance,
            examples: || vec![example(Op::$op, [between($low, $high, &[3, 5])])],
            refusals: || vec![Refusal { op: Op::$op, operands: vec![tensor(DType::Bool, &[2])], because: "`bool[2]`: `cast` it first" }],
            ..OpSpec::new($name, Exactly(1), Map(Prim::$op), $doc)
        };
    };
}

macro_rules! binary {
    ($record:ident, $name:literal, $op:ident, $infer:ident, $tolerance:ident, ($low:literal, $high:literal), $derivative:expr, $doc:literal) => {
        pub(super) static $record: OpSpec = OpSpec {
            infer: $infer,
            derivative: $derivative,
            work: work_per_element,
            tolerance: Tolerance::$tolerance,
            examples: || vec![example(Op::$op, [between($low, $high, &[3, 5]), between($low, $high, &[3, 5])])],
            refusals: || {
                let mixed = vec![tensor(DType::F32, &[2]), tensor(DType::F16, &[2])];
                vec![
                    refuse(Op::$op, &[&[2, 3], &[2, 4]], "`f32[2, 3]` and `f32[2, 4]`"),
                    refuse(Op::$op, &[&[2], &[2], &[2]], "takes 2 tensors"),
                    Refusal { op: Op::$op, operands: mixed, because: "`f32[2]` and `f16[2]`" },
                ]
            },
            ..OpSpec::new($name, Exactly(2), Map(Prim::$op), $doc)
        };
    };
}

unary!(
    NEG,
    "neg",
    Neg,
    numbers,
    EXACT,
    (-2.0, 2.0),
    reverse!(unary | g, _, _, d | g.unary(Op::Neg, d)),
    "The number with the opposite sign."
);
unary!(EXP, "exp", Exp, floats, APPROXIMATION, (-2.0, 2.0), reverse!(unary | g, _, y, d | g.binary(Op::Mul, d, y)), "e to the power of x.");
unary!(
    LOG,
    "log",
    Log,
    floats,
    APPROXIMATION,
    (0.2, 4.0),
    reverse!(unary | g, x, _, d | g.binary(Op::Div, d, x)),
    "The natural logarithm; of 0 it is -inf, of a negative number nan."
);
unary!(
    SQRT,
    "sqrt",
    Sqrt,
    floats,
    ROUNDING,
    (0.2, 4.0),
    reverse!(
        unary | g,
        _,
        y,
        d | {
            let half = g.full_like(0.5, d);
            let halved = g.binary(Op::Mul, d, half);
            g.binary(Op::Div, halved, y)
        }
    ),
    "The square root; of a negative number nan."
);
unary!(
    RSQRT,
    "rsqrt",
    Rsqrt,
    floats,
    APPROXIMATION,
    (0.2, 4.0),
    reverse!(
        unary | g,
        _,
        y,
        d | {
            let minus_half = g.full_like(-0.5, d);
            let square = g.binary(Op::Mul, y, y);
            let cube = g.binary(Op::Mul, square, y);
            let slope = g.binary(Op::Mul, cube, minus_half);
            g.binary(Op::Mul, d, slope)
        }
    ),
    "One divided by the square root."
);
unary!(
    RECIPROCAL,
    "reciprocal",
    Reciprocal,
    floats,
    ROUNDING,
    (0.3, 3.0),
    reverse!(
        unary | g,
        _,
        y,
        d | {
            let square = g.binary(Op::Mul, y, y);
            let slope = g.unary(Op::Neg, square);
            g.binary(Op::Mul, d, slope)
        }
    ),
    "One divided by x."
);
unary!(
    SIN,
    "sin",
    Sin,
    floats,
    APPROXIMATION,
    (-4.0, 4.0),
    reverse!(
        unary | g,
        x,
        _,
        d | {
            let slope = g.unary(Op::Cos, x);
            g.binary(Op::Mul, d, slope)
        }
    ),
    "The sine of an angle in radians."
);
unary!(
    COS,
    "cos",
    Cos,
    floats,
    APPROXIMATION,
    (-4.0, 4.0),
    reverse!(
        unary | g,
        x,
        _,
        d | {
            let sine = g.unary(Op::Sin, x);
            let slope = g.unary(Op::Neg, sine);
            g.binary(Op::Mul, d, slope)
        }
    ),
    "The cosine of an angle in radians."
);
unary!(
    TANH,
    "tanh",
    Tanh,
    floats,
    APPROXIMATION,
    (-3.0, 3.0),
    reverse!(
        unary | g,
        _,
        y,
        d | {
            let square = g.binary(Op::Mul, y, y);
            let one = g.full_like(1.0, y);
            let slope = g.binary(Op::Sub, one, square);
            g.binary(Op::Mul, d, slope)
        }
    ),
    "The hyperbolic tangent: from -1 to 1, steepest at 0."
);
unary!(
    ERF,
    "erf",
    Erf,
    floats,
    APPROXIMATION,
    (-3.0, 3.0),
    reverse!(
        unary | g,
        x,
        _,
        d | {
            let square = g.binary(Op::Mul, x, x);
            let exponent = g.unary(Op::Neg, square);
            let bell = g.unary(Op::Exp, exponent);
            let factor = g.full_like(std::f64::consts::FRAC_2_SQRT_PI, bell);
            let slope = g.binary(Op::Mul, bell, factor);
            g.binary(Op::Mul, d, slope)
        }
    ),
    "The error function, 2/√π times the integral of exp(-t²) from 0 to x: the exact gelu is made of it."
);
unary!(
    ERF_INV,
    "erf_inv",
    ErfInv,
    floats,
    APPROXIMATION,
    (-0.95, 0.95),
    reverse!(
        unary | g,
        _,
        y,
        d | {
            let square = g.binary(Op::Mul, y, y);
            let growth = g.unary(Op::Exp, square);
            let factor = g.full_like(1.0 / std::f64::consts::FRAC_2_SQRT_PI, growth);
            let slope = g.binary(Op::Mul, growth, factor);
            g.binary(Op::Mul, d, slope)
        }
    ),
    "The inverse of the error function, from -1 to 1; at the ends it is infinite. Normal random numbers are made of it."
);
unary!(
    ABS,
    "abs",
    Abs,
    numbers,
    EXACT,
    (-2.0, 2.0),
    reverse!(
        unary | g,
        x,
        _,
        d | {
            let sign = g.unary(Op::Sign, x);
            g.binary(Op::Mul, d, sign)
        }
    ),
    "The number without its sign. The gradient at 0 is 0."
);
unary!(
    SIGN,
    "sign",
    Sign,
    numbers,
    EXACT,
    (-2.0, 2.0),
    Derivative::Zero,
    "-1, 0 or 1 as the number is negative, zero or positive; no gradient passes."
);
unary!(
    FLOOR,
    "floor",
    Floor,
    floats,
    EXACT,
    (-3.0, 3.0),
    Derivative::Zero,
    "The largest whole number that is not larger; no gradient passes."
);
unary!(
    CEIL,
    "ceil",
    Ceil,
    floats,
    EXACT,
    (-3.0, 3.0),
    Derivative::Zero,
    "The smallest whole number that is not smaller; no gradient passes."
);
unary!(
    ROUND,
    "round",
    Round,
    floats,
    EXACT,
    (-3.0, 3.0),
    Derivative::Zero,
    "The nearest whole number, halves to the even one; no gradient passes."
);

pub(super) static CAST: OpSpec = OpSpec {
    infer: |op, types| {
        let Op::Cast { to } = op else { super::spec::foreign(op) };
        Ok(TensorType::new(*to, types[0].shape.clone()))
    },
    derivative: Derivative::Reverse(|graph, node, cotangent| {
        let x = graph.args(node)[0];
        let (from, to) = (graph.ty(x).dtype, graph.ty(node).dtype);
        Ok(smallvec![(from.is_float() && to.is_float()).then(|| graph.unary(Op::Cast { to: from }, cotangent))])
    }),
    evaluate: Some(|op, args, _| {
        let Op::Cast { to } = op else { super::spec::foreign(op) };
        args[0].data.iter().map(|x| crate::interpret::cast(*x, args[0].dtype, *to)).collect()
    }),
    work: work_per_element,
    examples: || {
        let mut examples: Vec<_> = DType::ALL
            .into_iter()
            .filter(|to| *to != DType::U8)
            .map(|to| example(Op::Cast { to }, [between(-4.0, 4.0, &[3, 5])]))
            .collect();
        examples.push(example(Op::Cast { to: DType::U8 }, [between(0.0, 200.0, &[7])]));
        examples.push(example(Op::Cast { to: DType::F32 }, [below(200, DType::U8, &[7])]));
        examples.push(example(Op::Cast { to: DType::F32 }, [below(2, DType::Bool, &[7])]));
        examples.push(example(Op::Cast { to: DType::F32 }, [below(1000, DType::I32, &[7])]));
        examples
    },
    tolerance: Tolerance { absolute: 0.0, relative: 1.0 / 128.0 },
    ..OpSpec::new(
        "cast",
        Exactly(1),
        Lowering::Cast,
        "The same numbers in another element type. A float becomes an integer by dropping its fraction (and is kept inside the type's range, nan being 0); \
         anything but 0 is true.",
    )
};

binary!(ADD, "add", Add, numbers, ROUNDING, (-2.0, 2.0), reverse!(binary | _, _, _, d | [d, d]), "The sum of two elements.");
binary!(
    SUB,
    "sub",
    Sub,
    numbers,
    ROUNDING,
    (-2.0, 2.0),
    reverse!(binary | g, _, _, d | [d, g.unary(Op::Neg, d)]),
    "The difference of two elements."
);
binary!(
    MUL,
    "mul",
    Mul,
    numbers,
    ROUNDING,
    (-2.0, 2.0),
    reverse!(binary | g, [x, y], _, d | [g.binary(Op::Mul, d, y), g.binary(Op::Mul, d, x)]),
    "The product of two elements."
);
binary!(
    DIV,
    "div",
    Div,
    floats,
    ROUNDING,
    (0.3, 3.0),
    reverse!(
        binary | g,
        [_, y],
        quotient,
        d | {
            let left = g.binary(Op::Div, d, y);
            let scaled = g.binary(Op::Mul, left, quotient);
            [left, g.unary(Op::Neg, scaled)]
        }
    ),
    "The quotient of two elements; by 0 it is infinite, and 0 / 0 is nan."
);
binary!(
    MAXIMUM,
    "maximum",
    Maximum,
    numbers,
    EXACT,
    (-2.0, 2.0),
    reverse!(
        binary | g,
        [x, y],
        _,
        d | {
            let zero = g.full_like(0.0, d);
            let left = g.binary(Op::Less, y, x);
            [g.select(left, d, zero), g.select(left, zero, d)]
        }
    ),
    "The larger of two elements; nan if one is. Where they are equal the gradient goes to the right one, so that of `maximum(x, 0)` at 0 is 0."
);
binary!(
    MINIMUM,
    "minimum",
    Minimum,
    numbers,
    EXACT,
    (-2.0, 2.0),
    reverse!(
        binary | g,
        [x, y],
        _,
        d | {
            let zero = g.full_like(0.0, d);
            let left = g.binary(Op::Less, x, y);
            [g.select(left, d, zero), g.select(left, zero, d)]
        }
    ),
    "The smaller of two elements; nan if one is. Where they are equal the gradient goes to the right one."
);
binary!(
    POW,
    "pow",
    Pow,
    floats,
    APPROXIMATION,
    (0.3, 3.0),
    reverse!(
        binary | g,
        [x, y],
        power,
        d | {
            let (zero, one) = (g.full_like(0.0, d), g.full_like(1.0, d));
            // d x^y / dx = y x^(y-1), and 0 for y = 0 even where x is 0.
            let lowered = g.binary(Op::Sub, y, one);
            let slope = g.binary(Op::Pow, x, lowered);
            let scaled = g.binary(Op::Mul, y, slope);
            let constant = g.binary(Op::Equal, y, zero);
            let left = g.select(constant, zero, scaled);
            // d x^y / dy = x^y log x, and 0 at x = 0 for y >= 0.
            let log = g.unary(Op::Log, x);
            let growth = g.binary(Op::Mul, power, log);
            let at_zero = g.binary(Op::Equal, x, zero);
            let positive = g.binary(Op::LessEqual, zero, y);
            let flat = g.binary(Op::And, at_zero, positive);
            let right = g.select(flat, zero, growth);
            [g.binary(Op::Mul, d, left), g.binary(Op::Mul, d, right)]
        }
    ),
    "The left element to the power of the right one; of a negative number, for whole exponents only."
);
binary!(
    REM,
    "rem",
    Rem,
    numbers,
    ROUNDING,
    (0.5, 3.0),
    reverse!(
        binary | g,
        [x, y],
        _,
        d | {
            let quotient = g.binary(Op::Div, x, y);
            let whole = g.unary(Op::Floor, quotient);
            let scaled = g.binary(Op::Mul, d, whole);
            [d, g.unary(Op::Neg, scaled)]
        }
    ),
    "The remainder with the sign of the divisor, x - y * floor(x / y), as Python's `%`."
);
