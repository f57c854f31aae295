//! The module map: items of all files, what `use` brings in, and what a name means at the top of a file.
use super::items::{ItemClass, ItemId, ItemInfo, declared};
use esper_diagnostics::{Diagnostic, FileId, Span};
use esper_grammar::ast::{File, ItemKind, Path};
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

/// What every top-level name of every file means, and all problems of names.
#[derive(Clone, Debug, Default)]
pub struct Resolution<'a> {
    /// All items; an [`ItemId`] is the position here.
    pub items: Vec<ItemInfo<'a>>,
    /// What is wrong with names, in no particular order.
    pub problems: Vec<Diagnostic>,
    pub(super) modules: BTreeMap<String, FileId>,
    pub(super) tables: BTreeMap<FileId, BTreeMap<String, ItemId>>,
    pub(super) unsound: BTreeSet<ItemId>,
}

impl<'a> Resolution<'a> {
    /// What a name means at the top of a file: its own items and what it imports, under the names it has there.
    pub fn lookup(&self, file: FileId, name: &str) -> Option<ItemId> {
        self.tables.get(&file)?.get(name).copied()
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
        let owner = self.module(&joined(module.iter().map(|n| n.text.as_str())))?;
        let id = self.lookup(owner, &last.text)?;
        (self.item(id).file == owner).then_some(id)
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
        if !module.is_empty() && found.iter().all(|(m, _)| *m != module) {
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
    for input in files {
        resolution.modules.entry(input.module.clone()).or_insert(input.id);
        let table = resolution.tables.entry(input.id).or_default();
        for item in &input.file.items {
            let Some((kind, name)) = declared(item) else { continue };
            let id = ItemId(resolution.items.len() as u32);
            resolution.items.push(ItemInfo {
                id,
                file: input.id,
                module: input.module.clone(),
                name: name.text.clone(),
                name_span: name.span,
                docs: &item.docs.text,
                item,
                kind,
                gradient: None,
            });
            table.entry(name.text.clone()).or_insert(id);
        }
        for item in &input.file.items {
            let ItemKind::Grad { name, .. } = &item.kind else { continue };
            let owner = table.get(&name.text).map(|id| id.0 as usize);
            if let Some(info) = owner.and_then(|i| resolution.items.get_mut(i)).filter(|i| i.kind == ItemClass::Fn) {
                info.gradient.get_or_insert(item);
            }
        }
    }
    resolution
}
