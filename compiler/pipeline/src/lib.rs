//! The one sequence of passes and code generation: from a model to the programs that a device runs.
mod graphs;
mod plan;

pub use graphs::{eval_graph, init_graph, predict_graph, statistics_graph, step_graph};
pub use plan::{Error, Plan, plan};

pub use esper_passes::Units;

use esper_codegen::Program;
use esper_ir::{Graph, Model, Planting, Seed};

/// The model with seeds living in its slots: [`esper_passes::graft`].
pub fn graft(host: &Model, plantings: &[Planting]) -> Result<Model, Error> {
    esper_passes::graft(host, plantings).map_err(Error::Bug)
}

/// The model with a seed as a part of it for good: [`esper_passes::integrate`].
pub fn integrate(host: &Model, planting: &Planting, alpha: f64, born: u64) -> Result<Model, Error> {
    esper_passes::integrate(host, planting, alpha, born).map_err(Error::Bug)
}

/// The parameters of a seed's last affine map, weight and bias: those that make it zero where they are zero. None where it does not end in one.
pub fn last_affine(seed: &Seed) -> Vec<String> {
    let ends = esper_passes::ends(seed);
    ends.last.into_iter().chain(ends.last_bias).map(|p| seed.parameters[p].path.clone()).collect()
}

/// A seed as new units: [`esper_passes::units`].
pub fn units(seed: &Seed, opened: bool) -> Option<Units> {
    esper_passes::units(seed, opened)
}

/// One training step for batches of `batch` rows: forward, backward, clipping and update.
pub fn step_program(model: &Model, plan: &Plan, batch: usize) -> Result<Program, Error> {
    let graph = step_graph(model, batch)?;
    compile(&graph, &format!("train[{batch}]"), plan, &plan.updates)
}

/// Loss and metrics of a batch in evaluation.
pub fn eval_program(model: &Model, plan: &Plan, batch: usize) -> Result<Program, Error> {
    compile(&eval_graph(model, batch)?, &format!("eval[{batch}]"), plan, &[])
}

/// Predictions of a batch.
pub fn predict_program(model: &Model, plan: &Plan, batch: usize) -> Result<Program, Error> {
    compile(&predict_graph(model, batch)?, &format!("predict[{batch}]"), plan, &[])
}

/// What the slots of a model see of a training batch: see [`statistics_graph`].
pub fn statistics_program(model: &Model, plan: &Plan, slots: &[usize], batch: usize) -> Result<Program, Error> {
    compile(&statistics_graph(model, slots, batch)?, &format!("statistics[{batch}]"), plan, &[])
}

/// The initial value of every parameter, state and optimizer state; keyed by the seed and step 0.
pub fn init_program(model: &Model, plan: &Plan) -> Result<Program, Error> {
    compile(&init_graph(model)?, "init", plan, &[])
}

fn compile(graph: &Graph, name: &str, plan: &Plan, updates: &[esper_codegen::UpdateGroup]) -> Result<Program, Error> {
    esper_codegen::compile(graph, name, &plan.layout, updates).map_err(Error::Unsupported)
}
