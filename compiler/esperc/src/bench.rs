//! `esperc bench`: how long training steps, compilations and checks take on this machine.
mod checking;
mod growth;

use crate::exit::Failure;
use crate::experiment::Experiment;
use crate::run::open_device;
use crate::terminal::{Terminal, print};
use esper_codegen::{Class, Program, scalar_words};
use esper_device::{Device, Executable, Memory, Phase, StepTime};
use esper_ir::{DType, Model};
use std::path::Path;
use std::time::{Duration, Instant};

/// The built-in workloads.
const WORKLOADS: &str = include_str!("bench/workloads.blueprint");
const NAMES: [&str; 2] = ["w1", "w2"];
/// The workload that trains nothing: the check of a long file.
const CHECK: &str = "check";

/// What to measure.
pub struct Bench {
    /// `w1`, `w2`, `check`, or blueprint files.
    pub workloads: Vec<String>,
    /// Threads; default: one, then two.
    pub threads: Option<usize>,
    /// Seconds for each.
    pub seconds: f64,
    /// Kernel by kernel.
    pub profile: bool,
    /// One JSON object a workload.
    pub json: bool,
}

/// What was measured of one workload. Times in milliseconds.
#[derive(serde::Serialize)]
struct Measurement {
    workload: String,
    device: String,
    threads: usize,
    rows: usize,
    parameters: usize,
    steps: usize,
    /// Median over steps of a whole training step: forward, backward, update.
    milliseconds_per_step: f64,
    fastest_milliseconds: f64,
    /// Check, lowering, passes, code generation and loading of the training step, after start-up.
    compile_milliseconds: f64,
    kernels: usize,
    program_steps: usize,
    activation_bytes: usize,
}

/// Measures and prints.
pub fn bench(arguments: &Bench, terminal: &Terminal) -> Result<(), Failure> {
    if let Some((first, yardsticks)) = arguments.workloads.split_first()
        && first == "growth"
    {
        return growth::measure(yardsticks, arguments.json);
    }
    let built_in = [&NAMES[..], &[CHECK]].concat();
    let names: Vec<&str> =
        if arguments.workloads.is_empty() { built_in.clone() } else { arguments.workloads.iter().map(String::as_str).collect() };
    for name in names.iter().filter(|name| !built_in.contains(name) && !Path::new(name).is_file()) {
        return Err(Failure::Usage(format!("`{name}` is neither a workload ({}) nor a file", built_in.join(", "))));
    }
    let threads = arguments.threads.map_or_else(|| vec![1, 2], |n| vec![n]);
    let width = names.iter().map(|name| name.len()).max().unwrap_or(0);
    if !arguments.json && names.iter().any(|name| *name != CHECK) {
        print(&format!("{:<width$}  threads   ms/step   fastest    compile  kernels  steps\n", "workload"))?;
    }
    for name in names {
        if name == CHECK {
            let checking = checking::measure(arguments.seconds)?;
            print(&if arguments.json { json(&checking)? } else { format!("{checking}\n") })?;
            continue;
        }
        for threads in &threads {
            let (measurement, profile) = measure(name, *threads, arguments, terminal)?;
            if arguments.json {
                print(&json(&measurement)?)?;
            } else {
                let m = measurement;
                print(&format!(
                    "{:<width$}  {:>7} {:>9.4} {:>9.4} {:>10.2} {:>8} {:>6}\n",
                    m.workload,
                    m.threads,
                    m.milliseconds_per_step,
                    m.fastest_milliseconds,
                    m.compile_milliseconds,
                    m.kernels,
                    m.program_steps
                ))?;
                print(&table(&profile))?;
            }
        }
    }
    Ok(())
}

/// One line of JSON.
fn json(measurement: &impl serde::Serialize) -> Result<String, Failure> {
    serde_json::to_string(measurement).map(|text| text + "\n").map_err(|e| Failure::Bug(e.to_string()))
}

fn measure(name: &str, threads: usize, arguments: &Bench, terminal: &Terminal) -> Result<(Measurement, Vec<StepTime>), Failure> {
    let device = open_device("cpu", Some(threads))?;
    let load = || match NAMES.contains(&name) {
        true => Experiment::of_text("workloads.blueprint", WORKLOADS, Some(name), terminal),
        false => Experiment::load(Path::new(name), None, &[], terminal),
    };
    // Once to fault pages in and parse the library, then for the clock; a fresh device each time, so that no kernel is remembered.
    compile(&load()?.model, &*open_device("cpu", Some(threads))?)?;
    let start = Instant::now();
    let experiment = load()?;
    let mut loaded = compile(&experiment.model, &*device)?;
    let compile_time = start.elapsed();

    loaded.fill(&experiment.model)?;
    let limit = Duration::from_secs_f64(arguments.seconds.clamp(0.01, 600.0));
    let mut times: Vec<f64> = Vec::new();
    for _ in 0..3 {
        loaded.step()?;
    }
    let start = Instant::now();
    while start.elapsed() < limit || times.len() < 5 {
        let step = Instant::now();
        loaded.step()?;
        times.push(step.elapsed().as_secs_f64() * 1e3);
    }
    let profile = if arguments.profile { loaded.profile(times.len())? } else { vec![] };
    times.sort_by(f64::total_cmp);
    let measurement = Measurement {
        workload: name.to_string(),
        device: device.name(),
        threads,
        rows: experiment.model.settings.batch,
        parameters: experiment.model.parameters.iter().filter_map(|p| p.ty.elements()).sum(),
        steps: times.len(),
        milliseconds_per_step: times[times.len() / 2],
        fastest_milliseconds: times[0],
        compile_milliseconds: compile_time.as_secs_f64() * 1e3,
        kernels: loaded.program.kernels.len(),
        program_steps: loaded.program.steps.len(),
        activation_bytes: loaded.program.arenas[Class::Activations as usize],
    };
    Ok((measurement, profile))
}

/// A training step on a device.
struct Loaded {
    program: Program,
    step: Box<dyn Executable>,
    init: Box<dyn Executable>,
    memory: Box<dyn Memory>,
}

fn compile(model: &Model, device: &dyn Device) -> Result<Loaded, Failure> {
    let program = |e: esper_pipeline::Error| match e {
        esper_pipeline::Error::Bug(what) => Failure::Bug(what),
        other => Failure::Run(other.to_string()),
    };
    let plan = esper_pipeline::plan(model).map_err(program)?;
    let step = esper_pipeline::step_program(model, &plan, model.settings.batch).map_err(program)?;
    let init = esper_pipeline::init_program(model, &plan).map_err(program)?;
    let arenas = std::array::from_fn(|i| step.arenas[i].max(init.arenas[i]));
    Ok(Loaded {
        step: device.load(&step).map_err(device_failed)?,
        init: device.load(&init).map_err(device_failed)?,
        memory: device.memory(arenas).map_err(device_failed)?,
        program: step,
    })
}

fn device_failed(error: esper_device::DeviceError) -> Failure {
    Failure::Run(error.to_string())
}

impl Loaded {
    /// Initial parameters, and a batch of made-up rows: features in [-1, 1), classes in turn.
    fn fill(&mut self, model: &Model) -> Result<(), Failure> {
        let words = [1u32, 0, 1, 1f32.to_bits(), 1000f32.to_bits(), 100f32.to_bits()];
        let bytes: Vec<u8> = words[..scalar_words::OPTIMIZER].iter().flat_map(|w| w.to_le_bytes()).collect();
        self.memory.write(Class::Scalars, 0, &bytes).map_err(device_failed)?;
        self.init.run(&mut *self.memory, Phase::All).map_err(device_failed)?;
        for id in &self.program.features {
            let buffer = &self.program.buffers[id.0 as usize];
            let count = buffer.bytes / 4;
            let number = |i: usize| (i.wrapping_mul(2_654_435_761) % 65_536) as f32 / 32_768.0 - 1.0;
            let bytes: Vec<u8> = match buffer.dtype {
                DType::I32 => (0..count).flat_map(|_| 0i32.to_le_bytes()).collect(),
                _ => (0..count).flat_map(|i| number(i).to_le_bytes()).collect(),
            };
            self.memory.write(buffer.class, buffer.offset, &bytes).map_err(device_failed)?;
        }
        if let Some(id) = self.program.target {
            let buffer = &self.program.buffers[id.0 as usize];
            let classes = model.classes.unwrap_or(1).max(1);
            let bytes: Vec<u8> = match buffer.dtype {
                DType::I32 => (0..buffer.bytes / 4).flat_map(|i| ((i % classes) as i32).to_le_bytes()).collect(),
                _ => (0..buffer.bytes / 4).flat_map(|i| ((i % 7) as f32 / 7.0).to_le_bytes()).collect(),
            };
            self.memory.write(buffer.class, buffer.offset, &bytes).map_err(device_failed)?;
        }
        Ok(())
    }

    fn step(&mut self) -> Result<(), Failure> {
        self.step.run(&mut *self.memory, Phase::All).map_err(device_failed)
    }

    fn profile(&mut self, steps: usize) -> Result<Vec<StepTime>, Failure> {
        self.step.measure(true);
        for _ in 0..steps {
            self.step()?;
        }
        self.step.measure(false);
        Ok(self.step.profile())
    }
}

/// Where the time goes, the slowest first.
fn table(profile: &[StepTime]) -> String {
    let total: f64 = profile.iter().map(|s| s.seconds).sum();
    let mut sorted: Vec<&StepTime> = profile.iter().collect();
    sorted.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    sorted
        .iter()
        .map(|s| {
            let each = s.seconds / s.calls.max(1) as f64 * 1e6;
            format!("    {:>5.1} %  {each:>10.2} µs  {}\n", s.seconds / total.max(f64::MIN_POSITIVE) * 100.0, s.name)
        })
        .collect()
}
