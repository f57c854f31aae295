//! A graph as a program: which buffers there are, which steps fill them, and in which order what training keeps is changed.
use crate::contraction::product;
use crate::epilogue::{Fused, fuse_epilogues};
use crate::finish::finish;
use crate::fuse::{self, Parameters, Role, Schedule, Storage, Unit, is_template, sizes, storage};
use crate::layout::{SeedScalar, tensor_bytes};
use crate::program::scalar_words;
use crate::{
    Access, Buffer, BufferId, BufferParameter, Class, Convolution, ConvolutionKind, Dot, Epilogue, Instruction, Kernel, Layout, Pooling,
    PoolingKind, Program, Scatter, Stage, Step, Store, Unsupported, UpdateGroup, Value, VectorAxis,
};
use esper_diagnostics::Span;
use esper_ir::{DType, Dim, Graph, Input, NodeId, Op, OutputKind, TensorType, input_text, output_text};
use std::collections::{BTreeMap, BTreeSet};

/// A step, with its kernel beside it.
#[derive(Clone, Debug)]
pub(crate) enum Draft {
    /// A loop nest and its buffers.
    Kernel(Kernel, Vec<BufferId>),
    /// A step that a library runs.
    Library(Step),
}

/// A program being made.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    pub buffers: Vec<Buffer>,
    /// Steps that change nothing that training keeps.
    pub steps: Vec<Draft>,
    /// Steps that do.
    pub commits: Vec<Draft>,
    pub features: BTreeMap<usize, BufferId>,
    pub target: Option<BufferId>,
    pub outputs: Vec<(OutputKind, BufferId)>,
    key: Option<BufferId>,
}

/// Code for a graph whose sizes are all known, followed by the update of the parameters.
///
/// Outputs Loss, Metric, Prediction, GradientNorm and Value are written to the exchange; Gradient and OptimizerScalar to their fixed places; and, in
/// the commit phase, State, Parameter and OptimizerState to theirs.
///
/// # Errors
/// Where an operator is needed at an element type that no step has.
pub fn compile(graph: &Graph, name: &str, layout: &Layout, update: &[UpdateGroup]) -> Result<Program, Unsupported> {
    let mut builder = Builder::default();
    lower(&mut builder, graph, &Place { layout, update: None })?;
    for group in update {
        lower(&mut builder, &group.graph, &Place { layout, update: Some(group) })?;
    }
    Ok(finish(builder, name, layout))
}

/// Where inputs and outputs of a graph lie.
struct Place<'a> {
    layout: &'a Layout,
    update: Option<&'a UpdateGroup>,
}

/// A range of an arena; without an offset, a place of the program's own in the exchange.
type Range = (Class, Option<usize>);

impl Place<'_> {
    fn scalar(word: usize) -> Range {
        (Class::Scalars, Some(word * 4))
    }
    /// The first byte in an arena of parameters of what an update rule is about.
    fn updated(&self) -> Result<usize, Unsupported> {
        let group = self.update.ok_or_else(|| Unsupported::new("only an update rule reads or writes the updated parameter"))?;
        Ok(match self.layout.group_of(&group.parameters) {
            Some(at) if group.elementwise => self.layout.group_offset(at),
            _ => self.layout.parameter_offset(group.parameters[0]),
        })
    }
    fn input(&self, input: &Input) -> Result<Range, Unsupported> {
        Ok(match input {
            Input::Parameter(i) => (Class::Parameters, Some(self.layout.parameter_offset(*i))),
            Input::State(i) => (Class::States, Some(self.layout.state_offset(*i))),
            Input::Feature(_) | Input::Target => (Class::Exchange, None),
            Input::Step => Place::scalar(scalar_words::STEP),
            Input::TotalSteps => Place::scalar(scalar_words::TOTAL_STEPS),
            Input::EpochSteps => Place::scalar(scalar_words::EPOCH_STEPS),
            Input::OptimizerScalar(k) => Place::scalar(scalar_words::OPTIMIZER + k),
            Input::Updated => (Class::Parameters, Some(self.updated()?)),
            Input::Gradient => (Class::Gradients, Some(self.updated()?)),
            Input::OptimizerState(k) => (Class::OptimizerStates, Some(self.layout.optimizer_block(*k) + self.updated()?)),
            Input::Alpha(j) => Place::scalar(self.layout.seed_word(*j, SeedScalar::Alpha)),
            Input::Age(j) => Place::scalar(self.layout.seed_word(*j, SeedScalar::Age)),
            Input::Boost(j) => Place::scalar(self.layout.seed_word(*j, SeedScalar::Boost)),
            Input::Argument(_) => return Err(Unsupported::new("a graph with arguments is a function, not a program")),
        })
    }
    fn output(&self, kind: &OutputKind) -> Result<Range, Unsupported> {
        Ok(match kind {
            OutputKind::Prediction
            | OutputKind::Loss
            | OutputKind::Metric(_)
            | OutputKind::GradientNorm
            | OutputKind::ShadowLoss(_)
            | OutputKind::SeedNorm(_)
            | OutputKind::Value(_) => (Class::Exchange, None),
            OutputKind::State(i) => (Class::States, Some(self.layout.state_offset(*i))),
            OutputKind::Parameter(i) => (Class::Parameters, Some(self.layout.parameter_offset(*i))),
            OutputKind::OptimizerScalar(k) => Place::scalar(scalar_words::OPTIMIZER + k),
            OutputKind::Gradient(i) => (Class::Gradients, Some(self.layout.parameter_offset(*i))),
            OutputKind::Updated => (Class::Parameters, Some(self.updated()?)),
            OutputKind::OptimizerState(k, i) => {
                let parameter = if self.update.is_some() { self.updated()? } else { self.layout.parameter_offset(*i) };
                (Class::OptimizerStates, Some(self.layout.optimizer_block(*k) + parameter))
            }
        })
    }
}

fn is_kept(class: Class) -> bool {
    matches!(class, Class::Parameters | Class::States | Class::OptimizerStates)
}

impl Builder {
    /// A buffer of its own; fixed ranges that are equal are the same buffer.
    fn buffer(&mut self, name: String, ty: &TensorType, range: Range, span: Span) -> BufferId {
        let (class, offset) = range;
        let shape = ty.sizes().expect("sizes are bound before code is generated");
        let bytes = tensor_bytes(ty);
        let same = |b: &Buffer| offset.is_some() && b.class == class && Some(b.offset) == offset && b.bytes == bytes && b.dtype == ty.dtype;
        if let Some(at) = self.buffers.iter().position(same) {
            return BufferId(at as u32);
        }
        self.buffers.push(Buffer { name, dtype: ty.dtype, shape, class, offset: offset.unwrap_or(0), bytes, span });
        BufferId(self.buffers.len() as u32 - 1)
    }
    /// Seed and step.
    fn key(&mut self) -> BufferId {
        let ty = TensorType::new(DType::I32, vec![Dim::constant(3)]);
        let key = self.buffer("seed_and_step".into(), &ty, (Class::Scalars, Some(scalar_words::SEED * 4)), Span::default());
        *self.key.get_or_insert(key)
    }
    /// A step that copies one buffer to another of the same elements.
    fn copy(&self, from: BufferId, to: BufferId) -> Draft {
        let (source, result) = (&self.buffers[from.0 as usize], &self.buffers[to.0 as usize]);
        let elements: usize = source.shape.iter().product();
        let parameter = |access, dtype| BufferParameter { dtype, access, elements };
        let place = if elements == 1 { crate::Index::Constant(0) } else { crate::Index::Row(0) };
        let stage = Stage {
            instructions: vec![Instruction::Load { buffer: 0, index: place.clone(), guards: vec![], otherwise: 0.0 }],
            dtypes: vec![source.dtype],
            stores: vec![Store { buffer: 1, index: place, value: Value(0) }],
            ..Stage::default()
        };
        let kernel = Kernel {
            name: "copy".into(),
            buffers: vec![parameter(Access::Read, source.dtype), parameter(Access::Write, result.dtype)],
            rows: if elements == 1 { vec![] } else { vec![elements] },
            stages: vec![stage],
            registers: vec![],
            vector: VectorAxis::Rows,
            origin: vec![],
        };
        Draft::Kernel(kernel, vec![from, to])
    }
}

/// What is known of one graph while its steps are made.
struct Lowering<'a> {
    graph: &'a Graph,
    epilogues: BTreeMap<NodeId, Fused>,
    buffers: BTreeMap<NodeId, BufferId>,
}

/// The name people see for a value.
fn label(graph: &Graph, node: NodeId) -> String {
    format!("{}_{}", graph.op(node).spec().name, node.0)
}

fn lower(builder: &mut Builder, graph: &Graph, place: &Place) -> Result<(), Unsupported> {
    let graph = &fuse::prepare(graph);
    let outputs: Vec<(OutputKind, NodeId)> = graph.outputs().iter().map(|o| (o.kind.clone(), storage(graph, o.node))).collect();
    let mut required: BTreeSet<NodeId> = outputs.iter().map(|(_, n)| *n).collect();
    for id in graph.ids().filter(|id| is_template(graph.op(*id))) {
        required.extend(template_operands(graph, id)?);
    }
    let mut roles = fuse::roles(graph, &required);
    let epilogues = fuse_epilogues(graph, &mut roles);
    let operands = |node: NodeId| -> Vec<NodeId> {
        let fused = epilogues.get(&node);
        let mut of = template_operands(graph, fused.map_or(node, |f| f.core)).unwrap_or_default();
        of.extend(fused.and_then(|f| f.bias));
        of
    };
    let wanted: BTreeSet<NodeId> = outputs.iter().map(|(_, n)| *n).collect();
    let direct = direct_commits(graph, place, &roles, &outputs, &operands)?;
    let mut schedule = fuse::schedule(graph, &roles, &wanted, &direct, &operands)?;
    let direct = if place.update.is_some() && !one_commit(&schedule) {
        // Several kernels would read what another of them has already changed.
        schedule = fuse::schedule(graph, &roles, &wanted, &BTreeSet::new(), &operands)?;
        BTreeSet::new()
    } else {
        direct
    };

    let mut lowering = Lowering { graph, epilogues, buffers: BTreeMap::new() };
    let mut late: Vec<(NodeId, BufferId)> = vec![];
    let mut copies: Vec<(NodeId, BufferId)> = vec![];
    for id in graph.ids() {
        if let Op::Input(input) = graph.op(id) {
            let buffer = builder.buffer(input_text(input).replace(' ', "_"), graph.ty(id), place.input(input)?, graph.span(id));
            match input {
                Input::Feature(i) => _ = builder.features.insert(*i, buffer),
                Input::Target => builder.target = Some(buffer),
                _ => {}
            }
            lowering.buffers.insert(id, buffer);
        }
    }
    for (kind, node) in &outputs {
        let range = place.output(kind)?;
        let ty = TensorType::new(graph.ty(*node).dtype, graph.ty(graph.output(kind).unwrap_or(*node)).shape.clone());
        let commits = is_kept(range.0);
        let here = roles[node.index()] != Role::Outside && !lowering.buffers.contains_key(node) && (!commits || direct.contains(node));
        let repeated = range.1.is_none().then(|| lowering.buffers.get(node).copied()).flatten();
        let repeated = repeated.filter(|b| builder.buffers[b.0 as usize].class == Class::Exchange && roles[node.index()] != Role::Outside);
        let buffer = match repeated {
            Some(buffer) => buffer,
            None => builder.buffer(output_text(kind).replace(' ', "_"), &ty, range, graph.span(*node)),
        };
        if here {
            lowering.buffers.insert(*node, buffer);
        } else if repeated.is_none() {
            if commits { late.push((*node, buffer)) } else { copies.push((*node, buffer)) }
        }
        builder.outputs.push((kind.clone(), buffer));
    }
    for node in &schedule.stored {
        if roles[node.index()] != Role::Outside && !lowering.buffers.contains_key(node) {
            let buffer = builder.buffer(label(graph, *node), graph.ty(*node), (Class::Activations, None), graph.span(*node));
            lowering.buffers.insert(*node, buffer);
        }
    }
    for unit in &schedule.units {
        match unit {
            Unit::Template(node) => {
                let step = lowering.template(*node)?;
                builder.steps.push(Draft::Library(step));
            }
            Unit::Kernel(group) => {
                let (kernel, parameters) = fuse::kernel(graph, &roles, group, &schedule.stored)?;
                if kernel.stages.is_empty() {
                    continue;
                }
                let draft = lowering.bound(builder, kernel, &parameters);
                if group.commits { builder.commits.push(draft) } else { builder.steps.push(draft) }
            }
        }
    }
    for (node, to) in copies {
        let from = lowering.buffers[&node];
        if from != to {
            builder.steps.push(builder.copy(from, to));
        }
    }
    for (node, to) in late {
        let from = lowering.buffers[&node];
        if from != to {
            // What is kept may be about to change: the value is taken before anything commits.
            let (taken, kept) = (&builder.buffers[from.0 as usize], is_kept(builder.buffers[from.0 as usize].class));
            let from = if kept {
                let ty = TensorType::new(taken.dtype, taken.shape.iter().map(|&n| Dim::from(n)).collect());
                let (name, span) = (format!("old_{}", taken.name), taken.span);
                let saved = builder.buffer(name, &ty, (Class::Activations, None), span);
                builder.steps.push(builder.copy(from, saved));
                saved
            } else {
                from
            };
            builder.commits.push(builder.copy(from, to));
        }
    }
    Ok(())
}

/// Whether all roots that commit are in one kernel, and nothing follows it.
fn one_commit(schedule: &Schedule) -> bool {
    let commits = |unit: &Unit| matches!(unit, Unit::Kernel(group) if group.commits);
    match schedule.units.iter().position(commits) {
        Some(first) => first + 1 == schedule.units.len(),
        None => true,
    }
}

/// Outputs that may be written straight to where training keeps them: nobody else reads them, and of what is kept they only read elements that
/// they replace themselves, at the same places.
fn direct_commits(
    graph: &Graph,
    place: &Place,
    roles: &[Role],
    outputs: &[(OutputKind, NodeId)],
    operands: &dyn Fn(NodeId) -> Vec<NodeId>,
) -> Result<BTreeSet<NodeId>, Unsupported> {
    let mut read: BTreeSet<NodeId> = BTreeSet::new();
    for id in graph.ids() {
        match roles[id.index()] {
            Role::Root => read.extend(fuse::reads_of(graph, roles, graph.args(id))),
            Role::Template => read.extend(fuse::reads_of(graph, roles, &operands(id))),
            Role::Inline | Role::Outside => {}
        }
    }
    let mut direct = BTreeSet::new();
    for (kind, node) in outputs {
        let range = place.output(kind)?;
        let whole_rule = place.update.is_some_and(|u| u.elementwise);
        // The new states of an elementwise rule may be read by its other results: all of them are in one kernel, or none is direct.
        let alone = outputs.iter().filter(|(_, n)| n == node).count() == 1 && (whole_rule || !read.contains(node));
        if !is_kept(range.0) || roles[node.index()] != Role::Root || !alone || crate::fuse::is_reduction(graph.op(*node)) {
            continue;
        }
        let own = |input: &Input| -> Result<bool, Unsupported> {
            let from = place.input(input)?;
            Ok(!is_kept(from.0) || from == range || whole_rule)
        };
        if reads_in_place(graph, roles, *node, &own)? {
            direct.insert(*node);
        }
    }
    Ok(direct)
}

/// Whether every tensor of what is kept that a value reads is allowed by `own` and read through elementwise operators only.
fn reads_in_place(
    graph: &Graph,
    roles: &[Role],
    node: NodeId,
    own: &dyn Fn(&Input) -> Result<bool, Unsupported>,
) -> Result<bool, Unsupported> {
    let (mut open, mut seen) = (vec![(node, true)], BTreeSet::new());
    while let Some((at, straight)) = open.pop() {
        if !seen.insert((at, straight)) {
            continue;
        }
        if let Op::Input(input) = graph.op(at) {
            let kept = !matches!(input, Input::Feature(_) | Input::Target | Input::Gradient) && graph.ty(at).rank() > 0;
            if kept && !(straight && own(input)?) || !kept && !own(input)? {
                return Ok(false);
            }
            continue;
        }
        if at != node && roles[at.index()] != Role::Inline {
            continue;
        }
        let elementwise = fuse::primitive(graph.op(at)).is_some() || matches!(graph.op(at), Op::Cast { .. });
        open.extend(graph.args(at).iter().map(|&a| (a, straight && elementwise)));
    }
    Ok(true)
}

/// What a template needs in memory.
fn template_operands(graph: &Graph, node: NodeId) -> Result<Vec<NodeId>, Unsupported> {
    let args = graph.args(node);
    let name = graph.op(node).spec().name;
    for &a in args {
        let dtype = graph.ty(a).dtype;
        let indices = matches!(graph.op(node), Op::ScatterAdd { .. } | Op::TakeAlongAdd { .. }) && a == args[0];
        if dtype != if indices { DType::I32 } else { DType::F32 } {
            return Err(Unsupported::new(format!("{name} of {} is not available on any device", graph.ty(a))));
        }
    }
    match graph.op(node) {
        Op::DotGeneral(_) => {
            let product = product(graph, node).ok_or_else(|| Unsupported::new(format!("no layout for {name} of {}", graph.ty(node))))?;
            Ok(vec![product.left.base, product.right.base])
        }
        _ => Ok(args.iter().map(|a| storage(graph, *a)).collect()),
    }
}

impl Lowering<'_> {
    /// A kernel with the records of its parameters; parameters that are the same memory become one.
    fn bound(&self, builder: &mut Builder, mut kernel: Kernel, parameters: &Parameters) -> Draft {
        let mut arguments: Vec<BufferId> = vec![];
        let mut position = vec![];
        for (from, access) in &parameters.0 {
            let buffer = match from {
                Storage::Node(node) => self.buffers[node],
                Storage::Key => builder.key(),
            };
            match arguments.iter().position(|b| *b == buffer) {
                Some(at) => {
                    if kernel.buffers[at].access != *access {
                        kernel.buffers[at].access = Access::ReadWrite;
                    }
                    position.push(at);
                }
                None => {
                    let of = &builder.buffers[buffer.0 as usize];
                    kernel.buffers.push(BufferParameter { dtype: of.dtype, access: *access, elements: of.shape.iter().product() });
                    position.push(arguments.len());
                    arguments.push(buffer);
                }
            }
        }
        renumber(&mut kernel, &position);
        Draft::Kernel(kernel, arguments)
    }

    fn operand(&self, node: NodeId) -> BufferId {
        self.buffers[&storage(self.graph, node)]
    }

    fn template(&self, node: NodeId) -> Result<Step, Unsupported> {
        let graph = self.graph;
        let fused = self.epilogues.get(&node);
        let core = fused.map_or(node, |f| f.core);
        let epilogue = fused.map_or_else(Epilogue::default, |f| Epilogue { bias: f.bias.map(|b| self.buffers[&b]), relu: f.relu });
        let result = self.buffers[&node];
        let args = graph.args(core);
        let of = |n: usize| sizes(graph, args[n]);
        let own = sizes(graph, core);
        let image = |sizes: &[usize]| [sizes[0], sizes[1], sizes[2], sizes[3]];
        let convolution = |kind, x: &[usize], y: &[usize], window, groups| {
            let (input, output) = (image(x), [y[1], y[2], y[3]]);
            let operands = [self.operand(args[0]), self.operand(args[1])];
            Step::Convolution(Convolution { kind, operands, result, input, output, window, groups, epilogue: epilogue.clone() })
        };
        let pooling = |kind, x: &[usize], y: &[usize], window| {
            let operands = args.iter().map(|a| self.operand(*a)).collect();
            Step::Pooling(Pooling { kind, operands, result, input: [x[0] * x[1], x[2], x[3]], output: [y[2], y[3]], window })
        };
        Ok(match graph.op(core) {
            Op::DotGeneral(_) => {
                let p = product(graph, core).ok_or_else(|| Unsupported::new("a product without a layout"))?;
                Step::Dot(Dot {
                    a: self.buffers[&p.left.base],
                    a_strides: p.left_strides,
                    b: self.buffers[&p.right.base],
                    b_strides: p.right_strides,
                    c: result,
                    m: p.m,
                    n: p.n,
                    k: p.k,
                    batch: p.batch,
                    epilogue,
                })
            }
            Op::Convolution { window, groups } => convolution(ConvolutionKind::Forward, &of(0), &own, *window, *groups),
            Op::ConvolutionInputGradient { window, groups, .. } => {
                convolution(ConvolutionKind::InputGradient, &own, &of(0), *window, *groups)
            }
            Op::ConvolutionWeightGradient { window, groups } => {
                convolution(ConvolutionKind::WeightGradient, &of(0), &of(1), *window, *groups)
            }
            Op::MaxPool { window } => pooling(PoolingKind::Max, &of(0), &own, *window),
            Op::MaxPoolGradient { window } => pooling(PoolingKind::MaxGradient, &of(0), &of(1), *window),
            Op::AveragePool { window } => pooling(PoolingKind::Average, &of(0), &own, *window),
            Op::AveragePoolGradient { window, .. } => pooling(PoolingKind::AverageGradient, &own, &of(0), *window),
            Op::ScatterAdd { axis, .. } | Op::TakeAlongAdd { axis, .. } => {
                let per_element = matches!(graph.op(core), Op::TakeAlongAdd { .. });
                let count = if per_element { of(1)[*axis] } else { of(0).iter().product() };
                Step::Scatter(Scatter {
                    indices: self.operand(args[0]),
                    updates: self.operand(args[1]),
                    result,
                    outer: own[..*axis].iter().product(),
                    count,
                    places: own[*axis],
                    inner: own[axis + 1..].iter().product(),
                    per_element,
                })
            }
            op => return Err(Unsupported::new(format!("{} is no library step", op.spec().name))),
        })
    }
}

/// Gives the parameters of a kernel new numbers.
pub(crate) fn renumber(kernel: &mut Kernel, position: &[usize]) {
    for stage in &mut kernel.stages {
        for instruction in &mut stage.instructions {
            match instruction {
                Instruction::Load { buffer, .. } => *buffer = position[*buffer],
                Instruction::Random { key, .. } => *key = position[*key],
                _ => {}
            }
        }
        stage.stores.iter_mut().for_each(|s| s.buffer = position[s.buffer]);
    }
}
