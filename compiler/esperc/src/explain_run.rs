//! `esperc explain-run`: the story of a run, for people, or as JSON with `--message-format json`.
use crate::exit::Failure;
use crate::experiment::Experiment;
use crate::run::failed;
use crate::terminal::{Terminal, print};
use esper_diagnostics::Format;
use esper_train::RunFolder;
use esper_train::story::Story;
use std::path::{Path, PathBuf};

/// Prints the story of a run, given by its folder or by its name among the runs.
pub fn explain_run(run: &Path, runs: &Path, terminal: &Terminal) -> Result<(), Failure> {
    let folder = RunFolder::open(&place(run, runs)).map_err(|e| Failure::Run(e.to_string()))?;
    let experiment = Experiment::load(&folder.path().join("model.espb"), None, &[], terminal)?;
    let story = Story::read(&folder, &experiment.model).map_err(|e| failed(e, &experiment, terminal))?;
    match terminal.format {
        Format::Human => print(&story.text()),
        Format::Json => {
            let text = serde_json::to_string(&story).map_err(|error| Failure::Bug(error.to_string()))?;
            print(&format!("{text}\n"))
        }
        _ => Err(Failure::Usage("a story is told to people or, with `--message-format json`, to programs".to_string())),
    }
}

/// A path that exists is a folder; a bare name that does not is looked for among the runs.
fn place(run: &Path, runs: &Path) -> PathBuf {
    let bare = run.components().count() == 1;
    if bare && !run.exists() && runs.join(run).exists() { runs.join(run) } else { run.to_path_buf() }
}
