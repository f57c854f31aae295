//! `esperc run`: trains an experiment, with progress for people, and a folder that holds everything of the run.
use crate::exit::Failure;
use crate::experiment::Experiment;
use crate::terminal::{Terminal, print};
use esper_device::Device;
use esper_ir::{Model, Split};
use esper_telemetry::{Display, DisplayMode};
use esper_train::{Outcome, RunError, RunFolder, RunOptions, summarise, train};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// What the command line says about a run.
pub struct Run {
    /// A .blueprint or .espb file; a run that is resumed has its own.
    pub file: Option<PathBuf>,
    /// The experiment's name.
    pub train: Option<String>,
    /// `field=value`.
    pub set: Vec<String>,
    /// `auto`, `cpu`.
    pub device: String,
    /// Threads of the CPU.
    pub threads: Option<usize>,
    /// Where runs are kept.
    pub runs: PathBuf,
    /// The run to continue.
    pub resume: Option<PathBuf>,
    /// Whether the same is trained without growth too.
    pub twin: bool,
    /// What is trained beside it, by the names of controls, or `all`.
    pub controls: Option<String>,
    /// One run for each.
    pub seeds: Option<Vec<u64>>,
    /// Only the summary.
    pub dry_run: bool,
    /// No progress.
    pub quiet: bool,
}

/// Trains.
pub fn run(arguments: &Run, terminal: &Terminal) -> Result<(), Failure> {
    let experiment = match (&arguments.resume, &arguments.file) {
        (Some(folder), file) => resumed(arguments, folder, file.as_deref(), terminal)?,
        (None, Some(file)) => Experiment::load(file, arguments.train.as_deref(), &arguments.set, terminal)?,
        (None, None) => return Err(Failure::Usage("say what to train: `esperc run FILE`, or `esperc run --resume RUN`".to_string())),
    };
    let device = open_device(&arguments.device, arguments.threads)?;
    if env!("ESPERC_PROFILE") != "release" && !arguments.quiet {
        eprintln!("note: this esperc was built without optimisation and is slow; build it with `cargo build --release`");
    }
    if arguments.dry_run {
        let text = summarise(&experiment.model, &*device, &experiment.folder).map_err(|e| failed(e, &experiment, terminal))?;
        return print(&text);
    }
    if arguments.resume.is_none() && !experiment.model.controls.is_empty() {
        return crate::comparison::compare(arguments, terminal);
    }
    let signals = Signals::listen()?;
    let mut display = Display::new(display_mode(arguments.quiet), Box::new(std::io::stderr()));
    let options = RunOptions {
        runs: arguments.runs.clone(),
        resume: arguments.resume.clone(),
        data_folder: (arguments.resume.is_none()).then(|| experiment.folder.clone()),
        device: &*device,
        artifact: &experiment.artifact,
        interrupt: &signals.stop,
        log_every: 10,
        stop_at_step: None,
        growth: Default::default(),
    };
    let outcome = train(&experiment.model, &options, &mut display).map_err(|e| failed(e, &experiment, terminal))?;
    if !arguments.quiet {
        eprint!("{}", closing(&outcome, &experiment.model));
    }
    print(&format!("{}\n", outcome.folder.display()))?;
    if outcome.interrupted { Err(Failure::Interrupted(signals.code())) } else { Ok(()) }
}

/// A bar where somebody looks at a terminal that can draw one, plain lines elsewhere.
pub fn display_mode(quiet: bool) -> DisplayMode {
    let dumb = std::env::var_os("TERM").is_some_and(|t| t == "dumb");
    match (quiet, std::io::stderr().is_terminal() && !dumb) {
        (true, _) => DisplayMode::Silent,
        (false, true) => DisplayMode::Terminal,
        (false, false) => DisplayMode::Plain,
    }
}

/// Requests to stop, by Ctrl-C or by the system: the first finishes the step and saves, the second ends at once.
pub struct Signals {
    stop: Arc<AtomicBool>,
    /// The number of the signal that came.
    which: Arc<AtomicUsize>,
}

impl Signals {
    /// From now on they are noted.
    pub fn listen() -> Result<Signals, Failure> {
        let signals = Signals { stop: Arc::new(AtomicBool::new(false)), which: Arc::new(AtomicUsize::new(0)) };
        for signal in [SIGINT, SIGTERM] {
            // In this order: what the first signal sets makes the second one end the process.
            flag::register_conditional_shutdown(signal, 128 + signal, signals.stop.clone())
                .and_then(|_| flag::register_usize(signal, signals.which.clone(), signal as usize))
                .and_then(|_| flag::register(signal, signals.stop.clone()))
                .map_err(|e| Failure::Run(format!("no handler for Ctrl-C: {e}")))?;
        }
        Ok(signals)
    }

    /// Set once a run is to stop.
    pub fn flag(&self) -> &AtomicBool {
        &self.stop
    }

    /// 130 after Ctrl-C, 143 after a request to terminate.
    pub fn code(&self) -> u8 {
        128 + self.which.load(Ordering::SeqCst) as u8
    }
}

/// Where everything is and what can be done next.
fn closing(outcome: &Outcome, model: &Model) -> String {
    let folder = outcome.folder.display();
    if outcome.interrupted {
        return format!("go on with\n  esperc run --resume {folder}\n");
    }
    let (val, test) = match model.data.split {
        Split::Holdout { val, test, .. } | Split::Tail { val, test } => (val, test),
    };
    let part = if test > 0.0 {
        " --split test"
    } else if val > 0.0 {
        ""
    } else {
        " --split train"
    };
    format!("curves and tables in {folder}/report.html\nnext\n  esperc eval {folder}{part}\n  esperc predict {folder} --data rows.csv\n")
}

/// The experiment of a run that goes on: what its folder holds. A file that says something else is refused with what differs.
fn resumed(arguments: &Run, folder: &Path, file: Option<&Path>, terminal: &Terminal) -> Result<Experiment, Failure> {
    RunFolder::open(folder).map_err(|e| Failure::Run(e.to_string()))?;
    let of_run = Experiment::load(&folder.join("model.espb"), arguments.train.as_deref(), &[], terminal)?;
    let Some(file) = file else {
        return match &arguments.set[..] {
            [] => Ok(of_run),
            _ => {
                Err(Failure::Usage("a run goes on as it began: `--set` cannot change it; train anew with `esperc run FILE --set …`".into()))
            }
        };
    };
    let given = Experiment::load(file, arguments.train.as_deref(), &arguments.set, terminal)?;
    let differences = of_run.differences(&given);
    if differences.is_empty() {
        return Ok(of_run);
    }
    let lines: String = differences.iter().map(|line| format!("  {line}\n")).collect();
    Err(Failure::Usage(format!(
        "{} is not what the run in {folder} was started with\n{lines}  to go on with the run as it was: esperc run --resume {folder}",
        file.display(),
        folder = folder.display()
    )))
}

/// Opens a device; `auto` is the best that this build has, the CPU.
pub fn open_device(name: &str, threads: Option<usize>) -> Result<Box<dyn Device>, Failure> {
    let name = match (name, threads) {
        ("auto" | "cpu", Some(threads)) => format!("cpu:{threads}"),
        ("auto", None) => "cpu".to_string(),
        (name, None) => name.to_string(),
        (name, Some(_)) => return Err(Failure::Usage(format!("--threads is for the CPU; the device is `{name}`"))),
    };
    esper_device::open(&name).map_err(|e| Failure::Run(e.to_string()))
}

/// What the command says of a failed run.
pub fn failed(error: RunError, experiment: &Experiment, terminal: &Terminal) -> Failure {
    match &error {
        RunError::Diagnostic(diagnostic) => {
            // printed here; the code is that of a failed run, whatever the message format
            let _ = terminal.report(std::slice::from_ref(diagnostic), &experiment.sources);
            if diagnostic.code == "D0201" { Failure::Diverged } else { Failure::Run(String::new()) }
        }
        RunError::Program(esper_pipeline::Error::Bug(what)) => Failure::Bug(what.clone()),
        _ => Failure::Run(error.to_string()),
    }
}
