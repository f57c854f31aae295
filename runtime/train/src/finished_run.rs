//! What is done with trained weights: evaluation on a part of its data, and predictions for other data.
use crate::checkpoint::{Checkpoint, Manifest, OPTIMIZER};
use crate::data::{self, Batch, RowFormat};
use crate::engine::{Engine, Prepared, Sizes};
use crate::growth::Tensors;
use crate::programs::{Compiled, Programs, batch_sizes};
use crate::run_folder::RunFolder;
use crate::training::score;
use crate::{RunError, Weights};
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

/// A network with its weights: a run's folder with one of its checkpoints loaded, or a blueprint that starts from a file of weights.
#[derive(Clone, Debug)]
pub struct FinishedRun {
    /// The run's artifact; empty without a run.
    artifact: Vec<u8>,
    /// From where the data's paths are taken.
    data_folder: PathBuf,
    checkpoint: Checkpoint,
    /// Where the weights come from.
    source: PathBuf,
    /// Whether the data must be what it was when the run began.
    same_data: bool,
}

impl FinishedRun {
    /// Opens a run and loads a checkpoint of it: `best`, `last`, `epoch-10`.
    pub fn open(folder: &Path, checkpoint: &str) -> Result<FinishedRun, RunError> {
        let folder = RunFolder::open(folder)?;
        let data_folder = folder.configuration()?.data_folder;
        let artifact = folder.artifact()?;
        let path = folder.checkpoints().join(checkpoint);
        let loaded = Checkpoint::load(&folder.checkpoints(), checkpoint)?;
        if loaded.manifest.model != blake3::hash(&artifact).to_hex().as_str() {
            return Err(RunError::checkpoint(path, "it is of another model than the run's model.espb"));
        }
        Ok(FinishedRun { artifact, data_folder, checkpoint: loaded, source: path, same_data: true })
    }

    /// A model that starts from a file of weights, before any training. `folder` is where its blueprint lies. `None` where the experiment
    /// has no `start`.
    ///
    /// # Errors
    /// As [`Weights::of_start`].
    pub fn of_start(model: &Model, folder: &Path) -> Result<Option<FinishedRun>, RunError> {
        let Some(Weights { tensors, normalisation }) = Weights::of_start(model, folder)? else { return Ok(None) };
        let source = folder.join(model.settings.start.as_deref().unwrap_or_default());
        let manifest = Manifest::new(String::new(), String::new(), model.settings.seed, normalisation);
        let checkpoint = Checkpoint { manifest, tensors };
        // A file named without a folder has the empty one.
        let data_folder = if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder.to_path_buf() };
        Ok(Some(FinishedRun { artifact: vec![], data_folder, checkpoint, source, same_data: false }))
    }

    /// The run's artifact, which holds the model to give to [`evaluate`] and [`predict`]; empty without a run.
    pub fn artifact(&self) -> &[u8] {
        &self.artifact
    }

    /// From where the data's paths are taken.
    pub fn data_folder(&self) -> &Path {
        &self.data_folder
    }

    /// Parameters and running statistics by path, without what only training needs.
    pub fn weights(&self) -> Weights {
        let mut tensors = Tensors::apart(&self.checkpoint.tensors).own;
        tensors.retain(|t| !t.name.starts_with(OPTIMIZER));
        Weights { tensors, normalisation: self.manifest().normalisation.clone() }
    }

    /// The checkpoint's manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.checkpoint.manifest
    }

    fn engine(&self, model: &Model, device: &dyn Device, programs: &dyn Programs, sizes: &Sizes) -> Result<Engine, RunError> {
        let mut engine = Engine::new(device, Prepared::new(device, programs, model, sizes)?, model)?;
        engine.write_scalars(model.settings.seed, self.manifest().progress.step, 0, 0)?;
        let tensors = Tensors::apart(&self.checkpoint.tensors).own;
        if self.same_data {
            let restored = engine.restore(&tensors)?;
            restored.map_err(|what| RunError::checkpoint(&self.source, what))?;
        } else {
            // A file of weights has been compared with the model when it was read; it has no states of the optimizer.
            engine.restore_known(&tensors)?;
        }
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
    let mut table = data::read(&model.data, &format, &run.data_folder)?;
    if run.same_data && table.digest != run.manifest().data {
        return Err(RunError::checkpoint(&run.source, "the data files have changed since the run"));
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
