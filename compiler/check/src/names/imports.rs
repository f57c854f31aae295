//! `use` lines: modules, the names they bring in, and what is wrong with them.
use super::case::Case;
use super::items::ItemId;
use super::resolve::{FileInput, Resolution, joined};
use super::suggest::{self, Budget};
use esper_diagnostics::{Diagnostic, FileId, Span};
use esper_grammar::ast::{Import, ItemKind, Name, Path};
use std::collections::{BTreeMap, BTreeSet};

/// One name that a `use` brings in.
#[derive(Clone, Debug)]
struct Imported {
    /// Under which name.
    name: Name,
    /// All of it: `SwiGlu as Gated`.
    span: Span,
    /// Which item.
    item: ItemId,
    /// What to remove where nothing uses it: it with a comma, or the whole `use`.
    removal: Span,
}

/// The imports of one file.
#[derive(Debug, Default)]
pub(super) struct Imports {
    found: Vec<Imported>,
    /// Names that a failed `use` should have brought in.
    pub(super) poisoned: BTreeSet<String>,
    /// Where items of other files are named, for renaming them.
    pub(super) places: Vec<(ItemId, Span)>,
}

/// The error for a module that does not exist. `known`: all modules there are.
pub fn unknown_module<'k>(module: &str, span: Span, known: impl Iterator<Item = &'k str> + Clone) -> Diagnostic {
    if let Some(file) = known.clone().find(|k| k.rsplit_once('.').is_some_and(|(folder, _)| folder == module)) {
        let example = format!("use {file}.{{…}}");
        return Diagnostic::error("E0102", format!("`{module}` is a folder of modules"), span, "this names no file and none of its items")
            .help(format!("name a file of it and what you need from there: `{example}`"));
    }
    let problem = Diagnostic::error("E0102", format!("unknown module `{module}`"), span, format!("there is no module `{module}`"));
    match suggest::nearest(module, known.map(|k| (k.to_string(), ()))) {
        Some((meant, ())) => problem.help(format!("did you mean `{meant}`?")),
        None if module.starts_with("std.") => problem.help("`esperc doc` lists the modules of the standard library"),
        None => problem.help(format!("`{module}` would be the file `{}.blueprint` beside the entry file", module.replace('.', "/"))),
    }
}

/// The error for a `use` that names a module and nothing in it.
pub fn use_of_nothing(module: &str, span: Span) -> Diagnostic {
    Diagnostic::error("E0115", "a `use` that brings in nothing", span, "this names a file and none of its items")
        .help(format!("say which of its names you need: `use {module}.{{…}}`"))
}

impl Imports {
    /// Reads the `use` lines of a file into the tables of the resolution.
    pub(super) fn read<'a>(
        input: &FileInput<'a>,
        resolution: &mut Resolution<'a>,
        unread: &BTreeSet<FileId>,
        suggestions: &Budget,
    ) -> Imports {
        let mut imports = Imports::default();
        for item in &input.file.items {
            let ItemKind::Use { path, alias, imports: names } = &item.kind else { continue };
            match names {
                Some(names) => imports.of_module(&path.names, names, item.span, path, resolution, unread, suggestions),
                None => match path.names.split_last() {
                    Some((last, module)) if !module.is_empty() => {
                        let import = Import { name: last.clone(), alias: alias.clone() };
                        imports.of_module(module, &[import], item.span, path, resolution, unread, suggestions);
                    }
                    _ => imports.of_nothing(path, alias.as_ref(), resolution),
                },
            }
        }
        for import in &imports.found {
            imports.places.push((import.item, import.name.span));
            let table = resolution.tables.entry(input.id).or_default();
            if let Some(&other) = table.get(&import.name.text) {
                let first = imports.found.iter().find(|i| i.name.text == import.name.text).filter(|i| i.name.span != import.name.span);
                let at = first.map_or_else(|| resolution.item(other).name_span, |i| i.span);
                resolution.problems.push(
                    declared_twice(&import.name, at).help(format!("take it under another name: `{0} as other_{0}`", import.name.text)),
                );
                continue;
            }
            table.insert(import.name.text.clone(), import.item);
            let info = resolution.item(import.item);
            let case = Case::of(info.kind);
            if info.name != import.name.text && !case.fits(&import.name.text) {
                let better = case.apply(&import.name.text);
                let problem =
                    miscased(&import.name, info.kind.noun(), case).edit(format!("rename to `{better}`"), import.name.span, better);
                resolution.problems.push(problem);
            }
        }
        imports
    }

    fn of_module(
        &mut self,
        module: &[Name],
        names: &[Import],
        whole: Span,
        path: &Path,
        resolution: &mut Resolution,
        unread: &BTreeSet<FileId>,
        suggestions: &Budget,
    ) {
        let module_name = joined(module.iter().map(|n| n.text.as_str()));
        let span = module.iter().fold(path.span.before(), |s, n| s.to(n.span));
        let Some(file) = resolution.module(&module_name) else {
            let whole = joined(path.names.iter().map(|n| n.text.as_str()));
            if module.len() < path.names.len() && resolution.module(&whole).is_some() {
                return self.of_nothing(path, names.first().and_then(|n| n.alias.as_ref()), resolution);
            }
            let problem = unknown_module(&module_name, span, resolution.modules.keys().map(String::as_str));
            resolution.problems.push(problem);
            return self.poison(names);
        };
        for (position, import) in names.iter().enumerate() {
            let local = import.alias.as_ref().unwrap_or(&import.name);
            let own = resolution.own.get(&file).and_then(|t| t.get(&import.name.text)).copied();
            if import.name.text.starts_with('_') {
                self.poisoned.insert(local.text.clone());
                let message = format!("`{}` is private to `{module_name}`", import.name.text);
                let problem = Diagnostic::error("E0108", message, import.name.span, "private")
                    .note("a name that begins with `_` is for its own file")
                    .help("rename it there, without the `_`, if other files may use it");
                resolution.problems.push(match own {
                    Some(item) => problem.label(resolution.item(item).name_span, "declared here"),
                    None => problem,
                });
                continue;
            }
            match own {
                Some(item) => {
                    if import.alias.is_some() {
                        self.places.push((item, import.name.span));
                    }
                    let removal = removal(names, position, whole);
                    self.found.push(Imported { name: local.clone(), span: import.name.span.to(local.span), item, removal });
                }
                None => {
                    self.poisoned.insert(local.text.clone());
                    if !unread.contains(&file) {
                        let problem = unknown_item(&import.name, &module_name, file, resolution, suggestions);
                        // Where only the `use` is misspelt, the rest of the file says it right.
                        let meant = problem.edits.iter().flat_map(|e| &e.changes).map(|(_, text)| text.clone());
                        self.poisoned.extend(meant);
                        resolution.problems.push(problem);
                    }
                }
            }
        }
    }

    fn of_nothing(&mut self, path: &Path, alias: Option<&Name>, resolution: &mut Resolution) {
        let whole = joined(path.names.iter().map(|n| n.text.as_str()));
        resolution.problems.push(use_of_nothing(&whole, path.span));
        self.poisoned.extend(alias.or(path.names.last()).map(|n| n.text.clone()));
    }

    fn poison(&mut self, names: &[Import]) {
        self.poisoned.extend(names.iter().map(|n| n.alias.as_ref().unwrap_or(&n.name).text.clone()));
    }

    /// Warnings for imports that nothing uses.
    pub(super) fn unused(&self, used: &BTreeSet<String>) -> impl Iterator<Item = Diagnostic> {
        let unused = self.found.iter().filter(|i| !used.contains(&i.name.text) && !i.name.text.starts_with('_'));
        unused.map(|i| {
            Diagnostic::warning("W0122", format!("`{}` is imported and never used", i.name.text), i.span, "never used")
                .edit("remove it from the `use`", i.removal, "")
                .certain()
        })
    }
}

/// An import with the comma that goes with it; the whole `use` where it is the only one.
fn removal(names: &[Import], position: usize, whole: Span) -> Span {
    let end = |import: &Import| import.alias.as_ref().unwrap_or(&import.name).span;
    let own = names[position].name.span.to(end(&names[position]));
    match (position.checked_sub(1).map(|before| &names[before]), names.get(position + 1)) {
        (_, Some(next)) => Span { end: next.name.span.start, ..own },
        (Some(before), None) => Span { start: end(before).end, ..own },
        (None, None) => whole,
    }
}

/// The error for a second item or import of one name.
pub(super) fn declared_twice(name: &Name, first: Span) -> Diagnostic {
    Diagnostic::error(
        "E0112",
        format!("`{}` stands for two things in this file", name.text),
        name.span,
        format!("a second `{}`", name.text),
    )
    .label(first, "the first one")
}

/// The error for a name in the wrong case; the caller adds the edit.
pub(super) fn miscased(name: &Name, noun: &str, case: Case) -> Diagnostic {
    Diagnostic::error(
        "E0109",
        format!("`{}` is a {noun} and should be written {}", name.text, case.rule()),
        name.span,
        format!("a {noun} is written {}", case.rule()),
    )
    .note("case is meaning: `UPPER` constants, `Upper` blueprints, optimizers and policies, `lower` the rest")
}

fn unknown_item(name: &Name, module: &str, file: FileId, resolution: &Resolution, suggestions: &Budget) -> Diagnostic {
    let problem = Diagnostic::error(
        "E0105",
        format!("`{module}` has no `{}`", name.text),
        name.span,
        format!("nothing in `{module}` is called `{}`", name.text),
    );
    if !suggestions.take() {
        return problem;
    }
    if let Some(id) = resolution.lookup(file, &name.text) {
        let info = resolution.item(id);
        let (owner, at) = (info.module.clone(), info.name_span);
        return problem
            .label(at, format!("declared here, in `{owner}`"))
            .help(format!("take it from where it is declared: `use {owner}.{{{}}}`", name.text));
    }
    let own = resolution.items_of(file).filter(|i| !i.name.starts_with('_')).map(|i| (i.name.clone(), (i.name_span, i.kind)));
    if let Some((meant, (at, kind))) = suggest::nearest(&name.text, own) {
        return problem.label(at, format!("did you mean this {}?", kind.noun())).edit(format!("replace by `{meant}`"), name.span, meant);
    }
    let elsewhere: BTreeMap<&str, ()> = resolution.items.iter().filter(|i| i.name == name.text).map(|i| (i.module.as_str(), ())).collect();
    match elsewhere.keys().next() {
        Some(other) => problem.help(format!("`{other}` has one: `use {other}.{{{}}}`", name.text)),
        None => problem,
    }
}
