//! How a seed is born: weights that an initialiser computes from what the seed's slot sees of one batch of training rows.
use super::trial;
use crate::RunError;
use crate::data::{Batch, Dataset, Purpose, permute};
use crate::engine::{Engine, SeedScalars, SlotValues};
use esper_ir::{Birth, Initialiser, Live, Model, Seed};
use esper_pipeline::Units;
use esper_policy::initialiser::{self, Matrix, NewUnits, Refusal, Statistics};
use esper_policy::random::Random;

/// Candidates that `cascor` draws for each unit it keeps.
const CANDIDATES: usize = 8;
/// Held-out rows that decide how far the units of `tiny` go.
const HELD_OUT: usize = 64;

/// Whether an initialiser can start a seed.
pub(super) fn fits(initialiser: Initialiser, seed: &Seed) -> bool {
    let units = || esper_pipeline::units(seed, is_opened(initialiser));
    match initialiser {
        Initialiser::ZeroLast => seed.birth != Birth::Unsaid || !esper_pipeline::last_affine(seed).is_empty(),
        Initialiser::Gradmax(_) => units().and_then(|u| u.at_zero().ok()).is_some_and(|(value, slope)| value == 0.0 && slope != 0.0),
        Initialiser::Cascor(_) | Initialiser::Tiny(_) | Initialiser::LoraGa(_) => units().is_some(),
        Initialiser::Pair => units().is_some_and(|u| u.count.is_multiple_of(2)),
        // The check refuses them.
        Initialiser::CopyPrev | Initialiser::Net2Wider => false,
    }
}

/// Whether units that start this way are exactly zero and so need a slope there.
pub(super) fn is_opened(initialiser: Initialiser) -> bool {
    matches!(initialiser, Initialiser::Gradmax(_))
}

/// Whether an initialiser reads statistics of the slot.
pub(super) fn reads_statistics(initialiser: Initialiser) -> bool {
    !matches!(initialiser, Initialiser::ZeroLast | Initialiser::Pair)
}

/// The newborn and where it is.
pub(super) struct Newborn<'a> {
    pub model: &'a Model,
    pub live: &'a Live,
    /// Its number among the live seeds.
    pub number: usize,
    pub initialiser: Initialiser,
    /// The scalars of all live seeds, as they are.
    pub scalars: Vec<SeedScalars>,
}

/// Gives a newborn its first weights. The answer says what was done, for people; where the initialiser has nothing to give, the seed keeps its
/// own initial values and its last map is zero.
pub(super) fn start(newborn: &Newborn, engine: &mut Engine, dataset: &Dataset, batch: &mut Batch) -> Result<String, RunError> {
    let seed = &newborn.model.seeds[newborn.live.planting.seed];
    let name = initialiser::name(newborn.initialiser);
    let units = esper_pipeline::units(seed, is_opened(newborn.initialiser));
    let units = units.ok_or_else(|| RunError::bug(format!("`{}` has no units for `{name}` to start", seed.text)))?;
    let place = Weights::new(newborn, seed, &units, engine)?;
    let found = found(newborn, &units, &place, engine, dataset, batch)?;
    let id = newborn.live.planting.id;
    let new = match found {
        Ok(new) => new,
        Err(why) => {
            place.write(engine, &place.zero_last())?;
            return Ok(format!("seed {id} starts as by zero_last, not by {name}: {why}"));
        }
    };
    let useful = new.strengths.len();
    let new = place.completed(new, newborn.initialiser);
    place.write(engine, &new)?;
    if matches!(newborn.initialiser, Initialiser::Tiny(_)) {
        return line_search(newborn, &place, new, engine, dataset, batch, &name);
    }
    if newborn.initialiser == Initialiser::Pair {
        return Ok(format!("seed {id} starts by pair: {} units and as many that cancel them", units.count / 2));
    }
    let strengths: Vec<String> = new.strengths.iter().take(4).map(|s| format!("{s:.3e}")).collect();
    let told = if strengths.is_empty() { String::new() } else { format!(", strengths {}", strengths.join(" ")) };
    Ok(format!("seed {id} starts by {name}: {useful} of {} units{told}", units.count))
}

/// What the initialiser gives, or why it gives nothing.
fn found(
    newborn: &Newborn,
    units: &Units,
    place: &Weights,
    engine: &mut Engine,
    dataset: &Dataset,
    batch: &mut Batch,
) -> Result<Result<NewUnits, Refusal>, RunError> {
    let wanted = |k: Option<u32>| k.map_or(units.count, |k| (k as usize).min(units.count));
    if newborn.initialiser == Initialiser::Pair {
        let half =
            |m: &Matrix, by_rows: bool| if by_rows { m.head(units.count / 2, m.columns()) } else { m.head(m.rows(), units.count / 2) };
        return Ok(Ok(initialiser::pair(&half(&place.fan_in, true), &half(&place.drawn_fan_out(newborn)?, false))));
    }
    let (statistics, rows) = statistics(newborn, engine, dataset, batch)?;
    if let Err(why) = statistics.check() {
        return Ok(Err(why));
    }
    // The expected norm of a column that is uniform within ±1/√units, as `Linear` draws it.
    let scale = (place.fan_out.rows() as f64 / (3.0 * units.count as f64)).sqrt();
    Ok(match newborn.initialiser {
        Initialiser::Gradmax(k) => {
            let at_zero = units.at_zero().map_err(RunError::bug)?;
            initialiser::gradmax(&statistics, wanted(k), scale, at_zero)
        }
        Initialiser::Tiny(k) => initialiser::tiny(&statistics, wanted(k)),
        Initialiser::LoraGa(rank) => initialiser::lora_ga(&statistics, wanted(Some(rank)), place.fan_in.mean_row_norm(), true),
        Initialiser::Cascor(k) => {
            let mut random = Random::new(newborn.model.settings.seed ^ u64::from(newborn.live.planting.id) << 32);
            let (count, inputs) = (units.count * CANDIDATES, statistics.inputs.columns());
            let bound = 1.0 / (inputs as f64).sqrt();
            let drawn = (0..count * inputs).map(|_| bound * (2.0 * random.uniform() - 1.0)).collect();
            let candidates = Matrix::new(count, inputs, drawn).ok_or_else(|| RunError::bug("candidates of another size"))?;
            let activated = activated(units, &candidates, &statistics.inputs, rows).map_err(RunError::bug)?;
            initialiser::cascor(&statistics, &candidates, wanted(k), &activated)
        }
        Initialiser::ZeroLast | Initialiser::Pair | Initialiser::CopyPrev | Initialiser::Net2Wider => {
            return Err(RunError::bug(format!("`{}` computes nothing", initialiser::name(newborn.initialiser))));
        }
    })
}

/// What candidates pass on: rows × candidates. The activation is that of the seed, as many units at a time as it has.
fn activated(units: &Units, candidates: &Matrix, inputs: &Matrix, batch: usize) -> Result<Matrix, String> {
    let mut all = vec![0.0; inputs.rows() * candidates.rows()];
    for group in (0..candidates.rows()).step_by(units.count) {
        let sum = |row: &[f64], candidate: usize| row.iter().zip(candidates.row(candidate)).map(|(x, w)| x * w).sum::<f64>();
        let sums: Vec<f64> =
            (0..inputs.rows()).flat_map(|r| (0..units.count).map(move |u| (r, u))).map(|(r, u)| sum(inputs.row(r), group + u)).collect();
        for (place, value) in units.activate(&sums, batch)?.into_iter().enumerate() {
            let (row, unit) = (place / units.count, place % units.count);
            all[row * candidates.rows() + group + unit] = value;
        }
    }
    Matrix::new(inputs.rows(), candidates.rows(), all).ok_or_else(|| "compiler bug: an activation of another size".into())
}

/// What the slot sees of a batch of training rows, and how many rows that are.
fn statistics(newborn: &Newborn, engine: &mut Engine, dataset: &Dataset, batch: &mut Batch) -> Result<(Statistics, usize), RunError> {
    let rows = engine.statistics_rows();
    let mut order = dataset.split.train.clone();
    permute(newborn.model.settings.seed, Purpose::Statistics, newborn.live.planting.id, &mut order);
    dataset.table.gather(&order[..rows], batch);
    let SlotValues { inputs, gradients } = engine.statistics(newborn.live.planting.slot, batch)?;
    let matrix = |(values, columns): (Vec<f32>, usize), by: f64| {
        let values: Vec<f64> = values.into_iter().map(|v| f64::from(v) * by).collect();
        Matrix::new(values.len() / columns.max(1), columns, values).ok_or_else(|| RunError::bug("statistics of another size"))
    };
    // The loss is a mean over rows: a row's own loss has `rows` times its gradient.
    Ok((Statistics { inputs: matrix(inputs, 1.0)?, gradients: matrix(gradients, rows as f64)? }, rows))
}

/// How far along the units of `tiny` the seed goes: as far as lowers the loss of held-out rows, with the seed counted in full.
fn line_search(
    newborn: &Newborn,
    place: &Weights,
    new: NewUnits,
    engine: &mut Engine,
    dataset: &Dataset,
    batch: &mut Batch,
    name: &str,
) -> Result<String, RunError> {
    let id = newborn.live.planting.id;
    let rows = &dataset.split.val[..HELD_OUT.min(dataset.split.val.len())];
    let mut failed = None;
    let factor = initialiser::line_search(-1.0, |factor| {
        let loss = place.write(engine, &new.times(factor)).and_then(|()| {
            let pairs = trial::pairs(engine, &dataset.table, batch, rows, &newborn.scalars, newborn.number, 1.0)?;
            Ok(pairs.iter().map(|(_, with)| with).sum::<f64>() / pairs.len().max(1) as f64)
        });
        loss.unwrap_or_else(|error| {
            failed = Some(error);
            f64::NAN
        })
    });
    if let Some(error) = failed {
        return Err(error);
    }
    match factor {
        Some(factor) => {
            place.write(engine, &new.times(factor))?;
            Ok(format!("seed {id} starts by {name}, {} of what it gives: there held-out loss is lowest", -factor))
        }
        None => {
            place.write(engine, &place.zero_last())?;
            Ok(format!("seed {id} starts as by zero_last, not by {name}: its units do not lower held-out loss"))
        }
    }
}

/// The seed's weights in the device's memory.
struct Weights {
    first: String,
    first_bias: Option<String>,
    last: String,
    last_bias: Option<String>,
    /// As the seed's own initialisers gave them.
    fan_in: Matrix,
    fan_out: Matrix,
}

impl Weights {
    fn new(newborn: &Newborn, seed: &Seed, units: &Units, engine: &Engine) -> Result<Weights, RunError> {
        let path = |p: usize| format!("{}.{}", newborn.live.path, seed.parameters[p].path);
        let read = |p: usize| {
            let values = engine.values(&path(p))?;
            let values = values.into_iter().map(f64::from).collect();
            let matrix = match seed.parameters[p].ty.sizes().as_deref() {
                Some([rows, columns]) => Matrix::new(*rows, *columns, values),
                _ => None,
            };
            matrix.ok_or_else(|| RunError::bug(format!("`{}` is no matrix of that size", path(p))))
        };
        Ok(Weights {
            first: path(units.first),
            first_bias: units.first_bias.map(path),
            last: path(units.last),
            last_bias: units.last_bias.map(path),
            fan_in: read(units.first)?,
            fan_out: read(units.last)?,
        })
    }

    /// The fan-in as drawn, and nothing comes out.
    fn zero_last(&self) -> NewUnits {
        let fan_out = Matrix::zeros(self.fan_out.rows(), self.fan_out.columns());
        NewUnits { fan_in: self.fan_in.clone(), fan_out, strengths: vec![] }
    }

    /// As many units as the seed has: those that the initialiser does not give, or has no use for, start as by `zero_last`.
    fn completed(&self, new: NewUnits, initialiser: Initialiser) -> NewUnits {
        let useful = if initialiser == Initialiser::Pair { self.fan_in.rows() } else { new.strengths.len() };
        let mut all = self.zero_last();
        all.fan_in.take_rows(&new.fan_in, useful);
        all.fan_out.take_columns(&new.fan_out, useful);
        NewUnits { strengths: new.strengths, ..all }
    }

    /// A fan-out as a linear map of that shape would draw it: uniform within ±1/√units.
    fn drawn_fan_out(&self, newborn: &Newborn) -> Result<Matrix, RunError> {
        let mut random = Random::new(newborn.model.settings.seed ^ u64::from(newborn.live.planting.id) << 32);
        let bound = 1.0 / (self.fan_out.columns() as f64).sqrt();
        let (rows, columns) = (self.fan_out.rows(), self.fan_out.columns());
        let drawn = (0..rows * columns).map(|_| bound * (2.0 * random.uniform() - 1.0)).collect();
        Matrix::new(rows, columns, drawn).ok_or_else(|| RunError::bug("a fan-out of another size"))
    }

    /// Writes weights; biases become zero.
    fn write(&self, engine: &mut Engine, new: &NewUnits) -> Result<(), RunError> {
        let write = |engine: &mut Engine, name: &str, values: &Matrix| {
            engine.write_values(name, &values.values().iter().map(|v| *v as f32).collect::<Vec<_>>())
        };
        write(engine, &self.first, &new.fan_in)?;
        write(engine, &self.last, &new.fan_out)?;
        self.first_bias.iter().chain(&self.last_bias).try_for_each(|bias| engine.clear(bias))
    }
}
