//! Graph to graph: differentiation, and the passes that make a graph smaller without changing what it computes.
mod differentiate;
mod graft;
mod pass;
mod reductions;
mod simplify;
#[cfg(test)]
mod tests;

pub use differentiate::differentiate;
pub use graft::{Ends, Units, ends, graft, integrate, units};
pub use pass::{PASSES, Pass, run, simplify};
