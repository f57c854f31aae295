//! The CPU: worker threads and hand-written library kernels (matrix product, convolution, pooling).

pub mod gemm;
pub mod instruction_set;
pub mod workers;
