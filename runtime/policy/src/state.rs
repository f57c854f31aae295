//! What Tamiyo remembers of a run. It is a value: saved with a checkpoint, it decides as if nothing had happened.
use crate::alpha::Ramp;
use crate::decision::Reason;
use crate::e_process::{GainTest, Veto};
use crate::observation::{Candidate, Facts, Place};
use crate::posterior::{Part, Posterior, Trial};
use crate::random::Random;
use crate::rent::Costs;
use crate::selection::{ArmRows, Memory};
use crate::stage::Stage;
use crate::trigger::Best;
use esper_ir::{Initialiser, Signal};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A seed that has been germinated and is not gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeedState {
    /// Counts germinations from 1.
    pub id: u32,
    /// Which slot; its number in [`esper_ir::Model::slots`].
    pub slot: usize,
    /// Which candidate; its number in [`esper_ir::Model::seeds`].
    pub seed: usize,
    /// With which initialiser it was born.
    pub initialiser: Initialiser,
    /// `mid#1`.
    pub name: String,
    /// `mid: Bottleneck(reduce = 4), zero_last`.
    pub arm: String,
    /// The rows of its arm in the posterior.
    pub rows: ArmRows,
    /// What it adds.
    pub costs: Costs,
    /// Nats per sample.
    pub rent: f64,
    /// Losses above it count as it.
    pub cap: f64,
    /// Where it stands.
    pub stage: Stage,
    /// Steps done when it came there.
    pub since: u64,
    /// The step at which it is in the program.
    pub born: u64,
    /// The germination of the first of its probes and how many they were, while it is one of several.
    pub probe: Option<(u32, usize)>,
    /// Running mean of shadow gains.
    pub shadow_gain: Option<f64>,
    /// The gain test, once it has entered it.
    pub test: Option<GainTest>,
    /// The process against it, once it takes part.
    pub veto: Option<Veto>,
    /// Gate rows it has used.
    pub gate_used: u64,
    /// Where its α is going.
    pub ramp: Ramp,
    /// The α it should have in the end.
    pub target: f64,
    /// How often its α had to go back.
    pub retreats: u32,
    /// How the network was when it began to blend.
    pub before: Option<Before>,
    /// Since which step each `prune` rule has held for it, by its place in the policy.
    pub held: BTreeMap<usize, u64>,
    /// Why it was given up.
    pub reason: Option<Reason>,
}

/// How the network was when a seed began to blend.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Before {
    /// Steps done.
    pub step: u64,
    /// Validation loss.
    pub loss: f64,
    /// Its standard error.
    pub error: f64,
    /// Deviation of the last validation losses.
    pub sigma: f64,
}

/// What is remembered of a slot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotState {
    /// Prunings in a row.
    pub failures: u32,
    /// It rests until so many steps are done.
    pub rests_until: u64,
    /// How often what stands around it has changed.
    pub generation: u32,
}

/// A seed that is part of the network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fossil {
    /// Its germination.
    pub id: u32,
    /// `mid#1`.
    pub name: String,
    /// What it was.
    pub arm: String,
    /// What it adds.
    pub costs: Costs,
    /// The step at which it became part.
    pub step: u64,
    /// Mean gain of its test.
    pub gain: Option<f64>,
}

/// Counts for the end of the run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Seeds germinated.
    pub germinated: u32,
    /// Seeds pruned.
    pub pruned: u32,
    /// Seeds that entered the gain test.
    pub tested: u32,
    /// How often the trigger was asked.
    pub asked: u64,
    /// How often it fired.
    pub fired: u64,
    /// What last kept the policy from acting.
    pub hindrance: Option<String>,
}

/// All of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// What does not change.
    pub facts: Facts,
    /// Random numbers.
    pub random: Random,
    /// What is known of arms.
    pub known: Posterior,
    /// What this run has taught so far, for the runs after it.
    pub trials: Vec<Trial>,
    /// What the selection rule remembers.
    pub memory: Memory,
    /// Seeds that are not gone, by germination.
    pub seeds: BTreeMap<u32, SeedState>,
    /// Slots, by their number.
    pub slots: BTreeMap<usize, SlotState>,
    /// Seeds that are part of the network.
    pub fossils: Vec<Fossil>,
    /// Slots and candidates whose compiled form was refused.
    pub refused: BTreeSet<(usize, usize)>,
    /// Validation losses, the last eight.
    pub losses: Vec<f64>,
    /// The best values of signals since the network changed.
    pub best: BTreeMap<Signal, Best>,
    /// Since which step each `germinate` rule has held, by its place in the policy.
    pub held: BTreeMap<usize, u64>,
    /// The step of the last change of the network.
    pub changed: u64,
    /// The step of the last planting.
    pub planted: u64,
    /// Counts.
    pub tally: Tally,
    /// Whether the run has ended.
    pub ended: bool,
}

/// Validation losses whose deviation is "σ".
const SIGMA_OVER: usize = 8;

impl State {
    /// The state of a run that begins. `known` is what earlier runs have taught ([`Posterior::from_trials`]);
    /// [`Posterior::default`] where there is nothing.
    pub fn new(facts: Facts, known: Posterior) -> State {
        State {
            random: Random::new(facts.seed),
            known,
            trials: vec![],
            memory: Memory::default(),
            seeds: BTreeMap::new(),
            slots: facts.places.iter().map(|p| (p.slot, SlotState::default())).collect(),
            fossils: vec![],
            refused: BTreeSet::new(),
            losses: vec![],
            best: BTreeMap::new(),
            held: BTreeMap::new(),
            changed: 0,
            planted: 0,
            tally: Tally::default(),
            ended: false,
            facts,
        }
    }
    /// α of a seed for the step that is made when `step` steps are done. A seed that is gone or does not take part has 0.
    pub fn alpha(&self, id: u32, step: u64) -> f64 {
        self.seeds.get(&id).map_or(0.0, |s| s.ramp.at(step))
    }
    /// A candidate of a slot.
    pub fn candidate(&self, slot: usize, seed: usize) -> Option<(&Place, &Candidate)> {
        let place = self.facts.places.iter().find(|p| p.slot == slot)?;
        Some((place, place.candidates.iter().find(|c| c.seed == seed)?))
    }
    /// The parts of an arm.
    pub fn parts(&self, place: &Place, candidate: &Candidate, initialiser: Initialiser) -> [Part; 3] {
        let generation = self.slots.get(&place.slot).map_or(0, |s| s.generation);
        [
            Part::Blueprint(candidate.content.clone()),
            Part::Initialiser(crate::initialiser::name(initialiser)),
            Part::Slot(place.kind.clone(), generation),
        ]
    }
    /// What live and fossilised seeds add.
    pub fn added(&self) -> Costs {
        let live = self.seeds.values().filter(|s| s.stage.hopeful() || s.stage == Stage::Pruned).map(|s| s.costs);
        live.chain(self.fossils.iter().map(|f| f.costs)).fold(Costs::default(), Costs::plus)
    }
    /// One more validation loss; one that is not finite is the governor's affair.
    pub fn see_loss(&mut self, loss: f64) {
        self.losses.extend(Some(loss).filter(|l| l.is_finite()));
        let extra = self.losses.len().saturating_sub(SIGMA_OVER);
        self.losses.drain(..extra);
    }
    /// The standard deviation of the last validation losses; `None` before there are two.
    pub fn sigma(&self) -> Option<f64> {
        let n = self.losses.len() as f64;
        let mean = self.losses.iter().sum::<f64>() / n;
        (n >= 2.0).then(|| (self.losses.iter().map(|l| (l - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt())
    }
}
