//! Files in, diagnostics and models out: loading, checking, building, explaining, repairing and printing programs.
mod artifact;
mod build;
mod check;
mod cost;
pub mod emit;
mod explain;
mod export;
mod load;
mod manual;
mod memory;
mod overrides;
mod read;
mod repair;
#[cfg(test)]
mod tests;

pub use artifact::{Artifact, ArtifactError, COMPILER, FORMAT, digest, write_atomically};
pub use build::{BuildError, Elaborated};
pub use check::Checked;
pub use cost::{one_row, operations_of_prediction};
pub use emit::Stage;
pub use explain::{CODES, codes, explain, explanation};
pub use export::{ExportError, ExportOptions, Exported, Member, export};
pub use load::{Loaded, LoadedFile, Session};
pub use manual::{contents, document, nearest_name, source};
pub use memory::{Learned, Memory};
pub use overrides::{COMMAND_LINE, Override};
pub use read::{Files, LARGEST_FILE, ReadError, text_of};
pub use repair::{Fixed, apply, certain, fix};
