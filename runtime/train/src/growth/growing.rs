//! The growing part of a run: changes are built in the background and take effect at steps that were fixed when they were decided.
use super::birth::{self, Newborn};
use super::snapshot::Snapshots;
use super::state::{Effected, GrowthState, LiveSeed};
use super::topology::{Change, Topology};
use crate::RunError;
use crate::data::{Batch, Dataset};
use crate::engine::{BatchResult, Engine, Prepared, Sizes};
use crate::programs::ProgramSource;
use esper_device::Device;
use esper_forge::Ticket;
use esper_ir::{Initialiser, Model, Part, Planting};
use std::thread::Scope;
use std::time::{Duration, Instant};

/// A topology with its programs, ready to take the place of the running ones.
struct Built {
    topology: Topology,
    model: Model,
    prepared: Prepared,
    /// How long building took in the background.
    took: Duration,
}

/// How changes reached the loop: for people, never for decisions.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SwapTimes {
    /// How many times programs were exchanged.
    pub swaps: u64,
    /// How many of them had to be waited for.
    pub stalls: u64,
    /// All waiting together.
    pub stalled: Duration,
    /// The longest exchange at a step boundary, waiting left out.
    pub longest_swap: Duration,
    /// All building in the background together.
    pub built: Duration,
}

/// What grows in a run, and what will.
pub(crate) struct Growing<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    device: &'scope dyn Device,
    source: &'scope dyn ProgramSource,
    /// Sizes of batches that programs are needed for.
    sizes: Sizes,
    topology: Topology,
    /// The model as it is trained now: the topology, grafted.
    model: Model,
    /// What a checkpoint holds.
    pub state: GrowthState,
    next: Option<Ticket<Result<Built, RunError>>>,
    /// The tensors from before each joined seed began to blend.
    pub snapshots: Snapshots,
    /// What is to be told of newborn seeds.
    pub births: Vec<String>,
    /// How changes reached the loop so far.
    pub times: SwapTimes,
}

impl<'scope, 'env> Growing<'scope, 'env> {
    /// Growth from a state; `model` is the model as it was lowered. What was pending is built again.
    pub fn new(
        scope: &'scope Scope<'scope, 'env>,
        device: &'scope dyn Device,
        source: &'scope dyn ProgramSource,
        model: &Model,
        state: GrowthState,
        sizes: Sizes,
    ) -> Result<Growing<'scope, 'env>, RunError> {
        let topology = state.topology(model)?;
        let model = topology.model()?;
        let pending = state.pending.clone();
        let times = SwapTimes::default();
        let (snapshots, births) = (Snapshots::new(), vec![]);
        let mut growing = Growing { scope, device, source, sizes, topology, model, state, next: None, snapshots, births, times };
        if let Some(Effected { step, changes }) = pending {
            growing.decide(step, changes);
        }
        Ok(growing)
    }

    /// The programs of the topology as it is.
    pub fn prepare(&self) -> Result<Prepared, RunError> {
        built(self.device, self.source, self.topology.clone(), &self.sizes).map(|b| b.prepared)
    }

    /// The model as it is trained now.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The model without its live seeds.
    pub fn host(&self) -> &Model {
        &self.topology.host
    }

    /// Starts to build what some changes make of the topology. They take effect after step `due`, whenever the building is done. Changes of α
    /// alone need nothing built.
    pub fn decide(&mut self, due: u64, changes: Vec<Change>) {
        if changes.iter().any(Change::is_structural) {
            let (device, source, topology, sizes) = (self.device, self.source, self.topology.clone(), self.sizes.clone());
            let changes = changes.clone();
            self.next = Some(esper_forge::start(self.scope, move || {
                let statistics = born(&changes).filter(|(_, i)| birth::reads_statistics(*i)).map(|(planting, _)| planting.slot).collect();
                built(device, source, topology.after(&changes)?, &Sizes { statistics, ..sizes })
            }));
        }
        self.state.pending = Some(Effected { step: due, changes });
    }

    /// Lets what was decided take effect, if that is due after this step; waits for it where it is not ready.
    pub fn take_effect(
        &mut self,
        step: u64,
        engine: &mut Engine,
        dataset: &Dataset,
        batch: &mut Batch,
    ) -> Result<Option<Effected>, RunError> {
        let Some(effected) = self.state.pending.take_if(|p| p.step == step) else { return Ok(None) };
        if let Some(ticket) = self.next.take() {
            let delivery = ticket.wait().map_err(|_| RunError::bug("a change of the network could not be built: its thread ended"))?;
            let built = delivery.result?;
            let exchange = Instant::now();
            engine.replace(self.device, built.prepared, &built.model)?;
            (self.topology, self.model) = (built.topology, built.model);
            self.times.swaps += 1;
            self.times.stalls += u64::from(delivery.stall > Duration::ZERO);
            self.times.stalled += delivery.stall;
            self.times.longest_swap = self.times.longest_swap.max(exchange.elapsed());
            self.times.built += built.took;
        }
        self.state.effect(effected.clone());
        for change in &effected.changes {
            match change {
                Change::Plant { planting, zeroed, .. } => {
                    let path = self.model.live.iter().find(|l| l.planting.id == planting.id).map(|l| l.path.clone()).unwrap_or_default();
                    for name in zeroed {
                        engine.clear(&format!("{path}.{name}"))?;
                    }
                }
                Change::Join { id } => _ = self.snapshots.insert(*id, engine.tensors()?),
                Change::Restore { id } => {
                    let snapshot = self.snapshots.get(id);
                    let snapshot = snapshot.ok_or_else(|| RunError::bug(format!("there is no snapshot from before seed {id} blended")))?;
                    engine.restore_known(snapshot)?;
                }
                Change::Ramp { .. } | Change::Integrate { .. } | Change::Remove { .. } | Change::Quarantine { .. } | Change::HalveRate => {}
            }
        }
        // A snapshot is of use until its seed is gone or is part of the network for good.
        self.snapshots.retain(|id, _| self.state.seeds.iter().any(|s| s.id == *id));
        // What is evaluated before the next step sees the seeds as they are now.
        engine.write_seed_scalars(self.state.scalars(step + 1))?;
        self.start_newborns(step, &effected.changes, engine, dataset, batch)?;
        Ok(Some(effected))
    }

    /// Gives newborn seeds the weights that their initialisers compute, and notes what to tell of it.
    fn start_newborns(
        &mut self,
        step: u64,
        changes: &[Change],
        engine: &mut Engine,
        dataset: &Dataset,
        batch: &mut Batch,
    ) -> Result<(), RunError> {
        for (planting, initialiser) in born(changes).filter(|(_, i)| *i != Initialiser::ZeroLast) {
            let number = self.model.live.iter().position(|l| l.planting.id == planting.id);
            let number = number.ok_or_else(|| RunError::bug(format!("seed {} is born and does not live", planting.id)))?;
            let scalars = self.state.scalars(step + 1).collect();
            let newborn = Newborn { model: &self.model, live: &self.model.live[number], number, initialiser, scalars };
            self.births.push(birth::start(&newborn, engine, dataset, batch)?);
        }
        Ok(())
    }

    /// Takes note of what a training step said of the live seeds. Allocates nothing.
    pub fn measure(&mut self, engine: &Engine, rows: usize, result: BatchResult) -> Result<(), RunError> {
        for (number, seed) in self.state.seeds.iter_mut().enumerate() {
            let (with, norm) = engine.seed_result(rows, number)?;
            let sums = &mut seed.sums;
            sums.batches += 1;
            sums.without += result.loss;
            sums.with += with.unwrap_or(result.loss);
            sums.norm += norm.unwrap_or(0.0);
            sums.network_norm += result.gradient_norm.unwrap_or(0.0);
        }
        Ok(())
    }

    /// Changes that need nothing built take effect now, after this step.
    pub fn at_once(&mut self, step: u64, changes: Vec<Change>, engine: &mut Engine) -> Result<(), RunError> {
        if !changes.is_empty() {
            self.state.effect(Effected { step, changes });
            engine.write_seed_scalars(self.state.scalars(step + 1))?;
        }
        Ok(())
    }

    /// Whether the gradients of all joined seeds were finite in the last computed step. What learns in the shadow harms nobody but itself.
    pub fn joined_are_finite(&self, engine: &Engine, rows: usize) -> Result<bool, RunError> {
        for (number, planting) in self.topology.plantings.iter().enumerate().filter(|(_, p)| p.part == Part::Joined) {
            let (_, norm) = engine.seed_result(rows, number)?;
            debug_assert_eq!(self.model.live[number].planting.id, planting.id);
            if norm.is_some_and(|n| !n.is_finite()) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The seed that became part of the network last, of those that live.
    pub fn newest_joined(&self) -> Option<u32> {
        self.topology.plantings.iter().filter(|p| p.part == Part::Joined).map(|p| p.id).max()
    }

    /// Puts growth back to a state; `model` is the model as it was lowered. Gives the programs of the topology, which are built here and now,
    /// and the model they are of.
    pub fn go_back(&mut self, model: &Model, state: GrowthState, snapshots: Snapshots) -> Result<(Prepared, Model), RunError> {
        // A change that was being built is not waited for: what it made is dropped with its thread's result.
        self.next = None;
        let back = Growing::new(self.scope, self.device, self.source, model, state, self.sizes.clone())?;
        *self = Growing { snapshots, times: self.times, ..back };
        Ok((self.prepare()?, self.model.clone()))
    }

    /// A live seed and its number among them.
    pub fn seed(&mut self, id: u32) -> Option<(usize, &mut LiveSeed)> {
        self.state.seeds.iter_mut().enumerate().find(|(_, s)| s.id == id)
    }

    /// Whether a seed is part of the network already.
    pub fn is_joined(&self, id: u32) -> bool {
        self.topology.plantings.iter().any(|p| p.id == id && p.part == Part::Joined)
    }
}

/// The seeds that are born by some changes, with their initialisers.
fn born(changes: &[Change]) -> impl Iterator<Item = (&Planting, Initialiser)> {
    changes.iter().filter_map(|change| match change {
        Change::Plant { planting, initialiser, .. } => Some((planting, *initialiser)),
        _ => None,
    })
}

/// Grafts, differentiates, fuses, compiles and loads a topology.
fn built(device: &dyn Device, source: &dyn ProgramSource, topology: Topology, sizes: &Sizes) -> Result<Built, RunError> {
    let began = Instant::now();
    let model = topology.model()?;
    // Nothing is tried out where nothing lives, but for the losses of single rows by which those of a regression are capped.
    let regression = model.classes.is_none() && !model.policies.is_empty();
    let sizes = if topology.plantings.is_empty() && !regression { Sizes { trial: vec![], ..sizes.clone() } } else { sizes.clone() };
    let prepared = Prepared::new(device, &*source.programs(&model, &topology.host)?, &model, &sizes)?;
    Ok(Built { topology, model, prepared, took: began.elapsed() })
}
