//! What earlier checks found, item by item, for a program that changes a little between two checks.
//!
//! What is found of an item follows from its own text and from what the names it looks up mean, that is from the texts of those items.
//! An entry keeps the places of its findings relative to these items, so it stays true when they move, in whatever program they stand.
use crate::load::Loaded;
use esper_check::facts::Fact;
use esper_check::names::{ItemId, ItemInfo, ProgramNames, Resolution};
use esper_check::{Findings, Work, hir};
use esper_diagnostics::{Diagnostic, Span};
use std::collections::BTreeMap;
use std::rc::Rc;

/// How many checks an entry outlives without being used.
const LONGEST_REST: u64 = 256;

/// A hash of an item's text and of its derivative's.
type TextHash = [u8; 32];

/// A module and the name of an item in it.
type ItemName = (String, String);

/// Findings that are remembered.
#[derive(Debug, Default)]
pub struct Memory {
    entries: BTreeMap<(u8, ItemName), Entry>,
    check: u64,
}

/// What was found of one item.
#[derive(Debug)]
struct Entry {
    text: TextHash,
    /// The module and name of each lookup and what it gave: the item's number in `items`.
    reads: Vec<(String, String, Option<usize>)>,
    items: Vec<(ItemName, TextHash)>,
    /// Places are relative to anchors: their file is the anchor's number.
    found: Rc<Findings>,
    experiment: Option<Rc<hir::Experiment>>,
    used: u64,
}

/// What a check with a memory gives beside its problems.
#[derive(Clone, Debug, Default)]
pub struct Learned {
    /// What was learned of every item.
    pub facts: Vec<Fact>,
    /// Sound experiments by the places of their names. Places inside are those of the check that elaborated them.
    pub experiments: Vec<(Span, Rc<hir::Experiment>)>,
    /// What the names of the program mean; none where its entry could not be read.
    pub names: Option<ProgramNames>,
    /// Experiments that were left for later.
    pub is_partial: bool,
}

/// The check of one program with a memory.
pub(crate) struct Remembering<'m, 'a> {
    memory: &'m mut Memory,
    loaded: &'m Loaded,
    resolution: &'a Resolution<'a>,
    hashes: BTreeMap<ItemId, TextHash>,
    /// Whether experiments that are not known are elaborated.
    elaborates: bool,
    pub learned: Learned,
}

impl<'m, 'a> Remembering<'m, 'a> {
    pub fn new(memory: &'m mut Memory, loaded: &'m Loaded, resolution: &'a Resolution<'a>, elaborates: bool) -> Remembering<'m, 'a> {
        memory.check += 1;
        Remembering { memory, loaded, resolution, hashes: BTreeMap::new(), elaborates, learned: Learned::default() }
    }

    /// Does a piece of the check, or recalls what it finds.
    pub fn run(&mut self, work: Work<'a>) -> Vec<Diagnostic> {
        let info = work.item();
        let key = (kind(&work), (info.module.clone(), info.name.clone()));
        if let Some(items) = self.recall(&key, info) {
            let anchors = anchors(info, &items);
            let check = self.memory.check;
            let Some(entry) = self.memory.entries.get_mut(&key) else { return vec![] };
            entry.used = check;
            let at = |span: Span| anchors.get(span.file.0 as usize).map_or(span, |anchor| moved(span, *anchor));
            let mut found = Findings::clone(&entry.found);
            for_each_span(&mut found, &mut |span| *span = at(*span));
            self.learned.facts.append(&mut found.facts);
            self.learned.experiments.extend(entry.experiment.clone().map(|e| (info.name_span, e)));
            return found.problems;
        }
        if matches!(work, Work::Experiment(_)) && !self.elaborates {
            self.learned.is_partial = true;
            return vec![];
        }
        let resolution = self.resolution;
        resolution.interrupt.heed();
        let (mut found, reads) = resolution.recorded(|| work.run(resolution, true));
        let experiment = found.experiment.take().map(Rc::new);
        self.learned.facts.extend(found.facts.iter().cloned());
        self.learned.experiments.extend(experiment.clone().map(|e| (info.name_span, e)));
        let problems = found.problems.clone();
        let mut entry =
            Entry { text: self.hash(info.id), reads: vec![], items: vec![], found: Rc::default(), experiment, used: self.memory.check };
        let mut ids: Vec<ItemId> = vec![];
        for (file, names) in reads {
            let Some(module) = self.loaded.files.iter().find(|f| f.id == file).map(|f| f.module.clone()) else { return problems };
            for (name, id) in names {
                let number = id.map(|id| {
                    ids.iter().position(|known| *known == id).unwrap_or_else(|| {
                        ids.push(id);
                        ids.len() - 1
                    })
                });
                entry.reads.push((module.clone(), name, number));
            }
        }
        for id in &ids {
            let item = self.resolution.item(*id);
            entry.items.push(((item.module.clone(), item.name.clone()), self.hash(*id)));
        }
        let anchors = anchors(info, &ids.iter().map(|id| self.resolution.item(*id)).collect::<Vec<_>>());
        let mut all_anchored = true;
        for_each_span(&mut found, &mut |span| match anchors
            .iter()
            .position(|a| a.file == span.file && a.start <= span.start && span.end <= a.end)
        {
            Some(number) => {
                *span = Span {
                    file: esper_diagnostics::FileId(number as u32),
                    start: span.start - anchors[number].start,
                    end: span.end - anchors[number].start,
                }
            }
            None => all_anchored = false,
        });
        if all_anchored {
            entry.found = Rc::new(found);
            self.memory.entries.insert(key, entry);
        }
        problems
    }

    /// The items that an entry's places are relative to, where it still holds.
    fn recall(&mut self, key: &(u8, ItemName), info: &'a ItemInfo<'a>) -> Option<Vec<&'a ItemInfo<'a>>> {
        let own = self.hash(info.id);
        let entry = self.memory.entries.get(key)?;
        if entry.text != own {
            return None;
        }
        let mut meant: Vec<Option<ItemId>> = vec![None; entry.items.len()];
        for (module, name, number) in &entry.reads {
            let found = self.resolution.module(module).and_then(|file| self.resolution.read_again(file, name));
            match (number, found) {
                (None, None) => {}
                (Some(number), Some(id)) => match meant[*number] {
                    Some(known) if known != id => return None,
                    _ => meant[*number] = Some(id),
                },
                _ => return None,
            }
        }
        let (items, resolution, loaded, hashes) = (&entry.items, self.resolution, self.loaded, &mut self.hashes);
        let same = |((name, hash), id): (&(ItemName, TextHash), Option<ItemId>)| {
            let item = resolution.item(id?);
            let is_same = item.module == name.0 && item.name == name.1 && *hash_of(hashes, item, loaded, resolution) == *hash;
            is_same.then_some(item)
        };
        items.iter().zip(meant).map(same).collect()
    }

    fn hash(&mut self, id: ItemId) -> TextHash {
        *hash_of(&mut self.hashes, self.resolution.item(id), self.loaded, self.resolution)
    }
}

impl Memory {
    /// Forgets what no check used for long.
    pub(crate) fn forget_old(&mut self) {
        let oldest = self.check.saturating_sub(LONGEST_REST);
        self.entries.retain(|_, entry| entry.used >= oldest);
    }
}

fn hash_of<'h>(hashes: &'h mut BTreeMap<ItemId, TextHash>, info: &ItemInfo, loaded: &Loaded, resolution: &Resolution) -> &'h TextHash {
    hashes.entry(info.id).or_insert_with(|| {
        let mut hasher = blake3::Hasher::new();
        hasher.update(loaded.sources.text(info.item.span).as_bytes());
        if let Some(gradient) = info.gradient {
            hasher.update(&[0]).update(loaded.sources.text(gradient.span).as_bytes());
        }
        // Nothing is measured by an item that cannot be used.
        hasher.update(&[u8::from(resolution.is_usable(info.id))]);
        *hasher.finalize().as_bytes()
    })
}

fn kind(work: &Work) -> u8 {
    match work {
        Work::Item(_) => 0,
        Work::Fields(_) => 1,
        Work::Experiment(_) => 2,
    }
}

/// The places that findings are relative to: the item, the items it looked up, and their derivatives.
fn anchors(info: &ItemInfo, items: &[&ItemInfo]) -> Vec<Span> {
    let of = |info: &ItemInfo| [Some(info.item.span), Some(info.gradient.map_or(info.item.span, |g| g.span))];
    std::iter::once(info).chain(items.iter().copied()).flat_map(of).flatten().collect()
}

fn moved(span: Span, anchor: Span) -> Span {
    Span { file: anchor.file, start: anchor.start + span.start, end: anchor.start + span.end }
}

fn for_each_span(found: &mut Findings, change: &mut dyn FnMut(&mut Span)) {
    for problem in &mut found.problems {
        change(&mut problem.primary.span);
        problem.secondary.iter_mut().for_each(|label| change(&mut label.span));
        problem.edits.iter_mut().flat_map(|edit| &mut edit.changes).for_each(|(span, _)| change(span));
    }
    for fact in &mut found.facts {
        change(&mut fact.span);
        fact.about.iter_mut().for_each(&mut *change);
    }
}
