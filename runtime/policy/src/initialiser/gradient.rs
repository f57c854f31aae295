//! Initialisers from the gradient of the network: gradmax, low-rank factors, and the best update of the map that is there.
use super::matrix::{inverse_roots, singular};
use super::{Matrix, NewUnits, Refusal, Statistics};

/// Units whose fan-in is zero and whose fan-out lets their gradient be as large as can be: the top right singular vectors of HᵀG/n, each of
/// norm `scale`. Evci, van Merriënboer, Unterthiner, Pedregosa and Vladymyrov, "GradMax" (ICLR 2022), equation 7.
///
/// `scale` is the mean row norm of the units that are there (a width slot), or of the usual initial value of that shape. `at_zero` is the
/// activation's value at zero and its slope there, as it is taken for units born this way (relu's slope counts as 1).
pub fn gradmax(statistics: &Statistics, units: usize, scale: f64, at_zero: (f64, f64)) -> Result<NewUnits, Refusal> {
    statistics.check()?;
    if at_zero.0 != 0.0 || at_zero.1 == 0.0 {
        return Err(Refusal::Activation);
    }
    let found = singular(statistics.cross()).ok_or(Refusal::NotConverged)?;
    let useful = found.rank().min(units);
    let outputs = statistics.gradients.columns();
    let mut fan_out = nalgebra::DMatrix::zeros(outputs, units);
    for unit in 0..useful {
        fan_out.set_column(unit, &(found.right.column(unit) * scale));
    }
    let fan_in = Matrix::zeros(units, statistics.inputs.columns());
    Ok(NewUnits { fan_in, fan_out: fan_out.into(), strengths: found.values[..useful].to_vec() })
}

/// An update of an affine map.
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    /// What is subtracted from the weights for a step of length 1: outputs × inputs.
    pub weights: Matrix,
    /// By how much the loss falls for each unit of length, to first order.
    pub decrease: f64,
}

/// The update whose effect on what leaves the map is closest to -G: `(S⁻¹·HᵀG/n)ᵀ` with S = HᵀH/n, and its first-order decrease of the loss.
/// Verbockhaven, Rudkiewicz, Chevallier and Charpiat, "Growing tiny networks" (TMLR 2024), proposition 3.2.
pub fn optimal_update(statistics: &Statistics) -> Result<Update, Refusal> {
    statistics.check()?;
    let cross = statistics.cross();
    let (_, inverse) = inverse_roots(statistics.second_moment()).ok_or(Refusal::NotConverged)?;
    let update = (inverse * &cross).transpose();
    let decrease = update.dot(&cross.transpose());
    Ok(Update { weights: update.into(), decrease })
}

/// Factors B (outputs × r) and A (r × inputs) whose first update moves B·A along the gradient of the full map: A takes the first r left
/// singular vectors of HᵀG/n, B the next r right ones, both times `scale`; B·A is then subtracted from the map that is there.
/// Wang, Yu and Li, "LoRA-GA" (NeurIPS 2024), theorem 3.1. Given as units: `fan_in` is A, `fan_out` is B.
///
/// B·A is not zero: a slot that must start at zero takes B = 0 and keeps A, for which `zero` asks.
pub fn lora_ga(statistics: &Statistics, rank: usize, scale: f64, zero: bool) -> Result<NewUnits, Refusal> {
    statistics.check()?;
    let found = singular(statistics.cross()).ok_or(Refusal::NotConverged)?;
    let (inputs, outputs) = (statistics.inputs.columns(), statistics.gradients.columns());
    let useful = found.rank().min(rank);
    let mut a = nalgebra::DMatrix::zeros(rank, inputs);
    let mut b = nalgebra::DMatrix::zeros(outputs, rank);
    for i in 0..useful {
        a.set_row(i, &(found.left.column(i) * scale).transpose());
        if let (false, true) = (zero, useful + i < found.right.ncols()) {
            b.set_column(i, &(found.right.column(useful + i) * scale));
        }
    }
    Ok(NewUnits { fan_in: a.into(), fan_out: b.into(), strengths: found.values[..useful].to_vec() })
}
