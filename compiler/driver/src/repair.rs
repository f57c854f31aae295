//! Applying the repairs that diagnostics offer.
use crate::artifact::write_atomically;
use crate::load::Session;
use esper_diagnostics::{Diagnostic, Edit, FileId, Sources};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What [`fix`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fixed {
    /// The files that changed.
    pub files: Vec<PathBuf>,
    /// How many repairs were applied.
    pub repairs: usize,
}

/// The texts after applying repairs, and how many were applied. Of repairs that overlap the first is applied.
pub fn apply<'e>(sources: &Sources, edits: impl IntoIterator<Item = &'e Edit>) -> (BTreeMap<FileId, String>, usize) {
    let mut changes: BTreeMap<FileId, Vec<(usize, usize, &str)>> = BTreeMap::new();
    let mut applied = 0;
    for edit in edits {
        let free = edit.changes.iter().all(|(span, _)| {
            let taken = changes.get(&span.file).into_iter().flatten();
            let (start, end) = (span.start as usize, span.end as usize);
            taken.clone().all(|(s, e, _)| end <= *s && (start, end) != (*s, *e) || start >= *e && (start, end) != (*s, *e))
        });
        if free && !edit.changes.is_empty() {
            applied += 1;
            for (span, text) in &edit.changes {
                changes.entry(span.file).or_default().push((span.start as usize, span.end as usize, text));
            }
        }
    }
    let texts = changes.into_iter().map(|(file, mut changes)| {
        changes.sort();
        let mut text = sources.file(file).text.clone();
        for (start, end, new) in changes.into_iter().rev() {
            text.replace_range(start..end, new);
        }
        (file, text)
    });
    (texts.collect(), applied)
}

/// The repairs that may be applied without asking.
pub fn certain(problems: &[Diagnostic]) -> impl Iterator<Item = &Edit> {
    problems.iter().filter_map(|p| p.edits.first().filter(|e| e.certain))
}

/// Applies the certain repairs of a program to its files, again and again until none is left (at most ten times).
pub fn fix(entry: &Path) -> std::io::Result<Fixed> {
    let mut session = Session::new();
    let mut fixed = Fixed::default();
    for _ in 0..10 {
        let checked = session.check(entry);
        let paths: BTreeMap<FileId, &PathBuf> = checked.loaded.files.iter().filter_map(|f| Some((f.id, f.path.as_ref()?))).collect();
        let own = certain(&checked.problems).filter(|e| e.changes.iter().all(|(span, _)| paths.contains_key(&span.file)));
        let (texts, applied) = apply(&checked.loaded.sources, own);
        if applied == 0 {
            break;
        }
        fixed.repairs += applied;
        for (file, text) in texts {
            let path = paths[&file];
            write_atomically(path, text.as_bytes())?;
            if !fixed.files.contains(path) {
                fixed.files.push(path.clone());
            }
        }
    }
    Ok(fixed)
}
