//! A model without a compiler: least squares with momentum, computed by a small device in plain loops.
use crate::RunError;
use crate::programs::{ProgramSource, Programs};
use esper_codegen::{Buffer, BufferId, Class, Program, scalar_words};
use esper_device::{Device, DeviceError, Executable, Memory, Phase, StepTime};
use esper_diagnostics::{FileId, Span};
use esper_ir::{
    BATCH, DType, DataSource, DataSpec, Dim, Graph, Model, Normalise, Optimizer, OutputKind, Parameter, RunSettings, ScalarSchedule, Split,
    TensorType,
};
use std::any::Any;
use std::path::Path;

/// Where the loss is written in the source.
pub const LOSS: Span = Span { file: FileId(0), start: 70, end: 80 };
const WIDTH: usize = 2;

/// Fits `y = w · x`; the learning rate falls to 0 over the run. Its data is `rows.csv` in `folder`.
pub fn model(folder: &Path, rows: usize) -> Model {
    let text: String = (0..rows)
        .map(|i| {
            let (a, b) = ((i * 37 % 101) as f64 / 50.0 - 1.0, (i * 53 % 97) as f64 / 48.0 - 1.0);
            format!("{a},{b},{}\n", 2.0 * a - b + 0.1 * (i % 3) as f64)
        })
        .collect();
    std::fs::write(folder.join("rows.csv"), text).unwrap();
    let vector = TensorType::new(DType::F32, vec![Dim::constant(WIDTH as i64)]);
    let span = |start: u32| Span { file: FileId(0), start, end: start + 5 };
    Model {
        name: "line".into(),
        host: "Line()".into(),
        parameters: vec![Parameter {
            path: "weight".into(),
            ty: vector.clone(),
            init: Graph::new(),
            span: span(1),
            owner: ("".into(), "Line".into()),
            born: 0,
        }],
        states: vec![],
        train: Graph::new(),
        eval: Graph::new(),
        predict: Graph::new(),
        metrics: vec!["distance".into()],
        loss: "mse".into(),
        features: vec![TensorType::new(DType::F32, vec![Dim::symbol(BATCH), Dim::constant(WIDTH as i64)])],
        target: TensorType::new(DType::F32, vec![Dim::symbol(BATCH)]),
        classes: None,
        optimizer: Optimizer {
            name: "Momentum".into(),
            states: vec!["velocity".into()],
            state_init: vec![0.0],
            scalars: vec![ScalarSchedule { name: "lr".into(), graph: Graph::new() }],
            rules: vec![],
        },
        data: DataSpec {
            source: DataSource::Csv { path: "rows.csv".into(), label: -1, header: false },
            scale: 1.0,
            shape: None,
            normalise: Normalise::PerFeature,
            split: Split::Holdout { val: 0.2, test: 0.1, seed: None },
            span: span(20),
            gate: 0.0,
            split_span: span(30),
        },
        settings: RunSettings {
            batch: 8,
            epochs: 6,
            seed: 3,
            clip: None,
            save_every: 0,
            on_nonfinite: esper_ir::OnNonFinite::Stop,
            start: None,
        },
        layers: vec![],
        slots: vec![],
        seeds: vec![],
        policies: vec![],
        controls: vec![],
        live: vec![],
        span: span(40),
    }
}

/// The device, and the programs for it.
pub struct Line {
    /// The learning rate at the first step.
    pub rate: f32,
}

/// Places in the exchange, in words, for a batch of `rows`.
struct Exchange {
    target: usize,
    loss: usize,
    metric: usize,
    prediction: usize,
    end: usize,
}

impl Exchange {
    fn new(rows: usize) -> Exchange {
        let target = rows * WIDTH;
        let loss = target + rows;
        Exchange { target, loss, metric: loss + 1, prediction: loss + 2, end: loss + 2 + rows }
    }
}

impl ProgramSource for Line {
    fn programs<'m>(&self, _: &'m Model, _: &Model) -> Result<Box<dyn Programs + 'm>, RunError> {
        Ok(Box::new(Line { rate: self.rate }))
    }
}

impl Programs for Line {
    fn init(&self) -> Result<Program, RunError> {
        Ok(program("init", 0))
    }
    fn step(&self, rows: usize) -> Result<Program, RunError> {
        Ok(program("step", rows))
    }
    fn eval(&self, rows: usize) -> Result<Program, RunError> {
        Ok(program("eval", rows))
    }
    fn predict(&self, rows: usize) -> Result<Program, RunError> {
        Ok(program("predict", rows))
    }
    fn step_flops(&self, rows: usize) -> Result<Option<u64>, RunError> {
        Ok(Some(10 * rows as u64))
    }
}

fn program(name: &str, rows: usize) -> Program {
    let places = Exchange::new(rows);
    let mut buffers = vec![];
    let mut buffer = |name: &str, class, word: usize, shape: &[usize]| {
        let bytes = 4 * shape.iter().product::<usize>();
        let shape = shape.to_vec();
        buffers.push(Buffer { name: name.into(), dtype: DType::F32, shape, class, offset: 4 * word, bytes, span: LOSS });
        BufferId(buffers.len() as u32 - 1)
    };
    let weight = buffer("weight", Class::Parameters, 0, &[WIDTH]);
    let velocity = buffer("velocity", Class::OptimizerStates, 0, &[WIDTH]);
    let feature = buffer("x", Class::Exchange, 0, &[rows, WIDTH]);
    let target = buffer("y", Class::Exchange, places.target, &[rows]);
    let loss = buffer("loss", Class::Exchange, places.loss, &[]);
    let metric = buffer("distance", Class::Exchange, places.metric, &[]);
    let prediction = buffer("prediction", Class::Exchange, places.prediction, &[rows]);
    let outputs = match name {
        "init" => vec![(OutputKind::Parameter(0), weight), (OutputKind::OptimizerState(0, 0), velocity)],
        "predict" => vec![(OutputKind::Prediction, prediction)],
        _ => vec![(OutputKind::Loss, loss), (OutputKind::Metric(0), metric)],
    };
    let words = [WIDTH, 0, WIDTH, WIDTH, scalar_words::OPTIMIZER + 1, places.end, 0];
    let (features, target) = match name {
        "init" => (vec![], None),
        "predict" => (vec![feature], None),
        _ => (vec![feature], Some(target)),
    };
    let name = format!("{name}[{rows}]");
    Program { name, kernels: vec![], buffers, steps: vec![], update: 0, arenas: words.map(|n| 4 * n), features, target, outputs }
}

struct Words([Vec<u8>; 7]);

impl Memory for Words {
    fn write(&mut self, class: Class, offset: usize, bytes: &[u8]) -> Result<(), DeviceError> {
        self.0[class as usize][offset..offset + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }
    fn bytes(&self, class: Class) -> usize {
        self.0[class as usize].len()
    }
    fn grow(&mut self, arenas: [usize; 7]) -> Result<(), DeviceError> {
        self.0.iter_mut().zip(arenas).for_each(|(arena, bytes)| arena.resize(bytes.max(arena.len()), 0));
        Ok(())
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
    fn read(&self, class: Class, offset: usize, bytes: &mut [u8]) -> Result<(), DeviceError> {
        bytes.copy_from_slice(&self.0[class as usize][offset..offset + bytes.len()]);
        Ok(())
    }
}

impl Device for Line {
    fn name(&self) -> String {
        "line".into()
    }
    fn memory(&self, arenas: [usize; 7]) -> Result<Box<dyn Memory>, DeviceError> {
        Ok(Box::new(Words(arenas.map(|n| vec![0; n]))))
    }
    fn load(&self, program: &Program) -> Result<Box<dyn Executable>, DeviceError> {
        let (name, rows) = program.name.trim_end_matches(']').split_once('[').unwrap();
        Ok(Box::new(LineProgram { rate: self.rate, name: name.to_string(), rows: rows.parse().unwrap() }))
    }
}

struct LineProgram {
    rate: f32,
    name: String,
    rows: usize,
}

fn read(memory: &mut dyn Memory, class: Class, word: usize) -> f32 {
    let mut bytes = [0; 4];
    memory.read(class, 4 * word, &mut bytes).unwrap();
    f32::from_le_bytes(bytes)
}

fn write(memory: &mut dyn Memory, class: Class, word: usize, value: f32) {
    memory.write(class, 4 * word, &value.to_le_bytes()).unwrap();
}

impl Executable for LineProgram {
    fn run(&mut self, memory: &mut dyn Memory, phase: Phase) -> Result<(), DeviceError> {
        let rate = scalar_words::OPTIMIZER;
        if self.name == "init" {
            let seed = f32::from_bits(read(memory, Class::Scalars, scalar_words::SEED).to_bits() + 1.0f32.to_bits());
            for i in 0..WIDTH {
                write(memory, Class::Parameters, i, (seed - 1.0) * 1e5 + i as f32);
                write(memory, Class::OptimizerStates, i, 0.0);
            }
            return Ok(());
        }
        if phase != Phase::Commit {
            self.compute(memory);
            let done = read(memory, Class::Scalars, scalar_words::STEP) - 1.0;
            let share = 1.0 - done / read(memory, Class::Scalars, scalar_words::TOTAL_STEPS);
            if self.name == "step" {
                write(memory, Class::Scalars, rate, self.rate * share);
            }
        }
        if phase != Phase::Compute {
            for i in 0..WIDTH {
                let velocity = 0.9 * read(memory, Class::OptimizerStates, i) + read(memory, Class::Gradients, i);
                write(memory, Class::OptimizerStates, i, velocity);
                let weight = read(memory, Class::Parameters, i) - read(memory, Class::Scalars, rate) * velocity;
                write(memory, Class::Parameters, i, weight);
            }
        }
        Ok(())
    }

    fn first_non_finite(&mut self, _: &mut dyn Memory) -> Result<Option<BufferId>, DeviceError> {
        Ok(Some(BufferId(4)))
    }

    fn measure(&mut self, _: bool) {}

    fn profile(&self) -> Vec<StepTime> {
        vec![]
    }
}

impl LineProgram {
    fn compute(&self, memory: &mut dyn Memory) {
        let (places, rows) = (Exchange::new(self.rows), self.rows as f32);
        let (mut loss, mut distance, mut gradient) = (0.0, 0.0, [0.0; WIDTH]);
        for row in 0..self.rows {
            let x: [f32; WIDTH] = std::array::from_fn(|i| read(memory, Class::Exchange, row * WIDTH + i));
            let y: f32 = (0..WIDTH).map(|i| x[i] * read(memory, Class::Parameters, i)).sum();
            write(memory, Class::Exchange, places.prediction + row, y);
            if self.name == "predict" {
                continue;
            }
            let error = y - read(memory, Class::Exchange, places.target + row);
            loss += error * error / rows;
            distance += error.abs() / rows;
            (0..WIDTH).for_each(|i| gradient[i] += 2.0 * error * x[i] / rows);
        }
        if self.name == "predict" {
            return;
        }
        write(memory, Class::Exchange, places.loss, loss);
        write(memory, Class::Exchange, places.metric, distance);
        if self.name == "step" {
            (0..WIDTH).for_each(|i| write(memory, Class::Gradients, i, gradient[i]));
        }
    }
}
