//! Shadow probes: several candidates learn side by side in one slot, and the worse half leaves until one is left.
use super::Deciding;
use crate::decision::Reason;
use crate::events::Event;
use crate::stage::Stage;
use std::collections::BTreeMap;

impl Deciding<'_> {
    /// Halves each group of probes as often as its time asks for. Successive halving, by shadow gain less rent.
    pub(super) fn halve_probes(&mut self) {
        let Some(probes) = self.settings.probes else { return };
        let mut groups: BTreeMap<(u32, usize), Vec<u32>> = BTreeMap::new();
        for seed in self.state.seeds.values() {
            if let Some(group) = seed.probe.filter(|_| seed.stage.hopeful()) {
                groups.entry(group).or_default().push(seed.id);
            }
        }
        for ((_, size), mut left) in groups {
            // the time of a group runs from when the last of it is in the program
            let waiting = left.iter().any(|id| self.state.seeds[id].stage == Stage::Germinated);
            if waiting && !self.last {
                continue;
            }
            let began = left.iter().map(|id| self.state.seeds[id].since).max().unwrap_or(self.seen.step);
            let rounds = u64::from(size.next_power_of_two().trailing_zeros());
            let done = if self.last { rounds } else { ((self.seen.step - began) * rounds / probes.over.max(1)).min(rounds) };
            let keep = size.div_ceil(1 << done).max(1);
            let merit = |id: &u32| self.state.seeds[id].shadow_gain.map(|g| g - self.state.seeds[id].rent);
            left.sort_by(|a, b| merit(b).unwrap_or(f64::NEG_INFINITY).total_cmp(&merit(a).unwrap_or(f64::NEG_INFINITY)).then(a.cmp(b)));
            if left.len() > keep {
                let standing = left.iter().map(|id| (self.state.seeds[id].name.clone(), merit(id))).collect();
                let slot = self.path(self.state.seeds[&left[0]].slot);
                self.event(Event::Halved { slot, standing, kept: keep });
                for id in left.split_off(keep) {
                    self.prune(id, Reason::LostProbe, vec![]);
                }
            }
            if let (true, [winner]) = (keep == 1, &left[..]) {
                self.seed(*winner).probe = None;
                if self.last {
                    self.prune(*winner, Reason::RunEnded, vec![]);
                }
            }
        }
    }
}
