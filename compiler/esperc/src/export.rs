//! `esperc export`: the network of a finished run as source with its weights, or its weights alone.
use crate::arguments::ExportAs;
use crate::exit::Failure;
use crate::experiment::Experiment;
use crate::terminal::Terminal;
use esper_driver::{Artifact, ExportError, ExportOptions, Member, write_atomically};
use esper_train::{FinishedRun, Weights};
use std::path::{Component, Path, PathBuf};

/// Writes `<train>.blueprint` and `<train>.safetensors` into a folder; by default `export` in that of the run.
pub fn export(run: &Path, form: ExportAs, output: Option<&Path>, checkpoint: &str, terminal: &Terminal) -> Result<(), Failure> {
    let finished = FinishedRun::open(run, checkpoint).map_err(|e| Failure::Run(e.to_string()))?;
    let artifact = Artifact::from_bytes(finished.artifact(), &run.join("model.espb")).map_err(|e| Failure::Run(e.to_string()))?;
    let folder = output.map_or_else(|| run.join("export"), Path::to_path_buf);
    let failed = |path: &Path| {
        let path = path.display().to_string();
        move |e: std::io::Error| Failure::Run(format!("{path}: {e}"))
    };
    let manifest = finished.manifest();
    let members: Vec<Member> = manifest.growth.members(manifest.progress.step).into_iter().map(member).collect();
    let (source, weights) = (format!("{}.blueprint", artifact.model.name), format!("{}.safetensors", artifact.model.name));
    let mut network = finished.weights();
    let text = match form {
        ExportAs::Safetensors => {
            // What learns in the shadow is not part of the network.
            let is_member = |seed: &str| members.iter().any(|m| seed == name_of(&artifact, m));
            network.tensors.retain(|t| seed_of(&t.name).is_none_or(is_member));
            None
        }
        ExportAs::Blueprint => {
            std::fs::create_dir_all(&folder).map_err(failed(&folder))?;
            let there = finished.data_folder().canonicalize().map_err(failed(finished.data_folder()))?;
            let here = folder.canonicalize().map_err(failed(&folder))?;
            let data_path = |path: &str| path_from(&here, &there.join(path));
            let options = ExportOptions { weights: &weights, data_path: &data_path };
            let exported = esper_driver::export(&artifact, &members, &options).map_err(|e| refused(e, &artifact, terminal))?;
            network = Weights {
                tensors: network
                    .tensors
                    .into_iter()
                    .filter_map(|mut tensor| {
                        tensor.name = exported.path(&tensor.name)?;
                        Some(tensor)
                    })
                    .collect(),
                ..network
            };
            Some(exported.text)
        }
    };
    std::fs::create_dir_all(&folder).map_err(failed(&folder))?;
    let bytes = network.to_bytes().map_err(|e| Failure::Bug(e.to_string()))?;
    let path = folder.join(&weights);
    write_atomically(&path, &bytes).map_err(failed(&path))?;
    let numbers: usize = network.tensors.iter().map(|t| t.shape.iter().product::<usize>()).sum();
    let held = format!("{} tensors with {numbers} numbers", network.tensors.len());
    eprintln!("{held}, of the {checkpoint} checkpoint (epoch {}), in {}", manifest.progress.epochs, path.display());
    if let Some(text) = text {
        let path = folder.join(&source);
        write_atomically(&path, text.as_bytes()).map_err(failed(&path))?;
        let grown = match members.len() {
            0 => "no seed".to_string(),
            1 => "one seed".to_string(),
            n => format!("{n} seeds"),
        };
        eprintln!("the network with {grown} in {}", path.display());
    }
    Ok(())
}

/// The experiment of a file that starts from weights, ready to be evaluated.
pub fn open_start(file: &Path, terminal: &Terminal) -> Result<(FinishedRun, Experiment), Failure> {
    let experiment = Experiment::load(file, None, &[], terminal)?;
    let start = FinishedRun::of_start(&experiment.model, &experiment.folder).map_err(|e| crate::run::failed(e, &experiment, terminal))?;
    match start {
        Some(start) => Ok((start, experiment)),
        None => Err(Failure::Usage(format!(
            "{} has no weights: its `train` has no `start = safetensors(\"…\")`; give the folder of a run, or what `esperc export` wrote",
            file.display()
        ))),
    }
}

fn member(member: esper_train::growth::Member) -> Member {
    Member { planting: member.planting, alpha: member.alpha, fossil: member.fossil }
}

/// `mid#1`.
fn name_of(artifact: &Artifact, member: &Member) -> String {
    format!("{}#{}", artifact.model.slots[member.planting.slot].path, member.planting.id)
}

/// The seed that a tensor belongs to, by its path.
fn seed_of(path: &str) -> Option<&str> {
    let number = path.find('#')?;
    Some(path[number..].find('.').map_or(path, |dot| &path[..number + dot]))
}

fn refused(error: ExportError, artifact: &Artifact, terminal: &Terminal) -> Failure {
    match error {
        ExportError::Refused(problem) => {
            // Printed here; the program is sound, so the code is that of a run's folder that cannot be used.
            let _ = terminal.report(&[*problem], &artifact.sources);
            Failure::Run(String::new())
        }
        ExportError::Bug(what) => Failure::Bug(what),
    }
}

/// A path as seen from a folder, both absolute: with `..` where they have a folder in common, else as it is. Separated by slashes.
fn path_from(folder: &Path, path: &Path) -> String {
    let (from, to): (Vec<Component>, Vec<Component>) = (folder.components().collect(), path.components().collect());
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    // Nothing but the root, or another drive.
    if common < 2 {
        return path.to_string_lossy().into_owned();
    }
    let up = from[common..].iter().map(|_| Component::ParentDir);
    let relative: PathBuf = up.chain(to[common..].iter().copied()).collect();
    relative.components().map(|c| c.as_os_str().to_string_lossy().into_owned()).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_seen_from_the_folder_that_the_text_lies_in() {
        let from = |folder: &str, path: &str| path_from(Path::new(folder), Path::new(path));
        assert_eq!(from("/home/me/runs/digits-1/export", "/home/me/data/digits.csv.gz"), "../../../data/digits.csv.gz");
        assert_eq!(from("/home/me", "/home/me/data/digits.csv.gz"), "data/digits.csv.gz");
        assert_eq!(from("/tmp/x", "/data/digits.csv.gz"), "/data/digits.csv.gz");
    }
}
