//! Diagnostics as text: for people, for editors' problem matchers, for programs and for code-scanning services.
mod human;
mod json;
mod sarif;

pub use sarif::render_sarif;

use crate::{Diagnostic, Severity, Sources, Span};

/// How messages are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// With the source lines and everything at its place.
    Human,
    /// `file:line:column: error[E0301]: message`, one a line.
    Short,
    /// One JSON object a line.
    Json,
    /// One SARIF 2.1.0 document.
    Sarif,
}

/// The diagnostics as text, in the order given, ending with a new line unless there are none (SARIF is a document all the same).
/// `color` counts for [`Format::Human`] only.
pub fn render(diagnostics: &[Diagnostic], sources: &Sources, format: Format, color: bool) -> String {
    match format {
        Format::Human => human::render(diagnostics, sources, color),
        Format::Short => diagnostics.iter().map(|d| short(d, sources)).collect(),
        Format::Json => diagnostics.iter().map(|d| json::render(d, sources)).collect(),
        Format::Sarif => render_sarif(diagnostics, sources, &[]),
    }
}

/// The line that closes a list of messages: `error: 3 errors; 1 warning`; `None` where there are none.
pub fn summary(diagnostics: &[Diagnostic]) -> Option<String> {
    let count = |severity| diagnostics.iter().filter(|d| d.severity == severity).count();
    let words = |number: usize, noun: &str| format!("{number} {noun}{}", if number == 1 { "" } else { "s" });
    match (count(Severity::Error), count(Severity::Warning)) {
        (0, 0) => None,
        (0, warnings) => Some(format!("warning: {}", words(warnings, "warning"))),
        (errors, 0) => Some(format!("error: {}", words(errors, "error"))),
        (errors, warnings) => Some(format!("error: {}; {}", words(errors, "error"), words(warnings, "warning"))),
    }
}

impl Severity {
    /// `error`, `warning`.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

fn short(diagnostic: &Diagnostic, sources: &Sources) -> String {
    let span = diagnostic.primary.span;
    let (line, column) = sources.line_column(span);
    let (file, severity) = (&sources.file(span.file).name, diagnostic.severity.word());
    format!("{file}:{line}:{column}: {severity}[{}]: {}\n", diagnostic.code, diagnostic.message)
}

/// Line and column (from 1, columns in characters) of a span's start and end.
fn region(sources: &Sources, span: Span) -> [(usize, usize); 2] {
    [sources.line_column(span), sources.line_column(span.after())]
}

#[cfg(test)]
mod tests;
