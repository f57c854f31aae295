//! What growth is made of, as data: the slots of a host, the seeds that fit them, and the vocabulary of policies.
mod live;
mod seed;
mod slot;

pub use live::{Join, Live, Part, Planting};
pub use seed::{Birth, Seed};
pub use slot::Slot;
