//! `esperc run --twin --seeds`: growing runs beside their no-growth twins, and the verdict with its interval.
use crate::exit::Failure;
use crate::experiment::Experiment;
use crate::run::{Run, Signals, display_mode, failed, open_device};
use crate::terminal::{Terminal, print};
use esper_device::Device;
use esper_ir::Model;
use esper_telemetry::{Display, DisplayMode, EpochRecord};
use esper_train::growth::{Growth, GrowthState, static_network, training_flops};
use esper_train::{Outcome, RunOptions, train};
use std::fmt::Write as _;
use std::path::Path;

/// What one arm came to with one seed.
struct Arm {
    last: EpochRecord,
    parameters: u64,
    flops: Option<u64>,
}

/// All arms of one seed.
struct Row {
    seed: u64,
    grown: Arm,
    fossilised: usize,
    off: Option<Arm>,
    fixed: Option<Arm>,
}

/// Runs every seed (the experiment's own where none is named), with its twin and control where they are asked for.
pub fn compare(arguments: &Run, terminal: &Terminal) -> Result<(), Failure> {
    let file = arguments.file.as_deref().ok_or_else(|| Failure::Usage("say what to train: `esperc run FILE`".to_string()))?;
    let device = open_device(&arguments.device, arguments.threads)?;
    let signals = Signals::listen()?;
    let first = Experiment::load(file, arguments.train.as_deref(), &arguments.set, terminal)?;
    let seeds = arguments.seeds.clone().unwrap_or_else(|| vec![first.model.settings.seed]);
    if arguments.twin && first.model.policies.is_empty() {
        return Err(Failure::Usage(format!("`{}` has no `grow` lines: a twin without growth would be the same run", first.model.name)));
    }
    let mut rows = vec![];
    for (number, seed) in seeds.iter().enumerate() {
        let set: Vec<String> = arguments.set.iter().cloned().chain([format!("seed={seed}")]).collect();
        let experiment = Experiment::load(file, arguments.train.as_deref(), &set, terminal)?;
        let runner = Runner { arguments, device: &*device, signals: &signals, terminal, experiment: &experiment };
        // The first is shown whole; of the others, what they come to.
        let mode = if number == 0 { display_mode(arguments.quiet) } else { DisplayMode::Silent };
        rows.push(runner.row(*seed, mode)?);
        if !arguments.quiet {
            eprint!("{}", told(&rows[number], number == 0));
        }
    }
    print(&verdict(&rows))
}

/// Trains the arms of one seed.
struct Runner<'a> {
    arguments: &'a Run,
    device: &'a dyn Device,
    signals: &'a Signals,
    terminal: &'a Terminal,
    experiment: &'a Experiment,
}

impl Runner<'_> {
    fn row(&self, seed: u64, mode: DisplayMode) -> Result<Row, Failure> {
        let model = &self.experiment.model;
        let grown = self.train(self.experiment, Growth::Policies, &self.arguments.runs, mode)?;
        let fossilised = grown.growth.fossilised();
        let arm = self.arm(model, &grown)?;
        let (mut off, mut fixed) = (None, None);
        if self.arguments.twin {
            let twins = self.arguments.runs.join("twins");
            let outcome = self.train(self.experiment, Growth::Off, &twins, DisplayMode::Silent)?;
            off = Some(self.arm(model, &outcome)?);
            if fossilised > 0 {
                fixed = self.static_arm(model, &grown.growth, arm.flops)?;
            }
        }
        Ok(Row { seed, grown: arm, fossilised, off, fixed })
    }

    /// The grown network trained from step 0, for as many whole epochs as the growing run's FLOPs last.
    fn static_arm(&self, model: &Model, growth: &GrowthState, budget: Option<u64>) -> Result<Option<Arm>, Failure> {
        let error = |e| failed(e, self.experiment, self.terminal);
        let mut fixed = static_network(model, growth).map_err(error)?;
        // The gate rows stay withheld: every arm sees the same rows.
        let epoch_steps = self.epoch_steps(model)?;
        let epoch = training_flops(&fixed, &GrowthState::default(), model.settings.batch, epoch_steps).map_err(error)?;
        let (Some(budget), Some(epoch)) = (budget, epoch) else { return Ok(None) };
        fixed.settings.epochs = usize::try_from(budget / epoch.max(1)).unwrap_or(usize::MAX).max(1);
        let experiment = self.experiment.with_model(fixed)?;
        let outcome = self.train(&experiment, Growth::Off, &self.arguments.runs.join("static"), DisplayMode::Silent)?;
        self.arm(&experiment.model, &outcome).map(Some)
    }

    fn epoch_steps(&self, model: &Model) -> Result<u64, Failure> {
        let rows = esper_train::training_rows(model, &self.experiment.folder).map_err(|e| failed(e, self.experiment, self.terminal))?;
        Ok(rows.div_ceil(model.settings.batch.min(rows)) as u64)
    }

    fn arm(&self, model: &Model, outcome: &Outcome) -> Result<Arm, Failure> {
        let error = |e| failed(e, self.experiment, self.terminal);
        let grown = outcome.growth.grown(model).map_err(error)?;
        let parameters = grown.parameters.iter().map(|p| p.ty.elements().unwrap_or(0) as u64).sum();
        let flops = training_flops(model, &outcome.growth, model.settings.batch, outcome.step).map_err(error)?;
        let last = outcome.last.clone().ok_or_else(|| Failure::Run("a run ended without an epoch".to_string()))?;
        Ok(Arm { last, parameters, flops })
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

fn loss(arm: &Arm) -> f64 {
    arm.last.val.as_ref().unwrap_or(&arm.last.train).loss
}

/// Accuracy where it is measured, otherwise nothing.
fn accuracy(arm: &Arm) -> Option<f64> {
    arm.last.val.as_ref().unwrap_or(&arm.last.train).metrics.get("accuracy")
}

/// One seed's line, after a heading where it is the first.
fn told(row: &Row, first: bool) -> String {
    let mut text = String::new();
    if first {
        let _ = writeln!(
            text,
            "\nseed  grown: val loss  accuracy  parameters  fossilised   off: val loss  accuracy   static at equal FLOPs: val loss  accuracy"
        );
    }
    let share = |arm: Option<&Arm>| arm.and_then(accuracy).map_or("-".to_string(), |a| format!("{a:.4}"));
    let number = |arm: Option<&Arm>| arm.map_or("-".to_string(), |a| format!("{:.4}", loss(a)));
    let (off, fixed) = (row.off.as_ref(), row.fixed.as_ref());
    let _ = writeln!(
        text,
        "{:>4}  {:>15}  {:>8}  {:>10}  {:>10}   {:>13}  {:>8}   {:>31}  {:>8}",
        row.seed,
        number(Some(&row.grown)),
        share(Some(&row.grown)),
        row.grown.parameters,
        row.fossilised,
        number(off),
        share(off),
        number(fixed),
        share(fixed)
    );
    text
}

/// What all seeds together say.
fn verdict(rows: &[Row]) -> String {
    let pairs: Vec<(&Arm, &Arm)> = rows.iter().filter_map(|r| Some((&r.grown, r.off.as_ref()?))).collect();
    let mut text = String::new();
    let fossils = rows.iter().filter(|r| r.fossilised > 0).count();
    let _ = writeln!(text, "growth: a seed became part of the network in {fossils} of {} runs", rows.len());
    if pairs.is_empty() {
        return text;
    }
    let (gain, half) = interval(&pairs.iter().map(|(grown, off)| loss(off) - loss(grown)).collect::<Vec<_>>());
    let said = match half {
        Some(half) if gain - half > 0.0 => "growth wins",
        Some(half) if gain + half < 0.0 => "growth loses",
        Some(_) => "no difference that these seeds could show",
        None => "one seed shows no interval",
    };
    let _ = writeln!(text, "verdict: {said}: validation loss {}", plus_minus(["lower", "higher"], gain, half, 4, ""));
    let shares: Vec<f64> = pairs.iter().filter_map(|(grown, off)| Some(100.0 * (accuracy(grown)? - accuracy(off)?))).collect();
    if shares.len() == pairs.len() {
        let (gain, half) = interval(&shares);
        let _ = writeln!(text, "         accuracy {}", plus_minus(["higher", "lower"], gain, half, 2, " points"));
    }
    let fixed: Vec<(&Arm, &Arm)> = rows.iter().filter_map(|r| Some((&r.grown, r.fixed.as_ref()?))).collect();
    if !fixed.is_empty() {
        let (gain, half) = interval(&fixed.iter().map(|(grown, fixed)| loss(fixed) - loss(grown)).collect::<Vec<_>>());
        let told = plus_minus(["lower", "higher"], gain, half, 4, "");
        let _ = writeln!(
            text,
            "beside:  against the grown network trained from step 0 for the same FLOPs (same learning rate), validation loss {told}, {} of {} runs",
            fixed.len(),
            rows.len()
        );
    }
    if let (Some(grown), Some(off)) = (mean_flops(pairs.iter().map(|p| p.0)), mean_flops(pairs.iter().map(|p| p.1))) {
        let _ = writeln!(
            text,
            "cost:    {grown:.3} GFLOP of training steps against {off:.3} without growth (shadow tails counted, evaluations not)"
        );
    }
    text
}

/// `lower by 0.1 (95 % paired t interval 0.05 to 0.15)`: which of the two words it is, the sign of the gain says.
fn plus_minus(words: [&str; 2], gain: f64, half: Option<f64>, digits: usize, unit: &str) -> String {
    let (word, sign) = if gain < 0.0 { (words[1], -1.0) } else { (words[0], 1.0) };
    let size = sign * gain;
    match half {
        Some(half) => {
            format!("{word} by {size:.digits$}{unit} (95 % paired t interval {:.digits$} to {:.digits$})", size - half, size + half)
        }
        None => format!("{word} by {size:.digits$}{unit}"),
    }
}

fn mean_flops<'a>(arms: impl Iterator<Item = &'a Arm>) -> Option<f64> {
    let all: Vec<f64> = arms.map(|a| a.flops.map(|f| f as f64 / 1e9)).collect::<Option<_>>()?;
    Some(all.iter().sum::<f64>() / all.len() as f64)
}

/// The mean and half the width of its 95 % interval by Student's t; no width for a single value.
fn interval(values: &[f64]) -> (f64, Option<f64>) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    if values.len() < 2 {
        return (mean, None);
    }
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, Some(quantile(values.len() - 1) * (variance / n).sqrt()))
}

/// The 0.975 quantile of Student's t. Above 30 degrees of freedom by the expansion of Cornish and Fisher, exact to three digits there.
fn quantile(freedom: usize) -> f64 {
    const TABLE: [f64; 30] = [
        12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101,
        2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
    ];
    let z = 1.959_964f64;
    let n = freedom as f64;
    let expanded = z + (z.powi(3) + z) / (4.0 * n) + (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / (96.0 * n * n);
    TABLE.get(freedom - 1).copied().unwrap_or(expanded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_students() {
        // R: t.test(c(1, 2, 3, 4, 5)): mean 3, interval 1.036757 to 4.963243.
        let (mean, half) = interval(&[1.0, 2.0, 3.0, 4.0, 5.0]);
        assert!((mean - 3.0).abs() < 1e-12 && (half.unwrap() - 1.963_243).abs() < 1e-3);
        assert_eq!(interval(&[2.0]), (2.0, None));
        assert!((quantile(31) - 2.0395).abs() < 1e-3 && (quantile(120) - 1.9799).abs() < 1e-3);
    }
}
