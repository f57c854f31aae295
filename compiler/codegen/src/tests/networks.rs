//! The parts of networks that must become few kernels.
use super::{check, counts, feature, parameter, shape};
use crate::Step;
use esper_ir::{DType, DotAxes, Graph, NodeId, Op, OutputKind};

/// The last axis reduced and repeated again.
fn along_rows(graph: &mut Graph, x: NodeId, op: fn(Vec<usize>) -> Op) -> NodeId {
    let sizes = graph.ty(x).sizes().unwrap();
    let rank = sizes.len();
    let reduced = graph.unary(op(vec![rank - 1]), x);
    graph.broadcast_to(reduced, shape(&sizes), (0..rank - 1).collect::<Vec<_>>())
}
fn sum(axes: Vec<usize>) -> Op {
    Op::Sum { axes }
}
fn max(axes: Vec<usize>) -> Op {
    Op::Max { axes }
}
fn softmax(graph: &mut Graph, x: NodeId) -> NodeId {
    let largest = along_rows(graph, x, max);
    let shifted = graph.binary(Op::Sub, x, largest);
    let e = graph.unary(Op::Exp, shifted);
    let total = along_rows(graph, e, sum);
    graph.binary(Op::Div, e, total)
}
fn linear(graph: &mut Graph, x: NodeId, weight: NodeId, bias: NodeId) -> NodeId {
    let axes = DotAxes { left_contract: vec![1], right_contract: vec![1], ..DotAxes::default() };
    let product = graph.build(Op::DotGeneral(axes), &[x, weight]);
    let wide = graph.ty(product).shape.clone();
    let wide = graph.broadcast_to(bias, wide, [1]);
    graph.binary(Op::Add, product, wide)
}
fn relu(graph: &mut Graph, x: NodeId) -> NodeId {
    let zero = graph.full_like(0.0, x);
    graph.binary(Op::Maximum, x, zero)
}

#[test]
fn softmax_is_one_kernel() {
    let mut graph = Graph::new();
    let x = feature(&mut graph, 0, DType::F32, &[5, 33]);
    let y = softmax(&mut graph, x);
    graph.add_output(OutputKind::Prediction, y);
    assert_eq!(counts(&check(&graph)), (1, 0));
}

#[test]
fn softmax_with_its_derivative_is_one_kernel() {
    let mut graph = Graph::new();
    let x = feature(&mut graph, 0, DType::F32, &[40, 33]);
    let dy = feature(&mut graph, 1, DType::F32, &[40, 33]);
    let y = softmax(&mut graph, x);
    let weighted = graph.binary(Op::Mul, dy, y);
    let total = along_rows(&mut graph, weighted, sum);
    let centred = graph.binary(Op::Sub, dy, total);
    let dx = graph.binary(Op::Mul, centred, y);
    graph.add_output(OutputKind::Prediction, dx);
    assert_eq!(counts(&check(&graph)), (1, 0));
}

#[test]
fn layer_norm_is_one_kernel() {
    let mut graph = Graph::new();
    let x = feature(&mut graph, 0, DType::F32, &[6, 4, 48]);
    let (scale, shift) = (parameter(&mut graph, 0, &[48]), parameter(&mut graph, 1, &[48]));
    let n = graph.full_like(48.0, x);
    let total = along_rows(&mut graph, x, sum);
    let mean = graph.binary(Op::Div, total, n);
    let centred = graph.binary(Op::Sub, x, mean);
    let square = graph.binary(Op::Mul, centred, centred);
    let total = along_rows(&mut graph, square, sum);
    let variance = graph.binary(Op::Div, total, n);
    let epsilon = graph.full_like(1e-5, x);
    let variance = graph.binary(Op::Add, variance, epsilon);
    let deviation = graph.unary(Op::Rsqrt, variance);
    let normal = graph.binary(Op::Mul, centred, deviation);
    let scale = graph.broadcast_to(scale, shape(&[6, 4, 48]), [2]);
    let shift = graph.broadcast_to(shift, shape(&[6, 4, 48]), [2]);
    let scaled = graph.binary(Op::Mul, normal, scale);
    let y = graph.binary(Op::Add, scaled, shift);
    graph.add_output(OutputKind::Prediction, y);
    let program = check(&graph);
    assert_eq!(counts(&program), (1, 0));
    assert_eq!(program.kernels[0].rows, [24], "axes that move together are one");
}

#[test]
fn batch_norm_with_relu_is_one_kernel_and_its_statistics_commit() {
    let mut graph = Graph::new();
    let x = feature(&mut graph, 0, DType::F32, &[4, 3, 5, 5]);
    let running = graph.input(esper_ir::Input::State(0), super::tensor(DType::F32, &[3]), Default::default());
    let total = graph.sum(x, [0, 2, 3]);
    let n = graph.full_like(100.0, total);
    let mean = graph.binary(Op::Div, total, n);
    let wide = graph.broadcast_to(mean, shape(&[4, 3, 5, 5]), [1]);
    let centred = graph.binary(Op::Sub, x, wide);
    let square = graph.binary(Op::Mul, centred, centred);
    let total = graph.sum(square, [0, 2, 3]);
    let variance = graph.binary(Op::Div, total, n);
    let epsilon = graph.full_like(1e-5, variance);
    let stable = graph.binary(Op::Add, variance, epsilon);
    let deviation = graph.unary(Op::Rsqrt, stable);
    let deviation = graph.broadcast_to(deviation, shape(&[4, 3, 5, 5]), [1]);
    let normal = graph.binary(Op::Mul, centred, deviation);
    let y = relu(&mut graph, normal);
    let keep = graph.full_like(0.9, running);
    let take = graph.full_like(0.1, running);
    let kept = graph.binary(Op::Mul, running, keep);
    let taken = graph.binary(Op::Mul, mean, take);
    let moved = graph.binary(Op::Add, kept, taken);
    graph.add_output(OutputKind::Prediction, y);
    graph.add_output(OutputKind::State(0), moved);
    let program = check(&graph);
    assert_eq!(counts(&program), (2, 0));
    assert_eq!(program.update, 1);
}

#[test]
fn bias_and_relu_end_the_product_even_with_a_backward_pass() {
    let mut graph = Graph::new();
    let x = feature(&mut graph, 0, DType::F32, &[8, 12]);
    let (weight, bias) = (parameter(&mut graph, 0, &[7, 12]), parameter(&mut graph, 1, &[7]));
    let before = linear(&mut graph, x, weight, bias);
    let y = relu(&mut graph, before);
    // The derivative asks whether 0 < before; max(before, 0) answers the same.
    let zero = graph.full_like(0.0, before);
    let positive = graph.binary(Op::Less, zero, before);
    let dy = feature(&mut graph, 1, DType::F32, &[8, 7]);
    let through = graph.select(positive, dy, zero);
    let axes = DotAxes { left_contract: vec![0], right_contract: vec![0], ..DotAxes::default() };
    let gradient = graph.build(Op::DotGeneral(axes), &[through, x]);
    let bias_gradient = graph.sum(through, [0]);
    graph.add_output(OutputKind::Prediction, y);
    graph.add_output(OutputKind::Gradient(0), gradient);
    graph.add_output(OutputKind::Gradient(1), bias_gradient);
    let program = check(&graph);
    assert_eq!(counts(&program), (1, 2));
    let epilogues = program.steps.iter().filter(|s| matches!(s, Step::Dot(d) if d.epilogue.relu && d.epilogue.bias.is_some()));
    assert_eq!(epilogues.count(), 1);
}

#[test]
fn cross_entropy_with_its_derivative_is_few_kernels() {
    let mut graph = Graph::new();
    let logits = feature(&mut graph, 0, DType::F32, &[16, 5]);
    let labels = feature(&mut graph, 1, DType::I32, &[16]);
    let largest = along_rows(&mut graph, logits, max);
    let shifted = graph.binary(Op::Sub, logits, largest);
    let e = graph.unary(Op::Exp, shifted);
    let total = graph.sum(e, [1]);
    let log = graph.unary(Op::Log, total);
    let column = graph.reshape(labels, shape(&[16, 1]));
    let chosen = graph.build(Op::TakeAlong { axis: 1 }, &[shifted, column]);
    let chosen = graph.reshape(chosen, shape(&[16]));
    let each = graph.binary(Op::Sub, log, chosen);
    let loss = graph.sum(each, [0]);
    let total = graph.broadcast_to(total, shape(&[16, 5]), [0]);
    let probability = graph.binary(Op::Div, e, total);
    let column = graph.broadcast_to(labels, shape(&[16, 5]), [0]);
    let classes = graph.leaf(Op::Iota { axis: 1 }, super::tensor(DType::I32, &[16, 5]), Default::default());
    let hit = graph.binary(Op::Equal, classes, column);
    let hit = graph.unary(Op::Cast { to: DType::F32 }, hit);
    let gradient = graph.binary(Op::Sub, probability, hit);
    graph.add_output(OutputKind::Loss, loss);
    graph.add_output(OutputKind::Prediction, gradient);
    let program = check(&graph);
    assert!(counts(&program).0 <= 3, "{:?}", counts(&program));
}

#[test]
fn products_read_transposes_and_batches_as_strides() {
    let mut graph = Graph::new();
    let q = feature(&mut graph, 0, DType::F32, &[2, 6, 4 * 8]);
    let k = feature(&mut graph, 1, DType::F32, &[2, 6, 4 * 8]);
    let heads = |graph: &mut Graph, x| {
        let split = graph.reshape(x, shape(&[2, 6, 4, 8]));
        graph.transpose(split, [0, 2, 1, 3])
    };
    let (q, k) = (heads(&mut graph, q), heads(&mut graph, k));
    let axes = DotAxes { left_batch: vec![0, 1], right_batch: vec![0, 1], left_contract: vec![3], right_contract: vec![3] };
    let scores = graph.build(Op::DotGeneral(axes), &[q, k]);
    graph.add_output(OutputKind::Prediction, scores);
    assert_eq!(counts(&check(&graph)), (0, 1));
}

#[test]
fn convolutions_poolings_and_scatters_match_the_interpreter() {
    let window = esper_ir::Window { kernel: [3, 2], stride: [2, 1], padding: [1, 1], dilation: [1, 2] };
    let mut graph = Graph::new();
    let x = feature(&mut graph, 0, DType::F32, &[2, 4, 7, 6]);
    let (weight, bias) = (parameter(&mut graph, 0, &[6, 2, 3, 2]), parameter(&mut graph, 1, &[6]));
    let y = graph.build(Op::Convolution { window, groups: 2 }, &[x, weight]);
    let wide = graph.ty(y).shape.clone();
    let wide = graph.broadcast_to(bias, wide, [1]);
    let y = graph.binary(Op::Add, y, wide);
    let y = relu(&mut graph, y);
    let pool = esper_ir::Window { kernel: [2, 2], stride: [2, 2], padding: [0, 0], dilation: [1, 1] };
    let pooled = graph.build(Op::MaxPool { window: pool }, &[y]);
    let dy = graph.build(Op::MaxPoolGradient { window: pool }, &[y, pooled]);
    let dx = graph.build(Op::ConvolutionInputGradient { window, groups: 2, size: [7i64.into(), 6i64.into()] }, &[dy, weight]);
    let dw = graph.build(Op::ConvolutionWeightGradient { window, groups: 2 }, &[x, dy]);
    let indices = feature(&mut graph, 1, DType::I32, &[4]);
    let table = graph.build(Op::ScatterAdd { axis: 1, size: 5i64.into() }, &[indices, dx]);
    graph.add_output(OutputKind::Prediction, table);
    graph.add_output(OutputKind::Gradient(0), dw);
    let program = check(&graph);
    assert_eq!(counts(&program).1, 6);
}
