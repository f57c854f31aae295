//! Whether something is planted: the trigger, what stands in the way, which arms there are, and which of them the rule takes.
use super::Deciding;
use crate::alpha::Ramp;
use crate::decision::Action;
use crate::events::{Considered, Event};
use crate::gate::{Reading, Side};
use crate::initialiser;
use crate::observation::Candidate;
use crate::rent::{Costs, rent};
use crate::rules::{self, Signals};
use crate::selection::{self, ArmRows, pick};
use crate::stage::Stage;
use crate::state::{Before, SeedState};
use crate::trigger::{Course, fires};
use esper_ir::{Initialiser, Isolation, Sharing, Verb};
use std::collections::BTreeMap;

/// An arm that may be picked.
struct Arm {
    slot: usize,
    candidate: Candidate,
    initialiser: Initialiser,
    text: String,
    rows: ArmRows,
    predicted: Option<f64>,
}

impl Deciding<'_> {
    pub(super) fn plant(&mut self) {
        let step = self.seen.step;
        let shut = self.standing_in_the_way();
        if !shut.iter().all(Reading::holds) {
            return self.hindered(Event::Shut { readings: shut });
        }
        let course = self.course();
        self.state.tally.asked += 1;
        let (fired, readings) = fires(self.settings, &course);
        let event = Event::Trigger { fired, readings };
        if !fired {
            return self.hindered(event);
        }
        self.event(event);
        self.state.tally.fired += 1;
        let arms = self.arms();
        if arms.is_empty() {
            self.state.tally.hindrance = Some("Every arm was left out when the trigger last fired.".into());
            return;
        }
        self.choose(arms, step);
    }
    fn hindered(&mut self, event: Event) {
        self.state.tally.hindrance = Some(event.sentence());
        self.event(event);
    }
    /// Conditions on the run, whatever the trigger says.
    fn standing_in_the_way(&self) -> Vec<Reading> {
        let (step, settings, facts) = (self.seen.step, self.settings, &self.state.facts);
        let probing = self.state.seeds.values().any(|s| s.stage.hopeful() && s.probe.is_some());
        // it has to be able to learn, to pass its gate and to blend before the run is over
        let shortest = facts.delay * 2 + settings.dwell + facts.decide_every + settings.ramp;
        let mut readings = vec![
            Reading::new("steps done", Some(step as f64), Side::AtMost, settings.deadline as f64),
            Reading::new("steps left", Some(facts.total_steps.saturating_sub(step) as f64), Side::AtLeast, shortest as f64),
            Reading::new("groups of probes", Some(f64::from(u8::from(probing))), Side::AtMost, 0.0),
        ];
        let signals = Signals { state: self.state, seen: self.seen, seed: None, more: Costs::default() };
        for (i, rule) in settings.policy.rules.iter().enumerate().filter(|(_, r)| r.verb == Verb::Germinate) {
            readings.extend(signals.readings(settings, &rule.condition));
            if let Some(time) = rule.lasting {
                let held = self.state.held.get(&i).map(|since| (step - since) as f64);
                let name = format!("steps that `{}` has held", rules::text(&rule.condition));
                readings.push(Reading::new(name, held, Side::AtLeast, settings.steps(time) as f64));
            }
        }
        readings
    }
    fn course(&self) -> Course {
        let (step, state) = (self.seen.step, &*self.state);
        let best = self.seen.predicted.iter().map(|p| p.gain).filter(|g| g.is_finite()).reduce(f64::max);
        Course {
            step,
            quiet: step - state.changed.max(state.planted),
            best: state.best.clone(),
            gap: self.seen.training_loss.map(|t| self.seen.loss - t),
            expansion: self.seen.expansion,
            merit: best.filter(|_| self.seen.loss > 0.0).map(|gain| gain / self.seen.loss),
        }
    }
    /// Every compatible arm of a slot that has room, with the reasons for the others.
    fn arms(&mut self) -> Vec<Arm> {
        let step = self.seen.step;
        let mut arms = vec![];
        for place in self.state.facts.places.clone() {
            let slot = self.state.slots.get(&place.slot).cloned().unwrap_or_default();
            let here = |s: &&SeedState| s.slot == place.slot && (s.stage.hopeful() || s.stage == Stage::Pruned) && s.probe.is_none();
            let held = self.state.seeds.values().filter(here).count();
            // a seed that is to replace another comes beside it first
            let replaced = matches!(self.settings.policy.share, Sharing::Replace | Sharing::ByState);
            let room = self.settings.policy.capacity.max(1) + u32::from(replaced);
            let shut = [
                Reading::new("steps done, while the slot rests,", Some(step as f64), Side::AtLeast, slot.rests_until as f64),
                Reading::new("seeds in the slot", Some(held as f64), Side::Below, f64::from(room)),
            ];
            if let Some(reading) = shut.iter().find(|r| !r.holds()) {
                self.event(Event::Filtered { arm: place.path.clone(), why: reading.to_string() });
                continue;
            }
            for candidate in &place.candidates {
                let arm = format!("{}: {}", place.path, candidate.text);
                if let Some(why) = self.unfit(place.slot, candidate) {
                    self.event(Event::Filtered { arm, why });
                    continue;
                }
                if candidate.initialisers.is_empty() {
                    let init: Vec<String> = self.settings.policy.init.iter().map(|i| initialiser::name(*i)).collect();
                    self.event(Event::Filtered { arm, why: format!("it cannot start by {}", init.join(" or ")) });
                    continue;
                }
                for &initialiser in &candidate.initialisers {
                    let parts = self.state.parts(&place, candidate, initialiser);
                    let rows = self.state.known.rows(&parts).try_into().expect("three parts give three rows");
                    let of = |p: &&crate::observation::Predicted| p.slot == place.slot && p.seed == candidate.seed;
                    let own = |p: &&crate::observation::Predicted| p.initialiser == Some(initialiser);
                    let general = |p: &&crate::observation::Predicted| p.initialiser.is_none();
                    let predicted = self.seen.predicted.iter().filter(of);
                    let predicted = predicted.clone().find(own).or_else(|| predicted.clone().find(general)).map(|p| p.gain);
                    let text = format!("{arm}, {}", initialiser::name(initialiser));
                    arms.push(Arm {
                        slot: place.slot,
                        candidate: candidate.clone(),
                        initialiser: initialiser.clone(),
                        text,
                        rows,
                        predicted,
                    });
                }
            }
        }
        arms
    }
    /// Why a candidate cannot be planted in a slot now.
    fn unfit(&self, slot: usize, candidate: &Candidate) -> Option<String> {
        if self.state.refused.contains(&(slot, candidate.seed)) {
            return Some("one of its kind was refused here".into());
        }
        let twin = self.state.seeds.values().find(|s| s.slot == slot && s.stage.hopeful() && s.seed == candidate.seed);
        let kinds = matches!(self.settings.policy.share, Sharing::Diversify { .. } | Sharing::ByState);
        if let Some(twin) = twin.filter(|_| kinds) {
            return Some(format!("{} of the same kind grows there", twin.name));
        }
        self.over_budget(candidate.costs).map(|reading| reading.to_string())
    }
    /// The first bound of the policy's budget that would be broken.
    fn over_budget(&self, more: Costs) -> Option<Reading> {
        let signals = Signals { state: self.state, seen: self.seen, seed: None, more };
        self.settings.policy.budget.iter().flat_map(|bound| signals.readings(self.settings, bound)).find(|r| !r.holds())
    }
    /// Of the slots that a gain is predicted for, the one with the most of it per operation of a step.
    fn best_slot(arms: &[Arm]) -> Option<usize> {
        let mut best: BTreeMap<usize, f64> = BTreeMap::new();
        for arm in arms {
            if let Some(gain) = arm.predicted.filter(|g| g.is_finite()) {
                let merit = gain / arm.candidate.costs.step_flops.max(1.0);
                best.entry(arm.slot).and_modify(|m| *m = m.max(merit)).or_insert(merit);
            }
        }
        best.into_iter().reduce(|a, b| if b.1 > a.1 { b } else { a }).map(|(slot, _)| slot)
    }
    fn choose(&mut self, mut arms: Vec<Arm>, step: u64) {
        let wanted = self.settings.probes.map_or(1, |p| p.candidates.max(1));
        let slot = Self::best_slot(&arms).unwrap_or_else(|| {
            // without predictions the rule's own first choice says where
            let rows: Vec<ArmRows> = arms.iter().map(|a| a.rows).collect();
            let mut memory = self.state.memory.clone();
            let first = pick(self.settings.policy.select, &self.state.known, &mut memory, &rows, &[], 1, &mut self.state.random);
            arms[first.arms[0]].slot
        });
        arms.retain(|a| a.slot == slot);
        let rows: Vec<ArmRows> = arms.iter().map(|a| a.rows).collect();
        let hints: Vec<f64> = arms.iter().map(|a| a.predicted.unwrap_or(f64::NEG_INFINITY)).collect();
        let state = &mut *self.state;
        let picks = pick(self.settings.policy.select, &state.known, &mut state.memory, &rows, &hints, wanted, &mut state.random);
        let considered = |(i, arm): (usize, &Arm)| Considered {
            arm: arm.text.clone(),
            expected: state.known.expected(&arm.rows),
            count: state.known.count(&arm.rows),
            score: picks.scores[i],
            predicted: arm.predicted,
        };
        let event = Event::Selected {
            rule: selection::name(self.settings.policy.select),
            arms: arms.iter().enumerate().map(considered).collect(),
            chosen: picks.arms.clone(),
        };
        self.event(event);
        // several together may be more than the budget holds
        let mut group: Vec<usize> = vec![];
        let mut costs = Costs::default();
        for &i in &picks.arms {
            match self.over_budget(costs.plus(arms[i].candidate.costs)) {
                Some(reading) => self.event(Event::Filtered { arm: arms[i].text.clone(), why: reading.to_string() }),
                None => {
                    costs = costs.plus(arms[i].candidate.costs);
                    group.push(i);
                }
            }
        }
        let first = self.state.tally.germinated + 1;
        let size = group.len();
        for i in group {
            self.germinate(&arms[i], (size > 1).then_some((first, size)), step);
        }
    }
    fn germinate(&mut self, arm: &Arm, probe: Option<(u32, usize)>, step: u64) {
        self.state.tally.germinated += 1;
        let id = self.state.tally.germinated;
        let facts = &self.state.facts;
        let cap = facts.classes.map(|k| (k.max(2) as f64).ln()).or(self.seen.loss_quantile);
        let (effective, settings) = (self.decision.effective, self.settings);
        let (alone, alpha) = match settings.policy.isolate {
            // the forward pass of the network does not see it
            Isolation::Shadow | Isolation::StraightThrough => (true, Ramp::still(0.0, effective)),
            Isolation::ZeroLast | Isolation::Gate => (false, Ramp::still(1.0, effective)),
            Isolation::Ramp => (false, Ramp::new(0.0, 1.0, effective, settings.ramp, settings.curve)),
        };
        let sigma = self.state.sigma().unwrap_or(f64::MAX);
        let now = Before { step: effective, loss: self.seen.loss, error: self.seen.loss_error, sigma };
        let seed = SeedState {
            id,
            slot: arm.slot,
            seed: arm.candidate.seed,
            initialiser: arm.initialiser,
            name: format!("{}#{id}", self.path(arm.slot)),
            arm: arm.text.clone(),
            rows: arm.rows,
            costs: arm.candidate.costs,
            rent: rent(self.settings.policy.accept.rent, arm.candidate.costs, facts.host, facts.train_rows),
            // without classes and quantile the loss of the network itself is the scale
            cap: cap.filter(|c| *c > 0.0).unwrap_or(2.0 * self.seen.loss.abs().max(1e-6)),
            stage: Stage::Dormant,
            since: step,
            born: self.decision.effective,
            probe,
            shadow_gain: None,
            test: None,
            veto: None,
            gate_used: 0,
            ramp: alpha,
            target: 0.0,
            retreats: 0,
            before: (!alone).then_some(now),
            held: BTreeMap::new(),
            reason: None,
        };
        let action =
            Action::Germinate { id, slot: seed.slot, seed: seed.seed, initialiser: seed.initialiser, probe: probe.is_some(), alpha };
        self.state.seeds.insert(id, seed);
        self.state.planted = step;
        self.move_to(id, Stage::Germinated, vec![], None);
        self.act(action);
    }
}
