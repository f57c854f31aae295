//! The features, one a file: pure functions from a snapshot and a place in it to plain data.
pub mod formatting;
