//! One graph on the interpreter and on the processor at several thread counts: the same numbers, and the same bits for every thread count.
use esper_codegen::{Class, Layout, Program, compile, scalar_words};
use esper_device::{Device, Phase};
use esper_ir::{DType, Domain, Graph, Input, NodeId, Op, Operand, OutputKind, StreamId, Tensor, TensorType, Tolerance, interpret, philox};

/// The run's seed in every comparison.
pub const SEED: u64 = 0x1234_5678_9abc_def0;
/// The step in every comparison.
pub const STEP: u32 = 7;

/// The values of an operand of an example, rounded to f32 and the same every time.
pub fn values(operand: &Operand, salt: u64) -> Tensor {
    let sizes = operand.ty.sizes().expect("examples have no symbolic sizes");
    let elements: usize = sizes.iter().product();
    let uniform = |at: usize| philox::uniform(salt, 0, StreamId(41), at as u32);
    let value = |at: usize| match operand.domain {
        Domain::Between(low, high) => f64::from((low + (high - low) * uniform(at)) as f32),
        Domain::Below(n) => (uniform(at) * f64::from(n)).floor(),
    };
    Tensor::new(operand.ty.dtype, sizes, (0..elements).map(value).collect())
}

/// A tensor in device memory.
pub fn bytes_of(tensor: &Tensor) -> Vec<u8> {
    match tensor.dtype {
        DType::F32 => tensor.data.iter().flat_map(|&v| (v as f32).to_le_bytes()).collect(),
        DType::U8 => tensor.data.iter().map(|&v| v as u8).collect(),
        _ => tensor.data.iter().flat_map(|&v| (v as i32).to_le_bytes()).collect(),
    }
}

/// The elements of a tensor in device memory.
pub fn numbers_of(bytes: &[u8], dtype: DType) -> Vec<f64> {
    let words = bytes.chunks_exact(4).map(|b| [b[0], b[1], b[2], b[3]]);
    match dtype {
        DType::F32 => words.map(|b| f64::from(f32::from_le_bytes(b))).collect(),
        DType::U8 => bytes.iter().map(|&b| f64::from(b)).collect(),
        _ => words.map(|b| f64::from(i32::from_le_bytes(b))).collect(),
    }
}

/// Why a graph was not compared.
#[derive(Clone, Debug)]
pub enum Failure {
    /// A target said that it cannot do this.
    Unsupported(String),
    /// Anything else, which no user should ever see.
    Wrong(String),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Failure::Unsupported(why) => write!(f, "unsupported: {why}"),
            Failure::Wrong(what) => f.write_str(what),
        }
    }
}

/// Processors of 1, 2 and 3 threads.
pub struct Processors(Vec<Box<dyn Device>>);

impl Default for Processors {
    fn default() -> Processors {
        Processors((1..=3).map(|threads| esper_device::open(&format!("cpu:{threads}")).expect("a processor")).collect())
    }
}

/// An input for the comparison: a state, because its place is the same whatever else a program reads.
pub fn given(graph: &mut Graph, number: usize, ty: &TensorType) -> NodeId {
    graph.input(Input::State(number), ty.clone(), Default::default())
}

impl Processors {
    /// Compiles a graph whose inputs are `State(0 ..)` and whose outputs are `Value(…)`, runs it on every processor, and compares each output
    /// with the interpreter's. The tolerance is for one element; `spread` is how much of an output's largest magnitude is allowed on top of it.
    ///
    /// # Errors
    /// A refusal, or what differs.
    pub fn compare(&self, graph: &Graph, inputs: &[Tensor], tolerance: Tolerance, spread: f64) -> Result<Program, Failure> {
        let wrong = |what: String| Failure::Wrong(what);
        let feed = |input: &Input| if let Input::State(n) = input { inputs.get(*n).cloned() } else { None };
        let expected = interpret(graph, &feed, SEED, STEP).map_err(wrong)?;
        let types: Vec<TensorType> =
            inputs.iter().map(|t| TensorType::new(t.dtype, t.shape.iter().map(|n| esper_ir::Dim::from(*n)).collect())).collect();
        let layout = Layout::new(&[], &[], &types, 0);
        let program = compile(graph, "compared", &layout, &[]).map_err(|e| Failure::Unsupported(e.to_string()))?;
        let runs: Vec<Vec<Vec<u8>>> = self.0.iter().map(|d| run(&**d, &program, &layout, inputs)).collect::<Result<_, _>>()?;
        for (number, (kind, tensor)) in expected.iter().enumerate() {
            if let Some(other) = runs.iter().position(|run| run[number] != runs[0][number]) {
                return Err(wrong(format!("{kind:?} has other bits with {} threads than with 1", other + 1)));
            }
            close(&tensor.data, &numbers_of(&runs[0][number], tensor.dtype), tolerance, spread)
                .map_err(|e| wrong(format!("{kind:?}{e}")))?;
        }
        Ok(program)
    }
}

fn run(device: &dyn Device, program: &Program, layout: &Layout, inputs: &[Tensor]) -> Result<Vec<Vec<u8>>, Failure> {
    let mut executable = device.load(program).map_err(|e| match e {
        esper_device::DeviceError::Unsupported(_) | esper_device::DeviceError::UnsupportedStep { .. } => {
            Failure::Unsupported(e.to_string())
        }
        other => Failure::Wrong(other.to_string()),
    })?;
    let broken = |e: esper_device::DeviceError| Failure::Wrong(e.to_string());
    let mut arenas = program.arenas;
    let states = Class::States as usize;
    arenas[states] = arenas[states].max(layout.arena_bytes(Class::States));
    let scalars = Class::Scalars as usize;
    arenas[scalars] = arenas[scalars].max(4 * scalar_words::OPTIMIZER);
    let mut memory = device.memory(arenas).map_err(broken)?;
    for (number, tensor) in inputs.iter().enumerate() {
        memory.write(Class::States, layout.state_offset(number), &bytes_of(tensor)).map_err(broken)?;
    }
    let words: Vec<u8> = [SEED as u32, (SEED >> 32) as u32, STEP].iter().flat_map(|w| w.to_le_bytes()).collect();
    memory.write(Class::Scalars, 4 * scalar_words::SEED, &words).map_err(broken)?;
    executable.run(&mut *memory, Phase::All).map_err(broken)?;
    program
        .outputs
        .iter()
        .map(|(_, id)| {
            let buffer = &program.buffers[id.0 as usize];
            let mut bytes = vec![0; buffer.bytes];
            memory.read(buffer.class, buffer.offset, &mut bytes).map_err(broken)?;
            Ok(bytes)
        })
        .collect()
}

/// Whether a device's numbers are the interpreter's: within the tolerance, or the interpreter's rounded once to f32, or both nan.
///
/// # Errors
/// The first element that differs.
pub fn close(expected: &[f64], actual: &[f64], tolerance: Tolerance, spread: f64) -> Result<(), String> {
    if expected.len() != actual.len() {
        return Err(format!(" has {} elements where the interpreter has {}", actual.len(), expected.len()));
    }
    let largest = expected.iter().filter(|v| v.is_finite()).fold(0f64, |m, v| m.max(v.abs()));
    for (at, (&e, &a)) in expected.iter().zip(actual).enumerate() {
        let allowed = tolerance.absolute + tolerance.relative * e.abs() + spread * largest;
        if !((a - e).abs() <= allowed || a == f64::from(e as f32) || (a.is_nan() && e.is_nan())) {
            return Err(format!("[{at}] is {a} where the interpreter has {e}"));
        }
    }
    Ok(())
}

/// The gradient of a graph that has no outputs yet: of the sum of a float node times the input number `weights`, with respect to `wrt`.
/// Its outputs are `Value(i)` for those of `wrt` that have one; `None` where no gradient flows.
///
/// # Errors
/// An operator that has a gradient but none that it could compute.
pub fn gradient_graph(graph: &Graph, node: NodeId, weights: usize, wrt: &[NodeId]) -> Result<Option<Graph>, String> {
    let mut graph = graph.clone();
    let ty = graph.ty(node).clone();
    let weights = given(&mut graph, weights, &ty);
    let weighted = graph.binary(Op::Mul, node, weights);
    let loss = if ty.rank() == 0 { weighted } else { graph.sum(weighted, (0..ty.rank()).collect::<Vec<_>>()) };
    let gradients = esper_passes::differentiate(&mut graph, loss, wrt)?;
    for (number, gradient) in gradients.iter().enumerate() {
        if let Some(gradient) = gradient {
            graph.add_output(OutputKind::Value(number), *gradient);
        }
    }
    Ok((!graph.outputs().is_empty()).then(|| graph.prune()))
}
