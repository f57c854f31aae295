//! Graphs to programs: fusion, memory planning, and the spelling of kernels for each target. Knows no device.
mod kernel;
mod program;
pub mod target;

pub use kernel::*;
pub use program::*;
