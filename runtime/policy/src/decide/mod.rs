//! One decision: what is seen, then the life of each seed, then how slots are shared, then whether something is planted.
mod life;
mod plant;
mod probe;
mod share;

use crate::alpha::Ramp;
use crate::decision::{Action, Decision, Reason};
use crate::events::Event;
use crate::gate::Reading;
use crate::observation::Observation;
use crate::posterior::{Trial, squash};
use crate::rent::Costs;
use crate::rules::Signals;
use crate::settings::Settings;
use crate::stage::Stage;
use crate::state::{SeedState, State};
use esper_ir::{Policy, Signal, Verb};

/// A twentieth of the cap is the scale of rewards: 0.12 nats for ten classes.
const REWARD_SCALE: f64 = 0.05;

/// What is to be done at a validation point, and why. The same policy, state and observation always give the same decision.
pub fn decide(policy: &Policy, state: &mut State, seen: &Observation) -> Decision {
    let settings = &Settings::new(policy, &state.facts);
    let last = seen.step >= state.facts.total_steps;
    let effective = if last { seen.step } else { seen.step + state.facts.delay };
    let decision = Decision { step: seen.step, effective, ..Decision::default() };
    let mut deciding = Deciding { settings, state, seen, last, decision };
    deciding.look();
    deciding.look_at_rules();
    deciding.live();
    if last {
        deciding.end();
    } else {
        deciding.share();
        deciding.plant();
        deciding.sample();
    }
    deciding.decision
}

/// A decision in the making.
struct Deciding<'a> {
    settings: &'a Settings<'a>,
    state: &'a mut State,
    seen: &'a Observation,
    /// Whether the run ends with it.
    last: bool,
    decision: Decision,
}

impl Deciding<'_> {
    fn look(&mut self) {
        let seen = self.seen;
        self.state.see_loss(seen.loss);
        for (signal, value) in [(Signal::ValLoss, Some(seen.loss)), (Signal::ValError, seen.error), (Signal::TrainLoss, seen.training_loss)]
        {
            if let Some(value) = value {
                self.state.best.entry(signal).or_default().see(signal, value, seen.step);
            }
        }
    }
    /// Notes since when the policy's rules for planting have held.
    fn look_at_rules(&mut self) {
        let settings = self.settings;
        for (i, rule) in settings.policy.rules.iter().enumerate().filter(|(_, r)| r.verb == Verb::Germinate) {
            let signals = Signals { state: self.state, seen: self.seen, seed: None, more: Costs::default() };
            if signals.hold(settings, &rule.condition) {
                self.state.held.entry(i).or_insert(self.seen.step);
            } else {
                self.state.held.remove(&i);
            }
        }
    }
    fn event(&mut self, event: Event) {
        self.decision.events.push(event);
    }
    fn act(&mut self, action: Action) {
        self.decision.actions.push(action);
    }
    fn seed(&mut self, id: u32) -> &mut SeedState {
        self.state.seeds.get_mut(&id).expect("only seeds of the state are decided on")
    }
    /// Seeds in the order of their germination.
    fn ids(&self) -> Vec<u32> {
        self.state.seeds.keys().copied().collect()
    }
    /// Moves a seed to a stage that may follow its own.
    fn move_to(&mut self, id: u32, to: Stage, readings: Vec<Reading>, reason: Option<Reason>) {
        let step = self.seen.step;
        let seed = self.seed(id);
        let from = seed.stage;
        assert!(from.next().contains(&to), "{}: {from} → {to} is no step of a life", seed.name);
        (seed.stage, seed.since) = (to, step);
        seed.reason = reason.clone().or(seed.reason.take());
        let seed = seed.name.clone();
        self.event(Event::Moved { seed, from, to, readings, reason });
    }
    /// Sends α of a seed that takes part to another value, from a step on that is not in the past.
    fn set_alpha(&mut self, id: u32, to: f64, (start, steps): (u64, u64), why: &str) {
        let (step, curve) = (self.seen.step, self.settings.curve);
        let seed = self.seed(id);
        let from = seed.ramp.at(step);
        seed.ramp = Ramp::new(from, to, start, steps, curve);
        let (ramp, name) = (seed.ramp, seed.name.clone());
        self.act(Action::SetAlpha { id, ramp });
        self.event(Event::AlphaSet { seed: name, from, to, steps: ramp.steps, why: why.into() });
    }
    /// What the try of a seed was worth, once it is known.
    fn reward(&mut self, id: u32) {
        let seed = &self.state.seeds[&id];
        let gain = seed.test.and_then(|t| t.mean_gain()).or(seed.shadow_gain);
        let gain = if matches!(seed.reason, Some(Reason::NotFinite)) { None } else { gain };
        let reward = gain.map_or(0.0, |g| squash(g, seed.rent, REWARD_SCALE * seed.cap));
        let (rows, arm, rent) = (seed.rows, seed.arm.clone(), seed.rent);
        let (seed_slot, candidate, initialiser) = (seed.slot, seed.seed, seed.initialiser);
        self.state.known.learn(&rows, reward, 1.0);
        if let Some((place, candidate)) = self.state.candidate(seed_slot, candidate) {
            let (blueprint, slot) = (candidate.content.clone(), place.kind.clone());
            self.state.trials.push(Trial { blueprint, initialiser: crate::initialiser::name(initialiser), slot, reward });
        }
        self.event(Event::Rewarded { arm, gain, rent, reward });
    }
    /// Gives a seed up: α goes to zero first where it is not zero.
    fn prune(&mut self, id: u32, reason: Reason, readings: Vec<Reading>) {
        let (step, slot, ramp) = (self.seen.step, self.state.seeds[&id].slot, self.settings.ramp);
        let tried = self.state.seeds[&id].stage == Stage::Training;
        self.move_to(id, Stage::Pruned, readings, Some(reason.clone()));
        self.state.tally.pruned += 1;
        if tried && !matches!(reason, Reason::RunEnded) {
            self.reward(id);
        }
        if reason.rests() {
            let state = self.state.slots.entry(slot).or_default();
            state.failures += 1;
            // counted anew when the seed is out
            state.rests_until = state.rests_until.max(step + self.settings.rest(state.failures));
        }
        if self.state.seeds[&id].ramp.at(step) == 0.0 {
            self.unload(id);
        } else if self.last {
            self.seed(id).ramp = Ramp::still(0.0, step);
            self.unload(id);
        } else {
            self.set_alpha(id, 0.0, (step, ramp), "it leaves");
        }
    }
    /// Takes a pruned seed, whose α is zero, out.
    fn unload(&mut self, id: u32) {
        let step = self.seen.step;
        let SeedState { slot, before, ref reason, .. } = self.state.seeds[&id];
        let rests = reason.as_ref().is_some_and(Reason::rests);
        self.move_to(id, Stage::Embargoed, vec![], None);
        self.act(Action::Unload { id });
        if let Some(before) = before {
            self.check_for_harm(id, before);
        }
        if rests {
            let rest = self.settings.rest(self.state.slots.entry(slot).or_default().failures);
            let state = self.state.slots.entry(slot).or_default();
            state.rests_until = step + rest;
            let (until, failures) = (state.rests_until, state.failures);
            let slot = self.path(slot);
            self.event(Event::Embargo { slot, until, failures });
        }
    }
    /// Never worse than off: where the network without the seed is worse than it was before, that state returns.
    fn check_for_harm(&mut self, id: u32, before: crate::state::Before) {
        let allowed = 3.0 * before.error;
        if self.seen.loss - before.loss <= allowed {
            return;
        }
        let later = |s: &SeedState| s.before.is_some_and(|b| b.step >= before.step) || (s.stage.joined() && s.ramp.start >= before.step);
        let others = self.state.seeds.values().any(|s| s.id != id && later(s));
        let returns = !others && self.state.fossils.iter().all(|f| f.step < before.step);
        if returns {
            self.act(Action::Restore { id });
        }
        let seed = self.state.seeds[&id].name.clone();
        self.event(Event::Restored { seed, before: before.loss, after: self.seen.loss, allowed, returns });
    }
    /// `blocks[3].mid`.
    fn path(&self, slot: usize) -> String {
        self.state.facts.places.iter().find(|p| p.slot == slot).map_or_else(|| format!("slot {slot}"), |p| p.path.clone())
    }
    /// The network changes now: plateaus are counted anew.
    fn changed(&mut self) {
        self.state.changed = self.seen.step;
        self.state.best.clear();
    }
    /// What is left to say when the run ends.
    fn end(&mut self) {
        self.state.ended = true;
        let tally = self.state.tally.clone();
        self.event(Event::Ended {
            germinated: tally.germinated,
            fossilised: self.state.fossils.len() as u32,
            pruned: tally.pruned,
            asked: (tally.asked, tally.fired),
            never_because: tally.hindrance.filter(|_| tally.germinated == 0),
        });
    }
}
