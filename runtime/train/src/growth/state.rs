//! What a growing run must remember: part of every checkpoint, so that a resumed run goes on as if it had not stopped.
use super::newborn::Boost;
use super::tamiyo::Tamiyo;
use super::topology::{Change, Topology};
use crate::RunError;
use crate::engine::SeedScalars;
use esper_ir::{Model, Part, Planting};
use esper_policy::{Governor, Ramp};
use serde::{Deserialize, Serialize};

/// Changes that took effect together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Effected {
    /// The step after which they took effect.
    pub step: u64,
    /// The changes, in their order.
    pub changes: Vec<Change>,
}

/// A seed that lives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveSeed {
    /// Its number.
    pub id: u32,
    /// The run's step before its first update.
    pub born: u64,
    /// How much it counts, and will.
    pub ramp: Ramp,
    /// How much faster it learns at first.
    pub boost: Boost,
    /// How many of the gate rows, in the order that is its own, it has been tried on.
    pub gate_rows: usize,
    /// Training batches since the last decision, and over them the sums of the loss without it, of the loss with it (where it learns in the
    /// shadow), and of the norms of its gradient and of the network's.
    pub sums: SeedSums,
}

impl LiveSeed {
    /// Its run-time scalars in a step, counted from 1.
    pub(crate) fn scalars(&self, step: u64) -> SeedScalars {
        let age = step.saturating_sub(self.born);
        SeedScalars { alpha: self.ramp.at(step.saturating_sub(1)), age, boost: self.boost.at(age) }
    }
}

/// A seed that a network is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// Which seed, and where.
    pub planting: Planting,
    /// How much it counts.
    pub alpha: f64,
    /// Whether it is part of the network for good.
    pub fossil: bool,
}

/// Sums over the training batches since the last decision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SeedSums {
    /// How many batches.
    pub batches: u64,
    /// Σ loss without the seed.
    pub without: f64,
    /// Σ loss with the seed in its shadow tail.
    pub with: f64,
    /// Σ norm of the seed's gradient.
    pub norm: f64,
    /// Σ norm of the network's gradient.
    pub network_norm: f64,
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GrowthState {
    /// What took effect so far: from the model as it was lowered, these changes make the model as it is.
    pub log: Vec<Effected>,
    /// What was decided and takes effect after a step that is fixed.
    pub pending: Option<Effected>,
    /// The seeds that live, by ascending number.
    pub seeds: Vec<LiveSeed>,
    /// What Tamiyo remembers, where policies decide.
    #[serde(default)]
    pub tamiyo: Tamiyo,
    /// What the governor remembers; it does not go back with the rest.
    #[serde(default)]
    pub governor: Governor,
    /// Seeds that were taken out because the network was no longer finite with them, and why: Tamiyo has yet to be told.
    #[serde(default)]
    pub quarantined: Vec<(u32, String)>,
}

impl GrowthState {
    /// The topology that the log makes of a model.
    ///
    /// # Errors
    /// A log of another model.
    pub(crate) fn topology(&self, model: &Model) -> Result<Topology, RunError> {
        let start = Topology::new(model.clone());
        self.log.iter().try_fold(start, |topology, effected| topology.after(&effected.changes))
    }

    /// The model that the log makes of the one that was lowered: with its fossils and its live seeds.
    pub fn grown(&self, model: &Model) -> Result<Model, RunError> {
        self.topology(model)?.model()
    }

    /// Takes a seed out of what is pending.
    pub(crate) fn cancel(&mut self, id: u32) {
        if let Some(pending) = &mut self.pending {
            pending.changes.retain(|change| change.seed() != Some(id));
        }
    }

    /// The seeds that the network is made of after a number of steps, each with how much it counts: those that are part of it for good, in the
    /// order in which they became it, then those that live and count already. What learns in the shadow is none of it.
    pub fn members(&self, step: u64) -> Vec<Member> {
        let (mut planted, mut members): (Vec<Planting>, Vec<Member>) = (vec![], vec![]);
        for change in self.log.iter().flat_map(|e| &e.changes) {
            match change {
                Change::Plant { planting, .. } => planted.push(planting.clone()),
                Change::Join { id } => planted.iter_mut().filter(|p| p.id == *id).for_each(|p| p.part = Part::Joined),
                Change::Remove { id } | Change::Quarantine { id } => planted.retain(|p| p.id != *id),
                Change::Integrate { id, alpha, .. } => {
                    let own = |p: &Planting| p.id == *id;
                    members.extend(planted.iter().filter(|p| own(p)).map(|p| Member { planting: p.clone(), alpha: *alpha, fossil: true }));
                    planted.retain(|p| !own(p));
                }
                Change::Ramp { .. } | Change::Restore { .. } | Change::HalveRate => {}
            }
        }
        for planting in planted.into_iter().filter(|p| p.part == Part::Joined) {
            // What the evaluation after the step sees.
            let alpha = self.seeds.iter().find(|s| s.id == planting.id).map_or(0.0, |s| s.scalars(step + 1).alpha);
            // A run computes with 32 bits.
            members.push(Member { planting, alpha: f64::from(alpha as f32), fossil: false });
        }
        members
    }

    /// How many seeds became part of the network for good.
    pub fn fossilised(&self) -> usize {
        self.log.iter().flat_map(|e| &e.changes).filter(|c| matches!(c, Change::Integrate { .. })).count()
    }

    /// The run-time scalars of the live seeds in a step, counted from 1.
    pub(crate) fn scalars(&self, step: u64) -> impl Iterator<Item = SeedScalars> + '_ {
        self.seeds.iter().map(move |seed| seed.scalars(step))
    }

    /// Changes have taken effect after a step: they are logged, and the list of live seeds follows.
    pub(crate) fn effect(&mut self, effected: Effected) {
        for change in &effected.changes {
            match change {
                Change::Plant { planting, boost, .. } => {
                    let ramp = Ramp::still(0.0, effected.step);
                    let (id, born, boost, sums) = (planting.id, effected.step, *boost, SeedSums::default());
                    self.seeds.push(LiveSeed { id, born, ramp, boost, gate_rows: 0, sums });
                }
                Change::Ramp { id, ramp } => {
                    if let Some(seed) = self.seeds.iter_mut().find(|s| s.id == *id) {
                        seed.ramp = *ramp;
                    }
                }
                Change::Join { .. } | Change::Restore { .. } | Change::HalveRate => {}
                Change::Integrate { id, .. } | Change::Remove { id } | Change::Quarantine { id } => self.seeds.retain(|s| s.id != *id),
            }
        }
        self.log.push(effected);
    }
}
