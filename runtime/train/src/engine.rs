//! A model on a device: its programs loaded, its tensors in the device's memory, and the few ways the loop touches them.
use crate::RunError;
use crate::checkpoint::{OPTIMIZER, StoredTensor};
use crate::data::Batch;
use crate::programs::Programs;
use crate::summary::{bytes_in_words, class_name};
use esper_codegen::{ALIGNMENT, Buffer, Class, Program, scalar_words};
use esper_device::{Device, Executable, Memory, Phase};
use esper_diagnostics::Diagnostic;
use esper_ir::{DType, Model, OutputKind, Parameter};

/// Which programs are needed: the sizes of their batches.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sizes {
    /// Of training steps.
    pub step: Vec<usize>,
    /// Of evaluations.
    pub eval: Vec<usize>,
    /// Of predictions.
    pub predict: Vec<usize>,
    /// Of evaluations in which every live seed takes part in proportion to an α that is tried out.
    pub trial: Vec<usize>,
    /// The slots whose statistics of a full training batch are needed.
    pub statistics: Vec<usize>,
}

/// What a slot sees of a batch: elements in row-major order, and how many make a row.
pub(crate) struct SlotValues {
    /// What a seed reads there.
    pub inputs: (Vec<f32>, usize),
    /// The gradient of the batch's loss by what leaves the slot.
    pub gradients: (Vec<f32>, usize),
}

/// The run-time scalars of a live seed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct SeedScalars {
    /// How much it counts.
    pub alpha: f64,
    /// Its updates, that of the step included.
    pub age: u64,
    /// What its learning rate is multiplied by.
    pub boost: f64,
}

/// A place in a device's memory.
#[derive(Clone, Copy, Debug)]
struct Place {
    class: Class,
    offset: usize,
    bytes: usize,
}

impl From<&Buffer> for Place {
    fn from(buffer: &Buffer) -> Place {
        Place { class: buffer.class, offset: buffer.offset, bytes: buffer.bytes }
    }
}

/// A program on the device and where the loop writes and reads.
pub(crate) struct Loaded {
    rows: usize,
    executable: Box<dyn Executable>,
    program: Program,
    feature: Option<Place>,
    target: Option<Place>,
    loss: Option<Place>,
    metrics: Vec<Option<Place>>,
    gradient_norm: Option<Place>,
    prediction: Option<(Place, DType)>,
    /// Of each live seed, the loss with it where it learns in the shadow, and the norm of its gradient.
    seeds: Vec<(Option<Place>, Option<Place>)>,
}

/// A tensor that lasts, and where.
struct Kept {
    name: String,
    dtype: DType,
    shape: Vec<usize>,
    place: Place,
}

/// What a batch gave.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BatchResult {
    /// The mean loss of its rows.
    pub loss: f64,
    /// The gradient's norm before clipping.
    pub gradient_norm: Option<f64>,
}

/// The first tensor of a step that is not finite.
#[derive(Clone, Debug)]
pub(crate) struct BadTensor {
    /// Its name in the program.
    pub name: String,
    /// Where it comes from.
    pub span: esper_diagnostics::Span,
}

/// A model's programs on a device, before it has memory there.
pub(crate) struct Prepared {
    init: Loaded,
    steps: Vec<Loaded>,
    evals: Vec<Loaded>,
    predictions: Vec<Loaded>,
    trials: Vec<Loaded>,
    statistics: Option<(Vec<usize>, Loaded)>,
    kept: Vec<Kept>,
    arenas: [usize; 7],
    seed_words: Vec<usize>,
}

impl Prepared {
    /// Builds all programs.
    pub fn new(device: &dyn Device, programs: &dyn Programs, model: &Model, sizes: &Sizes) -> Result<Prepared, RunError> {
        let mut arenas = [0usize; 7];
        let mut load = |rows: usize, program: Result<Program, RunError>| -> Result<Loaded, RunError> {
            let program = program?;
            for (most, bytes) in arenas.iter_mut().zip(program.arenas) {
                *most = bytes.max(*most);
            }
            Loaded::new(device, program, rows, model)
        };
        let init = load(0, programs.init())?;
        let steps = sizes.step.iter().map(|n| load(*n, programs.step(*n))).collect::<Result<Vec<_>, _>>()?;
        let evals = sizes.eval.iter().map(|n| load(*n, programs.eval(*n))).collect::<Result<Vec<_>, _>>()?;
        let predictions = sizes.predict.iter().map(|n| load(*n, programs.predict(*n))).collect::<Result<Vec<_>, _>>()?;
        let trials = sizes.trial.iter().map(|n| load(*n, programs.trial(*n))).collect::<Result<Vec<_>, _>>()?;
        let statistics = match (&sizes.statistics[..], sizes.step.first()) {
            ([], _) | (_, None) => None,
            (slots, Some(rows)) => Some((slots.to_vec(), load(*rows, programs.statistics(*rows, slots))?)),
        };
        let kept = kept(model, &init.program);
        let seed_words = programs.seed_words();
        if let Some(last) = seed_words.last() {
            let end = (4 * (last + 3)).next_multiple_of(ALIGNMENT);
            arenas[Class::Scalars as usize] = arenas[Class::Scalars as usize].max(end);
        }
        Ok(Prepared { init, steps, evals, predictions, trials, statistics, kept, arenas, seed_words })
    }

    /// Bytes of each arena, in the order of [`Class::ALL`].
    pub fn arenas(&self) -> [usize; 7] {
        self.arenas
    }
}

/// A model on a device.
pub(crate) struct Engine {
    memory: Box<dyn Memory>,
    init: Loaded,
    steps: Vec<Loaded>,
    evals: Vec<Loaded>,
    predictions: Vec<Loaded>,
    trials: Vec<Loaded>,
    /// Slots, and the program of their statistics.
    statistics: Option<(Vec<usize>, Loaded)>,
    kept: Vec<Kept>,
    arenas: [usize; 7],
    /// The first word of each live seed's scalars.
    seed_words: Vec<usize>,
    chunk: Vec<u8>,
}

/// Bytes of gradients that are looked at in one go: they stay in the nearest cache.
const CHUNK: usize = 16 * 1024;

impl Engine {
    /// Gives a model its place on the device. Nothing is initialised yet. An error (D0114) where there is no room for it: found before
    /// anything is reserved, as a system promises more memory than it has.
    pub fn new(device: &dyn Device, prepared: Prepared, model: &Model) -> Result<Engine, RunError> {
        let Prepared { init, steps, evals, predictions, trials, statistics, kept, arenas, seed_words } = prepared;
        if let Some(room) = device.room() {
            fits(model, arenas, room)?;
        }
        let memory = device.memory(arenas)?;
        Ok(Engine { memory, init, steps, evals, predictions, trials, statistics, kept, arenas, seed_words, chunk: vec![0; CHUNK] })
    }

    /// Puts another model's programs in place of these. What lasts and has the same name in both goes over as it is, the states of the update
    /// rule included; what is new gets its initial value, from the seed. `device` is the one that runs this engine.
    pub fn replace(&mut self, device: &dyn Device, prepared: Prepared, model: &Model) -> Result<(), RunError> {
        let mut engine = Engine::new(device, prepared, model)?;
        engine.initialise(model.settings.seed)?;
        let mut bytes = vec![];
        for kept in &engine.kept {
            // Both lists are in the order of names.
            let Ok(at) = self.kept.binary_search_by(|k| k.name.cmp(&kept.name)) else { continue };
            let old = &self.kept[at];
            bytes.resize(old.place.bytes, 0);
            self.memory.read(old.place.class, old.place.offset, &mut bytes)?;
            engine.memory.write(kept.place.class, kept.place.offset, &bytes)?;
        }
        // The scalars of the last step are still to be reported.
        bytes.resize(4 * (scalar_words::OPTIMIZER + model.optimizer.scalars.len()), 0);
        let known = bytes.len().min(self.arenas[Class::Scalars as usize]).min(engine.arenas[Class::Scalars as usize]);
        self.memory.read(Class::Scalars, 0, &mut bytes[..known])?;
        engine.memory.write(Class::Scalars, 0, &bytes[..known])?;
        *self = engine;
        Ok(())
    }

    /// Makes a tensor that lasts zero everywhere. A name that the model has not is a bug, told as an error.
    pub fn clear(&mut self, name: &str) -> Result<(), RunError> {
        let place = self.kept.iter().find(|k| k.name == name).map(|k| k.place);
        let place = place.ok_or_else(|| RunError::bug(format!("there is no `{name}` to clear")))?;
        self.memory.write(place.class, place.offset, &vec![0; place.bytes])?;
        Ok(())
    }

    /// The elements of a tensor of floats that lasts.
    pub fn values(&self, name: &str) -> Result<Vec<f32>, RunError> {
        let place = self.kept.iter().find(|k| k.name == name).map(|k| k.place);
        floats(&*self.memory, place.ok_or_else(|| RunError::bug(format!("there is no `{name}` to read")))?)
    }

    /// Writes the elements of a tensor of floats that lasts.
    pub fn write_values(&mut self, name: &str, values: &[f32]) -> Result<(), RunError> {
        let place = self.kept.iter().find(|k| k.name == name).map(|k| k.place);
        let place = place.filter(|p| p.bytes == 4 * values.len());
        let place = place.ok_or_else(|| RunError::bug(format!("there is no `{name}` of {} elements to write", values.len())))?;
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.memory.write(place.class, place.offset, &bytes)?;
        Ok(())
    }

    /// How many rows statistics are of; 0 where none are prepared.
    pub fn statistics_rows(&self) -> usize {
        self.statistics.as_ref().map_or(0, |(_, loaded)| loaded.rows)
    }

    /// What a slot sees of a batch of [`Engine::statistics_rows`] training rows.
    pub fn statistics(&mut self, slot: usize, batch: &Batch) -> Result<SlotValues, RunError> {
        let missing = || RunError::bug(format!("the statistics of slot {slot} are not prepared"));
        let (slots, loaded) = self.statistics.as_mut().ok_or_else(missing)?;
        let number = slots.iter().position(|s| *s == slot).ok_or_else(missing)?;
        loaded.compute(&mut *self.memory, batch, &mut [])?;
        let read = |value: usize| {
            let (_, id) = loaded.program.outputs.iter().find(|(kind, _)| *kind == OutputKind::Value(value)).ok_or_else(missing)?;
            let buffer = &loaded.program.buffers[id.0 as usize];
            Ok::<_, RunError>((floats(&*self.memory, buffer.into())?, buffer.shape.last().copied().unwrap_or(1)))
        };
        Ok(SlotValues { inputs: read(2 * number)?, gradients: read(2 * number + 1)? })
    }

    /// Writes those of some tensors that the model has, of the same size; the others of the model stay.
    pub fn restore_known(&mut self, tensors: &[StoredTensor]) -> Result<(), RunError> {
        for kept in &self.kept {
            if let Some(tensor) = tensors.iter().find(|t| t.name == kept.name && t.bytes.len() == kept.place.bytes) {
                self.memory.write(kept.place.class, kept.place.offset, &tensor.bytes)?;
            }
        }
        Ok(())
    }

    /// Of how many of these parameters the gradient of the last step is finite and not zero everywhere, and how many there are.
    pub fn alive_gradients(&self, parameters: &[Parameter]) -> Result<(usize, usize), RunError> {
        let mut alive = 0;
        for parameter in parameters {
            let kept = self.kept.iter().find(|k| k.name == parameter.path);
            let place = kept.map(|k| k.place).ok_or_else(|| RunError::bug(format!("there is no `{}`", parameter.path)))?;
            let mut bytes = vec![0; place.bytes];
            // Gradients lie at the offsets of their parameters.
            self.memory.read(Class::Gradients, place.offset, &mut bytes)?;
            alive += usize::from(all_finite(&bytes) && bytes.iter().any(|b| *b != 0 && *b != 0x80));
        }
        Ok((alive, parameters.len()))
    }

    /// The scalars of every live seed, in their order; they stay until they are written again.
    pub fn write_seed_scalars(&mut self, seeds: impl Iterator<Item = SeedScalars>) -> Result<(), RunError> {
        for (word, scalars) in self.seed_words.iter().zip(seeds) {
            let mut bytes = [0u8; 12];
            for (part, value) in bytes.chunks_exact_mut(4).zip([scalars.alpha as f32, scalars.age as f32, scalars.boost as f32]) {
                part.copy_from_slice(&value.to_le_bytes());
            }
            self.memory.write(Class::Scalars, 4 * word, &bytes)?;
        }
        Ok(())
    }

    /// Of the last computed step and a live seed: the loss with it, where it learns in the shadow, and the norm of its gradient.
    pub fn seed_result(&self, rows: usize, live: usize) -> Result<(Option<f64>, Option<f64>), RunError> {
        let step = self.steps.iter().find(|p| p.rows == rows).expect("every size of batch has its program");
        let (loss, norm) = step.seeds.get(live).copied().unwrap_or_default();
        Ok((scalar(&*self.memory, loss)?, scalar(&*self.memory, norm)?))
    }

    /// The loss of a batch with every live seed in proportion to its α as last written; adds metrics times rows.
    pub fn try_out(&mut self, rows: usize, batch: &Batch, metrics: &mut [f64]) -> Result<BatchResult, RunError> {
        find(&mut self.trials, rows).compute(&mut *self.memory, batch, metrics)
    }

    /// Gives every tensor that lasts its initial value, from the seed.
    pub fn initialise(&mut self, seed: u64) -> Result<(), RunError> {
        self.write_scalars(seed, 0, 0, 0)?;
        self.init.executable.run(&mut *self.memory, Phase::All)?;
        Ok(())
    }

    /// The scalars of a step, counted from 1.
    pub fn write_scalars(&mut self, seed: u64, step: u64, total_steps: u64, epoch_steps: u64) -> Result<(), RunError> {
        let mut words = [0u8; 4 * scalar_words::OPTIMIZER];
        let mut set = |word: usize, bytes: [u8; 4]| words[4 * word..4 * word + 4].copy_from_slice(&bytes);
        set(scalar_words::SEED, (seed as u32).to_le_bytes());
        set(scalar_words::SEED + 1, ((seed >> 32) as u32).to_le_bytes());
        set(scalar_words::STEP_KEY, (step as u32).to_le_bytes());
        set(scalar_words::STEP, (step as f32).to_le_bytes());
        set(scalar_words::TOTAL_STEPS, (total_steps as f32).to_le_bytes());
        set(scalar_words::EPOCH_STEPS, (epoch_steps as f32).to_le_bytes());
        let bytes = self.arenas[Class::Scalars as usize].min(words.len());
        self.memory.write(Class::Scalars, 0, &words[..bytes])?;
        Ok(())
    }

    /// Forward and backward of a training batch; adds metrics times rows to `metrics`. Nothing that lasts has changed afterwards.
    pub fn compute_step(&mut self, rows: usize, batch: &Batch, metrics: &mut [f64]) -> Result<BatchResult, RunError> {
        find(&mut self.steps, rows).compute(&mut *self.memory, batch, metrics)
    }

    /// Whether all gradients are finite. With clipping their norm tells, otherwise all of them are looked at.
    pub fn gradients_are_finite(&mut self, result: BatchResult) -> Result<bool, RunError> {
        if let Some(norm) = result.gradient_norm {
            return Ok(norm.is_finite());
        }
        let end = self.arenas[Class::Gradients as usize];
        let mut offset = 0;
        while offset < end {
            let chunk = &mut self.chunk[..CHUNK.min(end - offset)];
            self.memory.read(Class::Gradients, offset, chunk)?;
            if !all_finite(chunk) {
                return Ok(false);
            }
            offset += chunk.len();
        }
        Ok(true)
    }

    /// Makes the last computed step count.
    pub fn commit_step(&mut self, rows: usize) -> Result<(), RunError> {
        find(&mut self.steps, rows).executable.run(&mut *self.memory, Phase::Commit)?;
        Ok(())
    }

    /// What went bad first in the last computed step.
    pub fn first_bad_tensor(&mut self, rows: usize) -> Result<Option<BadTensor>, RunError> {
        let step = find(&mut self.steps, rows);
        let id = step.executable.first_non_finite(&mut *self.memory)?;
        Ok(id.map(|id| {
            let buffer = &step.program.buffers[id.0 as usize];
            BadTensor { name: buffer.name.clone(), span: buffer.span }
        }))
    }

    /// The run-time scalars of the update rule, as the last step computed them.
    pub fn optimizer_scalar(&self, number: usize) -> Result<f64, RunError> {
        let mut bytes = [0; 4];
        self.memory.read(Class::Scalars, 4 * (scalar_words::OPTIMIZER + number), &mut bytes)?;
        Ok(f64::from(f32::from_le_bytes(bytes)))
    }

    /// Loss and metrics (added, times rows) of a batch in evaluation.
    pub fn evaluate(&mut self, rows: usize, batch: &Batch, metrics: &mut [f64]) -> Result<BatchResult, RunError> {
        find(&mut self.evals, rows).compute(&mut *self.memory, batch, metrics)
    }

    /// The predictions for a batch, as they lie in memory, and their element type.
    pub fn predict(&mut self, rows: usize, batch: &Batch, predictions: &mut Vec<u8>) -> Result<DType, RunError> {
        let loaded = find(&mut self.predictions, rows);
        loaded.compute(&mut *self.memory, batch, &mut [])?;
        let (place, dtype) = loaded.prediction.expect("a prediction's program predicts");
        predictions.resize(place.bytes, 0);
        self.memory.read(place.class, place.offset, predictions)?;
        Ok(dtype)
    }

    /// Reads everything that lasts.
    pub fn tensors(&self) -> Result<Vec<StoredTensor>, RunError> {
        let mut tensors = Vec::with_capacity(self.kept.len());
        for kept in &self.kept {
            let mut bytes = vec![0; kept.place.bytes];
            self.memory.read(kept.place.class, kept.place.offset, &mut bytes)?;
            tensors.push(StoredTensor { name: kept.name.clone(), dtype: kept.dtype, shape: kept.shape.clone(), bytes });
        }
        Ok(tensors)
    }

    /// Writes everything that lasts. The error says what does not fit this model.
    pub fn restore(&mut self, tensors: &[StoredTensor]) -> Result<Result<(), String>, RunError> {
        for kept in &self.kept {
            let Some(tensor) = tensors.iter().find(|t| t.name == kept.name) else {
                return Ok(Err(format!("it has no `{}`, which the model has", kept.name)));
            };
            if tensor.shape != kept.shape || tensor.bytes.len() != kept.place.bytes {
                return Ok(Err(format!("its `{}` is {:?}, the model's is {:?}", kept.name, tensor.shape, kept.shape)));
            }
            self.memory.write(kept.place.class, kept.place.offset, &tensor.bytes)?;
        }
        match tensors.iter().find(|t| !self.kept.iter().any(|k| k.name == t.name)) {
            Some(tensor) => Ok(Err(format!("it has `{}`, which the model has not", tensor.name))),
            None => Ok(Ok(())),
        }
    }
}

impl Loaded {
    fn new(device: &dyn Device, program: Program, rows: usize, model: &Model) -> Result<Loaded, RunError> {
        let executable = device.load(&program)?;
        let place = |id: &esper_codegen::BufferId| Place::from(&program.buffers[id.0 as usize]);
        let output = |kind: OutputKind| program.outputs.iter().find(|(k, _)| *k == kind).map(|(_, id)| place(id));
        let prediction = program.outputs.iter().find(|(kind, _)| *kind == OutputKind::Prediction);
        Ok(Loaded {
            rows,
            executable,
            feature: program.features.first().map(place),
            target: program.target.as_ref().map(place),
            loss: output(OutputKind::Loss),
            metrics: (0..model.metrics.len()).map(|i| output(OutputKind::Metric(i))).collect(),
            gradient_norm: output(OutputKind::GradientNorm),
            prediction: prediction.map(|(_, id)| (place(id), program.buffers[id.0 as usize].dtype)),
            seeds: (0..model.live.len()).map(|j| (output(OutputKind::ShadowLoss(j)), output(OutputKind::SeedNorm(j)))).collect(),
            program,
        })
    }

    fn compute(&mut self, memory: &mut dyn Memory, batch: &Batch, metrics: &mut [f64]) -> Result<BatchResult, RunError> {
        if let Some(place) = self.feature {
            memory.write(place.class, place.offset, &batch.features)?;
        }
        if let Some(place) = self.target {
            memory.write(place.class, place.offset, &batch.targets)?;
        }
        self.executable.run(memory, Phase::Compute)?;
        for (sum, place) in metrics.iter_mut().zip(&self.metrics) {
            *sum += scalar(memory, *place)?.unwrap_or(f64::NAN) * self.rows as f64;
        }
        let loss = scalar(memory, self.loss)?.unwrap_or(f64::NAN);
        Ok(BatchResult { loss, gradient_norm: scalar(memory, self.gradient_norm)? })
    }
}

/// An error (D0114) where a model needs more memory than there is.
fn fits(model: &Model, arenas: [usize; 7], room: u64) -> Result<(), Diagnostic> {
    let needed = arenas.iter().fold(0u64, |sum, bytes| sum.saturating_add(*bytes as u64));
    if needed <= room {
        return Ok(());
    }
    let message = format!("the run needs {} of memory, and {} are free", bytes_in_words(needed), bytes_in_words(room));
    let parts = Class::ALL.into_iter().zip(arenas).filter(|(_, bytes)| *bytes > 0);
    let parts: Vec<String> = parts.map(|(class, bytes)| format!("{} {}", class_name(class), bytes_in_words(bytes as u64))).collect();
    let mut diagnostic = Diagnostic::error("D0114", message, model.span, "this run").note(parts.join(", "));
    let size = |p: &Parameter| p.ty.elements().unwrap_or(0);
    if let Some(largest) = model.parameters.iter().max_by_key(|p| size(p)) {
        let bytes = bytes_in_words(4 * size(largest) as u64);
        diagnostic = diagnostic.label(largest.span, format!("the largest parameter: `{}` is {}, {bytes}", largest.path, largest.ty));
    }
    Err(diagnostic)
}

/// Whether these f32 values hold no NaN and no infinity.
fn all_finite(bytes: &[u8]) -> bool {
    // An exponent of all ones is an infinity or a NaN: adding one to it carries into the sign's place, which was cleared. One addition
    // and one `or` a value, which every vector unit has.
    let carry = |b: &[u8]| (u32::from_le_bytes([b[0], b[1], b[2], b[3]]) & 0x7fff_ffff) + 0x0080_0000;
    bytes.chunks_exact(4).map(carry).fold(0, |all, value| all | value) & 0x8000_0000 == 0
}

fn scalar(memory: &dyn Memory, place: Option<Place>) -> Result<Option<f64>, RunError> {
    let Some(place) = place else { return Ok(None) };
    let mut bytes = [0; 4];
    memory.read(place.class, place.offset, &mut bytes)?;
    Ok(Some(f64::from(f32::from_le_bytes(bytes))))
}

fn floats(memory: &dyn Memory, place: Place) -> Result<Vec<f32>, RunError> {
    let mut bytes = vec![0; place.bytes];
    memory.read(place.class, place.offset, &mut bytes)?;
    Ok(bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect())
}

fn find(programs: &mut [Loaded], rows: usize) -> &mut Loaded {
    programs.iter_mut().find(|p| p.rows == rows).expect("every size of batch has its program before the first step")
}

/// Everything that lasts, from where the initial values go: parameters, states, then the states of the update rule.
fn kept(model: &Model, init: &Program) -> Vec<Kept> {
    let name = |kind: &OutputKind| match kind {
        OutputKind::Parameter(i) => Some(model.parameters[*i].path.clone()),
        OutputKind::State(i) => Some(model.states[*i].path.clone()),
        OutputKind::OptimizerState(k, i) => Some(format!("{OPTIMIZER}{}/{}", model.optimizer.states[*k], model.parameters[*i].path)),
        _ => None,
    };
    let mut kept: Vec<Kept> = init
        .outputs
        .iter()
        .filter_map(|(kind, id)| {
            let buffer = &init.buffers[id.0 as usize];
            Some(Kept { name: name(kind)?, dtype: buffer.dtype, shape: buffer.shape.clone(), place: buffer.into() })
        })
        .collect();
    kept.sort_by(|a, b| a.name.cmp(&b.name));
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_told_in_words() {
        let words = [0, 999, 1000, 129_216, 1_712_000_019_648, u64::MAX].map(bytes_in_words);
        assert_eq!(words, ["0 bytes", "999 bytes", "1.00 kB", "129 kB", "1.71 TB", "18.4 EB"]);
    }

    #[test]
    fn one_bad_value_among_many_is_found() {
        let mut values = vec![0.0f32, -0.0, f32::MAX, f32::MIN, f32::MIN_POSITIVE, 1e-45, -3.5];
        let bytes = |values: &[f32]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
        assert!(all_finite(&bytes(&values)));
        for bad in [f32::INFINITY, f32::NEG_INFINITY, f32::NAN, -f32::NAN] {
            for at in 0..values.len() {
                let good = std::mem::replace(&mut values[at], bad);
                assert!(!all_finite(&bytes(&values)), "{bad} at {at}");
                values[at] = good;
            }
        }
    }
}
