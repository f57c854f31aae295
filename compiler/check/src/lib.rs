//! From syntax trees to checked programs: names, kinds, shapes, layers and state, with everything the compiler says about them.
pub mod builtins;
mod codes;
mod elaborate;
pub mod experiment;
pub mod facts;
pub mod hir;
mod interrupt;
pub mod names;
pub mod policy;
mod print;

pub use codes::CODES;
pub use elaborate::{Findings, Work, elaborate, trains};
pub use interrupt::{Interrupt, Interrupted};
pub use print::print_hir;

use esper_diagnostics::{Diagnostic, Severity, Span};
use names::Resolution;
use std::collections::BTreeSet;

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
    let is_error = |p: &&Diagnostic| p.severity == Severity::Error;
    let overlap = |a: Span, b: Span| a.file == b.file && a.start < b.end && b.start < a.end;
    let labels = |p: &Diagnostic| std::iter::once(&p.primary).chain(&p.secondary).map(|l| l.span).collect::<Vec<_>>();
    let follows = |p: &Diagnostic, wrong: &[Span]| labels(p).iter().any(|l| wrong.iter().any(|w| overlap(*w, *l)));
    let swallowed: Vec<Span> = syntax.iter().filter_map(swallowed).take(1_000).collect();
    let mut problems = syntax.to_vec();
    problems.extend(resolution.problems.iter().filter(|p| !follows(p, &swallowed)).cloned());
    let mut wrong: Vec<Span> = problems.iter().filter(is_error).map(|p| p.primary.span).take(1_000).collect();
    wrong.extend(swallowed);
    // An item with an error in its text means something else than was written.
    let in_item = |item: Span| syntax.iter().filter(is_error).any(|p| places(p).iter().any(|place| overlap(*place, item)));
    let mut unread = BTreeSet::new();
    for info in &resolution.items {
        if in_item(info.item.span) {
            unread.insert(info.id);
        }
        // A closer too many stands for an opener that is missing somewhere before it.
        let stray = |p: &&Diagnostic| p.code == "E0002" && overlap(p.primary.span, info.item.span);
        if syntax.iter().any(|p| stray(&p)) {
            wrong.push(info.item.span);
        }
    }
    let parses = !syntax.iter().any(|p| p.severity == Severity::Error);
    resolution.mark_unread(unread);
    problems.extend(elaborate::check_items(resolution, parses, run).into_iter().filter(|p| !follows(p, &wrong)));
    problems.sort_by(|a, b| (a.primary.span, &a.code, &a.message).cmp(&(b.primary.span, &b.code, &b.message)));
    problems.dedup();
    problems
}

/// The places of a syntax error: of an unclosed bracket where it was opened, because what proves it may be another item.
fn places(problem: &Diagnostic) -> Vec<Span> {
    match problem.code.as_str() {
        "E0001" => problem.secondary.iter().map(|l| l.span).collect(),
        _ => vec![problem.primary.span],
    }
}

/// What was read as if it stood inside an unclosed parenthesis or bracket: from there to what proves it.
fn swallowed(problem: &Diagnostic) -> Option<Span> {
    let unclosed = problem.code == "E0001" && !problem.message.ends_with("`{`");
    let opened = problem.secondary.iter().map(|l| l.span).min()?;
    unclosed.then_some(Span { end: problem.primary.span.start.max(opened.end), ..opened })
}
