//! Tests of the passes as a whole: gradients of every operator, and passes that keep what random graphs compute.
mod gradients;
mod random_graphs;
mod rewriting;

use esper_ir::{DType, Dim, Domain, Graph, Input, NodeId, Operand, OutputKind, StreamId, Tensor, TensorType, interpret, philox};

/// `f32[2, 3]`.
fn f32s(sizes: &[usize]) -> TensorType {
    TensorType::new(DType::F32, sizes.iter().map(|n| Dim::from(*n)).collect())
}

/// Values for an operand of an example: the same every time for one seed.
fn values(operand: &Operand, seed: u64) -> Tensor {
    let sizes = operand.ty.sizes().expect("examples have no symbolic sizes");
    let uniform = |i: usize| philox::uniform(seed, 0, StreamId(7), i as u32);
    let value = |i: usize| match operand.domain {
        Domain::Between(low, high) => low + (high - low) * uniform(i),
        Domain::Below(n) => (uniform(i) * f64::from(n)).floor(),
    };
    Tensor::new(operand.ty.dtype, sizes.clone(), (0..sizes.iter().product()).map(value).collect())
}

/// All outputs for these values of `Argument(i)`.
fn outputs(graph: &Graph, arguments: &[Tensor]) -> Vec<(OutputKind, Tensor)> {
    let given = |input: &Input| match input {
        Input::Argument(i) => arguments.get(*i).cloned(),
        _ => None,
    };
    interpret(graph, &given, 3, 1).unwrap_or_else(|e| panic!("{e}\n{graph:?}"))
}

/// A sum over everything of a float tensor, each element weighted differently so that no mistake cancels.
fn weighted_sum(graph: &mut Graph, x: NodeId) -> NodeId {
    let shape = graph.ty(x).shape.clone();
    let span = graph.span(x);
    let rank = shape.len();
    let weights = graph.leaf(esper_ir::Op::Random { stream: StreamId(99) }, graph.ty(x).clone(), span);
    let weighted = graph.binary(esper_ir::Op::Mul, x, weights);
    graph.sum(weighted, (0..rank).collect::<Vec<_>>())
}

#[track_caller]
fn assert_close(expected: f64, found: f64, tolerance: f64, what: &str) {
    let near = (expected - found).abs() <= tolerance * (1.0 + expected.abs()) || (expected.is_nan() && found.is_nan()) || expected == found;
    assert!(near, "{what}: {expected} and {found}");
}
