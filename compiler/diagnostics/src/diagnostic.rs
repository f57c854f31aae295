//! A diagnostic: a stable code, a message in the user's words, labelled places, and edits that repair the text.
use crate::Span;
use serde::{Deserialize, Serialize};

/// How bad it is. Errors make the exit code 1, warnings do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The program cannot be used as it is.
    Error,
    /// It can, but is probably not what was meant.
    Warning,
}

/// A place and what stands to be said there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// The text at that place; may be empty for a primary label.
    pub text: String,
}

/// A repair that an editor or `esperc check --fix` can apply: all its changes together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    /// What it does, in a few words: ``replace by `first` ``.
    pub title: String,
    /// Each span is replaced by its text; spans do not overlap.
    pub changes: Vec<(Span, String)>,
    /// Whether it may be applied without asking: it is the only sensible repair.
    pub certain: bool,
}

/// One finding of the compiler. One mistake of the user gives one of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// The stable code, `E0301`; its [`CodeRecord`] tells it at length.
    pub code: String,
    /// How bad it is.
    pub severity: Severity,
    /// One line in the user's words.
    pub message: String,
    /// Where the mistake shows.
    pub primary: Label,
    /// The other half of the contradiction, in the order they should be read.
    pub secondary: Vec<Label>,
    /// Facts that explain: printed as `note:`. Also the chain of instantiations, one a line.
    pub notes: Vec<String>,
    /// What to do: printed as `help:`.
    pub helps: Vec<String>,
    /// Alternative repairs, the likeliest first.
    pub edits: Vec<Edit>,
}

impl Diagnostic {
    /// An error at a place, with the text that stands at that place.
    pub fn error(code: &str, message: impl Into<String>, span: Span, label: impl Into<String>) -> Diagnostic {
        Diagnostic {
            code: code.to_string(),
            severity: Severity::Error,
            message: message.into(),
            primary: Label { span, text: label.into() },
            secondary: vec![],
            notes: vec![],
            helps: vec![],
            edits: vec![],
        }
    }
    /// A warning at a place.
    pub fn warning(code: &str, message: impl Into<String>, span: Span, label: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(code, message, span, label) }
    }
    /// Adds a secondary label.
    pub fn label(mut self, span: Span, text: impl Into<String>) -> Diagnostic {
        self.secondary.push(Label { span, text: text.into() });
        self
    }
    /// Adds a note.
    pub fn note(mut self, text: impl Into<String>) -> Diagnostic {
        self.notes.push(text.into());
        self
    }
    /// Adds a help.
    pub fn help(mut self, text: impl Into<String>) -> Diagnostic {
        self.helps.push(text.into());
        self
    }
    /// Adds a repair that replaces one span.
    pub fn edit(self, title: impl Into<String>, span: Span, text: impl Into<String>) -> Diagnostic {
        self.edits(title, vec![(span, text.into())])
    }
    /// Adds a repair of several changes.
    pub fn edits(mut self, title: impl Into<String>, changes: Vec<(Span, String)>) -> Diagnostic {
        self.edits.push(Edit { title: title.into(), changes, certain: false });
        self
    }
    /// Marks the last added repair as the only sensible one.
    pub fn certain(mut self) -> Diagnostic {
        if let Some(e) = self.edits.last_mut() {
            e.certain = true;
        }
        self
    }
}

/// What a code means, at length: `esperc explain E0301`. Lives with the code that raises it.
#[derive(Clone, Copy, Debug)]
pub struct CodeRecord {
    /// `E0301`.
    pub code: &'static str,
    /// A few words: "a layer gets the wrong width".
    pub title: &'static str,
    /// The long explanation, Markdown.
    pub explanation: &'static str,
    /// A whole small file that raises exactly this code; empty only where no text can (a file that is a directory).
    pub wrong: &'static str,
    /// The same file put right: raises nothing.
    pub right: &'static str,
}
