//! The programs of a model: one for each size of batch, all built before the first step.
use crate::RunError;
use esper_codegen::{Program, SeedScalar};
use esper_ir::{Graph, Model, Part, Planting, TensorType};
use esper_pipeline::Plan;

/// Gives the programs of one model. The pipeline does; the loop's tests bring their own.
pub(crate) trait Programs {
    /// The initial value of everything that is kept.
    fn init(&self) -> Result<Program, RunError>;
    /// A training step on that many rows.
    fn step(&self, rows: usize) -> Result<Program, RunError>;
    /// Loss and metrics of that many rows.
    fn eval(&self, rows: usize) -> Result<Program, RunError>;
    /// Predictions for that many rows.
    fn predict(&self, rows: usize) -> Result<Program, RunError>;
    /// Loss and metrics of that many rows with every live seed in proportion to its α; where none lives, an evaluation.
    fn trial(&self, rows: usize) -> Result<Program, RunError> {
        self.eval(rows)
    }
    /// What some slots see of a training batch of that many rows: see [`esper_pipeline::statistics_graph`].
    fn statistics(&self, _rows: usize, _slots: &[usize]) -> Result<Program, RunError> {
        Err(RunError::bug("these programs have no statistics"))
    }
    /// Floating-point operations of an evaluation of that many rows, where every operator of it has a number.
    fn eval_flops(&self, _rows: usize) -> Result<Option<u64>, RunError> {
        Ok(None)
    }
    /// The first word of each live seed's scalars.
    fn seed_words(&self) -> Vec<usize> {
        vec![]
    }
    /// Floating-point operations of a training step on that many rows, where every operator of it has a number.
    fn step_flops(&self, rows: usize) -> Result<Option<u64>, RunError>;
}

/// Gives the programs of a model as it grows. The pipeline does; the loop's tests bring their own.
pub(crate) trait ProgramSource: Sync {
    /// Programs of a model; `host` is the same without its live seeds.
    fn programs<'m>(&self, model: &'m Model, host: &Model) -> Result<Box<dyn Programs + 'm>, RunError>;
}

/// The compiler.
pub(crate) struct Pipeline;

impl ProgramSource for Pipeline {
    fn programs<'m>(&self, model: &'m Model, host: &Model) -> Result<Box<dyn Programs + 'm>, RunError> {
        Ok(Box::new(Compiled::with_trials(model, host)?))
    }
}

/// The programs that the compiler makes.
pub(crate) struct Compiled<'a> {
    model: &'a Model,
    /// The same model with every live seed joined, where it has any.
    trial: Option<Model>,
    plan: Plan,
}

impl<'a> Compiled<'a> {
    pub fn new(model: &'a Model) -> Result<Compiled<'a>, RunError> {
        Ok(Compiled { model, trial: None, plan: esper_pipeline::plan(model)? })
    }

    /// With trials: `host` is the model without its live seeds.
    pub fn with_trials(model: &'a Model, host: &Model) -> Result<Compiled<'a>, RunError> {
        let joined: Vec<Planting> = model.live.iter().map(|l| Planting { part: Part::Joined, ..l.planting.clone() }).collect();
        let trial = if joined.is_empty() { None } else { Some(esper_pipeline::graft(host, &joined)?) };
        Ok(Compiled { trial, ..Compiled::new(model)? })
    }
}

impl Programs for Compiled<'_> {
    fn init(&self) -> Result<Program, RunError> {
        Ok(esper_pipeline::init_program(self.model, &self.plan)?)
    }
    fn step(&self, rows: usize) -> Result<Program, RunError> {
        Ok(esper_pipeline::step_program(self.model, &self.plan, rows)?)
    }
    fn eval(&self, rows: usize) -> Result<Program, RunError> {
        Ok(esper_pipeline::eval_program(self.model, &self.plan, rows)?)
    }
    fn predict(&self, rows: usize) -> Result<Program, RunError> {
        Ok(esper_pipeline::predict_program(self.model, &self.plan, rows)?)
    }
    fn trial(&self, rows: usize) -> Result<Program, RunError> {
        Ok(esper_pipeline::eval_program(self.trial.as_ref().unwrap_or(self.model), &self.plan, rows)?)
    }
    fn statistics(&self, rows: usize, slots: &[usize]) -> Result<Program, RunError> {
        Ok(esper_pipeline::statistics_program(self.model, &self.plan, slots, rows)?)
    }
    fn seed_words(&self) -> Vec<usize> {
        (0..self.model.live.len()).map(|j| self.plan.layout.seed_word(j, SeedScalar::Alpha)).collect()
    }
    fn eval_flops(&self, rows: usize) -> Result<Option<u64>, RunError> {
        Ok(flops(&esper_pipeline::eval_graph(self.model, rows)?))
    }
    fn step_flops(&self, rows: usize) -> Result<Option<u64>, RunError> {
        let mut sum = flops(&esper_pipeline::step_graph(self.model, rows)?);
        for parameter in &self.model.parameters {
            let rule = self.model.optimizer.rules.get(parameter.ty.rank()).and_then(Option::as_ref);
            // A rule for all ranks has one axis `n`, one for a single rank has `d0, d1 …`.
            let size = |name: &str| match name {
                "n" => parameter.ty.elements().and_then(|n| i64::try_from(n).ok()),
                _ => parameter.ty.shape.get(name.strip_prefix('d')?.parse::<usize>().ok()?)?.as_const(),
            };
            let bound = rule.map(|rule| rule.graph.bind(&size)).transpose();
            let graph = bound.map_err(|e| esper_pipeline::Error::Bug(e.to_string()))?;
            sum = graph.and_then(|graph| sum?.checked_add(flops(&graph)?));
        }
        Ok(sum)
    }
}

/// The sum over a graph's operators.
fn flops(graph: &Graph) -> Option<u64> {
    graph.ids().try_fold(0u64, |sum, id| {
        let arguments: Vec<&TensorType> = graph.args(id).iter().map(|a| graph.ty(*a)).collect();
        let op = graph.op(id);
        sum.checked_add((op.spec().flops)(op, &arguments, graph.ty(id))?)
    })
}

/// The sizes that batches of `rows` rows have: the full one, and that of a smaller last one.
pub(crate) fn batch_sizes(rows: usize, batch: usize) -> Vec<usize> {
    if rows == 0 {
        return vec![];
    }
    let full = batch.min(rows);
    match rows % full {
        0 => vec![full],
        last => vec![full, last],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_cover_all_rows_with_at_most_two_sizes() {
        assert!(batch_sizes(0, 4).is_empty());
        assert_eq!(batch_sizes(3, 4), [3]);
        assert_eq!(batch_sizes(8, 4), [4]);
        assert_eq!(batch_sizes(9, 4), [4, 1]);
    }
}
