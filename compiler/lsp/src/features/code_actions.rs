//! Repairs: every edit that the compiler offers, and all certain ones of a file at once.
use crate::snapshot::Snapshot;
use esper_diagnostics::{Diagnostic, Edit, Span, apply_edits};

/// One repair of a problem.
#[derive(Clone, Debug)]
pub struct Action<'p> {
    /// What it does.
    pub title: String,
    /// The problem it repairs.
    pub problem: &'p Diagnostic,
    /// What changes.
    pub changes: &'p [(Span, String)],
    /// Whether it is the only sensible one.
    pub is_certain: bool,
}

/// The repairs of problems that touch a range of the entry.
pub fn actions<'p>(snapshot: &Snapshot, problems: &'p [Diagnostic], range: Span) -> Vec<Action<'p>> {
    let touches =
        |p: &&Diagnostic| p.primary.span.file == snapshot.entry() && p.primary.span.start <= range.end && range.start <= p.primary.span.end;
    let repairs = |p: &'p Diagnostic| {
        p.edits.iter().map(move |edit| Action {
            title: sentence(&edit.title),
            problem: p,
            changes: &edit.changes,
            is_certain: edit.certain,
        })
    };
    problems.iter().filter(touches).flat_map(repairs).collect()
}

/// The changes of all certain repairs of the entry that do not overlap; empty where there is nothing to repair.
pub fn fix_all(snapshot: &Snapshot, problems: &[Diagnostic]) -> Vec<(Span, String)> {
    let entry = snapshot.entry();
    let own = |edit: &&Edit| edit.changes.iter().all(|(span, _)| span.file == entry);
    let edits: Vec<&Edit> = esper_driver::certain(problems).filter(own).collect();
    let (texts, _) = esper_driver::apply(&snapshot.loaded.sources, edits.iter().copied());
    // What is applied together is what `esperc check --fix` applies in one round.
    let Some(fixed) = texts.get(&entry) else { return vec![] };
    let mut chosen: Vec<(Span, String)> = vec![];
    for edit in edits {
        let free = |(span, _): &(Span, String)| {
            chosen.iter().all(|(other, _)| span.end <= other.start && span != other || other.end <= span.start && span != other)
        };
        if edit.changes.iter().all(free) {
            chosen.extend(edit.changes.iter().cloned());
        }
    }
    debug_assert_eq!(&apply_edits(snapshot.text(entry), &chosen), fixed);
    chosen
}

/// With a capital letter, as menus have it.
fn sentence(title: &str) -> String {
    let mut letters = title.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}
