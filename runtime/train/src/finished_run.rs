//! What is done with a finished run: evaluation on a part of its data, and predictions for other data.
use crate::RunError;
use crate::checkpoint::{Checkpoint, Manifest};
use crate::data::{self, Batch, RowFormat};
use crate::engine::{Engine, Prepared, Sizes};
use crate::growth::Tensors;
use crate::programs::{Compiled, Programs, batch_sizes};
use crate::run_folder::{ResolvedConfiguration, RunFolder};
use crate::training::score;
use esper_device::Device;
use esper_diagnostics::Diagnostic;
use esper_ir::{DType, Model};
use esper_telemetry::Scores;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A part of a run's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// What it was trained on.
    Train,
    /// What it was validated on.
    Val,
    /// What it has never seen.
    Test,
}

impl Part {
    /// `val`.
    pub fn name(self) -> &'static str {
        match self {
            Part::Train => "train",
            Part::Val => "val",
            Part::Test => "test",
        }
    }
}

/// A run's folder with one of its checkpoints loaded.
#[derive(Clone, Debug)]
pub struct FinishedRun {
    folder: RunFolder,
    configuration: ResolvedConfiguration,
    checkpoint: Checkpoint,
    checkpoint_path: PathBuf,
}

impl FinishedRun {
    /// Opens a run and loads a checkpoint of it: `best`, `last`, `epoch-10`.
    pub fn open(folder: &Path, checkpoint: &str) -> Result<FinishedRun, RunError> {
        let folder = RunFolder::open(folder)?;
        let configuration = folder.configuration()?;
        let path = folder.checkpoints().join(checkpoint);
        let loaded = Checkpoint::load(&folder.checkpoints(), checkpoint)?;
        if loaded.manifest.model != blake3::hash(&folder.artifact()?).to_hex().as_str() {
            return Err(RunError::checkpoint(path, "it is of another model than the run's model.espb"));
        }
        Ok(FinishedRun { folder, configuration, checkpoint: loaded, checkpoint_path: path })
    }

    /// The run's artifact, which holds the model to give to [`evaluate`] and [`predict`].
    pub fn artifact(&self) -> Result<Vec<u8>, RunError> {
        self.folder.artifact()
    }

    /// What ran.
    pub fn configuration(&self) -> &ResolvedConfiguration {
        &self.configuration
    }

    /// The checkpoint's manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.checkpoint.manifest
    }

    fn engine(&self, model: &Model, device: &dyn Device, programs: &dyn Programs, sizes: &Sizes) -> Result<Engine, RunError> {
        let mut engine = Engine::new(device, Prepared::new(device, programs, model, sizes)?, model)?;
        engine.write_scalars(model.settings.seed, self.manifest().progress.step, 0, 0)?;
        let restored = engine.restore(&Tensors::apart(&self.checkpoint.tensors).own)?;
        restored.map_err(|what| RunError::checkpoint(&self.checkpoint_path, what))?;
        engine.write_seed_scalars(self.manifest().growth.scalars(self.manifest().progress.step + 1))?;
        Ok(engine)
    }

    /// The model as it has grown to this checkpoint; `model` is the one of the run's artifact.
    pub fn grown(&self, model: &Model) -> Result<Model, RunError> {
        self.manifest().growth.grown(model)
    }
}

/// What an evaluation found.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// On what.
    pub part: Part,
    /// How many rows that were.
    pub rows: usize,
    /// Epochs that the checkpoint was trained for.
    pub epochs: u64,
    /// Loss and metrics.
    pub scores: Scores,
}

/// Evaluates a run on a part of its own data, which must be what it was. The only reader of the test rows.
pub fn evaluate(run: &FinishedRun, model: &Model, device: &dyn Device, part: Part) -> Result<Evaluation, RunError> {
    let model = run.grown(model)?;
    evaluate_with(&Compiled::new(&model)?, run, &model, device, part)
}

pub(crate) fn evaluate_with(
    programs: &dyn Programs,
    run: &FinishedRun,
    model: &Model,
    device: &dyn Device,
    part: Part,
) -> Result<Evaluation, RunError> {
    let format = RowFormat::of(model)?;
    let mut table = data::read(&model.data, &format, &run.configuration.data_folder)?;
    if table.digest != run.manifest().data {
        return Err(RunError::checkpoint(&run.checkpoint_path, "the data files have changed since the run"));
    }
    let split = data::divide(table.rows(), &model.data, model.settings.seed)?;
    if let Some(normalisation) = &run.manifest().normalisation {
        normalisation.apply(&mut table.features);
    }
    let rows = match part {
        Part::Train => &split.train,
        Part::Val => &split.val,
        Part::Test => &split.test,
    };
    if rows.is_empty() {
        let message = format!("the run has no rows for `{}`", part.name());
        let diagnostic = Diagnostic::error("D0110", message, model.data.split_span, "divided here");
        return Err(diagnostic.help(format!("`split = holdout(…, {} = 0.1)` keeps a tenth of the rows for it", part.name())).into());
    }
    let sizes = Sizes { eval: batch_sizes(rows.len(), model.settings.batch), ..Sizes::default() };
    let mut engine = run.engine(model, device, programs, &sizes)?;
    let mut batch = Batch::with_capacity(model.settings.batch.min(rows.len()), table.width);
    let scores = score(&mut engine, model, &table, rows, &mut batch)?;
    Ok(Evaluation { part, rows: rows.len(), epochs: run.manifest().progress.epochs, scores })
}

/// Predicts for every row of a file and writes CSV with a header and one line a row: `row` (from 0), then for classes `class` and
/// `probability_0 …` (the softmax of what the model gives, where the loss is a cross-entropy of logits; otherwise `output_0 …`), for
/// numbers `output_0 …`. Gives the number of rows.
pub fn predict(run: &FinishedRun, model: &Model, device: &dyn Device, file: &Path, out: &mut dyn Write) -> Result<usize, RunError> {
    let model = run.grown(model)?;
    predict_with(&Compiled::new(&model)?, run, &model, device, file, out)
}

pub(crate) fn predict_with(
    programs: &dyn Programs,
    run: &FinishedRun,
    model: &Model,
    device: &dyn Device,
    file: &Path,
    out: &mut dyn Write,
) -> Result<usize, RunError> {
    let format = RowFormat::of(model)?;
    let mut table = data::read_unlabelled(&model.data, &format, file)?;
    if let Some(normalisation) = &run.manifest().normalisation {
        normalisation.apply(&mut table.features);
    }
    let rows: Vec<u32> = (0..u32::try_from(table.rows()).unwrap_or(u32::MAX)).collect();
    let sizes = Sizes { predict: batch_sizes(rows.len(), model.settings.batch), ..Sizes::default() };
    let mut engine = run.engine(model, device, programs, &sizes)?;
    let mut batch = Batch::with_capacity(model.settings.batch.min(rows.len()), table.width);
    let written = |error| RunError::Files { path: PathBuf::from("the predictions"), error };
    let (mut bytes, mut first) = (vec![], true);
    for part in rows.chunks(model.settings.batch) {
        table.gather(part, &mut batch);
        let dtype = engine.predict(part.len(), &batch, &mut bytes)?;
        let values = bytes.len() / 4 / part.len();
        let columns = Columns { classes: model.classes == Some(values), logits: model.loss.starts_with("cross_entropy"), values };
        if std::mem::take(&mut first) {
            columns.header(out).map_err(written)?;
        }
        for (row, bytes) in part.iter().zip(bytes.chunks_exact(values * 4)) {
            let value = |b: &[u8]| match dtype {
                DType::I32 | DType::Bool => f64::from(i32::from_le_bytes([b[0], b[1], b[2], b[3]])),
                _ => f64::from(f32::from_le_bytes([b[0], b[1], b[2], b[3]])),
            };
            let outputs: Vec<f64> = bytes.chunks_exact(4).map(value).collect();
            columns.row(*row, &outputs, out).map_err(written)?;
        }
    }
    out.flush().map_err(written)?;
    Ok(rows.len())
}

/// What stands in a line of predictions.
struct Columns {
    /// Whether the outputs are scores of classes.
    classes: bool,
    /// Whether those are logits.
    logits: bool,
    values: usize,
}

impl Columns {
    fn header(&self, out: &mut dyn Write) -> io::Result<()> {
        let name = if self.classes && self.logits { "probability" } else { "output" };
        write!(out, "row{}", if self.classes { ",class" } else { "" })?;
        for i in 0..self.values {
            write!(out, ",{name}_{i}")?;
        }
        writeln!(out)
    }

    fn row(&self, row: u32, outputs: &[f64], out: &mut dyn Write) -> io::Result<()> {
        write!(out, "{row}")?;
        let largest = outputs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if self.classes {
            let class = outputs.iter().position(|v| *v == largest).unwrap_or(0);
            write!(out, ",{class}")?;
        }
        let sum: f64 = outputs.iter().map(|v| (v - largest).exp()).sum();
        for value in outputs {
            let shown = if self.classes && self.logits { (value - largest).exp() / sum } else { *value };
            write!(out, ",{}", shown as f32)?;
        }
        writeln!(out)
    }
}
