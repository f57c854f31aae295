//! `## structure`: how many kernels and library steps a program has, and which.
use esper_codegen::{Epilogue, Program, Step};
use esper_ir::Model;
use std::fmt::Write;

/// The programs of training, evaluation and prediction, one line a step; `!` marks what commits the step.
pub fn text(model: &Model, rows: usize) -> Result<String, String> {
    let plan = esper_pipeline::plan(model).map_err(|e| e.to_string())?;
    let train = esper_pipeline::step_program(model, &plan, rows).map_err(|e| e.to_string())?;
    let eval = esper_pipeline::eval_program(model, &plan, rows).map_err(|e| e.to_string())?;
    let predict = esper_pipeline::predict_program(model, &plan, rows).map_err(|e| e.to_string())?;
    let mut text = String::new();
    for program in [&train, &eval, &predict] {
        let kernels = program.steps.iter().filter(|s| matches!(s, Step::Kernel { .. })).count();
        let library = program.steps.len() - kernels;
        let _ = writeln!(text, "{}: {}, {}", program.name, count(kernels, "kernel"), count(library, "library step"));
        for (at, line) in steps_of(program).into_iter().enumerate() {
            let _ = writeln!(text, "{} {line}", if at >= program.update { " !" } else { "  " });
        }
    }
    Ok(text)
}

fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// The steps of a program in order: what each is, with its sizes.
pub fn steps_of(program: &Program) -> Vec<String> {
    let name = |id: &esper_codegen::BufferId| without_number(&program.buffers[id.0 as usize].name);
    let step = |step: &Step| match step {
        Step::Kernel { kernel, arguments } => {
            let kernel = &program.kernels[*kernel];
            let written = arguments.iter().zip(&kernel.buffers).filter(|(_, b)| b.access != esper_codegen::Access::Read);
            let written: Vec<String> = written.map(|(id, _)| name(id)).collect();
            format!("kernel {}: {}", operators(&kernel.name, &kernel.origin), written.join(", "))
        }
        Step::Dot(dot) => {
            let batch: usize = dot.batch.iter().map(|axis| axis.extent).product();
            let times = if dot.batch.is_empty() { String::new() } else { format!("{batch} of ") };
            format!("product {times}{} x {} x {}{}: {}", dot.m, dot.k, dot.n, after(&dot.epilogue), name(&dot.c))
        }
        Step::Convolution(c) => {
            let [n, channels, h, w] = c.input;
            format!("convolution {:?} of {n} x {channels} x {h} x {w}{}: {}", c.kind, after(&c.epilogue), name(&c.result))
        }
        Step::Pooling(p) => format!("pooling {:?}: {}", p.kind, name(&p.result)),
        Step::Scatter(s) => format!("scatter: {}", name(&s.result)),
    };
    program.steps.iter().map(step).collect()
}

/// What a kernel computes: what it came from, or where that is nothing its name.
fn operators(name: &str, origin: &[String]) -> String {
    if origin.is_empty() { without_number(name) } else { origin.join(" ") }
}

/// `mul_218` is any product, `gradient_0` the gradient of a certain parameter: the number of a node says nothing and would change with every
/// node before it.
fn without_number(name: &str) -> String {
    match name.rsplit_once('_') {
        Some((stem, number)) if number.parse::<u32>().is_ok() && (stem == "copy" || esper_ir::TABLE.iter().any(|s| s.name == stem)) => {
            stem.into()
        }
        _ => name.into(),
    }
}

fn after(epilogue: &Epilogue) -> String {
    let mut text = String::new();
    if epilogue.bias.is_some() {
        text.push_str(" + bias");
    }
    if epilogue.relu {
        text.push_str(" relu");
    }
    text
}
