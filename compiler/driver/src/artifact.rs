//! `.espb`: a compiled experiment in one file, with everything a run needs and the sources it came from.
//!
//! Layout: magic, format version (u32), compiler version (u16 length, text), payload length (u64), BLAKE3 of the payload, payload
//! (postcard of [`Artifact`]). Numbers are little-endian. The header can be read by every version, so that a file of another one is named as such.
use esper_diagnostics::Sources;
use esper_ir::Model;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};

/// What every artifact begins with; line ends and a high byte show a transfer that changed them.
const MAGIC: [u8; 8] = *b"\x89ESPB\r\n\n";

/// The version of the payload's layout; it grows with every change of [`Model`].
pub const FORMAT: u32 = 2;

/// The compiler's version.
pub const COMPILER: &str = env!("CARGO_PKG_VERSION");

/// A compiled experiment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Artifact {
    /// The model with its data specification and settings.
    pub model: Model,
    /// The sources: spans of the model point into them.
    pub sources: Sources,
    /// BLAKE3 of all sources' names and texts, as hexadecimal digits: whether two artifacts come from one program.
    pub source_digest: String,
    /// BLAKE3 of the resolved settings of the run and its data specification, as hexadecimal digits.
    pub settings_digest: String,
}

/// Why an artifact could not be written or read.
#[derive(Debug)]
#[allow(missing_docs)]
pub enum ArtifactError {
    /// The system refused.
    Io(PathBuf, std::io::Error),
    /// Not an artifact at all.
    Foreign(PathBuf),
    /// An artifact of another format.
    Version { path: PathBuf, format: u32, compiler: String },
    /// It ends too early.
    Truncated(PathBuf),
    /// Its content is not what was written.
    Damaged(PathBuf),
    /// A model that cannot be written: a bug of the compiler.
    Encode(String),
}

impl fmt::Display for ArtifactError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ArtifactError::Io(path, error) if error.kind() == std::io::ErrorKind::NotFound => {
                write!(f, "{}: there is no such file", path.display())
            }
            ArtifactError::Io(path, error) => write!(f, "{}: {error}", path.display()),
            ArtifactError::Foreign(path) => write!(f, "{} is not a compiled blueprint (.espb)", path.display()),
            ArtifactError::Version { path, format, compiler } => {
                let age = if *format > FORMAT { "newer" } else { "older" };
                write!(
                    f,
                    "{} was written by esperc {compiler} in the {age} format {format}; this is esperc {COMPILER}, which reads format {FORMAT}: build it again from its source",
                    path.display()
                )
            }
            ArtifactError::Truncated(path) => write!(f, "{} is incomplete: it ends too early", path.display()),
            ArtifactError::Damaged(path) => write!(f, "{} is damaged: its content does not match its checksum", path.display()),
            ArtifactError::Encode(why) => write!(f, "the model cannot be written: {why}"),
        }
    }
}

impl std::error::Error for ArtifactError {}

impl Artifact {
    /// A model with the sources it came from.
    pub fn new(model: Model, sources: Sources) -> Result<Artifact, ArtifactError> {
        let source_digest = digest(&sources)?;
        let settings_digest = digest(&(&model.settings, &model.data))?;
        Ok(Artifact { model, sources, source_digest, settings_digest })
    }

    /// The bytes of the file.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ArtifactError> {
        let payload = postcard::to_stdvec(self).map_err(|e| ArtifactError::Encode(e.to_string()))?;
        let mut bytes = MAGIC.to_vec();
        bytes.extend(FORMAT.to_le_bytes());
        bytes.extend((COMPILER.len() as u16).to_le_bytes());
        bytes.extend(COMPILER.as_bytes());
        bytes.extend((payload.len() as u64).to_le_bytes());
        bytes.extend(blake3::hash(&payload).as_bytes());
        bytes.extend(payload);
        Ok(bytes)
    }

    /// Reads the bytes of a file; `path` is for the messages.
    pub fn from_bytes(bytes: &[u8], path: &Path) -> Result<Artifact, ArtifactError> {
        let truncated = || ArtifactError::Truncated(path.to_path_buf());
        let known = bytes.len().min(MAGIC.len());
        if known == 0 || bytes[..known] != MAGIC[..known] {
            return Err(ArtifactError::Foreign(path.to_path_buf()));
        }
        let mut rest = bytes.get(MAGIC.len()..).ok_or_else(truncated)?;
        let format = u32::from_le_bytes(take(&mut rest).ok_or_else(truncated)?);
        let length = u16::from_le_bytes(take(&mut rest).ok_or_else(truncated)?) as usize;
        let compiler = rest.split_off(..length).ok_or_else(truncated)?;
        if format != FORMAT {
            let compiler = String::from_utf8_lossy(compiler).into_owned();
            return Err(ArtifactError::Version { path: path.to_path_buf(), format, compiler });
        }
        let length = u64::from_le_bytes(take(&mut rest).ok_or_else(truncated)?);
        let hash: [u8; 32] = take(&mut rest).ok_or_else(truncated)?;
        let damaged = || ArtifactError::Damaged(path.to_path_buf());
        if (rest.len() as u64) < length {
            return Err(truncated());
        }
        if rest.len() as u64 > length || *blake3::hash(rest).as_bytes() != hash {
            return Err(damaged());
        }
        postcard::from_bytes(rest).map_err(|_| damaged())
    }

    /// Writes the file as a whole or not at all.
    pub fn write(&self, path: &Path) -> Result<(), ArtifactError> {
        write_atomically(path, &self.to_bytes()?).map_err(|e| ArtifactError::Io(path.to_path_buf(), e))
    }

    /// Reads the file.
    pub fn read(path: &Path) -> Result<Artifact, ArtifactError> {
        let bytes = std::fs::read(path).map_err(|e| ArtifactError::Io(path.to_path_buf(), e))?;
        Artifact::from_bytes(&bytes, path)
    }
}

/// BLAKE3 of a part of an artifact as it is written, in hexadecimal digits.
pub fn digest(part: &impl Serialize) -> Result<String, ArtifactError> {
    let bytes = postcard::to_stdvec(part).map_err(|e| ArtifactError::Encode(e.to_string()))?;
    Ok(blake3::hash(&bytes).to_hex().to_string())
}

/// Writes a file beside its place and moves it there, so that nobody sees half of it.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let name = path.file_name().ok_or_else(|| std::io::Error::new(std::io::ErrorKind::InvalidInput, "no file name"))?;
    let beside = path.with_file_name(format!(".{}.{}.part", name.to_string_lossy(), std::process::id()));
    let written = std::fs::File::create(&beside).and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
    let moved = written.and_then(|()| std::fs::rename(&beside, path));
    if moved.is_err() {
        // The first error is the one to report; a left-over part file is harmless.
        let _ = std::fs::remove_file(&beside);
    }
    moved
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    rest.split_off(..N)?.try_into().ok()
}
