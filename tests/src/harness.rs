//! From a blueprint's text to a model, and a model's training step on the CPU, for tests that look inside.
use esper_codegen::{Buffer, Class, Program, scalar_words};
use esper_device::{Device, Executable, Memory, Phase};
use esper_driver::Session;
use esper_ir::{Model, OutputKind};
use esper_pipeline::Plan;
use std::path::Path;

/// Compiles an experiment of a text. Panics with the diagnostics where it has errors.
pub fn model(text: &str, train: &str) -> Model {
    let mut session = Session::new();
    let loaded = session.load_text("test.blueprint", text, Path::new("."));
    let inputs = loaded.inputs();
    let resolution = esper_check::names::resolve(&inputs);
    let show = |problems: &[esper_diagnostics::Diagnostic]| {
        esper_diagnostics::render(problems, &loaded.sources, esper_diagnostics::Format::Human, false)
    };
    assert!(loaded.problems.is_empty(), "{}", show(&loaded.problems));
    let errors: Vec<_> = resolution.problems.iter().filter(|p| p.severity == esper_diagnostics::Severity::Error).cloned().collect();
    assert!(errors.is_empty(), "{}", show(&errors));
    let experiment = esper_check::elaborate(&resolution, train).unwrap_or_else(|problems| panic!("{}", show(&problems)));
    esper_lower::lower(&experiment).unwrap_or_else(|bug| panic!("{bug}"))
}

/// A training step of a model on the CPU, with its memory.
pub struct Trainer {
    /// Where tensors lie.
    pub plan: Plan,
    /// The step.
    pub program: Program,
    eval: Program,
    step: Box<dyn Executable>,
    evaluation: Box<dyn Executable>,
    memory: Box<dyn Memory>,
}

impl Trainer {
    /// Compiles for a batch of `rows` rows; everything that lasts is initialised from `seed`.
    pub fn new(model: &Model, rows: usize, threads: usize, seed: u64) -> Trainer {
        let device: Box<dyn Device> = esper_device::open(&format!("cpu:{threads}")).expect("a CPU");
        let plan = esper_pipeline::plan(model).expect("a plan");
        let program = esper_pipeline::step_program(model, &plan, rows).expect("a step");
        let eval = esper_pipeline::eval_program(model, &plan, rows).expect("an evaluation");
        let init = esper_pipeline::init_program(model, &plan).expect("initial values");
        let arenas = std::array::from_fn(|i| program.arenas[i].max(init.arenas[i]).max(eval.arenas[i]));
        let memory = device.memory(arenas).expect("memory");
        let step = device.load(&program).expect("the step loads");
        let evaluation = device.load(&eval).expect("the evaluation loads");
        let mut trainer = Trainer { plan, program, eval, step, evaluation, memory };
        trainer.write_scalars(seed, 0);
        device.load(&init).expect("initial values load").run(&mut *trainer.memory, Phase::All).expect("they run");
        trainer
    }

    fn write_scalars(&mut self, seed: u64, step: u32) {
        let mut words = [0u32; scalar_words::OPTIMIZER];
        words[scalar_words::SEED] = seed as u32;
        words[scalar_words::SEED + 1] = (seed >> 32) as u32;
        words[scalar_words::STEP_KEY] = step;
        words[scalar_words::STEP] = (step as f32).to_bits();
        words[scalar_words::TOTAL_STEPS] = 1000f32.to_bits();
        words[scalar_words::EPOCH_STEPS] = 100f32.to_bits();
        let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
        let room = self.memory.bytes(Class::Scalars).min(bytes.len());
        self.memory.write(Class::Scalars, 0, &bytes[..room]).expect("scalars have their place");
    }

    fn write(memory: &mut dyn Memory, buffer: &Buffer, bytes: &[u8]) {
        assert_eq!(bytes.len(), buffer.bytes, "{}", buffer.name);
        memory.write(buffer.class, buffer.offset, bytes).expect("inside the arena");
    }

    fn read(&self, class: Class, offset: usize, count: usize) -> Vec<f32> {
        let mut bytes = vec![0; 4 * count];
        self.memory.read(class, offset, &mut bytes).expect("inside the arena");
        bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
    }

    /// Gives a parameter its values.
    pub fn set_parameter(&mut self, number: usize, values: &[f32]) {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.memory.write(Class::Parameters, self.plan.layout.parameter_offset(number), &bytes).expect("inside the arena");
    }
    /// A parameter's values.
    pub fn parameter(&self, number: usize, count: usize) -> Vec<f32> {
        self.read(Class::Parameters, self.plan.layout.parameter_offset(number), count)
    }
    /// The gradient of a parameter in the last step.
    pub fn gradient(&self, number: usize, count: usize) -> Vec<f32> {
        self.read(Class::Gradients, self.plan.layout.parameter_offset(number), count)
    }
    /// A state's values.
    pub fn state(&self, number: usize, count: usize) -> Vec<f32> {
        self.read(Class::States, self.plan.layout.state_offset(number), count)
    }

    /// One training step, counted from 1; gives the loss. Features and targets are little-endian words.
    pub fn step(&mut self, step: u32, features: &[u8], target: &[u8]) -> f32 {
        self.write_scalars(7, step);
        Self::feed(&mut *self.memory, &self.program, features, target);
        self.step.run(&mut *self.memory, Phase::All).expect("the step runs");
        self.output(&self.program, &OutputKind::Loss)
    }
    /// The loss in evaluation.
    pub fn evaluate(&mut self, features: &[u8], target: &[u8]) -> f32 {
        Self::feed(&mut *self.memory, &self.eval, features, target);
        self.evaluation.run(&mut *self.memory, Phase::All).expect("the evaluation runs");
        self.output(&self.eval, &OutputKind::Loss)
    }
    fn feed(memory: &mut dyn Memory, program: &Program, features: &[u8], target: &[u8]) {
        for id in &program.features {
            Self::write(memory, &program.buffers[id.0 as usize], features);
        }
        if let Some(id) = program.target {
            Self::write(memory, &program.buffers[id.0 as usize], target);
        }
    }
    fn output(&self, program: &Program, kind: &OutputKind) -> f32 {
        let (_, id) = program.outputs.iter().find(|(k, _)| k == kind).expect("the output exists");
        let buffer = &program.buffers[id.0 as usize];
        self.read(buffer.class, buffer.offset, 1)[0]
    }
}

/// Little-endian bytes.
pub fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

/// Little-endian bytes.
pub fn integers(values: &[i32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}
