//! How the slots of a run stand, for those who watch it.
use super::tamiyo::Tamiyo;
use esper_policy::{SeedState, Stage};
use esper_telemetry::{SeedRecord, SlotRecord};

impl Tamiyo {
    /// Every slot with what grows in it, when `step` steps are done.
    pub(crate) fn standing(&self, step: u64) -> Vec<SlotRecord> {
        let mut slots = vec![];
        for state in &self.states {
            for place in &state.facts.places {
                let seeds = state.seeds.values().filter(|s| s.slot == place.slot && (s.stage.hopeful() || s.stage == Stage::Pruned));
                let own = format!("{}#", place.path);
                let rests = state.slots.get(&place.slot).map_or(0, |s| s.rests_until);
                slots.push(SlotRecord {
                    path: place.path.clone(),
                    seeds: seeds.map(|seed| standing(seed, step)).collect(),
                    fossils: state.fossils.iter().filter(|f| f.name.starts_with(&own)).count(),
                    rests_until: (rests > step).then_some(rests),
                });
            }
        }
        slots
    }
}

fn standing(seed: &SeedState, step: u64) -> SeedRecord {
    let blueprint = seed.arm.split_once(": ").map_or(seed.arm.as_str(), |(_, what)| what);
    SeedRecord {
        name: seed.name.clone(),
        // The initialiser is told where it was chosen.
        blueprint: blueprint.rsplit_once(", ").map_or(blueprint, |(what, _)| what).to_string(),
        stage: seed.stage.to_string(),
        alpha: seed.ramp.at(step),
        gain: seed.test.and_then(|test| test.mean_gain()),
        evidence: seed.test.map(|test| (test.bettor.log_wealth.min(690.0).exp(), test.threshold())),
    }
}
