//! The experiment that a subcommand works on: compiled from a blueprint, or read from an artifact.
use crate::exit::Failure;
use crate::terminal::Terminal;
use esper_diagnostics::Sources;
use esper_driver::{Artifact, BuildError, Override, Session};
use esper_ir::Model;
use std::path::{Path, PathBuf};

/// A model with where it came from.
pub struct Experiment {
    /// The model with one experiment.
    pub model: Model,
    /// Its sources, for messages.
    pub sources: Sources,
    /// The bytes of its artifact, which every run keeps.
    pub artifact: Vec<u8>,
    /// The folder that the data's paths are taken from: that of the blueprint or artifact.
    pub folder: PathBuf,
    source_digest: String,
    settings_digest: String,
}

impl Experiment {
    /// Loads a file; an artifact by its ending `.espb`, everything else is source. Problems are printed.
    pub fn load(path: &Path, train: Option<&str>, set: &[String], terminal: &Terminal) -> Result<Experiment, Failure> {
        let changes = set.iter().map(|s| s.parse::<Override>()).collect::<Result<Vec<_>, _>>().map_err(Failure::Usage)?;
        let folder = path.parent().unwrap_or(Path::new("")).to_path_buf();
        if path.extension().is_some_and(|e| e == "espb") {
            let mut artifact = Artifact::read(path).map_err(|e| Failure::Run(e.to_string()))?;
            if let Some(name) = train.filter(|name| *name != artifact.model.name) {
                return Err(Failure::Usage(format!("{} holds `train {}`, not `{name}`", path.display(), artifact.model.name)));
            }
            for change in &changes {
                set_run_setting(&mut artifact.model, change)?;
            }
            let artifact = Artifact::new(artifact.model, artifact.sources).map_err(|e| Failure::Bug(e.to_string()))?;
            return Experiment::of(artifact, folder);
        }
        let built = Session::new().build(path, train, &changes);
        Experiment::of(built.map_err(|e| refused(e, terminal))?, folder)
    }

    /// Compiles a text that the command carries itself.
    pub fn of_text(name: &str, text: &str, train: Option<&str>, terminal: &Terminal) -> Result<Experiment, Failure> {
        let elaborated = Session::new().elaborate_text(name, text, Path::new(""), train, &[]).map_err(|e| refused(e, terminal))?;
        Experiment::of(elaborated.lower().map_err(|e| refused(e, terminal))?, PathBuf::new())
    }

    fn of(artifact: Artifact, folder: PathBuf) -> Result<Experiment, Failure> {
        let bytes = artifact.to_bytes().map_err(|e| Failure::Bug(e.to_string()))?;
        let Artifact { model, sources, source_digest, settings_digest } = artifact;
        Ok(Experiment { model, sources, artifact: bytes, folder, source_digest, settings_digest })
    }

    /// What differs from another experiment, in the user's words; `None` where nothing does.
    pub fn differs_from(&self, other: &Experiment) -> Option<String> {
        if self.model.name != other.model.name {
            return Some(format!("it is `train {}`, the run is `train {}`", other.model.name, self.model.name));
        }
        if self.model.settings != other.model.settings {
            return Some(format!("the settings are {:?}, the run's are {:?}", other.model.settings, self.model.settings));
        }
        if self.settings_digest != other.settings_digest {
            return Some("the data or its split".to_string());
        }
        if self.source_digest == other.source_digest {
            return None;
        }
        let text = |e: &Experiment, name: &str| e.sources.iter().find(|(_, f)| f.name == name).map(|(_, f)| f.text.clone());
        let names = other.sources.iter().map(|(_, f)| f.name.clone());
        let changed: Vec<String> = names.filter(|name| text(self, name) != text(other, name)).collect();
        let moved = changed
            .iter()
            .all(|name| text(self, name).is_none() && self.sources.iter().any(|(_, f)| Some(&f.text) == text(other, name).as_ref()));
        if moved {
            return None;
        }
        let line =
            changed.iter().find_map(|name| first_difference(&text(self, name)?, &text(other, name)?).map(|n| format!("{name}, line {n}")));
        Some(line.unwrap_or_else(|| changed.join(", ")))
    }
}

/// The number of the first line that differs.
fn first_difference(a: &str, b: &str) -> Option<usize> {
    let lines = a.lines().count().max(b.lines().count());
    (0..lines).find(|n| a.lines().nth(*n) != b.lines().nth(*n)).map(|n| n + 1)
}

fn refused(error: BuildError, terminal: &Terminal) -> Failure {
    match error {
        BuildError::Program(checked) => {
            let unreadable = checked.loaded.entry_error.is_some();
            match terminal.report(&checked.problems, &checked.loaded.sources) {
                Err(failure) if !unreadable => failure,
                _ => Failure::Run(String::new()),
            }
        }
        BuildError::Bug(what) => Failure::Bug(what),
        BuildError::Artifact(error) => Failure::Run(error.to_string()),
    }
}

/// `--set` on an artifact: settings of the run only; what shapes the model needs the source.
fn set_run_setting(model: &mut Model, change: &Override) -> Result<(), Failure> {
    let settings = &mut model.settings;
    let wrong = || Failure::Usage(format!("`{}` is not a value for `{}`", change.value, change.path));
    let whole = || change.value.parse::<usize>().ok().filter(|n| *n > 0).ok_or_else(wrong);
    match change.path.as_str() {
        "epochs" => settings.epochs = whole()?,
        "batch" => settings.batch = whole()?,
        "save_every" => settings.save_every = whole()?,
        "seed" => settings.seed = change.value.parse().map_err(|_| wrong())?,
        "clip" => settings.clip = Some(change.value.parse::<f64>().ok().filter(|v| *v > 0.0).ok_or_else(wrong)?),
        path => {
            return Err(Failure::Usage(format!(
                "an artifact's `{path}` is compiled in; of an artifact `--set` changes epochs, batch, seed, clip and save_every: use the source"
            )));
        }
    }
    Ok(())
}
