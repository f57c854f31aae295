//! Seeds that live in a model: what was added to its graphs, parameters and states for each.
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// How a live seed takes part in the training graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Part {
    /// It learns beside the network, on detached activations; nothing of the network depends on it.
    Shadow,
    /// It is part of the network, in proportion to its α.
    Joined,
}

/// How what a seed gives is put together with what stands in its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Join {
    /// `h + Σ αᵢ·fᵢ(h)`.
    Add,
    /// `(1 − Σ αᵢ)·h + Σ αᵢ·fᵢ(h)`.
    Lerp,
    /// `h · Π (1 + αᵢ·tanh fᵢ(h))`.
    Multiply,
}

/// What is to live where: one seed in one slot.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Planting {
    /// Counts the germinations of a run from 1; names the seed (`mid#1`) and its random streams.
    pub id: u32,
    /// The slot, by its number in [`crate::Model::slots`].
    pub slot: usize,
    /// The candidate, by its number in [`crate::Model::seeds`].
    pub seed: usize,
    /// Whether it takes part already.
    pub part: Part,
    /// How it takes part. All seeds that are joined in one slot say the same.
    pub join: Join,
    /// Whether its maximums count a slope of 1 where both are equal, so that a relu whose sum is exactly zero learns: for units that are born
    /// with a fan-in of zero.
    pub opened: bool,
}

/// A seed that lives in a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Live {
    /// What was asked for.
    pub planting: Planting,
    /// `mid#1`: what its parameters' paths begin with.
    pub path: String,
    /// Its parameters among the model's.
    pub parameters: Range<usize>,
    /// Its states among the model's.
    pub states: Range<usize>,
}
