//! The stages of a seed's life, and which may follow which.
use serde::{Deserialize, Serialize};

/// Where a place of a slot stands. A slot has as many places as its capacity, and one more for each probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Stage {
    /// Nothing grows here.
    Dormant,
    /// Chosen; its compiled form is on the way.
    Germinated,
    /// It learns; the network does not depend on it.
    Training,
    /// It passed the gain test; its α is on the way to its target.
    Blending,
    /// Its α stands at its target; host and seed adapt to each other.
    Holding,
    /// Part of the network.
    Fossilized,
    /// Given up; its α is on the way to zero.
    Pruned,
    /// Out of the program; the slot rests.
    Embargoed,
    /// The rest is over; its memory has to be back before the place is free.
    Resetting,
}

use Stage::*;

impl Stage {
    /// All of them, in the order of a life.
    pub const ALL: [Stage; 9] = [Dormant, Germinated, Training, Blending, Holding, Fossilized, Pruned, Embargoed, Resetting];

    /// `TRAINING`, as users see it.
    pub fn name(self) -> &'static str {
        match self {
            Dormant => "DORMANT",
            Germinated => "GERMINATED",
            Training => "TRAINING",
            Blending => "BLENDING",
            Holding => "HOLDING",
            Fossilized => "FOSSILIZED",
            Pruned => "PRUNED",
            Embargoed => "EMBARGOED",
            Resetting => "RESETTING",
        }
    }
    /// The stages that may follow. A fossilised seed has none: its place is a new, dormant one.
    pub fn next(self) -> &'static [Stage] {
        match self {
            Dormant => &[Germinated],
            Germinated => &[Training, Pruned],
            Training => &[Blending, Pruned],
            Blending => &[Holding, Pruned],
            Holding => &[Fossilized, Pruned],
            Fossilized => &[],
            Pruned => &[Embargoed],
            Embargoed => &[Resetting],
            Resetting => &[Dormant],
        }
    }
    /// Whether a seed in this stage may still come to be part of the network.
    pub fn hopeful(self) -> bool {
        matches!(self, Germinated | Training | Blending | Holding)
    }
    /// Whether the network's output depends on a seed in this stage.
    pub fn joined(self) -> bool {
        matches!(self, Blending | Holding)
    }
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_middle_stages_can_be_pruned_and_no_other() {
        for stage in Stage::ALL {
            assert_eq!(stage.next().contains(&Pruned), stage.hopeful(), "{stage}");
        }
    }

    #[test]
    fn every_stage_is_on_the_way_from_dormant() {
        let mut seen = vec![Dormant];
        let mut i = 0;
        while i < seen.len() {
            seen.extend(seen[i].next().iter().filter(|s| !seen.contains(s)).copied().collect::<Vec<_>>());
            i += 1;
        }
        seen.sort();
        seen.dedup();
        assert_eq!(seen, Stage::ALL);
    }
}
