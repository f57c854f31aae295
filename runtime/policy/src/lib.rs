//! What to grow, where and when, and what to keep ("Tamiyo"): pure functions from what is seen to what is done.
//!
//! The loop makes a [`State`] from [`Facts`] once, and calls [`decide()`] at every validation point with an [`Observation`]. It carries
//! out the [`Action`]s of the [`Decision`] in order, writes down its [`Event`]s, and asks [`State::alpha`] for every step's α. Nothing here
//! does IO, reads a clock or starts a thread; randomness is a counter in the state, which is saved with a checkpoint.
//!
//! The contract at a validation point after `step` steps:
//! - [`SeedSeen`] is given for every seed in the program. A germinated seed that appears for the first time moves to TRAINING.
//! - Gate rows are those that [`Action::SampleGate`] of the last decision asked for; a seed never sees a row twice.
//! - What changes the program takes effect at [`Decision::effective`]; ramps of [`Action::StartBlending`] begin there.
//! - The observation after the last step (`step` = [`Facts::total_steps`]) ends the run: seeds that take part are fossilised with the α they
//!   have, others are pruned, all at once, and [`Event::Ended`] says so loudly if the policy never acted.
//! - [`Governor`] is asked at every step and is no part of the state: what it remembers must survive a rollback.
mod alpha;
mod decide;
mod decision;
mod e_process;
mod events;
mod gate;
mod governor;
pub mod initialiser;
mod observation;
mod posterior;
pub mod random;
mod rent;
mod rules;
mod selection;
mod settings;
mod shapley;
mod stage;
mod state;
mod trigger;
pub mod yardstick;

pub use alpha::{LARGEST_CHANGE, Ramp, curve};
pub use decide::decide;
pub use decision::{Action, Decision, Reason};
pub use e_process::{Bettor, GainTest, LARGEST_STAKE, Veto, level};
pub use events::{Considered, Event};
pub use gate::{Reading, Side, digits};
pub use governor::{Alarm, Governor, ROLLBACKS, Response, WITHIN};
pub use observation::{Candidate, Facts, Observation, Place, Predicted, SeedSeen};
pub use posterior::{Part, Posterior, Trial, squash};
pub use random::Random;
pub use rent::{Costs, rent};
pub use selection::{ArmRows, Memory, Picks, pick};
pub use settings::{HYSTERESIS, Probes, Settings, steps};
pub use shapley::{EXACT_UP_TO, Plan};
pub use stage::Stage;
pub use state::{Before, Fossil, SeedState, SlotState, State, Tally};
pub use trigger::{Best, Course, fires};
