//! The spellings of kernels, one module a target.
pub mod clif;
