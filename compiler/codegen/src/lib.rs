//! Graphs to programs: fusion, memory planning, and the spelling of kernels for each target. Knows no device.
mod compile;
mod contraction;
mod epilogue;
mod finish;
mod fuse;
mod index;
mod kernel;
mod layout;
mod plan;
mod program;
pub mod target;

pub use compile::compile;
pub use kernel::*;
pub use layout::{ALIGNMENT, Layout, Unsupported, UpdateGroup};
pub use program::*;
