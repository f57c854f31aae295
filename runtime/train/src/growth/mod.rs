//! Growth ("Kasmina"): slots, the seeds that live in them, and how both change while the network trains.
mod alpha;
mod decider;
mod growing;
mod state;
mod topology;
mod trial;

pub use alpha::{Boost, Curve, MOST_CHANGE, Ramp};
pub use decider::Growth;
pub(crate) use growing::Growing;
pub use growing::SwapTimes;
pub use state::{Effected, GrowthState, LiveSeed, SeedSums};
pub use topology::Change;
