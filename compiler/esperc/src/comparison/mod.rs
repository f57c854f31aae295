//! `esperc run --twin --seeds --controls`: growing runs beside their twins and controls, the verdict with its interval, and one report.
mod control;
mod page;
mod rate;
mod statistics;
mod verdict;

use crate::exit::Failure;
use crate::experiment::Experiment;
use crate::run::{Run, Signals, display_mode, failed, open_device};
use crate::terminal::{Terminal, print};
use esper_device::Device;
use esper_ir::{Control, Model};
use esper_telemetry::{Display, DisplayMode, EpochRecord};
use esper_train::growth::{Effected, Growth, GrowthState, static_network, training_flops};
use esper_train::{Outcome, RunOptions, train};
use std::path::{Path, PathBuf};
use verdict::{told, verdict};

/// What one arm came to with one seed.
#[derive(Clone, Debug)]
struct Arm {
    folder: PathBuf,
    last: EpochRecord,
    parameters: u64,
    flops: Option<u64>,
}

/// All arms of one seed.
struct Row {
    experiment: Experiment,
    grown: Arm,
    log: Vec<Effected>,
    fossilised: usize,
    /// In the order of [`Control::ALL`].
    controls: Vec<(Control, Arm)>,
}

impl Row {
    fn seed(&self) -> u64 {
        self.experiment.model.settings.seed
    }
    fn arm(&self, control: Control) -> Option<&Arm> {
        self.controls.iter().find(|(c, _)| *c == control).map(|(_, arm)| arm)
    }
    /// Adds an arm in its place, or puts a better one there.
    fn set(&mut self, control: Control, arm: Arm) {
        self.controls.retain(|(c, _)| *c != control);
        self.controls.push((control, arm));
        self.controls.sort_by_key(|(c, _)| Control::ALL.iter().position(|of| of == c));
    }
}

/// Runs every seed (the experiment's own where none is named), with the twin and the controls that are asked for.
pub fn compare(arguments: &Run, terminal: &Terminal) -> Result<(), Failure> {
    let file = arguments.file.as_deref().ok_or_else(|| Failure::Usage("say what to train: `esperc run FILE`".to_string()))?;
    let asked = arguments.controls.as_deref().map(control::list).transpose()?;
    let device = open_device(&arguments.device, arguments.threads)?;
    let signals = Signals::listen()?;
    let first = Experiment::load(file, arguments.train.as_deref(), &arguments.set, terminal)?;
    // The command line says more than the file.
    let mut controls = asked.unwrap_or_else(|| first.model.controls.clone());
    let tuned = controls.contains(&Control::EqualFlops);
    let twin = if arguments.twin { vec![Control::Off, Control::EqualFlops] } else { vec![] };
    controls.extend(twin);
    let seeds = arguments.seeds.clone().unwrap_or_else(|| vec![first.model.settings.seed]);
    if !controls.is_empty() && first.model.policies.is_empty() {
        return Err(Failure::Usage(format!("`{}` has no `grow` lines: a twin without growth would be the same run", first.model.name)));
    }
    if arguments.controls.as_deref() == Some("all") && !arguments.quiet {
        eprint!("{}", control::left_out());
    }
    let runner = Runner { arguments, device: &*device, signals: &signals, terminal };
    let mut rows = vec![];
    for (number, seed) in seeds.iter().enumerate() {
        let set: Vec<String> = arguments.set.iter().cloned().chain([format!("seed={seed}")]).collect();
        let experiment = Experiment::load(file, arguments.train.as_deref(), &set, terminal)?;
        // The first is shown whole; of the others, what they come to.
        let mode = if number == 0 { display_mode(arguments.quiet) } else { DisplayMode::Silent };
        rows.push(runner.row(experiment, &controls, mode)?);
        if !arguments.quiet {
            eprint!("{}", told(&rows[number], number == 0));
        }
    }
    if controls.contains(&Control::FixedSchedule) {
        runner.fixed_schedule(&mut rows)?;
    }
    let rate = if tuned { runner.tune_equal_flops(&mut rows)? } else { None };
    let text = verdict(&rows, rate);
    let report = page::write(arguments, &rows, &text).map_err(|e| Failure::Run(e.to_string()))?;
    if !arguments.quiet {
        eprintln!("every seed in {}/report.html", report.display());
    }
    print(&text)
}

/// Trains the arms.
struct Runner<'a> {
    arguments: &'a Run,
    device: &'a dyn Device,
    signals: &'a Signals,
    terminal: &'a Terminal,
}

impl Runner<'_> {
    fn row(&self, experiment: Experiment, controls: &[Control], mode: DisplayMode) -> Result<Row, Failure> {
        let model = &experiment.model;
        let outcome = self.train(&experiment, Growth::Policies, &self.arguments.runs, mode)?;
        let fossilised = outcome.growth.fossilised();
        let grown = self.arm(&experiment, model, &outcome)?;
        let budget = grown.flops;
        let mut found = vec![];
        if controls.contains(&Control::Off) {
            let outcome = self.train(&experiment, Growth::Off, &self.folder("twins"), DisplayMode::Silent)?;
            found.push((Control::Off, self.arm(&experiment, model, &outcome)?));
        }
        if fossilised > 0 {
            if controls.contains(&Control::Static) {
                let fixed = self.fixed(&experiment, &outcome.growth)?;
                found.push((Control::Static, self.trained(&experiment, fixed, "static")?));
            }
            if controls.contains(&Control::EqualFlops) {
                let arm = self.equal_flops(&experiment, &outcome.growth, budget, 1.0)?;
                found.extend(arm.map(|arm| (Control::EqualFlops, arm)));
            }
        }
        let mut row = Row { grown, log: outcome.growth.log.clone(), fossilised, controls: vec![], experiment };
        found.into_iter().for_each(|(control, arm)| row.set(control, arm));
        Ok(row)
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.arguments.runs.join(name)
    }

    /// The grown network from step 0. The gate rows stay withheld: every arm sees the same rows.
    fn fixed(&self, experiment: &Experiment, growth: &GrowthState) -> Result<Model, Failure> {
        static_network(&experiment.model, growth).map_err(|e| failed(e, experiment, self.terminal))
    }

    fn trained(&self, experiment: &Experiment, model: Model, folder: &str) -> Result<Arm, Failure> {
        let experiment = experiment.with_model(model)?;
        let outcome = self.train(&experiment, Growth::Off, &self.folder(folder), DisplayMode::Silent)?;
        self.arm(&experiment, &experiment.model, &outcome)
    }

    /// The grown network trained from step 0, for as many whole epochs as the growing run's FLOPs last, with a multiple of the experiment's
    /// learning rate.
    fn equal_flops(&self, experiment: &Experiment, growth: &GrowthState, budget: Option<u64>, rate: f64) -> Result<Option<Arm>, Failure> {
        let mut fixed = self.fixed(experiment, growth)?;
        let rows = esper_train::training_rows(&experiment.model, &experiment.folder).map_err(|e| failed(e, experiment, self.terminal))?;
        let epoch_steps = rows.div_ceil(fixed.settings.batch.min(rows)) as u64;
        let epoch = training_flops(&fixed, &GrowthState::default(), fixed.settings.batch, epoch_steps);
        let epoch = epoch.map_err(|e| failed(e, experiment, self.terminal))?;
        let (Some(budget), Some(epoch)) = (budget, epoch) else { return Ok(None) };
        fixed.settings.epochs = usize::try_from(budget / epoch.max(1)).unwrap_or(usize::MAX).max(1);
        rate::scale(&mut fixed.optimizer, rate).map_err(Failure::Bug)?;
        self.trained(experiment, fixed, "equal_flops").map(Some)
    }

    /// Tunes the learning rate of the static network on validation loss, over all seeds together. Gives the multiple that was best.
    fn tune_equal_flops(&self, rows: &mut [Row]) -> Result<Option<f64>, Failure> {
        let loss = |arms: &[(usize, Arm)]| arms.iter().map(|(_, arm)| verdict::loss(arm)).sum::<f64>();
        let as_written = |(i, row): (usize, &Row)| Some((i, row.arm(Control::EqualFlops)?.clone()));
        let mut best: (f64, Vec<(usize, Arm)>) = (1.0, rows.iter().enumerate().filter_map(as_written).collect());
        if best.1.is_empty() {
            return Ok(None);
        }
        for rate in rate::GRID.into_iter().filter(|rate| *rate != 1.0) {
            let mut arms = vec![];
            for (i, _) in &best.1 {
                let growth = GrowthState { log: rows[*i].log.clone(), ..GrowthState::default() };
                let arm = self.equal_flops(&rows[*i].experiment, &growth, rows[*i].grown.flops, rate);
                match arm {
                    Ok(arm) => arms.extend(arm.map(|arm| (*i, arm))),
                    // A rate at which training diverges is not the best one.
                    Err(Failure::Diverged) => break,
                    Err(other) => return Err(other),
                }
            }
            if arms.len() == best.1.len() && loss(&arms) < loss(&best.1) {
                best = (rate, arms);
            }
        }
        let (rate, arms) = best;
        arms.into_iter().for_each(|(i, arm)| rows[i].set(Control::EqualFlops, arm));
        Ok(Some(rate))
    }

    /// Replays the changes of the first run that grew with every seed.
    fn fixed_schedule(&self, rows: &mut [Row]) -> Result<(), Failure> {
        let Some(log) = rows.iter().find(|row| row.fossilised > 0).map(|row| row.log.clone()) else { return Ok(()) };
        for row in rows {
            let folder = self.folder("fixed_schedule");
            let outcome = self.train(&row.experiment, Growth::Replay(log.clone()), &folder, DisplayMode::Silent)?;
            let arm = self.arm(&row.experiment, &row.experiment.model, &outcome)?;
            row.set(Control::FixedSchedule, arm);
        }
        Ok(())
    }

    fn arm(&self, experiment: &Experiment, model: &Model, outcome: &Outcome) -> Result<Arm, Failure> {
        let error = |e| failed(e, experiment, self.terminal);
        let grown = outcome.growth.grown(model).map_err(error)?;
        let parameters = grown.parameters.iter().map(|p| p.ty.elements().unwrap_or(0) as u64).sum();
        let flops = training_flops(model, &outcome.growth, model.settings.batch, outcome.step).map_err(error)?;
        let last = outcome.last.clone().ok_or_else(|| Failure::Run("a run ended without an epoch".to_string()))?;
        Ok(Arm { folder: outcome.folder.clone(), last, parameters, flops })
    }

    fn train(&self, experiment: &Experiment, growth: Growth, runs: &Path, mode: DisplayMode) -> Result<Outcome, Failure> {
        let mut display = Display::new(mode, Box::new(std::io::stderr()));
        let options = RunOptions {
            runs: runs.to_path_buf(),
            resume: None,
            data_folder: Some(experiment.folder.clone()),
            device: self.device,
            artifact: &experiment.artifact,
            interrupt: self.signals.flag(),
            log_every: 10,
            stop_at_step: None,
            growth,
        };
        let outcome = train(&experiment.model, &options, &mut display).map_err(|e| failed(e, experiment, self.terminal))?;
        if outcome.interrupted { Err(Failure::Interrupted(self.signals.code())) } else { Ok(outcome) }
    }
}
