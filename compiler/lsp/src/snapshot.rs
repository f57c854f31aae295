//! One program at one moment: its files, trees and names, which every answer to the client is read from.
use crate::position::Lines;
use crate::uri::Place;
use esper_check::names::{FileInput, Index, ProgramNames, resolve};
use esper_diagnostics::{FileId, Span};
use esper_driver::{Loaded, LoadedFile};
use esper_grammar::ast;
use std::cell::OnceCell;
use std::path::Path;

/// A program as read. Its entry is the document it was made for.
#[derive(Debug)]
pub struct Snapshot {
    /// The files with their trees.
    pub loaded: Loaded,
    lines: Vec<OnceCell<Lines>>,
    names: Option<ProgramNames>,
    index: OnceCell<Index>,
}

impl Snapshot {
    /// A loaded program as a snapshot; with its names, where a check has found out what they mean.
    pub fn new(loaded: Loaded, names: Option<ProgramNames>) -> Snapshot {
        let count = loaded.sources.iter().count();
        Snapshot { loaded, lines: (0..count).map(|_| OnceCell::new()).collect(), names, index: OnceCell::new() }
    }
    /// The file the program begins with.
    pub fn entry(&self) -> FileId {
        FileId(0)
    }
    /// The text of a file.
    pub fn text(&self, file: FileId) -> &str {
        &self.loaded.sources.file(file).text
    }
    /// The text of a place.
    pub fn text_at(&self, span: Span) -> &str {
        self.text(span.file).get(span.start as usize..span.end as usize).unwrap_or_default()
    }
    /// The tree of a file.
    pub fn tree(&self, file: FileId) -> Option<&ast::File> {
        self.file(file).map(|f| &f.parsed.file)
    }
    /// A file of the program.
    pub fn file(&self, file: FileId) -> Option<&LoadedFile> {
        self.loaded.files.iter().find(|f| f.id == file)
    }
    /// The lines of a file.
    pub fn lines(&self, file: FileId) -> &Lines {
        self.lines[file.0 as usize].get_or_init(|| Lines::of(self.text(file)))
    }
    /// What the names of the program mean, made at the first use.
    pub fn index(&self) -> &Index {
        self.index.get_or_init(|| {
            let inputs: Vec<FileInput> = self.loaded.inputs();
            match &self.names {
                Some(names) => Index::of(names, &inputs),
                None => Index::of(&ProgramNames::of(resolve(&inputs)), &inputs),
            }
        })
    }
    /// What document a file of the program is; `None` for a module that could not be found.
    pub fn place(&self, file: FileId) -> Option<Place> {
        let file = self.file(file)?;
        match &file.path {
            Some(path) => Some(Place::File(path.clone())),
            None if file.module.starts_with("std.") => Some(Place::Library(file.module.clone())),
            None => None,
        }
    }
    /// Whether a file on disk is part of the program, or would be if it could be read.
    pub fn depends_on(&self, path: &Path) -> bool {
        // Where a module is missing or unreadable, any file may be the one.
        let waits = || self.loaded.problems.iter().any(|p| p.code.starts_with("E009") || p.code == "E0102");
        self.loaded.files.iter().any(|f| f.path.as_deref() == Some(path)) || waits()
    }
}
