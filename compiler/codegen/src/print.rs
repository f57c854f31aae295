//! Programs as people read them: kernels as loop nests, and the plan of steps and buffers.
use crate::{Access, BatchAxis, BufferId, Class, Epilogue, Guard, Index, Instruction, Kernel, Program, Stage, Step, Value};
use std::fmt::Write;

/// Every kernel of a program as a loop nest.
pub fn print_kernels(program: &Program) -> String {
    program.kernels.iter().map(print_kernel).collect::<Vec<_>>().join("\n")
}

/// One kernel as a loop nest.
pub fn print_kernel(kernel: &Kernel) -> String {
    let mut text = String::new();
    let access = |a| match a {
        Access::Read => "in",
        Access::Write => "out",
        Access::ReadWrite => "inout",
    };
    let parameters: Vec<String> =
        kernel.buffers.iter().enumerate().map(|(n, b)| format!("{} b{n}: {}[{}]", access(b.access), b.dtype.name(), b.elements)).collect();
    line(&mut text, 0, &format!("kernel {}({})", kernel.name, parameters.join(", ")));
    if !kernel.origin.is_empty() {
        line(&mut text, 1, &format!("// {}", kernel.origin.join(", ")));
    }
    let lanes = match kernel.vector {
        crate::VectorAxis::Rows => "rows",
        crate::VectorAxis::Inner => "inner positions",
    };
    let rows: Vec<String> = kernel.rows.iter().enumerate().map(|(n, e)| format!("r{n} < {e}")).collect();
    line(&mut text, 1, &format!("rows {} (lanes over {lanes})", if rows.is_empty() { "1".into() } else { rows.join(", ") }));
    for stage in &kernel.stages {
        print_stage(&mut text, stage);
    }
    text
}

fn line(text: &mut String, depth: usize, what: &str) {
    let _ = writeln!(text, "{}{what}", "  ".repeat(depth));
}

fn print_stage(text: &mut String, stage: &Stage) {
    let inner: Vec<String> = stage.inner.iter().enumerate().map(|(n, e)| format!("i{n} < {e}")).collect();
    line(text, 2, &if inner.is_empty() { "once".to_string() } else { format!("for {}", inner.join(", ")) });
    for (n, (instruction, dtype)) in stage.instructions.iter().zip(&stage.dtypes).enumerate() {
        line(text, 3, &format!("v{n}: {} = {}", dtype.name(), print_instruction(instruction)));
    }
    for r in &stage.reductions {
        line(text, 3, &format!("s{} = {:?}(v{}) {:?}", r.into.0, r.combine, r.value.0, r.order));
    }
    for (register, value) in &stage.definitions {
        line(text, 3, &format!("s{} = v{}", register.0, value.0));
    }
    for s in &stage.stores {
        line(text, 3, &format!("b{}[{}] = v{}", s.buffer, print_index(&s.index), s.value.0));
    }
}

fn print_instruction(instruction: &Instruction) -> String {
    let values = |all: &[Value]| all.iter().map(|v| format!("v{}", v.0)).collect::<Vec<_>>().join(", ");
    match instruction {
        Instruction::Load { buffer, index, guards, otherwise } if guards.is_empty() => {
            let _ = otherwise;
            format!("b{buffer}[{}]", print_index(index))
        }
        Instruction::Load { buffer, index, guards, otherwise } => {
            format!("b{buffer}[{}] if {} else {otherwise}", print_index(index), print_guards(guards))
        }
        Instruction::Register(register) => format!("s{}", register.0),
        Instruction::Constant(value, _) => format!("{value}"),
        Instruction::Position(index, _) => print_index(index),
        Instruction::Inside(guards) => print_guards(guards),
        Instruction::Apply(prim, operands, dtype) => {
            format!("{}.{}({})", format!("{prim:?}").to_lowercase(), dtype.name(), values(operands))
        }
        Instruction::Cast { value, from, to } => format!("{}(v{}: {})", to.name(), value.0, from.name()),
        Instruction::Random { key, stream, index } => format!("random(b{key}, {:016x}, {})", stream.0, print_index(index)),
    }
}

fn print_guards(guards: &[Guard]) -> String {
    let all: Vec<String> = guards.iter().map(|g| format!("0 <= {} < {}", print_index(&g.index), g.extent)).collect();
    all.join(" and ")
}

/// An index as text.
pub fn print_index(index: &Index) -> String {
    let factor = |i: &Index| match i {
        Index::Add(..) => format!("({})", print_index(i)),
        _ => print_index(i),
    };
    match index {
        Index::Constant(n) => format!("{n}"),
        Index::Row(n) => format!("r{n}"),
        Index::Inner(n) => format!("i{n}"),
        Index::Value(v) => format!("v{}", v.0),
        Index::Add(a, b) => format!("{} + {}", print_index(a), print_index(b)),
        Index::Mul(a, n) => format!("{}*{n}", factor(a)),
        Index::Div(a, n) => format!("{}/{n}", factor(a)),
        Index::Mod(a, n) => format!("{}%{n}", factor(a)),
    }
}

/// The steps of a program, its buffers with their places, and the size of each arena.
pub fn print_plan(program: &Program) -> String {
    let mut text = format!("program {}\n", program.name);
    let name = |b: &BufferId| format!("{}#{}", program.buffers[b.0 as usize].name, b.0);
    let epilogue =
        |e: &Epilogue| format!("{}{}", e.bias.map_or(String::new(), |b| format!(" + {}", name(&b))), if e.relu { ", relu" } else { "" });
    let batch = |axes: &[BatchAxis]| axes.iter().map(|a| format!("{} x ", a.extent)).collect::<String>();
    line(&mut text, 0, "steps");
    for (at, step) in program.steps.iter().enumerate() {
        if at == program.update {
            line(&mut text, 0, "update");
        }
        let what = match step {
            Step::Kernel { kernel, arguments } => {
                let arguments: Vec<String> = arguments.iter().map(name).collect();
                format!("{}({})", program.kernels[*kernel].name, arguments.join(", "))
            }
            Step::Dot(d) => format!(
                "{} = {}{}[{}, {}]{:?} . {}[{}, {}]{:?}{}",
                name(&d.c),
                batch(&d.batch),
                name(&d.a),
                d.m,
                d.k,
                d.a_strides,
                name(&d.b),
                d.k,
                d.n,
                d.b_strides,
                epilogue(&d.epilogue)
            ),
            Step::Convolution(c) => format!(
                "{} = convolution {:?}({}, {}){}",
                name(&c.result),
                c.kind,
                name(&c.operands[0]),
                name(&c.operands[1]),
                epilogue(&c.epilogue)
            ),
            Step::Pooling(p) => {
                let operands: Vec<String> = p.operands.iter().map(name).collect();
                format!("{} = pooling {:?}({})", name(&p.result), p.kind, operands.join(", "))
            }
            Step::Scatter(s) => format!("{} = scatter({}, {})", name(&s.result), name(&s.indices), name(&s.updates)),
        };
        line(&mut text, 1, &format!("{at}: {what}"));
    }
    line(&mut text, 0, "buffers");
    for (at, b) in program.buffers.iter().enumerate() {
        line(
            &mut text,
            1,
            &format!("{}#{at}: {}{:?} in {:?} at {}, {} bytes", b.name, b.dtype.name(), b.shape, b.class, b.offset, b.bytes),
        );
    }
    line(&mut text, 0, "arenas");
    for (class, bytes) in Class::ALL.iter().zip(program.arenas) {
        line(&mut text, 1, &format!("{class:?}: {bytes} bytes"));
    }
    text
}
