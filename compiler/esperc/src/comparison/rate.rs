//! Another learning rate for a model that is compiled already: a multiple of the one that its schedule gives.
use esper_ir::{Graph, Op, Optimizer, OutputKind, ScalarSchedule};

/// The multiples of the experiment's learning rate that are tried.
pub const GRID: [f64; 4] = [0.25, 0.5, 1.0, 2.0];

/// Multiplies what the schedule of the learning rate gives, at every step.
pub fn scale(optimizer: &mut Optimizer, factor: f64) -> Result<(), String> {
    let Some(number) = optimizer.learning_rate() else { return Err(format!("{} has no learning rate to tune", optimizer.name)) };
    if factor == 1.0 {
        return Ok(());
    }
    let ScalarSchedule { name, graph } = &optimizer.scalars[number];
    let mut scaled = Graph::new();
    for (kind, node) in scaled.inline(graph, &|_| None).map_err(|e| e.to_string())? {
        let node = match kind {
            OutputKind::OptimizerScalar(_) => {
                let factor = scaled.full_like(factor, node);
                scaled.binary(Op::Mul, node, factor)
            }
            _ => node,
        };
        scaled.add_output(kind, node);
    }
    optimizer.scalars[number] = ScalarSchedule { name: name.clone(), graph: scaled };
    Ok(())
}
