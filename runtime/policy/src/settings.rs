//! A policy with every duration in steps: what decisions go by.
use crate::observation::Facts;
use esper_ir::{BlendKind, Duration, Policy, RampKind, Sharing};

/// The share of the rent by which a seed that takes part may fall short of it before it is vetoed: half.
pub const HYSTERESIS: f64 = 0.5;
/// Epochs between plantings for triggers that do not say it themselves.
const COOLDOWN: f64 = 2.0;

/// How many steps a duration of a run is, rounded to the nearest; at least one where it is not zero.
pub fn steps(time: Duration, steps_per_epoch: u64, total_steps: u64) -> u64 {
    let exact = match time {
        Duration::Steps(n) => n,
        Duration::Epochs(n) => n * steps_per_epoch as f64,
        Duration::Share(x) => x * total_steps as f64,
    };
    if exact > 0.0 { (exact.round() as u64).max(1) } else { 0 }
}

/// Shadow probes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probes {
    /// How many candidates at once.
    pub candidates: usize,
    /// Steps from their birth until one is left.
    pub over: u64,
}

/// A policy in the steps of a run.
#[derive(Clone, Debug)]
pub struct Settings<'a> {
    /// What it was made from.
    pub policy: &'a Policy,
    steps_per_epoch: u64,
    total_steps: u64,
    /// Nothing is planted after this step.
    pub deadline: u64,
    /// Steps between plantings, for triggers that do not say it themselves.
    pub cooldown: u64,
    /// Several candidates at once, in the shadow.
    pub probes: Option<Probes>,
    /// The least time in TRAINING.
    pub dwell: u64,
    /// The most time in TRAINING after that: a budget that ended before the dwell could never be met.
    pub training: u64,
    /// Time in HOLDING.
    pub holding: u64,
    /// Time of a ramp of α.
    pub ramp: u64,
    /// Its shape.
    pub curve: RampKind,
    /// The first rest of a slot after a failure; it doubles with each further one …
    pub embargo: u64,
    /// … up to this.
    pub longest_embargo: u64,
}

impl<'a> Settings<'a> {
    /// The policy, for a run of these facts.
    pub fn new(policy: &'a Policy, facts: &Facts) -> Settings<'a> {
        let (steps_per_epoch, total_steps) = (facts.steps_per_epoch, facts.total_steps);
        let steps = |time| steps(time, steps_per_epoch, total_steps);
        Settings {
            policy,
            steps_per_epoch,
            total_steps,
            deadline: steps(policy.deadline),
            cooldown: steps(Duration::Epochs(COOLDOWN)),
            probes: policy.probe.map(|p| Probes { candidates: p.candidates.max(1) as usize, over: steps(p.over) }),
            dwell: steps(policy.dwell),
            training: steps(policy.training),
            holding: steps(policy.holding),
            ramp: steps(policy.blend.over),
            curve: policy.blend.ramp,
            embargo: steps(policy.embargo),
            longest_embargo: steps(policy.longest_embargo),
        }
    }
    /// A duration of this run in steps.
    pub fn steps(&self, time: Duration) -> u64 {
        steps(time, self.steps_per_epoch, self.total_steps)
    }
    /// The rest after so many failures in a row, from 1.
    pub fn rest(&self, failures: u32) -> u64 {
        let doubled = 1u64.checked_shl(failures.saturating_sub(1).min(32)).unwrap_or(u64::MAX);
        self.embargo.saturating_mul(doubled).min(self.longest_embargo)
    }
    /// What the shares of a slot may sum to. Where seeds take the place of what stands in the slot (`lerp`), no more than the whole of it.
    pub fn total_alpha(&self) -> f64 {
        let target = self.policy.blend.target;
        match (self.policy.blend.kind, self.policy.share) {
            (_, Sharing::Ensemble { target }) => target,
            (BlendKind::Lerp, _) => target.min(1.0),
            (_, Sharing::Diversify { max_active }) => target * f64::from(max_active),
            (_, Sharing::Replace) => target,
            (_, Sharing::Specialize { .. } | Sharing::ByState) => target * f64::from(self.policy.capacity.max(1)),
        }
    }
}
