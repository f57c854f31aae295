//! How the seeds of a slot share it: four strategies, each planned as a whole and carried out as a whole.
use super::Deciding;
use crate::alpha::Ramp;
use crate::decision::{Action, Reason};
use crate::events::Event;
use crate::gate::{Reading, Side};
use crate::stage::Stage;
use esper_ir::{BlendKind, Sharing};

/// A share smaller than this is none.
const LEAST_SHARE: f64 = 0.05;

impl Deciding<'_> {
    /// Seeds of a slot that take part, with the mean gain they passed their test with.
    fn active(&self, slot: usize) -> Vec<(u32, f64)> {
        let joined = self.state.seeds.values().filter(|s| s.slot == slot && s.stage.joined());
        joined.map(|s| (s.id, s.test.and_then(|t| t.mean_gain()).unwrap_or(0.0))).collect()
    }
    fn target_of(&self, id: u32) -> f64 {
        self.state.seeds[&id].target
    }
    fn retarget(&mut self, id: u32, target: f64, (start, steps): (u64, u64), why: &str) {
        if self.target_of(id) == target {
            return;
        }
        // one that is on its way back finds its new target when it tries again
        let returning = self.state.seeds[&id].ramp.to < self.target_of(id);
        self.seed(id).target = target;
        if !returning {
            self.set_alpha(id, target, (start, steps), why);
        }
    }
    /// The policy's strategy; where it leaves the choice, by the state of the slot: specialise when one seed is worth more than twice any
    /// other, else diversify while there is room, else replace.
    fn strategy(&self, active: &[(u32, f64)]) -> Sharing {
        let capacity = self.settings.policy.capacity.max(1);
        let Sharing::ByState = self.settings.policy.share else { return self.settings.policy.share };
        let mut gains: Vec<f64> = active.iter().map(|(_, gain)| *gain).collect();
        gains.sort_by(|a, b| b.total_cmp(a));
        if gains.len() > 1 && self.settled(active) && gains[0] > 2.0 * gains[1].max(0.0) {
            Sharing::Specialize { keep: 1 }
        } else if active.len() < capacity as usize {
            Sharing::Diversify { max_active: capacity }
        } else {
            Sharing::Replace
        }
    }
    fn deny_room(&mut self, id: u32, reading: Reading) {
        let seed = self.state.seeds[&id].name.clone();
        self.event(Event::Denied { seed, stage: Stage::Blending, readings: vec![reading] });
    }
    /// The α that a newcomer gets, and what the others give up for it, as the strategy says. None: it has to wait, and the event says why.
    pub(super) fn make_room(&mut self, id: u32) -> Option<f64> {
        let (slot, total, own) = (self.state.seeds[&id].slot, self.settings.total_alpha(), self.settings.policy.blend.target);
        let gain = self.state.seeds[&id].test.and_then(|t| t.mean_gain()).unwrap_or(0.0);
        let active = self.active(slot);
        let taken: f64 = active.iter().map(|(id, _)| self.target_of(*id)).sum();
        match self.strategy(&active) {
            Sharing::Replace => {
                let Some(&(worst, worst_gain)) = active.iter().min_by(|a, b| a.1.total_cmp(&b.1)) else { return Some(own.min(total)) };
                let better = Reading::new("mean gain, against the seed in its place", Some(gain), Side::Above, worst_gain);
                let at_rest = self.state.seeds[&worst].ramp.end() <= self.seen.step;
                if !better.holds() || !at_rest {
                    self.deny_room(id, better);
                    return None;
                }
                // the old one goes along the ramp by which the new one comes: their sum stays
                let share = self.target_of(worst);
                self.move_to(worst, Stage::Pruned, vec![better], Some(Reason::Replaced));
                self.state.tally.pruned += 1;
                let ramp = Ramp::new(share, 0.0, self.decision.effective, self.settings.ramp, self.settings.curve);
                self.seed(worst).ramp = ramp;
                self.act(Action::SetAlpha { id: worst, ramp });
                Some(share)
            }
            Sharing::Diversify { max_active } => {
                let room = Reading::new("seeds that take part in the slot", Some(active.len() as f64), Side::Below, f64::from(max_active));
                if !room.holds() {
                    self.deny_room(id, room);
                    return None;
                }
                Some(if self.settings.policy.blend.kind == BlendKind::Lerp { total / f64::from(max_active) } else { own })
            }
            Sharing::Specialize { .. } => {
                let free = Reading::new("share of the slot that is free", Some(total - taken), Side::AtLeast, LEAST_SHARE);
                if !free.holds() {
                    self.deny_room(id, free);
                    return None;
                }
                Some(own.min(total - taken))
            }
            Sharing::Ensemble { target } => {
                let share = (target / (active.len() + 1) as f64).min(1.0);
                // they give way along the ramp by which the new one comes, not before: their sum stays
                let steps = Ramp::new(0.0, share, 0, self.settings.ramp, self.settings.curve).steps;
                for (other, _) in active {
                    self.retarget(
                        other,
                        share,
                        (self.decision.effective, steps),
                        "the seeds of a slot have equal shares, and one more comes",
                    );
                }
                Some(share)
            }
            Sharing::ByState => unreachable!("a strategy was chosen by the state"),
        }
    }
    /// What strategies do by themselves: specialise once the seeds of a slot have settled, and share out what one that left gave back.
    pub(super) fn share(&mut self) {
        for slot in self.state.slots.keys().copied().collect::<Vec<_>>() {
            let active = self.active(slot);
            match self.strategy(&active) {
                Sharing::Specialize { keep } if active.len() > keep.max(1) as usize && self.settled(&active) => {
                    let taken: f64 = active.iter().map(|(id, _)| self.target_of(*id)).sum();
                    let mut ranked = active;
                    ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
                    let rest = ranked.split_off(keep.max(1) as usize);
                    let share = (taken / ranked.len() as f64).min(1.0);
                    for (id, _) in rest {
                        self.prune(id, Reason::Replaced, vec![]);
                    }
                    for (id, _) in ranked {
                        self.retarget(
                            id,
                            share,
                            (self.seen.step, self.settings.ramp),
                            "the best of the slot get the share of those that leave",
                        );
                    }
                }
                Sharing::Ensemble { target } if !active.is_empty() => {
                    let share = (target / active.len() as f64).min(1.0);
                    for (id, _) in active {
                        if self.state.seeds[&id].stage == Stage::Holding {
                            self.retarget(id, share, (self.seen.step, self.settings.ramp), "the seeds of a slot have equal shares");
                        }
                    }
                }
                _ => {}
            }
        }
    }
    fn settled(&self, active: &[(u32, f64)]) -> bool {
        active.iter().all(|(id, _)| self.state.seeds[id].stage == Stage::Holding && self.state.seeds[id].ramp.end() <= self.seen.step)
    }
}
