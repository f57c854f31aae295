//! A data file's bytes: opened, digested, and decompressed where it is gzip.
use super::places;
use esper_diagnostics::Diagnostic;
use esper_ir::DataSpec;
use flate2::bufread::MultiGzDecoder;
use std::io::{self, Cursor, Read};
use std::path::Path;

/// What is said of a relative path in a blueprint that leads nowhere.
pub(super) const PATHS: &str = "paths are taken from the folder of the blueprint, or of the artifact";

/// A file in memory, as it lies on the disk.
pub(super) struct RawFile {
    /// The name for messages: as the user wrote it.
    pub name: String,
    bytes: Vec<u8>,
    gzip: bool,
}

impl RawFile {
    /// Reads a file, its path taken from `folder`.
    pub fn open(spec: &DataSpec, folder: &Path, path: &str) -> Result<RawFile, Diagnostic> {
        let full = folder.join(path);
        let bytes = std::fs::read(&full).map_err(|e| unreadable(spec, path, &full, &e))?;
        let gzip = bytes.starts_with(&[0x1f, 0x8b]);
        if path.ends_with(".gz") && !gzip {
            return Err(places::problem(spec, "D0102", format!("`{path}` is not gzip data"), "named here")
                .note(format!("{}: its name ends in .gz, its first bytes are not those of a gzip file", full.display())));
        }
        Ok(RawFile { name: path.to_string(), bytes, gzip })
    }

    /// Adds the file's bytes to a digest.
    pub fn digest_into(&self, hasher: &mut blake3::Hasher) {
        hasher.update(&self.bytes);
    }

    /// What is in it.
    pub fn content(&self) -> Box<dyn Read + '_> {
        match self.gzip {
            true => Box::new(MultiGzDecoder::new(Cursor::new(&self.bytes[..]))),
            false => Box::new(Cursor::new(&self.bytes[..])),
        }
    }

    /// What a failure while reading [`RawFile::content`] means; `line` is how far one came, where the content is text.
    pub fn broken(&self, spec: &DataSpec, error: &io::Error, line: Option<u64>) -> Diagnostic {
        let what = match error.kind() {
            io::ErrorKind::UnexpectedEof => "ends in the middle",
            _ => "is damaged",
        };
        let place = line.map(|l| format!(":{l}:1")).unwrap_or_default();
        places::problem(spec, "D0102", format!("the compressed file `{}` {what}", self.name), "read here")
            .note(format!("in the data: {}{place}: {error}", self.name))
            .help("get the file again; `gzip -t` checks it")
    }
}

fn unreadable(spec: &DataSpec, path: &str, full: &Path, error: &io::Error) -> Diagnostic {
    let (message, label) = match error.kind() {
        _ if full.is_dir() => (format!("`{path}` is a folder, not a file"), "a file of data is needed here"),
        io::ErrorKind::NotFound => (format!("the data file `{path}` does not exist"), "not found"),
        io::ErrorKind::PermissionDenied => (format!("the data file `{path}` may not be read"), "no permission"),
        _ => (format!("the data file `{path}` cannot be read: {error}"), "cannot be read"),
    };
    let mut diagnostic = places::problem(spec, "D0101", message, label).note(format!("looked for {}", full.display()));
    if Path::new(path).is_relative() && error.kind() == io::ErrorKind::NotFound {
        diagnostic = diagnostic.help(PATHS);
        if let Some(near) = nearest(full) {
            diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
        }
    }
    diagnostic
}

/// A file of the same folder whose name differs only in its endings: `digits.csv` where `digits.csv.gz` lies.
fn nearest(full: &Path) -> Option<String> {
    let wanted = full.file_name()?.to_str()?;
    let stem = wanted.split('.').next()?;
    let mut names: Vec<String> = std::fs::read_dir(full.parent()?)
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| !stem.is_empty() && name.split('.').next() == Some(stem))
        .collect();
    names.sort();
    names.into_iter().next()
}
