//! The loop: epochs of steps, validation, the log and checkpoints; stops at what is not finite, and can be interrupted and resumed.
use crate::checkpoint::{Best, Checkpoint, Manifest, Progress, Sums};
use crate::data::{self, Batch, Dataset, EpochOrder, Table};
use crate::engine::Engine;
use crate::governing::Good;
use crate::growth::{Change, Decided, Effected, Growing, Growth, GrowthState, Lengths, Measured, SwapTimes, Tamiyo, Tensors};
use crate::programs::{Pipeline, ProgramSource};
use crate::run_folder::{ResolvedConfiguration, RunFolder};
use crate::summary::{Summary, training_sizes};
use crate::{RunError, Weights, summary};
use esper_device::Device;
use esper_diagnostics::Diagnostic;
use esper_ir::{Model, OnNonFinite};
use esper_policy::{Alarm, ROLLBACKS, WITHIN};
use esper_telemetry::{EpochRecord, Event, GrowthRecord, LogCursor, MetricsLog, Observer, Scores, StepRecord, Values};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Scope;
use std::time::{Duration, Instant};

/// Between two checkpoints of a run with short epochs: writing them must not take longer than the training.
const SAVE_INTERVAL: Duration = Duration::from_secs(5);

/// How a run is to be made.
pub struct RunOptions<'a> {
    /// The folder in which the run gets its own: `runs`.
    pub runs: PathBuf,
    /// The folder of a run to continue from its newest checkpoint. Its `model.espb` must be `artifact`.
    pub resume: Option<PathBuf>,
    /// From where the data's paths are taken: the blueprint's folder. `None`: where the resumed run took them, or the current one.
    pub data_folder: Option<PathBuf>,
    /// Where it runs.
    pub device: &'a dyn Device,
    /// The bytes of `model.espb`: the model with its source.
    pub artifact: &'a [u8],
    /// Set from outside to stop after the current step with a checkpoint.
    pub interrupt: &'a AtomicBool,
    /// Every so many steps a line of `metrics.jsonl`; 0: epochs only.
    pub log_every: u64,
    /// Stops after that many steps of the run as an interruption does.
    pub stop_at_step: Option<u64>,
    /// Who decides what grows.
    pub growth: Growth,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The run's folder.
    pub folder: PathBuf,
    /// Steps done.
    pub step: u64,
    /// Epochs finished.
    pub epochs: u64,
    /// The best of them.
    pub best: Option<Best>,
    /// The last epoch that this call finished.
    pub last: Option<EpochRecord>,
    /// Whether it was stopped before its end; `--resume` goes on.
    pub interrupted: bool,
    /// What grew and how.
    pub growth: GrowthState,
    /// How changes reached the loop.
    pub swaps: SwapTimes,
}

/// Trains a model as its experiment says. All that can be wrong with settings, data and programs is found before the first step, and
/// before a folder is made.
pub fn train(model: &Model, options: &RunOptions, observer: &mut dyn Observer) -> Result<Outcome, RunError> {
    check_settings(model)?;
    train_with(&Pipeline, model, options, observer)
}

fn check_settings(model: &Model) -> Result<(), Diagnostic> {
    let settings = &model.settings;
    for (name, value) in [("batch", settings.batch), ("epochs", settings.epochs)] {
        if value == 0 {
            return Err(Diagnostic::error("D0113", format!("`{name}` is 0"), model.span, "this run has nothing to do"));
        }
    }
    if settings.epochs > u32::MAX as usize {
        return Err(Diagnostic::error("D0113", format!("{} epochs are too many", settings.epochs), model.span, "in this run"));
    }
    Ok(())
}

/// [`train`] with programs from anywhere.
pub(crate) fn train_with(
    source: &dyn ProgramSource,
    model: &Model,
    options: &RunOptions,
    observer: &mut dyn Observer,
) -> Result<Outcome, RunError> {
    // What grows is built on threads that end with the run.
    std::thread::scope(|scope| train_in(scope, source, model, options, observer))
}

fn train_in<'scope, 'env>(
    scope: &'scope Scope<'scope, 'env>,
    source: &'scope dyn ProgramSource,
    model: &'scope Model,
    options: &'scope RunOptions<'_>,
    observer: &mut dyn Observer,
) -> Result<Outcome, RunError> {
    let artifact = blake3::hash(options.artifact).to_hex().to_string();
    let resumed = match &options.resume {
        Some(path) => {
            let folder = RunFolder::open(path)?;
            let name = Checkpoint::newest(&folder.checkpoints())?;
            let checkpoint = Checkpoint::load(&folder.checkpoints(), &name)?;
            let path = folder.checkpoints().join(name);
            belongs(&path, &checkpoint.manifest, &artifact, model)?;
            Some((folder, checkpoint, path))
        }
        None => None,
    };
    let data_folder = match (&options.data_folder, &resumed) {
        // A file named without a folder has the empty one.
        (Some(folder), _) if !folder.as_os_str().is_empty() => folder.clone(),
        (None, Some((folder, ..))) => folder.configuration()?.data_folder,
        _ => PathBuf::from("."),
    };
    let start = if resumed.is_some() { None } else { Weights::of_start(model, &data_folder)? };
    let used = match &resumed {
        Some((_, checkpoint, _)) => checkpoint.manifest.normalisation.clone(),
        None => start.as_ref().and_then(|s| s.normalisation.clone()),
    };
    let dataset = data::prepare(model, &data_folder, used)?;
    let state = resumed.as_ref().map(|(_, checkpoint, _)| checkpoint.manifest.growth.clone()).unwrap_or_default();
    let mut growing = Growing::new(scope, options.device, source, model, state, training_sizes(model, &dataset))?;
    let prepared = growing.prepare()?;
    let summary = Summary::new(model, &dataset, &*source.programs(model, model)?, prepared.arenas())?;
    let mut engine = Engine::new(options.device, prepared, growing.model())?;
    let text = summary.text(model);
    let total_steps = summary.epoch_steps * model.settings.epochs as u64;
    if resumed.is_none() && options.growth == Growth::Policies {
        growing.state.tamiyo = Tamiyo::new(model, source, &dataset, Lengths { epoch_steps: summary.epoch_steps, total_steps })?;
    }
    let mut kept = Tensors::default();
    let (folder, manifest) = match resumed {
        Some((folder, checkpoint, path)) => {
            if checkpoint.manifest.data != dataset.table.digest {
                return Err(RunError::checkpoint(folder.path(), "the data files have changed since the run began"));
            }
            kept = Tensors::apart(&checkpoint.tensors);
            growing.snapshots = kept.snapshots.clone();
            let restored = engine.restore(&kept.own)?;
            restored.map_err(|what| RunError::checkpoint(path, what))?;
            (folder, checkpoint.manifest)
        }
        None => {
            let folder = RunFolder::create(&options.runs, &model.name)?;
            let configuration = ResolvedConfiguration::new(model, data_folder, options.device.name());
            folder.describe(&configuration, &text, options.artifact)?;
            engine.initialise(model.settings.seed)?;
            if let Some(start) = &start {
                engine.restore_known(&start.tensors)?;
            }
            let digest = dataset.table.digest.clone();
            (folder, Manifest::new(artifact, digest, model.settings.seed, dataset.normalisation.clone()))
        }
    };
    let log = MetricsLog::open(folder.path(), manifest.log, options.log_every).map_err(RunError::files(folder.path()))?;
    let metrics = match &manifest.progress.sums.metrics.0[..] {
        [] => vec![0.0; model.metrics.len()],
        sums => sums.iter().map(|(_, sum)| *sum).collect(),
    };
    let order = EpochOrder::new(model.settings.seed, dataset.split.train.clone());
    let rate = model.optimizer.scalars.iter().position(|s| s.name == "lr").or((!model.optimizer.scalars.is_empty()).then_some(0));
    let batch = Batch::with_capacity(summary.batch, dataset.table.width);
    let mut run = Run {
        source,
        model,
        options,
        engine,
        growing,
        dataset,
        order,
        batch,
        summary,
        total_steps,
        learning_rate: rate,
        manifest,
        batch_metrics: vec![0.0; metrics.len()],
        metrics,
        folder,
        log,
        observer,
        saved: Instant::now(),
        unsaved_best: None,
        last: None,
        good: None,
    };
    run.restore_good(&kept)?;
    run.to_the_end(text)
}

/// Whether a checkpoint belongs to this model and run.
fn belongs(path: &Path, manifest: &Manifest, artifact: &str, model: &Model) -> Result<(), RunError> {
    if manifest.model != artifact {
        return Err(RunError::checkpoint(path, "it is of another model: a run is resumed with its own model.espb, unchanged"));
    }
    if manifest.seed != model.settings.seed {
        let message = format!("it was made with seed {}, this run has seed {}", manifest.seed, model.settings.seed);
        return Err(RunError::checkpoint(path, message));
    }
    Ok(())
}

/// A run on its way.
pub(crate) struct Run<'a, 'scope, 'env> {
    pub(crate) source: &'a dyn ProgramSource,
    /// As it was lowered: its settings, metrics and schedules stay, whatever grows.
    pub(crate) model: &'a Model,
    pub(crate) options: &'a RunOptions<'a>,
    pub(crate) engine: Engine,
    pub(crate) growing: Growing<'scope, 'env>,
    pub(crate) dataset: Dataset,
    order: EpochOrder,
    pub(crate) batch: Batch,
    summary: summary::Summary,
    total_steps: u64,
    /// Which scalar of the update rule is shown.
    learning_rate: Option<usize>,
    /// The last saved one; its progress is the current one.
    pub(crate) manifest: Manifest,
    /// Σ metric · rows of the current epoch.
    pub(crate) metrics: Vec<f64>,
    /// The same of the current step.
    batch_metrics: Vec<f64>,
    folder: RunFolder,
    pub(crate) log: MetricsLog,
    pub(crate) observer: &'a mut dyn Observer,
    saved: Instant,
    unsaved_best: Option<Checkpoint>,
    last: Option<EpochRecord>,
    /// What the run goes back to where something is not normal; none where it stops.
    pub(crate) good: Option<Good>,
}

impl Run<'_, '_, '_> {
    fn to_the_end(mut self, summary: String) -> Result<Outcome, RunError> {
        self.observer.event(&Event::Started {
            name: self.model.name.clone(),
            folder: self.folder.path().display().to_string(),
            device: self.options.device.name(),
            epochs: self.model.settings.epochs as u64,
            epoch_steps: self.summary.epoch_steps,
            done_steps: self.manifest.progress.step,
            summary,
        });
        if self.manifest.progress.step == 0 {
            self.grow(&Scores::default(), None)?;
            self.note_good()?;
        }
        while self.manifest.progress.epochs < self.model.settings.epochs as u64 {
            self.order.shuffle(self.manifest.progress.epochs as u32);
            while self.manifest.progress.batches < self.summary.epoch_steps {
                if self.must_stop() {
                    return self.interrupted();
                }
                self.step()?;
            }
            self.finish_epoch()?;
        }
        let progress = &self.manifest.progress;
        self.observer.event(&Event::Finished { step: progress.step, best_epoch: progress.best.map(|b| b.epoch) });
        self.write_report()?;
        Ok(self.outcome(false))
    }

    fn must_stop(&self) -> bool {
        self.options.interrupt.load(Ordering::Relaxed) || self.options.stop_at_step.is_some_and(|n| self.manifest.progress.step >= n)
    }

    fn interrupted(mut self) -> Result<Outcome, RunError> {
        self.save_last()?;
        self.observer.event(&Event::Interrupted { step: self.manifest.progress.step });
        self.write_report()?;
        Ok(self.outcome(true))
    }

    fn outcome(self, interrupted: bool) -> Outcome {
        let Progress { step, epochs, best, .. } = self.manifest.progress;
        Outcome {
            folder: self.folder.path().to_path_buf(),
            step,
            epochs,
            best,
            last: self.last,
            interrupted,
            growth: self.growing.state,
            swaps: self.growing.times,
        }
    }

    /// One step. Allocates nothing.
    fn step(&mut self) -> Result<(), RunError> {
        let progress = &mut self.manifest.progress;
        let rows = self.order.batch(progress.batches as usize, self.summary.batch);
        let count = rows.len();
        self.dataset.table.gather(rows, &mut self.batch);
        let step = progress.step + 1;
        self.engine.write_scalars(self.model.settings.seed, step, self.total_steps, self.summary.epoch_steps)?;
        self.engine.write_seed_scalars(self.growing.state.scalars(step))?;
        self.batch_metrics.fill(0.0);
        let result = self.engine.compute_step(count, &self.batch, &mut self.batch_metrics)?;
        let finite = result.loss.is_finite() && self.engine.gradients_are_finite(result)?;
        let finite = finite && self.growing.joined_are_finite(&self.engine, count)?;
        let alarm = match self.model.settings.on_nonfinite {
            OnNonFinite::Rollback => self.growing.state.governor.look(result.loss, finite, self.model.classes),
            OnNonFinite::Stop => (!finite).then_some(Alarm::Gradient),
        };
        if let Some(alarm) = alarm {
            return match self.go_back(step, alarm)? {
                true => Ok(()),
                false => Err(self.diverged(step, count, result.loss, alarm)?.into()),
            };
        }
        let progress = &mut self.manifest.progress;
        self.engine.commit_step(count)?;
        self.growing.measure(&self.engine, count, result)?;
        progress.step = step;
        progress.batches += 1;
        progress.sums.rows += count as u64;
        progress.sums.loss += result.loss * count as f64;
        self.metrics.iter_mut().zip(&self.batch_metrics).for_each(|(sum, metric)| *sum += metric);
        let record = Event::Step(StepRecord {
            step,
            epoch: progress.epochs + 1,
            step_in_epoch: progress.batches,
            rows: count,
            loss: result.loss,
            learning_rate: self.learning_rate.map(|k| self.engine.optimizer_scalar(k)).transpose()?,
            // With live seeds it is known without clipping too; a log that has it now and then would be of no use.
            gradient_norm: result.gradient_norm.filter(|_| self.model.settings.clip.is_some()),
        });
        self.log.event(&record);
        self.observer.event(&record);
        match self.growing.take_effect(step, &mut self.engine, &self.dataset, &mut self.batch)? {
            Some(effected) => self.tell_effect(&effected),
            None => Ok(()),
        }
    }

    /// Decides what grows next, at a validation point.
    fn grow(&mut self, train: &Scores, val: Option<&Scores>) -> Result<(), RunError> {
        let step = self.manifest.progress.step;
        let due = step + self.summary.epoch_steps;
        if let Some(effected) = self.options.growth.replayed(step, due)
            && self.growing.state.pending.is_none()
            && due < self.total_steps
        {
            self.growing.decide(effected.step, effected.changes);
        }
        if step == self.total_steps
            && let Some(effected) = self.options.growth.replayed(step.saturating_sub(1), step)
            && self.growing.state.pending.is_none()
        {
            return self.take_effect_at_once(effected.step, effected.changes);
        }
        if self.options.growth != Growth::Policies || self.model.policies.is_empty() || step == 0 {
            return Ok(());
        }
        let mut tamiyo = std::mem::take(&mut self.growing.state.tamiyo);
        let measured = Measured { step, train, val };
        let decided = tamiyo.decide(self.model, &mut self.growing, &mut self.engine, &self.dataset, &mut self.batch, &measured);
        self.growing.state.tamiyo = tamiyo;
        let (mut changes, mut effective) = (vec![], due);
        for (policy, Decided { decision, changes: later, at_once }) in decided?.into_iter().enumerate() {
            for event in &decision.events {
                let data = serde_json::to_value(event).map_err(|e| RunError::bug(e.to_string()))?;
                let kind = data["event"].as_str().unwrap_or_default().to_string();
                let epoch = self.manifest.progress.epochs;
                self.tell(GrowthRecord { step, epoch, policy: Some(policy), kind, text: event.sentence(), data });
            }
            self.growing.at_once(step, at_once.clone(), &mut self.engine)?;
            self.tell_effect(&Effected { step, changes: at_once })?;
            changes.extend(later);
            effective = decision.effective;
        }
        if !changes.is_empty() {
            // The last decision of a run takes effect at once: nothing is to be trained any more.
            if effective == step {
                return self.take_effect_at_once(step, changes);
            }
            self.growing.decide(effective, changes);
        }
        Ok(())
    }

    fn take_effect_at_once(&mut self, step: u64, changes: Vec<Change>) -> Result<(), RunError> {
        self.growing.decide(step, changes);
        match self.growing.take_effect(step, &mut self.engine, &self.dataset, &mut self.batch)? {
            Some(effected) => self.tell_effect(&effected),
            None => Ok(()),
        }
    }

    /// What to say about a step whose loss or gradient is not finite. It was not committed.
    fn diverged(&mut self, step: u64, rows: usize, loss: f64, alarm: Alarm) -> Result<Diagnostic, RunError> {
        let bad = self.engine.first_bad_tensor(rows)?;
        let epoch = self.manifest.progress.epochs + 1;
        let what = match alarm {
            Alarm::Spike { .. } => alarm.to_string(),
            _ if loss.is_finite() => "a gradient is not finite".to_string(),
            _ => format!("the loss is {loss}"),
        };
        let message = format!("{what} in step {step} (epoch {epoch})");
        let mut diagnostic = match bad {
            Some(bad) => {
                let label = format!("`{}` is the first tensor of the step that is not finite", bad.name);
                // What the compiler made itself has no place of its own.
                match bad.span == esper_diagnostics::Span::default() {
                    true => Diagnostic::error("D0201", message, self.model.span, label),
                    false => Diagnostic::error("D0201", message, bad.span, label).label(self.model.span, "in this run"),
                }
            }
            None => Diagnostic::error("D0201", message, self.model.span, "in this run"),
        };
        if self.goes_back() {
            diagnostic = diagnostic.note(format!("the run had gone back {} times within {WITHIN} steps", ROLLBACKS - 1));
        }
        if let Some(rate) = self.learning_rate {
            let name = &self.model.optimizer.scalars[rate].name;
            diagnostic = diagnostic.note(format!("{name} is {:?} at this step", self.engine.optimizer_scalar(rate)? as f32));
        }
        // The step was not committed: what is on the device is the state of before, which may help to find the cause.
        let saved = match self.manifest.progress.step {
            0 => "it was the first step: nothing has been trained".to_string(),
            done => match self.save_last().and_then(|()| self.write_report()) {
                Ok(()) => format!("the state after step {done} is saved as `last` in {}", self.folder.path().display()),
                Err(error) => format!("the state after step {done} could not be saved: {error}"),
            },
        };
        let help = match self.model.settings.clip {
            None => "a smaller learning rate, a warm-up, or `clip = 1.0` often helps",
            Some(_) => "a smaller learning rate or a warm-up often helps",
        };
        Ok(diagnostic.note(saved).help(help))
    }

    /// Validation, the log, the best epoch, checkpoints.
    fn finish_epoch(&mut self) -> Result<(), RunError> {
        let sums = &self.manifest.progress.sums;
        let train = scores(self.model, sums.loss, &self.metrics, sums.rows);
        let val = match &self.dataset.split.val[..] {
            [] => None,
            rows => Some(score(&mut self.engine, self.model, &self.dataset.table, rows, &mut self.batch)?),
        };
        let mut scalars = Values::default();
        for (number, schedule) in self.model.optimizer.scalars.iter().enumerate() {
            scalars.0.push((schedule.name.clone(), self.engine.optimizer_scalar(number)?));
        }
        let loss = val.as_ref().map_or(train.loss, |v| v.loss);
        let progress = &mut self.manifest.progress;
        let epoch = progress.epochs + 1;
        // What is not a number is never the best, and never keeps another from being it.
        let best = loss.is_finite() && progress.best.is_none_or(|b| loss < b.loss);
        if best {
            progress.best = Some(Best { epoch, loss });
        }
        progress.epochs = epoch;
        progress.batches = 0;
        progress.sums = Sums::default();
        self.metrics.fill(0.0);
        let record = EpochRecord { epoch, step: progress.step, train, val, scalars, best };
        self.last = Some(record.clone());
        let event = Event::Epoch(record.clone());
        self.log.event(&event);
        self.observer.event(&event);
        self.grow(&record.train, record.val.as_ref())?;
        self.note_good()?;
        self.tell_contributions()?;
        if self.options.growth == Growth::Policies && !self.model.policies.is_empty() {
            let slots = self.growing.state.tamiyo.standing(self.manifest.progress.step);
            self.observer.event(&Event::Slots { slots });
        }
        if best {
            self.unsaved_best = Some(self.snapshot()?);
        }
        let every = self.model.settings.save_every as u64;
        if every > 0 && epoch.is_multiple_of(every) {
            // What a run goes on from after it was killed must find the best one of before.
            self.save_best()?;
            let name = format!("epoch-{epoch}");
            self.snapshot()?.save(&self.folder.checkpoints(), &name)?;
            self.observer.event(&Event::Checkpoint { name, step: self.manifest.progress.step });
        }
        if epoch == self.model.settings.epochs as u64 || self.saved.elapsed() >= SAVE_INTERVAL {
            self.save_last()?;
        }
        Ok(())
    }

    /// Everything that a checkpoint holds, as it is now.
    fn snapshot(&mut self) -> Result<Checkpoint, RunError> {
        self.manifest.log = self.log.cursor();
        self.manifest.growth = self.growing.state.clone();
        let names = self.model.metrics.iter().cloned();
        self.manifest.progress.sums.metrics = Values(names.zip(self.metrics.iter().copied()).collect());
        let good = self.good_apart();
        let manifest = Manifest { good: good.map(|g| g.noted.clone()), ..self.manifest.clone() };
        let good = good.map(|g| (g.tensors.clone(), g.snapshots.clone()));
        let tensors = Tensors { own: self.engine.tensors()?, snapshots: self.growing.snapshots.clone(), good }.together();
        Ok(Checkpoint { manifest, tensors })
    }

    fn sync_log(&mut self) -> Result<LogCursor, RunError> {
        self.log.sync().map_err(RunError::files(self.folder.path().join("metrics.jsonl")))
    }

    /// Writes the log and the best checkpoint, if it is a new one.
    fn save_best(&mut self) -> Result<(), RunError> {
        self.sync_log()?;
        if let Some(best) = self.unsaved_best.take() {
            best.save(&self.folder.checkpoints(), "best")?;
            self.observer.event(&Event::Checkpoint { name: "best".into(), step: best.manifest.progress.step });
        }
        Ok(())
    }

    /// Writes the best checkpoint, if it is a new one, then the last.
    fn save_last(&mut self) -> Result<(), RunError> {
        self.save_best()?;
        let step = self.manifest.progress.step;
        self.snapshot()?.save(&self.folder.checkpoints(), "last")?;
        self.observer.event(&Event::Checkpoint { name: "last".into(), step });
        self.saved = Instant::now();
        Ok(())
    }

    /// Writes `report.html` from the log, which also holds the epochs before a resumption.
    fn write_report(&self) -> Result<(), RunError> {
        crate::story::write_report(&self.folder, self.model, &[])
    }
}

/// Loss and metrics over rows in evaluation, batch by batch.
pub(crate) fn score(engine: &mut Engine, model: &Model, table: &Table, rows: &[u32], batch: &mut Batch) -> Result<Scores, RunError> {
    let mut metrics = vec![0.0; model.metrics.len()];
    let mut loss = 0.0;
    for part in rows.chunks(model.settings.batch) {
        table.gather(part, batch);
        loss += engine.evaluate(part.len(), batch, &mut metrics)?.loss * part.len() as f64;
    }
    Ok(scores(model, loss, &metrics, rows.len() as u64))
}

/// Means from sums over rows.
fn scores(model: &Model, loss: f64, metrics: &[f64], rows: u64) -> Scores {
    let rows = rows as f64;
    Scores { loss: loss / rows, metrics: Values(model.metrics.iter().cloned().zip(metrics.iter().map(|m| m / rows)).collect()) }
}
