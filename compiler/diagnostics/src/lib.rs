//! What the compiler says: source files, places in them, diagnostics with stable codes, and their rendering.
mod diagnostic;
mod nearest;
mod source;

pub use diagnostic::{CodeRecord, Diagnostic, Edit, Label, Severity};
pub use nearest::nearest;
pub use source::{FileId, SourceFile, Sources, Span};
