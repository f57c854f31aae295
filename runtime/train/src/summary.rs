//! The summary before the first step: the model as it is. All numbers are exact.
use crate::RunError;
use crate::data::{self, Dataset};
use crate::engine::{Prepared, Sizes};
use crate::programs::{Compiled, Programs, batch_sizes};
use esper_codegen::Class;
use esper_device::Device;
use esper_ir::Model;
use std::path::Path;

/// What the summary tells beside the model itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Rows for training, validation and test.
    pub rows: [usize; 3],
    /// Rows of a full batch.
    pub batch: usize,
    /// Steps of an epoch.
    pub epoch_steps: u64,
    /// Floating-point operations of a step of a full batch, where known.
    pub flops: Option<u64>,
    /// Bytes of each lifetime class, in the order of [`Class::ALL`]: what is reserved on the device.
    pub arenas: [usize; 7],
}

impl Summary {
    pub(crate) fn new(model: &Model, dataset: &Dataset, programs: &dyn Programs, arenas: [usize; 7]) -> Result<Summary, RunError> {
        let split = &dataset.split;
        let batch = model.settings.batch.min(split.train.len());
        Ok(Summary {
            rows: [split.train.len(), split.val.len(), split.test.len()],
            batch,
            epoch_steps: split.train.len().div_ceil(batch) as u64,
            flops: programs.step_flops(batch)?,
            arenas,
        })
    }

    /// The summary as text, for people.
    pub fn text(&self, model: &Model) -> String {
        let mut text = format!("{}: {}\n\n", model.name, model.host);
        text.push_str(&layers(model));
        let steps = self.epoch_steps * model.settings.epochs as u64;
        let last = match self.rows[0] % self.batch {
            0 => String::new(),
            rows => format!(" (the last of {rows} {})", plural(rows as u64, "row")),
        };
        let [train, val, test] = self.rows;
        let facts = [
            ("data", format!("{} rows: {train} for training, {val} for validation, {test} for the test", train + val + test)),
            (
                "batches",
                format!(
                    "{} {}; {} {} an epoch{last}; {} {}, {steps} {}; seed {}",
                    self.batch,
                    plural(self.batch as u64, "row"),
                    self.epoch_steps,
                    plural(self.epoch_steps, "step"),
                    model.settings.epochs,
                    plural(model.settings.epochs as u64, "epoch"),
                    plural(steps, "step"),
                    model.settings.seed
                ),
            ),
            ("training", format!("{} on {}{}", model.optimizer.name, model.loss, clipping(model))),
            ("work", self.flops.map_or("unknown".to_string(), |n| format!("{} floating-point operations a step", thousands(n)))),
            ("memory", format!("{} bytes", thousands(self.arenas.iter().map(|n| *n as u64).sum()))),
        ];
        text.push('\n');
        for (name, fact) in facts {
            text.push_str(&format!("{name:<9} {fact}\n"));
        }
        for (class, bytes) in Class::ALL.into_iter().zip(self.arenas) {
            text.push_str(&format!("  {:<17} {:>15}\n", class_name(class), thousands(bytes as u64)));
        }
        text
    }
}

/// The summary of a model as it would be trained: reads the data and builds every program, takes no memory
/// for it and trains nothing.
pub fn summarise(model: &Model, device: &dyn Device, data_folder: &Path) -> Result<String, RunError> {
    let dataset = data::prepare(model, data_folder, None)?;
    let programs = Compiled::new(model)?;
    let prepared = Prepared::new(device, &programs, model, &training_sizes(model, &dataset))?;
    Ok(Summary::new(model, &dataset, &programs, prepared.arenas())?.text(model))
}

/// How many rows a model is trained on: those of its data that are not validated, tested or withheld.
pub fn training_rows(model: &Model, data_folder: &Path) -> Result<usize, RunError> {
    Ok(data::prepare(model, data_folder, None)?.split.train.len())
}

/// The sizes of batches that a training run needs programs for.
pub(crate) fn training_sizes(model: &Model, dataset: &Dataset) -> Sizes {
    let batch = model.settings.batch;
    let (step, eval) = (batch_sizes(dataset.split.train.len(), batch), batch_sizes(dataset.split.val.len(), batch));
    // Gains are measured row by row.
    let trial = std::iter::once(1).chain(eval.iter().copied().filter(|n| *n != 1)).collect();
    Sizes { step, eval, trial, ..Sizes::default() }
}

/// The table of layers: every instance with what goes in and out and the numbers it owns itself.
fn layers(model: &Model) -> String {
    let count = |of: &[esper_ir::Parameter], path: &str| -> u64 {
        of.iter().filter(|p| p.owner.0 == path).map(|p| p.ty.elements().unwrap_or(0) as u64).sum()
    };
    let total = |of: &[esper_ir::Parameter]| of.iter().map(|p| p.ty.elements().unwrap_or(0) as u64).sum::<u64>();
    let with_states = !model.states.is_empty();
    let mut rows = vec![["layer", "blueprint", "input", "output", "parameters", "state"].map(str::to_string)];
    for layer in &model.layers {
        rows.push([
            layer.path.clone(),
            layer.blueprint.clone(),
            layer.input.to_string(),
            layer.output.to_string(),
            thousands(count(&model.parameters, &layer.path)),
            thousands(count(&model.states, &layer.path)),
        ]);
    }
    // Parameters of the model itself belong to no layer.
    let listed: u64 = model.layers.iter().map(|l| count(&model.parameters, &l.path)).sum();
    let rest = total(&model.parameters).saturating_sub(listed);
    if rest > 0 {
        rows.push(["(model)".into(), String::new(), String::new(), String::new(), thousands(rest), String::new()]);
    }
    let all = [thousands(total(&model.parameters)), thousands(total(&model.states))];
    rows.push(["total".into(), String::new(), String::new(), String::new(), all[0].clone(), all[1].clone()]);
    let columns = if with_states { 6 } else { 5 };
    let widths: Vec<usize> = (0..columns).map(|c| rows.iter().map(|r| r[c].chars().count()).max().unwrap_or(0)).collect();
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (c, cell) in row.iter().enumerate().take(columns) {
            let gap = " ".repeat(widths[c] - cell.chars().count());
            match c {
                // Numbers stand to the right.
                4.. => line.push_str(&format!("{gap}{cell}  ")),
                _ => line.push_str(&format!("{cell}{gap}  ")),
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn clipping(model: &Model) -> String {
    model.settings.clip.map(|limit| format!(", gradients clipped to a norm of {limit}")).unwrap_or_default()
}

pub(crate) fn class_name(class: Class) -> &'static str {
    match class {
        Class::Parameters => "parameters",
        Class::States => "states",
        Class::OptimizerStates => "optimizer states",
        Class::Gradients => "gradients",
        Class::Scalars => "scalars",
        Class::Exchange => "batch and results",
        Class::Activations => "activations",
    }
}

fn plural(n: u64, word: &str) -> String {
    if n == 1 { word.to_string() } else { format!("{word}s") }
}

/// Three digits and a unit: `129 kB`, `1.71 TB`.
pub(crate) fn bytes_in_words(bytes: u64) -> String {
    let mut value = bytes as f64;
    let mut unit = "bytes";
    for next in ["kB", "MB", "GB", "TB", "PB", "EB"] {
        if value < 999.5 {
            break;
        }
        (value, unit) = (value / 1e3, next);
    }
    match value {
        v if unit == "bytes" => format!("{v:.0} {unit}"),
        v if v < 9.995 => format!("{v:.2} {unit}"),
        v if v < 99.95 => format!("{v:.1} {unit}"),
        v => format!("{v:.0} {unit}"),
    }
}

/// `1,234,567`.
pub(crate) fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
