//! The fields of a `train` and the words that only they know: one table that the check, `--set`, documentation and did-you-mean read.

/// What stands in a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// A value of the program: every name in it must be known.
    Value,
    /// One of [`WORDS`], maybe with arguments, in which every name must be known.
    Word,
    /// A list of words.
    Words,
}

/// A field of a `train`.
#[derive(Clone, Copy, Debug)]
pub struct FieldInfo {
    /// Its name.
    pub name: &'static str,
    /// What stands in it.
    pub holds: Holds,
    /// As a user would write it.
    pub example: &'static str,
    /// What it says, and what holds where it is left out.
    pub doc: &'static str,
    /// Whether an experiment must say it.
    pub required: bool,
}

/// A word that a field knows.
#[derive(Clone, Copy, Debug)]
pub struct WordInfo {
    /// The field.
    pub field: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Its parameters in their order, with what holds where they are left out.
    pub parameters: &'static [(&'static str, Option<&'static str>)],
    /// What it means.
    pub doc: &'static str,
}

const fn field(name: &'static str, holds: Holds, required: bool, example: &'static str, doc: &'static str) -> FieldInfo {
    FieldInfo { name, holds, example, doc, required }
}

/// All fields of a `train`, in the order in which one writes them.
pub const FIELDS: &[FieldInfo] = &[
    field("model", Holds::Value, true, "model = Mlp(10)", "The blueprint that is trained, with its arguments."),
    field(
        "data",
        Holds::Word,
        true,
        "data = csv(\"data.csv\", label = 0)",
        "Where the rows come from: `csv` or `idx`. Paths are taken from the folder of the blueprint.",
    ),
    field(
        "split",
        Holds::Word,
        false,
        "split = holdout(val = 0.2, test = 0.1)",
        "How the rows are divided for training, validation and test. Without it, `holdout(val = 0.1)`.",
    ),
    field(
        "normalise",
        Holds::Word,
        false,
        "normalise = per_feature",
        "What is done to features before the model: mean 0 and deviation 1 over the training rows. Without it, nothing.",
    ),
    field("augment", Holds::Value, false, "augment = flip", "Random changes of training rows. Does not exist yet."),
    field(
        "loss",
        Holds::Value,
        true,
        "loss = cross_entropy",
        "The function of the model's result and of the target that training makes small: an f32.",
    ),
    field("metrics", Holds::Value, false, "metrics = [accuracy]", "Further functions of the same form, which are shown and logged."),
    field("optimizer", Holds::Value, true, "optimizer = AdamW(lr = 1e-3)", "The update rule, with its run-time scalars and schedules."),
    field(
        "clip",
        Holds::Value,
        false,
        "clip = 1.0",
        "The largest norm of the whole gradient; a longer one is scaled to it. Without it, no limit.",
    ),
    field("batch", Holds::Value, true, "batch = 64", "Rows of a step. The last batch of an epoch may be smaller."),
    field("epochs", Holds::Value, true, "epochs = 10", "How often training passes over all training rows."),
    field(
        "seed",
        Holds::Value,
        false,
        "seed = 0",
        "Everything random follows from it: the split, initial values, the order of the rows, dropout. Without it, 0.",
    ),
    field(
        "on_nonfinite",
        Holds::Word,
        false,
        "on_nonfinite = rollback",
        "What is done about a step whose loss or gradient is not finite. Without it, `rollback` with `grow` and `stop` without.",
    ),
    field(
        "start",
        Holds::Word,
        false,
        "start = safetensors(\"digits.safetensors\")",
        "The weights that training starts from, as `esperc export` writes them. Without it, initial values.",
    ),
    field("precision", Holds::Word, false, "precision = f32", "The element type of the arithmetic. So far only `f32`."),
    field("controls", Holds::Words, false, "controls = [off]", "What `esperc run` trains beside a growing run and compares it with."),
    field(
        "save_every",
        Holds::Value,
        false,
        "save_every = 10",
        "Every so many epochs a checkpoint `epoch-…` is kept beside `best` and `last`. Without it, 10.",
    ),
];

const fn word(
    field: &'static str,
    name: &'static str,
    parameters: &'static [(&'static str, Option<&'static str>)],
    doc: &'static str,
) -> WordInfo {
    WordInfo { field, name, parameters, doc }
}

const NOT_YET: &str = "Does not exist yet.";

/// All words of fields.
pub const WORDS: &[WordInfo] = &[
    word(
        "data",
        "csv",
        &[("path", None), ("label", Some("-1")), ("scale", Some("1")), ("shape", Some("…")), ("header", Some("false"))],
        "Rows of numbers, separated by commas, in a file that may be compressed with gzip. `label` is the column of the target, counted from 0, \
         or from the end where it is negative; the others are the features, in their order, times `scale`. `shape` is what one row is to the \
         model, `[1, 8, 8]`, where the model alone does not say it. `header = true` skips the first line.",
    ),
    word(
        "data",
        "idx",
        &[("images", None), ("labels", None), ("scale", Some("1")), ("shape", Some("…"))],
        "Two files of MNIST's format, which may be compressed with gzip: bytes as features, and one byte each as the target. `scale` and \
         `shape` are as for `csv`.",
    ),
    word("data", "text", &[], NOT_YET),
    word("data", "records", &[], NOT_YET),
    word("data", "tensors", &[], NOT_YET),
    word(
        "split",
        "holdout",
        &[("val", Some("0")), ("test", Some("0")), ("seed", Some("…"))],
        "Shares of the rows, drawn at random by `seed`, or by the run's where it is left out. The test rows are read by `esperc eval RUN --split test` alone.",
    ),
    word(
        "split",
        "tail",
        &[("val", Some("0")), ("test", Some("0"))],
        "Shares of the rows from the end of the file: the test rows last, before them the validation rows.",
    ),
    word("on_nonfinite", "stop", &[], "The run stops and says which tensor went bad first."),
    word(
        "on_nonfinite",
        "rollback",
        &[],
        "The run goes back to its last good state, takes out the newest seed that counts or halves the learning rate, and goes on; the third time within a hundred steps it stops.",
    ),
    word("controls", "off", &[], "The same without growth: the twin."),
    word("controls", "static", &[], "The network that grew, trained from step 0 for as many epochs."),
    word("controls", "equal_flops", &[], "The same for as many whole epochs as the growing run's FLOPs last, with a tuned learning rate."),
    word("controls", "fixed_schedule", &[], "The changes of the first run that grew, at the same steps, with every seed."),
    word("controls", "static_final", &[], NOT_YET),
    word("controls", "pruned_from_large", &[], NOT_YET),
    word(
        "start",
        "safetensors",
        &[("path", None)],
        "Every parameter and running statistic of the model under its path, and nothing else. The path is taken from the folder of the blueprint.",
    ),
    word("precision", "f32", &[], "32-bit floating point."),
    word("normalise", "none", &[], "Features stay as they are."),
    word("normalise", "per_feature", &[], "Every feature by its own mean and deviation."),
    word("normalise", "per_channel", &[], "Every channel, the first axis of `shape`, by its own mean and deviation."),
    word("normalise", "global", &[], "All features by one mean and deviation."),
];

impl WordInfo {
    /// As a user would write it: `holdout(val = 0, test = 0, seed = …)`.
    pub fn signature(&self) -> String {
        let parameters: Vec<String> =
            self.parameters.iter().map(|(name, default)| default.map_or(name.to_string(), |value| format!("{name} = {value}"))).collect();
        if parameters.is_empty() { self.name.to_string() } else { format!("{}({})", self.name, parameters.join(", ")) }
    }
}

/// The field of that name.
pub fn field_named(name: &str) -> Option<&'static FieldInfo> {
    FIELDS.iter().find(|f| f.name == name)
}

/// The words of a field.
pub fn words_of(field: &str) -> impl Iterator<Item = &'static WordInfo> {
    WORDS.iter().filter(move |w| w.field == field)
}
