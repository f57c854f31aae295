//! A small network with a slot and a seed for it, for the tests of growth: two layers with a rectifier between, and a seed of two layers.
use esper_diagnostics::Span;
use esper_ir::{
    BATCH, Birth, DType, DataSource, DataSpec, Dim, DotAxes, Graph, Input, Model, NodeId, Normalise, Op, Optimizer, OutputKind, Parameter,
    RunSettings, ScalarSchedule, Seed, Slot, Split, StreamId, TensorType, UpdateRule,
};
use std::path::Path;

const HIDDEN: i64 = 8;

fn f32s(sizes: &[i64]) -> TensorType {
    TensorType::new(DType::F32, sizes.iter().map(|n| Dim::constant(*n)).collect())
}

fn rows(sizes: &[i64]) -> TensorType {
    let mut ty = f32s(sizes);
    ty.shape.insert(0, Dim::symbol(BATCH));
    ty
}

fn product(g: &mut Graph, x: NodeId, parameter: usize, sizes: &[i64]) -> NodeId {
    let w = g.input(Input::Parameter(parameter), f32s(sizes), Span::default());
    let axes = DotAxes { left_contract: vec![1], right_contract: vec![0], ..DotAxes::default() };
    g.binary(Op::DotGeneral(axes), x, w)
}

fn rectified(g: &mut Graph, x: NodeId) -> NodeId {
    let zero = g.full_like(0.0, x);
    g.binary(Op::Maximum, x, zero)
}

/// In training with dropout before the slot, so that random streams matter.
fn network(training: bool, with_loss: bool) -> Graph {
    let mut g = Graph::new();
    let x = g.input(Input::Feature(0), rows(&[2]), Span::default());
    let h = product(&mut g, x, 0, &[2, HIDDEN]);
    let mut h = rectified(&mut g, h);
    if training {
        let random = g.leaf(Op::Random { stream: StreamId(77) }, rows(&[HIDDEN]), Span::default());
        let keep = g.full_like(0.9, random);
        let kept = g.binary(Op::Less, random, keep);
        let nothing = g.full_like(0.0, h);
        h = g.select(kept, h, nothing);
    }
    let h = g.build(Op::Slot { slot: 0 }, &[h, h]);
    let y = product(&mut g, h, 1, &[HIDDEN, 1]);
    let y = g.reshape(y, rows(&[]).shape);
    g.add_output(OutputKind::Prediction, y);
    if with_loss {
        let target = g.input(Input::Target, rows(&[]), Span::default());
        let error = g.binary(Op::Sub, y, target);
        let square = g.binary(Op::Mul, error, error);
        let sum = g.sum(square, [0]);
        let count = g.leaf(Op::Size(Dim::symbol(BATCH)), TensorType::scalar(DType::F32), Span::default());
        let loss = g.binary(Op::Div, sum, count);
        g.add_output(OutputKind::Loss, loss);
    }
    g
}

/// tanh(h · down) · up, whose `up` is zero at birth.
fn seed() -> Seed {
    let mut g = Graph::new();
    let h = g.input(Input::Argument(0), rows(&[HIDDEN]), Span::default());
    let down = product(&mut g, h, 0, &[HIDDEN, 4]);
    let bounded = g.unary(Op::Tanh, down);
    let up = product(&mut g, bounded, 1, &[4, HIDDEN]);
    g.add_output(OutputKind::Value(0), up);
    Seed {
        text: "Bottleneck(4)".into(),
        blueprint: "Bottleneck".into(),
        birth: Birth::Zero,
        parameters: vec![stored("down", &[HIDDEN, 4], 0.5, 5), stored("up", &[4, HIDDEN], 0.0, 6)],
        states: vec![],
        train: g.clone(),
        eval: g,
        span: Span::default(),
    }
}

/// A parameter that is uniform in ± scale at first.
fn stored(path: &str, sizes: &[i64], scale: f64, stream: u64) -> Parameter {
    let mut g = Graph::new();
    let random = g.leaf(Op::Random { stream: StreamId(stream) }, f32s(sizes), Span::default());
    let half = g.full_like(0.5, random);
    let centred = g.binary(Op::Sub, random, half);
    let factor = g.full_like(2.0 * scale, random);
    let value = g.binary(Op::Mul, centred, factor);
    g.add_output(OutputKind::Value(0), value);
    let owner = (String::new(), "Test".to_string());
    Parameter { path: path.into(), ty: f32s(sizes), init: g, span: Span::default(), owner, born: 0 }
}

/// Adam without weight decay, so that a parameter's own count of steps matters.
fn adam() -> Optimizer {
    let ty = TensorType::new(DType::F32, vec![Dim::symbol("n")]);
    let scalar = TensorType::scalar(DType::F32);
    let mut g = Graph::new();
    let p = g.input(Input::Updated, ty.clone(), Span::default());
    let gradient = g.input(Input::Gradient, ty.clone(), Span::default());
    let rate = g.input(Input::OptimizerScalar(0), scalar.clone(), Span::default());
    let step = g.input(Input::Step, scalar.clone(), Span::default());
    let square = g.binary(Op::Mul, gradient, gradient);
    let mut moment = |number: usize, decay: f64, value: NodeId| {
        let old = g.input(Input::OptimizerState(number), ty.clone(), Span::default());
        let (keep, take) = (g.full_like(decay, old), g.full_like(1.0 - decay, old));
        let (kept, taken) = (g.binary(Op::Mul, old, keep), g.binary(Op::Mul, value, take));
        let new = g.binary(Op::Add, kept, taken);
        let base = g.constant(decay, scalar.clone());
        let power = g.binary(Op::Pow, base, step);
        let one = g.constant(1.0, scalar.clone());
        let correction = g.binary(Op::Sub, one, power);
        let correction = g.broadcast_to(correction, ty.shape.clone(), []);
        (new, g.binary(Op::Div, new, correction))
    };
    let (m, first) = moment(0, 0.9, gradient);
    let (v, second) = moment(1, 0.99, square);
    let second = g.unary(Op::Sqrt, second);
    let small = g.full_like(1e-3, second);
    let below = g.binary(Op::Add, second, small);
    let direction = g.binary(Op::Div, first, below);
    let rate = g.broadcast_to(rate, ty.shape.clone(), []);
    let change = g.binary(Op::Mul, direction, rate);
    let updated = g.binary(Op::Sub, p, change);
    g.add_output(OutputKind::Updated, updated);
    g.add_output(OutputKind::OptimizerState(0, 0), m);
    g.add_output(OutputKind::OptimizerState(1, 0), v);
    let mut lr = Graph::new();
    let value = lr.constant(2e-3, scalar);
    lr.add_output(OutputKind::Value(0), value);
    let rule = UpdateRule { graph: g, elementwise: true };
    Optimizer {
        name: "Adam".into(),
        states: vec!["m".into(), "v".into()],
        state_init: vec![0.0, 0.0],
        scalars: vec![ScalarSchedule { name: "lr".into(), graph: lr }],
        rules: vec![None, Some(rule.clone()), Some(rule)],
    }
}

/// The model; its rows are `rows.csv` in `folder`.
pub fn model(folder: &Path, epochs: usize) -> Model {
    let text: String = (0..60)
        .map(|i| {
            let (a, b) = ((i * 37 % 101) as f64 / 50.0 - 1.0, (i * 53 % 97) as f64 / 48.0 - 1.0);
            format!("{a},{b},{}\n", (2.0 * a).sin() - a * b)
        })
        .collect();
    std::fs::write(folder.join("rows.csv"), text).unwrap();
    Model {
        name: "grown".into(),
        host: "Grown()".into(),
        parameters: vec![stored("first", &[2, HIDDEN], 1.0, 1), stored("last", &[HIDDEN, 1], 0.5, 2)],
        states: vec![],
        train: network(true, true),
        eval: network(false, true),
        predict: network(false, false),
        metrics: vec![],
        loss: "mse".into(),
        features: vec![rows(&[2])],
        target: rows(&[]),
        classes: None,
        optimizer: adam(),
        data: DataSpec {
            source: DataSource::Csv { path: "rows.csv".into(), label: -1, header: false },
            scale: 1.0,
            shape: None,
            normalise: Normalise::None,
            split: Split::Holdout { val: 0.2, test: 0.0, seed: None },
            span: Span::default(),
            gate: 0.0,
            split_span: Span::default(),
        },
        settings: RunSettings {
            batch: 10,
            epochs,
            seed: 3,
            clip: None,
            save_every: 1,
            on_nonfinite: esper_ir::OnNonFinite::Stop,
            start: None,
        },
        layers: vec![],
        slots: vec![Slot {
            path: "mid".into(),
            source: rows(&[HIDDEN]),
            target: rows(&[HIDDEN]),
            span: Span::default(),
            policy: Some(0),
            seeds: vec![0],
        }],
        seeds: vec![seed()],
        policies: vec![],
        controls: vec![],
        live: vec![],
        span: Span::default(),
    }
}
