//! From syntax trees to checked programs: names, kinds, shapes, layers and state, with everything the compiler says about them.
pub mod builtins;
mod codes;
mod elaborate;
pub mod hir;
pub mod names;
mod print;

pub use codes::CODES;
pub use elaborate::{elaborate, trains};
pub use print::print_hir;

use esper_diagnostics::Diagnostic;
use names::Resolution;

/// Checks every item with names for its sizes and, where nothing is wrong, every experiment with its numbers. What is wrong with names
/// is in [`Resolution::problems`] and not repeated here.
pub fn check(resolution: &Resolution) -> Vec<Diagnostic> {
    elaborate::check_items(resolution)
}
