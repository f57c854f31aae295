//! Source files and the places in them that tokens, trees, graph nodes and diagnostics point at.
use serde::{Deserialize, Serialize};

/// One file of a [`Sources`]; ids are handed out in the order files are added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FileId(pub u32);

/// A half-open range of bytes in one file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Span {
    /// The file it lies in.
    pub file: FileId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The bytes `start..end` of `file`.
    pub fn new(file: FileId, start: usize, end: usize) -> Span {
        Span { file, start: start as u32, end: end as u32 }
    }
    /// The smallest span that covers both (of one file; `self` where the files differ).
    pub fn to(self, other: Span) -> Span {
        if self.file != other.file {
            return self;
        }
        Span { file: self.file, start: self.start.min(other.start), end: self.end.max(other.end) }
    }
    /// The empty place where this span begins: where an edit inserts in front of it.
    pub fn before(self) -> Span {
        Span { end: self.start, ..self }
    }
    /// The empty place where this span ends: where an edit inserts behind it.
    pub fn after(self) -> Span {
        Span { start: self.end, ..self }
    }
}

/// A file's name as the user knows it (`model.blueprint`, `std.nn`) and its text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceFile {
    /// How messages name it.
    pub name: String,
    /// Its whole text, valid UTF-8.
    pub text: String,
}

/// All files of one compilation. Holds text only; reading files is the driver's business.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sources {
    files: Vec<SourceFile>,
}

impl Sources {
    /// Adds a file and gives its id.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> FileId {
        self.files.push(SourceFile { name: name.into(), text: text.into() });
        FileId(self.files.len() as u32 - 1)
    }
    /// The file of that id. Panics on an id of another `Sources`: a bug of the caller.
    pub fn file(&self, id: FileId) -> &SourceFile {
        &self.files[id.0 as usize]
    }
    /// All files with their ids, in the order they were added.
    pub fn iter(&self) -> impl Iterator<Item = (FileId, &SourceFile)> {
        self.files.iter().enumerate().map(|(i, f)| (FileId(i as u32), f))
    }
    /// The text under a span.
    pub fn text(&self, span: Span) -> &str {
        &self.file(span.file).text[span.start as usize..span.end as usize]
    }
    /// Line and column (both from 1, the column in characters) of a span's start.
    pub fn line_column(&self, span: Span) -> (usize, usize) {
        let text = &self.file(span.file).text[..span.start as usize];
        let line_start = text.rfind('\n').map_or(0, |i| i + 1);
        // Bytes, not characters: the compiler counts them in vectors, and a broken file asks thousands of times.
        (text.bytes().filter(|byte| *byte == b'\n').count() + 1, text[line_start..].chars().count() + 1)
    }
}
