//! Who calls what: blueprints, functions and optimizers, and the items that name them.
use super::navigation::{item_of, named};
use crate::snapshot::Snapshot;
use esper_check::names::{Definition, DefinitionId, DefinitionKind, ItemClass};
use esper_diagnostics::Span;
use std::collections::BTreeMap;

/// Whether calls of an item are asked for.
fn is_called(definition: &Definition) -> bool {
    matches!(definition.kind, DefinitionKind::Item(ItemClass::Fn | ItemClass::Blueprint | ItemClass::Optimizer | ItemClass::Train))
}

/// The blueprint or function that the name at a byte means.
pub fn prepare(snapshot: &Snapshot, offset: usize) -> Option<&Definition> {
    named(snapshot, offset).map(|(_, definition)| definition).filter(|d| is_called(d))
}

/// The items of the entry that name a definition, with the places.
pub fn incoming(snapshot: &Snapshot, called: DefinitionId) -> Vec<(&Definition, Vec<Span>)> {
    let entry = snapshot.entry();
    let declared = snapshot.index().definition(called).span;
    let mut by_item: BTreeMap<Span, Vec<Span>> = BTreeMap::new();
    let items = snapshot.index().definitions().filter(|(_, d)| d.span.file == entry && is_called(d));
    let items: Vec<(&Definition, Span)> = items.filter_map(|(_, d)| Some((d, item_of(snapshot, d)?.span))).collect();
    for place in snapshot.index().places(called).filter(|p| p.file == entry && *p != declared) {
        if let Some((item, _)) = items.iter().find(|(_, whole)| whole.start <= place.start && place.end <= whole.end) {
            by_item.entry(item.span).or_default().push(place);
        }
    }
    let definition = |name: Span| items.iter().find(|(d, _)| d.span == name).map(|(d, _)| *d);
    by_item.into_iter().filter_map(|(name, places)| Some((definition(name)?, places))).collect()
}

/// What an item of the entry names, with the places.
pub fn outgoing<'s>(snapshot: &'s Snapshot, caller: &Definition) -> Vec<(&'s Definition, Vec<Span>)> {
    let Some(whole) = item_of(snapshot, caller).map(|item| item.span) else { return vec![] };
    let mut by_callee: BTreeMap<DefinitionId, Vec<Span>> = BTreeMap::new();
    for occurrence in snapshot.index().occurrences(caller.span.file) {
        let called = snapshot.index().definition(occurrence.definition);
        let inside = whole.start <= occurrence.span.start && occurrence.span.end <= whole.end && occurrence.span != called.span;
        if inside && is_called(called) {
            by_callee.entry(occurrence.definition).or_default().push(occurrence.span);
        }
    }
    by_callee.into_iter().map(|(id, places)| (snapshot.index().definition(id), places)).collect()
}
