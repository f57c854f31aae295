//! Graphs: no duplicates, binding, inlining, pruning.
use crate::{DType, Dim, Graph, Input, Op, OutputKind, Rule, StreamId, TensorType, parse, print, verify};
use esper_diagnostics::Span;

fn f32s(sizes: &[&str]) -> TensorType {
    TensorType::new(DType::F32, sizes.iter().map(|s| Dim::parse(s).unwrap()).collect())
}

#[test]
fn equal_nodes_are_one_node() {
    let mut graph = Graph::new();
    let x = graph.input(Input::Feature(0), f32s(&["4"]), Span::default());
    let (a, b) = (graph.unary(Op::Exp, x), graph.unary(Op::Exp, x));
    assert_eq!(a, b);
    assert_ne!(graph.constant(0.0, f32s(&["4"])), graph.constant(-0.0, f32s(&["4"])));
    assert_eq!(graph.constant(f64::NAN, f32s(&["4"])), graph.constant(f64::NAN, f32s(&["4"])));
    assert_ne!(graph.constant(0.0, f32s(&["4"])), graph.constant(0.0, f32s(&["5"])));
    let random = |graph: &mut Graph, id| graph.leaf(Op::Random { stream: StreamId(id) }, f32s(&["4"]), Span::default());
    assert_eq!(random(&mut graph, 1), random(&mut graph, 1));
    assert_ne!(random(&mut graph, 1), random(&mut graph, 2));
    let double = graph.binary(Op::Add, a, a);
    assert_eq!(graph.users(a), [double]);
}

#[test]
fn binding_reaches_types_attributes_sizes_and_rules() {
    let mut graph = Graph::new();
    let mut rule = Graph::new();
    let dy = rule.input(Input::Argument(2), f32s(&["batch", "3"]), Span::default());
    rule.add_output(OutputKind::Value(0), dy);
    let rule = graph.add_rule(Rule { inputs: 1, graph: rule });
    let x = graph.input(Input::Feature(0), f32s(&["batch", "3"]), Span::default());
    let y = graph.apply(Op::WithGradient { rule }, &[x, x], Span::default()).unwrap();
    let flat = graph.reshape(y, f32s(&["3*batch"]).shape);
    let count = graph.leaf(Op::Size(Dim::parse("3*batch").unwrap()), TensorType::scalar(DType::F32), Span::default());
    let counts = graph.broadcast_to(count, f32s(&["3*batch"]).shape, []);
    let mean = graph.binary(Op::Div, flat, counts);
    graph.add_output(OutputKind::Prediction, mean);
    verify(&graph).unwrap();
    assert_eq!(parse(&print(&graph)).as_ref(), Ok(&graph));
    let bound = graph.bind(&|name| (name == "batch").then_some(5)).unwrap();
    verify(&bound).unwrap();
    assert!(!print(&bound).contains("batch"), "{}", print(&bound));
    assert!(print(&bound).contains("constant() {value = 15.0} : f32"));
    assert_eq!(*bound.ty(bound.output(OutputKind::Prediction).unwrap()), f32s(&["15"]));
    assert!(graph.bind(&|_| Some(0)).is_err());
}

#[test]
fn inlining_connects_inputs_and_keeps_rules_apart() {
    let mut square = Graph::new();
    let x = square.input(Input::Argument(0), f32s(&["2"]), Span::default());
    let rule = square.add_rule(Rule { inputs: 1, graph: Graph::new() });
    let y = square.binary(Op::Mul, x, x);
    let y = square.apply(Op::WithGradient { rule }, &[y, x], Span::default()).unwrap();
    square.add_output(OutputKind::Value(0), y);

    let mut graph = Graph::new();
    graph.add_rule(Rule { inputs: 3, graph: Graph::new() });
    let given = graph.constant(2.0, f32s(&["2"]));
    let outputs = graph.inline(&square, &|i| (*i == Input::Argument(0)).then_some(given)).unwrap();
    assert_eq!(outputs[0].0, OutputKind::Value(0));
    assert_eq!(*graph.op(outputs[0].1), Op::WithGradient { rule: 1 });
    let wrong = graph.constant(2.0, f32s(&["3"]));
    assert!(graph.inline(&square, &|_| Some(wrong)).is_err());
}

#[test]
fn pruning_drops_what_nobody_reads() {
    let mut graph = Graph::new();
    graph.add_rule(Rule { inputs: 0, graph: Graph::new() });
    let rule = graph.add_rule(Rule { inputs: 1, graph: Graph::new() });
    let unused = graph.constant(1.0, f32s(&["2"]));
    graph.unary(Op::Exp, unused);
    let x = graph.input(Input::Feature(0), f32s(&["2"]), Span::default());
    let y = graph.apply(Op::WithGradient { rule }, &[x, x], Span::default()).unwrap();
    graph.add_output(OutputKind::Loss, y);
    let pruned = graph.prune();
    assert_eq!((pruned.len(), pruned.rules().len()), (2, 1));
    verify(&pruned).unwrap();
    assert_eq!(pruned.prune(), pruned);
}

#[test]
fn stored_graphs_are_checked() {
    let mut graph = Graph::new();
    let x = graph.input(Input::Feature(0), f32s(&["2", "h"]), Span::default());
    let y = graph.unary(Op::Pad { low: vec![Dim::constant(0); 2], high: vec![Dim::constant(1); 2], value: f64::NEG_INFINITY }, x);
    graph.add_output(OutputKind::Loss, y);
    let json = serde_json::to_string(&graph).unwrap();
    assert_eq!(serde_json::from_str::<Graph>(&json).unwrap(), graph);
    for (from, to) in [("\"args\":[0]", "\"args\":[1]"), ("F32", "Bool"), ("\"node\":1", "\"node\":7")] {
        assert!(json.contains(from), "{json}");
        assert!(serde_json::from_str::<Graph>(&json.replacen(from, to, 1)).is_err(), "{from} as {to}");
    }
}
