//! Why a run did not happen or did not finish.
use esper_device::DeviceError;
use esper_diagnostics::Diagnostic;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// What stopped a run, an evaluation or a prediction.
#[derive(Debug)]
pub enum RunError {
    /// The data, the settings, or (D0201) a loss or gradient that is not finite: something to show at its place in the source.
    Diagnostic(Box<Diagnostic>),
    /// There is no program for the model.
    Program(esper_pipeline::Error),
    /// The device failed.
    Device(DeviceError),
    /// A checkpoint cannot be used.
    Checkpoint {
        /// Its folder, or the file of it.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// The run's folder cannot be read or written.
    Files {
        /// What was being read or written.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

impl RunError {
    /// The diagnostic, where there is one.
    pub fn diagnostic(&self) -> Option<&Diagnostic> {
        match self {
            RunError::Diagnostic(diagnostic) => Some(diagnostic),
            _ => None,
        }
    }

    /// What cannot be, unless the compiler or the loop has a bug.
    pub(crate) fn bug(what: impl Into<String>) -> RunError {
        RunError::Program(esper_pipeline::Error::Bug(what.into()))
    }

    /// A failure to read or write.
    pub(crate) fn files(path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> RunError {
        move |error| RunError::Files { path: path.as_ref().to_path_buf(), error }
    }

    /// A checkpoint that cannot be used.
    pub(crate) fn checkpoint(path: impl AsRef<Path>, message: impl Into<String>) -> RunError {
        RunError::Checkpoint { path: path.as_ref().to_path_buf(), message: message.into() }
    }
}

impl From<Diagnostic> for RunError {
    fn from(diagnostic: Diagnostic) -> RunError {
        RunError::Diagnostic(Box::new(diagnostic))
    }
}

impl From<esper_pipeline::Error> for RunError {
    fn from(error: esper_pipeline::Error) -> RunError {
        RunError::Program(error)
    }
}

impl From<DeviceError> for RunError {
    fn from(error: DeviceError) -> RunError {
        RunError::Device(error)
    }
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunError::Diagnostic(diagnostic) => write!(f, "{}: {}", diagnostic.code, diagnostic.message),
            RunError::Program(error) => write!(f, "{error}"),
            RunError::Device(error) => write!(f, "{error}"),
            RunError::Checkpoint { path, message } => write!(f, "the checkpoint {} cannot be used: {message}", path.display()),
            RunError::Files { path, error } => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for RunError {}
