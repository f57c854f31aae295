//! What rewriting makes of single expressions, and what it leaves alone.
use super::f32s;
use crate::{PASSES, simplify};
use esper_diagnostics::Span;
use esper_ir::{DType, Graph, Input, NodeId, Op, OutputKind, Tensor, TensorType, interpret, parse};

/// Simplifies a graph in text form; inputs are `x: f32[2, 3]` (%0), `y: f32[2, 3]` (%1), `v: f32[3]` (%2), `p: bool[2, 3]` (%3).
/// Gives the operations that remain, without inputs.
#[track_caller]
fn simplified(body: &str) -> String {
    let head = "%0 = input() {from = argument 0} : f32[2, 3]\n%1 = input() {from = argument 1} : f32[2, 3]\n\
                %2 = input() {from = argument 2} : f32[3]\n%3 = input() {from = argument 3} : bool[2, 3]\n";
    let graph = parse(&format!("{head}{body}")).unwrap_or_else(|e| panic!("{e}"));
    let simple = simplify(&graph);
    let mut names = vec![];
    for id in simple.ids() {
        let spelled = |a: &NodeId| -> String { String::clone(&names[a.index()]) };
        let name: String = match simple.op(id) {
            Op::Input(Input::Argument(i)) => ["x", "y", "v", "p"][*i].to_string(),
            Op::Constant(c) => format!("{c}"),
            op => format!("{}({})", op.spec().name, simple.args(id).iter().map(spelled).collect::<Vec<_>>().join(" ")),
        };
        names.push(name);
    }
    names[simple.output(OutputKind::Value(0)).unwrap().index()].clone()
}

/// The simplified form of an expression over %0 … whose constants are written as nodes %10 ….
#[track_caller]
fn becomes(body: &str, expected: &str) {
    assert_eq!(simplified(body), expected, "{body}");
}

fn constant(name: usize, value: f64) -> String {
    format!("%{name} = constant() {{value = {value:?}}} : f32[2, 3]\n")
}

#[test]
fn identities() {
    let two = |op: &str, left: &str, right: &str, value: f64| {
        format!("{}%11 = {op}({left}, {right}) : f32[2, 3]\noutput value 0 = %11", constant(10, value))
    };
    becomes(&two("add", "%0", "%10", 0.0), "x");
    becomes(&two("add", "%10", "%0", 0.0), "x");
    becomes(&two("sub", "%10", "%0", 0.0), "neg(x)");
    becomes(&two("mul", "%0", "%10", 1.0), "x");
    becomes(&two("mul", "%0", "%10", -1.0), "neg(x)");
    becomes(&two("mul", "%0", "%10", 0.0), "mul(x 0)");
    becomes(&two("sub", "%0", "%0", 0.0), "sub(x x)");
    becomes(&two("div", "%0", "%10", 4.0), "mul(x 0.25)");
    becomes(&two("div", "%0", "%10", 3.0), "div(x 3)");
    becomes(&two("div", "%10", "%0", 1.0), "reciprocal(x)");
    becomes(&two("pow", "%0", "%10", 2.0), "mul(x x)");
    becomes(&two("pow", "%0", "%10", 0.5), "sqrt(x)");
    becomes(&two("pow", "%0", "%10", -1.0), "reciprocal(x)");
    becomes(&two("pow", "%0", "%10", 0.0), "1");
    becomes(&two("pow", "%0", "%10", 1.7), "pow(x 1.7)");
    becomes(&two("maximum", "%10", "%0", f64::NEG_INFINITY), "x");
    becomes(&two("maximum", "%10", "%0", 0.0), "maximum(x 0)");
    becomes("%10 = neg(%0) : f32[2, 3]\n%11 = neg(%10) : f32[2, 3]\noutput value 0 = %11", "x");
    becomes("%10 = neg(%0) : f32[2, 3]\n%11 = add(%10, %1) : f32[2, 3]\noutput value 0 = %11", "sub(y x)");
    becomes("%10 = sqrt(%0) : f32[2, 3]\n%11 = reciprocal(%10) : f32[2, 3]\noutput value 0 = %11", "rsqrt(x)");
    becomes("%10 = not(%3) : bool[2, 3]\n%11 = select(%10, %0, %1) : f32[2, 3]\noutput value 0 = %11", "select(p y x)");
    becomes("%10 = select(%3, %0, %1) : f32[2, 3]\n%11 = select(%3, %10, %1) : f32[2, 3]\noutput value 0 = %11", "select(p x y)");
    let folded = format!("{}%11 = exp(%10) : f32[2, 3]\n%12 = add(%11, %11) : f32[2, 3]\noutput value 0 = %12", constant(10, 0.0));
    becomes(&folded, "2");
}

#[test]
fn movements() {
    becomes(
        "%10 = transpose(%0) {order = [1, 0]} : f32[3, 2]\n%11 = transpose(%10) {order = [1, 0]} : f32[2, 3]\noutput value 0 = %11",
        "x",
    );
    // Sizes differ, so a wrong order would have another type.
    let turned = "%9 = broadcast(%0) {shape = [4, 2, 3], axes = [1, 2]} : f32[4, 2, 3]\n\
                  %10 = transpose(%9) {order = [1, 2, 0]} : f32[2, 3, 4]\n\
                  %11 = transpose(%10) {order = [2, 1, 0]} : f32[4, 3, 2]\noutput value 0 = %11";
    becomes(turned, "transpose(broadcast(x))");
    becomes(&turned.replace("[2, 1, 0]} : f32[4, 3, 2]", "[2, 0, 1]} : f32[4, 2, 3]"), "broadcast(x)");
    becomes("%10 = reshape(%0) {shape = [6]} : f32[6]\n%11 = reshape(%10) {shape = [2, 3]} : f32[2, 3]\noutput value 0 = %11", "x");
    // A vector in the shape [1, 3], repeated, is the vector repeated.
    becomes(
        "%10 = reshape(%2) {shape = [1, 3]} : f32[1, 3]\n%11 = broadcast(%10) {shape = [2, 3], axes = [0, 1]} : f32[2, 3]\noutput value 0 = %11",
        "broadcast(v)",
    );
    becomes(
        "%10 = broadcast(%2) {shape = [2, 3], axes = [1]} : f32[2, 3]\n%11 = exp(%10) : f32[2, 3]\noutput value 0 = %11",
        "broadcast(exp(v))",
    );
    becomes(
        "%10 = broadcast(%2) {shape = [2, 3], axes = [1]} : f32[2, 3]\n%11 = sum(%10) {axes = [0]} : f32[3]\noutput value 0 = %11",
        "mul(v 2)",
    );
    becomes(
        "%10 = broadcast(%2) {shape = [2, 3], axes = [1]} : f32[2, 3]\n%11 = max(%10) {axes = [0]} : f32[3]\noutput value 0 = %11",
        "v",
    );
    becomes("%10 = sum(%0) {axes = [0]} : f32[3]\n%11 = sum(%10) {axes = [0]} : f32\noutput value 0 = %11", "sum(x)");
    becomes("%10 = reshape(%0) {shape = [2, 1, 3]} : f32[2, 1, 3]\n%11 = sum(%10) {axes = [1]} : f32[2, 3]\noutput value 0 = %11", "x");
    becomes(
        "%10 = concat(%0, %1) {axis = 0} : f32[4, 3]\n%11 = slice(%10) {start = [2, 0], stop = [4, 3]} : f32[2, 3]\noutput value 0 = %11",
        "y",
    );
    becomes(
        "%10 = transpose(%1) {order = [1, 0]} : f32[3, 2]\n\
         %11 = dot_general(%0, %10) {left_batch = [], right_batch = [], left_contract = [1], right_contract = [0]} : f32[2, 2]\noutput value 0 = %11",
        "dot_general(x y)",
    );
    becomes(
        "%10 = dot_general(%0, %1) {left_batch = [], right_batch = [], left_contract = [1], right_contract = [1]} : f32[2, 2]\n\
         %11 = transpose(%10) {order = [1, 0]} : f32[2, 2]\noutput value 0 = %11",
        "dot_general(y x)",
    );
}

#[test]
fn functions_move_before_movements() {
    becomes(
        "%10 = reshape(%0) {shape = [6]} : f32[6]\n%11 = constant() {value = 3.0} : f32[6]\n%12 = add(%10, %11) : f32[6]\n\
         %13 = reshape(%12) {shape = [2, 3]} : f32[2, 3]\noutput value 0 = %13",
        "add(x 3)",
    );
    becomes(
        "%10 = reshape(%0) {shape = [6]} : f32[6]\n%11 = neg(%10) : f32[6]\n%12 = sum(%11) {axes = [0]} : f32\noutput value 0 = %12",
        "neg(sum(x))",
    );
    let constants = constant(10, 2.0) + &constant(11, 3.0);
    becomes(
        &format!("{constants}%12 = select(%3, %10, %11) : f32[2, 3]\n%13 = mul(%12, %12) : f32[2, 3]\noutput value 0 = %13"),
        "mul(select(p 2 3) select(p 2 3))",
    );
    becomes(
        &format!("{constants}%12 = select(%3, %10, %11) : f32[2, 3]\n%13 = neg(%12) : f32[2, 3]\noutput value 0 = %13"),
        "select(p -2 -3)",
    );
}

/// The gradient of cross entropy adds at one place of each row.
#[test]
fn one_update_for_each_row_is_a_selection() {
    let mut graph = Graph::new();
    let indices = graph.input(Input::Target, TensorType::new(DType::I32, f32s(&[3, 1]).shape), Span::default());
    let updates = graph.input(Input::Argument(0), f32s(&[3, 1]), Span::default());
    let size = esper_ir::Dim::constant(4);
    let node = graph.binary(Op::TakeAlongAdd { axis: 1, size }, indices, updates);
    graph.add_output(OutputKind::Value(0), node);
    let simple = simplify(&graph);
    assert!(simple.ids().all(|id| !matches!(simple.op(id), Op::TakeAlongAdd { .. })));
    let given = |input: &Input| {
        let (dtype, data) = if *input == Input::Target { (DType::I32, vec![3.0, 0.0, 9.0]) } else { (DType::F32, vec![5.0, 6.0, 7.0]) };
        Some(Tensor::new(dtype, vec![3, 1], data))
    };
    let run = |graph: &Graph| interpret(graph, &given, 0, 0).unwrap().remove(0).1.data;
    assert_eq!(run(&simple), run(&graph));
    assert_eq!(run(&graph), [0.0, 0.0, 0.0, 5.0, 6.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
}

#[test]
fn very_large_sums_are_split_by_their_size_alone() {
    let summed = |sizes: &[usize]| {
        let mut graph = Graph::new();
        let x = graph.input(Input::Argument(0), f32s(sizes), Span::default());
        let sum = graph.sum(x, (0..sizes.len()).collect::<Vec<_>>());
        graph.add_output(OutputKind::Value(0), sum);
        let graph = simplify(&graph);
        graph.ids().map(|id| graph.ty(id).to_string()).collect::<Vec<_>>()
    };
    assert_eq!(summed(&[128, 128]), ["f32[128, 128]", "f32"]);
    assert_eq!(summed(&[128, 256]), ["f32[128, 256]", "f32[8, 4096]", "f32[8]", "f32"]);
    assert_eq!(summed(&[16_385]), ["f32[16385]", "f32[20480]", "f32[5, 4096]", "f32[5]", "f32"]);
    let twice = summed(&[1 << 27]);
    assert_eq!(twice, ["f32[134217728]", "f32[32768, 4096]", "f32[32768]", "f32[8, 4096]", "f32[8]", "f32"]);
}

#[test]
fn passes_have_names() {
    for (i, pass) in PASSES.iter().enumerate() {
        assert!(!pass.doc.is_empty() && PASSES[..i].iter().all(|p| p.name != pass.name));
    }
}
