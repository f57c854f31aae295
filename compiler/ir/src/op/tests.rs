//! Tests generated from the operator table: every record keeps its promises on its own examples.
use super::{Example, Lowering, OpSpec, TABLE};
use crate::op::spec::{between, tensor};
use crate::{DType, Dim, Domain, Graph, Input, NodeId, Op, OutputKind, Rule, Tensor, TensorType, interpret, parse, philox, print, verify};
use esper_diagnostics::Span;

/// The values of an example's operand: the same every time.
pub(crate) fn values(operand: &super::Operand, seed: u64) -> Tensor {
    let sizes = operand.ty.sizes().expect("examples have no symbolic sizes");
    let elements: usize = sizes.iter().product();
    let uniform = |i: usize| philox::uniform(seed, 0, super::StreamId(7), i as u32);
    let value = |i: usize| match operand.domain {
        Domain::Between(low, high) => low + (high - low) * uniform(i),
        Domain::Below(n) => (uniform(i) * f64::from(n)).floor(),
    };
    Tensor::new(operand.ty.dtype, sizes, (0..elements).map(value).collect())
}

/// The example as a graph with inputs `Argument(i)`.
fn graph_of(example: &Example) -> (Graph, NodeId) {
    let mut graph = Graph::new();
    let node = match &example.ty {
        Some(ty) => graph.leaf(example.op.clone(), ty.clone(), Span::default()),
        None => {
            let input = |(i, o): (usize, &super::Operand)| graph.input(Input::Argument(i), o.ty.clone(), Span::default());
            let args: Vec<NodeId> = example.operands.iter().enumerate().map(input).collect();
            graph.apply(example.op.clone(), &args, Span::default()).unwrap_or_else(|e| panic!("{:?}: {e}", example.op))
        }
    };
    graph.add_output(OutputKind::Value(0), node);
    (graph, node)
}

fn every_example() -> Vec<(&'static OpSpec, Example)> {
    TABLE.iter().flat_map(|spec| (spec.examples)().into_iter().map(|e| (*spec, e))).collect()
}

#[test]
fn records_are_complete() {
    for (i, spec) in TABLE.iter().enumerate() {
        assert!(spec.doc.ends_with('.') && spec.doc.len() > 15, "{}", spec.name);
        assert!(TABLE[..i].iter().all(|other| other.name != spec.name), "{} is there twice", spec.name);
        assert!(spec.name == "with_gradient" || !(spec.examples)().is_empty(), "{} has no example", spec.name);
        let map = matches!(spec.lowering, Lowering::Map(_) | Lowering::Leaf);
        assert_eq!(spec.evaluate.is_none(), map, "{}", spec.name);
        if let Lowering::Map(prim) = spec.lowering {
            assert_eq!(spec.arity, super::Arity::Exactly(prim.arity()), "{}", spec.name);
            assert_eq!(spec.name, prim.name());
        }
    }
    for (spec, example) in every_example() {
        assert!(std::ptr::eq(example.op.spec(), spec), "{} has an example of {:?}", spec.name, example.op);
    }
}

#[test]
fn the_interpreter_runs_what_the_shape_rule_accepts() {
    for (spec, example) in every_example() {
        let (graph, node) = graph_of(&example);
        let given = |input: &Input| match input {
            Input::Argument(i) if *i < example.operands.len() => Some(values(&example.operands[*i], *i as u64)),
            _ => Some(Tensor::new(graph.ty(node).dtype, graph.ty(node).sizes()?, vec![0.5; graph.ty(node).elements()?])),
        };
        let outputs = interpret(&graph, &given, 1, 1).unwrap_or_else(|e| panic!("{}: {e}", spec.name));
        assert_eq!(outputs[0].1.shape, graph.ty(node).sizes().unwrap(), "{}", spec.name);
        let types: Vec<&TensorType> = graph.args(node).iter().map(|a| graph.ty(*a)).collect();
        let flops = (spec.flops)(&example.op, &types, graph.ty(node));
        assert!(flops.is_some() && spec.bytes(&types, graph.ty(node)).is_some(), "{}", spec.name);
    }
}

#[test]
fn the_shape_rule_refuses_what_does_not_fit() {
    for spec in TABLE {
        for refusal in (spec.refusals)() {
            let types: Vec<&TensorType> = refusal.operands.iter().collect();
            match spec.result_type(&refusal.op, &types) {
                Ok(ty) => panic!("{:?} of {types:?} is accepted as {ty}", refusal.op),
                Err(error) => assert!(error.message.contains(refusal.because), "{}: {error}", refusal.because),
            }
        }
    }
}

/// Every size of an example by a name: what the rule says of names, bound, is what it says of numbers. Sizes of different meaning may be equal in
/// an example, so a refusal of names is allowed where a sum or product of sizes would have to be one of the names.
#[test]
fn shape_rules_agree_on_names_and_numbers() {
    let (mut agreed, mut refused) = (0, vec![]);
    for (spec, example) in every_example().into_iter().filter(|(_, e)| e.ty.is_none()) {
        let name = |d: &Dim| match d.as_const() {
            Some(n) if n > 1 => Dim::symbol(&format!("n{n}")),
            _ => d.clone(),
        };
        let operands: Vec<TensorType> =
            example.operands.iter().map(|o| TensorType::new(o.ty.dtype, o.ty.shape.iter().map(name).collect())).collect();
        let op = example.op.map_dims(&|d| Ok(name(d))).unwrap();
        match spec.result_type(&op, &operands.iter().collect::<Vec<_>>()) {
            Ok(ty) => {
                let (graph, node) = graph_of(&example);
                let number = |n: &str| n[1..].parse::<i64>().ok();
                let bound: Vec<Dim> = ty.shape.iter().map(|d| d.bind(&number).unwrap()).collect();
                assert_eq!(bound, graph.ty(node).shape, "{}", spec.name);
                agreed += 1;
            }
            Err(_) => refused.push(spec.name),
        }
    }
    refused.dedup();
    assert!(agreed > 90, "{agreed}");
    let constant_sized = ["reshape", "convolution", "convolution_input_gradient", "convolution_weight_gradient", "average_pool_gradient"];
    assert!(refused.iter().all(|r| constant_sized.contains(r) || r.ends_with("_gradient")), "{refused:?}");
}

#[test]
fn every_example_is_read_back_from_text_and_from_json() {
    for (spec, example) in every_example() {
        let (graph, _) = graph_of(&example);
        verify(&graph).unwrap_or_else(|e| panic!("{}: {e}", spec.name));
        let text = print(&graph);
        let back = parse(&text).unwrap_or_else(|e| panic!("{e}\n{text}"));
        assert_eq!(back, graph, "{text}");
        let json = serde_json::to_string(&graph).expect("graphs are stored");
        assert_eq!(serde_json::from_str::<Graph>(&json).unwrap_or_else(|e| panic!("{e}: {json}")), graph);
        assert!(crate::dot(&graph).starts_with("digraph {"));
    }
}

/// Texts with random mistakes in them are refused or read, and never end the program.
#[test]
fn mistakes_in_texts_are_no_panics() {
    let mut state = 1u64;
    let mut random = |n: usize| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((state >> 33) % n as u64) as usize
    };
    let pieces = [
        "0",
        "1",
        "7",
        "18446744073709551615",
        "9223372036854775807",
        "-1",
        "[",
        "]",
        "(",
        ")",
        "{",
        "}",
        ",",
        "%",
        "\"",
        "\\",
        "é",
        "/",
        "^",
        "floor(",
    ];
    let (mut read, mut refused) = (0, 0);
    for (_, example) in every_example() {
        let text = print(&graph_of(&example).0);
        for _ in 0..60 {
            let mut bytes: Vec<char> = text.chars().collect();
            for _ in 0..1 + random(2) {
                let at = random(bytes.len());
                let until = (at + random(3)).min(bytes.len());
                bytes.splice(at..until, pieces[random(pieces.len())].chars());
            }
            match parse(&bytes.into_iter().collect::<String>()) {
                Ok(_) => read += 1,
                Err(_) => refused += 1,
            }
        }
    }
    assert!(read > 40 && refused > 1000, "{read} {refused}");
}

#[test]
fn binding_replaces_sizes_in_attributes() {
    for (spec, example) in every_example().into_iter().filter(|(_, e)| e.ty.is_none()) {
        let named = example.op.map_dims(&|d| Dim::symbol("k").mul(d)).unwrap();
        let bound = named.map_dims(&|d| d.bind(&|_| Some(1))).unwrap();
        assert_eq!(bound, example.op, "{}", spec.name);
        let zero = Dim::constant(0);
        let sizes = example.op.attributes().into_iter().flat_map(|(_, attribute)| match attribute {
            super::Attribute::Size(dim) => vec![dim],
            super::Attribute::Sizes(list) => list,
            _ => vec![],
        });
        assert_eq!(named != example.op, sizes.into_iter().any(|d| d != zero), "{}: an attribute is not mapped", spec.name);
    }
}

/// The answers that a person would give.
#[test]
fn indices_outside_and_ties() {
    let run = |op: Op, operands: &[Tensor]| {
        let mut graph = Graph::new();
        let mut args = vec![];
        for (i, x) in operands.iter().enumerate() {
            args.push(graph.input(Input::Argument(i), tensor(x.dtype, &x.shape), Span::default()));
        }
        let node = graph.apply(op, &args, Span::default()).unwrap();
        graph.add_output(OutputKind::Value(0), node);
        interpret(&graph, &|i| if let Input::Argument(i) = i { Some(operands[*i].clone()) } else { None }, 0, 0).unwrap().remove(0).1.data
    };
    let f32s = |data: &[f64]| Tensor::new(DType::F32, vec![data.len()], data.to_vec());
    let i32s = |data: &[f64]| Tensor::new(DType::I32, vec![data.len()], data.to_vec());
    let gathered = run(Op::Gather { axis: 0 }, &[f32s(&[5.0, 6.0]), i32s(&[1.0, 2.0, -1.0])]);
    assert_eq!(gathered[0], 6.0);
    assert!(gathered[1].is_nan() && gathered[2].is_nan());
    assert_eq!(run(Op::Gather { axis: 0 }, &[i32s(&[5.0, 6.0]), i32s(&[2.0])]), [0.0]);
    let added = run(Op::ScatterAdd { axis: 0, size: Dim::constant(2) }, &[i32s(&[0.0, 0.0, 9.0]), f32s(&[1.0, 2.0, 4.0])]);
    assert_eq!(added, [3.0, 0.0]);
    assert_eq!(run(Op::ArgMax { axis: 0 }, &[f32s(&[1.0, 3.0, 3.0])]), [1.0]);
    assert_eq!(run(Op::ArgMax { axis: 0 }, &[f32s(&[1.0, f64::NAN, 3.0])]), [1.0]);
    assert!(run(Op::Max { axes: vec![0] }, &[f32s(&[1.0, f64::NAN, 3.0])])[0].is_nan());
    assert_eq!(run(Op::Rem, &[f32s(&[-7.0, 7.0, 6.0]), f32s(&[3.0, -3.0, 3.0])]), [2.0, -2.0, 0.0]);
    assert_eq!(run(Op::Round, &[f32s(&[0.5, 1.5, -2.5])]), [0.0, 2.0, -2.0]);
    assert_eq!(run(Op::Cast { to: DType::I32 }, &[f32s(&[-1.9, f64::NAN, 1e12])]), [-1.0, 0.0, f64::from(i32::MAX)]);
    assert_eq!(run(Op::Add, &[i32s(&[f64::from(i32::MAX)]), i32s(&[1.0])]), [f64::from(i32::MIN)]);
    let shape = |data: &[f64]| Tensor::new(DType::F32, vec![1, 1, 2, 2], data.to_vec());
    let window = super::Window { kernel: [2, 2], stride: [2, 2], padding: [0, 0], dilation: [1, 1] };
    let one = Tensor::new(DType::F32, vec![1, 1, 1, 1], vec![8.0]);
    assert_eq!(run(Op::MaxPoolGradient { window }, &[shape(&[1.0, 2.0, 2.0, 0.0]), one.clone()]), [0.0, 8.0, 0.0, 0.0]);
    assert_eq!(run(Op::AveragePoolGradient { window, size: [2usize, 2].map(Dim::from) }, &[one]), [2.0; 4]);
}

#[test]
fn a_rule_of_other_inputs_is_refused() {
    let mut graph = Graph::new();
    let x = graph.input(Input::Argument(0), between(0.0, 1.0, &[2]).ty, Span::default());
    let rule = graph.add_rule(Rule { inputs: 2, graph: Graph::new() });
    assert!(graph.apply(Op::WithGradient { rule }, &[x, x], Span::default()).is_err());
    assert!(graph.apply(Op::WithGradient { rule }, &[x, x, x], Span::default()).is_ok());
}
