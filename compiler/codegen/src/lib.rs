//! Graphs to programs: fusion, memory planning, and the spelling of kernels for each target. Knows no device.
mod compile;
mod contraction;
mod count;
mod epilogue;
pub mod evaluate;
mod finish;
mod fuse;
mod index;
mod kernel;
mod layout;
mod plan;
mod print;
mod program;
pub mod target;
#[cfg(test)]
mod tests;
mod unsupported;

pub use compile::compile;
pub use kernel::*;
pub use layout::{ALIGNMENT, Layout, SeedScalar, UpdateGroup};
pub use print::{print_index, print_kernel, print_kernels, print_plan};
pub use program::*;
pub use target::{emit_cuda, emit_wgsl};
pub use unsupported::Unsupported;
