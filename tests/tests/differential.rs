//! Generated from the operator table: every example of every operator, its gradient, and random graphs of several operators, compiled and
//! run on the processor with several thread counts, against the interpreter; and the text of every kernel for every target.
use esper_codegen::{Layout, Program, compile, target};
use esper_ir::{
    DType, Derivative, Dim, DotAxes, Example, Graph, Input, Lowering, NodeId, Op, OpSpec, Operand, OutputKind, TABLE, Tensor, TensorType,
    Tolerance, Window,
};
use esper_tests::mutate::Random;
use esper_tests::suite::compare::{Failure, Processors, given, gradient_graph, values};

/// A gradient is several operators, so one operator's tolerance is not enough; and their sums cancel, so the largest element counts.
const GRADIENT: Tolerance = Tolerance { absolute: 2e-5, relative: 2e-5 };
const GRADIENT_SPREAD: f64 = 4e-6;

/// What targets refuse, and a part of what they say. Half precision is a promise of the language that the processor does not keep yet.
fn refusal(example: &Example) -> Option<&'static str> {
    let half = |ty: &TensorType| matches!(ty.dtype, DType::F16 | DType::BF16);
    let to_half = matches!(example.op, Op::Cast { to: DType::F16 | DType::BF16 });
    (to_half || example.ty.as_ref().is_some_and(half) || example.operands.iter().any(|o| half(&o.ty))).then_some("16")
}

/// Operators that no example here runs, and why.
const NOT_RUN: &[(&str, &str)] = &[
    ("input", "is what the examples of all others read; `inputs_have_their_places` looks at each"),
    ("with_gradient", "names a rule of its graph; `hand_written_gradients_run` has one"),
];

fn examples() -> Vec<(&'static OpSpec, Example)> {
    let all = TABLE.iter().flat_map(|spec| (spec.examples)().into_iter().map(|e| (*spec, e)));
    all.filter(|(spec, _)| !NOT_RUN.iter().any(|(name, _)| *name == spec.name)).collect()
}

/// The example as a graph of states without outputs, its node, and the values of its inputs.
fn graph_of(example: &Example) -> (Graph, NodeId, Vec<NodeId>, Vec<Tensor>) {
    let mut graph = Graph::new();
    let args: Vec<NodeId> = example.operands.iter().enumerate().map(|(n, o)| given(&mut graph, n, &o.ty)).collect();
    let node = match &example.ty {
        Some(ty) => graph.leaf(example.op.clone(), ty.clone(), Default::default()),
        None => graph.apply(example.op.clone(), &args, Default::default()).unwrap_or_else(|e| panic!("{:?}: {e}", example.op)),
    };
    let inputs = example.operands.iter().enumerate().map(|(n, o)| values(o, 17 + n as u64)).collect();
    (graph, node, args, inputs)
}

/// Weights of a sum over a tensor: of both signs and not small.
fn weights(ty: &TensorType) -> Tensor {
    let mut weights = values(&Operand { ty: ty.clone(), domain: esper_ir::Domain::Between(0.4, 1.2) }, 5);
    weights.data.iter_mut().step_by(2).for_each(|w| *w = -*w);
    weights
}

#[derive(Default)]
struct Report {
    compared: usize,
    refused: usize,
    kernels: usize,
    failures: Vec<String>,
}

impl Report {
    /// Takes what a comparison gave; a refusal must be expected, and what is expected to be refused must be.
    fn take(&mut self, what: &str, result: Result<Program, Failure>, refused: Option<&str>) {
        match (result, refused) {
            (Ok(program), None) => {
                self.compared += 1;
                self.kernels += program.kernels.len();
                self.failures.extend(spelt(&program).into_iter().map(|e| format!("{what}: {e}")));
            }
            (Ok(_), Some(why)) => self.failures.push(format!("{what}: runs, and is listed as refused with `{why}`")),
            (Err(Failure::Unsupported(why)), Some(expected)) if why.contains(expected) => self.refused += 1,
            (Err(failure), _) => self.failures.push(format!("{what}: {failure}")),
        }
    }
    fn finish(self, name: &str, at_least: usize) {
        println!("{name}: {} compared, {} refused, {} kernels spelt for every target", self.compared, self.refused, self.kernels);
        assert!(self.failures.is_empty(), "{} of {name} failed:\n{}", self.failures.len(), self.failures.join("\n"));
        assert!(self.compared >= at_least, "only {} of {name} were compared", self.compared);
    }
}

/// What is wrong with the texts of a program's kernels. WGSL has no type of one byte; everything else must be spelt everywhere.
fn spelt(program: &Program) -> Vec<String> {
    let mut wrong = vec![];
    for kernel in &program.kernels {
        match target::clif::print(kernel) {
            Ok(text) if text.contains("function") => {}
            Ok(text) => wrong.push(format!("clif of `{}` is `{text}`", kernel.name)),
            Err(error) => wrong.push(error.to_string()),
        }
        let bytes = kernel
            .buffers
            .iter()
            .map(|b| b.dtype)
            .chain(kernel.stages.iter().flat_map(|s| s.dtypes.iter().copied()))
            .any(|d| d == DType::U8);
        match target::emit_wgsl_kernel(kernel) {
            Ok(_) if bytes => wrong.push(format!("WGSL of `{}` has bytes, which WGSL lacks", kernel.name)),
            Ok(text) => wrong.extend(invalid(&text).map(|e| format!("WGSL of `{}`: {e}\n{text}", kernel.name))),
            Err(error) if bytes && error.to_string().contains("WGSL does not have") => {}
            Err(error) => wrong.push(error.to_string()),
        }
    }
    match target::emit_cuda(program) {
        Ok(text) => wrong.extend((text.matches("__global__").count() < program.kernels.len()).then(|| "CUDA lacks a kernel".to_string())),
        Err(error) => wrong.push(error.to_string()),
    }
    wrong
}

/// Why a WGSL module is not valid.
fn invalid(text: &str) -> Option<String> {
    let module = match naga::front::wgsl::parse_str(text) {
        Ok(module) => module,
        Err(error) => return Some(error.emit_to_string(text)),
    };
    let mut validator = naga::valid::Validator::new(naga::valid::ValidationFlags::all(), naga::valid::Capabilities::empty());
    validator.validate(&module).err().map(|e| e.emit_to_string(text))
}

#[test]
fn every_example_runs_as_the_interpreter_defines() {
    let (processors, mut report) = (Processors::default(), Report::default());
    for (spec, example) in examples() {
        let (mut graph, node, _, inputs) = graph_of(&example);
        graph.add_output(OutputKind::Value(0), node);
        let what = format!("{} {:?}", spec.name, example.op);
        report.take(&what, processors.compare(&graph, &inputs, spec.tolerance, 0.0), refusal(&example));
        let simplified = esper_passes::run(&graph).unwrap_or_else(|e| panic!("{what}: {e}"));
        report.take(&format!("{what}, simplified"), processors.compare(&simplified, &inputs, spec.tolerance, 0.0), refusal(&example));
    }
    report.finish("examples of operators", 150);
}

#[test]
fn every_gradient_runs_as_the_interpreter_defines() {
    let (processors, mut report) = (Processors::default(), Report::default());
    let mut missing = vec![];
    for (spec, example) in examples() {
        let (graph, node, args, mut inputs) = graph_of(&example);
        if matches!(spec.derivative, Derivative::Zero) || !graph.ty(node).dtype.is_float() {
            continue;
        }
        let what = format!("gradient of {} {:?}", spec.name, example.op);
        let gradient = match gradient_graph(&graph, node, inputs.len(), &args) {
            Ok(Some(gradient)) => gradient,
            Ok(None) => continue,
            Err(_) => {
                missing.push(spec.name);
                continue;
            }
        };
        inputs.push(weights(graph.ty(node)));
        let simplified = esper_passes::run(&gradient).unwrap_or_else(|e| panic!("{what}: {e}"));
        report.take(&what, processors.compare(&simplified, &inputs, GRADIENT, GRADIENT_SPREAD), refusal(&example));
    }
    missing.dedup();
    assert_eq!(missing, ["max_pool_gradient"], "operators without a gradient that have one in mathematics");
    report.finish("gradients of operators", 60);
}

/// The places of inputs that are no states: an argument is refused, and what only an update rule has is refused outside of one.
#[test]
fn inputs_have_their_places() {
    let spec = TABLE.iter().find(|s| s.name == "input").expect("inputs are in the table");
    let f32s = |sizes: &[usize]| TensorType::new(DType::F32, sizes.iter().map(|n| Dim::from(*n)).collect());
    let layout = Layout::new(&vec![f32s(&[2, 3]); 4], &[], &[f32s(&[2, 3])], 2);
    let (mut taken, mut refused) = (0, vec![]);
    for example in (spec.examples)() {
        let Op::Input(input) = &example.op else { panic!("{:?} is no input", example.op) };
        let scalar = matches!(input, Input::Step | Input::TotalSteps | Input::EpochSteps | Input::OptimizerScalar(_))
            || matches!(input, Input::Alpha(_) | Input::Age(_) | Input::Boost(_));
        let mut graph = Graph::new();
        let node = graph.input(input.clone(), if scalar { f32s(&[]) } else { f32s(&[2, 3]) }, Default::default());
        let doubled = graph.binary(Op::Add, node, node);
        graph.add_output(OutputKind::Value(0), doubled);
        match compile(&graph, "input", &layout, &[]) {
            Ok(program) => {
                assert!(spelt(&program).is_empty(), "{input:?}");
                taken += 1;
            }
            Err(error) => refused.push((input.clone(), error.to_string())),
        }
    }
    let inputs: Vec<&Input> = refused.iter().map(|(input, _)| input).collect();
    assert_eq!(inputs, [&Input::Updated, &Input::Gradient, &Input::OptimizerState(1), &Input::Argument(2)]);
    assert!(refused[..3].iter().all(|(_, why)| why.contains("only an update rule")) && refused[3].1.contains("function"), "{refused:?}");
    assert_eq!(taken, 11);
}

/// A rule of one's own: the gradient of `2 x` said to be `-dy`, as reversing layers do (Ganin and Lempitsky, ICML 2015).
#[test]
fn hand_written_gradients_run() {
    let ty = TensorType::new(DType::F32, vec![Dim::from(5usize)]);
    let mut rule = Graph::new();
    let dy = rule.input(Input::Argument(2), ty.clone(), Default::default());
    let reversed = rule.unary(Op::Neg, dy);
    rule.add_output(OutputKind::Value(0), reversed);
    let mut graph = Graph::new();
    let rule = graph.add_rule(esper_ir::Rule { inputs: 1, graph: rule });
    let x = given(&mut graph, 0, &ty);
    let doubled = graph.binary(Op::Add, x, x);
    let y = graph.apply(Op::WithGradient { rule }, &[doubled, x], Default::default()).expect("one input, one rule");
    let gradient = gradient_graph(&graph, y, 1, &[x]).expect("differentiable").expect("a gradient");
    let gradient = esper_passes::run(&gradient).expect("the passes keep it");
    let inputs = [weights(&ty), weights(&ty)];
    let processors = Processors::default();
    processors.compare(&gradient, &inputs, Tolerance::EXACT, 0.0).unwrap_or_else(|e| panic!("{e}"));
    graph.add_output(OutputKind::Value(0), y);
    let forward = esper_passes::run(&graph).expect("the passes keep it");
    processors.compare(&forward, &inputs, Tolerance::EXACT, 0.0).unwrap_or_else(|e| panic!("{e}"));
    assert!(
        forward
            .ids()
            .chain(gradient.ids())
            .all(|id| !matches!(forward.op(id.min(NodeId(forward.len() as u32 - 1))).spec().lowering, Lowering::Rule))
    );
}

/// Tensors that are large enough to be divided over threads, with sizes that no vector or tile divides.
#[test]
fn larger_tensors_give_the_same_bits_for_every_thread_count() {
    let (processors, mut report) = (Processors::default(), Report::default());
    let window = |kernel, stride, padding, dilation| Window {
        kernel: [kernel; 2],
        stride: [stride; 2],
        padding: [padding; 2],
        dilation: [dilation; 2],
    };
    let matrix = DotAxes { left_contract: vec![1], right_contract: vec![0], ..Default::default() };
    let batched = DotAxes { left_batch: vec![0], right_batch: vec![0], left_contract: vec![2], right_contract: vec![1] };
    let cases: Vec<(Op, Vec<Vec<usize>>)> = vec![
        (Op::Tanh, vec![vec![131, 257]]),
        (Op::Sum { axes: vec![1] }, vec![vec![67, 1031]]),
        (Op::Sum { axes: vec![0] }, vec![vec![1031, 67]]),
        (Op::Sum { axes: vec![0, 1] }, vec![vec![211, 509]]),
        (Op::Sum { axes: vec![0, 2] }, vec![vec![13, 19, 301]]),
        (Op::Max { axes: vec![1] }, vec![vec![101, 333]]),
        (Op::Max { axes: vec![0] }, vec![vec![333, 101]]),
        (Op::Transpose { order: vec![1, 0] }, vec![vec![203, 307]]),
        (Op::Transpose { order: vec![2, 0, 1] }, vec![vec![21, 33, 47]]),
        (Op::Concat { axis: 1 }, vec![vec![101, 203], vec![101, 77]]),
        (Op::DotGeneral(matrix.clone()), vec![vec![127, 263], vec![263, 131]]),
        (Op::DotGeneral(matrix), vec![vec![3, 2111], vec![2111, 5]]),
        (Op::DotGeneral(batched), vec![vec![7, 33, 65], vec![7, 65, 29]]),
        (Op::Convolution { window: window(3, 1, 1, 1), groups: 1 }, vec![vec![5, 7, 19, 21], vec![11, 7, 3, 3]]),
        (Op::Convolution { window: window(3, 2, 2, 2), groups: 2 }, vec![vec![3, 8, 23, 17], vec![10, 4, 3, 3]]),
        (Op::Convolution { window: window(5, 1, 2, 1), groups: 9 }, vec![vec![4, 9, 16, 13], vec![9, 1, 5, 5]]),
        (Op::Convolution { window: window(1, 1, 0, 1), groups: 1 }, vec![vec![6, 33, 9, 11], vec![17, 33, 1, 1]]),
        (Op::MaxPool { window: window(3, 2, 1, 1) }, vec![vec![6, 9, 27, 31]]),
        (Op::AveragePool { window: window(2, 2, 0, 1) }, vec![vec![6, 9, 26, 30]]),
    ];
    let accumulation = Tolerance { absolute: 1e-4, relative: 1e-5 };
    for (op, shapes) in cases {
        let operands = shapes
            .iter()
            .map(|s| Operand {
                ty: TensorType::new(DType::F32, s.iter().map(|n| Dim::from(*n)).collect()),
                domain: esper_ir::Domain::Between(-1.0, 1.0),
            })
            .collect();
        let example = Example { op: op.clone(), operands, ty: None };
        let (graph, node, args, mut inputs) = graph_of(&example);
        let mut forward = graph.clone();
        forward.add_output(OutputKind::Value(0), node);
        let forward = esper_passes::run(&forward).expect("the passes keep it");
        report.take(&format!("{op:?} of {shapes:?}"), processors.compare(&forward, &inputs, accumulation, 1e-5), None);
        let gradient = gradient_graph(&graph, node, inputs.len(), &args).expect("differentiable").expect("a gradient");
        inputs.push(weights(graph.ty(node)));
        let gradient = esper_passes::run(&gradient).expect("the passes keep it");
        report.take(&format!("gradient of {op:?} of {shapes:?}"), processors.compare(&gradient, &inputs, accumulation, 1e-5), None);
    }
    report.finish("larger tensors", 38);
}

/// An operator that is smooth, so that rounding changes little, for a random graph that has these nodes.
fn next(random: &mut Random, graph: &mut Graph, known: &[NodeId]) -> Option<NodeId> {
    let x = known[random.below(known.len())];
    let shape = graph.ty(x).shape.clone();
    let sizes = graph.ty(x).sizes()?;
    let rank = shape.len();
    let axis = random.below(rank.max(1));
    let same: Vec<NodeId> = known.iter().copied().filter(|n| graph.ty(*n) == graph.ty(x)).collect();
    let y = same[random.below(same.len())];
    let whole = |n: usize| Dim::from(n);
    let op = match random.below(28) {
        0 | 1 => return graph.apply(Op::Add, &[x, y], Default::default()).ok(),
        2 | 3 => return graph.apply(Op::Mul, &[x, y], Default::default()).ok(),
        4 => return graph.apply(Op::Maximum, &[x, y], Default::default()).ok(),
        5 => return graph.apply(Op::Sub, &[x, y], Default::default()).ok(),
        6 => Op::Tanh,
        7 => Op::Sin,
        8 => Op::Exp,
        9 => Op::Erf,
        10 if rank > 0 => Op::Sum { axes: vec![axis] },
        11 if rank > 0 => Op::Max { axes: vec![axis] },
        12 if rank > 1 => Op::Transpose { order: (0..rank).rev().collect() },
        13 if rank < 3 => Op::Broadcast { shape: [&[whole(3)], &shape[..]].concat(), axes: (1..=rank).collect() },
        14 if rank > 0 && sizes[axis] > 1 => {
            let mut start = vec![whole(0); rank];
            start[axis] = whole(1);
            Op::Slice { start, stop: shape }
        }
        15 if rank > 0 => {
            let mut high = vec![whole(0); rank];
            high[axis] = whole(2);
            Op::Pad { low: vec![whole(1); rank], high, value: 0.25 }
        }
        16 if rank > 0 => return graph.apply(Op::Concat { axis }, &[x, y], Default::default()).ok(),
        17 if rank > 0 => Op::Reshape { shape: vec![whole(sizes.iter().product())] },
        18 if rank > 0 => {
            // as softmax does it: the row's own reduction, spread again
            let sum = graph.sum(x, [axis]);
            let kept: Vec<usize> = (0..rank).filter(|a| *a != axis).collect();
            let wide = graph.broadcast_to(sum, shape, kept);
            return graph.apply(Op::Sub, &[x, wide], Default::default()).ok();
        }
        19 if rank == 2 => {
            let turned = graph.transpose(x, [1, 0]);
            let axes = DotAxes { left_contract: vec![1], right_contract: vec![0], ..Default::default() };
            return graph.apply(Op::DotGeneral(axes), &[turned, x], Default::default()).ok();
        }
        20 => {
            // the smaller of two, by comparison: continuous where the comparison jumps
            let less = graph.apply(Op::Less, &[x, y], Default::default()).ok()?;
            return graph.apply(Op::Select, &[less, x, y], Default::default()).ok();
        }
        21 if rank > 0 => {
            let ty = TensorType::new(DType::I32, vec![whole(2), whole(sizes[axis])]);
            let indices = graph.leaf(Op::Iota { axis: 1 }, ty, Default::default());
            return graph.apply(Op::Gather { axis }, &[x, indices], Default::default()).ok();
        }
        22 if rank > 0 => {
            // indices that meet: 0, 0, 1, 1, 2 and so on
            let ty = TensorType::new(DType::I32, vec![shape[axis].clone()]);
            let count = graph.leaf(Op::Iota { axis: 0 }, ty.clone(), Default::default());
            let three = graph.constant(3.0, ty);
            let indices = graph.binary(Op::Rem, count, three);
            return graph.apply(Op::ScatterAdd { axis, size: whole(4) }, &[indices, x], Default::default()).ok();
        }
        23 if rank > 0 => {
            let indices = graph.leaf(Op::Iota { axis }, TensorType::new(DType::I32, shape), Default::default());
            let turned = graph.unary(Op::Flip { axes: vec![axis] }, indices);
            return graph.apply(Op::TakeAlong { axis }, &[x, turned], Default::default()).ok();
        }
        24 => {
            let stream = esper_ir::StreamId(random.bits());
            let noise = graph.leaf(Op::Random { stream }, graph.ty(x).clone(), Default::default());
            return graph.apply(Op::Mul, &[x, noise], Default::default()).ok();
        }
        25 if rank > 1 => {
            // as images: a convolution with windows cut out of themselves
            let (h, w) = (sizes[rank - 2], sizes[rank - 1]);
            let images = graph.reshape(x, vec![whole(sizes[..rank - 2].iter().product()), whole(1), whole(h), whole(w)]);
            let stop = vec![whole(1), whole(1), whole(h.min(2)), whole(w.min(3))];
            let weight = graph.apply(Op::Slice { start: vec![whole(0); 4], stop }, &[images], Default::default()).ok()?;
            let window = Window { kernel: [h.min(2), w.min(3)], stride: [1, 2], padding: [1, 0], dilation: [1, 1] };
            return graph.apply(Op::Convolution { window, groups: 1 }, &[images, weight], Default::default()).ok();
        }
        26 if rank > 1 => {
            let (h, w) = (sizes[rank - 2], sizes[rank - 1]);
            let images = graph.reshape(x, vec![whole(sizes[..rank - 2].iter().product()), whole(1), whole(h), whole(w)]);
            let window = Window { kernel: [h.min(3), w.min(2)], stride: [2, 1], padding: [0, 0], dilation: [1, 1] };
            let op = if random.below(2) == 0 { Op::MaxPool { window } } else { Op::AveragePool { window } };
            return graph.apply(op, &[images], Default::default()).ok();
        }
        _ => Op::Flip { axes: (0..rank).collect() },
    };
    graph.apply(op, &[x], Default::default()).ok()
}

#[test]
fn random_graphs_and_their_gradients_run_as_the_interpreter_defines() {
    let (processors, mut report) = (Processors::default(), Report::default());
    for seed in 0..80 {
        let mut random = Random(seed);
        let mut graph = Graph::new();
        let mut known = vec![];
        let mut inputs = vec![];
        for sizes in [&[4usize, 7][..], &[7], &[4, 1], &[2, 3, 5], &[17, 33]] {
            let ty = TensorType::new(DType::F32, sizes.iter().map(|n| Dim::from(*n)).collect());
            known.push(given(&mut graph, inputs.len(), &ty));
            inputs.push(values(&Operand { ty, domain: esper_ir::Domain::Between(-1.0, 1.0) }, 1000 * seed + inputs.len() as u64));
        }
        let wrt = known.clone();
        while known.len() < 20 {
            let Some(node) = next(&mut random, &mut graph, &known) else { continue };
            if graph.ty(node).elements().is_some_and(|n| n <= 4000) {
                // Values stay of unit size, so that a tolerance means the same everywhere.
                known.push(graph.unary(Op::Tanh, node));
            }
        }
        let last: Vec<NodeId> = known.iter().copied().filter(|n| graph.users(*n).is_empty()).collect();
        let mut forward = graph.clone();
        last.iter().enumerate().for_each(|(n, node)| forward.add_output(OutputKind::Value(n), *node));
        let tolerance = Tolerance { absolute: 1e-4, relative: 1e-4 };
        for (what, forward) in [("as it is", forward.prune()), ("simplified", esper_passes::run(&forward).expect("the passes keep it"))] {
            let name = format!("random graph {seed}, {what}");
            report.take(&name, processors.compare(&forward, &inputs, tolerance, 2e-5), None);
        }
        let Some(&end) = last.last() else { continue };
        let gradient = gradient_graph(&graph, end, inputs.len(), &wrt).expect("differentiable");
        inputs.push(weights(graph.ty(end)));
        if let Some(gradient) = gradient {
            let gradient = esper_passes::run(&gradient).expect("the passes keep it");
            let name = format!("gradient of random graph {seed}");
            report.take(&name, processors.compare(&gradient, &inputs, tolerance, 1e-4), None);
        }
    }
    report.finish("random graphs", 200);
}
