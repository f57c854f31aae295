//! The features, one a file: pure functions from a snapshot and a place in it to plain data.
pub mod code_actions;
pub mod formatting;
pub mod navigation;
pub mod rename;
