//! What lasts beyond a run ("Urza"): compiled artifacts by their content, and what earlier runs have taught about seeds.
mod artifacts;
mod folder;
mod knowledge;

pub use artifacts::{Artifacts, Counts};
pub use folder::user_data_folder;
pub use knowledge::{Entry, Filter, Knowledge, Trial};

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why something cannot be kept or found.
#[derive(Debug)]
pub enum StoreError {
    /// No folder for the user's data is known.
    NoFolder(String),
    /// A file or folder cannot be read or written.
    Files {
        /// Which.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// What was learnt cannot be read or written.
    Knowledge {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// Another process has held the file for longer than one waits.
    Busy(PathBuf),
}

impl StoreError {
    fn files(path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> StoreError {
        move |error| StoreError::Files { path: path.as_ref().to_path_buf(), error }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::NoFolder(why) => write!(f, "there is no folder for your data: {why}; set ESPER_DATA to one"),
            StoreError::Files { path, error } => write!(f, "{}: {error}", path.display()),
            StoreError::Knowledge { path, message } => {
                write!(f, "{}: {message}; `esperc knowledge forget --all` starts it anew", path.display())
            }
            StoreError::Busy(path) => write!(f, "{} is held by another process; try again when it has ended", path.display()),
        }
    }
}

impl std::error::Error for StoreError {}
