//! The module map: items of all files, what `use` brings in, and what a name means at the top of a file.
use super::belongs::Place;
use super::case::Case;
use super::cycles::{self, References};
use super::imports::{Imports, declared_twice, miscased};
use super::items::{ItemClass, ItemId, ItemInfo, declared};
use super::members::has_unread_lines;
use super::scope::Local;
use super::suggest::{self, Budget, UseSites};
use super::walk::{Found, Walker, Words};
use crate::interrupt::Interrupt;
use esper_diagnostics::{Diagnostic, FileId, Severity, Span};
use esper_grammar::ast::{File, Item, ItemKind, Path};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// A parsed file and how `use` names it.
#[derive(Clone, Debug)]
pub struct FileInput<'a> {
    /// Its id in the sources.
    pub id: FileId,
    /// `std.nn`, or the path from the entry file's folder with dots: `seeds`, `layers.attention`.
    pub module: String,
    /// Its tree.
    pub file: &'a File,
}

/// Names that were looked up, by file, with what they meant there.
pub type Reads = BTreeMap<FileId, BTreeMap<String, Option<ItemId>>>;

/// What every top-level name of every file means, and all problems of names.
#[derive(Clone, Debug, Default)]
pub struct Resolution<'a> {
    /// All items; an [`ItemId`] is the position here.
    pub items: Vec<ItemInfo<'a>>,
    /// What is wrong with names, in no particular order.
    pub problems: Vec<Diagnostic>,
    pub(super) modules: BTreeMap<String, FileId>,
    /// Own items of each file.
    pub(super) own: BTreeMap<FileId, BTreeMap<String, ItemId>>,
    /// Own items and imports of each file.
    pub(super) tables: BTreeMap<FileId, BTreeMap<String, ItemId>>,
    /// Items by the place of their names.
    by_place: BTreeMap<Span, ItemId>,
    unsound: BTreeSet<ItemId>,
    /// Items whose text could not be read as it stands: they mean something else than was written.
    unread: RefCell<BTreeSet<ItemId>>,
    /// What was looked up, while somebody wants to know.
    reads: RefCell<Option<Reads>>,
    /// Every place that names an item, and what each item declares inside, by its file and its position there: for the index.
    pub(super) places: Vec<(ItemId, Span)>,
    pub(super) locals: Vec<(FileId, usize, Vec<Local>)>,
    use_sites: BTreeMap<FileId, UseSites>,
    /// When the check of this program is given up.
    pub interrupt: Interrupt<'a>,
}

impl<'a> Resolution<'a> {
    /// What a name means at the top of a file: its own items and what it imports, under the names it has there.
    pub fn lookup(&self, file: FileId, name: &str) -> Option<ItemId> {
        let found = self.tables.get(&file).and_then(|table| table.get(name)).copied();
        if let Some(reads) = &mut *self.reads.borrow_mut() {
            let of_file = reads.entry(file).or_default();
            if !of_file.contains_key(name) {
                of_file.insert(name.to_string(), found);
            }
        }
        found
    }
    /// Runs something and tells which names it looked up, in which files, and what they meant: with the texts of those items, all that
    /// its result depends on. Inside another one it tells nothing.
    pub fn recorded<T>(&self, run: impl FnOnce() -> T) -> (T, Reads) {
        self.reads.replace(Some(Reads::new()));
        let result = run();
        (result, self.reads.take().unwrap_or_default())
    }
    /// The item of that number. Panics on a number of another resolution: a bug of the caller.
    pub fn item(&self, id: ItemId) -> &ItemInfo<'a> {
        &self.items[id.0 as usize]
    }
    /// The file of a module.
    pub fn module(&self, module: &str) -> Option<FileId> {
        self.modules.get(module).copied()
    }
    /// What a path means in a file: a name there, or a module's item (`std.policies.Gardener`).
    pub fn lookup_path(&self, file: FileId, path: &Path) -> Option<ItemId> {
        let (last, module) = path.names.split_last()?;
        if module.is_empty() {
            return self.lookup(file, &last.text);
        }
        let whole = joined(path.names.iter().map(|n| n.text.as_str()));
        let owner = self.module(&joined(module.iter().map(|n| n.text.as_str())));
        let found = owner.and_then(|owner| self.own.get(&owner)?.get(&last.text)).copied();
        if let Some(reads) = &mut *self.reads.borrow_mut() {
            reads.entry(file).or_default().insert(whole, found);
        }
        found
    }
    /// What a name meant that [`Resolution::recorded`] told: a name of a file, or a path of one.
    pub fn read_again(&self, file: FileId, name: &str) -> Option<ItemId> {
        match name.rsplit_once('.') {
            Some((module, last)) => self.own.get(&self.module(module)?)?.get(last).copied(),
            None => self.tables.get(&file)?.get(name).copied(),
        }
    }
    /// All names at the top of a file.
    pub(super) fn table(&self, file: FileId) -> impl Iterator<Item = (&String, &ItemInfo<'a>)> {
        self.tables.get(&file).into_iter().flatten().map(|(name, id)| (name, self.item(*id)))
    }
    /// Whether an item is what its name means in its own file: not a second one of that name.
    pub(super) fn is_own(&self, info: &ItemInfo) -> bool {
        self.own.get(&info.file).and_then(|own| own.get(&info.name)) == Some(&info.id)
    }
    /// Where a file takes names from other files.
    pub(super) fn use_sites(&self, file: FileId) -> UseSites {
        self.use_sites.get(&file).cloned().unwrap_or_default()
    }
    /// Takes note of items whose text could not be read as it stands.
    pub(crate) fn mark_unread(&self, items: BTreeSet<ItemId>) {
        self.unread.replace(items);
    }
    /// Whether what uses an item can be measured by it: its text was read and nothing is wrong with its names.
    pub fn is_usable(&self, id: ItemId) -> bool {
        self.is_sound(id) && !self.unread.borrow().contains(&id)
    }
    /// Whether nothing is wrong with the names of an item. What is said of an unsound item beyond its names may follow from them.
    pub fn is_sound(&self, id: ItemId) -> bool {
        !self.unsound.contains(&id)
    }
    /// The items of a file in the order written.
    pub fn items_of(&self, file: FileId) -> impl Iterator<Item = &ItemInfo<'a>> {
        self.items.iter().filter(move |i| i.file == file)
    }
}

/// The modules a file needs, in the order written, each once: those of its `use` lines and of the paths behind `from`. The span is the path's.
pub fn imports_of(file: &File) -> Vec<(String, Span)> {
    let mut found: Vec<(String, Span)> = vec![];
    let mut seen: BTreeSet<String> = BTreeSet::new();
    for item in &file.items {
        let (names, span) = match &item.kind {
            ItemKind::Use { path, imports: Some(_), .. } => (&path.names[..], path.span),
            ItemKind::Use { path, imports: None, .. } => (&path.names[..path.names.len().saturating_sub(1)], path.span),
            ItemKind::Policy(d) | ItemKind::Train(d) => match &d.from {
                Some(path) => (&path.names[..path.names.len().saturating_sub(1)], path.span),
                None => continue,
            },
            _ => continue,
        };
        let module = joined(names.iter().map(|n| n.text.as_str()));
        if !module.is_empty() && seen.insert(module.clone()) {
            found.push((module, span));
        }
    }
    found
}

/// Names with dots between them.
pub(super) fn joined<'n>(names: impl Iterator<Item = &'n str>) -> String {
    names.collect::<Vec<_>>().join(".")
}

/// Resolves all names of all files.
pub fn resolve<'a>(files: &[FileInput<'a>]) -> Resolution<'a> {
    let mut resolution = Resolution::default();
    let suggestions = Budget::new();
    for input in files {
        resolution.use_sites.insert(input.id, UseSites::of(input.file));
        declare_items(input, &mut resolution, &suggestions);
    }
    let unread: BTreeSet<FileId> = files.iter().filter(|f| has_unread_items(f.file)).map(|f| f.id).collect();
    resolution.tables = resolution.own.clone();
    let imports: Vec<Imports> = files.iter().map(|f| Imports::read(f, &mut resolution, &unread, &suggestions)).collect();

    let mut references = References::new();
    let mut places: Vec<(ItemId, Span)> = imports.iter().flat_map(|i| i.places.iter().copied()).collect();
    for (input, imports) in files.iter().zip(&imports) {
        let mut used = BTreeSet::new();
        let mut unread_lines = unread.contains(&input.id);
        for (position, item) in input.file.items.iter().enumerate() {
            let lenient = body_of(item).is_some_and(has_unread_lines);
            let mut found = walk(item, input.id, &resolution, imports, &suggestions, lenient || unread.contains(&input.id));
            // What a mistake names wrongly would seem unused.
            unread_lines |= lenient || found.unread || found.problems.iter().any(|p| p.severity == Severity::Error);
            places.extend(&found.references);
            used.extend(found.top_names.iter().cloned());
            resolution.locals.push((input.id, position, std::mem::take(&mut found.locals)));
            record(item, input.id, found, &mut resolution, &mut references);
        }
        if !unread_lines {
            resolution.problems.extend(imports.unused(&used));
        }
    }
    for (problem, circle) in cycles::cycles(&references, &resolution) {
        resolution.problems.push(problem);
        resolution.unsound.extend(circle);
    }
    case_of_items(&mut resolution, &places);
    resolution.places = places;
    resolution
}

fn declare_items<'a>(input: &FileInput<'a>, resolution: &mut Resolution<'a>, suggestions: &Budget) {
    let unread = has_unread_items(input.file);
    resolution.modules.entry(input.module.clone()).or_insert(input.id);
    let own = resolution.own.entry(input.id).or_default();
    for item in &input.file.items {
        let Some((kind, name)) = declared(item) else { continue };
        let id = ItemId(resolution.items.len() as u32);
        if let Some(first) = own.get(&name.text) {
            let at = resolution.items[first.0 as usize].name_span;
            resolution.problems.push(declared_twice(name, at).help("give one of them another name"));
            resolution.unsound.insert(id);
        } else {
            own.insert(name.text.clone(), id);
        }
        resolution.by_place.insert(name.span, id);
        let (file, module) = (input.id, input.module.clone());
        resolution.items.push(ItemInfo {
            id,
            file,
            module,
            name: name.text.clone(),
            name_span: name.span,
            docs: &item.docs.text,
            item,
            kind,
            gradient: None,
        });
    }
    for item in &input.file.items {
        let ItemKind::Grad { name, .. } = &item.kind else { continue };
        let owner = own.get(&name.text).and_then(|id| resolution.items.get_mut(id.0 as usize)).filter(|i| i.kind == ItemClass::Fn);
        match owner {
            Some(ItemInfo { gradient: Some(Item { kind: ItemKind::Grad { name: first, .. }, .. }), .. }) => {
                let says = format!("a second derivative of `{}`", name.text);
                resolution.problems.push(
                    Diagnostic::error("E0112", format!("`{}` has two derivatives", name.text), name.span, says)
                        .label(first.span, "the first one"),
                );
            }
            Some(info) => info.gradient = Some(item),
            None if unread => {}
            None => {
                let functions = resolution
                    .items
                    .iter()
                    .filter(|i| i.file == input.id && i.kind == ItemClass::Fn)
                    .map(|i| (i.name.clone(), i.name_span));
                let says = format!("no `fn {}` stands in this file", name.text);
                let problem = Diagnostic::error("E0114", format!("a derivative of nothing: `{}`", name.text), name.span, says);
                let near = if suggestions.take() { suggest::nearest(&name.text, functions.collect::<Vec<_>>()) } else { None };
                resolution.problems.push(match near {
                    Some((meant, at)) => {
                        problem.label(at, "did you mean this function?").edit(format!("replace by `{meant}`"), name.span, meant)
                    }
                    None => problem.help("a `grad` stands in the file of its `fn` and has its name"),
                });
            }
        }
    }
}

/// The body of an item that has one.
fn body_of(item: &Item) -> Option<&esper_grammar::ast::Body> {
    match &item.kind {
        ItemKind::Fn { body, .. } | ItemKind::Grad { body, .. } => Some(body),
        ItemKind::Blueprint(d) | ItemKind::Optimizer(d) => Some(&d.body),
        ItemKind::Policy(d) | ItemKind::Train(d) => Some(&d.body),
        ItemKind::Broken(body) => body.as_ref(),
        ItemKind::Use { .. } | ItemKind::Const { .. } => None,
    }
}

/// Whether a file has items that could not be read, which may declare what seems to be unknown.
fn has_unread_items(file: &File) -> bool {
    file.items.iter().any(|i| matches!(i.kind, ItemKind::Broken(_)))
}

fn walk<'a>(item: &'a Item, file: FileId, resolution: &Resolution<'a>, imports: &Imports, suggestions: &Budget, lenient: bool) -> Found {
    let mut walker = Walker::new(resolution, file, &imports.poisoned, suggestions, lenient);
    match &item.kind {
        ItemKind::Const { ty, value, .. } => {
            ty.iter().for_each(|t| walker.type_names(t));
            walker.expr(value);
        }
        ItemKind::Fn { params, result, body, .. } => walker.function(params, result, body),
        ItemKind::Grad { name, args, body } => {
            let function = resolution.own.get(&file).and_then(|own| own.get(&name.text)).map(|id| &resolution.item(*id).item.kind);
            let params = if let Some(ItemKind::Fn { params, .. }) = function { Some(&params[..]) } else { None };
            walker.gradient(args, body, params);
        }
        ItemKind::Blueprint(definition) => walker.definition(definition, Place::Blueprint),
        ItemKind::Optimizer(definition) => walker.definition(definition, Place::Optimizer),
        ItemKind::Policy(derived) => walker.policy(derived),
        ItemKind::Train(derived) => walker.experiment(derived),
        ItemKind::Use { .. } | ItemKind::Broken(_) => {}
    }
    walker.words = Words::Names;
    walker.finish()
}

/// Files what the walk over an item found.
fn record(item: &Item, file: FileId, found: Found, resolution: &mut Resolution, references: &mut References) {
    let id = declared(item).and_then(|(_, name)| resolution.by_place.get(&name.span).copied());
    if let Some(id) = id {
        let to = references.entry(id).or_default();
        for (other, span) in &found.references {
            to.entry(*other).or_insert(*span);
        }
    }
    // An unsound derivative makes its function unsound.
    let owner = match &item.kind {
        ItemKind::Grad { name, .. } => resolution.own.get(&file).and_then(|own| own.get(&name.text)).copied(),
        _ => id,
    };
    if found.problems.iter().any(|p| p.severity == Severity::Error) {
        resolution.unsound.extend(owner);
    }
    resolution.problems.extend(found.problems);
}

/// Items whose names are in the wrong case, with an edit that renames them everywhere.
fn case_of_items(resolution: &mut Resolution, places: &[(ItemId, Span)]) {
    let mut problems = vec![];
    let mut by_item: BTreeMap<ItemId, BTreeSet<Span>> = BTreeMap::new();
    for (id, span) in places {
        by_item.entry(*id).or_default().insert(*span);
    }
    for info in &resolution.items {
        let case = Case::of(info.kind);
        if case.fits(&info.name) {
            continue;
        }
        let better = case.apply(&info.name);
        let name = esper_grammar::ast::Name { text: info.name.clone(), span: info.name_span };
        let length = info.name.len() as u32;
        // A place that is longer or shorter is an alias.
        let mut spans = by_item.remove(&info.id).unwrap_or_default();
        spans.retain(|s| s.end - s.start == length);
        spans.insert(info.name_span);
        let gradient = info.gradient.and_then(|g| if let ItemKind::Grad { name, .. } = &g.kind { Some(name.span) } else { None });
        spans.extend(gradient);
        let changes = spans.into_iter().map(|s| (s, better.clone())).collect();
        problems.push(miscased(&name, info.kind.noun(), case).edits(format!("rename to `{better}`"), changes));
    }
    resolution.problems.extend(problems);
}
