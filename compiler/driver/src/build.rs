//! Building: from a checked program and the name of an experiment to its model.
use crate::artifact::{Artifact, ArtifactError};
use crate::check::{Checked, has_errors, in_order, problems_of};
use crate::load::{Loaded, Session};
use crate::overrides::{self, Override};
use esper_check::hir;
use esper_check::names::resolve;
use esper_diagnostics::{Diagnostic, Span, nearest};
use esper_grammar::Parsed;
use esper_grammar::ast::ItemKind;
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
    let problems = problems_of(&loaded);
    if has_errors(&problems) {
        return Err(refused(loaded, problems));
    }
    let name = match choose(&loaded, train) {
        Ok(name) => name,
        Err(problem) => return Err(refused(loaded, vec![*problem])),
    };
    if !changes.is_empty() {
        if let Err(problems) = change(&mut loaded, &name, changes) {
            return Err(refused(loaded, problems));
        }
        let problems = problems_of(&loaded);
        if has_errors(&problems) {
            return Err(refused(loaded, problems));
        }
    }
    let elaborated = esper_check::elaborate(&resolve(&loaded.inputs()), &name);
    match elaborated {
        Ok(experiment) => Ok(Elaborated { checked: Checked { loaded, problems }, experiment }),
        Err(problems) => Err(refused(loaded, problems)),
    }
}

fn refused(loaded: Loaded, problems: Vec<Diagnostic>) -> BuildError {
    BuildError::Program(Box::new(Checked { loaded, problems: in_order(problems) }))
}

/// Puts the changes of the command line into the tree of the entry file.
fn change(loaded: &mut Loaded, name: &str, changes: &[Override]) -> Result<(), Vec<Diagnostic>> {
    let Some(entry) = loaded.files.first().map(|f| (f.id, f.parsed.clone())) else { return Ok(()) };
    let mut sources = std::mem::take(&mut loaded.sources);
    let inputs = loaded.inputs();
    let resolution = resolve(&inputs);
    let changed = match resolution.lookup(entry.0, name) {
        Some(id) => overrides::apply(changes, id, &resolution, &entry.1.file, &mut sources),
        None => Ok(entry.1.file.clone()),
    };
    loaded.sources = sources;
    loaded.files[0].parsed = Arc::new(Parsed { file: changed?, ..Parsed::clone(&entry.1) });
    Ok(())
}

/// The name of the experiment that is meant: the named one, or the only one of the entry file.
fn choose(loaded: &Loaded, train: Option<&str>) -> Result<String, Box<Diagnostic>> {
    let Some(entry) = loaded.files.first() else { return Ok(train.unwrap_or_default().to_string()) };
    let end = loaded.sources.file(entry.id).text.len();
    let at = Span::new(entry.id, end, end);
    let names: Vec<&str> = entry
        .parsed
        .file
        .items
        .iter()
        .filter_map(|item| if let ItemKind::Train(derived) = &item.kind { Some(derived.name.text.as_str()) } else { None })
        .collect();
    let listed = || names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ");
    let unclear = |message: String| Diagnostic::error("E0097", message, at, "");
    match (train, &names[..]) {
        (Some(wanted), _) if names.contains(&wanted) => Ok(wanted.to_string()),
        (Some(wanted), _) => {
            let problem = unclear(format!("there is no `train {wanted}` in this file"));
            Err(Box::new(match nearest(wanted, names.iter().copied()) {
                Some(near) => problem.help(format!("did you mean `{near}`?")),
                None if names.is_empty() => problem.help("there is no `train` at all"),
                None => problem.help(format!("it has {}", listed())),
            }))
        }
        (None, [only]) => Ok(only.to_string()),
        (None, []) => {
            let problem = Diagnostic::error("E0096", "there is no `train` in this file, so there is nothing to build", at, "");
            Err(Box::new(problem.help("`esperc check` checks a file without one")))
        }
        (None, _) => Err(Box::new(
            unclear("there are several experiments in this file".to_string()).help(format!("say which, behind the file: {}", listed())),
        )),
    }
}
