//! The folder of a run: `runs/<name>-<n>/` with everything that is known about it.
use crate::RunError;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A run's folder. Files in it are replaced whole or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFolder {
    path: PathBuf,
}

/// The resolved configuration, `config.resolved.json`: what ran, with every default and override in its place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResolvedConfiguration {
    /// The version of Esper that wrote it.
    pub esper: String,
    /// The `train` item.
    pub name: String,
    /// The model with its arguments.
    pub model: String,
    /// The loss.
    pub loss: String,
    /// The metrics.
    pub metrics: Vec<String>,
    /// The optimizer.
    pub optimizer: String,
    /// Batch, epochs, seed, clipping, saving.
    pub settings: esper_ir::RunSettings,
    /// The data.
    pub data: esper_ir::DataSpec,
    /// The folder from which the data's paths are taken.
    pub data_folder: PathBuf,
    /// The device, in words.
    pub device: String,
    /// The version of `metrics.jsonl`, [`LOG_VERSION`]; 0 where it had none yet.
    #[serde(default)]
    pub log: u32,
}

/// The version of the events in `metrics.jsonl` that this build writes and can tell.
pub const LOG_VERSION: u32 = 1;

impl ResolvedConfiguration {
    /// What a model's experiment says, with the folder of its data and the name of the device.
    pub(crate) fn new(model: &esper_ir::Model, data_folder: PathBuf, device: String) -> ResolvedConfiguration {
        ResolvedConfiguration {
            esper: env!("CARGO_PKG_VERSION").to_string(),
            name: model.name.clone(),
            model: model.host.clone(),
            loss: model.loss.clone(),
            metrics: model.metrics.clone(),
            optimizer: model.optimizer.name.clone(),
            settings: model.settings.clone(),
            data: model.data.clone(),
            // Absolute, so that the run can be used from another folder.
            data_folder: std::path::absolute(&data_folder).unwrap_or(data_folder),
            device,
            log: LOG_VERSION,
        }
    }
}

impl RunFolder {
    /// Writes what is known before the first step.
    pub(crate) fn describe(&self, configuration: &ResolvedConfiguration, summary: &str, artifact: &[u8]) -> Result<(), RunError> {
        let text = serde_json::to_string_pretty(configuration).map_err(std::io::Error::from).map_err(RunError::files(&self.path))?;
        self.write("config.resolved.json", text.as_bytes())?;
        self.write("summary.txt", summary.as_bytes())?;
        self.write("model.espb", artifact)
    }

    /// Makes `<runs>/<name>-<n>` with the first number that is free.
    pub fn create(runs: &Path, name: &str) -> Result<RunFolder, RunError> {
        let folder = RunFolder::numbered(runs, name)?;
        let checkpoints = folder.checkpoints();
        fs::create_dir(&checkpoints).map_err(RunError::files(&checkpoints))?;
        Ok(folder)
    }

    /// Makes `<runs>/<name>-<n>` with the first number that is free, for what several runs together came to.
    pub fn numbered(runs: &Path, name: &str) -> Result<RunFolder, RunError> {
        fs::create_dir_all(runs).map_err(RunError::files(runs))?;
        for number in 1u32.. {
            let path = runs.join(format!("{name}-{number}"));
            match fs::create_dir(&path) {
                Ok(()) => return Ok(RunFolder { path }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(RunError::Files { path, error }),
            }
        }
        unreachable!("four billion runs of one name")
    }

    /// The folder of a run that exists.
    pub fn open(path: &Path) -> Result<RunFolder, RunError> {
        let marker = path.join("config.resolved.json");
        match fs::metadata(&marker) {
            Ok(_) => Ok(RunFolder { path: path.to_path_buf() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let what = match path.is_dir() {
                    true => "not the folder of a run: it has no config.resolved.json",
                    false => "there is no such folder; runs are kept in `runs` unless `--runs` says otherwise",
                };
                let error = io::Error::new(io::ErrorKind::NotFound, what);
                Err(RunError::Files { path: path.to_path_buf(), error })
            }
            Err(error) => Err(RunError::Files { path: marker, error }),
        }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder of its checkpoints.
    pub fn checkpoints(&self) -> PathBuf {
        self.path.join("checkpoints")
    }

    /// `digits-3`.
    pub fn name(&self) -> String {
        self.path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// Writes a file: whole, or not at all.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), RunError> {
        let path = self.path.join(name);
        let temporary = self.path.join(format!(".{name}.new"));
        write_synced(&temporary, bytes).and_then(|()| fs::rename(&temporary, &path)).map_err(RunError::files(&path))
    }

    /// Reads a file.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, RunError> {
        let path = self.path.join(name);
        fs::read(&path).map_err(RunError::files(&path))
    }

    /// The artifact that the run was started with.
    pub fn artifact(&self) -> Result<Vec<u8>, RunError> {
        self.read("model.espb")
    }

    /// The resolved configuration.
    pub fn configuration(&self) -> Result<ResolvedConfiguration, RunError> {
        let bytes = self.read("config.resolved.json")?;
        serde_json::from_slice(&bytes).map_err(|e| RunError::Files {
            path: self.path.join("config.resolved.json"),
            error: io::Error::new(io::ErrorKind::InvalidData, e),
        })
    }
}

/// Writes a file and waits until it is on the disk.
pub(crate) fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = fs::File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_numbered_and_files_replaced_whole() {
        let runs = tempfile::tempdir().unwrap();
        let first = RunFolder::create(&runs.path().join("runs"), "digits").unwrap();
        let second = RunFolder::create(&runs.path().join("runs"), "digits").unwrap();
        assert_eq!((first.name(), second.name()), ("digits-1".to_string(), "digits-2".to_string()));
        first.write("summary.txt", b"one").unwrap();
        first.write("summary.txt", b"two").unwrap();
        assert_eq!(first.read("summary.txt").unwrap(), b"two");
        let names: Vec<_> = fs::read_dir(first.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names.len(), 2, "{names:?}");
    }

    #[test]
    fn a_folder_that_is_no_run_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let error = RunFolder::open(folder.path()).unwrap_err();
        assert!(error.to_string().contains("not the folder of a run"), "{error}");
    }
}
