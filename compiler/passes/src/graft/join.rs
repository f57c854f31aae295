//! How what seeds give is put together with what stands in their slot.
use super::host::Grafting;
use esper_diagnostics::Span;
use esper_ir::{DType, Graph, Input, Join, NodeId, Op, TensorType};

/// What leaves a slot: its target with the contributions of the joined seeds, each given with the seed and the value it computed.
pub(super) fn joined(graph: &mut Graph, target: NodeId, parts: &[(&Grafting, NodeId, NodeId)]) -> Result<NodeId, String> {
    let Some((first, ..)) = parts.first() else { return Ok(target) };
    if parts.iter().any(|(seed, ..)| seed.join != first.join) {
        return Err("compiler bug: seeds in one slot are joined in different ways".into());
    }
    Ok(match first.join {
        Join::Add => parts.iter().fold(target, |sum, (seed, contribution, _)| {
            let scaled = scaled(graph, seed, *contribution);
            graph.binary(Op::Add, sum, scaled)
        }),
        Join::Lerp => {
            // (1 − Σα)·h + Σ α·f = h + Σ α·(f − h)
            parts.iter().fold(target, |sum, (seed, _, value)| {
                let difference = graph.binary(Op::Sub, *value, target);
                let scaled = scaled(graph, seed, difference);
                graph.binary(Op::Add, sum, scaled)
            })
        }
        Join::Multiply => parts.iter().fold(target, |product, (seed, contribution, _)| {
            let bounded = graph.unary(Op::Tanh, *contribution);
            let scaled = scaled(graph, seed, bounded);
            let one = graph.full_like(1.0, scaled);
            let factor = graph.binary(Op::Add, one, scaled);
            graph.binary(Op::Mul, product, factor)
        }),
    })
}

/// α times a tensor: a run-time scalar of a live seed, a constant of an integrated one.
fn scaled(graph: &mut Graph, seed: &Grafting, x: NodeId) -> NodeId {
    let alpha = match seed.alpha {
        Some(1.0) => return x,
        Some(alpha) => graph.full_like(alpha, x),
        None => {
            let scalar = graph.input(Input::Alpha(seed.number), TensorType::scalar(DType::F32), Span::default());
            let shape = graph.ty(x).shape.clone();
            match shape.is_empty() {
                true => scalar,
                false => graph.build(Op::Broadcast { shape, axes: vec![] }, &[scalar]),
            }
        }
    };
    graph.binary(Op::Mul, x, alpha)
}
