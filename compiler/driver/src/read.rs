//! Reading source files: from disk, or from the text an editor holds; everything that can be wrong with a file is named.
use std::collections::BTreeMap;
use std::fmt;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The largest source file that is read.
pub const LARGEST_FILE: u64 = 16 << 20;

/// Why a file could not be read.
#[allow(missing_docs)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// There is no such file.
    Missing,
    /// It is a directory.
    Directory,
    /// Not UTF-8; the position of the first byte that is not, and how many lines end before it.
    NotText { byte: usize, line: usize },
    /// More than [`LARGEST_FILE`] bytes.
    TooLarge { bytes: u64 },
    /// Anything else, in the system's words.
    Refused(String),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::Missing => write!(f, "there is no such file"),
            ReadError::Directory => write!(f, "it is a directory"),
            ReadError::NotText { byte, line } => {
                write!(f, "it is not UTF-8 text: byte {byte}, in line {line}, is the first that cannot be read")
            }
            ReadError::TooLarge { bytes } => write!(f, "it has {bytes} bytes, and at most {LARGEST_FILE} are read"),
            ReadError::Refused(why) => write!(f, "{why}"),
        }
    }
}

impl ReadError {
    /// The code of the diagnostic that reports it.
    pub fn code(&self) -> &'static str {
        match self {
            ReadError::Missing => "E0090",
            ReadError::Directory => "E0091",
            ReadError::NotText { .. } => "E0092",
            ReadError::TooLarge { .. } => "E0093",
            ReadError::Refused(_) => "E0094",
        }
    }
}

/// The source files in reach: those on disk, with the texts that an editor holds in front of them.
#[derive(Clone, Debug, Default)]
pub struct Files {
    open: BTreeMap<PathBuf, Arc<str>>,
}

impl Files {
    /// From now on this text stands for the file, whatever is on disk.
    pub fn open(&mut self, path: impl Into<PathBuf>, text: impl Into<Arc<str>>) {
        self.open.insert(path.into(), text.into());
    }
    /// From now on the file is what is on disk.
    pub fn close(&mut self, path: &Path) {
        self.open.remove(path);
    }
    /// The whole text of a file.
    pub fn read(&self, path: &Path) -> Result<String, ReadError> {
        if let Some(text) = self.open.get(path) {
            return Ok(text.to_string());
        }
        let refused = |e: std::io::Error| match e.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => ReadError::Missing,
            ErrorKind::IsADirectory => ReadError::Directory,
            _ => ReadError::Refused(e.to_string()),
        };
        let about = std::fs::metadata(path).map_err(refused)?;
        if about.is_dir() {
            return Err(ReadError::Directory);
        }
        if about.len() > LARGEST_FILE {
            return Err(ReadError::TooLarge { bytes: about.len() });
        }
        whole_text(std::fs::File::open(path).map_err(refused)?)
    }
    /// The modules that stand in a folder and its folders, as `use` names them, in alphabetical order; for "did you mean".
    pub fn modules_in(&self, folder: &Path) -> Vec<String> {
        let mut found = vec![];
        collect_modules(folder, "", 2, &mut found);
        for path in self.open.keys() {
            let module = path.strip_prefix(folder).ok().filter(|p| p.extension().is_some_and(|e| e == "blueprint"));
            found.extend(module.map(|p| p.with_extension("").to_string_lossy().replace(['/', '\\'], ".")));
        }
        found.sort();
        found.dedup();
        found
    }
}

/// All of standard input.
pub(crate) fn standard_input() -> Result<String, ReadError> {
    whole_text(std::io::stdin().lock())
}

/// Everything a reader gives; a source without end (a device, a pipe) is given up at [`LARGEST_FILE`].
fn whole_text(reader: impl Read) -> Result<String, ReadError> {
    let mut bytes = vec![];
    reader.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(|e| ReadError::Refused(e.to_string()))?;
    text_of(bytes)
}

/// Bytes as text.
pub fn text_of(bytes: Vec<u8>) -> Result<String, ReadError> {
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(ReadError::TooLarge { bytes: bytes.len() as u64 });
    }
    String::from_utf8(bytes).map_err(|e| {
        let byte = e.utf8_error().valid_up_to();
        let line = 1 + e.as_bytes()[..byte].iter().filter(|b| **b == b'\n').count();
        ReadError::NotText { byte, line }
    })
}

fn collect_modules(folder: &Path, prefix: &str, depth: usize, found: &mut Vec<String>) {
    // A folder that cannot be listed only costs a suggestion.
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|e| e.path()).take(1_000) {
        let Some(stem) = path.file_stem().and_then(|s| s.to_str()) else { continue };
        if path.extension().is_some_and(|e| e == "blueprint") {
            found.push(format!("{prefix}{stem}"));
        } else if depth > 1 && path.extension().is_none() && path.is_dir() {
            collect_modules(&path, &format!("{prefix}{stem}."), depth - 1, found);
        }
    }
}
