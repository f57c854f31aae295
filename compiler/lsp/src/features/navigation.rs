//! Where a name is declared, and every place that means the same.
use crate::snapshot::Snapshot;
use esper_check::names::{Definition, DefinitionId, DefinitionKind, LocalKind, Occurrence};
use esper_diagnostics::{FileId, Span};
use esper_grammar::ast::{Item, ItemKind, LineKind, Path};

/// Where a name leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// The name that was asked about.
    pub origin: Span,
    /// The whole declaration: the item, or the line.
    pub whole: Span,
    /// The declared name.
    pub name: Span,
}

/// The declaration of the name at a place; for a module in a `use`, the beginning of its file.
pub fn definition(snapshot: &Snapshot, offset: usize) -> Option<Target> {
    if let Some(occurrence) = snapshot.index().at(snapshot.entry(), offset) {
        let definition = snapshot.index().definition(occurrence.definition);
        return Some(Target { origin: occurrence.span, whole: whole(snapshot, definition), name: definition.span });
    }
    let (origin, file) = module_at(snapshot, offset)?;
    let start = Span::new(file, 0, 0);
    Some(Target { origin, whole: start, name: start })
}

/// The module whose name in a `use` or behind `from` covers a byte.
fn module_at(snapshot: &Snapshot, offset: usize) -> Option<(Span, FileId)> {
    modules(snapshot).into_iter().find(|(span, _)| span.start as usize <= offset && offset <= span.end as usize)
}

/// The modules that the entry names, each with its place and file.
pub fn modules(snapshot: &Snapshot) -> Vec<(Span, FileId)> {
    let Some(tree) = snapshot.tree(snapshot.entry()) else { return vec![] };
    tree.items
        .iter()
        .filter_map(|item| {
            let (path, items) = match &item.kind {
                ItemKind::Use { path, imports, .. } => (path, usize::from(imports.is_none())),
                ItemKind::Policy(d) | ItemKind::Train(d) => (d.from.as_ref()?, 1),
                _ => return None,
            };
            let (span, module) = module_of(path, items)?;
            let file = snapshot.loaded.files.iter().find(|f| f.module == module)?;
            snapshot.place(file.id)?;
            Some((span, file.id))
        })
        .collect()
}

/// The names of a path without the last `items`, joined, with their place.
fn module_of(path: &Path, items: usize) -> Option<(Span, String)> {
    let names = &path.names[..path.names.len().checked_sub(items)?];
    let (first, last) = (names.first()?, names.last()?);
    Some((first.span.to(last.span), names.iter().map(|n| n.text.as_str()).collect::<Vec<_>>().join(".")))
}

/// The item or line that declares something.
pub fn whole(snapshot: &Snapshot, definition: &Definition) -> Span {
    let Some(item) = item_of(snapshot, definition) else { return definition.span };
    if matches!(definition.kind, DefinitionKind::Item(_)) {
        return item.span;
    }
    let mut narrowest = definition.span;
    esper_grammar::visit_item(item, &mut |node| {
        let span = node.span();
        let covers = span.start <= definition.span.start && definition.span.end <= span.end;
        if let (true, esper_grammar::Node::Line(_) | esper_grammar::Node::Param(_)) = (covers, node) {
            narrowest = span;
        }
        covers || matches!(node, esper_grammar::Node::Item(_))
    });
    // A method declares its inputs' dims; its whole body is more than their declaration.
    let is_method =
        |line: &esper_grammar::ast::Line| matches!(line.kind, LineKind::Forward(_) | LineKind::Update(_)) && line.span == narrowest;
    match &item.kind {
        ItemKind::Blueprint(d) | ItemKind::Optimizer(d) if d.body.lines.iter().any(is_method) => definition.span,
        _ => narrowest,
    }
}

/// The item that a definition is, or stands in.
pub fn item_of<'s>(snapshot: &'s Snapshot, definition: &Definition) -> Option<&'s Item> {
    snapshot.tree(definition.span.file)?.items.get(definition.item)
}

/// Whether other files can name it.
pub fn is_visible_outside(definition: &Definition) -> bool {
    match definition.kind {
        DefinitionKind::Item(_) => true,
        DefinitionKind::Local(kind) => !matches!(kind, LocalKind::Let | LocalKind::Turn | LocalKind::Dims),
    }
}

/// The definition at a place.
pub fn named(snapshot: &Snapshot, offset: usize) -> Option<(Occurrence, &Definition)> {
    let occurrence = snapshot.index().at(snapshot.entry(), offset)?;
    Some((occurrence, snapshot.index().definition(occurrence.definition)))
}

/// How a highlighted place uses its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// It is declared, or gets a new value.
    Written,
    /// It is read.
    Read,
}

/// All places in the entry that mean what the place means.
pub fn highlights(snapshot: &Snapshot, offset: usize) -> Vec<(Span, Use)> {
    let Some((occurrence, definition)) = named(snapshot, offset) else { return vec![] };
    let written = written_places(snapshot);
    let places = snapshot.index().places(occurrence.definition).filter(|span| span.file == snapshot.entry());
    places.map(|span| (span, if span == definition.span || written.contains(&span) { Use::Written } else { Use::Read })).collect()
}

/// Targets of `=` and `:=` in the entry.
fn written_places(snapshot: &Snapshot) -> Vec<Span> {
    let mut places = vec![];
    if let Some(tree) = snapshot.tree(snapshot.entry()) {
        esper_grammar::visit_file(tree, &mut |node| {
            if let esper_grammar::Node::Line(line) = node
                && let LineKind::Set { target, .. } | LineKind::Assign { target, .. } = &line.kind
            {
                places.push(target.span);
            }
            true
        });
    }
    places
}

/// The places in the entry that mean a definition which stands at `name` in a file of the program.
pub fn places_of(snapshot: &Snapshot, name: Span) -> (Option<DefinitionId>, Vec<Span>) {
    let Some(id) = snapshot.index().declared_at(name) else { return (None, vec![]) };
    (Some(id), snapshot.index().places(id).filter(|span| span.file == snapshot.entry()).collect())
}
