//! Training ("Tolaria"): data, the loop, checkpoints, the run's folder, and what is done with a finished run.
//!
//! [`train`] trains a [`esper_ir::Model`] on a device and leaves a folder; [`evaluate`] and [`predict`] use such a folder. Everything
//! that a run writes is a function of the model, the data and the seed, except the report and the times that are shown.
pub mod data;

mod checkpoint;
mod engine;
mod failure;
mod finished_run;
mod governing;
pub mod growth;
mod programs;
mod run_folder;
pub mod story;
mod summary;
mod telling;
mod training;
mod weights;

pub use checkpoint::{Best, Checkpoint, Manifest, Progress, StoredTensor, Sums, VERSION};
pub use data::CODES;
pub use failure::RunError;
pub use finished_run::{Evaluation, FinishedRun, Part, evaluate, predict};
pub use run_folder::{LOG_VERSION, ResolvedConfiguration, RunFolder};
pub use summary::{Summary, summarise, training_rows};
pub use training::{Outcome, RunOptions, train};
pub use weights::Weights;

#[cfg(test)]
mod tests;
