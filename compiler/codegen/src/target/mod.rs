//! The spellings of kernels, one module a target.
mod c_like;
pub mod clif;
mod cuda;
mod wgsl;

pub use cuda::emit_cuda;
pub use wgsl::{MOST_GROUPS, WORKGROUP, emit_wgsl, emit_wgsl_kernel};
