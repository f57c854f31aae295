//! What is said about data that does not fit: diagnostics that show the place in the blueprint and the place in the data.
use esper_diagnostics::{CodeRecord, Diagnostic};
use esper_ir::DataSpec;
use std::fmt;

/// A place in a data file, as editors and terminals link it: `digits.csv:17:5`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataPlace<'a> {
    /// The file as messages name it.
    pub file: &'a str,
    /// From 1; in a compressed file, of the text inside.
    pub line: u64,
    /// From 1, in bytes.
    pub column: usize,
}

impl fmt::Display for DataPlace<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// An error about the data as such.
pub(super) fn problem(spec: &DataSpec, code: &str, message: impl Into<String>, label: &str) -> Diagnostic {
    Diagnostic::error(code, message, spec.span, label)
}

/// An error at a place in a file; `excerpt` is what stands there.
pub(super) fn at(spec: &DataSpec, code: &str, place: &DataPlace, message: impl fmt::Display, label: &str, excerpt: &str) -> Diagnostic {
    problem(spec, code, format!("{place}: {message}"), label).note(format!("in the data, line {}: {excerpt}", place.line))
}

/// The model asks for something that no file of rows can give.
pub(super) fn format(spec: &DataSpec, message: String) -> Diagnostic {
    problem(spec, "D0111", message, "this data has one row of numbers and one target for each example")
}

/// A source that the language knows and this runtime does not.
pub(super) fn unsupported(spec: &DataSpec, function: &str) -> Diagnostic {
    problem(spec, "D0112", format!("data from `{function}` cannot be read by this version"), "read here")
        .help("`csv(…)` and `idx(…)` can be read")
}

const fn record(code: &'static str, title: &'static str, explanation: &'static str) -> CodeRecord {
    // No text alone raises these: they need a file of data, or a run.
    CodeRecord { code, title, explanation, wrong: "", right: "" }
}

/// What the codes of data and runs mean.
pub const CODES: &[CodeRecord] = &[
    record(
        "D0101",
        "a data file cannot be opened",
        "The file that `data` names does not exist, is a folder, or may not be read. Paths in a blueprint are looked up from the folder \
that the blueprint lies in, not from the folder that the command runs in.",
    ),
    record(
        "D0102",
        "a compressed data file is damaged",
        "A file whose name ends in `.gz` is not gzip data, ends in the middle, or fails its checksum. Usually a download was cut off: \
`gzip -t FILE` says the same. Nothing is trained on the part that could be read.",
    ),
    record(
        "D0103",
        "an IDX file is damaged",
        "IDX files (MNIST's format) begin with two zero bytes, the type of an element and the number of axes, then the sizes. The file begins \
otherwise, is shorter or longer than its sizes say, or has another number of rows than the file of labels.",
    ),
    record(
        "D0104",
        "a value is not a number",
        "Every cell of a csv file must be a number such as `3`, `-0.5` or `1e-3`. Where the first line holds the names of the columns, \
write `header = true`. Missing values must be filled in or their rows removed before training.",
    ),
    record(
        "D0105",
        "a value is NaN or infinite",
        "One such value makes the whole network NaN within a step or two, so they are refused before training. Fill them in or remove their rows. \
A finite number that `scale` makes too large for an f32 counts too.",
    ),
    record(
        "D0106",
        "the rows of a file differ in length",
        "All rows of a csv file must have as many values as the first one. A row that is shorter is often the last one of a file that was cut off.",
    ),
    record(
        "D0107",
        "the rows do not have the model's size",
        "The number of values in a row, without the label, is not the number of features that the model takes; or the shape differs. \
`shape = [1, 28, 28]` gives a row of 784 values the shape of an image with one channel.",
    ),
    record(
        "D0108",
        "the label column does not exist",
        "`label = n` counts the columns from 0; a negative number counts from the end, `label = -1` is the last one.",
    ),
    record(
        "D0109",
        "a label is not a class of the model",
        "The loss reads targets as class numbers. They must be whole numbers from 0 to one less than the number of classes, which is the last \
size of what the model predicts. Labels that count from 1 need one class more or one less in the file.",
    ),
    record(
        "D0110",
        "the rows cannot be divided as asked",
        "The file has no rows, or so few that training, validation or test would have none; or the shares leave nothing to train on. \
With `split = holdout(val = 0.2)`, a fifth of the rows, rounded, is for validation.",
    ),
    record(
        "D0111",
        "the model does not take rows of a file",
        "A row of a csv or IDX file gives the model one f32 tensor and the loss one target: a class number (i32) or a number (f32).",
    ),
    record("D0112", "the source of data is not supported", "The language knows this source, this version of the runtime does not read it."),
    record("D0113", "a run's settings cannot be used", "`batch` and `epochs` must be at least 1."),
    record(
        "D0114",
        "a run does not fit in memory",
        "What a run needs is known before its first step: parameters, their gradients, the states of the optimizer, and the activations of a \
batch. It is more than the machine has free. A smaller layer or, where the activations are what is large, a smaller `batch` helps; \
`esperc run --dry-run` shows the sums without asking for the memory.",
    ),
    record(
        "D0115",
        "training cannot start from a file of weights",
        "The file that `start = safetensors(\"…\")` names is read from the folder that the blueprint lies in. It holds every parameter and \
running statistic of the model under its path, in the same shape, and nothing else, as `esperc export` writes it.",
    ),
    record(
        "D0201",
        "training went to NaN or infinity",
        "The loss or a gradient stopped being a number. The run stops before the step changes anything, and names the first tensor of the step \
that went bad and the line of source that it came from. Usual causes: a learning rate that is too high, a logarithm or a division that meets 0, \
features that were not scaled. `clip = 1.0` in the `train` bounds the gradient's norm.",
    ),
];
