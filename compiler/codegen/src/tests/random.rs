//! Random graphs: every operator with a scalar form or a movement, in random order, with random sharing.
use super::{check, feature, shape};
use esper_ir::{DType, Graph, NodeId, Op};
use proptest::prelude::*;

/// A small graph drawn from numbers: each triple picks an operator and its operands.
fn drawn(picks: &[(u8, u16, u16)]) -> Graph {
    let mut graph = Graph::new();
    let mut nodes: Vec<NodeId> = vec![
        feature(&mut graph, 0, DType::F32, &[4, 6]),
        feature(&mut graph, 1, DType::F32, &[6]),
        feature(&mut graph, 2, DType::F32, &[4, 1]),
    ];
    let indices = feature(&mut graph, 3, DType::I32, &[3]);
    for &(pick, first, second) in picks {
        let of = |n: u16| nodes[nodes.len() - 1 - (n as usize % nodes.len().min(6))];
        let (a, b) = (of(first), of(second));
        let sizes = graph.ty(a).sizes().unwrap();
        let rank = sizes.len();
        let axis = (second as usize / 7) % rank.max(1);
        let smooth = |graph: &mut Graph, node| graph.unary(Op::Tanh, node);
        let node = match pick % 19 {
            0 => graph.unary(Op::Neg, a),
            1 => graph.unary(Op::Exp, a),
            2 => graph.unary(Op::Tanh, a),
            3 => graph.unary(Op::Sin, a),
            4 | 5 if graph.ty(a) == graph.ty(b) => graph.binary(Op::Add, a, b),
            4 | 5 => graph.binary(Op::Mul, a, a),
            6 if graph.ty(a) == graph.ty(b) => graph.binary(Op::Maximum, a, b),
            6 => graph.unary(Op::Abs, a),
            7 if rank > 0 => graph.sum(a, [axis]),
            8 if rank > 0 => graph.unary(Op::Max { axes: vec![axis] }, a),
            9 if rank > 0 => {
                let reduced = graph.sum(a, [axis]);
                let axes: Vec<usize> = (0..rank).filter(|x| *x != axis).collect();
                let wide = graph.broadcast_to(reduced, shape(&sizes), axes);
                graph.binary(Op::Sub, a, wide)
            }
            10 if rank > 1 => graph.transpose(a, (0..rank).rev().collect::<Vec<_>>()),
            11 if sizes.iter().product::<usize>() > 1 => graph.reshape(a, shape(&[sizes.iter().product::<usize>()])),
            12 if rank > 0 => graph.unary(Op::Flip { axes: vec![axis] }, a),
            13 if rank > 0 && sizes[axis] > 1 => {
                let mut start = vec![0usize; rank];
                start[axis] = 1;
                graph.unary(Op::Slice { start: shape(&start), stop: shape(&sizes) }, a)
            }
            14 if rank > 0 && sizes.iter().product::<usize>() < 200 => {
                let mut low = vec![0usize; rank];
                low[axis] = 2;
                graph.unary(Op::Pad { low: shape(&low), high: shape(&vec![0; rank]), value: 0.5 }, a)
            }
            15 if rank > 0 && sizes.iter().product::<usize>() < 200 => graph.build(Op::Concat { axis }, &[a, a]),
            16 if rank > 0 => graph.build(Op::Gather { axis }, &[a, indices]),
            17 if rank == 2 => {
                let t = graph.transpose(a, [1, 0]);
                let axes = esper_ir::DotAxes { left_contract: vec![1], right_contract: vec![0], ..Default::default() };
                let product = graph.build(Op::DotGeneral(axes), &[a, t]);
                smooth(&mut graph, product)
            }
            18 if rank < 3 && sizes.iter().product::<usize>() < 100 => {
                let wide = [&sizes[..], &[3]].concat();
                graph.broadcast_to(a, shape(&wide), (0..rank).collect::<Vec<_>>())
            }
            _ => graph.unary(Op::Cos, a),
        };
        // Indices outside give nan, which tanh keeps: replaced so that later comparisons mean something.
        let same = graph.binary(Op::Equal, node, node);
        let zero = graph.full_like(0.25, node);
        let bounded = graph.select(same, node, zero);
        nodes.push(if pick % 19 == 16 { smooth(&mut graph, bounded) } else { node });
    }
    let last: Vec<NodeId> = nodes.iter().rev().take(3).copied().collect();
    for (n, node) in last.into_iter().enumerate() {
        let kind = [esper_ir::OutputKind::Prediction, esper_ir::OutputKind::State(0), esper_ir::OutputKind::Gradient(0)][n].clone();
        graph.add_output(kind, node);
    }
    graph
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]
    #[test]
    fn programs_mean_what_their_graphs_mean(picks in prop::collection::vec((0u8..19, any::<u16>(), any::<u16>()), 1..18)) {
        check(&drawn(&picks));
    }
}
