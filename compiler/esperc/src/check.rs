//! `esperc check`: says what is wrong with files, and with `--fix` mends what has only one sensible repair.
use crate::exit::Failure;
use crate::terminal::Terminal;
use esper_diagnostics::Severity;
use esper_driver::Session;
use std::path::PathBuf;

/// Checks files one after the other; each is the entry of its own program.
pub fn check(files: &[PathBuf], fix: bool, terminal: &Terminal) -> Result<(), Failure> {
    let mut session = Session::new();
    let mut outcome = Ok(());
    for path in files {
        if fix {
            let fixed = esper_driver::fix(path).map_err(|e| Failure::Run(format!("{}: {e}", path.display())))?;
            if fixed.repairs > 0 {
                let names: Vec<String> = fixed.files.iter().map(|f| f.display().to_string()).collect();
                eprintln!("{} repair{} in {}", fixed.repairs, if fixed.repairs == 1 { "" } else { "s" }, names.join(", "));
            }
        }
        let checked = session.check(path);
        let unreadable = checked.loaded.entry_error.is_some();
        if let Err(failure) = terminal.report(&checked.problems, checked.sources()) {
            outcome = Err(if unreadable { Failure::Run(String::new()) } else { failure });
        } else if checked.problems.iter().all(|p| p.severity == Severity::Warning) && files.len() == 1 && terminal.is_for_people() {
            eprintln!("{}: no errors", path.display());
        }
    }
    outcome
}
