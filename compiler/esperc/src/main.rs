//! The `esperc` command: reads the command line and hands it to one file a subcommand.
mod arguments;
mod bench;
mod build;
mod check;
mod comparison;
mod development;
mod exit;
mod experiment;
mod explain_run;
mod export;
mod finished;
mod format;
mod knowledge;
mod lsp;
mod manual;
mod run;
mod terminal;

use arguments::{Arguments, Command};
use clap::Parser;
use exit::Failure;
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;
use terminal::Terminal;

fn main() -> ExitCode {
    let arguments = Arguments::parse_from(with_command(std::env::args_os().collect()));
    let terminal = Terminal::new(arguments.message_format, arguments.color);
    // A panic is a bug: it is said so, with the place, and ends with code 70.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(|l| format!(" at {}:{}", l.file(), l.line())).unwrap_or_default();
        let what = panic.payload_as_str().unwrap_or("no message");
        eprintln!("error: this is a bug in esperc {}, not in your program; please report it\n  {what}{place}", env!("CARGO_PKG_VERSION"));
        if std::env::var_os("ESPER_BACKTRACE").is_some_and(|v| v == "1") {
            eprintln!("{}", std::backtrace::Backtrace::force_capture());
        }
    }));
    // Deep trees are walked by recursion: the parser bounds their depth, this stack holds the deepest.
    let outcome =
        std::thread::Builder::new().name("main".into()).stack_size(256 << 20).spawn(move || execute(arguments.command, &terminal));
    let outcome = match outcome.map(|thread| thread.join()) {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => return ExitCode::from(70),
        Err(error) => Err(Failure::Run(format!("no thread could be started: {error}"))),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if let Some(message) = failure.message() {
                eprintln!("{message}");
            }
            failure.code()
        }
    }
}

/// The words of the command line; a file alone (`esperc model.blueprint`) is one to build, as people expect of a compiler.
fn with_command(mut words: Vec<OsString>) -> Vec<OsString> {
    if words.get(1).is_some_and(|word| Path::new(word).extension().is_some_and(|e| e == "blueprint" || e == "espb")) {
        words.insert(1, "build".into());
    }
    words
}

fn execute(command: Command, terminal: &Terminal) -> Result<(), Failure> {
    match command {
        Command::Check { files, fix } => check::check(&files, fix, terminal),
        Command::Build { file, train, emit, program, set, output } => {
            build::build(&build::Build { file, train, emit, program, set, output }, terminal)
        }
        Command::Run { file, train, set, device, threads, runs, resume, twin, controls, seeds, dry_run, quiet } => {
            let seeds = seeds.map(|arguments::Seeds(all)| all);
            let arguments = run::Run { file, train, set, device, threads, runs, resume, twin, controls, seeds, dry_run, quiet };
            if arguments.twin || arguments.controls.is_some() || arguments.seeds.is_some() {
                comparison::compare(&arguments, terminal)
            } else {
                run::run(&arguments, terminal)
            }
        }
        Command::Eval { run, split, checkpoint } => finished::eval(&run, split, &checkpoint, terminal),
        Command::Predict { run, data, output, checkpoint } => finished::predict(&run, &data, output.as_deref(), &checkpoint, terminal),
        Command::Export { run, form, output, checkpoint } => export::export(&run, form, output.as_deref(), &checkpoint, terminal),
        Command::Fmt { files, check, diff } => format::format(&files, check, diff, terminal),
        Command::Explain { code } => manual::explain(code.as_deref()),
        Command::ExplainRun { run, runs } => explain_run::explain_run(&run, &runs, terminal),
        Command::Doc { name, source } => manual::document(name.as_deref(), source),
        Command::Bench { workloads, threads, seconds, profile, json } => {
            bench::bench(&bench::Bench { workloads, threads, seconds, profile, json }, terminal)
        }
        Command::Knowledge { what } => knowledge::knowledge(what),
        Command::Lsp { stdio: _ } => lsp::serve(),
        Command::Dev { what } => development::show(what),
    }
}
