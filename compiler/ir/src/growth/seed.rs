//! A candidate for a slot, compiled from its blueprint for the types of that slot.
use crate::{Graph, Parameter, State};
use esper_diagnostics::Span;
use serde::{Deserialize, Serialize};

/// How a seed is born, as its blueprint says and the check has proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Birth {
    /// It says nothing: what it computes is added, and the policy's initialiser must make it zero.
    Unsaid,
    /// What it computes is added and exactly zero at birth.
    Zero,
    /// It takes the slot's place (`h + α·(f(h) − h)`) and is exactly its input at birth.
    Same,
}

/// A candidate for one slot, with all its sizes but the batch known.
///
/// Its graphs read [`crate::Input::Argument`] 0 (what the slot reads), and [`crate::Input::Parameter`] and [`crate::Input::State`] by their
/// numbers in this seed; they give [`crate::OutputKind::Value`] 0 and, in training, [`crate::OutputKind::State`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Seed {
    /// The recipe as written: `Bottleneck(reduce = 4)`.
    pub text: String,
    /// The blueprint's name.
    pub blueprint: String,
    /// Its birth.
    pub birth: Birth,
    /// Trained tensors; paths start at the seed: `norm.scale`.
    pub parameters: Vec<Parameter>,
    /// Untrained tensors.
    pub states: Vec<State>,
    /// One batch in training.
    pub train: Graph,
    /// One batch in evaluation: the same without State outputs.
    pub eval: Graph,
    /// Where the candidate is written in the `grow` line.
    pub span: Span,
}

impl Seed {
    /// How many trained numbers it has.
    pub fn parameter_count(&self) -> u64 {
        self.parameters.iter().map(|p| p.ty.elements().unwrap_or(0) as u64).sum()
    }
}
