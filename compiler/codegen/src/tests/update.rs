//! Update rules: over a range of the arena in one kernel, or through copies where a rule mixes elements; and every primitive in every text.
use super::{check_texts, tensor};
use crate::evaluate::{Memory, Precision, run};
use crate::{Class, Layout, Step, UpdateGroup, compile};
use esper_ir::{DType, Graph, Input, NodeId, Op, OutputKind, Prim, TensorType};

fn input(graph: &mut Graph, input: Input, sizes: &[usize]) -> NodeId {
    graph.input(input, tensor(DType::F32, sizes), Default::default())
}

/// `m ← 0.9 m + g; x ← x − lr / (1 − 0.9^step) · m`, as Adam's first moment.
fn momentum(elements: usize) -> Graph {
    let mut graph = Graph::new();
    let sizes = [elements];
    let x = input(&mut graph, Input::Updated, &sizes);
    let g = input(&mut graph, Input::Gradient, &sizes);
    let m = input(&mut graph, Input::OptimizerState(0), &sizes);
    let rate = input(&mut graph, Input::OptimizerScalar(0), &[]);
    let step = input(&mut graph, Input::Step, &[]);
    let beta = graph.full_like(0.9, m);
    let kept = graph.binary(Op::Mul, m, beta);
    let moment = graph.binary(Op::Add, kept, g);
    let beta = graph.scalar(0.9, DType::F32);
    let power = graph.binary(Op::Pow, beta, step);
    let one = graph.scalar(1.0, DType::F32);
    let correction = graph.binary(Op::Sub, one, power);
    let rate = graph.binary(Op::Div, rate, correction);
    let rate = graph.broadcast_to(rate, super::shape(&sizes), []);
    let change = graph.binary(Op::Mul, rate, moment);
    let next = graph.binary(Op::Sub, x, change);
    graph.add_output(OutputKind::Updated, next);
    graph.add_output(OutputKind::OptimizerState(0, 0), moment);
    graph
}

#[test]
fn an_elementwise_rule_runs_once_over_all_parameters_of_its_group() {
    let types = [tensor(DType::F32, &[3]), tensor(DType::F32, &[2, 20])];
    let layout = Layout::new(&types, &[vec![0, 1]], &[], 1);
    let elements = layout.group_elements(0);
    let group = UpdateGroup { parameters: vec![0, 1], elementwise: true, graph: momentum(elements) };
    let program = compile(&Graph::new(), "update", &layout, &[group]).unwrap();
    check_texts(&program);
    assert_eq!(program.steps.len() - program.update, 1, "one kernel commits");
    let mut memory = Memory::of(&program);
    let second = layout.parameter_offset(1) / 4;
    memory.arena(Class::Parameters)[second] = 5.0;
    memory.arena(Class::OptimizerStates)[second] = 2.0;
    memory.arena(Class::Gradients)[second] = 3.0;
    let scalars = memory.arena(Class::Scalars);
    scalars[crate::scalar_words::STEP] = 1.0;
    scalars[crate::scalar_words::OPTIMIZER] = 0.01;
    run(&program, &mut memory, 0..program.steps.len(), Precision::Double);
    let close = |a: f64, b: f64| (a - b).abs() < 1e-12;
    assert!(close(memory.arena(Class::OptimizerStates)[second], 4.8));
    assert!(close(memory.arena(Class::Parameters)[second], 5.0 - 0.01 / 0.1 * 4.8));
    assert_eq!(memory.arena(Class::Parameters)[0], 0.0);
}

#[test]
fn a_rule_that_mixes_elements_changes_nothing_before_the_commit() {
    let types = [tensor(DType::F32, &[4, 4])];
    let layout = Layout::new(&types, &[vec![0]], &[], 0);
    let mut graph = Graph::new();
    let x = input(&mut graph, Input::Updated, &[4, 4]);
    let turned = graph.transpose(x, [1, 0]);
    graph.add_output(OutputKind::Updated, turned);
    let group = UpdateGroup { parameters: vec![0], elementwise: false, graph };
    let program = compile(&Graph::new(), "update", &layout, &[group]).unwrap();
    let mut memory = Memory::of(&program);
    let start: Vec<f64> = (0..16).map(f64::from).collect();
    memory.arena(Class::Parameters).copy_from_slice(&start);
    run(&program, &mut memory, 0..program.update, Precision::Double);
    assert_eq!(*memory.arena(Class::Parameters), start);
    run(&program, &mut memory, program.update..program.steps.len(), Precision::Double);
    assert_eq!(memory.arena(Class::Parameters)[1], 4.0);
}

#[test]
fn two_states_that_read_each_other_are_exchanged() {
    let states = [tensor(DType::F32, &[2]), tensor(DType::F32, &[2])];
    let layout = Layout::new(&[], &[], &states, 0);
    let mut graph = Graph::new();
    let (a, b) = (input(&mut graph, Input::State(0), &[2]), input(&mut graph, Input::State(1), &[2]));
    graph.add_output(OutputKind::State(0), b);
    graph.add_output(OutputKind::State(1), a);
    let program = compile(&graph, "swap", &layout, &[]).unwrap();
    let mut memory = Memory::of(&program);
    memory.arena(Class::States)[0] = 1.0;
    memory.arena(Class::States)[16] = 2.0;
    run(&program, &mut memory, 0..program.steps.len(), Precision::Double);
    assert_eq!((memory.arena(Class::States)[0], memory.arena(Class::States)[16]), (2.0, 1.0));
}

#[test]
fn every_primitive_has_every_text() {
    for dtype in [DType::F32, DType::I32] {
        let mut graph = Graph::new();
        let ty = TensorType::new(dtype, super::shape(&[8]));
        let x = graph.input(Input::Feature(0), ty.clone(), Default::default());
        let y = graph.input(Input::Feature(1), ty, Default::default());
        let condition = graph.binary(Op::Less, x, y);
        let mut outputs = vec![];
        for spec in esper_ir::TABLE {
            let esper_ir::Lowering::Map(prim) = spec.lowering else { continue };
            let op = (spec.examples)().first().map(|e| e.op.clone());
            let Some(op) = op else { continue };
            let args: &[NodeId] = match prim {
                Prim::Select => &[condition, x, y],
                Prim::And | Prim::Or => &[condition, condition],
                Prim::Not => &[condition],
                _ if prim.arity() == 1 => &[x],
                _ => &[x, y],
            };
            outputs.extend(graph.apply(op, args, Default::default()));
        }
        assert!(outputs.len() >= 15);
        for (n, node) in outputs.into_iter().enumerate() {
            graph.add_output(OutputKind::Value(n), node);
        }
        check_texts(&compile(&graph, "all", &Layout::new(&[], &[], &[], 0), &[]).unwrap());
    }
}

#[test]
fn activations_take_little_more_than_what_is_alive() {
    // A chain of products and activations, each read again in reverse order.
    let mut graph = Graph::new();
    let x = super::feature(&mut graph, 0, DType::F32, &[32, 40]);
    let axes = esper_ir::DotAxes { left_contract: vec![1], right_contract: vec![0], ..Default::default() };
    let (mut at, mut kept) = (x, vec![]);
    for n in 0..6 {
        let weight = super::parameter(&mut graph, n, &[40, 40]);
        let product = graph.build(Op::DotGeneral(axes.clone()), &[at, weight]);
        at = graph.unary(Op::Tanh, product);
        kept.push(at);
    }
    let mut back = at;
    for (n, y) in kept.into_iter().enumerate().rev() {
        let weight = super::parameter(&mut graph, n, &[40, 40]);
        let scaled = graph.binary(Op::Mul, back, y);
        back = graph.build(Op::DotGeneral(axes.clone()), &[scaled, weight]);
    }
    graph.add_output(OutputKind::Prediction, back);
    let program = super::check(&graph);
    let mut lives = vec![];
    for (n, buffer) in program.buffers.iter().enumerate().filter(|(_, b)| b.class == Class::Activations) {
        let id = crate::BufferId(n as u32);
        let touched: Vec<usize> = (0..program.steps.len()).filter(|s| program.steps[*s].buffers().contains(&id)).collect();
        lives.push(crate::plan::Life { bytes: buffer.bytes, first: touched[0], last: touched[touched.len() - 1] });
    }
    let bound = crate::plan::lower_bound(&lives);
    assert!(program.arenas[Class::Activations as usize] * 10 <= bound * 11);
    assert!(program.steps.iter().any(|s| matches!(s, Step::Kernel { arguments, .. } if arguments.len() == 1)), "tanh is in place");
}
