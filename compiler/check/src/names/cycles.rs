//! Nothing may contain, call or be derived from itself.
use super::items::{ItemClass, ItemId};
use super::resolve::Resolution;
use esper_diagnostics::{Diagnostic, Span};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What every item refers to, and where first.
pub(super) type References = BTreeMap<ItemId, BTreeMap<ItemId, Span>>;

/// How many circles are reported; a file with more has other worries.
const MOST_CIRCLES: usize = 100;

/// One error for each circle of items that refer to each other, with the items of the circle.
pub(super) fn cycles(references: &References, resolution: &Resolution) -> Vec<(Diagnostic, Vec<ItemId>)> {
    let mut left = circles_only(references.clone());
    let mut found = vec![];
    while let (Some(&start), true) = (left.keys().next(), found.len() < MOST_CIRCLES) {
        match circle_through(start, &left) {
            Some(circle) => {
                circle.iter().for_each(|id| drop(left.remove(id)));
                left = circles_only(left);
                found.push((report(&circle, references, resolution), circle));
            }
            None => drop(left.remove(&start)),
        }
    }
    found
}

/// What lies in circles, or between two of them.
fn circles_only(references: References) -> References {
    reversed(&without_ends(reversed(&without_ends(references))))
}

/// Every reference the other way round; the places stay.
fn reversed(references: &References) -> References {
    let mut users: References = references.keys().map(|id| (*id, BTreeMap::new())).collect();
    for (&from, to) in references {
        for (id, span) in to {
            users.entry(*id).or_default().insert(from, *span);
        }
    }
    users
}

/// Without the items that are in no circle because nothing leads away from them, again and again. Linear in the number of references.
fn without_ends(mut references: References) -> References {
    let mut users: BTreeMap<ItemId, Vec<ItemId>> = BTreeMap::new();
    let mut ends: Vec<ItemId> = vec![];
    let known: BTreeSet<ItemId> = references.keys().copied().collect();
    for (&from, to) in &mut references {
        to.retain(|id, _| known.contains(id));
        to.keys().for_each(|&id| users.entry(id).or_default().push(from));
        if to.is_empty() {
            ends.push(from);
        }
    }
    while let Some(end) = ends.pop() {
        references.remove(&end);
        for user in users.get(&end).into_iter().flatten() {
            if let Some(to) = references.get_mut(user) {
                to.remove(&end);
                if to.is_empty() {
                    ends.push(*user);
                }
            }
        }
    }
    references
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
