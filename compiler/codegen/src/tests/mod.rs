//! Programs against the interpreter of graphs, and how many kernels remain.
mod networks;
mod random;
mod update;

use crate::evaluate::{Memory, Precision, run};
use crate::{Class, Layout, Program, Step, compile};
use esper_ir::{DType, Dim, Graph, Input, NodeId, Op, OutputKind, Tensor, TensorType, interpret};

pub(crate) fn tensor(dtype: DType, sizes: &[usize]) -> TensorType {
    TensorType::new(dtype, sizes.iter().map(|&n| Dim::from(n)).collect())
}
pub(crate) fn shape(sizes: &[usize]) -> Vec<Dim> {
    sizes.iter().map(|&n| Dim::from(n)).collect()
}
pub(crate) fn feature(graph: &mut Graph, n: usize, dtype: DType, sizes: &[usize]) -> NodeId {
    graph.input(Input::Feature(n), tensor(dtype, sizes), Default::default())
}
pub(crate) fn parameter(graph: &mut Graph, n: usize, sizes: &[usize]) -> NodeId {
    graph.input(Input::Parameter(n), tensor(DType::F32, sizes), Default::default())
}

/// A value that differs from element to element, of about unit size.
fn value_at(input: &Input, at: usize, dtype: DType) -> f64 {
    let key = match input {
        Input::Feature(n) => n + 1,
        Input::Parameter(n) => 100 + n,
        Input::State(n) => 200 + n,
        _ => 300,
    };
    let word = esper_ir::philox::philox4x32([at as u32, key as u32, 0, 0], [7, 9])[0];
    match dtype {
        DType::I32 => f64::from(word % 5),
        DType::Bool => f64::from(word % 2),
        _ => f64::from((f64::from(word) / 4294967296.0 * 2.0 - 1.0) as f32),
    }
}
fn filled(input: &Input, ty: &TensorType) -> Tensor {
    let sizes = ty.sizes().expect("tests have known sizes");
    let elements = sizes.iter().product();
    Tensor::new(ty.dtype, sizes, (0..elements).map(|at| value_at(input, at, ty.dtype)).collect())
}

/// A layout for the parameters and states that a graph reads or writes.
pub(crate) fn layout_of(graph: &Graph) -> Layout {
    let (mut parameters, mut states) = (vec![], vec![]);
    let note = |list: &mut Vec<TensorType>, n: usize, ty: &TensorType| {
        if list.len() <= n {
            list.resize(n + 1, TensorType::scalar(DType::F32));
        }
        list[n] = ty.clone();
    };
    for id in graph.ids() {
        match graph.op(id) {
            Op::Input(Input::Parameter(n)) => note(&mut parameters, *n, graph.ty(id)),
            Op::Input(Input::State(n)) => note(&mut states, *n, graph.ty(id)),
            _ => {}
        }
    }
    for output in graph.outputs() {
        match output.kind {
            OutputKind::Gradient(n) | OutputKind::Parameter(n) => note(&mut parameters, n, graph.ty(output.node)),
            OutputKind::State(n) => note(&mut states, n, graph.ty(output.node)),
            _ => {}
        }
    }
    let all = (0..parameters.len()).collect();
    Layout::new(&parameters, &[all], &states, 2)
}

/// Puts the inputs of a graph where its program reads them.
fn fill(graph: &Graph, program: &Program, layout: &Layout, memory: &mut Memory) {
    for id in graph.ids() {
        let Op::Input(input) = graph.op(id) else { continue };
        let data = filled(input, graph.ty(id)).data;
        let fixed = |class, offset: usize| (class, offset / 4);
        let place = match input {
            Input::Parameter(n) => fixed(Class::Parameters, layout.parameter_offset(*n)),
            Input::State(n) => fixed(Class::States, layout.state_offset(*n)),
            Input::Feature(n) => match program.features.get(*n) {
                Some(b) if program.buffers[b.0 as usize].bytes > 0 => fixed(Class::Exchange, program.buffers[b.0 as usize].offset),
                _ => continue,
            },
            _ => continue,
        };
        let arena = memory.arena(place.0);
        if arena.len() >= place.1 + data.len() {
            arena[place.1..place.1 + data.len()].copy_from_slice(&data);
        }
    }
    memory.arena(Class::Scalars)[..3].copy_from_slice(&[11.0, 0.0, 3.0]);
}

/// Compiles a graph, runs it, and compares every output with the interpreter's.
#[track_caller]
pub(crate) fn check(graph: &Graph) -> Program {
    esper_ir::verify(graph).unwrap();
    let layout = layout_of(graph);
    let program = compile(graph, "test", &layout, &[]).unwrap();
    check_texts(&program);
    let mut memory = Memory::of(&program);
    fill(graph, &program, &layout, &mut memory);
    let kept = |memory: &mut Memory| [Class::Parameters, Class::States, Class::OptimizerStates].map(|c| memory.arena(c).clone());
    let before = kept(&mut memory);
    run(&program, &mut memory, 0..program.update, Precision::Double);
    assert_eq!(before, kept(&mut memory), "a step before the update changes what is kept");
    run(&program, &mut memory, program.update..program.steps.len(), Precision::Double);
    let inputs = |input: &Input| {
        let ty = graph.ids().find(|id| *graph.op(*id) == Op::Input(input.clone())).map(|id| graph.ty(id).clone())?;
        Some(filled(input, &ty))
    };
    let expected = interpret(graph, &inputs, 11, 3).unwrap();
    assert_eq!(expected.len(), program.outputs.len());
    for ((kind, tensor), (_, buffer)) in expected.iter().zip(&program.outputs) {
        let buffer = &program.buffers[buffer.0 as usize];
        for (at, (want, got)) in tensor.data.iter().zip(memory.read(buffer)).enumerate() {
            let close = (want - got).abs() <= 1e-9 + 1e-9 * want.abs() || (want.is_nan() && got.is_nan()) || want == got;
            assert!(
                close,
                "{kind:?}[{at}] is {got}, not {want}\n{}{}{}",
                esper_ir::print(graph),
                crate::print_kernels(&program),
                crate::print_plan(&program)
            );
        }
    }
    program
}

/// How many kernels and how many library steps a program runs.
pub(crate) fn counts(program: &Program) -> (usize, usize) {
    let kernels = program.steps.iter().filter(|s| matches!(s, Step::Kernel { .. })).count();
    (kernels, program.steps.len() - kernels)
}

/// Every kernel is valid WGSL, and there is CUDA text for it.
#[track_caller]
fn check_texts(program: &Program) {
    assert!(program.kernels.iter().all(|k| crate::emit_cuda(program).unwrap().contains(&format!(" {}(", k.name))));
    for kernel in &program.kernels {
        let text = crate::target::emit_wgsl_kernel(kernel).unwrap();
        let module = naga::front::wgsl::parse_str(&text).unwrap_or_else(|e| panic!("{}\n{text}", e.emit_to_string(&text)));
        let mut validator = naga::valid::Validator::new(naga::valid::ValidationFlags::all(), naga::valid::Capabilities::empty());
        validator.validate(&module).unwrap_or_else(|e| panic!("{e:?}\n{text}"));
    }
}
