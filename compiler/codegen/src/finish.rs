//! The last look at a program: results in place of what dies, one copy of equal kernels, and places for everything.
use crate::compile::{Builder, Draft, renumber};
use crate::layout::aligned;
use crate::plan::{Life, offsets};
use crate::program::scalar_words;
use crate::{Access, Buffer, BufferId, Class, Instruction, Kernel, Layout, Program, Step};
use esper_ir::{DType, OutputKind};
use std::collections::BTreeMap;

/// The buffers that a step reads and writes.
pub(crate) fn touched(step: &Draft) -> Vec<(BufferId, Access)> {
    match step {
        Draft::Kernel(kernel, arguments) => arguments.iter().zip(&kernel.buffers).map(|(b, p)| (*b, p.access)).collect(),
        Draft::Library(step) => library(step),
    }
}

fn library(step: &Step) -> Vec<(BufferId, Access)> {
    let read = |b: &BufferId| (*b, Access::Read);
    match step {
        Step::Kernel { .. } => vec![],
        Step::Dot(dot) => {
            let mut all = vec![read(&dot.a), read(&dot.b), (dot.c, Access::Write)];
            all.extend(dot.epilogue.bias.iter().map(read));
            all
        }
        Step::Convolution(convolution) => {
            let mut all: Vec<_> = convolution.operands.iter().map(read).collect();
            all.push((convolution.result, Access::Write));
            all.extend(convolution.epilogue.bias.iter().map(read));
            all
        }
        Step::Pooling(pooling) => {
            let mut all: Vec<_> = pooling.operands.iter().map(read).collect();
            all.push((pooling.result, Access::Write));
            all
        }
        Step::Scatter(scatter) => vec![read(&scatter.indices), read(&scatter.updates), (scatter.result, Access::Write)],
    }
}

/// The first and last step that touches each buffer.
fn lives(steps: &[Draft], buffers: usize) -> Vec<Option<(usize, usize)>> {
    let mut lives: Vec<Option<(usize, usize)>> = vec![None; buffers];
    for (at, step) in steps.iter().enumerate() {
        for (buffer, _) in touched(step) {
            let life = &mut lives[buffer.0 as usize];
            *life = Some(life.map_or((at, at), |(first, _)| (first, at)));
        }
    }
    lives
}

/// The program.
pub(crate) fn finish(builder: Builder, name: &str, layout: &Layout) -> Program {
    let Builder { mut buffers, mut steps, commits, features, target, mut outputs, .. } = builder;
    let update = steps.len();
    steps.extend(commits);
    reuse_dying(&mut steps, &buffers);
    let lives = lives(&steps, buffers.len());
    let mut arenas = Class::ALL.map(|class| layout.arena_bytes(class));
    let mut exchange = 0;
    let mut planned: Vec<(usize, Life)> = vec![];
    let results: Vec<BufferId> = outputs.iter().map(|(_, b)| *b).chain(features.values().copied()).chain(target).collect();
    for (at, buffer) in buffers.iter_mut().enumerate() {
        match buffer.class {
            Class::Exchange if results.contains(&BufferId(at as u32)) => {
                buffer.offset = exchange;
                exchange += aligned(buffer.bytes);
            }
            Class::Exchange | Class::Activations => {
                if let Some((first, last)) = lives[at] {
                    planned.push((at, Life { bytes: aligned(buffer.bytes), first, last }));
                }
            }
            Class::Scalars => {
                let end = aligned(buffer.offset + buffer.bytes).max(aligned(scalar_words::OPTIMIZER * 4));
                arenas[Class::Scalars as usize] = arenas[Class::Scalars as usize].max(end);
            }
            _ => {}
        }
    }
    let only_lives: Vec<Life> = planned.iter().map(|(_, life)| *life).collect();
    let (places, end) = offsets(&only_lives);
    for ((at, _), offset) in planned.iter().zip(places) {
        buffers[*at].offset = offset;
    }
    arenas[Class::Exchange as usize] = exchange;
    arenas[Class::Activations as usize] = end;
    arenas[Class::Scalars as usize] = arenas[Class::Scalars as usize].max(aligned(scalar_words::OPTIMIZER * 4));
    let (kernels, steps) = distinct(steps);
    let (buffers, steps, number) = used(buffers, steps, &results);
    outputs.iter_mut().for_each(|(_, b)| *b = number[b]);
    outputs.retain(|(kind, _)| !matches!(kind, OutputKind::Updated));
    let count = features.keys().max().map_or(0, |n| n + 1);
    let mut buffers = buffers;
    let features = (0..count)
        .map(|n| {
            features.get(&n).map_or_else(
                || {
                    // A column that this program does not read: an empty buffer keeps the others at their numbers.
                    buffers.push(Buffer {
                        name: format!("unread_feature_{n}"),
                        dtype: DType::F32,
                        shape: vec![0],
                        class: Class::Exchange,
                        offset: 0,
                        bytes: 0,
                        span: Default::default(),
                    });
                    BufferId(buffers.len() as u32 - 1)
                },
                |b| number[b],
            )
        })
        .collect();
    Program { name: name.into(), kernels, buffers, steps, update, arenas, features, target: target.map(|b| number[&b]), outputs }
}

/// Drops buffers that nothing touches.
fn used(buffers: Vec<Buffer>, mut steps: Vec<Step>, results: &[BufferId]) -> (Vec<Buffer>, Vec<Step>, BTreeMap<BufferId, BufferId>) {
    let mut keep = vec![false; buffers.len()];
    results.iter().for_each(|b| keep[b.0 as usize] = true);
    for step in &steps {
        match step {
            Step::Kernel { arguments, .. } => arguments.iter().for_each(|b| keep[b.0 as usize] = true),
            step => library(step).iter().for_each(|(b, _)| keep[b.0 as usize] = true),
        }
    }
    let mut number = BTreeMap::new();
    let mut kept = vec![];
    for (at, buffer) in buffers.into_iter().enumerate().filter(|(at, _)| keep[*at]) {
        number.insert(BufferId(at as u32), BufferId(kept.len() as u32));
        kept.push(buffer);
    }
    for step in &mut steps {
        replace(step, &|b| number[&b]);
    }
    (kept, steps, number)
}

/// Gives a step other buffers.
fn replace(step: &mut Step, with: &dyn Fn(BufferId) -> BufferId) {
    let each = |buffers: &mut [BufferId]| buffers.iter_mut().for_each(|b| *b = with(*b));
    match step {
        Step::Kernel { arguments, .. } => each(arguments),
        Step::Dot(dot) => {
            (dot.a, dot.b, dot.c) = (with(dot.a), with(dot.b), with(dot.c));
            dot.epilogue.bias = dot.epilogue.bias.map(with);
        }
        Step::Convolution(convolution) => {
            each(&mut convolution.operands);
            convolution.result = with(convolution.result);
            convolution.epilogue.bias = convolution.epilogue.bias.map(with);
        }
        Step::Pooling(pooling) => {
            each(&mut pooling.operands);
            pooling.result = with(pooling.result);
        }
        Step::Scatter(scatter) => {
            (scatter.indices, scatter.updates, scatter.result) = (with(scatter.indices), with(scatter.updates), with(scatter.result));
        }
    }
}

/// Equal kernels once, each with a name of its own.
fn distinct(drafts: Vec<Draft>) -> (Vec<Kernel>, Vec<Step>) {
    let mut kernels: Vec<Kernel> = vec![];
    let steps = drafts
        .into_iter()
        .map(|draft| match draft {
            Draft::Library(step) => step,
            Draft::Kernel(kernel, arguments) => {
                let same = |k: &Kernel| {
                    (&k.buffers, &k.rows, &k.stages, &k.registers, k.vector)
                        == (&kernel.buffers, &kernel.rows, &kernel.stages, &kernel.registers, kernel.vector)
                };
                let at = kernels.iter().position(same).unwrap_or_else(|| {
                    kernels.push(Kernel { name: format!("{}_{}", kernel.name, kernels.len()), ..kernel });
                    kernels.len() - 1
                });
                Step::Kernel { kernel: at, arguments }
            }
        })
        .collect();
    (kernels, steps)
}

/// Lets a kernel write a result over an operand that nobody reads afterwards, where every read of the operand is at the place of the write and
/// not behind it.
fn reuse_dying(steps: &mut [Draft], buffers: &[Buffer]) {
    let mut at = 0;
    while at < steps.len() {
        let lives = lives(steps, buffers.len());
        let Some((dying, result)) = in_place(&steps[at], at, &lives, buffers) else {
            at += 1;
            continue;
        };
        let Draft::Kernel(kernel, arguments) = &mut steps[at] else { continue };
        let (from, to) = (arguments[dying], arguments[result]);
        kernel.buffers[result].access = Access::ReadWrite;
        kernel.buffers.remove(dying);
        arguments.remove(dying);
        let count = arguments.len() + 1;
        let result = if result > dying { result - 1 } else { result };
        let position: Vec<usize> = (0..count).map(|n| if n == dying { result } else { n - usize::from(n > dying) }).collect();
        renumber(kernel, &position);
        // Everybody who used the operand uses the result's memory.
        for step in steps.iter_mut() {
            match step {
                Draft::Kernel(_, arguments) => arguments.iter_mut().filter(|b| **b == from).for_each(|b| *b = to),
                Draft::Library(step) => replace(step, &|b| if b == from { to } else { b }),
            }
        }
    }
}

/// A parameter that dies in this step, and one that may take its place.
fn in_place(step: &Draft, at: usize, lives: &[Option<(usize, usize)>], buffers: &[Buffer]) -> Option<(usize, usize)> {
    let Draft::Kernel(kernel, arguments) = step else { return None };
    let of = |b: BufferId| &buffers[b.0 as usize];
    for (result, to) in arguments.iter().enumerate() {
        let fresh = kernel.buffers[result].access == Access::Write && lives[to.0 as usize].is_some_and(|(first, _)| first == at);
        if !fresh || of(*to).class != Class::Activations {
            continue;
        }
        for (dying, from) in arguments.iter().enumerate() {
            let dies = kernel.buffers[dying].access == Access::Read && lives[from.0 as usize].is_some_and(|(_, last)| last == at);
            let alike = of(*from).class == Class::Activations && of(*from).dtype == of(*to).dtype && of(*from).bytes == of(*to).bytes;
            if dies && alike && reads_where_it_writes(kernel, dying, result) {
                return Some((dying, result));
            }
        }
    }
    None
}

fn reads_where_it_writes(kernel: &Kernel, dying: usize, result: usize) -> bool {
    let mut written = None;
    for (at, stage) in kernel.stages.iter().enumerate() {
        for store in stage.stores.iter().filter(|s| s.buffer == result) {
            if written.is_some() {
                return false;
            }
            written = Some((at, store.index.clone()));
        }
    }
    let Some((last, place)) = written else { return false };
    kernel.stages.iter().enumerate().all(|(at, stage)| {
        stage.instructions.iter().all(|instruction| match instruction {
            Instruction::Load { buffer, index, guards, .. } if *buffer == dying => {
                at <= last && guards.is_empty() && *index == place && stage.inner == kernel.stages[last].inner
            }
            _ => true,
        })
    })
}
