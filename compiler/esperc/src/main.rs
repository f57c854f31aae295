//! The `esperc` command.
fn main() {}
