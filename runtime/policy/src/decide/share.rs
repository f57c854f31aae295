//! How the seeds of a slot share it: four strategies, each planned as a whole and carried out as a whole.
use super::Deciding;
use crate::decision::Reason;
use crate::gate::{Reading, Side};
use crate::settings::Sharing;
use crate::stage::Stage;

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
    fn retarget(&mut self, id: u32, target: f64, why: &str) {
        if self.target_of(id) != target {
            self.seed(id).target = target;
            self.set_alpha(id, target, self.settings.ramp, why);
        }
    }
    /// The α that a newcomer gets, and what the others give up for it, as the strategy says. None: it has to wait, and the event says why.
    pub(super) fn make_room(&mut self, id: u32) -> Option<f64> {
        let (slot, total) = (self.state.seeds[&id].slot, self.settings.total_alpha);
        let gain = self.state.seeds[&id].test.and_then(|t| t.mean_gain()).unwrap_or(0.0);
        let active = self.active(slot);
        let deny = |deciding: &mut Self, reading: Reading| {
            let seed = deciding.state.seeds[&id].name.clone();
            deciding.event(crate::events::Event::Denied { seed, stage: Stage::Blending, readings: vec![reading] });
        };
        match self.settings.sharing {
            Sharing::Replace => {
                let Some(&(worst, worst_gain)) = active.iter().min_by(|a, b| a.1.total_cmp(&b.1)) else { return Some(total.min(1.0)) };
                let better = Reading::new("mean gain, against the seed in its place", Some(gain), Side::Above, worst_gain);
                let at_rest = self.state.seeds[&worst].ramp.end() <= self.seen.step;
                if !better.holds() || !at_rest {
                    deny(self, better);
                    return None;
                }
                // the old one goes along the ramp by which the new one comes: their sum stays
                let (share, effective) = (self.target_of(worst), self.decision.effective);
                self.move_to(worst, Stage::Pruned, vec![better], Some(Reason::Replaced));
                self.state.tally.pruned += 1;
                let (steps, curve) = (self.settings.ramp, self.settings.curve);
                let old = self.seed(worst);
                old.ramp = crate::alpha::Ramp::new(share, 0.0, effective, steps, curve);
                let ramp = old.ramp;
                self.act(crate::decision::Action::SetAlpha { id: worst, ramp });
                Some(share)
            }
            Sharing::Diversify => {
                let taken: f64 = active.iter().map(|(id, _)| self.target_of(*id)).sum();
                let share = (total - taken).min(1.0);
                let reading = Reading::new("share of the slot that is free", Some(share), Side::AtLeast, LEAST_SHARE);
                if !reading.holds() {
                    deny(self, reading);
                    return None;
                }
                Some(share)
            }
            Sharing::Specialise => Some((total - active.iter().map(|(id, _)| self.target_of(*id)).sum::<f64>()).clamp(LEAST_SHARE, 1.0)),
            Sharing::Ensemble => {
                let share = total / (active.len() + 1) as f64;
                for (other, _) in active {
                    self.retarget(other, share, "a slot's seeds have equal shares, and one more comes");
                }
                Some(share)
            }
        }
    }
    /// What strategies do by themselves: specialise once the seeds of a slot have settled, and share out what one that left gave back.
    pub(super) fn share(&mut self) {
        for slot in self.state.slots.keys().copied().collect::<Vec<_>>() {
            let active = self.active(slot);
            let total = self.settings.total_alpha;
            match self.settings.sharing {
                Sharing::Specialise if active.len() > 1 && self.settled(&active) => {
                    // the better half stays
                    let mut ranked = active;
                    ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
                    let rest = ranked.split_off(ranked.len().div_ceil(2));
                    let share = total / ranked.len() as f64;
                    for (id, _) in rest {
                        self.prune(id, Reason::Replaced, vec![]);
                    }
                    for (id, _) in ranked {
                        self.retarget(id, share, "the best of the slot get the share of those that leave");
                    }
                }
                Sharing::Ensemble if !active.is_empty() => {
                    let share = total / active.len() as f64;
                    for (id, _) in active {
                        if self.state.seeds[&id].stage == Stage::Holding {
                            self.retarget(id, share, "a slot's seeds have equal shares");
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
