//! Building: from a checked program and the name of an experiment to its model.
use crate::artifact::{Artifact, ArtifactError};
use crate::check::{Checked, has_errors, in_order, problems_of};
use crate::load::{Loaded, Session};
use crate::overrides::{self, Override};
use esper_check::hir;
use esper_check::names::{ItemClass, ItemId, Resolution, resolve};
use esper_diagnostics::{Diagnostic, Span, nearest};
use esper_grammar::Parsed;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// Why there is no model.
#[derive(Debug)]
pub enum BuildError {
    /// The program has errors; the problems say which.
    Program(Box<Checked>),
    /// A bug of the compiler, in its words.
    Bug(String),
    /// The model cannot be written.
    Artifact(ArtifactError),
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BuildError::Program(checked) => {
                let first = checked.problems.iter().find(|p| p.severity == esper_diagnostics::Severity::Error);
                write!(f, "{}", first.map_or("the program has errors", |p| p.message.as_str()))
            }
            BuildError::Bug(what) => write!(f, "a bug in the compiler: {what}"),
            BuildError::Artifact(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for BuildError {}

/// An experiment that the check has decided, with its program.
#[derive(Debug)]
pub struct Elaborated {
    /// The program; its problems are warnings.
    pub checked: Checked,
    /// The experiment.
    pub experiment: hir::Experiment,
}

impl Session {
    /// The experiment of that name (or the only one of the entry file), with changes from the command line.
    pub fn elaborate(&mut self, entry: &Path, train: Option<&str>, changes: &[Override]) -> Result<Elaborated, BuildError> {
        let loaded = self.load(entry);
        elaborate(loaded, train, changes)
    }

    /// The same of a text, such as standard input.
    pub fn elaborate_text(
        &mut self,
        name: &str,
        text: &str,
        folder: &Path,
        train: Option<&str>,
        changes: &[Override],
    ) -> Result<Elaborated, BuildError> {
        let loaded = self.load_text(name, text, folder);
        elaborate(loaded, train, changes)
    }

    /// Checks, elaborates and lowers an experiment.
    pub fn build(&mut self, entry: &Path, train: Option<&str>, changes: &[Override]) -> Result<Artifact, BuildError> {
        self.elaborate(entry, train, changes)?.lower()
    }
}

impl Elaborated {
    /// The model, with the sources it came from.
    pub fn lower(self) -> Result<Artifact, BuildError> {
        let model = esper_lower::lower(&self.experiment).map_err(BuildError::Bug)?;
        Artifact::new(model, self.checked.loaded.sources).map_err(BuildError::Artifact)
    }
}

fn elaborate(mut loaded: Loaded, train: Option<&str>, changes: &[Override]) -> Result<Elaborated, BuildError> {
    let refuse =
        |loaded: Loaded, problems: Vec<Diagnostic>| BuildError::Program(Box::new(Checked { loaded, problems: in_order(problems) }));
    let problems = problems_of(&loaded);
    if has_errors(&problems) {
        return Err(refuse(loaded, problems));
    }
    let files = loaded.files.clone();
    let resolution_of = |files: &[crate::load::LoadedFile]| -> Vec<Arc<Parsed>> { files.iter().map(|f| f.parsed.clone()).collect() };
    let trees = resolution_of(&files);
    let inputs: Vec<_> = files
        .iter()
        .zip(&trees)
        .map(|(f, tree)| esper_check::names::FileInput { id: f.id, module: f.module.clone(), file: &tree.file })
        .collect();
    let resolution = resolve(&inputs);
    let chosen = match choose(&resolution, &loaded, train) {
        Ok(chosen) => chosen,
        Err(problem) => return Err(refuse(loaded, vec![*problem])),
    };
    if !changes.is_empty() {
        let info = resolution.item(chosen);
        let position = files.iter().position(|f| f.id == info.file).unwrap_or_default();
        let changed = overrides::apply(changes, chosen, &resolution, &trees[position].file, &mut loaded.sources);
        match changed {
            Ok(file) => loaded.files[position].parsed = Arc::new(Parsed { file, ..Parsed::clone(&trees[position]) }),
            Err(problems) => return Err(refuse(loaded, problems)),
        }
        let problems = problems_of(&loaded);
        if has_errors(&problems) {
            return Err(refuse(loaded, problems));
        }
    }
    let name = resolution.item(chosen).name_span;
    let elaborated = {
        let inputs = loaded.inputs();
        let resolution = resolve(&inputs);
        let again = resolution.items.iter().find(|i| i.name_span == name).map_or(chosen, |i| i.id);
        esper_check::elaborate(&resolution, again)
    };
    match elaborated {
        Ok(experiment) => Ok(Elaborated { checked: Checked { loaded, problems }, experiment }),
        Err(problems) => Err(refuse(loaded, problems)),
    }
}

/// The experiment that is meant: the named one, or the only one of the entry file.
fn choose(resolution: &Resolution, loaded: &Loaded, train: Option<&str>) -> Result<ItemId, Box<Diagnostic>> {
    let entry = loaded.files.first().map(|f| f.id).unwrap_or_default();
    let end = loaded.sources.iter().next().map_or(0, |(_, file)| file.text.len());
    let at = Span::new(entry, end, end);
    let trains: Vec<_> = resolution.items_of(entry).filter(|i| i.kind == ItemClass::Train).collect();
    let names = || trains.iter().map(|i| format!("`{}`", i.name)).collect::<Vec<_>>().join(", ");
    let none = |message: String| Diagnostic::error("E0096", message, at, "");
    match (train, &trains[..]) {
        (Some(wanted), _) => trains.iter().find(|i| i.name == wanted).map(|i| i.id).ok_or_else(|| {
            let problem = none(format!("there is no `train {wanted}` in this file"));
            Box::new(match nearest(wanted, trains.iter().map(|i| i.name.as_str())) {
                Some(near) => problem.help(format!("did you mean `{near}`?")),
                None if trains.is_empty() => problem.help("there is no `train` at all"),
                None => problem.help(format!("there are {}", names())),
            })
        }),
        (None, [only]) => Ok(only.id),
        (None, []) => Err(Box::new(
            none("there is no `train` in this file, so there is nothing to build".to_string())
                .help("`esperc check` checks a file without one"),
        )),
        (None, _) => Err(Box::new(none("there are several experiments in this file".to_string()).help(format!("say which: {}", names())))),
    }
}
