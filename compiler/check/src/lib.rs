//! From syntax trees to checked programs: names, kinds, shapes, layers and state, with everything the compiler says about them.
pub mod hir;
pub mod names;
