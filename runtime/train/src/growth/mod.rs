//! Growth ("Kasmina"): slots, the seeds that live in them, and how both change while the network trains.
mod birth;
mod contribution;
mod control;
mod decider;
mod growing;
mod newborn;
mod snapshot;
mod standing;
mod state;
mod tamiyo;
mod topology;
mod trial;

pub use contribution::Contributions;
pub(crate) use contribution::{Measuring, contributions};
pub use control::{static_network, training_flops};
pub use decider::Growth;
pub(crate) use growing::Growing;
pub use growing::SwapTimes;
pub use newborn::Boost;
pub(crate) use snapshot::{Snapshots, Tensors};
pub use state::{Effected, GrowthState, LiveSeed, Member, SeedSums};
pub use tamiyo::Tamiyo;
pub(crate) use tamiyo::{Decided, Lengths, Measured};
pub use topology::Change;
