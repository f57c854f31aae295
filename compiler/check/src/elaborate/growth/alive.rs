//! Whether every parameter of a seed can learn: which gradients are zero at birth and stay zero, whatever the others learn.
//!
//! What is known of the values (see `birth`) decides which gradients can be anything but zero; a parameter that one reaches may become anything,
//! so that less is known in the next round. What no round reaches never learns: a convolution of zeros before a normalisation and a relu, for one.
use super::birth::{Known, of_calls};
use crate::hir::{Builtin, Call, Function, Stored};
use esper_diagnostics::Span;
use esper_ir::{Input, Op, OutputKind};

/// A parameter that no gradient ever reaches.
#[derive(Debug)]
pub(super) struct Dead {
    /// Its number in the seed.
    pub parameter: usize,
    /// The call that passes no gradient on to it, where the result does depend on it.
    pub blocked: Option<Span>,
}

/// The first parameter of a seed that can never learn.
pub(super) fn dead(function: &Function, parameters: &[Stored], initial: &[Known], states: usize) -> Option<Dead> {
    let zero = Known::Constant(0.0);
    // Only zeros stay what they are without a gradient: weight decay changes other numbers. States change while training.
    let mut known: Vec<Known> = initial.iter().map(|k| if *k == zero { zero } else { Known::Unknown }).collect();
    let states = vec![Known::Unknown; states];
    let mut alive = vec![false; parameters.len()];
    loop {
        let values = of_calls(function, &known, &states);
        let reached = reached(function, &values);
        let mut changed = false;
        for (call, reached) in function.calls.iter().zip(&reached) {
            if let (Builtin::Input(Input::Parameter(i)), true) = (&call.builtin, *reached)
                && !std::mem::replace(&mut alive[*i], true)
            {
                known[*i] = Known::Unknown;
                changed = true;
            }
        }
        if !changed {
            let parameter = alive.iter().position(|a| !a)?;
            return Some(Dead { parameter, blocked: blocker(function, &reached, parameter) });
        }
    }
}

/// Which calls the gradient of the result can reach.
fn reached(function: &Function, values: &[Known]) -> Vec<bool> {
    let mut reached = vec![false; function.calls.len()];
    for (kind, value) in &function.outputs {
        if *kind == OutputKind::Value(0) {
            reached[value.0 as usize] = true;
        }
    }
    for at in (0..function.calls.len()).rev() {
        if !reached[at] {
            continue;
        }
        let call = &function.calls[at];
        let args: Vec<Known> = call.args.iter().map(|a| values[a.0 as usize]).collect();
        for (place, arg) in call.args.iter().enumerate() {
            if passes(call, &args, place) {
                reached[arg.0 as usize] = true;
            }
        }
    }
    reached
}

/// Whether a call passes its gradient on to an operand, where operands are as known.
fn passes(call: &Call, args: &[Known], place: usize) -> bool {
    let is_zero = |i: usize| args.get(i) == Some(&Known::Constant(0.0));
    match &call.builtin {
        // A product with zero.
        Builtin::MatMul | Builtin::Einsum { .. } | Builtin::Convolution { .. } => (0..args.len()).all(|i| i == place || !is_zero(i)),
        Builtin::Elementwise(op) => passes_elementwise(op, args, place),
        Builtin::ArgMax { .. } | Builtin::OneHot { .. } => false,
        Builtin::Gather { .. } | Builtin::TakeAlong { .. } => place == 0,
        Builtin::ScatterAdd { .. } => place == 1,
        // Of a slot the target passes; seeds of seeds are shut.
        Builtin::Slot { .. } => place == 0,
        // A hand-written derivative may pass anything to its inputs; the first operand is what they gave.
        Builtin::WithGradient { .. } => place > 0,
        _ => true,
    }
}

fn passes_elementwise(op: &Op, args: &[Known], place: usize) -> bool {
    let number = |i: usize| match args.get(i) {
        Some(Known::Constant(x)) => Some(*x),
        _ => None,
    };
    match op {
        Op::StopGradient | Op::Sign | Op::Floor | Op::Round | Op::Equal | Op::NotEqual | Op::Less | Op::LessEqual => false,
        Op::Cast { to } => to.is_float(),
        Op::Mul => number(1 - place.min(1)) != Some(0.0),
        // x / y passes to y in proportion to x.
        Op::Div if place == 1 => number(0) != Some(0.0),
        // At a tie the gradient goes to the right operand.
        Op::Maximum | Op::Minimum => match (number(0), number(1)) {
            (Some(x), Some(y)) => {
                let left = if *op == Op::Maximum { x > y } else { x < y };
                left == (place == 0)
            }
            _ => true,
        },
        Op::Select if place == 0 => false,
        Op::Select => match number(0) {
            Some(condition) => (condition != 0.0) == (place == 1),
            None => true,
        },
        Op::Abs => number(0) != Some(0.0),
        // d x^y / dx = y·x^(y − 1).
        Op::Pow if place == 0 => match (number(0), number(1)) {
            (Some(0.0), Some(y)) => y <= 1.0 && y != 0.0,
            (_, Some(0.0)) => false,
            _ => true,
        },
        _ => true,
    }
}

/// The first call on the way from a parameter to the result that the gradient reaches and that does not pass it on.
fn blocker(function: &Function, reached: &[bool], parameter: usize) -> Option<Span> {
    let is_it = |call: &Call| call.builtin == Builtin::Input(Input::Parameter(parameter));
    let mut depends: Vec<bool> = vec![];
    for (at, call) in function.calls.iter().enumerate() {
        let on_it = is_it(call) || call.args.iter().any(|a| depends[a.0 as usize]);
        if on_it && reached[at] && !is_it(call) {
            return Some(call.span);
        }
        depends.push(on_it);
    }
    None
}
