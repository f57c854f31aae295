//! A policy with every duration in steps and every bound a number: what decisions go by.
use crate::alpha::Curve;
use crate::rent::Rent;
use crate::selection::Rule;
use crate::trigger::{Measure, Trigger};
use serde::{Deserialize, Serialize};

/// A quantity that a budget bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Budgeted {
    /// Trained numbers added, over live and fossilised seeds.
    Params,
    /// Operations of a training step, the host's included.
    StepFlops,
    /// Bytes, the host's included.
    Bytes,
}

/// How the seeds of a slot share it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sharing {
    /// The worst active seed goes when a better one comes; α is handed over, its sum constant.
    Replace,
    /// Seeds of different kinds side by side.
    Diversify,
    /// The best keep and raise their share, the rest leave.
    Specialise,
    /// All with equal shares.
    Ensemble,
}

/// Shadow probes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probes {
    /// How many candidates at once.
    pub candidates: usize,
    /// Steps from their birth until one is left.
    pub over: u64,
}

/// Everything a decision goes by. Times are in steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// When to plant.
    pub trigger: Trigger,
    /// Nothing is planted before this step …
    pub earliest: u64,
    /// … or after this one.
    pub deadline: u64,
    /// Which arms.
    pub select: Rule,
    /// Several candidates at once, in the shadow.
    pub probes: Option<Probes>,
    /// Seeds a slot may hold, probes not counted.
    pub capacity: usize,
    /// Seeds that may live in the model at once, probes not counted.
    pub concurrent: usize,
    /// How a slot is shared.
    pub sharing: Sharing,
    /// What the shares of a slot may sum to.
    pub total_alpha: f64,
    /// The least time in TRAINING.
    pub dwell: u64,
    /// The most time in TRAINING after that.
    pub training_budget: u64,
    /// Time in HOLDING.
    pub holding_budget: u64,
    /// Time of a ramp of α.
    pub ramp: u64,
    /// Its shape.
    pub curve: Curve,
    /// The run's level of the gain tests together.
    pub alpha: f64,
    /// What a seed has to earn.
    pub rent: Rent,
    /// The share of the rent by which a seed that takes part may fall short.
    pub hysteresis: f64,
    /// Bounds on what may be added.
    pub budgets: Vec<(Budgeted, f64)>,
    /// The first rest of a slot after a failure; it doubles with each further one …
    pub embargo: u64,
    /// … up to this.
    pub longest_embargo: u64,
}

impl Settings {
    /// The defaults, for a run whose epochs have so many steps.
    pub fn defaults(steps_per_epoch: u64, total_steps: u64) -> Settings {
        let epochs = |n: u64| n * steps_per_epoch;
        Settings {
            trigger: Trigger::Plateau { any: vec![Measure::Loss, Measure::Error], patience: epochs(4), cooldown: epochs(2) },
            earliest: 0,
            deadline: (total_steps as f64 * 0.6) as u64,
            select: Rule::ThompsonNormal,
            probes: None,
            capacity: 2,
            concurrent: usize::MAX,
            sharing: Sharing::Diversify,
            total_alpha: 2.0,
            dwell: epochs(1).max(100),
            training_budget: epochs(8),
            holding_budget: epochs(6),
            ramp: epochs(2),
            curve: Curve::Cosine,
            alpha: 0.05,
            rent: Rent::LogParams(0.01),
            hysteresis: 0.5,
            budgets: vec![],
            embargo: epochs(2),
            longest_embargo: epochs(16),
        }
    }
    /// The rest after so many failures in a row, from 1.
    pub fn rest(&self, failures: u32) -> u64 {
        let doubled = 1u64.checked_shl(failures.saturating_sub(1).min(32)).unwrap_or(u64::MAX);
        self.embargo.saturating_mul(doubled).min(self.longest_embargo)
    }
}
