//! Tests of the whole crate: what parses, what broken text costs, and that no text does harm.
mod messages;
mod recovery;
mod robustness;

use crate::ast::{File, ItemKind};
use crate::{Parsed, parse};
use esper_diagnostics::FileId;

/// Parses as file 0.
pub(crate) fn read(text: &str) -> Parsed {
    parse(FileId(0), text)
}

/// How many items could be read, and how many problems there are.
fn count(text: &str) -> (usize, usize) {
    let parsed = read(text);
    (whole(&parsed.file), parsed.problems.len())
}

fn whole(file: &File) -> usize {
    file.items.iter().filter(|item| !matches!(item.kind, ItemKind::Broken(_))).count()
}

/// Programs to read: those of this directory, and those of the design where it is present.
pub(crate) fn examples() -> Vec<(String, String)> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/");
    let mut found = vec![];
    for folder in ["src/tests/programs", "../../shared/design/examples", "../stdlib", "../examples"] {
        let Ok(entries) = std::fs::read_dir(format!("{root}{folder}")) else { continue };
        let mut paths: Vec<_> =
            entries.map(|entry| entry.unwrap().path()).filter(|p| p.extension().is_some_and(|e| e == "blueprint")).collect();
        paths.sort();
        found.extend(paths.into_iter().map(|path| (path.display().to_string(), std::fs::read_to_string(&path).unwrap())));
    }
    assert!(found.len() >= 2, "no example found");
    found
}
