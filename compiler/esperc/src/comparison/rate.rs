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

#[cfg(test)]
mod tests {
    use super::*;
    use esper_ir::{DType, Input, Tensor, TensorType, evaluate_all};

    /// A learning rate that is the number of the step, beside another scalar.
    fn optimizer() -> Optimizer {
        let mut graph = Graph::new();
        let step = graph.input(Input::Step, TensorType::scalar(DType::F32), Default::default());
        graph.add_output(OutputKind::OptimizerScalar(1), step);
        let mut other = Graph::new();
        let value = other.scalar(0.5, DType::F32);
        other.add_output(OutputKind::OptimizerScalar(0), value);
        let schedule = |name: &str, graph| ScalarSchedule { name: name.into(), graph };
        let scalars = vec![schedule("weight_decay", other), schedule("lr", graph)];
        Optimizer { name: "Sgd".into(), states: vec![], state_init: vec![], scalars, rules: vec![] }
    }

    fn values(optimizer: &Optimizer) -> Vec<f64> {
        let step = |input: &Input| (*input == Input::Step).then(|| Tensor::scalar(DType::F32, 3.0));
        let value = |schedule: &ScalarSchedule| {
            let all = evaluate_all(&schedule.graph, &step, 0, 1).unwrap();
            all[schedule.graph.outputs()[0].node.index()].data[0]
        };
        optimizer.scalars.iter().map(value).collect()
    }

    #[test]
    fn the_learning_rate_is_multiplied_and_nothing_else() {
        let mut scaled = optimizer();
        scale(&mut scaled, 0.25).unwrap();
        assert_eq!(values(&scaled), [0.5, 0.75]);
        assert_eq!(scaled.scalars[1].graph.outputs()[0].kind, OutputKind::OptimizerScalar(1));
        scale(&mut scaled, 1.0).unwrap();
        assert_eq!(values(&scaled), [0.5, 0.75]);
        scaled.scalars.pop();
        assert!(scale(&mut scaled, 2.0).unwrap_err().contains("Sgd has no learning rate"));
    }
}
