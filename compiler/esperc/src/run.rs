//! `esperc run`: trains an experiment, with progress for people, and a folder that holds everything of the run.
use crate::exit::Failure;
use crate::experiment::Experiment;
use crate::terminal::{Terminal, print};
use esper_device::Device;
use esper_telemetry::{Display, DisplayMode};
use esper_train::{RunError, RunOptions, summarise, train};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

/// What the command line says about a run.
pub struct Run {
    /// A .blueprint or .espb file.
    pub file: PathBuf,
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
    /// Only the summary.
    pub dry_run: bool,
    /// No progress.
    pub quiet: bool,
}

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
static INTERRUPTIONS: AtomicU8 = AtomicU8::new(0);

/// Trains.
pub fn run(arguments: &Run, terminal: &Terminal) -> Result<(), Failure> {
    let experiment = match &arguments.resume {
        Some(folder) => resumed(arguments, folder, terminal)?,
        None => Experiment::load(&arguments.file, arguments.train.as_deref(), &arguments.set, terminal)?,
    };
    let device = open_device(&arguments.device, arguments.threads)?;
    if env!("ESPERC_PROFILE") != "release" && !arguments.quiet {
        eprintln!("note: this esperc was built without optimisation and is slow; build it with `cargo build --release`");
    }
    if arguments.dry_run {
        let text = summarise(&experiment.model, &*device, &experiment.folder).map_err(|e| failed(e, &experiment, terminal))?;
        return print(&text);
    }
    // The first Ctrl-C finishes the step and saves; the second ends at once.
    ctrlc::set_handler(|| {
        INTERRUPTED.store(true, Ordering::SeqCst);
        if INTERRUPTIONS.fetch_add(1, Ordering::SeqCst) > 0 {
            std::process::exit(130);
        }
    })
    .map_err(|e| Failure::Run(format!("no handler for Ctrl-C: {e}")))?;
    let mode = match (arguments.quiet, std::io::stderr().is_terminal()) {
        (true, _) => DisplayMode::Silent,
        (false, true) => DisplayMode::Terminal,
        (false, false) => DisplayMode::Plain,
    };
    let mut display = Display::new(mode, Box::new(std::io::stderr()));
    let options = RunOptions {
        runs: arguments.runs.clone(),
        resume: arguments.resume.clone(),
        data_folder: (arguments.resume.is_none()).then(|| experiment.folder.clone()),
        device: &*device,
        artifact: &experiment.artifact,
        interrupt: &INTERRUPTED,
        log_every: 10,
        stop_at_step: None,
    };
    let outcome = train(&experiment.model, &options, &mut display).map_err(|e| failed(e, &experiment, terminal))?;
    print(&format!("{}\n", outcome.folder.display()))?;
    if outcome.interrupted {
        if !arguments.quiet {
            eprintln!("interrupted and saved; go on with: esperc run {} --resume {}", arguments.file.display(), outcome.folder.display());
        }
        return Err(Failure::Interrupted(130));
    }
    Ok(())
}

/// The experiment of a run that goes on: what its folder holds. A source that says something else is refused with what differs.
fn resumed(arguments: &Run, folder: &Path, terminal: &Terminal) -> Result<Experiment, Failure> {
    let artifact = folder.join("model.espb");
    let of_run = Experiment::load(&artifact, None, &[], terminal)?;
    let given = Experiment::load(&arguments.file, arguments.train.as_deref(), &arguments.set, terminal)?;
    if let Some(difference) = of_run.differs_from(&given) {
        return Err(Failure::Usage(format!(
            "{} differs from what the run in {} was started with: {difference}\n  to go on with the run as it was: esperc run {} --resume {}",
            arguments.file.display(),
            folder.display(),
            artifact.display(),
            folder.display()
        )));
    }
    Ok(of_run)
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
            Failure::Run(String::new())
        }
        RunError::Program(esper_pipeline::Error::Bug(what)) => Failure::Bug(what.clone()),
        _ => Failure::Run(error.to_string()),
    }
}
