//! Initialisers: what a newborn seed starts from, computed in double precision from the statistics of one batch.
//!
//! H holds what reaches the slot, one row a sample (for a convolution one row a position: its unfolded patch). G holds the gradient of a
//! sample's loss by what leaves the slot (for a loss that is a mean over n rows: n times its gradient). A new unit has a row of fan-in
//! weights, over H's columns, and a column of fan-out weights, over G's columns.
mod cascor;
mod copies;
mod gradient;
mod matrix;
mod tiny;

pub use cascor::{cascor, correlations};
pub use copies::{copy_previous, net2wider, pair};
pub use gradient::{Update, gradmax, lora_ga, optimal_update};
pub use matrix::Matrix;
pub use tiny::{line_search, tiny};

use esper_ir::Initialiser;
use serde::{Deserialize, Serialize};

/// Statistics of one batch at a slot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Statistics {
    /// H: rows × inputs.
    pub inputs: Matrix,
    /// G: rows × outputs.
    pub gradients: Matrix,
}

/// Weights of new units.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewUnits {
    /// Units × inputs.
    pub fan_in: Matrix,
    /// Outputs × units.
    pub fan_out: Matrix,
    /// The singular values the units were made from, largest first. There are as many as units that are of use: the others' weights are zero
    /// here, and the caller starts them as by `zero_last` (fan-in as usual, fan-out zero).
    pub strengths: Vec<f64>,
}

impl NewUnits {
    /// The same units with their fan-out multiplied.
    pub fn times(&self, factor: f64) -> NewUnits {
        let mut scaled = self.clone();
        scaled.fan_out = (scaled.fan_out.dense() * factor).into();
        scaled
    }
}

/// Why an initialiser gives nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// Inputs and gradients have different numbers of rows, or none.
    Rows,
    /// Some value is not finite.
    NotFinite,
    /// Every gradient is zero: there is nothing to learn at this slot.
    NoGradient,
    /// A decomposition did not converge.
    NotConverged,
    /// The activation is not zero at zero, or has no slope there: units born with a fan-in of zero would change the function or be dead.
    Activation,
    /// There are no units to copy.
    NothingToCopy,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Refusal::Rows => "inputs and gradients must have the same number of rows, at least one",
            Refusal::NotFinite => "a value of the statistics is not finite",
            Refusal::NoGradient => "every gradient at this slot is zero",
            Refusal::NotConverged => "a decomposition did not converge",
            Refusal::Activation => "its activation is not zero at zero or has no slope there, so units with a fan-in of zero cannot learn",
            Refusal::NothingToCopy => "there are no units to copy",
        })
    }
}

impl Statistics {
    /// Checks that they can be used.
    pub fn check(&self) -> Result<(), Refusal> {
        if self.inputs.rows() != self.gradients.rows() || self.inputs.rows() == 0 {
            Err(Refusal::Rows)
        } else if !self.inputs.finite() || !self.gradients.finite() {
            Err(Refusal::NotFinite)
        } else if self.gradients.values().iter().all(|g| *g == 0.0) {
            Err(Refusal::NoGradient)
        } else {
            Ok(())
        }
    }
    /// HᵀG/n: inputs × outputs.
    fn cross(&self) -> nalgebra::DMatrix<f64> {
        self.inputs.dense().transpose() * self.gradients.dense() / self.inputs.rows() as f64
    }
}

/// An initialiser as a policy writes it.
pub fn name(initialiser: Initialiser) -> String {
    let counted = |name: &str, units: Option<u32>| units.map_or(name.to_string(), |k| format!("{name}({k})"));
    match initialiser {
        Initialiser::ZeroLast => "zero_last".into(),
        Initialiser::Gradmax(units) => counted("gradmax", units),
        Initialiser::Cascor(units) => counted("cascor", units),
        Initialiser::Tiny(units) => counted("tiny", units),
        Initialiser::LoraGa(rank) => format!("lora_ga({rank})"),
        Initialiser::Pair => "pair".into(),
        Initialiser::CopyPrev => "copy_prev".into(),
        Initialiser::Net2Wider => "net2wider".into(),
    }
}

#[cfg(test)]
mod tests;
