//! What the compiler says: source files, places in them, diagnostics with stable codes, and their rendering.
mod diagnostic;
mod edit;
mod nearest;
mod render;
mod source;

pub use diagnostic::{CodeRecord, Diagnostic, Edit, Label, Severity};
pub use edit::apply_edits;
pub use nearest::nearest;
pub use render::{Format, render, render_sarif, summary};
pub use source::{FileId, SourceFile, Sources, Span};
