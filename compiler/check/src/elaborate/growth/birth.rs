//! What is known of a seed at birth, carried from its initialisers through its code: a constant, its input, or nothing.
use crate::hir::{Builtin, Call, Function, Reduce};
use esper_diagnostics::Span;
use esper_ir::{Input, Op, OutputKind};

/// What is known of a tensor at birth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Known {
    /// One number everywhere.
    Constant(f64),
    /// What the seed reads, element for element.
    Input,
    /// Nothing.
    Unknown,
}

/// What is known of a function's result.
pub(super) struct Result {
    /// It.
    pub value: Known,
    /// The first operation on the way to it after which nothing is known, though something was; or the last.
    pub ends: Span,
}

/// What is known of a function's first value, where its parameters and states are as given.
///
/// The rules hold for finite numbers: 0 · x is 0.
pub(super) fn of_function(function: &Function, parameters: &[Known], states: &[Known]) -> Result {
    let known = of_calls(function, parameters, states);
    let output = function.outputs.iter().find(|(kind, _)| *kind == OutputKind::Value(0)).map(|(_, value)| value.0 as usize);
    let Some(at) = output else { return Result { value: Known::Unknown, ends: Span::default() } };
    // Back along what is unknown, to where something known went in.
    let mut ends = at;
    while known[ends] == Known::Unknown {
        let unknown = function.calls[ends].args.iter().map(|a| a.0 as usize).filter(|a| known[*a] == Known::Unknown);
        let knows_something = function.calls[ends].args.iter().any(|a| matches!(known[a.0 as usize], Known::Constant(_)));
        match unknown.max() {
            Some(before) if !knows_something => ends = before,
            _ => break,
        }
    }
    Result { value: known[at], ends: function.calls[ends].span }
}

/// What is known of every call's result.
pub(super) fn of_calls(function: &Function, parameters: &[Known], states: &[Known]) -> Vec<Known> {
    let mut known: Vec<Known> = Vec::with_capacity(function.calls.len());
    for call in &function.calls {
        let args: Vec<Known> = call.args.iter().map(|a| known[a.0 as usize]).collect();
        known.push(match (&call.builtin, call.args.first()) {
            // The shape stays: so a slot that is shut for good is written.
            (Builtin::Reshape, Some(read)) if *function.ty(*read) == call.ty => args[0],
            _ => of_call(call, &args, parameters, states),
        });
    }
    known
}

fn of_call(call: &Call, args: &[Known], parameters: &[Known], states: &[Known]) -> Known {
    use Known::{Constant, Unknown};
    let zero = Constant(0.0);
    let any_zero = args.contains(&zero);
    let first = args.first().copied().unwrap_or(Unknown);
    match &call.builtin {
        Builtin::Input(Input::Argument(0)) => Known::Input,
        Builtin::Input(Input::Parameter(i)) => parameters.get(*i).copied().unwrap_or(Unknown),
        Builtin::Input(Input::State(i)) => states.get(*i).copied().unwrap_or(Unknown),
        Builtin::Input(_) | Builtin::Iota { .. } | Builtin::Random { .. } => Unknown,
        Builtin::Constant(x) => Constant(*x),
        Builtin::Size(size) => size.as_const().map_or(Unknown, |n| Constant(n as f64)),
        Builtin::Elementwise(op) => elementwise(op, args),
        // A sum of products with zeros.
        Builtin::MatMul | Builtin::Einsum { .. } | Builtin::Convolution { .. } if any_zero => zero,
        Builtin::MatMul | Builtin::Einsum { .. } | Builtin::Convolution { .. } => Unknown,
        // The same elements at other places: a constant stays one; the input is another tensor, unless its shape stays.
        Builtin::Rearrange { .. } | Builtin::Transpose { .. } | Builtin::Align { .. } | Builtin::BroadcastTo | Builtin::Flip { .. } => {
            constant_only(first)
        }
        Builtin::Reshape | Builtin::Index(_) | Builtin::MaxPool { .. } => constant_only(first),
        Builtin::AveragePool { window } if window.padding == [0, 0] => constant_only(first),
        Builtin::AveragePool { .. } => {
            if first == zero {
                zero
            } else {
                Unknown
            }
        }
        Builtin::Concat { .. } => {
            if args.iter().all(|a| *a == first) {
                constant_only(first)
            } else {
                Unknown
            }
        }
        Builtin::Pad { value, .. } => {
            if first == Constant(*value) {
                first
            } else {
                Unknown
            }
        }
        Builtin::Gather { .. } | Builtin::TakeAlong { .. } => constant_only(first),
        Builtin::ScatterAdd { .. } => {
            if args.get(1) == Some(&zero) {
                zero
            } else {
                Unknown
            }
        }
        Builtin::Reduce { how: Reduce::Sum, .. } => {
            if first == zero {
                zero
            } else {
                Unknown
            }
        }
        Builtin::Reduce { .. } => constant_only(first),
        Builtin::OneHot { .. } | Builtin::ArgMax { .. } => Unknown,
        // The first operand as it is.
        Builtin::WithGradient { .. } | Builtin::Slot { .. } => first,
    }
}

fn constant_only(known: Known) -> Known {
    match known {
        Known::Constant(_) => known,
        Known::Input | Known::Unknown => Known::Unknown,
    }
}

fn elementwise(op: &Op, args: &[Known]) -> Known {
    use Known::{Constant, Unknown};
    let (zero, one) = (Constant(0.0), Constant(1.0));
    match (op, args) {
        (Op::StopGradient | Op::Cast { .. }, [x]) => *x,
        (Op::Mul, [x, y]) if *x == zero || *y == zero => zero,
        (Op::Mul, [x, y]) if *y == one => *x,
        (Op::Mul, [x, y]) if *x == one => *y,
        (Op::Add, [x, y]) if *y == zero => *x,
        (Op::Add, [x, y]) if *x == zero => *y,
        (Op::Sub, [x, y]) if *y == zero => *x,
        // A quotient with a divisor that is not known to be zero.
        (Op::Div, [x, y]) if *x == zero && *y != zero => zero,
        (Op::Div, [x, y]) if *y == one => *x,
        (Op::Select, [_, x, y]) if x == y => *x,
        (op, [Constant(x)]) => unary(op, *x).map_or(Unknown, Constant),
        (op, [Constant(x), Constant(y)]) => binary(op, *x, *y).map_or(Unknown, Constant),
        _ => Unknown,
    }
}

fn unary(op: &Op, x: f64) -> Option<f64> {
    Some(match op {
        Op::Neg => -x,
        Op::Exp => x.exp(),
        Op::Log => x.ln(),
        Op::Sqrt => x.sqrt(),
        Op::Rsqrt => 1.0 / x.sqrt(),
        Op::Reciprocal => 1.0 / x,
        Op::Sin => x.sin(),
        Op::Cos => x.cos(),
        Op::Tanh => x.tanh(),
        Op::Abs => x.abs(),
        Op::Sign => {
            if x == 0.0 {
                0.0
            } else {
                x.signum()
            }
        }
        // Known exactly at zero alone.
        Op::Erf | Op::ErfInv if x == 0.0 => 0.0,
        _ => return None,
    })
    .filter(|y| y.is_finite())
}

fn binary(op: &Op, x: f64, y: f64) -> Option<f64> {
    Some(match op {
        Op::Add => x + y,
        Op::Sub => x - y,
        Op::Mul => x * y,
        Op::Div => x / y,
        Op::Maximum => x.max(y),
        Op::Minimum => x.min(y),
        Op::Pow => x.powf(y),
        _ => return None,
    })
    .filter(|z| z.is_finite())
}
