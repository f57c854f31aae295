//! The one contract between compiler and runtime: a model with everything that training it needs, and no source text to parse.
use crate::{Control, Graph, Input, Live, Policy, Seed, Slot, TensorType};
use esper_diagnostics::Span;
use serde::{Deserialize, Serialize};

/// The name of the one symbolic size that may remain in a model's graphs: how many rows a batch has.
pub const BATCH: &str = "batch";

/// A trained tensor. Its type has no symbolic sizes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Parameter {
    /// The instance path: `blocks[0].first.weight`.
    pub path: String,
    /// Its type.
    pub ty: TensorType,
    /// A graph without inputs whose one output is the initial value. Its streams are keyed by (seed, step 0).
    pub init: Graph,
    /// Where it is declared.
    pub span: Span,
    /// The instantiation of the layer that owns it, for the summary: its path and the blueprint's name.
    pub owner: (String, String),
    /// The run's step before its first update: 0, except for what grew. The update rule counts this parameter's own steps.
    pub born: u64,
}

/// An untrained tensor that training assigns (running statistics). The same fields as a parameter.
pub type State = Parameter;

/// What a graph's output is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum OutputKind {
    /// What `forward` gives.
    Prediction,
    /// The scalar that training makes small.
    Loss,
    /// A scalar to report, by its number in [`Model::metrics`].
    Metric(usize),
    /// The new value of a state.
    State(usize),
    /// The new value of a parameter.
    Parameter(usize),
    /// The new value of a state of the update rule: (state's number in the rule, parameter's number).
    OptimizerState(usize, usize),
    /// A run-time scalar of the update rule, computed by its schedule before the update reads it.
    OptimizerScalar(usize),
    /// The gradient of a parameter, by its number.
    Gradient(usize),
    /// In an update rule's graph: the new value of the updated parameter.
    Updated,
    /// The norm of the gradient of all parameters that do not belong to a live seed, before clipping: a scalar to report.
    GradientNorm,
    /// The loss with a seed that learns in the shadow, by its number in [`Model::live`].
    ShadowLoss(usize),
    /// The norm of the gradient of a live seed's parameters before clipping, by its number in [`Model::live`].
    SeedNorm(usize),
    /// The only output of a schedule, initialiser or gradient rule, by its position.
    Value(usize),
}

/// A run-time scalar of the update rule: a graph of [`Input::Step`], [`Input::TotalSteps`] and [`Input::EpochSteps`] with one f32 scalar output.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ScalarSchedule {
    /// `lr`.
    pub name: String,
    /// Its graph.
    pub graph: Graph,
}

/// An update rule, elaborated for tensors of one rank.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UpdateRule {
    /// Inputs: Updated, Gradient, Step, OptimizerState(k), OptimizerScalar(k); outputs: Updated, OptimizerState(k, 0).
    /// Where `elementwise`, all tensors have the one symbolic shape `[n]`; otherwise the shape is symbolic `d0, d1 …` of that rank.
    pub graph: Graph,
    /// Whether every operator is elementwise, so that one kernel may run over many parameters laid out one after another.
    pub elementwise: bool,
}

/// The optimizer of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Optimizer {
    /// The name of the item: `AdamW`.
    pub name: String,
    /// Names of its states; all f32, of the parameter's shape.
    pub states: Vec<String>,
    /// The initial value of each state.
    pub state_init: Vec<f64>,
    /// Its run-time scalars.
    pub scalars: Vec<ScalarSchedule>,
    /// One rule for each rank that a parameter of the model has: index = rank; `None` where no parameter has it.
    pub rules: Vec<Option<UpdateRule>>,
}

impl Optimizer {
    /// Which of its scalars is the learning rate, by name: `lr`.
    pub fn learning_rate(&self) -> Option<usize> {
        self.scalars.iter().position(|s| s.name == "lr")
    }
}

/// How long something lasts, in a unit of the run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Duration {
    Steps(f64),
    Epochs(f64),
    Share(f64),
}

/// Where the rows come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum DataSource {
    /// `csv("file", label = 64, scale = 1/16, shape = [1, 8, 8], header = false)`: one row a line, `.gz` allowed. `label` counts from 0, negative from the end.
    Csv { path: String, label: i64, header: bool },
    /// `idx(images = "file", labels = "file")`: MNIST's format, `.gz` allowed.
    Idx { images: String, labels: String },
    /// `tensors(…)`, `text(…)`, `records(…)`: known to the language, refused by this runtime with the name.
    Unsupported { function: String },
}

/// The data of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataSpec {
    /// Where rows come from.
    pub source: DataSource,
    /// Every feature is multiplied by it.
    pub scale: f64,
    /// The shape of one row's features; `None`: as the source has it.
    pub shape: Option<Vec<usize>>,
    /// `normalise = none | per_feature | per_channel | global`: mean and deviation of the training rows.
    pub normalise: Normalise,
    /// How rows are divided.
    pub split: Split,
    /// The share of the training rows that is withheld for the gain test of what grows; 0 where nothing may grow.
    #[serde(default)]
    pub gate: f64,
    /// Where `data = …` is written.
    pub span: Span,
    /// Where `split = …` is written, or `data` again.
    pub split_span: Span,
}

/// What statistics of the training rows normalise the features.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Normalise {
    None,
    PerFeature,
    PerChannel,
    Global,
}

/// How rows are divided into training, validation and test.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Split {
    /// Shares of all rows, drawn by a permutation of `seed` (`None`: the run's seed).
    Holdout { val: f64, test: f64, seed: Option<u64> },
    /// Shares at the end, in order: validation, then test.
    Tail { val: f64, test: f64 },
}

/// The settings of a run that `--set` may change without compiling the model again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunSettings {
    /// Rows of a batch.
    pub batch: usize,
    /// Passes over the training rows.
    pub epochs: usize,
    /// Seeds initialisation, order and every random stream.
    pub seed: u64,
    /// The global norm that gradients are clipped to.
    pub clip: Option<f64>,
    /// Save a checkpoint every so many epochs (the last and the best are always kept).
    pub save_every: usize,
    /// What is done about a step whose loss or gradient is not finite.
    pub on_nonfinite: OnNonFinite,
    /// The file of weights that the run starts from, by its path from the data's folder; without it they are initial values.
    #[serde(default)]
    pub start: Option<String>,
}

/// What a run does about a step whose loss or gradient is not finite. The step is never committed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnNonFinite {
    /// It stops and says what went bad first.
    #[default]
    Stop,
    /// It goes back to its last good state, also after a loss far above what it had been, and changes something: the newest seed that counts
    /// is taken out, or the learning rate halves. The third time within a hundred steps it stops.
    Rollback,
}

/// A model and one experiment with it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Model {
    /// The name of the `train` item.
    pub name: String,
    /// The blueprint and its arguments as written: `DigitsMlp(hidden = 16)`.
    pub host: String,
    /// Trained tensors in instance order.
    pub parameters: Vec<Parameter>,
    /// Untrained tensors.
    pub states: Vec<State>,
    /// One batch in training: inputs Parameter, State, Feature, Target; outputs Prediction, Loss, Metric, State.
    pub train: Graph,
    /// One batch in evaluation: the same without State outputs.
    pub eval: Graph,
    /// One batch without targets: output Prediction.
    pub predict: Graph,
    /// Names of the metrics.
    pub metrics: Vec<String>,
    /// The name of the loss.
    pub loss: String,
    /// The type of each feature input, with [`BATCH`] as the first size.
    pub features: Vec<TensorType>,
    /// The type of the target, with [`BATCH`] as the first size.
    pub target: TensorType,
    /// How many classes the loss knows, where the target holds class numbers (i32): the last size of the prediction.
    pub classes: Option<usize>,
    /// The update rule and its schedules.
    pub optimizer: Optimizer,
    /// The data.
    pub data: DataSpec,
    /// The run.
    pub settings: RunSettings,
    /// The instances of layers in the order they were made, for the summary.
    pub layers: Vec<LayerInstance>,
    /// The places where the model may grow, in the order of their calls.
    pub slots: Vec<Slot>,
    /// The candidates of all slots.
    pub seeds: Vec<Seed>,
    /// The policies of the `grow` lines.
    pub policies: Vec<Policy>,
    /// What a growing run is to be compared with.
    pub controls: Vec<Control>,
    /// The seeds that live in it; their parameters and states stand behind the model's own. None in a model that was just lowered.
    pub live: Vec<Live>,
    /// The `train` item's name in the source.
    pub span: Span,
}

/// One instance of a blueprint in the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerInstance {
    /// `blocks[0].first`.
    pub path: String,
    /// `Linear`.
    pub blueprint: String,
    /// The type of its (first) input at its first call.
    pub input: TensorType,
    /// The type of what it gave at its first call.
    pub output: TensorType,
    /// Where the layer is declared.
    pub span: Span,
}

impl Input {
    /// Whether the value is the same in every row of a run's step (not data).
    pub fn is_data(&self) -> bool {
        matches!(self, Input::Feature(_) | Input::Target)
    }
}
