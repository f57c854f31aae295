//! The life of each seed that was germinated: its gates, budgets and evidence.
use super::Deciding;
use crate::alpha::Ramp;
use crate::decision::{Action, Reason};
use crate::e_process::{GainTest, Veto, level};
use crate::events::Event;
use crate::gate::{Reading, Side};
use crate::observation::SeedSeen;
use crate::rent::Costs;
use crate::rules::{self, Signals};
use crate::settings::HYSTERESIS;
use crate::stage::Stage;
use crate::state::{Before, Fossil};
use esper_ir::{RampKind, Verb};

/// The share of a seed's gate rows that is kept for the veto.
const KEPT_FOR_VETO: f64 = 0.25;
/// A seed whose α had to go back so often is given up.
const RETREATS: u32 = 2;
/// How much a new shadow gain counts in the running mean.
const FRESH: f64 = 0.5;

impl Deciding<'_> {
    pub(super) fn live(&mut self) {
        for (id, why) in self.seen.refused.clone() {
            if self.state.seeds.get(&id).is_some_and(|s| s.stage.hopeful()) {
                let (slot, seed) = (self.state.seeds[&id].slot, self.state.seeds[&id].seed);
                self.state.refused.insert((slot, seed));
                self.prune(id, Reason::Refused(why), vec![]);
            }
        }
        for id in self.ids() {
            let seen = self.seen.seed(id).cloned();
            if let Some(seen) = &seen {
                self.weigh(id, seen);
                if !seen.finite && self.state.seeds[&id].stage.hopeful() {
                    self.prune(id, Reason::NotFinite, vec![]);
                    continue;
                }
                if self.state.seeds[&id].stage.hopeful() && self.pruned_by_rule(id, seen) {
                    continue;
                }
            }
            match self.state.seeds[&id].stage {
                Stage::Germinated => self.germinated(id, seen.is_some()),
                Stage::Training if self.state.seeds[&id].probe.is_none() => self.training(id, seen.as_ref()),
                Stage::Blending => self.blending(id),
                Stage::Holding => self.holding(id),
                Stage::Pruned if self.state.seeds[&id].ramp.end() <= self.seen.step || self.last => self.unload(id),
                Stage::Embargoed => self.embargoed(id),
                Stage::Resetting => self.resetting(id, seen.is_some()),
                Stage::Training | Stage::Pruned | Stage::Dormant | Stage::Fossilized => {}
            }
        }
        self.halve_probes();
    }
    /// Weighs new gate rows and notes progress.
    fn weigh(&mut self, id: u32, seen: &SeedSeen) {
        let seed = self.seed(id);
        if let Some(gain) = seen.shadow_gain.filter(|g| g.is_finite()) {
            seed.shadow_gain = Some(seed.shadow_gain.map_or(gain, |old| old + FRESH * (gain - old)));
        }
        if seen.gate.is_empty() {
            return;
        }
        seed.gate_used += seen.gate.len() as u64;
        let name = seed.name.clone();
        let event = if let Some(veto) = seed.veto.as_mut().filter(|_| seed.stage == Stage::Holding) {
            seen.gate.iter().for_each(|(off, on)| veto.add(*off, *on));
            let (rows, log_evidence) = (veto.bettor.samples, veto.bettor.log_wealth);
            Event::Weighed { seed: name, veto: true, rows, gain: None, log_evidence, log_threshold: -veto.level.ln() }
        } else if let Some(test) = seed.test.as_mut().filter(|_| seed.stage == Stage::Training) {
            seen.gate.iter().for_each(|(off, on)| test.add(*off, *on));
            let (rows, log_evidence, gain) = (test.bettor.samples, test.bettor.log_wealth, test.mean_gain());
            Event::Weighed { seed: name, veto: false, rows, gain, log_evidence, log_threshold: -test.level.ln() }
        } else {
            return;
        };
        self.event(event);
    }
    /// The policy's own rules for giving a seed up.
    fn pruned_by_rule(&mut self, id: u32, seen: &SeedSeen) -> bool {
        let settings = self.settings;
        for (i, rule) in settings.policy.rules.iter().enumerate().filter(|(_, r)| r.verb == Verb::Prune) {
            let signals =
                Signals { state: self.state, seen: self.seen, seed: Some((&self.state.seeds[&id], Some(seen))), more: Costs::default() };
            if !signals.hold(settings, &rule.condition) {
                self.seed(id).held.remove(&i);
                continue;
            }
            let readings = signals.readings(settings, &rule.condition);
            let step = self.seen.step;
            let since = *self.seed(id).held.entry(i).or_insert(step);
            if step - since >= rule.lasting.map_or(0, |t| settings.steps(t)) {
                self.prune(id, Reason::Rule(rules::rule(&rule.condition, rule.lasting)), readings);
                return true;
            }
        }
        false
    }
    fn germinated(&mut self, id: u32, there: bool) {
        if there {
            self.move_to(id, Stage::Training, vec![], None);
        }
        if self.last {
            self.prune(id, Reason::RunEnded, vec![]);
        }
    }
    fn training(&mut self, id: u32, seen: Option<&SeedSeen>) {
        let (step, settings) = (self.seen.step, self.settings);
        if self.last {
            return self.prune(id, Reason::RunEnded, vec![]);
        }
        let seed = &self.state.seeds[&id];
        let age = step - seed.since;
        let evidence = seed.test.map(|t| if t.passed() { t.threshold() } else { t.bettor.log_wealth.exp() });
        let bound = seed.test.map_or(1.0 / level(settings.policy.accept.alpha, self.state.tally.tested + 1), |t| t.threshold());
        let gain = seed.test.and_then(|t| t.mean_gain());
        let gates = vec![
            Reading::new("steps in TRAINING", Some(age as f64), Side::AtLeast, settings.dwell as f64),
            Reading::new(
                "parameter tensors without a living gradient",
                seen.map(|s| s.alive.1.saturating_sub(s.alive.0) as f64),
                Side::AtMost,
                0.0,
            ),
            Reading::new("e-value of its gain", evidence, Side::AtLeast, bound),
            Reading::new("mean gain in nats per gate row", gain, Side::AtLeast, 0.0),
        ];
        let passed = seed.test.is_some_and(|t| t.passed());
        let open = gates[..2].iter().all(Reading::holds) && passed;
        let left = Reading::new("steps in TRAINING", Some(age as f64), Side::Below, (settings.dwell + settings.training) as f64);
        if open && self.join(id, &gates) {
            return;
        }
        if !left.holds() {
            return self.prune(id, Reason::NoGain, gates);
        }
        if !open {
            let seed = self.state.seeds[&id].name.clone();
            self.event(Event::Denied { seed, stage: Stage::Blending, readings: gates });
        }
    }
    /// Lets a seed that passed the gain test take part with its share, if there is one for it.
    fn join(&mut self, id: u32, gates: &[Reading]) -> bool {
        let Some(target) = self.make_room(id) else { return false };
        let (step, effective, settings) = (self.seen.step, self.decision.effective, self.settings);
        let sigma = self.state.sigma().unwrap_or(f64::MAX);
        let now = Before { step: effective, loss: self.seen.loss, error: self.seen.loss_error, sigma };
        let veto_level = settings.policy.accept.alpha;
        self.move_to(id, Stage::Blending, gates.to_vec(), None);
        self.reward(id);
        let seed = self.seed(id);
        // where it took part from birth it goes on now, from where it is
        let start = if seed.before.is_some() { step } else { effective };
        seed.ramp = Ramp::new(seed.ramp.at(start), target, start, settings.ramp, settings.curve);
        (seed.target, seed.before) = (target, Some(seed.before.unwrap_or(now)));
        seed.veto = Some(Veto::new(seed.cap, seed.rent * (1.0 - HYSTERESIS), veto_level));
        let ramp = seed.ramp;
        self.act(Action::StartBlending { id, ramp });
        self.changed();
        true
    }
    fn vetoed(&mut self, id: u32) -> bool {
        let Some(veto) = self.state.seeds[&id].veto.filter(Veto::speaks) else { return false };
        let reading = Reading::new("e-value against it", Some(veto.evidence()), Side::Below, 1.0 / veto.level);
        self.prune(id, Reason::Veto, vec![reading]);
        true
    }
    fn blending(&mut self, id: u32) {
        if self.vetoed(id) {
            return;
        }
        let (step, ramp_steps) = (self.seen.step, self.settings.ramp);
        let seed = &self.state.seeds[&id];
        let (ramp, target, retreats) = (seed.ramp, seed.target, seed.retreats);
        let before = seed.before.expect("noted when it joined");
        let alpha = ramp.at(step);
        if self.last {
            if alpha == 0.0 {
                return self.prune(id, Reason::RunEnded, vec![]);
            }
            let seed = self.seed(id);
            (seed.ramp, seed.target) = (Ramp::still(alpha, step), alpha);
            self.move_to(id, Stage::Holding, vec![], None);
            return self.fossilise(id, vec![]);
        }
        let returning = ramp.to < target;
        if returning {
            if ramp.end() <= step {
                if retreats >= RETREATS {
                    return self.prune(id, Reason::Harmful, vec![]);
                }
                self.set_alpha(id, target, (step, ramp_steps << retreats), "another try, at half the speed");
            }
            return;
        }
        let rise =
            Reading::new("rise of validation loss while α does", Some(self.seen.loss - before.loss), Side::AtMost, 3.0 * before.sigma);
        // the rise of one that is barely there yet is not its doing
        if !rise.holds() && alpha > 0.0 {
            self.seed(id).retreats += 1;
            return self.set_alpha(id, 0.0, (step, ramp_steps), &rise.to_string());
        }
        let arrived = Reading::new("α", Some(alpha), Side::AtLeast, target);
        if ramp.end() <= step {
            if let (RampKind::Learned, Some(seen)) = (self.settings.curve, self.seen.seed(id)) {
                // a learned α is where the network put it
                let seed = self.seed(id);
                (seed.ramp, seed.target) = (Ramp::still(seen.alpha, step), seen.alpha);
            }
            self.move_to(id, Stage::Holding, vec![arrived], None);
        } else {
            let seed = self.state.seeds[&id].name.clone();
            self.event(Event::Denied { seed, stage: Stage::Holding, readings: vec![arrived] });
        }
    }
    fn holding(&mut self, id: u32) {
        if self.vetoed(id) {
            return;
        }
        let step = self.seen.step;
        let seed = &self.state.seeds[&id];
        let held = Reading::new("steps in HOLDING", Some((step - seed.since) as f64), Side::AtLeast, self.settings.holding as f64);
        let still = Reading::new("α", Some(seed.ramp.at(step)), Side::AtLeast, seed.ramp.to);
        let at_rest = seed.ramp.end() <= step;
        if (held.holds() && at_rest) || self.last {
            self.fossilise(id, vec![held]);
        } else {
            let (seed, stage) = (seed.name.clone(), Stage::Fossilized);
            self.event(Event::Denied { seed, stage, readings: if at_rest { vec![held] } else { vec![held, still] } });
        }
    }
    fn fossilise(&mut self, id: u32, readings: Vec<Reading>) {
        self.move_to(id, Stage::Fossilized, readings, None);
        self.act(Action::Fossilise { id });
        let seed = self.state.seeds.remove(&id).expect("it was moved");
        let gain = seed.test.and_then(|t: GainTest| t.mean_gain());
        self.state.fossils.push(Fossil { id, name: seed.name, arm: seed.arm, costs: seed.costs, step: self.decision.effective, gain });
        let slot = self.state.slots.entry(seed.slot).or_default();
        (slot.failures, slot.generation) = (0, slot.generation + 1);
        // what stands around this slot is another network now
        self.state.memory.topology_changed();
        self.changed();
    }
    fn embargoed(&mut self, id: u32) {
        let until = self.state.slots[&self.state.seeds[&id].slot].rests_until;
        let own_rest = self.state.seeds[&id].reason.as_ref().is_some_and(Reason::rests);
        let rested = Reading::new("steps done", Some(self.seen.step as f64), Side::AtLeast, if own_rest { until as f64 } else { 0.0 });
        if rested.holds() || self.last {
            self.move_to(id, Stage::Resetting, vec![rested], None);
        }
    }
    fn resetting(&mut self, id: u32, there: bool) {
        let seed = self.state.seeds[&id].name.clone();
        let gone = Reading::new("seeds of this name in the program", Some(f64::from(u8::from(there))), Side::AtMost, 0.0);
        if gone.holds() {
            self.move_to(id, Stage::Dormant, vec![gone], None);
            self.state.seeds.remove(&id);
        } else {
            self.event(Event::Denied { seed, stage: Stage::Dormant, readings: vec![gone] });
        }
    }
    /// Asks for gate rows, so that a seed has used its share of them when its budget ends.
    pub(super) fn sample(&mut self) {
        let (step, settings) = (self.seen.step, self.settings);
        for id in self.ids() {
            let facts = &self.state.facts;
            let (all, every) = (facts.gate_rows, facts.decide_every.max(1));
            let for_veto = (all as f64 * KEPT_FOR_VETO) as u64;
            let seed = &self.state.seeds[&id];
            let age = step.saturating_sub(seed.since);
            let (left, budget_left) = match seed.stage {
                Stage::Training if seed.probe.is_none() && !seed.test.is_some_and(|t| t.passed()) => {
                    let budget = settings.dwell + settings.training;
                    // it begins with rows once it gains on what it was trained on; half the budget is waited for that
                    let progress = seed.shadow_gain.is_none_or(|g| g > seed.rent) || age >= settings.dwell + settings.training / 2;
                    // a row is weighed at the next decision, when the dwell may be over
                    if age + every < settings.dwell || !progress {
                        continue;
                    }
                    ((all - for_veto).saturating_sub(seed.gate_used), budget.saturating_sub(age))
                }
                // not before: while α is small the seed has hardly a gain to show
                Stage::Holding => (all.saturating_sub(seed.gate_used), settings.holding.saturating_sub(age)),
                _ => continue,
            };
            let rows = left.div_ceil((budget_left / every).max(1));
            if rows == 0 {
                continue;
            }
            if self.state.seeds[&id].stage == Stage::Training && self.state.seeds[&id].test.is_none() {
                self.state.tally.tested += 1;
                let level = level(settings.policy.accept.alpha, self.state.tally.tested);
                let seed = self.seed(id);
                seed.test = Some(GainTest::new(seed.cap, seed.rent, level));
            }
            self.act(Action::SampleGate { id, rows });
        }
    }
}
