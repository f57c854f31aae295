//! The update rule: where it is elementwise it is lowered over one flat axis, so that one kernel serves many parameters.
use crate::function::lower_function;
use esper_check::hir::{self, Builtin, Function};
use esper_ir::{Dim, Input, Optimizer, ScalarSchedule, TensorType, UpdateRule};

/// The name of the flat axis of an elementwise rule.
const FLAT: &str = "n";

/// Lowers rules and schedules.
pub(crate) fn lower(optimizer: &hir::Optimizer) -> Result<Optimizer, String> {
    let ranks = optimizer.rules.iter().map(|(rank, _)| rank + 1).max().unwrap_or(0);
    let mut rules = vec![None; ranks];
    for (rank, function) in &optimizer.rules {
        rules[*rank] = Some(match flatten(function) {
            Some(flat) => UpdateRule { graph: lower_function(&flat)?, elementwise: true },
            None => UpdateRule { graph: lower_function(function)?, elementwise: false },
        });
    }
    Ok(Optimizer {
        name: optimizer.name.clone(),
        states: optimizer.states.iter().map(|(name, _)| name.clone()).collect(),
        state_init: optimizer.states.iter().map(|(_, value)| *value).collect(),
        scalars: optimizer
            .scalars
            .iter()
            .map(|(name, function)| Ok(ScalarSchedule { name: name.clone(), graph: lower_function(function)? }))
            .collect::<Result<_, String>>()?,
        rules,
    })
}

/// The rule over one axis of any length, where every call is elementwise on tensors of the parameter's shape or on scalars.
fn flatten(function: &Function) -> Option<Function> {
    let mut flat = function.clone();
    // Whether a value has the parameter's shape; for a parameter without axes the type alone cannot tell.
    let mut is_full: Vec<bool> = Vec::with_capacity(flat.calls.len());
    for call in &mut flat.calls {
        let full = match &call.builtin {
            Builtin::Input(Input::Updated | Input::Gradient | Input::OptimizerState(_)) => true,
            Builtin::Input(_) | Builtin::Constant(_) | Builtin::Size(_) if call.ty.rank() == 0 => false,
            Builtin::Constant(_) => true,
            Builtin::Elementwise(_) | Builtin::BroadcastTo => call.ty.rank() > 0 || call.args.iter().any(|a| is_full[a.0 as usize]),
            _ => return None,
        };
        if full {
            call.ty = TensorType::new(call.ty.dtype, vec![Dim::symbol(FLAT)]);
        }
        is_full.push(full);
    }
    // a result that does not depend on the parameter's shape has to be spread over it: leave that to the general form
    flat.outputs.iter().all(|(_, v)| is_full[v.0 as usize]).then_some(flat)
}
