//! Growth: slots of the host, the candidates that fit them, and policies.
mod alive;
mod birth;
mod condition;
mod policy;
mod seed;
mod slot;

pub(crate) use slot::FoundSlot;
