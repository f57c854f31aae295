//! The command line: every subcommand with its options, and nothing of what they do.
use clap::{Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// The Esper compiler and trainer.
#[derive(Parser, Debug)]
#[command(
    name = "esperc",
    version,
    about = "Compiles .blueprint files and trains what they describe",
    after_help = "Examples:\n  esperc run examples/digits.blueprint --set epochs=3\n  esperc eval runs/digits-1 --split test\n  \
                  esperc build model.blueprint -o model.espb\n\n\
                  Exit codes:\n  0 fine\n  1 the program has errors, or `fmt --check` differs\n  2 wrong usage\n  \
                  3 data, device or run failed\n  70 a bug in the compiler\n  130 interrupted, 143 terminated (a run has saved its state)"
)]
pub struct Arguments {
    /// How diagnostics are written
    #[arg(long, global = true, value_enum, default_value_t = MessageFormat::Human)]
    pub message_format: MessageFormat,
    /// When to use colours
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto)]
    pub color: Color,
    #[command(subcommand)]
    pub command: Command,
}

/// A number of threads that a machine may have.
fn threads(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|n| (1..=512).contains(n)).ok_or_else(|| "a whole number from 1 to 512".to_string())
}

/// Several seeds.
#[derive(Clone, Debug)]
pub struct Seeds(pub Vec<u64>);

/// `0..4` (both ends included) or `0,3,7`.
fn seeds(text: &str) -> Result<Seeds, String> {
    let wrong = || "seeds are a range such as `0..4`, both ends included, or a list such as `0,3,7`".to_string();
    let number = |part: &str| part.trim().parse::<u64>().map_err(|_| wrong());
    let all: Vec<u64> = match text.split_once("..") {
        Some((from, to)) => (number(from)?..=number(to)?).take(1001).collect(),
        None => text.split(',').map(number).collect::<Result<_, _>>()?,
    };
    if all.is_empty() || all.len() > 1000 { Err(wrong()) } else { Ok(Seeds(all)) }
}

/// A time to measure for.
fn seconds(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|s| (0.01..=600.0).contains(s)).ok_or_else(|| "a number from 0.01 to 600".to_string())
}

/// How diagnostics are written.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageFormat {
    /// Source lines with labels
    Human,
    /// One line each: file:line:column: error[code]: message
    Short,
    /// One JSON object a line
    Json,
    /// One SARIF 2.1.0 document
    Sarif,
}

/// When to use colours.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    Auto,
    Always,
    Never,
}

/// What to print of a compilation.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Tokens,
    Ast,
    Hir,
    Graph,
    /// The graph after differentiation and simplification, as Graphviz
    #[value(name = "graph=dot")]
    GraphDot,
    Kernels,
    Plan,
    Clif,
    Cuda,
    Wgsl,
}

/// Which rows `eval` reads.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    Train,
    Val,
    Test,
}

/// What `export` writes.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportAs {
    /// A blueprint with what grew as layers, and its weights beside it
    Blueprint,
    /// The weights alone, under the run's paths
    Safetensors,
}

#[derive(Subcommand, Debug)]
pub enum Command {
    /// Check files and say what is wrong with them
    Check {
        /// Blueprint files
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Apply every repair that is the only sensible one, in place
        #[arg(long)]
        fix: bool,
    },
    /// Compile an experiment; print a stage of it, or write it as one artifact
    Build {
        /// A blueprint file
        file: PathBuf,
        /// The experiment, where the file has several
        train: Option<String>,
        /// Print this stage (or several, separated by commas) to standard output
        #[arg(long, value_enum, value_delimiter = ',')]
        emit: Vec<Stage>,
        /// Which program `--emit` shows
        #[arg(long, value_enum, default_value_t = Which::Train)]
        program: Which,
        /// Change a field: `epochs=3`, `optimizer.lr.peak=1e-3`
        #[arg(long = "set", value_name = "FIELD=VALUE")]
        set: Vec<String>,
        /// Write the artifact that `esperc run` uses without the source
        #[arg(short, long, value_name = "FILE.espb")]
        output: Option<PathBuf>,
    },
    /// Train: a blueprint file or a built artifact
    Run {
        /// A .blueprint or .espb file; not needed with --resume
        #[arg(required_unless_present = "resume")]
        file: Option<PathBuf>,
        /// The experiment, where the file has several
        train: Option<String>,
        /// Change a field: `epochs=3`, `optimizer.lr.peak=1e-3`
        #[arg(long = "set", value_name = "FIELD=VALUE")]
        set: Vec<String>,
        /// Where to run
        #[arg(long, default_value = "auto")]
        device: String,
        /// Threads of the CPU device; results do not depend on it
        #[arg(long, value_parser = threads)]
        threads: Option<usize>,
        /// Folder in which runs are kept
        #[arg(long, default_value = "runs")]
        runs: PathBuf,
        /// Continue a run from its newest checkpoint, bit for bit
        #[arg(long, value_name = "RUN")]
        resume: Option<PathBuf>,
        /// Train the same without growth too, on the same rows in the same order, and compare
        #[arg(long, conflicts_with_all = ["resume", "dry_run"])]
        twin: bool,
        /// Train controls too and compare; without a list, all: `--controls=off,static,equal_flops,fixed_schedule`
        #[arg(long, value_name = "CONTROLS", num_args = 0..=1, require_equals = true, default_missing_value = "all",
              conflicts_with_all = ["resume", "dry_run"])]
        controls: Option<String>,
        /// Train once for each seed: `0..4`, or `0,3,7`
        #[arg(long, value_name = "SEEDS", value_parser = seeds, conflicts_with_all = ["resume", "dry_run"])]
        seeds: Option<Seeds>,
        /// Compile and summarise, but do not train
        #[arg(long)]
        dry_run: bool,
        /// No progress
        #[arg(short, long)]
        quiet: bool,
    },
    /// Evaluate a finished run
    Eval {
        /// The run's folder, or a blueprint that starts from weights
        run: PathBuf,
        /// Which rows
        #[arg(long, value_enum, default_value_t = Rows::Val)]
        split: Rows,
        /// Which checkpoint of a run: best, last
        #[arg(long, default_value = "best")]
        checkpoint: String,
    },
    /// Predict with a finished run; CSV to standard output
    Predict {
        /// The run's folder, or a blueprint that starts from weights
        run: PathBuf,
        /// Rows of features, without labels
        #[arg(long)]
        data: PathBuf,
        /// Write here instead of standard output
        #[arg(short, long)]
        output: Option<PathBuf>,
        /// Which checkpoint: best, last
        #[arg(long, default_value = "best")]
        checkpoint: String,
    },
    /// Write the network of a finished run as source with its weights, or its weights alone
    Export {
        /// The run's folder
        run: PathBuf,
        /// What to write
        #[arg(long = "as", value_enum, default_value_t = ExportAs::Blueprint)]
        form: ExportAs,
        /// The folder to write into; without it, `export` in the run's folder
        #[arg(short, long, value_name = "FOLDER")]
        output: Option<PathBuf>,
        /// Which checkpoint: best, last
        #[arg(long, default_value = "best")]
        checkpoint: String,
    },
    /// Format files in place, or standard input (`-`) to standard output
    Fmt {
        /// Blueprint files
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Write nothing; exit with 1 where a file would change
        #[arg(long)]
        check: bool,
        /// Print what would change, write nothing
        #[arg(long)]
        diff: bool,
    },
    /// Tell a diagnostic code at length; without one, list all
    Explain {
        /// `E0301`
        code: Option<String>,
    },
    /// Tell how a run grew: what was considered, chosen, denied, kept and dropped, and why
    ExplainRun {
        /// The run's folder, or its name in `--runs`: `digits-3`
        run: PathBuf,
        /// Folder in which runs are kept
        #[arg(long, default_value = "runs")]
        runs: PathBuf,
    },
    /// Documentation of a name: `std.nn.Linear`, `max_pool`, `std.optim`
    Doc {
        /// What to look up; without a name, the modules of the library
        name: Option<String>,
        /// Print the whole source of the item or module
        #[arg(long)]
        source: bool,
    },
    /// Measure training steps and compilation
    Bench {
        /// `w1`, `w2`, `check`, or a blueprint file; without one, all built-in workloads. `growth`, alone or with `gradmax` or `honest_gate`:
        /// yardsticks of growth
        workloads: Vec<String>,
        /// Threads of the CPU device; default: one, then two
        #[arg(long, value_parser = threads)]
        threads: Option<usize>,
        /// Seconds to measure each workload for
        #[arg(long, default_value_t = 1.0, value_parser = seconds)]
        seconds: f64,
        /// Print where the time of a step goes, kernel by kernel
        #[arg(long)]
        profile: bool,
        /// One JSON object a workload
        #[arg(long)]
        json: bool,
    },
    /// What earlier runs have taught about seeds
    Knowledge {
        #[command(subcommand)]
        what: Knowing,
    },
    /// Serve an editor: the language server, on standard input and output
    Lsp {
        /// What editors say who know several ways; there is no other
        #[arg(long)]
        stdio: bool,
    },
    /// Looks inside, for developers
    Dev {
        #[command(subcommand)]
        what: Dev,
    },
}

/// What to do with what is known.
#[derive(Subcommand, Debug)]
pub enum Knowing {
    /// One line for each task, blueprint and kind of slot
    List {
        #[command(flatten)]
        filter: KnowledgeFilter,
    },
    /// Everything as JSON, on standard output
    Export {
        #[command(flatten)]
        filter: KnowledgeFilter,
    },
    /// Forget entries, or everything
    Forget {
        #[command(flatten)]
        filter: KnowledgeFilter,
        /// Everything, a damaged file included
        #[arg(long, conflicts_with_all = ["task", "blueprint", "slot"])]
        all: bool,
    },
}

/// Which entries of what is known; what is not said is any.
#[derive(clap::Args, Debug)]
pub struct KnowledgeFilter {
    /// The signature of a task, or its beginning
    #[arg(long)]
    pub task: Option<String>,
    /// The hash of a blueprint, or its beginning
    #[arg(long)]
    pub blueprint: Option<String>,
    /// The types of a slot, as listed
    #[arg(long)]
    pub slot: Option<String>,
}

/// Which of a model's programs.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    Train,
    Eval,
    Predict,
    Init,
}

#[derive(Subcommand, Debug)]
pub enum Dev {
    /// The passes in the order they run
    Passes,
    /// The operator table
    Operators,
    /// The devices that were found
    Devices,
}
