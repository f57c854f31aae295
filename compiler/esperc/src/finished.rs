//! `esperc eval` and `esperc predict`: what is done with a run that has a checkpoint.
use crate::arguments::Rows;
use crate::exit::Failure;
use crate::experiment::Experiment;
use crate::run::{failed, open_device};
use crate::terminal::{Terminal, print};
use esper_train::{FinishedRun, Part};
use std::path::Path;

/// A run's folder with its model, or a blueprint that starts from weights.
fn open(folder: &Path, checkpoint: &str, terminal: &Terminal) -> Result<(FinishedRun, Experiment), Failure> {
    if folder.is_file() {
        return crate::export::open_start(folder, terminal);
    }
    let run = FinishedRun::open(folder, checkpoint).map_err(|e| Failure::Run(e.to_string()))?;
    let experiment = Experiment::load(&folder.join("model.espb"), None, &[], terminal)?;
    Ok((run, experiment))
}

/// Prints loss and metrics on one part of the run's data.
pub fn eval(folder: &Path, rows: Rows, checkpoint: &str, terminal: &Terminal) -> Result<(), Failure> {
    let (run, experiment) = open(folder, checkpoint, terminal)?;
    let part = match rows {
        Rows::Train => Part::Train,
        Rows::Val => Part::Val,
        Rows::Test => Part::Test,
    };
    let device = open_device("auto", None)?;
    let found = esper_train::evaluate(&run, &experiment.model, &*device, part).map_err(|e| failed(e, &experiment, terminal))?;
    let weights = match folder.is_file() {
        true => format!("the weights that {} starts from", folder.display()),
        false => format!("{checkpoint} checkpoint (epoch {})", found.epochs),
    };
    let mut text = format!("{} rows of {}, {weights}\n", found.rows, found.part.name());
    text.push_str(&format!("  loss      {:.6}\n", found.scores.loss));
    for (name, value) in &found.scores.metrics.0 {
        text.push_str(&format!("  {name:<9} {value:.6}\n"));
    }
    print(&text)
}

/// Writes predictions as CSV, to standard output or to a file (whole or not at all).
pub fn predict(folder: &Path, data: &Path, output: Option<&Path>, checkpoint: &str, terminal: &Terminal) -> Result<(), Failure> {
    let (run, experiment) = open(folder, checkpoint, terminal)?;
    let device = open_device("auto", None)?;
    let mut csv = Vec::new();
    let rows = esper_train::predict(&run, &experiment.model, &*device, data, &mut csv).map_err(|e| failed(e, &experiment, terminal))?;
    match output {
        Some(path) => {
            esper_driver::write_atomically(path, &csv).map_err(|e| Failure::Run(format!("{}: {e}", path.display())))?;
            eprintln!("{rows} predictions in {}", path.display());
            Ok(())
        }
        None => print(&String::from_utf8_lossy(&csv)),
    }
}
