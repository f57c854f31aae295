//! `esperc fmt`: rewrites files in the one style, or says which would change.
use crate::exit::Failure;
use crate::terminal::{Terminal, print};
use esper_diagnostics::Sources;
use similar::TextDiff;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Formats files in place; `-` is standard input to standard output. A file that cannot be formatted does not keep the others from it.
pub fn format(files: &[PathBuf], check: bool, diff: bool, terminal: &Terminal) -> Result<(), Failure> {
    let mut outcome = Ok(());
    for path in files {
        match one(path, check, diff, terminal) {
            Ok(()) => {}
            Err(Failure::Run(message)) => {
                eprintln!("error: {message}");
                outcome = Err(Failure::Run(String::new()));
            }
            Err(failure) if outcome.is_ok() => outcome = Err(failure),
            Err(_) => {}
        }
    }
    outcome
}

fn one(path: &Path, check: bool, diff: bool, terminal: &Terminal) -> Result<(), Failure> {
    let from_input = path == Path::new("-");
    let text = if from_input { standard_input()? } else { read(path)? };
    let name = if from_input { "standard input".to_string() } else { path.display().to_string() };
    let formatted = match esper_grammar::format(&text) {
        Ok(formatted) => formatted,
        Err(problems) => {
            let mut sources = Sources::default();
            sources.add(&name, &text);
            terminal.report(&problems, &sources)?;
            return Err(Failure::Program);
        }
    };
    let changed = formatted != text;
    if diff && changed {
        print(&TextDiff::from_lines(&text, &formatted).unified_diff().context_radius(3).header(&name, &name).to_string())?;
    }
    if check && changed {
        eprintln!("{name} is not formatted");
        return Err(Failure::Program);
    }
    if check || diff {
        return Ok(());
    }
    if from_input {
        print(&formatted)?;
    } else if changed {
        esper_driver::write_atomically(path, formatted.as_bytes()).map_err(|e| Failure::Run(format!("{name}: {e}")))?;
    }
    Ok(())
}

fn standard_input() -> Result<String, Failure> {
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes)?;
    esper_driver::text_of(bytes).map_err(|e| Failure::Run(format!("standard input: {e}")))
}

fn read(path: &Path) -> Result<String, Failure> {
    esper_driver::Files::default().read(path).map_err(|e| Failure::Run(format!("{}: {e}", path.display())))
}
