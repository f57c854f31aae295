//! Nothing may contain, call or be derived from itself.
use super::items::{ItemClass, ItemId};
use super::resolve::Resolution;
use esper_diagnostics::{Diagnostic, Span};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What every item refers to, and where first.
pub(super) type References = BTreeMap<ItemId, BTreeMap<ItemId, Span>>;

/// One error for each group of items that refer to each other in a circle, with the items of the circle.
pub(super) fn cycles(references: &References, resolution: &Resolution) -> Vec<(Diagnostic, Vec<ItemId>)> {
    let mut reported: BTreeSet<ItemId> = BTreeSet::new();
    let mut found = vec![];
    for &start in references.keys() {
        if reported.contains(&start) {
            continue;
        }
        if let Some(circle) = circle_through(start, references) {
            reported.extend(&circle);
            // All that can reach the circle and be reached from it would be reported for the same reason.
            found.push((report(&circle, references, resolution), circle));
        }
    }
    found
}

/// The shortest way from an item back to itself.
fn circle_through(start: ItemId, references: &References) -> Option<Vec<ItemId>> {
    let mut came_from: BTreeMap<ItemId, ItemId> = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(at) = queue.pop_front() {
        for &next in references.get(&at)?.keys() {
            if next == start {
                let mut circle = vec![at];
                let mut back = at;
                while back != start {
                    back = *came_from.get(&back)?;
                    circle.push(back);
                }
                circle.reverse();
                return Some(circle);
            }
            if references.contains_key(&next) && next != start && !came_from.contains_key(&next) {
                came_from.insert(next, at);
                queue.push_back(next);
            }
        }
    }
    None
}

fn report(circle: &[ItemId], references: &References, resolution: &Resolution) -> Diagnostic {
    let class = |id: ItemId| resolution.item(id).kind;
    let name = |id: ItemId| &resolution.item(id).name;
    let verb = |id: ItemId| match class(id) {
        ItemClass::Blueprint => "contains",
        ItemClass::Fn => "calls",
        ItemClass::Policy | ItemClass::Train => "is derived from",
        ItemClass::Const | ItemClass::Optimizer => "needs",
    };
    let next = |i: usize| circle[(i + 1) % circle.len()];
    let edge =
        |i: usize| references.get(&circle[i]).and_then(|to| to.get(&next(i))).copied().unwrap_or(resolution.item(circle[i]).name_span);
    let says = |i: usize| format!("`{}` {} `{}`", name(circle[i]), verb(circle[i]), name(next(i)));
    let first = name(circle[0]);
    let has = |wanted: ItemClass| circle.iter().any(|&id| class(id) == wanted);
    let (code, message, note) = if has(ItemClass::Blueprint) {
        ("E0106", format!("`{first}` contains itself"), "nothing may contain itself; an array of layers says depth: `[Node() ; depth]`")
    } else if has(ItemClass::Fn) {
        ("E0110", format!("`{first}` calls itself"), "there is no recursion; `for` over a range repeats, and is unrolled")
    } else {
        ("E0111", format!("`{first}` is defined by itself"), "its value would be needed to find its value")
    };
    let mut problem = Diagnostic::error(code, message, edge(0), says(0)).note(note);
    for i in 1..circle.len() {
        problem = problem.label(edge(i), says(i));
    }
    problem
}
