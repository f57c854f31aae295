//! What a model has become: the host with what fossilised in it, and the seeds that live in its slots, as a function of the changes so far.
use super::newborn::Boost;
use crate::RunError;
use esper_ir::{Graph, Initialiser, Model, Op, Part, Planting};
use esper_policy::Ramp;
use serde::{Deserialize, Serialize};

/// A change of the topology, as it is decided, logged and replayed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    /// A seed is germinated in a slot.
    Plant {
        /// What and where.
        planting: Planting,
        /// How fast it learns at first.
        boost: Boost,
        /// Parameters of it that start as zeros, whatever its blueprint says: they make it zero at birth.
        zeroed: Vec<String>,
        /// What its first weights come from.
        initialiser: Initialiser,
    },
    /// A seed that learned in the shadow becomes part of the network, in proportion to its α.
    Join {
        /// The seed's number.
        id: u32,
    },
    /// From now on a seed's α goes to another value.
    Ramp {
        /// The seed's number.
        id: u32,
        /// The way there.
        ramp: Ramp,
    },
    /// The weights return to what they were when a seed began to blend, which has left since.
    Restore {
        /// The seed's number.
        id: u32,
    },
    /// A seed becomes part of the network for good.
    Integrate {
        /// The seed's number.
        id: u32,
        /// How much it counts from now on.
        alpha: f64,
        /// The run's step before its first update.
        born: u64,
    },
    /// A seed leaves.
    Remove {
        /// The seed's number.
        id: u32,
    },
    /// A seed is taken out because the network was no longer finite with it. It may not have been planted yet: the run went back.
    Quarantine {
        /// The seed's number.
        id: u32,
    },
    /// From now on the learning rate is half of what it was.
    HalveRate,
}

impl Change {
    /// What happened, for people; `model` is the model as it was lowered.
    pub(crate) fn sentence(&self, model: &Model) -> String {
        match self {
            Change::Plant { planting, .. } => {
                let (slot, seed) = (&model.slots[planting.slot].path, &model.seeds[planting.seed].text);
                let part = if planting.part == Part::Shadow { "in the shadow" } else { "as part of the network" };
                format!("seed {} germinates in `{slot}`: {seed}, {part}", planting.id)
            }
            Change::Join { id } => format!("seed {id} becomes part of the network, at α = 0"),
            Change::Ramp { id, ramp } => format!("the α of seed {id} goes from {} to {} in {} steps", ramp.from, ramp.to, ramp.steps),
            Change::Restore { id } => format!("the weights return to what they were before seed {id} began to blend"),
            Change::Integrate { id, alpha, .. } => format!("seed {id} is part of the network for good, with α = {alpha}; its slot is free"),
            Change::Remove { id } => format!("seed {id} is removed"),
            Change::Quarantine { id } => format!("seed {id} is in quarantine: the network was no longer finite with it"),
            Change::HalveRate => "the learning rate is halved".to_string(),
        }
    }

    /// The seed that is changed.
    pub(crate) fn seed(&self) -> Option<u32> {
        match self {
            Change::Plant { planting, .. } => Some(planting.id),
            Change::Join { id }
            | Change::Ramp { id, .. }
            | Change::Restore { id }
            | Change::Integrate { id, .. }
            | Change::Remove { id }
            | Change::Quarantine { id } => Some(*id),
            Change::HalveRate => None,
        }
    }

    /// Whether other programs are needed for it.
    pub(crate) fn is_structural(&self) -> bool {
        !matches!(self, Change::Ramp { .. } | Change::Restore { .. })
    }
}

/// A host and what lives in it.
#[derive(Clone, Debug)]
pub(crate) struct Topology {
    /// The model without its live seeds; what fossilised is part of it.
    pub host: Model,
    /// What lives in its slots, by ascending number.
    pub plantings: Vec<Planting>,
}

impl Topology {
    /// A model in which nothing grows yet.
    pub fn new(host: Model) -> Topology {
        Topology { host, plantings: vec![] }
    }

    /// The topology after some changes, in their order.
    ///
    /// # Errors
    /// A change of a seed that does not live: the log or the loop has a bug.
    pub fn after(&self, changes: &[Change]) -> Result<Topology, RunError> {
        let mut next = self.clone();
        for change in changes {
            match change {
                Change::Plant { planting, .. } => next.plantings.push(planting.clone()),
                Change::Ramp { id, .. } => _ = next.planting(*id)?,
                Change::Restore { .. } => {}
                Change::Join { id } => next.planting(*id)?.part = Part::Joined,
                Change::Integrate { id, alpha, born } => {
                    let planting = next.planting(*id)?.clone();
                    next.plantings.retain(|p| p.id != *id);
                    next.host = esper_pipeline::integrate(&next.host, &planting, *alpha, *born)?;
                }
                Change::Remove { id } => {
                    next.planting(*id)?;
                    next.plantings.retain(|p| p.id != *id);
                }
                Change::Quarantine { id } => next.plantings.retain(|p| p.id != *id),
                Change::HalveRate => halve_rate(&mut next.host)?,
            }
        }
        Ok(next)
    }

    /// The model as it is trained: the host with its live seeds.
    pub fn model(&self) -> Result<Model, RunError> {
        Ok(esper_pipeline::graft(&self.host, &self.plantings)?)
    }

    fn planting(&mut self, id: u32) -> Result<&mut Planting, RunError> {
        let found = self.plantings.iter_mut().find(|p| p.id == id);
        found.ok_or_else(|| RunError::bug(format!("seed {id} is changed, and does not live")))
    }
}

/// Multiplies the schedule of the learning rate by a half.
fn halve_rate(model: &mut Model) -> Result<(), RunError> {
    let Some(rate) = model.optimizer.learning_rate() else { return Ok(()) };
    let mut graph = Graph::new();
    let outputs = graph.inline(&model.optimizer.scalars[rate].graph, &|_| None).map_err(|e| RunError::bug(e.to_string()))?;
    for (kind, node) in outputs {
        let half = graph.full_like(0.5, node);
        let halved = graph.binary(Op::Mul, node, half);
        graph.add_output(kind, halved);
    }
    model.optimizer.scalars[rate].graph = graph;
    Ok(())
}
