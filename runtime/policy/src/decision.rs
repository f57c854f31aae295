//! What Tamiyo decides: actions for the loop, and events that say why.
use crate::alpha::Ramp;
use crate::events::Event;
use esper_ir::Initialiser;
use serde::{Deserialize, Serialize};

/// Why a seed is given up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Reason {
    /// Its compiled form did not pass validation.
    Refused(String),
    /// The TRAINING budget ended without the gain test passing.
    NoGain,
    /// The process against it spoke.
    Veto,
    /// Validation loss rose again and again while its α did.
    Harmful,
    /// Its loss or gradients were not finite.
    NotFinite,
    /// A better probe of the same slot was kept.
    LostProbe,
    /// A rule of the policy, as written.
    Rule(String),
    /// Another seed takes its place or its share.
    Replaced,
    /// The run ended before the gain test passed.
    RunEnded,
}

impl Reason {
    /// Whether it is a failure after which the slot rests. Losing to another seed, or being refused before it lived, is none.
    pub fn rests(&self) -> bool {
        !matches!(self, Reason::Refused(_) | Reason::LostProbe | Reason::Replaced | Reason::RunEnded)
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Reason::Refused(why) => write!(f, "it was refused: {why}"),
            Reason::NoGain => f.write_str("its training budget ended before the gain test passed"),
            Reason::Veto => f.write_str("gate rows speak against it"),
            Reason::Harmful => f.write_str("validation loss rose every time its α did"),
            Reason::NotFinite => f.write_str("its loss or gradients were not finite"),
            Reason::LostProbe => f.write_str("a better probe was kept"),
            Reason::Rule(rule) => write!(f, "the policy says: prune when {rule}"),
            Reason::Replaced => f.write_str("other seeds take its share"),
            Reason::RunEnded => f.write_str("the run ended before the gain test passed"),
        }
    }
}

/// Something for the loop to do. What changes the program takes effect at [`Decision::effective`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Action {
    /// Put a seed into a slot, isolated as the policy says, and train it there.
    Germinate {
        /// Counts the germinations of the run from 1; [`esper_ir::Planting::id`].
        id: u32,
        /// Which slot.
        slot: usize,
        /// Which candidate; its number in [`esper_ir::Model::seeds`].
        seed: usize,
        /// With which initialiser.
        initialiser: Initialiser,
        /// Whether it is one of several probes.
        probe: bool,
        /// Its α from the effective step on: zero in the shadow.
        alpha: Ramp,
    },
    /// Join the seed to the network, keep a snapshot from before, and move its α along the ramp.
    StartBlending {
        /// Which seed.
        id: u32,
        /// Its α. It begins at the effective step, or now where the seed took part from birth.
        ramp: Ramp,
    },
    /// Move a joined seed's α along another ramp, which begins where the ramp says: now, or when another seed's does.
    SetAlpha {
        /// Which seed.
        id: u32,
        /// Its α.
        ramp: Ramp,
    },
    /// Make the seed part of the network with the α it has.
    Fossilise {
        /// Which seed.
        id: u32,
    },
    /// Take the seed, whose α is zero, out of the program and free its memory.
    Unload {
        /// Which seed.
        id: u32,
    },
    /// Put the weights back as they were when this seed began to blend: without it the network is worse than it was then.
    Restore {
        /// Which seed.
        id: u32,
    },
    /// Evaluate up to so many unused gate rows with and without the seed, right before the next decision.
    SampleGate {
        /// Which seed.
        id: u32,
        /// How many rows.
        rows: u64,
    },
}

/// What was decided at one validation point.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// Steps done when it was made.
    pub step: u64,
    /// Steps done when what it changes in the program takes effect.
    pub effective: u64,
    /// What to do, in order.
    pub actions: Vec<Action>,
    /// What was considered, filtered, denied and chosen, with the numbers.
    pub events: Vec<Event>,
}
