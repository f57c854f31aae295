//! What Tamiyo is shown: the facts of a run once, and an observation at every validation point.
use crate::rent::Costs;
use esper_ir::Initialiser;
use serde::{Deserialize, Serialize};

/// A candidate of a slot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Its number in [`esper_ir::Model::seeds`].
    pub seed: usize,
    /// As written: `Bottleneck(reduce = 4)`.
    pub text: String,
    /// The hash of what it computes; names its blueprint across runs.
    pub content: String,
    /// What one of it adds.
    pub costs: Costs,
    /// Those of the policy's initialisers that fit it, in their order.
    pub initialisers: Vec<Initialiser>,
}

/// A slot with what may grow in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// Its number in [`esper_ir::Model::slots`].
    pub slot: usize,
    /// `blocks[3].mid`.
    pub path: String,
    /// The types of its source and target: slots of one kind share what is known.
    pub kind: String,
    /// What fits.
    pub candidates: Vec<Candidate>,
}

/// What does not change in a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// Seeds Tamiyo's random numbers.
    pub seed: u64,
    /// Steps of an epoch.
    pub steps_per_epoch: u64,
    /// Steps of the whole run.
    pub total_steps: u64,
    /// Steps from one decision to the next.
    pub decide_every: u64,
    /// Steps from a decision to its effect.
    pub delay: u64,
    /// The host at step 0.
    pub host: Costs,
    /// Rows it trains on.
    pub train_rows: u64,
    /// Rows held back for gain tests and vetoes.
    pub gate_rows: u64,
    /// Number of classes; `None` for regression, where the loss is capped at [`Observation::loss_quantile`].
    pub classes: Option<usize>,
    /// The slots of this policy.
    pub places: Vec<Place>,
}

/// A predicted first-order gain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Predicted {
    /// Which slot.
    pub slot: usize,
    /// Which candidate; its number in [`esper_ir::Model::seeds`].
    pub seed: usize,
    /// With which initialiser; `None`: with any.
    pub initialiser: Option<Initialiser>,
    /// Nats per sample.
    pub gain: f64,
}

/// What is seen of a seed that is in the program.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SeedSeen {
    /// The number of its germination.
    pub id: u32,
    /// α of the last step.
    pub alpha: f64,
    /// Losses without and with the seed of gate rows that it had not used before. In the shadow "with" is at α = 1.
    pub gate: Vec<(f64, f64)>,
    /// Mean loss without less with the seed over the training batches since the last observation. A sign of progress, never evidence.
    pub shadow_gain: Option<f64>,
    /// Norm of its gradient over the norm of the host's, each per parameter.
    pub gradient_ratio: Option<f64>,
    /// How many of its parameter tensors have had a gradient that is finite and not zero, and how many there are.
    pub alive: (usize, usize),
    /// Whether loss and gradients of its part were finite since the last observation.
    pub finite: bool,
}

/// What is seen at a validation point.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// Steps done.
    pub step: u64,
    /// Mean loss on validation rows.
    pub loss: f64,
    /// Standard error of that mean.
    pub loss_error: f64,
    /// Share of validation rows that is wrong, where the run measures it.
    pub error: Option<f64>,
    /// Mean loss on training batches since the last observation.
    pub training_loss: Option<f64>,
    /// The quantile of the host's losses at which those of a regression are capped.
    pub loss_quantile: Option<f64>,
    /// Seeds in the program.
    pub seeds: Vec<SeedSeen>,
    /// Germinations whose compiled form was refused, with the reason. Their slot and candidate are not tried again.
    pub refused: Vec<(u32, String)>,
    /// Operations of a step as the program is, shadow tails included, where they were counted; else they are the host's and the seeds'.
    pub step_flops: Option<f64>,
    /// Predicted gains, where they were computed.
    pub predicted: Vec<Predicted>,
    /// The best slot's expansion score over the network's own, where it was computed.
    pub expansion: Option<f64>,
}

impl Observation {
    /// What is seen of a seed.
    pub fn seed(&self, id: u32) -> Option<&SeedSeen> {
        self.seeds.iter().find(|s| s.id == id)
    }
}
