//! What the codes of kinds, shapes, layers, state and experiments mean, at length.
use esper_diagnostics::CodeRecord;

/// All of them.
pub const CODES: &[CodeRecord] = &[];
