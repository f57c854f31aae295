//! The gradient of every operator against finite differences in float64, from the operator table's examples.
use super::{assert_close, f32s, outputs, values, weighted_sum};
use crate::differentiate;
use esper_diagnostics::Span;
use esper_ir::{DType, Derivative, Dim, Example, Graph, Input, NodeId, Op, OutputKind, Rule, TABLE, Tensor, TensorType, verify};

/// Outputs: Value(0) the weighted sum of the operator's result; Gradient(i) its gradient with respect to operand i, where there is one.
fn differentiated(example: &Example) -> Result<Graph, String> {
    let mut graph = Graph::new();
    let args: Vec<NodeId> =
        example.operands.iter().enumerate().map(|(i, o)| graph.input(Input::Argument(i), o.ty.clone(), Span::default())).collect();
    let result = graph.apply(example.op.clone(), &args, Span::default()).map_err(|e| e.message)?;
    let loss = weighted_sum(&mut graph, result);
    graph.add_output(OutputKind::Value(0), loss);
    for (i, gradient) in differentiate(&mut graph, loss, &args)?.into_iter().enumerate() {
        if let Some(gradient) = gradient {
            graph.add_output(OutputKind::Gradient(i), gradient);
        }
    }
    Ok(graph)
}

const STEP: f64 = 1e-5;

/// The difference quotient of Value(0) along a direction of one argument.
fn slope(graph: &Graph, arguments: &[Tensor], which: usize, direction: &dyn Fn(usize) -> f64) -> f64 {
    let at = |sign: f64| {
        let mut moved = arguments.to_vec();
        moved[which].data.iter_mut().enumerate().for_each(|(i, x)| *x += sign * STEP * direction(i));
        outputs(graph, &moved)[0].1.data[0]
    };
    (at(1.0) - at(-1.0)) / (2.0 * STEP)
}

/// Compares all gradients of a graph with difference quotients: along random directions, and for small tensors along every element.
fn check(name: &str, graph: &Graph, arguments: &[Tensor]) {
    verify(graph).unwrap_or_else(|e| panic!("{name}: {e}"));
    for (kind, gradient) in outputs(graph, arguments).into_iter().skip(1) {
        let OutputKind::Gradient(which) = kind else { continue };
        assert_eq!(gradient.shape, arguments[which].shape);
        for seed in 0..2 {
            let direction = |i: usize| esper_ir::philox::uniform(seed, 5, esper_ir::StreamId(1), i as u32) - 0.5;
            let along: f64 = gradient.data.iter().enumerate().map(|(i, g)| g * direction(i)).sum();
            assert_close(slope(graph, arguments, which, &direction), along, 1e-6, &format!("{name}, operand {which}"));
        }
        if gradient.data.len() <= 30 {
            for (element, g) in gradient.data.iter().enumerate() {
                let unit = |i: usize| if i == element { 1.0 } else { 0.0 };
                assert_close(slope(graph, arguments, which, &unit), *g, 1e-6, &format!("{name}, operand {which}, element {element}"));
            }
        }
    }
}

#[test]
fn every_operator_matches_finite_differences() {
    let (mut checked, mut second) = (0, 0);
    for spec in TABLE {
        for example in (spec.examples)().into_iter().filter(|e| e.ty.is_none()) {
            let Derivative::Reverse(_) = spec.derivative else { continue };
            let floats = |o: &esper_ir::Operand| o.ty.dtype.is_float();
            let float_result = !matches!(example.op, Op::Cast { to } if !to.is_float());
            if !example.operands.iter().any(floats) || !float_result {
                continue;
            }
            let graph = differentiated(&example).unwrap_or_else(|e| panic!("{}: {e}", spec.name));
            let arguments: Vec<Tensor> = example.operands.iter().enumerate().map(|(i, o)| values(o, 10 + i as u64)).collect();
            let gradients = graph.outputs().len() - 1;
            assert_eq!(gradients, example.operands.iter().filter(|o| floats(o)).count(), "{}", spec.name);
            check(spec.name, &graph, &arguments);
            // The passes keep loss and gradients.
            check(spec.name, &crate::simplify(&graph), &arguments);
            checked += 1;
            second += second_derivatives(spec.name, &graph, &arguments);
        }
    }
    assert!(checked >= 80, "{checked}");
    assert!(second >= 60, "{second}");
}

/// Gradients of the weighted sum of a gradient, where the operators in it have derivatives: how many there are.
fn second_derivatives(name: &str, graph: &Graph, arguments: &[Tensor]) -> usize {
    let Some(first) = graph.output(OutputKind::Gradient(0)) else { return 0 };
    let mut graph = graph.clone();
    let loss = weighted_sum(&mut graph, first);
    let args: Vec<NodeId> = graph.ids().filter(|id| matches!(graph.op(*id), Op::Input(Input::Argument(_)))).collect();
    let gradients = match differentiate(&mut graph, loss, &args) {
        Ok(gradients) => gradients,
        Err(error) => {
            assert!(error.contains("not differentiable again"), "{name}: {error}");
            return 0;
        }
    };
    let mut twice = Graph::new();
    let copies = twice.inline(&graph_with(&graph, loss, &gradients), &|_| None).unwrap();
    for (kind, node) in copies {
        twice.add_output(kind, node);
    }
    check(name, &twice, arguments);
    1
}

fn graph_with(graph: &Graph, loss: NodeId, gradients: &[Option<NodeId>]) -> Graph {
    let mut all = Graph::new();
    for rule in graph.rules() {
        all.add_rule(rule.clone());
    }
    for id in graph.ids() {
        let node = graph.node(id);
        if node.op.is_leaf() {
            all.leaf(node.op.clone(), node.ty.clone(), node.span);
        } else {
            all.apply(node.op.clone(), &node.args, node.span).unwrap();
        }
    }
    all.add_output(OutputKind::Value(0), loss);
    for (i, gradient) in gradients.iter().enumerate() {
        if let Some(gradient) = gradient {
            all.add_output(OutputKind::Gradient(i), *gradient);
        }
    }
    all
}

fn argument(graph: &mut Graph, i: usize, ty: TensorType) -> NodeId {
    graph.input(Input::Argument(i), ty, Span::default())
}

/// The gradient of `op(x, y)` at given numbers.
fn at(op: Op, x: f64, y: f64) -> [f64; 2] {
    let example =
        Example { op, operands: vec![esper_ir::Operand { ty: f32s(&[]), domain: esper_ir::Domain::Between(0.0, 1.0) }; 2], ty: None };
    let graph = differentiated(&example).unwrap();
    let scalar = |v| Tensor::scalar(DType::F32, v);
    let results = outputs(&graph, &[scalar(x), scalar(y)]);
    let weight = esper_ir::philox::uniform(3, 1, esper_ir::StreamId(99), 0);
    [results[1].1.data[0] / weight, results[2].1.data[0] / weight]
}

#[test]
fn gradients_at_kinks() {
    assert_eq!(at(Op::Maximum, 0.0, 0.0), [0.0, 1.0], "relu'(0) is 0");
    assert_eq!(at(Op::Maximum, 1.0, 0.0), [1.0, 0.0]);
    assert_eq!(at(Op::Minimum, 0.0, 0.0), [0.0, 1.0]);
    assert_eq!(at(Op::Minimum, -1.0, 0.0), [1.0, 0.0]);
    let near = |found: [f64; 2], expected: [f64; 2]| (0..2).for_each(|i| assert_close(expected[i], found[i], 1e-12, "pow"));
    near(at(Op::Pow, 0.0, 2.0), [0.0, 0.0]);
    near(at(Op::Pow, 0.0, 0.0), [0.0, 0.0]);
    near(at(Op::Pow, -2.0, 2.0).map(|g| if g.is_nan() { 0.0 } else { g }), [-4.0, 0.0]);
}

#[test]
fn equal_largest_elements_share_the_gradient() {
    let mut graph = Graph::new();
    let x = argument(&mut graph, 0, f32s(&[4]));
    let loss = graph.unary(Op::Max { axes: vec![0] }, x);
    let gradient = differentiate(&mut graph, loss, &[x]).unwrap()[0].unwrap();
    graph.add_output(OutputKind::Value(0), gradient);
    let x = Tensor::new(DType::F32, vec![4], vec![1.0, 3.0, 3.0, 2.0]);
    assert_eq!(outputs(&graph, &[x])[0].1.data, [0.0, 0.5, 0.5, 0.0]);
}

#[test]
fn rules_by_hand_are_used_and_stop_gradient_stops() {
    // y = x · z with the rule dx = 7 dy, and none for z.
    let mut rule = Graph::new();
    let dy = argument(&mut rule, 3, f32s(&[2]));
    let seven = rule.full_like(7.0, dy);
    let dx = rule.binary(Op::Mul, dy, seven);
    rule.add_output(OutputKind::Value(0), dx);
    let mut graph = Graph::new();
    let (x, z) = (argument(&mut graph, 0, f32s(&[2])), argument(&mut graph, 1, f32s(&[2])));
    let rule = graph.add_rule(Rule { inputs: 2, graph: rule });
    let product = graph.binary(Op::Mul, x, z);
    let y = graph.apply(Op::WithGradient { rule }, &[product, x, z], Span::default()).unwrap();
    let stopped = graph.unary(Op::StopGradient, x);
    let y = graph.binary(Op::Add, y, stopped);
    let loss = graph.sum(y, [0]);
    let gradients = differentiate(&mut graph, loss, &[x, z]).unwrap();
    assert_eq!(gradients[1], None);
    graph.add_output(OutputKind::Value(0), gradients[0].unwrap());
    let simplified = crate::simplify(&graph);
    assert!(simplified.ids().all(|id| !matches!(simplified.op(id), Op::StopGradient | Op::WithGradient { .. })));
    let two = |a| Tensor::new(DType::F32, vec![2], vec![a; 2]);
    assert_eq!(outputs(&simplified, &[two(3.0), two(4.0)])[0].1.data, [7.0, 7.0]);
}

#[test]
fn gradients_are_taken_with_symbolic_sizes_too() {
    let size = |name: &str| Dim::symbol(name);
    let mut graph = Graph::new();
    let x = argument(&mut graph, 0, TensorType::new(DType::F32, vec![size("b"), size("d")]));
    let heads = graph.reshape(x, vec![size("b"), size("heads"), size("d").divide(&size("heads")).unwrap()]);
    let part =
        Op::Slice { start: vec![Dim::constant(0); 3], stop: vec![size("b"), Dim::constant(1), size("d").divide(&size("heads")).unwrap()] };
    let first = graph.unary(part, heads);
    let square = graph.binary(Op::Mul, first, first);
    let loss = graph.sum(square, [0, 1, 2]);
    let gradient = differentiate(&mut graph, loss, &[x]).unwrap()[0].unwrap();
    assert_eq!(graph.ty(gradient), graph.ty(x));
    graph.add_output(OutputKind::Value(0), loss);
    graph.add_output(OutputKind::Gradient(0), gradient);
    verify(&graph).unwrap();
    let bound = graph
        .bind(&|name| {
            Some(match name {
                "b" => 2,
                "heads" => 2,
                _ => 6,
            })
        })
        .unwrap();
    check("symbolic", &bound, &[values(&esper_ir::Operand { ty: f32s(&[2, 6]), domain: esper_ir::Domain::Between(-1.0, 1.0) }, 1)]);
}

#[test]
fn what_has_no_gradient_is_said() {
    let mut graph = Graph::new();
    let x = argument(&mut graph, 0, f32s(&[2]));
    assert!(differentiate(&mut graph, x, &[x]).unwrap_err().contains("not `f32[2]`"));
    let whole = graph.unary(Op::Floor, x);
    let loss = graph.sum(whole, [0]);
    assert_eq!(differentiate(&mut graph, loss, &[x]), Ok(vec![None]));
    let other = argument(&mut graph, 1, f32s(&[]));
    assert_eq!(differentiate(&mut graph, loss, &[other]), Ok(vec![None]));
}
