//! The experiment that a subcommand works on: compiled from a blueprint, or read from an artifact.
use crate::exit::Failure;
use crate::terminal::Terminal;
use esper_diagnostics::{Diagnostic, Severity, Sources};
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
    settings_digest: String,
    /// Of the whole model.
    digest: String,
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

    /// Another model from the same sources: a control.
    pub fn with_model(&self, model: Model) -> Result<Experiment, Failure> {
        let artifact = Artifact::new(model, self.sources.clone()).map_err(|e| Failure::Bug(e.to_string()))?;
        Experiment::of(artifact, self.folder.clone())
    }

    fn of(artifact: Artifact, folder: PathBuf) -> Result<Experiment, Failure> {
        let bytes = artifact.to_bytes().map_err(|e| Failure::Bug(e.to_string()))?;
        let digest = esper_driver::digest(&artifact.model).map_err(|e| Failure::Bug(e.to_string()))?;
        let Artifact { model, sources, settings_digest, .. } = artifact;
        Ok(Experiment { model, sources, artifact: bytes, folder, settings_digest, digest })
    }

    /// What differs in another experiment, one line each, in the user's words; empty where nothing does.
    pub fn differences(&self, other: &Experiment) -> Vec<String> {
        let (own, new) = (&self.model, &other.model);
        let mut found = Vec::new();
        let mut compare = |what: &str, own: String, new: String| {
            if own != new {
                found.push(format!("{what}: the run has {own}, this says {new}"));
            }
        };
        let optional = |value: Option<f64>| value.map_or("none".to_string(), |v| v.to_string());
        compare("train", own.name.clone(), new.name.clone());
        compare("epochs", own.settings.epochs.to_string(), new.settings.epochs.to_string());
        compare("batch", own.settings.batch.to_string(), new.settings.batch.to_string());
        compare("seed", own.settings.seed.to_string(), new.settings.seed.to_string());
        compare("clip", optional(own.settings.clip), optional(new.settings.clip));
        compare("save_every", own.settings.save_every.to_string(), new.settings.save_every.to_string());
        compare(
            "on_nonfinite",
            format!("{:?}", own.settings.on_nonfinite).to_lowercase(),
            format!("{:?}", new.settings.on_nonfinite).to_lowercase(),
        );
        compare("start", format!("{:?}", own.settings.start), format!("{:?}", new.settings.start));
        compare("model", own.host.clone(), new.host.clone());
        compare("loss", own.loss.clone(), new.loss.clone());
        compare("metrics", own.metrics.join(", "), new.metrics.join(", "));
        compare("optimizer", own.optimizer.name.clone(), new.optimizer.name.clone());
        // What has no place of its own above is somewhere in the texts; where only the words of `--set` differ, they are what is shown.
        let said = found.len();
        found.extend(self.changed_texts(other));
        if found.len() == said && said == 0 && self.digest != other.digest {
            found.push(match self.settings_digest == other.settings_digest {
                true => "the arguments of `--set`".to_string(),
                false => "the data or its split".to_string(),
            });
        }
        found
    }

    /// The first line that differs in each text. The entry's name does not count: it may have been moved.
    fn changed_texts(&self, other: &Experiment) -> Vec<String> {
        let texts = |e: &Experiment| -> Vec<(String, String)> {
            let written = e.sources.iter().filter(|(_, f)| f.name != esper_driver::COMMAND_LINE);
            written.map(|(id, f)| (if id.0 == 0 { String::new() } else { f.name.clone() }, f.text.clone())).collect()
        };
        let (own, new) = (texts(self), texts(other));
        let entry = other.sources.iter().next().map_or_else(String::new, |(_, f)| f.name.clone());
        let mut found = Vec::new();
        for (name, text) in &new {
            let shown = if name.is_empty() { &entry } else { name };
            match own.iter().find(|(n, _)| n == name).map(|(_, old)| first_difference(old, text)) {
                Some(None) => {}
                Some(Some((line, old, new))) => found.push(format!("{shown}:{line}: the run has `{old}`, this says `{new}`")),
                None => found.push(format!("{shown}: the run does not have this file")),
            }
        }
        found
    }
}

/// The first line that differs, with its number and what stands there on either side.
fn first_difference(own: &str, new: &str) -> Option<(usize, String, String)> {
    let (mut own, mut new) = (own.lines(), new.lines());
    for number in 1.. {
        match (own.next(), new.next()) {
            (None, None) => return None,
            (a, b) if a == b => {}
            (a, b) => return Some((number, a.unwrap_or_default().trim().to_string(), b.unwrap_or_default().trim().to_string())),
        }
    }
    None
}

fn refused(error: BuildError, terminal: &Terminal) -> Failure {
    match error {
        BuildError::Program(checked) => {
            let unreadable = checked.loaded.entry_error.is_some();
            let sources = &checked.loaded.sources;
            let errors = || checked.problems.iter().filter(|p| p.severity == Severity::Error);
            // The program may be right and the command line wrong: an unknown setting or experiment, a value that is none.
            let on_command_line = |p: &Diagnostic| sources.file(p.primary.span.file).name == esper_driver::COMMAND_LINE;
            let usage = errors().all(|p| on_command_line(p) || p.code == "E0097");
            match terminal.report(&checked.problems, sources) {
                Err(_) if unreadable => Failure::Run(String::new()),
                Err(_) if usage => Failure::Usage(String::new()),
                Err(failure) => failure,
                Ok(()) => Failure::Run(String::new()),
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
