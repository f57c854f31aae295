//! From syntax trees to checked programs: names, kinds, shapes, layers and state, with everything the compiler says about them.
pub mod builtins;
mod codes;
mod elaborate;
pub mod experiment;
pub mod facts;
pub mod hir;
pub mod names;
mod print;

pub use codes::CODES;
pub use elaborate::{Findings, Work, elaborate, trains};
pub use print::print_hir;

use esper_diagnostics::{Diagnostic, Severity, Span};
use names::Resolution;

/// Checks every item with names for its sizes and, where nothing is wrong, every experiment with its numbers. What is wrong with names
/// is in [`Resolution::problems`] and not repeated here.
pub fn check(resolution: &Resolution) -> Vec<Diagnostic> {
    elaborate::check_items(resolution, true, &mut |work| work.run(resolution, false).problems)
}

/// All problems of a program by file and place, each once: its syntax errors, what is wrong with names, and what [`check`] finds.
/// One mistake, one error: where the text or its names are wrong already, sizes and kinds have nothing to add.
pub fn problems(syntax: &[Diagnostic], resolution: &Resolution) -> Vec<Diagnostic> {
    problems_with(syntax, resolution, &mut |work| work.run(resolution, false).problems)
}

/// [`problems`], where `run` does each piece of the work, or knows from before what it finds.
pub fn problems_with<'a>(
    syntax: &[Diagnostic],
    resolution: &'a Resolution<'a>,
    run: &mut dyn FnMut(Work<'a>) -> Vec<Diagnostic>,
) -> Vec<Diagnostic> {
    let mut problems = syntax.to_vec();
    problems.extend(resolution.problems.iter().cloned());
    let errors = problems.iter().filter(|p| p.severity == Severity::Error);
    let wrong: Vec<Span> = errors.map(|p| p.primary.span).take(1_000).collect();
    let overlap = |a: Span, b: Span| a.file == b.file && a.start < b.end && b.start < a.end;
    let follows = |p: &Diagnostic| std::iter::once(&p.primary).chain(&p.secondary).any(|l| wrong.iter().any(|w| overlap(*w, l.span)));
    let parses = !syntax.iter().any(|p| p.severity == Severity::Error);
    problems.extend(elaborate::check_items(resolution, parses, run).into_iter().filter(|p| !follows(p)));
    problems.sort_by(|a, b| (a.primary.span, &a.code, &a.message).cmp(&(b.primary.span, &b.code, &b.message)));
    problems.dedup();
    problems
}
