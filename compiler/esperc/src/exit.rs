//! How the command ends: exit codes, and a failure with what it says.
use std::process::ExitCode;

/// Why a subcommand did not end well.
#[derive(Debug)]
pub enum Failure {
    /// The program has errors (already printed), or `fmt --check` differs.
    Program,
    /// The command was used wrongly. Empty: already printed.
    Usage(String),
    /// Data, device or run failed. Empty: already printed.
    Run(String),
    /// A loss or gradient was not finite; already printed.
    Diverged,
    /// A bug in the compiler.
    Bug(String),
    /// Stopped by Ctrl-C (130) or a request to terminate (143), after saving.
    Interrupted(u8),
}

impl Failure {
    /// The exit code that `esperc --help` documents.
    pub fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Failure::Program => 1,
            Failure::Usage(_) => 2,
            Failure::Run(_) | Failure::Diverged => 3,
            Failure::Bug(_) => 70,
            Failure::Interrupted(code) => *code,
        })
    }
    /// What stands on standard error, if anything is still to be said.
    pub fn message(&self) -> Option<String> {
        match self {
            Failure::Program | Failure::Diverged | Failure::Interrupted(_) => None,
            Failure::Usage(text) | Failure::Run(text) if text.is_empty() => None,
            Failure::Usage(text) | Failure::Run(text) => Some(format!("error: {text}")),
            Failure::Bug(text) => Some(format!(
                "error: this is a bug in esperc {}, not in your program; please report it\n  {text}",
                env!("CARGO_PKG_VERSION")
            )),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Failure {
        Failure::Run(error.to_string())
    }
}
