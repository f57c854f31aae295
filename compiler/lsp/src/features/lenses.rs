//! Code lenses: run an experiment; what a host costs.
use super::cost::Cost;
use crate::snapshot::Snapshot;
use esper_check::names::{DefinitionKind, ItemClass};
use esper_diagnostics::Span;

/// A line above an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lens {
    /// The item's name.
    pub span: Span,
    /// The text.
    pub title: String,
    /// The experiment that it runs.
    pub runs: Option<String>,
}

/// The lenses of the entry.
pub fn lenses(snapshot: &Snapshot, costs: &[Cost]) -> Vec<Lens> {
    let entry = snapshot.entry();
    let mut found = vec![];
    for (_, definition) in snapshot.index().definitions().filter(|(_, d)| d.span.file == entry) {
        match definition.kind {
            DefinitionKind::Item(ItemClass::Train) => {
                found.push(Lens { span: definition.span, title: "▶ Run".to_string(), runs: Some(definition.name.clone()) });
                let own = costs.iter().filter(|c| c.span == definition.span);
                found.extend(own.map(|c| Lens { span: definition.span, title: c.summary(), runs: None }));
            }
            DefinitionKind::Item(ItemClass::Blueprint) => {
                let lines = costs.iter().flat_map(|cost| cost.of(snapshot, definition));
                found.extend(lines.map(|line| Lens { span: definition.span, title: line.replace('`', ""), runs: None }));
            }
            _ => {}
        }
    }
    found.sort_by_key(|lens| lens.span);
    found
}
