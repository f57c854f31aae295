//! Growing tiny networks: units from the whitened cross-moment of inputs and gradients, with a line search for their size.
use super::matrix::{inverse_roots, singular};
use super::{NewUnits, Refusal, Statistics};

impl Statistics {
    /// HᵀH/n: inputs × inputs.
    pub(super) fn second_moment(&self) -> nalgebra::DMatrix<f64> {
        let inputs = self.inputs.dense();
        inputs.transpose() * &inputs / inputs.nrows() as f64
    }
}

/// Units from `S^(-1/2)·HᵀG/n = U·Λ·Vᵀ`, S = HᵀH/n: fan-in `√λ·S^(-1/2)·u`, fan-out `√λ·v`. To first order they lower the loss most for
/// the change they make. Verbockhaven, Rudkiewicz, Chevallier and Charpiat, "Growing tiny networks" (TMLR 2024), proposition 3.4.
///
/// The change they make to what leaves the slot goes along G: [`line_search`] finds how far against it they should go, and the fan-out is
/// multiplied by what it finds, which is negative.
pub fn tiny(statistics: &Statistics, units: usize) -> Result<NewUnits, Refusal> {
    statistics.check()?;
    let (root, _) = inverse_roots(statistics.second_moment()).ok_or(Refusal::NotConverged)?;
    let found = singular(&root * statistics.cross()).ok_or(Refusal::NotConverged)?;
    let useful = found.rank().min(units);
    let mut fan_in = nalgebra::DMatrix::zeros(units, statistics.inputs.columns());
    let mut fan_out = nalgebra::DMatrix::zeros(statistics.gradients.columns(), units);
    for unit in 0..useful {
        let size = found.values[unit].sqrt();
        fan_in.set_row(unit, &(&root * found.left.column(unit) * size).transpose());
        fan_out.set_column(unit, &(found.right.column(unit) * size));
    }
    Ok(NewUnits { fan_in: fan_in.into(), fan_out: fan_out.into(), strengths: found.values[..useful].to_vec() })
}

/// How many times the factor is halved before the search gives up.
const HALVINGS: usize = 20;

/// The factor `first`, or the first of its halves, quarters … at which `loss` (of held-out rows) is below its value at 0, made smaller as
/// long as that lowers it further. None where no factor lowers it: then the units are not kept.
pub fn line_search(first: f64, mut loss: impl FnMut(f64) -> f64) -> Option<f64> {
    let before = loss(0.0);
    let mut best: Option<(f64, f64)> = None;
    let mut factor = first;
    for _ in 0..HALVINGS {
        let now = loss(factor);
        match best {
            Some((_, least)) if now.is_nan() || now >= least => break,
            _ if now < before => best = Some((factor, now)),
            _ => {}
        }
        factor /= 2.0;
    }
    best.map(|(factor, _)| factor)
}
