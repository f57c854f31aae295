//! Random well-typed graphs, made of the operator table's examples: every pass keeps what they compute.
use super::{assert_close, f32s, outputs, values};
use crate::{PASSES, differentiate, simplify};
use esper_diagnostics::Span;
use esper_ir::{DType, Dim, Domain, Graph, Input, NodeId, Op, Operand, OutputKind, TABLE, Tensor, parse, print, verify};

struct Random(u64);
impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((self.0 >> 33) % n as u64) as usize
    }
}

/// Operators that suit any sizes, beside those of the table's examples, so that a random graph meets itself.
fn operators(random: &mut Random, graph: &Graph, x: NodeId) -> Op {
    let shape = graph.ty(x).shape.clone();
    let rank = shape.len();
    let axis = random.below(rank.max(1));
    let flat = || shape.iter().try_fold(Dim::constant(1), |a, b| a.mul(b)).unwrap();
    match random.below(16) {
        0 if rank > 0 => Op::Sum { axes: vec![axis] },
        1 if rank > 0 => Op::Max { axes: vec![axis] },
        2 => Op::Transpose { order: (0..rank).rev().collect() },
        11 | 12 if rank > 1 => {
            let mut order: Vec<usize> = (0..rank).collect();
            order.rotate_left(1 + random.below(rank - 1));
            Op::Transpose { order }
        }
        3 => Op::Reshape { shape: vec![flat()] },
        4 => Op::Reshape { shape: [&shape[..], &[Dim::constant(1)]].concat() },
        5 | 6 if rank < 4 => Op::Broadcast { shape: [&[Dim::constant(2)], &shape[..]].concat(), axes: (1..=rank).collect() },
        7 if rank > 0 && shape[axis].as_const() > Some(1) => {
            let mut stop = shape.clone();
            stop[axis] = stop[axis].sub(&Dim::constant(1)).unwrap();
            Op::Slice { start: vec![Dim::constant(0); rank], stop }
        }
        8 => Op::Pad { low: vec![Dim::constant(1); rank], high: vec![Dim::constant(0); rank], value: 0.0 },
        9 if rank > 0 => Op::Flip { axes: vec![axis] },
        10 if rank > 0 => Op::Concat { axis },
        13 => Op::Neg,
        14 => Op::Tanh,
        _ => Op::Abs,
    }
}

/// A graph of about `count` nodes over arguments whose values stay of moderate size; all float leaves are outputs.
fn random_graph(seed: u64, count: usize) -> (Graph, Vec<Tensor>) {
    let mut random = Random(seed);
    let mut graph = Graph::new();
    let mut arguments = vec![];
    let mut examples: Vec<_> = TABLE.iter().flat_map(|s| (s.examples)()).filter(|e| e.ty.is_none()).collect();
    examples.retain(|e| e.operands.iter().all(|o| o.ty.dtype.is_float()));
    let mut known: Vec<NodeId> = vec![];
    let fresh = |graph: &mut Graph, arguments: &mut Vec<Tensor>, operand: &Operand| {
        arguments.push(values(operand, seed + 100 + arguments.len() as u64));
        graph.input(Input::Argument(arguments.len() - 1), operand.ty.clone(), Span::default())
    };
    for sizes in [&[2usize, 3][..], &[3], &[], &[2, 1, 3]] {
        known.push(fresh(&mut graph, &mut arguments, &Operand { ty: f32s(sizes), domain: Domain::Between(-1.5, 1.5) }));
    }
    while graph.len() < count {
        let x = known[random.below(known.len())];
        let ty = graph.ty(x).clone();
        let node = match random.below(8) {
            0 => {
                let example = examples[random.below(examples.len())].clone();
                let args: Vec<NodeId> = example.operands.iter().map(|o| fresh(&mut graph, &mut arguments, o)).collect();
                graph.apply(example.op, &args, Span::default())
            }
            1..=3 => {
                let mut same: Vec<NodeId> = known.iter().copied().filter(|n| *graph.ty(*n) == ty).collect();
                for value in [0.0, 1.0, -1.0, 2.0, 0.3] {
                    same.push(graph.constant(value, ty.clone()));
                }
                let y = same[random.below(same.len())];
                let op = [Op::Add, Op::Sub, Op::Mul, Op::Maximum, Op::Minimum][random.below(5)].clone();
                let args = if random.below(2) == 0 { [x, y] } else { [y, x] };
                graph.apply(op, &args, Span::default())
            }
            4 => {
                let exponent = [0.0, 1.0, 2.0, 3.0, 0.5, -1.0, -0.5][random.below(7)];
                let (exponent, one) = (graph.constant(exponent, ty.clone()), graph.constant(1.0, ty));
                // Positive and not small, so that roots and reciprocals are smooth.
                let square = graph.binary(Op::Mul, x, x);
                let base = graph.binary(Op::Add, square, one);
                graph.apply(Op::Pow, &[base, exponent], Span::default())
            }
            _ => {
                let op = operators(&mut random, &graph, x);
                graph.apply(op, &[x], Span::default())
            }
        };
        // Shapes that an example's attributes do not fit are left out, and so is what grows.
        let Ok(node) = node else { continue };
        if graph.ty(node).dtype == DType::F32 && graph.ty(node).elements().is_some_and(|n| n < 200) {
            let squashed = if random.below(3) == 0 { graph.unary(Op::Tanh, node) } else { node };
            known.push(squashed);
        }
    }
    let mut kind = 0;
    let mut loss = graph.scalar(0.0, DType::F32);
    for node in known {
        if graph.users(node).is_empty() {
            graph.add_output(OutputKind::Value(kind), node);
            kind += 1;
            let bounded = graph.unary(Op::Tanh, node);
            let rank = graph.ty(bounded).rank();
            let sum = graph.sum(bounded, (0..rank).collect::<Vec<_>>());
            loss = graph.binary(Op::Add, loss, sum);
        }
    }
    let wrt: Vec<NodeId> = graph.ids().filter(|id| matches!(graph.op(*id), Op::Input(_))).collect();
    match differentiate(&mut graph, loss, &wrt) {
        Ok(gradients) => {
            for (i, gradient) in gradients.into_iter().enumerate() {
                if let Some(gradient) = gradient {
                    graph.add_output(OutputKind::Gradient(i), gradient);
                }
            }
        }
        Err(error) => assert!(error.contains("not differentiable again"), "{error}"),
    }
    (graph, arguments)
}

#[test]
fn passes_keep_what_random_graphs_compute() {
    let mut smaller = 0;
    for seed in 0..60 {
        let (graph, arguments) = random_graph(seed, 60);
        verify(&graph).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
        assert_eq!(parse(&print(&graph)).as_ref(), Ok(&graph), "seed {seed}");
        let expected = outputs(&graph, &arguments);
        let mut passed = graph.clone();
        for pass in PASSES {
            passed = (pass.run)(&passed);
            verify(&passed).unwrap_or_else(|e| panic!("seed {seed}, {}: {e}", pass.name));
            for ((kind, before), (_, after)) in expected.iter().zip(outputs(&passed, &arguments)) {
                assert_eq!(before.shape, after.shape);
                for (a, b) in before.data.iter().zip(&after.data) {
                    assert_close(*a, *b, 1e-9, &format!("seed {seed}, {}, {kind:?}", pass.name));
                }
            }
        }
        smaller += usize::from(passed.len() < graph.prune().len());
        assert_eq!(simplify(&graph), passed);
        assert_eq!(simplify(&passed), passed, "seed {seed}: simplifying again changes something");
    }
    assert!(smaller > 50, "{smaller}");
}
