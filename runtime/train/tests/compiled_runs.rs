//! Runs of a compiled network on the processor: it learns, an interrupted run ends in the same bytes, a bad step is named.
use esper_diagnostics::{FileId, Span};
use esper_ir::{
    BATCH, DType, DataSource, DataSpec, Dim, DotAxes, Graph, Input, LayerInstance, Model, NodeId, Normalise, Op, Optimizer, OutputKind,
    Parameter, RunSettings, ScalarSchedule, Split, StreamId, TensorType, UpdateRule,
};
use esper_telemetry::{EpochRecord, Event, Observer};
use esper_train::{FinishedRun, Outcome, Part, RunError, RunOptions, evaluate, predict, summarise, train};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

const HIDDEN: i64 = 8;

fn span(start: u32) -> Span {
    Span { file: FileId(0), start, end: start + 5 }
}

fn f32s(sizes: &[i64]) -> TensorType {
    TensorType::new(DType::F32, sizes.iter().map(|n| Dim::constant(*n)).collect())
}

fn rows(sizes: &[i64]) -> TensorType {
    let mut ty = f32s(sizes);
    ty.shape.insert(0, Dim::symbol(BATCH));
    ty
}

/// `f32[batch, width]` of a vector that is the same for every row.
fn spread(graph: &mut Graph, vector: NodeId, like: NodeId) -> NodeId {
    let shape = graph.ty(like).shape.clone();
    graph.broadcast_to(vector, shape, [1])
}

fn product(graph: &mut Graph, left: NodeId, right: NodeId) -> NodeId {
    let axes = DotAxes { left_contract: vec![1], right_contract: vec![0], ..DotAxes::default() };
    graph.binary(Op::DotGeneral(axes), left, right)
}

/// The mean over all elements.
fn mean(graph: &mut Graph, tensor: NodeId) -> NodeId {
    let axes: Vec<usize> = (0..graph.ty(tensor).rank()).collect();
    let sum = graph.sum(tensor, axes);
    let count = graph.leaf(Op::Size(Dim::symbol(BATCH)), TensorType::scalar(DType::F32), Span::default());
    graph.binary(Op::Div, sum, count)
}

/// Two layers with a rectifier between, in training with dropout and a running mean.
fn network(training: bool, with_loss: bool) -> Graph {
    let mut g = Graph::new();
    let x = g.input(Input::Feature(0), rows(&[2]), span(1));
    let weights: Vec<NodeId> =
        parameters().iter().enumerate().map(|(i, (_, sizes, _))| g.input(Input::Parameter(i), f32s(sizes), span(2))).collect();
    let running = g.input(Input::State(0), f32s(&[HIDDEN]), span(3));
    let h = product(&mut g, x, weights[0]);
    let shift = spread(&mut g, weights[1], h);
    let h = g.binary(Op::Add, h, shift);
    let zero = g.full_like(0.0, h);
    let mut h = g.binary(Op::Maximum, h, zero);
    if training {
        let axis_sum = g.sum(h, [0]);
        let batch = g.leaf(Op::Size(Dim::symbol(BATCH)), TensorType::scalar(DType::F32), Span::default());
        let batch = g.broadcast_to(batch, f32s(&[HIDDEN]).shape, []);
        let now = g.binary(Op::Div, axis_sum, batch);
        let now = g.unary(Op::StopGradient, now);
        let difference = g.binary(Op::Sub, now, running);
        let share = g.full_like(0.1, difference);
        let change = g.binary(Op::Mul, difference, share);
        let updated = g.binary(Op::Add, running, change);
        g.add_output(OutputKind::State(0), updated);
        let random = g.leaf(Op::Random { stream: StreamId(77) }, rows(&[HIDDEN]), span(4));
        let keep = g.full_like(0.9, random);
        let kept = g.binary(Op::Less, random, keep);
        let nothing = g.full_like(0.0, h);
        h = g.select(kept, h, nothing);
    }
    let y = product(&mut g, h, weights[2]);
    let y = g.reshape(y, rows(&[]).shape);
    g.add_output(OutputKind::Prediction, y);
    if with_loss {
        let target = g.input(Input::Target, rows(&[]), span(5));
        let error = g.binary(Op::Sub, y, target);
        let square = g.binary(Op::Mul, error, error);
        let loss = mean(&mut g, square);
        g.add_output(OutputKind::Loss, loss);
        let distance = g.unary(Op::Abs, error);
        let distance = mean(&mut g, distance);
        g.add_output(OutputKind::Metric(0), distance);
    }
    g
}

/// Path, sizes, and the scale of the uniform initial values.
fn parameters() -> [(&'static str, Vec<i64>, f64); 3] {
    [("first.weight", vec![2, HIDDEN], 1.0), ("first.bias", vec![HIDDEN], 0.2), ("last.weight", vec![HIDDEN, 1], 0.7)]
}

/// Uniform in ± scale.
fn uniform(sizes: &[i64], scale: f64, stream: u64) -> Graph {
    let mut g = Graph::new();
    let random = g.leaf(Op::Random { stream: StreamId(stream) }, f32s(sizes), Span::default());
    let half = g.full_like(0.5, random);
    let centred = g.binary(Op::Sub, random, half);
    let factor = g.full_like(2.0 * scale, random);
    let value = g.binary(Op::Mul, centred, factor);
    g.add_output(OutputKind::Value(0), value);
    g
}

fn momentum(rank: usize) -> UpdateRule {
    let ty = TensorType::new(DType::F32, vec![Dim::symbol("n")]);
    let mut g = Graph::new();
    let p = g.input(Input::Updated, ty.clone(), Span::default());
    let gradient = g.input(Input::Gradient, ty.clone(), Span::default());
    let old = g.input(Input::OptimizerState(0), ty.clone(), Span::default());
    let rate = g.input(Input::OptimizerScalar(0), TensorType::scalar(DType::F32), Span::default());
    let factor = g.full_like(0.9, p);
    let kept = g.binary(Op::Mul, old, factor);
    let velocity = g.binary(Op::Add, kept, gradient);
    let rate = g.broadcast_to(rate, ty.shape, []);
    let change = g.binary(Op::Mul, velocity, rate);
    let updated = g.binary(Op::Sub, p, change);
    g.add_output(OutputKind::Updated, updated);
    g.add_output(OutputKind::OptimizerState(0, 0), velocity);
    assert!(rank <= 2);
    UpdateRule { graph: g, elementwise: true }
}

/// `peak · (1 - step / total)`.
fn falling(peak: f64) -> Graph {
    let scalar = TensorType::scalar(DType::F32);
    let mut g = Graph::new();
    let step = g.input(Input::Step, scalar.clone(), Span::default());
    let total = g.input(Input::TotalSteps, scalar, Span::default());
    let done = g.binary(Op::Div, step, total);
    let one = g.scalar(1.0, DType::F32);
    let left = g.binary(Op::Sub, one, done);
    let peak = g.scalar(peak, DType::F32);
    let rate = g.binary(Op::Mul, left, peak);
    g.add_output(OutputKind::Value(0), rate);
    g
}

fn model(folder: &Path, peak: f64, clip: Option<f64>) -> Model {
    let text: String = (0..203)
        .map(|i| {
            let (a, b) = ((i * 37 % 101) as f64 / 50.0 - 1.0, (i * 53 % 97) as f64 / 48.0 - 1.0);
            format!("{a},{b},{}\n", a.abs() - 0.5 * b)
        })
        .collect();
    std::fs::write(folder.join("rows.csv"), text).unwrap();
    let stored = |path: &str, sizes: &[i64], init: Graph| Parameter {
        path: path.to_string(),
        ty: f32s(sizes),
        init,
        span: span(2),
        owner: (path.split('.').next().unwrap().to_string(), "Linear".to_string()),
        born: 0,
    };
    let layer = |path: &str, input: TensorType, output: TensorType| LayerInstance {
        path: path.to_string(),
        blueprint: "Linear".to_string(),
        input,
        output,
        span: span(6),
    };
    Model {
        name: "surface".into(),
        host: "Mlp(hidden = 8)".into(),
        parameters: parameters().iter().zip(1..).map(|((p, sizes, scale), n)| stored(p, sizes, uniform(sizes, *scale, n))).collect(),
        states: vec![stored("first.mean", &[HIDDEN], {
            let mut g = Graph::new();
            let zero = g.constant(0.0, f32s(&[HIDDEN]));
            g.add_output(OutputKind::Value(0), zero);
            g
        })],
        train: network(true, true),
        eval: network(false, true),
        predict: network(false, false),
        metrics: vec!["distance".into()],
        loss: "mse".into(),
        features: vec![rows(&[2])],
        target: rows(&[]),
        classes: None,
        optimizer: Optimizer {
            name: "Momentum".into(),
            states: vec!["velocity".into()],
            state_init: vec![0.0],
            scalars: vec![ScalarSchedule { name: "lr".into(), graph: falling(peak) }],
            rules: vec![None, Some(momentum(1)), Some(momentum(2))],
        },
        data: DataSpec {
            source: DataSource::Csv { path: "rows.csv".into(), label: -1, header: false },
            scale: 1.0,
            shape: None,
            normalise: Normalise::None,
            split: Split::Holdout { val: 0.2, test: 0.1, seed: Some(1) },
            span: span(20),
            gate: 0.0,
            split_span: span(30),
        },
        settings: RunSettings {
            batch: 16,
            epochs: 6,
            seed: 3,
            clip,
            save_every: 0,
            on_nonfinite: esper_ir::OnNonFinite::Stop,
            start: None,
        },
        layers: vec![layer("first", rows(&[2]), rows(&[HIDDEN])), layer("last", rows(&[HIDDEN]), rows(&[1]))],
        slots: vec![],
        seeds: vec![],
        policies: vec![],
        controls: vec![],
        live: vec![],
        span: span(40),
    }
}

fn run(folder: &Path, model: &Model, device: &str, stop_at_step: Option<u64>, resume: Option<PathBuf>) -> Result<Outcome, RunError> {
    let options = RunOptions {
        runs: folder.join("runs"),
        resume,
        data_folder: Some(folder.to_path_buf()),
        device: &*esper_device::open(device).unwrap(),
        artifact: b"model",
        interrupt: &AtomicBool::new(false),
        log_every: 3,
        stop_at_step,
        growth: Default::default(),
    };
    train(model, &options, &mut ())
}

fn bytes(run: &Path, file: &str) -> Vec<u8> {
    std::fs::read(run.join(file)).unwrap()
}

#[test]
fn a_network_learns_and_its_finished_run_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let mut model = model(folder.path(), 0.1, None);
    model.settings.epochs = 60;
    let outcome = run(folder.path(), &model, "cpu:1", None, None).unwrap();
    let last: &EpochRecord = outcome.last.as_ref().unwrap();
    assert!(last.val.as_ref().unwrap().loss < 0.02, "{last:?}");
    let device = esper_device::open("cpu:1").unwrap();
    let finished = FinishedRun::open(&outcome.folder, "last").unwrap();
    let val = evaluate(&finished, &model, &*device, Part::Val).unwrap();
    assert_eq!(Some(&val.scores), last.val.as_ref());
    assert!(evaluate(&finished, &model, &*device, Part::Test).unwrap().scores.loss < 0.03);
    let (file, mut out) = (folder.path().join("new.csv"), vec![]);
    std::fs::write(&file, "0.5,0\n".repeat(17)).unwrap();
    predict(&finished, &model, &*device, &file, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    let values: Vec<f64> = text.lines().skip(1).map(|l| l.split_once(',').unwrap().1.parse().unwrap()).collect();
    assert_eq!(values.len(), 17);
    assert!(values.iter().all(|v| (v - 0.5).abs() < 0.2), "{values:?}");
}

#[test]
fn an_interrupted_run_ends_in_the_same_bytes_on_any_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    let model = model(folder.path(), 0.1, Some(1.0));
    let whole = run(folder.path(), &model, "cpu:1", None, None).unwrap().folder;
    // An epoch has nine steps: 27 ends one, 31 does not.
    for stop in [27, 31] {
        let stopped = run(folder.path(), &model, "cpu:2", Some(stop), None).unwrap();
        assert!(stopped.interrupted);
        let resumed = run(folder.path(), &model, "cpu:1", None, Some(stopped.folder.clone())).unwrap();
        assert_eq!((resumed.step, resumed.interrupted), (54, false));
        for file in ["metrics.jsonl", "metrics.csv", "checkpoints/last/weights.safetensors", "checkpoints/best/weights.safetensors"] {
            assert_eq!(bytes(&whole, file), bytes(&resumed.folder, file), "{file} after step {stop}");
        }
    }
}

#[test]
fn a_run_that_diverges_names_a_tensor_and_its_place() {
    let folder = tempfile::tempdir().unwrap();
    for clip in [None, Some(1e30)] {
        let model = model(folder.path(), 1e12, clip);
        let error = run(folder.path(), &model, "cpu:1", None, None).unwrap_err();
        let diagnostic = error.diagnostic().unwrap();
        assert_eq!(diagnostic.code, "D0201");
        assert!(diagnostic.primary.text.contains("is the first tensor of the step that is not finite"), "{diagnostic:?}");
        assert_ne!(diagnostic.primary.span, Span::default());
    }
}

#[test]
fn the_summary_is_exact() {
    let folder = tempfile::tempdir().unwrap();
    let model = model(folder.path(), 0.1, None);
    let text = summarise(&model, &*esper_device::open("cpu:1").unwrap(), folder.path()).unwrap();
    let line = |start: &str| text.lines().find(|l| l.trim_start().starts_with(start)).unwrap_or_else(|| panic!("{text}"));
    let words = |start: &str| line(start).split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(words("first"), "first Linear f32[batch, 2] f32[batch, 8] 24 8");
    assert_eq!(words("total"), "total 32 8");
    assert_eq!(words("data"), "data 203 rows: 142 for training, 41 for validation, 20 for the test");
    assert!(!line("work").contains("unknown"), "{text}");
    let bytes: u64 = line("parameters").split_whitespace().last().unwrap().replace(',', "").parse().unwrap();
    assert!((128..=512).contains(&bytes), "32 numbers, each tensor aligned: {text}");
}

#[test]
fn every_event_comes_in_its_order() {
    struct Log(Vec<String>);
    impl Observer for Log {
        fn event(&mut self, event: &Event) {
            self.0.push(match event {
                Event::Started { device, .. } => format!("started on {device}"),
                Event::Step(step) => format!("{}.{}", step.epoch, step.step_in_epoch),
                Event::Epoch(record) => format!("epoch {}", record.epoch),
                Event::Growth(record) => record.kind.clone(),
                Event::Slots { slots } => format!("{} slots", slots.len()),
                Event::Checkpoint { name, .. } => name.clone(),
                Event::Interrupted { .. } => "interrupted".into(),
                Event::Finished { .. } => "finished".into(),
            });
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let mut model = model(folder.path(), 0.1, None);
    (model.settings.epochs, model.settings.batch) = (2, 100);
    let mut log = Log(vec![]);
    let options = RunOptions {
        runs: folder.path().join("runs"),
        resume: None,
        data_folder: Some(folder.path().to_path_buf()),
        device: &*esper_device::open("cpu:1").unwrap(),
        artifact: b"model",
        interrupt: &AtomicBool::new(false),
        log_every: 0,
        stop_at_step: None,
        growth: Default::default(),
    };
    train(&model, &options, &mut log).unwrap();
    assert_eq!(log.0, ["started on cpu (1 thread)", "1.1", "1.2", "epoch 1", "2.1", "2.2", "epoch 2", "best", "last", "finished"]);
}
