//! What the compiler says: source files, places in them, diagnostics with stable codes, and their rendering.
mod diagnostic;
mod source;

pub use diagnostic::{CodeRecord, Diagnostic, Edit, Label, Severity};
pub use source::{FileId, SourceFile, Sources, Span};
