//! The evaluation of programs over types: one engine for the generic check of an item and for the elaboration of an experiment.
mod arithmetic;
mod builtins;
mod call;
mod coercion;
mod conditions;
mod expression;
mod generic;
mod growth;
mod initialiser;
mod instance;
mod learn;
mod members;
mod messages;
mod pattern;
mod scope;
mod signature;
mod sizes;
mod spelling;
mod statement;
mod train;
mod update;
mod value;

use crate::hir;
use crate::names::{ItemId, Resolution};
use esper_diagnostics::{Diagnostic, Severity, Span};
use esper_ir::{DType, Dim, Input, LayerInstance, StreamId, TensorType};
use instance::Instance;
use scope::Scope;
use sizes::{Sizes, written_type};
use std::collections::BTreeMap;
use value::{Tensor, Value};

pub(crate) use generic::check_items;
pub use generic::{Findings, Work};
pub use train::{elaborate, trains};

/// How many operations and turns of loops one program may unroll to.
const MOST_WORK: u64 = 1_000_000;
/// How much is done between two looks at whether the check is to be given up.
const WORK_BETWEEN_LOOKS: u64 = 256;
/// How deep expressions, calls and layers may nest while they are evaluated.
const DEEPEST: usize = 1_200;

/// A function that is being built.
#[derive(Default)]
pub(crate) struct Recorder {
    /// Its code so far.
    pub function: hir::Function,
    /// Values that were read from outside already.
    inputs: BTreeMap<Input, hir::Value>,
    /// What each state holds now, by its number.
    pub states: BTreeMap<usize, hir::Value>,
    /// The slots that were called, with their calls.
    pub slots: BTreeMap<usize, Span>,
    /// How many random calls each path has made.
    draws: BTreeMap<String, u32>,
    /// Stands before the path in the names of streams: keeps an initialiser's streams apart from the model's.
    pub stream: String,
}

/// A call or instance that is being evaluated, for the chain in messages.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    /// `blocks[0].attention = MultiHeadAttention`, or the function's name.
    pub name: String,
    /// Its arguments; none where the name is the whole text.
    pub arguments: Option<Vec<Argument>>,
    /// The layer's declaration or the call.
    pub span: Span,
    /// The function, where it is a call of one: guards against recursion.
    pub item: Option<ItemId>,
    /// Arguments that are numbers, with their places: where a size comes from.
    pub numbers: Vec<(String, Dim, Span)>,
}

/// An argument in the text of a [`Link`], written out only where a finding shows it.
#[derive(Clone, Debug)]
pub(crate) enum Argument {
    /// A tensor: its type.
    Tensor(TensorType),
    /// A number or truth under its parameter's name.
    Named(String, Value),
    /// Anything else, as it stands in the source.
    Written(String),
}

impl Argument {
    /// What is given for the parameter `name`: under its name if it is a number or truth, else as `written`.
    fn of(name: &str, value: &Value, written: &str) -> Argument {
        match value {
            Value::Size(_) | Value::Float(_) | Value::Bool(_) => Argument::Named(name.to_string(), value.clone()),
            _ => Argument::Written(written.to_string()),
        }
    }
}

/// The evaluator.
pub(crate) struct Engine<'a> {
    /// Names.
    pub resolution: &'a Resolution<'a>,
    /// What was found so far.
    pub problems: Vec<Diagnostic>,
    /// While above zero nothing is reported.
    pub quiet: usize,
    /// Whether all values are known: instantiation, not generic check.
    pub concrete: bool,
    /// `training`, where it is known.
    pub training: Option<bool>,
    /// What size names stand for.
    pub sizes: Sizes,
    /// Functions being built, innermost last; none in a generic check.
    pub recorders: Vec<Recorder>,
    /// All instances.
    pub instances: Vec<Instance<'a>>,
    /// Trained tensors so far.
    pub parameters: Vec<hir::Stored>,
    /// Untrained tensors so far.
    pub states: Vec<hir::Stored>,
    /// The record of instances for the summary.
    pub layers: Vec<LayerInstance>,
    /// The slots of the host, in the order of their first calls.
    pub slots: Vec<growth::FoundSlot>,
    /// Calls and instances that are being evaluated.
    pub chain: Vec<Link>,
    /// The instances whose code is being evaluated, innermost last.
    pub inside: Vec<usize>,
    /// Conditions of the branches that are being evaluated, in canonical form.
    pub assumed: Vec<String>,
    /// Requirements that a size which is still to be inferred decides.
    pub deferred: Vec<coercion::Deferred>,
    /// Names by the place where they are read, for edits.
    pub names: BTreeMap<Span, String>,
    /// Values of constants.
    constants: BTreeMap<ItemId, Value>,
    /// What is noted for editors, where that is asked for.
    pub facts: Option<learn::Notes>,
    frames: u32,
    work: u64,
    exhausted: bool,
    pub depth: usize,
}

impl<'a> Engine<'a> {
    /// An engine without anything evaluated.
    pub fn new(resolution: &'a Resolution<'a>, concrete: bool) -> Engine<'a> {
        Engine {
            resolution,
            problems: vec![],
            quiet: 0,
            concrete,
            training: None,
            sizes: Sizes::default(),
            recorders: vec![],
            instances: vec![],
            parameters: vec![],
            states: vec![],
            layers: vec![],
            slots: vec![],
            chain: vec![],
            inside: vec![],
            assumed: vec![],
            deferred: vec![],
            names: BTreeMap::new(),
            constants: BTreeMap::new(),
            facts: None,
            frames: 0,
            work: 0,
            exhausted: false,
            depth: 0,
        }
    }

    /// Adds a finding, with the chain of instances that led there; gives poison.
    pub fn report(&mut self, mut problem: Diagnostic) -> Value {
        if self.quiet > 0 {
            return Value::Poison;
        }
        let known = |p: &Diagnostic| p.code == problem.code && p.primary.span == problem.primary.span;
        if self.problems.iter().any(known) {
            return Value::Poison;
        }
        {
            let places: Vec<Span> = problem.secondary.iter().map(|l| l.span).chain([problem.primary.span]).collect();
            for link in self.chain.iter().filter(|l| !places.contains(&l.span)).take(8) {
                problem = problem.label(link.span, self.link_text(link));
            }
        }
        self.problems.push(problem);
        Value::Poison
    }
    /// `blocks[0].attention = MultiHeadAttention(heads = 4)`, `relu(f32[b, 64])`.
    fn link_text(&self, link: &Link) -> String {
        let Some(arguments) = &link.arguments else { return link.name.clone() };
        let shown = arguments.iter().map(|argument| match argument {
            Argument::Tensor(ty) => written_type(&self.sizes.settle_type(ty)),
            Argument::Named(name, value) => match self.short(value) {
                Some(value) => format!("{name} = {value}"),
                None => name.clone(),
            },
            Argument::Written(text) => text.clone(),
        });
        format!("{}({})", link.name, shown.collect::<Vec<_>>().join(", "))
    }
    /// Whether an error was found.
    pub fn has_errors(&self) -> bool {
        self.problems.iter().any(|p| p.severity == Severity::Error)
    }
    /// Runs something without reporting what it finds.
    pub fn quietly<T>(&mut self, run: impl FnOnce(&mut Self) -> T) -> T {
        self.quiet += 1;
        let result = run(self);
        self.quiet -= 1;
        result
    }
    /// A number for the symbols of a new frame.
    pub fn new_frame(&mut self) -> u32 {
        self.frames += 1;
        self.frames
    }
    /// Counts a unit of work; false once there is too much, which is reported once.
    pub fn spend(&mut self, span: Span) -> bool {
        self.work += 1;
        if self.work.is_multiple_of(WORK_BETWEEN_LOOKS) {
            self.resolution.interrupt.heed();
        }
        if self.work > MOST_WORK && !self.exhausted {
            self.exhausted = true;
            let quiet = std::mem::take(&mut self.quiet);
            self.report(Diagnostic::error(
                "E0411",
                "the program unrolls to more than 1,000,000 operations",
                span,
                "this is where the limit was reached",
            ));
            self.quiet = quiet;
        }
        !self.exhausted
    }
    /// The path of the instance whose code is being evaluated; empty for the host.
    pub fn path(&self) -> String {
        self.inside.last().map(|i| self.instances[*i].path.clone()).unwrap_or_default()
    }
    /// Adds a call to the function being built. Sizes of the type may be in names of the frame.
    pub fn emit(&mut self, builtin: hir::Builtin, args: &[&Tensor], ty: TensorType, span: Span) -> Value {
        Value::Tensor(self.emit_tensor(builtin, args, ty, span))
    }
    /// [`Engine::emit`] as a tensor.
    pub fn emit_tensor(&mut self, builtin: hir::Builtin, args: &[&Tensor], ty: TensorType, span: Span) -> Tensor {
        self.spend(span);
        let path = self.path();
        let settled = self.sizes.settle_type(&ty);
        let value = match self.recorders.last_mut() {
            Some(r) => r.function.push(builtin, args.iter().map(|t| t.value).collect(), settled, span, &path),
            None => hir::Value(0),
        };
        Tensor { ty, value, span }
    }
    /// A tensor from outside; the same one however often it is read.
    pub fn input(&mut self, input: Input, ty: TensorType, span: Span) -> Tensor {
        let settled = self.sizes.settle_type(&ty);
        let path = self.path();
        let value = match self.recorders.last_mut() {
            Some(r) => match r.inputs.get(&input) {
                Some(value) => *value,
                None => {
                    let value = r.function.push(hir::Builtin::Input(input.clone()), vec![], settled, span, &path);
                    r.inputs.insert(input, value);
                    value
                }
            },
            None => hir::Value(0),
        };
        Tensor { ty, value, span }
    }
    /// A number as a scalar tensor.
    pub fn constant(&mut self, value: f64, dtype: DType, span: Span) -> Tensor {
        self.emit_tensor(hir::Builtin::Constant(value), &[], TensorType::scalar(dtype), span)
    }
    /// The stream of the next random call of the current instance.
    pub fn next_stream(&mut self) -> StreamId {
        let path = self.path();
        let Some(recorder) = self.recorders.last_mut() else { return StreamId(0) };
        let place = format!("{}{path}", recorder.stream);
        let count = recorder.draws.entry(place.clone()).or_insert(0);
        let stream = fnv1a(&format!("{place}#{count}"));
        *count += 1;
        StreamId(stream)
    }
    /// The scope of an item's file, without names.
    pub fn file_scope(&self, file: esper_diagnostics::FileId) -> Scope {
        Scope::new(file, 0)
    }
}

/// A stable hash of a text (Fowler, Noll and Vo, 64 bits, variant 1a).
pub(crate) fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
