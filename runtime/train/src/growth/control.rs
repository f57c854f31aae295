//! What a grown run is compared with: the same final network from step 0, and what each of them costs.
use super::state::GrowthState;
use super::topology::{Change, Topology};
use crate::RunError;
use crate::programs::{Compiled, Programs};
use esper_ir::Model;

/// The network that a run grew, as one that is trained from step 0: its seeds are part of it from the start, with the α they came to.
pub fn static_network(model: &Model, state: &GrowthState) -> Result<Model, RunError> {
    let mut topology = Topology::new(Model { policies: vec![], controls: vec![], ..model.clone() });
    let changes: Vec<&Change> = state.log.iter().flat_map(|effected| &effected.changes).collect();
    for change in &changes {
        let Change::Integrate { id, alpha, .. } = change else { continue };
        let planted = changes.iter().find(|c| matches!(c, Change::Plant { planting, .. } if planting.id == *id));
        let Some(Change::Plant { planting, .. }) = planted else { continue };
        topology.host = esper_pipeline::integrate(&topology.host, planting, *alpha, 0)?;
    }
    // Its weights are those of no file.
    topology.host.settings.start = None;
    // No slot is asked for: what may grow was decided by the run.
    topology.host.slots.iter_mut().for_each(|slot| slot.policy = None);
    Ok(topology.host)
}

/// Floating-point operations of all training steps of a run of so many steps on batches of `rows` rows, shadow tails included; those of
/// evaluations are not. `None` where an operator has no number.
pub fn training_flops(model: &Model, state: &GrowthState, rows: usize, steps: u64) -> Result<Option<u64>, RunError> {
    let mut topology = Topology::new(model.clone());
    let (mut sum, mut since) = (Some(0u64), 0);
    for effected in state.log.iter().filter(|e| e.changes.iter().any(Change::is_structural)) {
        let step = step_flops(&topology, rows)?;
        sum = sum.and_then(|sum| sum.checked_add(step?.checked_mul(effected.step.min(steps) - since)?));
        since = effected.step.min(steps);
        topology = topology.after(&effected.changes)?;
    }
    let step = step_flops(&topology, rows)?;
    Ok(sum.and_then(|sum| sum.checked_add(step?.checked_mul(steps - since)?)))
}

fn step_flops(topology: &Topology, rows: usize) -> Result<Option<u64>, RunError> {
    let model = topology.model()?;
    Compiled::new(&model)?.step_flops(rows)
}
