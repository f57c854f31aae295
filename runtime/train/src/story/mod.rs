//! The story of a run: its log read back, with every seed's life put together and every decision in its place.
mod log;
mod page;
mod text;

pub use page::{epochs, write_report};

use crate::growth::{Change, Contributions, Effected, GrowthState};
use crate::{RunError, RunFolder};
use esper_ir::Model;
use esper_policy::{Event as Decided, Ramp, Stage};
use esper_telemetry::{EpochRecord, Event};
use serde::Serialize;

/// What an entry of the story is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// A policy as a whole, by its number among the model's: its trigger, its choices.
    Policy(usize),
    /// What happens in one slot.
    Slot(String),
    /// The run.
    Run,
}

/// One thing that was considered, decided, or took effect.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    /// Steps done.
    pub step: u64,
    /// Epochs finished.
    pub epoch: u64,
    /// What it is about.
    pub about: About,
    /// The seed it is about, `mid#1`, where it is about one.
    pub seed: Option<String>,
    /// What kind of event it is: `selected`, `denied`, `effect`.
    pub kind: String,
    /// The event in a sentence.
    pub text: String,
    /// What the sentence leaves out: the arms that were considered, with their numbers.
    pub details: Vec<String>,
}

/// The life of one seed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SeedStory {
    /// `mid#1`.
    pub name: String,
    /// The slot it grew in.
    pub slot: String,
    /// `Bottleneck(reduce = 4)`.
    pub blueprint: String,
    /// Numbers that it trains.
    pub parameters: u64,
    /// Each stage it came to, with the steps done then.
    pub stages: Vec<(u64, Stage)>,
    /// Each way its α was sent, with the steps done then.
    pub ramps: Vec<(u64, Ramp)>,
    /// Mean gain in nats a gate row, in its gain test.
    pub gain: Option<f64>,
    /// The natural logarithms of the largest e-value that its gain test came to, and of what it had to reach.
    pub evidence: Option<(f64, f64)>,
    /// What it was worth less its rent, squashed into [0, 1], and the rent in nats a row, where that is known.
    pub reward: Option<(f64, f64)>,
    /// Why it was given up, where it was.
    pub reason: Option<String>,
}

impl SeedStory {
    /// Where it came to in the end.
    pub fn stage(&self) -> Stage {
        self.stages.last().map_or(Stage::Dormant, |(_, stage)| *stage)
    }
    /// Its α for the step that is made when `step` steps are done.
    pub fn alpha(&self, step: u64) -> f64 {
        self.ramps.iter().rev().find(|(since, _)| *since <= step).map_or(0.0, |(_, ramp)| ramp.at(step))
    }
    /// Whether it is part of the network for good.
    pub fn fossilised(&self) -> bool {
        self.stage() == Stage::Fossilized
    }
}

/// A part of the network with the numbers that it trains.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Block {
    /// `first`, `wide#1`.
    pub path: String,
    /// `Linear`, `Widen(units = 16)`.
    pub blueprint: String,
    /// What goes in.
    pub input: String,
    /// What comes out.
    pub output: String,
    /// Numbers that it trains.
    pub parameters: u64,
    /// Of what grew: the seed's α at the end.
    pub alpha: Option<f64>,
    /// Of what grew: whether it is part of the network for good.
    pub fossilised: bool,
}

/// What a policy is called and what it decides on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PolicyStory {
    /// `Gardener`.
    pub name: String,
    /// Its slots.
    pub slots: Vec<String>,
}

/// All of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Story {
    /// `digits-1`.
    pub run: String,
    /// The host as written: `Mlp(10, hidden = 4)`.
    pub host: String,
    /// What initialised and shuffled it.
    pub seed: u64,
    /// Epochs that the run is to have.
    pub planned: u64,
    /// Those it has.
    pub epochs: Vec<EpochRecord>,
    /// Of the network before it grew.
    pub parameters_before: u64,
    /// Of the network as the log leaves it, live seeds included.
    pub parameters_after: u64,
    /// The host's layers, then what grew.
    pub network: Vec<Block>,
    /// The policies of the `grow` lines.
    pub policies: Vec<PolicyStory>,
    /// The slots that something may grow in.
    pub slots: Vec<String>,
    /// Every seed in the order of germination.
    pub seeds: Vec<SeedStory>,
    /// What each fossil contributes at the end, where the run has come to it.
    pub contributions: Option<Contributions>,
    /// Everything in the order of the log.
    pub entries: Vec<Entry>,
    /// What a comparison with its twins came to, line by line, where the run was part of one.
    pub verdict: Vec<String>,
    /// What the reader has to know about the log itself.
    pub notes: Vec<String>,
}

/// The file of a run that holds what a comparison came to.
pub const VERDICT: &str = "verdict.txt";

impl Story {
    /// Reads a run's log; `model` is the one of its artifact.
    ///
    /// # Errors
    /// A log of another version, or one that holds what no run writes. A last line that was cut off by a crash is none: a note says so.
    pub fn read(folder: &RunFolder, model: &Model) -> Result<Story, RunError> {
        log::check_version(folder)?;
        Story::assembled(folder, model)
    }

    /// [`Story::read`] of a log whose version is known.
    fn assembled(folder: &RunFolder, model: &Model) -> Result<Story, RunError> {
        let log = log::read(folder)?;
        let mut story = Story::empty(folder.name(), model);
        story.notes = log.notes;
        story.verdict = match folder.read(VERDICT) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).lines().map(str::to_string).collect(),
            Err(RunError::Files { error, .. }) if error.kind() == std::io::ErrorKind::NotFound => vec![],
            Err(error) => return Err(error),
        };
        let mut effects: Vec<Effected> = vec![];
        for line in log.lines {
            match line {
                log::Line::Event(Event::Epoch(record)) => story.epochs.push(record),
                log::Line::Event(_) => {}
                log::Line::Decided(record, event) => story.decided(&record, &event),
                log::Line::Told(record) => story.told(record),
                log::Line::WentBack(record) => {
                    effects.retain(|e| e.step <= record.step);
                    story.went_back(record);
                }
                log::Line::Contributed(record, found) => {
                    story.contributions = Some(found);
                    story.told(record);
                }
                log::Line::Effect(record, change) => {
                    story.took_effect(&record, &change, model);
                    match effects.last_mut().filter(|e| e.step == record.step) {
                        Some(effected) => effected.changes.push(change),
                        None => effects.push(Effected { step: record.step, changes: vec![change] }),
                    }
                }
            }
        }
        story.finish(&GrowthState { log: effects, ..GrowthState::default() }, model)?;
        Ok(story)
    }

    fn empty(run: String, model: &Model) -> Story {
        let path = |of: &esper_ir::Slot| of.path.clone();
        let slots = |number| model.slots.iter().filter(|s| s.policy == Some(number)).map(path).collect();
        let policies = model.policies.iter().enumerate();
        Story {
            run,
            host: model.host.clone(),
            seed: model.settings.seed,
            planned: model.settings.epochs as u64,
            epochs: vec![],
            parameters_before: count(&model.parameters, |_| true),
            parameters_after: 0,
            network: vec![],
            policies: policies.map(|(number, p)| PolicyStory { name: p.name.clone(), slots: slots(number) }).collect(),
            slots: model.slots.iter().filter(|s| s.policy.is_some()).map(path).collect(),
            seeds: vec![],
            contributions: None,
            entries: vec![],
            verdict: vec![],
            notes: vec![],
        }
    }

    /// Steps that the log knows of.
    pub fn steps(&self) -> u64 {
        let entries = self.entries.last().map_or(0, |e| e.step);
        self.epochs.last().map_or(0, |e| e.step).max(entries)
    }

    fn seed(&mut self, name: &str) -> Option<&mut SeedStory> {
        self.seeds.iter_mut().rev().find(|s| s.name == name)
    }

    fn decided(&mut self, record: &esper_telemetry::GrowthRecord, event: &Decided) {
        let policy = About::Policy(record.policy.unwrap_or(0));
        let mut details = vec![];
        let (about, seed) = match event {
            Decided::Trigger { .. } | Decided::Shut { .. } => (policy, None),
            Decided::Ended { .. } => (About::Run, None),
            Decided::Filtered { arm, .. } | Decided::Rewarded { arm, .. } => (slot_of(arm, ": "), None),
            Decided::Selected { arms, chosen, .. } => {
                details = arms.iter().enumerate().map(|(i, arm)| text::considered(arm, chosen.contains(&i))).collect();
                (arms.first().map_or(policy, |a| slot_of(&a.arm, ": ")), None)
            }
            Decided::Halved { slot, .. } | Decided::Embargo { slot, .. } => (About::Slot(slot.clone()), None),
            Decided::Moved { seed, .. } | Decided::Denied { seed, .. } | Decided::Weighed { seed, .. } => (slot_of(seed, "#"), Some(seed)),
            Decided::AlphaSet { seed, .. } | Decided::Restored { seed, .. } => (slot_of(seed, "#"), Some(seed)),
            Decided::Governed { seed, .. } => (seed.as_ref().map_or(policy, |s| slot_of(s, "#")), seed.as_ref()),
        };
        match event {
            Decided::Moved { seed, to, reason, .. } => {
                if self.seed(seed).is_none() {
                    self.seeds.push(SeedStory::new(seed));
                }
                if let Some(found) = self.seed(seed) {
                    found.stages.push((record.step, *to));
                    found.reason = reason.as_ref().map(ToString::to_string).or(found.reason.take());
                }
            }
            Decided::Weighed { seed, veto: false, gain, log_evidence, log_threshold, .. } => {
                if let Some(found) = self.seed(seed) {
                    found.gain = *gain;
                    let before = found.evidence.map_or(f64::NEG_INFINITY, |e| e.0);
                    found.evidence = Some((before.max(*log_evidence), *log_threshold));
                }
            }
            // Said right after the move that it belongs to.
            Decided::Rewarded { rent, reward, .. } => {
                let moved = self.entries.iter().rev().find(|e| e.kind == "moved").and_then(|e| e.seed.clone());
                if let Some(found) = moved.and_then(|name| self.seed(&name)) {
                    found.reward = Some((*reward, *rent));
                }
            }
            _ => {}
        }
        let (step, epoch, kind, text) = (record.step, record.epoch, record.kind.clone(), record.text.clone());
        self.entries.push(Entry { step, epoch, about, seed: seed.cloned(), kind, text, details });
    }

    /// What came after that step did not happen to the network; what was decided then stays in the story.
    fn went_back(&mut self, record: esper_telemetry::GrowthRecord) {
        for seed in &mut self.seeds {
            seed.stages.retain(|(step, _)| *step <= record.step);
            seed.ramps.retain(|(step, _)| *step <= record.step);
        }
        self.epochs.retain(|e| e.step <= record.step);
        self.told(record);
    }

    /// A sentence that begins with a seed's name is about it.
    fn told(&mut self, record: esper_telemetry::GrowthRecord) {
        let seed = self.seeds.iter().rev().find(|s| record.text.starts_with(&s.name));
        let (about, seed) = seed.map_or((About::Run, None), |s| (About::Slot(s.slot.clone()), Some(s.name.clone())));
        let esper_telemetry::GrowthRecord { step, epoch, kind, text, .. } = record;
        self.entries.push(Entry { step, epoch, about, seed, kind, text, details: vec![] });
    }

    fn took_effect(&mut self, record: &esper_telemetry::GrowthRecord, change: &Change, model: &Model) {
        if let Change::Plant { planting, .. } = change {
            let name = name(model, planting.id, &model.slots[planting.slot].path);
            // A run that replays another's log has no moves to say so.
            if self.seed(&name).is_none() {
                self.seeds.push(SeedStory::new(&name));
            }
            if let Some(seed) = self.seed(&name) {
                seed.blueprint = model.seeds[planting.seed].text.clone();
            }
        }
        let Some(id) = change.seed() else { return self.told(record.clone()) };
        let policies = model.policies.len().max(1) as u32;
        let (local, policy) = ((id - 1) / policies + 1, ((id - 1) % policies) as usize);
        let belongs = |s: &&mut SeedStory| {
            let slot = model.slots.iter().find(|slot| slot.path == s.slot);
            s.name.ends_with(&format!("#{local}")) && slot.is_some_and(|slot| slot.policy.unwrap_or(0) == policy)
        };
        let mut about = (About::Run, None);
        if let Some(seed) = self.seeds.iter_mut().find(belongs) {
            if let Change::Ramp { ramp, .. } = change {
                seed.ramps.push((record.step, *ramp));
            }
            about = (About::Slot(seed.slot.clone()), Some(seed.name.clone()));
        }
        // What stands where it stood is no news.
        if matches!(change, Change::Ramp { ramp, .. } if ramp.steps == 0 && ramp.from == ramp.to) {
            return;
        }
        let (step, epoch, kind, text) = (record.step, record.epoch, record.kind.clone(), record.text.clone());
        self.entries.push(Entry { step, epoch, about: about.0, seed: about.1, kind, text, details: vec![] });
    }

    fn finish(&mut self, state: &GrowthState, model: &Model) -> Result<(), RunError> {
        let grown = state.grown(model)?;
        self.parameters_after = count(&grown.parameters, |_| true);
        self.network = model
            .layers
            .iter()
            .map(|layer| Block {
                path: layer.path.clone(),
                blueprint: layer.blueprint.clone(),
                input: layer.input.to_string(),
                output: layer.output.to_string(),
                parameters: count(&model.parameters, |p| p.owner.0 == layer.path),
                alpha: None,
                fossilised: false,
            })
            .collect();
        let steps = self.steps();
        let planted = state.log.iter().flat_map(|e| &e.changes).filter_map(|c| match c {
            Change::Plant { planting, .. } => Some(planting),
            _ => None,
        });
        for planting in planted {
            let slot = &model.slots[planting.slot];
            let own = format!("{}#{}.", slot.path, planting.id);
            let parameters = count(&grown.parameters, |p| p.path.starts_with(&own));
            let listed = count(&model.seeds[planting.seed].parameters, |_| true);
            let Some(seed) = self.seed(&name(model, planting.id, &slot.path)) else { continue };
            seed.parameters = listed;
            if parameters > 0 {
                let (path, blueprint, fossilised) = (seed.name.clone(), seed.blueprint.clone(), seed.fossilised());
                let (input, output, alpha) = (slot.source.to_string(), slot.target.to_string(), Some(seed.alpha(steps)));
                self.network.push(Block { path, blueprint, input, output, parameters, alpha, fossilised });
            }
        }
        Ok(())
    }
}

impl SeedStory {
    fn new(name: &str) -> SeedStory {
        let slot = name.rsplit_once('#').map_or(name, |(slot, _)| slot).to_string();
        SeedStory {
            name: name.to_string(),
            slot,
            blueprint: String::new(),
            parameters: 0,
            stages: vec![],
            ramps: vec![],
            gain: None,
            evidence: None,
            reward: None,
            reason: None,
        }
    }
}

/// The name that events give to a germination of the run: its number among those of its policy.
pub(crate) fn name(model: &Model, id: u32, slot: &str) -> String {
    format!("{slot}#{}", (id - 1) / model.policies.len().max(1) as u32 + 1)
}

/// The slot that a seed (`mid#1`) or an arm (`mid: Lora(4)`) names.
fn slot_of(text: &str, separator: &str) -> About {
    let found = if separator == "#" { text.rsplit_once(separator) } else { text.split_once(separator) };
    About::Slot(found.map_or(text, |(slot, _)| slot).to_string())
}

fn count(parameters: &[esper_ir::Parameter], of: impl Fn(&esper_ir::Parameter) -> bool) -> u64 {
    parameters.iter().filter(|p| of(p)).map(|p| p.ty.elements().unwrap_or(0) as u64).sum()
}
