//! Compiled kernels against their definition.
mod functions;
mod harness;
mod oracle;
mod orders;
mod random_kernels;
