//! `esperc build`: compiles an experiment, prints its stages, writes it as one artifact.
use crate::arguments::{Stage, Which};
use crate::exit::Failure;
use crate::experiment::Experiment;
use crate::terminal::{Terminal, print};
use clap::ValueEnum;
use esper_codegen::Program;
use esper_driver::{Override, Session, emit};
use esper_ir::{Graph, Model};
use std::path::PathBuf;

/// What to build and to show.
pub struct Build {
    /// The blueprint.
    pub file: PathBuf,
    /// The experiment's name.
    pub train: Option<String>,
    /// Stages to print.
    pub emit: Vec<Stage>,
    /// Which program the stages show.
    pub program: Which,
    /// `field=value`.
    pub set: Vec<String>,
    /// The artifact to write.
    pub output: Option<PathBuf>,
}

/// Builds.
pub fn build(arguments: &Build, terminal: &Terminal) -> Result<(), Failure> {
    let of_text = |s: &&Stage| matches!(s, Stage::Tokens | Stage::Ast | Stage::Hir);
    if arguments.file.extension().is_some_and(|e| e == "espb")
        && let Some(stage) = arguments.emit.iter().find(of_text)
    {
        let name = stage.to_possible_value().map_or_else(String::new, |v| v.get_name().to_string());
        return Err(Failure::Usage(format!("{} is compiled: `--emit {name}` needs its source", arguments.file.display())));
    }
    // tokens and trees exist for every text, also for one that does not check
    for stage in &arguments.emit {
        if matches!(stage, Stage::Tokens | Stage::Ast) {
            let loaded = Session::new().load(&arguments.file);
            if loaded.entry_error.is_some() {
                // printed here; a file that cannot be read has the code of failed reading
                let _ = terminal.report(&loaded.problems, &loaded.sources);
                return Err(Failure::Run(String::new()));
            }
            print(&if *stage == Stage::Tokens { emit::tokens(&loaded) } else { emit::ast(&loaded) })?;
        }
    }
    let later: Vec<Stage> = arguments.emit.iter().copied().filter(|s| !matches!(s, Stage::Tokens | Stage::Ast)).collect();
    if later.is_empty() && !arguments.emit.is_empty() && arguments.output.is_none() {
        return Ok(());
    }
    let experiment = Experiment::load(&arguments.file, arguments.train.as_deref(), &arguments.set, terminal)?;
    for stage in later {
        print(&text(stage, arguments, &experiment.model)?)?;
    }
    match &arguments.output {
        Some(path) => {
            esper_driver::write_atomically(path, &experiment.artifact).map_err(|e| Failure::Run(format!("{}: {e}", path.display())))?;
            eprintln!("{}: {} bytes", path.display(), experiment.artifact.len());
        }
        None if arguments.emit.is_empty() => {
            let program = program(&experiment.model, arguments.program)?;
            eprintln!("{}: {} kernels, {} steps", program.name, program.kernels.len(), program.steps.len());
        }
        None => {}
    }
    Ok(())
}

fn text(stage: Stage, arguments: &Build, model: &Model) -> Result<String, Failure> {
    Ok(match stage {
        Stage::Tokens | Stage::Ast => String::new(),
        Stage::Hir => {
            let changes = arguments.set.iter().map(|s| s.parse::<Override>()).collect::<Result<Vec<_>, _>>().map_err(Failure::Usage)?;
            let elaborated = Session::new().elaborate(&arguments.file, arguments.train.as_deref(), &changes);
            emit::hir(&elaborated.map_err(|e| Failure::Run(e.to_string()))?.experiment)
        }
        Stage::Graph => esper_ir::print(&graph(model, arguments.program)?),
        Stage::GraphDot => esper_ir::dot(&graph(model, arguments.program)?),
        Stage::Kernels => esper_codegen::print_kernels(&program(model, arguments.program)?),
        Stage::Plan => esper_codegen::print_plan(&program(model, arguments.program)?),
        Stage::Cuda => esper_codegen::emit_cuda(&program(model, arguments.program)?).map_err(|e| Failure::Run(e.to_string()))?,
        Stage::Wgsl => esper_codegen::emit_wgsl(&program(model, arguments.program)?).map_err(|e| Failure::Run(e.to_string()))?,
        Stage::Clif => clif(&program(model, arguments.program)?)?,
    })
}

fn clif(program: &Program) -> Result<String, Failure> {
    let mut text = String::new();
    for kernel in &program.kernels {
        text.push_str(&esper_codegen::target::clif::print(kernel).map_err(|e| Failure::Run(e.to_string()))?);
        text.push('\n');
    }
    Ok(text)
}

fn failed(error: esper_pipeline::Error) -> Failure {
    match error {
        esper_pipeline::Error::Bug(what) => Failure::Bug(what),
        other => Failure::Run(other.to_string()),
    }
}

fn graph(model: &Model, which: Which) -> Result<Graph, Failure> {
    let batch = model.settings.batch;
    match which {
        Which::Train => esper_pipeline::step_graph(model, batch),
        Which::Eval => esper_pipeline::eval_graph(model, batch),
        Which::Predict => esper_pipeline::predict_graph(model, batch),
        Which::Init => esper_pipeline::init_graph(model),
    }
    .map_err(failed)
}

fn program(model: &Model, which: Which) -> Result<Program, Failure> {
    let plan = esper_pipeline::plan(model).map_err(failed)?;
    let batch = model.settings.batch;
    match which {
        Which::Train => esper_pipeline::step_program(model, &plan, batch),
        Which::Eval => esper_pipeline::eval_program(model, &plan, batch),
        Which::Predict => esper_pipeline::predict_program(model, &plan, batch),
        Which::Init => esper_pipeline::init_program(model, &plan),
    }
    .map_err(failed)
}
