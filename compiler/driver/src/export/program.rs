//! The program that a run was made of, from the texts in its artifact alone.
use super::{ExportError, same_network};
use crate::artifact::Artifact;
use crate::build::{BuildError, Elaborated};
use crate::load::Session;
use crate::overrides::{COMMAND_LINE, Override};
use esper_diagnostics::Diagnostic;
use std::path::Path;

/// Checks the artifact's sources again, with the changes that came from the command line. Nothing is read from disk.
pub(super) fn elaborated(artifact: &Artifact) -> Result<Elaborated, ExportError> {
    let (model, sources) = (&artifact.model, &artifact.sources);
    let differs = |why: String| {
        let problem = Diagnostic::error("E0099", "the sources of this run do not make its network", model.span, "the run's experiment");
        ExportError::from(problem.note(why))
    };
    let mut session = Session::new();
    let mut changes = vec![];
    for (_, file) in sources.iter() {
        if file.name == COMMAND_LINE {
            let said = file.text.trim_end().strip_prefix("--set ").and_then(|said| said.split_once(" = "));
            let (path, value) = said.ok_or_else(|| ExportError::Bug(format!("the command line said {:?}", file.text)))?;
            changes.push(Override { path: path.to_string(), value: value.to_string() });
        } else if let Some(text) = esper_stdlib::module(&file.name) {
            if text != file.text {
                return Err(differs(format!("it was made with another version of `{}`", file.name)));
            }
        } else {
            session.files.open(file.name.clone(), file.text.clone());
        }
    }
    let entry = sources.iter().next().map(|(_, file)| file.name.clone()).unwrap_or_default();
    let elaborate = |session: &mut Session| session.elaborate(Path::new(&entry), Some(&model.name), &changes);
    let made = elaborate(&mut session).and_then(Elaborated::lower);
    let refused = |error: BuildError| match error {
        BuildError::Program(_) => differs(format!("they do not pass the check: {error}")),
        other => ExportError::Bug(other.to_string()),
    };
    if !same_network(&made.map_err(refused)?.model, model)? {
        return Err(differs("it was changed after it was compiled, as `--twin` does for what it compares with".to_string()));
    }
    elaborate(&mut session).map_err(refused)
}
