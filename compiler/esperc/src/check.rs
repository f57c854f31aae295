//! `esperc check`: says what is wrong with files, and with `--fix` mends what has only one sensible repair.
use crate::exit::Failure;
use crate::terminal::{Terminal, print, rules};
use esper_diagnostics::{Diagnostic, Format, Sources, Span, render_sarif};
use esper_driver::Session;
use std::path::{Path, PathBuf};

/// Checks files one after the other; each is the entry of its own program. SARIF is one document for all of them.
pub fn check(files: &[PathBuf], fix: bool, terminal: &Terminal) -> Result<(), Failure> {
    let mut session = Session::new();
    let mut outcome = Ok(());
    let (mut together, mut all_sources) = (Vec::new(), Sources::default());
    for path in files {
        let from_input = path == Path::new("-");
        if fix && from_input {
            return Err(Failure::Usage("`--fix` mends files, and standard input is none".to_string()));
        }
        if fix {
            let fixed = esper_driver::fix(path).map_err(|e| Failure::Run(format!("{}: {e}", path.display())))?;
            if fixed.repairs > 0 {
                let names: Vec<String> = fixed.files.iter().map(|f| f.display().to_string()).collect();
                eprintln!("{} repair{} in {}", fixed.repairs, if fixed.repairs == 1 { "" } else { "s" }, names.join(", "));
            }
        }
        let checked = session.check(path);
        let failed = if checked.loaded.entry_error.is_some() { Failure::Run(String::new()) } else { Failure::Program };
        if checked.has_errors() && !matches!(outcome, Err(Failure::Run(_))) {
            outcome = Err(failed);
        }
        if terminal.format == Format::Sarif {
            let first = all_sources.iter().count() as u32;
            checked.sources().iter().for_each(|(_, file)| {
                all_sources.add(&file.name, &file.text);
            });
            together.extend(checked.problems.into_iter().map(|p| moved(p, first)));
            continue;
        }
        // Whether there are errors is already in the outcome.
        if let Err(Failure::Run(text)) = terminal.report(&checked.problems, checked.sources()) {
            return Err(Failure::Run(text));
        }
        if !checked.has_errors() && files.len() == 1 && terminal.is_for_people() {
            eprintln!("{}: no errors", if from_input { "standard input".to_string() } else { path.display().to_string() });
        }
    }
    if terminal.format == Format::Sarif {
        print(&render_sarif(&together, &all_sources, &rules()))?;
    }
    outcome
}

/// A problem among the sources of several programs, of which `first` stand before its own.
fn moved(mut problem: Diagnostic, first: u32) -> Diagnostic {
    let shift = |span: &mut Span| span.file.0 += first;
    shift(&mut problem.primary.span);
    problem.secondary.iter_mut().for_each(|label| shift(&mut label.span));
    problem.edits.iter_mut().flat_map(|edit| &mut edit.changes).for_each(|(span, _)| shift(span));
    problem
}
