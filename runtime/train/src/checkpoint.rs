//! Checkpoints ("Tolaria"): weights and everything else that a run needs to go on as if it had not stopped, written whole or not at all.
//!
//! A checkpoint is a folder: `weights.safetensors` (parameters and states by path, states of the update rule as
//! `optimizer/<state>/<path>`) and `manifest.json`, which holds the digest of the former and of itself.
use crate::RunError;
use crate::data::Normalisation;
use crate::governing::Noted;
use crate::growth::GrowthState;
use crate::run_folder::write_synced;
use esper_ir::DType;
use esper_telemetry::{LogCursor, Values};
use safetensors::tensor::{SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The version of the format that this code writes and reads.
pub const VERSION: u32 = 1;
const FORMAT: &str = "esper-checkpoint";
const WEIGHTS: &str = "weights.safetensors";
/// What the names of the optimizer's states begin with.
pub(crate) const OPTIMIZER: &str = "optimizer/";
const MANIFEST: &str = "manifest.json";

/// A tensor as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredTensor {
    /// Its name in the file.
    pub name: String,
    /// Its element type.
    pub dtype: DType,
    /// Its sizes.
    pub shape: Vec<usize>,
    /// Little-endian, row-major.
    pub bytes: Vec<u8>,
}

/// Sums over the rows of the current epoch, from which its training scores follow.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sums {
    /// Rows seen.
    pub rows: u64,
    /// Σ loss · rows.
    pub loss: f64,
    /// Σ metric · rows, in the metrics' order.
    pub metrics: Values,
}

/// The best epoch so far.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// Its number, from 1.
    pub epoch: u64,
    /// Its validation loss (training loss without validation).
    pub loss: f64,
}

/// How far a run has come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Steps done in the run.
    pub step: u64,
    /// Epochs finished.
    pub epochs: u64,
    /// Batches done of the epoch after those: the position in the order of that epoch, which follows from the seed.
    pub batches: u64,
    /// Sums over those batches.
    pub sums: Sums,
    /// The best epoch.
    pub best: Option<Best>,
}

/// What a manifest says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// `esper-checkpoint`.
    pub format: String,
    /// See [`VERSION`].
    pub version: u32,
    /// BLAKE3 of every other file of the checkpoint.
    pub files: BTreeMap<String, String>,
    /// BLAKE3 of the run's `model.espb`.
    pub model: String,
    /// BLAKE3 of the data files.
    pub data: String,
    /// The run's seed.
    pub seed: u64,
    /// How far it has come.
    pub progress: Progress,
    /// How long the metrics files were.
    pub log: LogCursor,
    /// What is done to features.
    pub normalisation: Option<Normalisation>,
    /// What grew and grows: the topology that the tensors are of.
    #[serde(default)]
    pub growth: GrowthState,
    /// The last good state, where the run may go back to one and it is another than this.
    #[serde(default)]
    pub good: Option<Noted>,
}

/// The manifest's file: the manifest and the digest of its text, so that no changed bit goes unseen.
#[derive(Serialize, Deserialize)]
struct ManifestFile {
    blake3: String,
    manifest: Manifest,
}

/// A checkpoint in memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// Its manifest; `files` is filled in when it is written.
    pub manifest: Manifest,
    /// Its tensors.
    pub tensors: Vec<StoredTensor>,
}

impl Checkpoint {
    /// Writes it as `<folder>/<name>`, replacing what has that name. A crash at any moment leaves the old or the new one.
    pub fn save(&self, folder: &Path, name: &str) -> Result<(), RunError> {
        let (target, new, old) = (folder.join(name), folder.join(format!(".{name}.new")), folder.join(format!(".{name}.old")));
        let failed = RunError::files(&target);
        let write = || -> std::io::Result<()> {
            remove(&new)?;
            fs::create_dir(&new)?;
            let views = self.tensors.iter().map(|t| (t.name.as_str(), view(t)));
            let weights = safetensors::serialize(views, None).map_err(std::io::Error::other)?;
            let mut manifest = self.manifest.clone();
            manifest.files = BTreeMap::from([(WEIGHTS.to_string(), blake3::hash(&weights).to_hex().to_string())]);
            let text = serde_json::to_string_pretty(&ManifestFile { blake3: digest(&manifest)?, manifest })?;
            write_synced(&new.join(WEIGHTS), &weights)?;
            write_synced(&new.join(MANIFEST), text.as_bytes())?;
            sync_folder(&new)?;
            // A folder cannot replace another in one move: between the two, `load` finds the old one.
            if target.exists() {
                remove(&old)?;
                fs::rename(&target, &old)?;
            }
            fs::rename(&new, &target)?;
            sync_folder(folder)?;
            remove(&old)
        };
        write().map_err(failed)
    }

    /// The name of the checkpoint of a folder that a run goes on from: of `last` and the newest `epoch-…`, the one with more steps. A run
    /// that was killed may have written an epoch's after its `last`.
    pub fn newest(folder: &Path) -> Result<String, RunError> {
        let number = |name: &str| name.strip_prefix("epoch-")?.parse::<u64>().ok();
        let epoch = names(folder).iter().filter_map(|name| number(name)).max().map(|n| format!("epoch-{n}"));
        let has_last = locate(folder, "last").is_ok();
        match (epoch, has_last) {
            (None, true) => Ok("last".to_string()),
            (Some(epoch), false) => Ok(epoch),
            (Some(epoch), true) => {
                let steps = |name: &str| Ok::<u64, RunError>(read_manifest(&locate(folder, name)?)?.progress.step);
                Ok(if steps(&epoch)? > steps("last")? { epoch } else { "last".to_string() })
            }
            (None, false) => {
                Err(RunError::checkpoint(folder, "there is none yet: the run was stopped before it had written one; train anew"))
            }
        }
    }

    /// Reads `<folder>/<name>` and checks every digest.
    pub fn load(folder: &Path, name: &str) -> Result<Checkpoint, RunError> {
        let path = locate(folder, name)?;
        let bad = |message: String| RunError::checkpoint(&path, message);
        let manifest = read_manifest(&path)?;
        let weights = fs::read(path.join(WEIGHTS)).map_err(|e| bad(format!("its {WEIGHTS} cannot be read: {e}")))?;
        if manifest.files.get(WEIGHTS) != Some(&blake3::hash(&weights).to_hex().to_string()) {
            return Err(bad(format!("its {WEIGHTS} was changed after it was written")));
        }
        let parsed = SafeTensors::deserialize(&weights).map_err(|e| bad(format!("its {WEIGHTS} is damaged: {e}")))?;
        let tensors = parsed
            .tensors()
            .into_iter()
            .map(|(name, tensor)| {
                let dtype = stored_dtype(tensor.dtype()).ok_or_else(|| bad(format!("`{name}` is {:?}", tensor.dtype())))?;
                Ok(StoredTensor { name, dtype, shape: tensor.shape().to_vec(), bytes: tensor.data().to_vec() })
            })
            .collect::<Result<Vec<_>, RunError>>()?;
        Ok(Checkpoint { manifest, tensors })
    }
}

impl Manifest {
    /// The manifest of a run that has not begun.
    pub fn new(model: String, data: String, seed: u64, normalisation: Option<Normalisation>) -> Manifest {
        Manifest {
            format: FORMAT.to_string(),
            version: VERSION,
            files: BTreeMap::new(),
            model,
            data,
            seed,
            progress: Progress::default(),
            log: LogCursor::default(),
            normalisation,
            growth: GrowthState::default(),
            good: None,
        }
    }
}

/// Reads the manifest of a checkpoint and checks its digest.
fn read_manifest(path: &Path) -> Result<Manifest, RunError> {
    let bad = |message: String| RunError::checkpoint(path, message);
    let text = fs::read(path.join(MANIFEST)).map_err(|e| bad(format!("its {MANIFEST} cannot be read: {e}")))?;
    // The version first: another one may have other fields.
    let value: serde_json::Value = serde_json::from_slice(&text).map_err(|e| bad(format!("its {MANIFEST} is damaged: {e}")))?;
    let head = value.get("manifest").filter(|m| m.get("format").and_then(|f| f.as_str()) == Some(FORMAT));
    let head = head.ok_or_else(|| bad(format!("its {MANIFEST} is not that of an Esper checkpoint")))?;
    match head.get("version").and_then(serde_json::Value::as_u64) {
        Some(version) if version == u64::from(VERSION) => {}
        Some(version) => {
            let which = if version < u64::from(VERSION) { "an older" } else { "a newer" };
            return Err(bad(format!("it was written by {which} version of Esper (format {version}, this one reads {VERSION})")));
        }
        None => return Err(bad(format!("its {MANIFEST} has no version"))),
    }
    let ManifestFile { blake3, manifest } = serde_json::from_slice(&text).map_err(|e| bad(format!("its {MANIFEST} is damaged: {e}")))?;
    if digest(&manifest).ok().as_ref() != Some(&blake3) {
        return Err(bad(format!("its {MANIFEST} was changed after it was written")));
    }
    Ok(manifest)
}

/// The names of a folder's checkpoints, `epoch-9` before `epoch-10`.
fn names(folder: &Path) -> Vec<String> {
    let listed = fs::read_dir(folder).into_iter().flatten().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> = listed.filter(|n| !n.starts_with('.')).collect();
    names.sort_by_key(|n| (n.trim_end_matches(|c: char| c.is_ascii_digit()).len(), n.len(), n.clone()));
    names
}

/// Where a checkpoint lies: under its name, or under the one it has while it is being replaced.
fn locate(folder: &Path, name: &str) -> Result<PathBuf, RunError> {
    let path = folder.join(name);
    let replaced = folder.join(format!(".{name}.old"));
    match (path.is_dir(), replaced.is_dir()) {
        (true, _) => Ok(path),
        (false, true) => Ok(replaced),
        (false, false) => {
            let names = names(folder);
            let shown = match (names.first(), names.last()) {
                (Some(first), Some(last)) if names.len() > 8 => format!("; there are {}, from {first} to {last}", names.len()),
                (Some(_), _) => format!("; there are {}", names.join(", ")),
                _ => String::new(),
            };
            Err(RunError::checkpoint(&path, format!("there is none of this name{shown}")))
        }
    }
}

fn digest(manifest: &Manifest) -> serde_json::Result<String> {
    Ok(blake3::hash(&serde_json::to_vec(manifest)?).to_hex().to_string())
}

fn remove(path: &Path) -> std::io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Waits until the names in a folder are on the disk.
fn sync_folder(path: &Path) -> std::io::Result<()> {
    fs::File::open(path)?.sync_all()
}

pub(crate) fn view(tensor: &StoredTensor) -> TensorView<'_> {
    let dtype = match tensor.dtype {
        DType::F32 => safetensors::Dtype::F32,
        DType::F16 => safetensors::Dtype::F16,
        DType::BF16 => safetensors::Dtype::BF16,
        // A bool is a 32-bit 0 or 1 in memory, and stays one here.
        DType::I32 | DType::Bool => safetensors::Dtype::I32,
        DType::U8 => safetensors::Dtype::U8,
    };
    TensorView::new(dtype, tensor.shape.clone(), &tensor.bytes).expect("a tensor has the bytes of its shape")
}

pub(crate) fn stored_dtype(dtype: safetensors::Dtype) -> Option<DType> {
    Some(match dtype {
        safetensors::Dtype::F32 => DType::F32,
        safetensors::Dtype::F16 => DType::F16,
        safetensors::Dtype::BF16 => DType::BF16,
        safetensors::Dtype::I32 => DType::I32,
        safetensors::Dtype::U8 => DType::U8,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint(step: u64) -> Checkpoint {
        let mut manifest = Manifest::new("model".into(), "data".into(), 7, None);
        manifest.progress.step = step;
        manifest.progress.sums = Sums { rows: 3, loss: 0.1 + 0.2, metrics: Values(vec![("z".into(), 1.0 / 3.0), ("a".into(), f64::NAN)]) };
        let bytes = [1.5f32, -2.0].iter().flat_map(|v| v.to_le_bytes()).collect();
        Checkpoint { manifest, tensors: vec![StoredTensor { name: "first.weight".into(), dtype: DType::F32, shape: vec![2, 1], bytes }] }
    }

    fn message(result: Result<Checkpoint, RunError>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn a_checkpoint_comes_back_to_the_last_bit_and_replaces_the_older_one() {
        let folder = tempfile::tempdir().unwrap();
        checkpoint(1).save(folder.path(), "last").unwrap();
        checkpoint(2).save(folder.path(), "last").unwrap();
        let back = Checkpoint::load(folder.path(), "last").unwrap();
        assert_eq!(back.tensors, checkpoint(2).tensors);
        assert_eq!(back.manifest.progress.step, 2);
        assert_eq!(back.manifest.progress.sums.loss.to_bits(), (0.1f64 + 0.2).to_bits());
        assert_eq!(back.manifest.progress.sums.metrics.get("z"), Some(1.0 / 3.0));
        assert!(back.manifest.progress.sums.metrics.get("a").unwrap().is_nan());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_crash_between_the_two_moves_leaves_the_old_one() {
        let folder = tempfile::tempdir().unwrap();
        checkpoint(1).save(folder.path(), "last").unwrap();
        fs::rename(folder.path().join("last"), folder.path().join(".last.old")).unwrap();
        fs::create_dir(folder.path().join(".last.new")).unwrap();
        assert_eq!(Checkpoint::load(folder.path(), "last").unwrap().manifest.progress.step, 1);
        checkpoint(2).save(folder.path(), "last").unwrap();
        assert_eq!(Checkpoint::load(folder.path(), "last").unwrap().manifest.progress.step, 2);
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        checkpoint(1).save(folder.path(), "last").unwrap();
        for file in [WEIGHTS, MANIFEST] {
            let path = folder.path().join("last").join(file);
            let good = fs::read(&path).unwrap();
            for at in 0..good.len() {
                let mut bytes = good.clone();
                bytes[at] ^= 1;
                fs::write(&path, &bytes).unwrap();
                // White space between the fields of the manifest means nothing.
                if let Ok(back) = Checkpoint::load(folder.path(), "last") {
                    assert_eq!((file, back.tensors), (MANIFEST, checkpoint(1).tensors), "byte {at}");
                }
            }
            fs::write(&path, &good[..good.len() / 2]).unwrap();
            assert!(Checkpoint::load(folder.path(), "last").is_err());
            fs::write(&path, &good).unwrap();
        }
    }

    #[test]
    fn other_versions_and_other_files_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        assert!(message(Checkpoint::load(folder.path(), "best")).contains("there is none of this name"));
        checkpoint(1).save(folder.path(), "last").unwrap();
        let path = folder.path().join("last").join(MANIFEST);
        let text = fs::read_to_string(&path).unwrap();
        for (version, word) in [("0", "an older version"), ("99", "a newer version")] {
            fs::write(&path, text.replace("\"version\": 1", &format!("\"version\": {version}"))).unwrap();
            let message = message(Checkpoint::load(folder.path(), "last"));
            assert!(message.contains(word), "{message}");
        }
        fs::write(&path, "{}").unwrap();
        assert!(message(Checkpoint::load(folder.path(), "last")).contains("not that of an Esper checkpoint"));
        fs::remove_file(&path).unwrap();
        assert!(message(Checkpoint::load(folder.path(), "last")).contains("cannot be read"));
    }
}
