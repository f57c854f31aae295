//! Matrix products in float32 on memory of the caller: C = epilogue(A · B).
//!
//! The driver follows BLIS (Van Zee and van de Geijn, "BLIS: A Framework for Rapidly Instantiating BLAS
//! Functionality", ACM TOMS 41(3), 2015): loops over cache blocks around a kernel that keeps one tile of C in vector
//! registers. A [`GemmPlan`] fixes every choice once: blocks, packing, a split of k. Running it allocates nothing, and
//! the result does not depend on the number of threads: every element of C is one sum in a fixed order.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod epilogue;
pub(crate) mod pack;
mod plan;
mod portable;
mod split_k;
#[cfg(test)]
mod tests;
pub(crate) mod tile;

pub use epilogue::{Bias, Epilogue, Gate};
pub use plan::{GemmPlan, Strides};
