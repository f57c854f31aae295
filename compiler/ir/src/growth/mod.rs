//! What growth is made of, as data: the slots of a host, the seeds that fit them, and the vocabulary of policies.
mod condition;
mod control;
mod live;
mod policy;
mod seed;
mod signal;
mod slot;

pub use condition::{Amount, Arithmetic, Comparison, Condition, PolicyRule, Verb};
pub use control::Control;
pub use live::{Join, Live, Part, Planting};
pub use policy::{
    Acceptance, Blend, BlendKind, Initialiser, Isolation, Knowledge, Newborn, OptimizerState, Policy, Probe, RampKind, Rent, Selection,
    Sharing, Trigger,
};
pub use seed::{Birth, Seed};
pub use signal::{About, SIGNALS, Signal, SignalRecord};
pub use slot::Slot;

/// A condition that must hold of the whole, always: `params <= 2 * host.params`.
pub type Bound = Condition;
