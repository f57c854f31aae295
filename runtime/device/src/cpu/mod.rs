//! The processor: its memory, compiled kernels, worker threads, and hand-written library kernels (matrix product, convolution, pooling).

mod arena;
mod code;
pub mod convolution;
mod executable;
pub mod gemm;
pub mod instruction_set;
mod library;
pub mod pooling;
mod processor;
mod product;
mod room;
mod scatter;
mod schedule;
mod validate;
mod windowed;
pub mod workers;

pub use processor::{CpuOptions, Processor};
