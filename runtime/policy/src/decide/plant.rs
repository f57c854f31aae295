//! Whether something is planted: the trigger, what stands in the way, which arms there are, and which of them the rule takes.
use super::Deciding;
use crate::alpha::Ramp;
use crate::decision::Action;
use crate::events::{Considered, Event};
use crate::gate::{Reading, Side};
use crate::observation::Candidate;
use crate::rent::Costs;
use crate::selection::{ArmRows, pick};
use crate::settings::{Budgeted, Sharing};
use crate::stage::Stage;
use crate::state::SeedState;
use crate::trigger::Course;
use std::collections::BTreeMap;

/// An arm that may be picked.
struct Arm {
    slot: usize,
    candidate: Candidate,
    initialiser: String,
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
        let (fired, readings) = self.settings.trigger.fires(&course);
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
        let hopeful = self.state.seeds.values().filter(|s| s.stage.hopeful());
        let (probing, counted): (Vec<_>, Vec<_>) = hopeful.partition(|s| s.probe.is_some());
        // it has to be able to learn, to pass its gate and to blend before the run is over
        let shortest = facts.delay * 2 + settings.dwell + facts.decide_every + settings.ramp;
        vec![
            Reading::new("steps done", Some(step as f64), Side::AtLeast, settings.earliest as f64),
            Reading::new("steps done", Some(step as f64), Side::AtMost, settings.deadline as f64),
            Reading::new("steps left", Some(facts.total_steps.saturating_sub(step) as f64), Side::AtLeast, shortest as f64),
            Reading::new("seeds alive", Some(counted.len() as f64), Side::Below, settings.concurrent.min(1 << 30) as f64),
            Reading::new("groups of probes", Some(f64::from(u8::from(!probing.is_empty()))), Side::AtMost, 0.0),
        ]
    }
    fn course(&self) -> Course {
        let (step, state) = (self.seen.step, &*self.state);
        let merit = self.seen.predicted.iter().filter_map(|p| {
            let (_, candidate) = state.candidate(p.slot, p.seed)?;
            let rent = self.settings.rent.of(candidate.costs, state.facts.host, state.facts.train_rows);
            (rent > 0.0).then(|| p.gain / rent)
        });
        Course {
            step,
            unchanged: step - state.changed.max(state.planted),
            ages: state.best.map(|b| b.age(step)),
            gap: self.seen.training_loss.map(|t| self.seen.loss - t),
            expansion: self.seen.expansion,
            merit: merit.reduce(f64::max),
            unplanted: step - state.planted,
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
            let room = if self.settings.sharing == Sharing::Replace { self.settings.capacity + 1 } else { self.settings.capacity };
            let shut = [
                Reading::new("steps done, while the slot rests,", Some(step as f64), Side::AtLeast, slot.rests_until as f64),
                Reading::new("seeds in the slot", Some(held as f64), Side::Below, room as f64),
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
                for initialiser in &candidate.initialisers {
                    let parts = self.state.parts(&place, candidate, initialiser);
                    let rows = self.state.known.rows(&parts).try_into().expect("three parts give three rows");
                    let of = |p: &&crate::observation::Predicted| p.slot == place.slot && p.seed == candidate.seed;
                    let own = |p: &&crate::observation::Predicted| p.initialiser.as_ref() == Some(initialiser);
                    let general = |p: &&crate::observation::Predicted| p.initialiser.is_none();
                    let predicted = self.seen.predicted.iter().filter(of);
                    let predicted = predicted.clone().find(own).or_else(|| predicted.clone().find(general)).map(|p| p.gain);
                    let text = format!("{arm}, {initialiser}");
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
            return Some("its compiled form was refused".into());
        }
        let twin = self.state.seeds.values().find(|s| s.slot == slot && s.stage.hopeful() && s.seed == candidate.seed);
        if let (Sharing::Diversify, Some(twin)) = (self.settings.sharing, twin) {
            return Some(format!("{} of the same kind grows there", twin.name));
        }
        self.over_budget(candidate.costs).map(|reading| reading.to_string())
    }
    fn over_budget(&self, more: Costs) -> Option<Reading> {
        let host = self.state.facts.host;
        let added = self.state.added().plus(more);
        self.settings.budgets.iter().find_map(|(what, bound)| {
            let (name, value) = match what {
                Budgeted::Params => ("parameters added", added.params as f64),
                Budgeted::StepFlops => ("operations of a step", host.step_flops + added.step_flops),
                Budgeted::Bytes => ("bytes", (host.bytes + added.bytes) as f64),
            };
            Some(Reading::new(name, Some(value), Side::AtMost, *bound)).filter(|r| !r.holds())
        })
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
            let first = pick(self.settings.select, &self.state.known, &mut memory, &rows, &[], 1, &mut self.state.random);
            arms[first.arms[0]].slot
        });
        arms.retain(|a| a.slot == slot);
        let rows: Vec<ArmRows> = arms.iter().map(|a| a.rows).collect();
        let hints: Vec<f64> = arms.iter().map(|a| a.predicted.unwrap_or(f64::NEG_INFINITY)).collect();
        let state = &mut *self.state;
        let picks = pick(self.settings.select, &state.known, &mut state.memory, &rows, &hints, wanted, &mut state.random);
        let considered = |(i, arm): (usize, &Arm)| Considered {
            arm: arm.text.clone(),
            expected: state.known.expected(&arm.rows),
            count: state.known.count(&arm.rows),
            score: picks.scores[i],
            predicted: arm.predicted,
        };
        let event = Event::Selected {
            rule: self.settings.select.name().into(),
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
        let seed = SeedState {
            id,
            slot: arm.slot,
            seed: arm.candidate.seed,
            initialiser: arm.initialiser.clone(),
            name: format!("{}#{id}", self.path(arm.slot)),
            arm: arm.text.clone(),
            rows: arm.rows,
            costs: arm.candidate.costs,
            rent: self.settings.rent.of(arm.candidate.costs, facts.host, facts.train_rows),
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
            ramp: Ramp::still(0.0, step),
            target: 0.0,
            retreats: 0,
            before: None,
            reason: None,
        };
        let action =
            Action::Germinate { id, slot: seed.slot, seed: seed.seed, initialiser: seed.initialiser.clone(), probe: probe.is_some() };
        self.state.seeds.insert(id, seed);
        self.state.planted = step;
        self.move_to(id, Stage::Germinated, vec![], None);
        self.act(action);
    }
}
