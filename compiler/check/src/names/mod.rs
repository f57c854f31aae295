//! Names: which item, import, local or builtin every name means, and everything the compiler says that needs no types.
//!
//! Raised here, so the other parts of the check stay silent about it: all of E01 and W01, E0203 (order of arguments), W0004, and
//! E0420 to E0429 (lines that do not belong where they stand, bodies without a value, lines without effect, wrong targets of `=` and `:=`).
mod belongs;
mod case;
mod code;
mod cycles;
mod expressions;
mod imports;
mod index;
mod items;
mod known;
mod members;
mod records;
mod records_lines;
mod resolve;
mod scope;
mod sections;
mod suggest;
#[cfg(test)]
mod tests;
mod walk;

use esper_diagnostics::CodeRecord;
pub use imports::{unknown_module, use_of_nothing};
pub use index::{Definition, DefinitionId, DefinitionKind, Index, Occurrence, ProgramNames};
pub use items::{ItemClass, ItemId, ItemInfo};
pub(crate) use members::has_unread_lines;
pub use resolve::{FileInput, Reads, Resolution, imports_of, resolve};
pub use scope::LocalKind;

/// What each code that is raised here means.
pub const CODES: &[CodeRecord] = &{
    let mut all = [records::NAMES[0]; records::NAMES.len() + records_lines::LINES.len()];
    let mut i = 0;
    while i < records::NAMES.len() {
        all[i] = records::NAMES[i];
        i += 1;
    }
    while i < all.len() {
        all[i] = records_lines::LINES[i - records::NAMES.len()];
        i += 1;
    }
    all
};
