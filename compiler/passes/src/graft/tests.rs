//! Grafts against their definition, in float64: what leaves a slot, what learns from what, and what stays as it was.
use super::{graft, integrate};
use crate::differentiate;
use esper_diagnostics::Span;
use esper_ir::{
    BATCH, Birth, DType, DataSource, DataSpec, Dim, DotAxes, Graph, Input, Join, Model, NodeId, Normalise, Op, Optimizer, OutputKind,
    Parameter, Part, Planting, RunSettings, Seed, Slot, Split, Tensor, TensorType, interpret,
};

const ROWS: usize = 4;

fn ty(sizes: &[usize]) -> TensorType {
    TensorType::new(DType::F32, sizes.iter().map(|n| Dim::constant(*n as i64)).collect())
}

fn rows(width: usize) -> TensorType {
    TensorType::new(DType::F32, vec![Dim::symbol(BATCH), Dim::constant(width as i64)])
}

fn parameter(path: &str, sizes: &[usize]) -> Parameter {
    let mut init = Graph::new();
    let value = init.constant(0.0, ty(sizes));
    init.add_output(OutputKind::Value(0), value);
    let owner = (String::new(), "Test".to_string());
    Parameter { path: path.into(), ty: ty(sizes), init, span: Span::default(), owner, born: 0 }
}

/// `x · w` of a parameter `[in, out]`.
fn product(graph: &mut Graph, x: NodeId, number: usize, sizes: [usize; 2]) -> NodeId {
    let w = graph.input(Input::Parameter(number), ty(&sizes), Span::default());
    let axes = DotAxes { left_contract: vec![1], right_contract: vec![0], ..DotAxes::default() };
    graph.build(Op::DotGeneral(axes), &[x, w])
}

/// tanh(x · first) → slot → · last, with the mean square as the loss.
fn host_graph(slot: bool) -> Graph {
    let mut g = Graph::new();
    let x = g.input(Input::Feature(0), rows(2), Span::default());
    let first = product(&mut g, x, 0, [2, 3]);
    let h = g.unary(Op::Tanh, first);
    let h = if slot { g.build(Op::Slot { slot: 0 }, &[h, h]) } else { h };
    let y = product(&mut g, h, 1, [3, 1]);
    g.add_output(OutputKind::Prediction, y);
    let squares = g.binary(Op::Mul, y, y);
    let loss = g.sum(squares, vec![0, 1]);
    g.add_output(OutputKind::Loss, loss);
    g
}

/// A seed `tanh(h · v)`.
fn seed(birth: Birth) -> Seed {
    let mut g = Graph::new();
    let h = g.input(Input::Argument(0), rows(3), Span::default());
    let v = product(&mut g, h, 0, [3, 3]);
    let f = g.unary(Op::Tanh, v);
    g.add_output(OutputKind::Value(0), f);
    Seed {
        text: "Tanh".into(),
        blueprint: "Tanh".into(),
        birth,
        parameters: vec![parameter("v", &[3, 3])],
        states: vec![],
        train: g.clone(),
        eval: g,
        span: Span::default(),
    }
}

fn host(birth: Birth) -> Model {
    let split = Split::Holdout { val: 0.0, test: 0.0, seed: None };
    let source = DataSource::Unsupported { function: "none".into() };
    Model {
        name: "test".into(),
        host: "Test()".into(),
        parameters: vec![parameter("first", &[2, 3]), parameter("last", &[3, 1])],
        states: vec![],
        train: host_graph(true),
        eval: host_graph(true),
        predict: host_graph(true),
        metrics: vec![],
        loss: "mse".into(),
        features: vec![rows(2)],
        target: rows(1),
        classes: None,
        optimizer: Optimizer { name: "none".into(), states: vec![], state_init: vec![], scalars: vec![], rules: vec![] },
        data: DataSpec {
            source,
            scale: 1.0,
            shape: None,
            normalise: Normalise::None,
            split,
            span: Span::default(),
            gate: 0.0,
            split_span: Span::default(),
        },
        settings: RunSettings {
            batch: ROWS,
            epochs: 1,
            seed: 0,
            clip: None,
            save_every: 0,
            on_nonfinite: esper_ir::OnNonFinite::Stop,
            start: None,
        },
        layers: vec![],
        slots: vec![Slot { path: "mid".into(), source: rows(3), target: rows(3), span: Span::default(), policy: Some(0), seeds: vec![0] }],
        seeds: vec![seed(birth)],
        policies: vec![],
        controls: vec![],
        live: vec![],
        span: Span::default(),
    }
}

fn planting(part: Part, join: Join) -> Planting {
    Planting { id: 1, slot: 0, seed: 0, part, join, opened: false }
}

fn bound(graph: &Graph) -> Graph {
    graph.bind(&|name| (name == BATCH).then_some(ROWS as i64)).expect("binds")
}

fn numbers(sizes: &[usize], seed: u64) -> Tensor {
    let count = sizes.iter().product();
    let data = (0..count).map(|i| esper_ir::philox::uniform(seed, 0, esper_ir::StreamId(3), i as u32) * 2.0 - 1.0).collect();
    Tensor { dtype: DType::F32, shape: sizes.to_vec(), data }
}

/// The values of a graph whose inputs are numbers; the live seed has this α.
fn run(graph: &Graph, alpha: f64, change: &dyn Fn(&Input, &mut Tensor)) -> Vec<(OutputKind, Tensor)> {
    let given = |input: &Input| {
        let mut value = match input {
            Input::Feature(0) => numbers(&[ROWS, 2], 1),
            Input::Parameter(0) => numbers(&[2, 3], 2),
            Input::Parameter(1) => numbers(&[3, 1], 3),
            Input::Parameter(2) => numbers(&[3, 3], 4),
            Input::Alpha(0) => Tensor { dtype: DType::F32, shape: vec![], data: vec![alpha] },
            _ => return None,
        };
        change(input, &mut value);
        Some(value)
    };
    interpret(&bound(graph), &given, 0, 0).expect("runs")
}

fn value(graph: &Graph, kind: OutputKind, alpha: f64) -> Vec<f64> {
    let outputs = run(graph, alpha, &|_, _| {});
    outputs.into_iter().find(|(k, _)| *k == kind).expect("an output").1.data
}

/// What leaves the slot and the prediction, by hand.
fn expected(join: &dyn Fn(f64, f64) -> f64) -> Vec<f64> {
    let (x, first, last, v) = (numbers(&[ROWS, 2], 1).data, numbers(&[2, 3], 2).data, numbers(&[3, 1], 3).data, numbers(&[3, 3], 4).data);
    let row = |r: usize| {
        let h: Vec<f64> = (0..3).map(|j| (x[2 * r] * first[j] + x[2 * r + 1] * first[3 + j]).tanh()).collect();
        let f: Vec<f64> = (0..3).map(|j| (0..3).map(|i| h[i] * v[3 * i + j]).sum::<f64>().tanh()).collect();
        (0..3).map(|j| join(h[j], f[j]) * last[j]).sum()
    };
    (0..ROWS).map(row).collect()
}

fn assert_close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    found.iter().zip(expected).for_each(|(f, e)| assert!((f - e).abs() <= 1e-12 * (1.0 + e.abs()), "{found:?}, not {expected:?}"));
}

type Joining<'a> = &'a dyn Fn(f64, f64) -> f64;

#[test]
fn a_joined_seed_counts_as_its_slot_says() {
    let cases: [(Birth, Join, Joining); 4] = [
        (Birth::Zero, Join::Add, &|h, f| h + 0.3 * f),
        (Birth::Same, Join::Add, &|h, f| h + 0.3 * (f - h)),
        (Birth::Zero, Join::Lerp, &|h, f| 0.7 * h + 0.3 * f),
        (Birth::Zero, Join::Multiply, &|h, f| h * (1.0 + 0.3 * f.tanh())),
    ];
    for (birth, join, definition) in cases {
        let host = host(birth);
        let joined = graft(&host, &[planting(Part::Joined, join)]).unwrap();
        for graph in [&joined.train, &joined.eval, &joined.predict] {
            assert_close(&value(graph, OutputKind::Prediction, 0.3), &expected(definition));
            assert_close(&value(graph, OutputKind::Prediction, 0.0), &expected(&|h, _| h));
        }
        // Integration does not ask how the seed took part before.
        let integrated = integrate(&host, &planting(Part::Shadow, join), 0.3, 17).unwrap();
        assert_eq!(integrated.train.outputs().len(), host.train.outputs().len());
        assert_close(&value(&integrated.predict, OutputKind::Prediction, f64::NAN), &expected(definition));
        assert_eq!(integrated.parameters[2].path, "mid#1.v");
        assert_eq!((integrated.parameters[2].born, integrated.live.len()), (17, 0));
        // The slot is free again: something else may grow in it.
        assert!(integrated.train.ids().any(|id| matches!(integrated.train.op(id), Op::Slot { slot: 0 })));
    }
}

/// The gradients of a loss by all three parameters.
fn gradients(model: &Model, loss: OutputKind) -> (Graph, Vec<Option<NodeId>>) {
    let mut graph = bound(&model.train);
    let sizes: [&[usize]; 3] = [&[2, 3], &[3, 1], &[3, 3]];
    let wanted: Vec<NodeId> = (0..3).map(|i| graph.input(Input::Parameter(i), ty(sizes[i]), Span::default())).collect();
    let loss = graph.output(loss).unwrap();
    let found = differentiate(&mut graph, loss, &wanted).unwrap();
    for (i, gradient) in found.iter().enumerate().filter_map(|(i, g)| g.map(|g| (i, g))) {
        graph.add_output(OutputKind::Gradient(i), gradient);
    }
    (graph, found)
}

fn check_gradient(graph: &Graph, of: &OutputKind, parameter: usize, alpha: f64) {
    const STEP: f64 = 1e-6;
    let gradient = value(graph, OutputKind::Gradient(parameter), alpha);
    for (element, expected) in gradient.iter().enumerate() {
        let at = |sign: f64| {
            let moved = run(graph, alpha, &|input, value| {
                if *input == Input::Parameter(parameter) {
                    value.data[element] += sign * STEP;
                }
            });
            moved.into_iter().find(|(kind, _)| kind == of).unwrap().1.data[0]
        };
        let slope = (at(1.0) - at(-1.0)) / (2.0 * STEP);
        assert!((slope - expected).abs() < 1e-8, "parameter {parameter}, element {element}: {slope}, not {expected}");
    }
}

#[test]
fn host_and_seed_adapt_to_each_other_once_joined() {
    let joined = graft(&host(Birth::Zero), &[planting(Part::Joined, Join::Add)]).unwrap();
    let (graph, found) = gradients(&joined, OutputKind::Loss);
    assert!(found.iter().all(Option::is_some));
    for alpha in [0.4, 1.0] {
        (0..3).for_each(|i| check_gradient(&graph, &OutputKind::Loss, i, alpha));
    }
}

#[test]
fn a_shadow_seed_learns_from_the_tail_and_the_host_does_not_see_it() {
    let plain = host(Birth::Zero);
    let shadowed = graft(&plain, &[planting(Part::Shadow, Join::Add)]).unwrap();
    // The host's nodes come first, in their order: nothing of its arithmetic can change.
    assert!(plain.train.ids().all(|id| plain.train.node(id).op == shadowed.train.node(id).op));
    assert_eq!(shadowed.eval, plain.eval);
    let (_, of_loss) = gradients(&shadowed, OutputKind::Loss);
    assert!(of_loss[0].is_some() && of_loss[1].is_some() && of_loss[2].is_none());
    let (graph, of_shadow) = gradients(&shadowed, OutputKind::ShadowLoss(0));
    // The slot's input is detached: no gradient reaches what comes before it.
    assert!(of_shadow[0].is_none());
    check_gradient(&graph, &OutputKind::ShadowLoss(0), 2, 0.0);
    let with = expected(&|h, f| h + f);
    let loss: f64 = with.iter().map(|y| y * y).sum();
    assert_close(&value(&shadowed.train, OutputKind::ShadowLoss(0), 0.0), &[loss]);
}

#[test]
fn seeds_of_one_recipe_have_parameters_and_numbers_of_their_own() {
    let host = host(Birth::Zero);
    let (first, second) = (planting(Part::Joined, Join::Add), Planting { id: 2, ..planting(Part::Shadow, Join::Add) });
    let model = graft(&host, &[first, second]).unwrap();
    let paths: Vec<&str> = model.parameters.iter().map(|p| p.path.as_str()).collect();
    assert_eq!(paths, ["first", "last", "mid#1.v", "mid#2.v"]);
    assert_eq!((model.live[0].parameters.clone(), model.live[1].parameters.clone()), (2..3, 3..4));
    let wrong = Planting { seed: 7, ..planting(Part::Shadow, Join::Add) };
    assert!(graft(&host, &[wrong]).unwrap_err().contains("not in the model"));
}

#[test]
fn an_empty_slot_leaves_nothing_behind() {
    let run = |graph: Graph| crate::run(&bound(&graph)).unwrap();
    assert_eq!(run(host_graph(true)), run(host_graph(false)));
}

/// A seed `f(h · fan_in + bias) · fan_out` of five units.
fn widening(between: impl Fn(&mut Graph, NodeId) -> NodeId) -> Seed {
    let mut g = Graph::new();
    let h = g.input(Input::Argument(0), rows(3), Span::default());
    let sums = product(&mut g, h, 0, [3, 5]);
    let bias = g.input(Input::Parameter(1), ty(&[5]), Span::default());
    let spread = g.broadcast_to(bias, g.ty(sums).shape.clone(), vec![1]);
    let sums = g.binary(Op::Add, sums, spread);
    let passed = between(&mut g, sums);
    let out = product(&mut g, passed, 2, [5, 3]);
    g.add_output(OutputKind::Value(0), out);
    let parameters = vec![parameter("in", &[3, 5]), parameter("bias", &[5]), parameter("out", &[5, 3])];
    Seed { parameters, train: g.clone(), eval: g, ..seed(Birth::Zero) }
}

#[test]
fn units_are_found_between_two_affine_maps_with_the_slope_of_their_activation() {
    let relu = widening(|g, sums| {
        let zero = g.full_like(0.0, sums);
        g.binary(Op::Maximum, sums, zero)
    });
    let found = super::units(&relu, false).expect("units");
    assert_eq!((found.first, found.first_bias, found.last, found.last_bias, found.count), (0, Some(1), 2, None, 3));
    // Differentiation gives relu no slope at zero; units that are born there get one.
    assert_eq!(found.at_zero(), Ok((0.0, 0.0)));
    assert_eq!(super::units(&relu, true).expect("units").at_zero(), Ok((0.0, 1.0)));
    // An activation whose argument is used twice, and one that is not zero at zero.
    let silu = widening(|g, sums| {
        let sigmoid = logistic(g, sums);
        g.binary(Op::Mul, sums, sigmoid)
    });
    assert_eq!(super::units(&silu, false).expect("units").at_zero(), Ok((0.0, 0.5)));
    let sigmoid = super::units(&widening(logistic), false).expect("units");
    assert_eq!(sigmoid.at_zero(), Ok((0.5, 0.25)));
    assert_eq!(sigmoid.activate(&[0.0; 10], 2), Ok(vec![0.5; 10]));
    // What mixes the units is no elementwise function of their sums.
    let mixed = widening(|g, sums| {
        let total = g.sum(sums, vec![1]);
        let spread = g.broadcast_to(total, g.ty(sums).shape.clone(), vec![0]);
        g.binary(Op::Sub, sums, spread)
    });
    assert!(super::units(&mixed, false).is_none());
    assert!(super::units(&seed(Birth::Zero), false).is_none());
}

/// 1 / (1 + e^-x).
fn logistic(g: &mut Graph, x: NodeId) -> NodeId {
    let negative = g.unary(Op::Neg, x);
    let exponential = g.unary(Op::Exp, negative);
    let one = g.full_like(1.0, x);
    let denominator = g.binary(Op::Add, exponential, one);
    g.binary(Op::Div, one, denominator)
}
