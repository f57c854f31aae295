//! Every operator's examples, compiled and run on the processor, against the interpreter within the record's tolerance.
use esper_codegen::{Buffer, Layout, Program, compile, scalar_words};
use esper_device::cpu::{CpuOptions, Processor};
use esper_device::{Device, DeviceError, Phase};
use esper_diagnostics::Span;
use esper_ir::{DType, Domain, Example, Graph, Input, Op, OutputKind, TABLE, Tensor, interpret};

const SEED: u64 = 0x1234_5678_9abc_def0;
const STEP: u32 = 7;

/// Numbers that look random and are the same every time.
fn values(domain: Domain, n: usize, state: &mut u64) -> Vec<f64> {
    let mut next = || {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*state >> 40) as f64 / (1u64 << 24) as f64
    };
    let value = |u: f64| match domain {
        Domain::Between(low, high) => f64::from((low + (high - low) * u) as f32),
        Domain::Below(n) => (u * f64::from(n)).floor(),
    };
    (0..n).map(|_| value(next())).collect()
}

fn bytes(tensor: &Tensor) -> Vec<u8> {
    match tensor.dtype {
        DType::F32 => tensor.data.iter().flat_map(|&v| (v as f32).to_le_bytes()).collect(),
        DType::U8 => tensor.data.iter().map(|&v| v as u8).collect(),
        _ => tensor.data.iter().flat_map(|&v| (v as i32).to_le_bytes()).collect(),
    }
}

fn numbers(bytes: &[u8], dtype: DType) -> Vec<f64> {
    let words = bytes.chunks_exact(4).map(|b| [b[0], b[1], b[2], b[3]]);
    match dtype {
        DType::F32 => words.map(|b| f64::from(f32::from_le_bytes(b))).collect(),
        DType::U8 => bytes.iter().map(|&b| f64::from(b)).collect(),
        _ => words.map(|b| f64::from(i32::from_le_bytes(b))).collect(),
    }
}

/// The example as a graph of features with one output.
fn graph(example: &Example) -> Graph {
    let mut graph = Graph::new();
    let operands: Vec<_> = example
        .operands
        .iter()
        .enumerate()
        .map(|(at, operand)| graph.input(Input::Feature(at), operand.ty.clone(), Span::default()))
        .collect();
    let node = match &example.ty {
        Some(ty) if operands.is_empty() => graph.leaf(example.op.clone(), ty.clone(), Span::default()),
        _ => graph.apply(example.op.clone(), &operands, Span::default()).unwrap_or_else(|e| panic!("{:?}: {}", example.op, e.message)),
    };
    graph.add_output(OutputKind::Value(0), node);
    graph
}

fn run(device: &Processor, program: &Program, inputs: &[Tensor]) -> Result<Vec<f64>, DeviceError> {
    let mut executable = device.load(program)?;
    let mut memory = device.memory(program.arenas).expect("room");
    let mut write = |buffer: &Buffer, bytes: &[u8]| memory.write(buffer.class, buffer.offset, bytes).expect("in range");
    for (at, id) in program.features.iter().enumerate() {
        write(&program.buffers[id.0 as usize], &bytes(&inputs[at]));
    }
    let scalars = esper_codegen::Class::Scalars;
    if program.arenas[scalars as usize] >= 4 * (scalar_words::STEP_KEY + 1) {
        let words = [SEED as u32, (SEED >> 32) as u32, STEP];
        let words: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
        memory.write(scalars, 0, &words).expect("in range");
    }
    executable.run(&mut *memory, Phase::All).expect("memory fits");
    let buffer = &program.buffers[program.outputs[0].1.0 as usize];
    let mut result = vec![0; buffer.shape.iter().product::<usize>() * buffer.dtype.bytes()];
    memory.read(buffer.class, buffer.offset, &mut result).expect("in range");
    Ok(numbers(&result, buffer.dtype))
}

#[test]
fn every_operators_examples_run_as_the_interpreter_defines() {
    let device = Processor::open(CpuOptions { threads: Some(2) }).expect("a processor");
    let layout = Layout::new(&[], &[], &[], 0);
    let mut state = 99;
    let mut failures = vec![];
    let mut count = 0;
    for record in TABLE {
        for example in (record.examples)() {
            // An input is what a program is given, and a hand-written gradient exists only before differentiation.
            if matches!(example.op, Op::Input(_) | Op::WithGradient { .. }) {
                continue;
            }
            let operands: Vec<Tensor> = example
                .operands
                .iter()
                .map(|o| {
                    let sizes = o.ty.sizes().expect("known sizes");
                    Tensor::new(o.ty.dtype, sizes.clone(), values(o.domain, sizes.iter().product(), &mut state))
                })
                .collect();
            let graph = graph(&example);
            let half = graph.ids().any(|id| matches!(graph.ty(id).dtype, DType::F16 | DType::BF16));
            let feature = |input: &Input| if let Input::Feature(n) = input { operands.get(*n).cloned() } else { None };
            let expected = interpret(&graph, &feature, SEED, STEP).unwrap_or_else(|e| panic!("{}: {e}", record.name)).remove(0).1;
            let program = match compile(&graph, record.name, &layout, &[]) {
                Ok(program) => program,
                Err(error) => {
                    if !half {
                        failures.push(format!("{} {:?}: {error}", record.name, example.op));
                    }
                    continue;
                }
            };
            if half {
                assert!(device.load(&program).is_err(), "{} runs in half precision although this target has none", record.name);
                continue;
            }
            count += 1;
            let actual = match run(&device, &program, &operands) {
                Ok(actual) => actual,
                Err(error) => {
                    failures.push(format!("{} {:?}: {error}", record.name, example.op));
                    continue;
                }
            };
            assert_eq!(actual.len(), expected.data.len(), "{}", record.name);
            for (at, (&a, &e)) in actual.iter().zip(&expected.data).enumerate() {
                let close = (a - e).abs() <= record.tolerance.absolute + record.tolerance.relative * e.abs();
                // The interpreter works in f64: one rounding to f32 is always allowed.
                if !(close || a == f64::from(e as f32) || a.is_nan() && e.is_nan()) {
                    failures.push(format!("{} {:?} at {at}: {a} where the interpreter has {e}", record.name, example.op));
                    break;
                }
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(count > 60, "only {count} examples ran");
}
