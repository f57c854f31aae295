//! A place in a host where seeds may grow.
use crate::TensorType;
use esper_diagnostics::Span;
use serde::{Deserialize, Serialize};

/// A slot of a host: in the host's graphs it is the operator [`crate::Op::Slot`] with this one's number.
///
/// What leaves it is `target + Σ αᵢ·fᵢ(source)`; in the usual form source and target are the same tensor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Slot {
    /// `mid`, `blocks[3].mid`.
    pub path: String,
    /// The type of what a seed reads, with [`crate::BATCH`] as a size where it has the batch.
    pub source: TensorType,
    /// The type of what a seed gives.
    pub target: TensorType,
    /// Where it is declared.
    pub span: Span,
    /// The policy of the `grow` line that names it, by its number in [`crate::Model::policies`]; none where no line does: it stays shut.
    pub policy: Option<usize>,
    /// The candidates that fit, by their numbers in [`crate::Model::seeds`], in the order of the `grow` line.
    pub seeds: Vec<usize>,
}
