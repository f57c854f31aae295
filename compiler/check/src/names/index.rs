//! What every name in a program means, as data that outlives the resolution: definitions, and all places that mean each of them.
use super::items::{ItemClass, ItemId, ItemInfo};
use super::resolve::{FileInput, Resolution};
use super::scope::{Local, LocalKind};
use esper_diagnostics::{FileId, Span};
use esper_grammar::ast::{self, Derived, Elem, Expr, ExprKind, File, Item, ItemKind, LineKind, Method, Param, Stored};
use esper_grammar::{Node, visit_file};
use std::collections::BTreeMap;

/// The number of a definition of an [`Index`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DefinitionId(pub u32);

/// What a definition declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefinitionKind {
    /// An item of a file.
    Item(ItemClass),
    /// A name inside an item.
    Local(LocalKind),
}

impl DefinitionKind {
    /// In the user's words, without an article: `blueprint`, `layer`.
    pub fn noun(self) -> &'static str {
        match self {
            DefinitionKind::Item(class) => class.noun(),
            DefinitionKind::Local(kind) => kind.bare_noun(),
        }
    }
}

/// Something that has a name.
#[derive(Clone, Debug)]
pub struct Definition {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: DefinitionKind,
    /// Where its name is declared.
    pub span: Span,
    /// The position among its file's items of the item that it is or that declares it.
    pub item: usize,
}

/// A place that means a definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// Where the name stands.
    pub span: Span,
    /// What it means.
    pub definition: DefinitionId,
}

/// What a resolution knows of the names of a program, without its trees: an [`Index`] is made of it once somebody asks.
#[derive(Clone, Debug, Default)]
pub struct ProgramNames {
    items: Vec<ItemName>,
    places: Vec<(ItemId, Span)>,
    locals: Vec<(FileId, usize, Vec<Local>)>,
}

/// An item by its name.
#[derive(Clone, Debug)]
struct ItemName {
    name: String,
    kind: ItemClass,
    /// Where its name is declared.
    declared: Span,
    /// All of it.
    whole: Span,
    /// The name before its hand-written derivative.
    gradient: Option<Span>,
}

impl ProgramNames {
    /// Keeps the names of a resolution that has served its purpose.
    pub fn of(resolution: Resolution) -> ProgramNames {
        let gradient = |item: &Item| if let ItemKind::Grad { name, .. } = &item.kind { Some(name.span) } else { None };
        let item = |info: ItemInfo| ItemName {
            name: info.name,
            kind: info.kind,
            declared: info.name_span,
            whole: info.item.span,
            gradient: info.gradient.and_then(gradient),
        };
        ProgramNames { items: resolution.items.into_iter().map(item).collect(), places: resolution.places, locals: resolution.locals }
    }
}

/// All definitions of a program and the places that mean them.
#[derive(Clone, Debug, Default)]
pub struct Index {
    definitions: Vec<Definition>,
    /// By file, in the order of the text; names do not overlap.
    occurrences: BTreeMap<FileId, Vec<Occurrence>>,
    by_span: BTreeMap<Span, DefinitionId>,
}

impl Index {
    /// The index of a resolved program: the names that the resolution knows, and those that follow from what is called:
    /// arguments by name, members behind a dot, the slots that an experiment grows.
    pub fn of(names: &ProgramNames, files: &[FileInput]) -> Index {
        let mut builder = Builder { index: Index::default(), files: files.iter().map(|f| (f.id, f.file)).collect() };
        builder.definitions(names);
        builder.names(names);
        let mut members = vec![];
        files.iter().for_each(|input| builder.members(input.file, &mut members));
        members.into_iter().for_each(|(span, id)| builder.place(span, id));
        let mut index = builder.index;
        for places in index.occurrences.values_mut() {
            places.sort_by_key(|o| (o.span, o.definition));
            places.dedup_by_key(|o| o.span);
        }
        index
    }
    /// A definition.
    pub fn definition(&self, id: DefinitionId) -> &Definition {
        &self.definitions[id.0 as usize]
    }
    /// All definitions with their numbers.
    pub fn definitions(&self) -> impl Iterator<Item = (DefinitionId, &Definition)> {
        self.definitions.iter().enumerate().map(|(i, d)| (DefinitionId(i as u32), d))
    }
    /// The definition whose name stands at a place.
    pub fn declared_at(&self, span: Span) -> Option<DefinitionId> {
        self.by_span.get(&span).copied()
    }
    /// All places of a file in the order of the text.
    pub fn occurrences(&self, file: FileId) -> &[Occurrence] {
        self.occurrences.get(&file).map_or(&[], Vec::as_slice)
    }
    /// The name that covers a byte, or ends at it.
    pub fn at(&self, file: FileId, offset: usize) -> Option<Occurrence> {
        let places = self.occurrences(file);
        let next = places.partition_point(|o| o.span.start as usize <= offset);
        places[..next].last().copied().filter(|o| offset <= o.span.end as usize)
    }
    /// What the name at exactly this place means.
    pub fn meaning(&self, span: Span) -> Option<DefinitionId> {
        self.at(span.file, span.start as usize).filter(|o| o.span.start == span.start).map(|o| o.definition)
    }
    /// Every place that means a definition, by file and place.
    pub fn places(&self, id: DefinitionId) -> impl Iterator<Item = Span> {
        self.occurrences.values().flatten().filter(move |o| o.definition == id).map(|o| o.span)
    }
}

struct Builder<'a> {
    index: Index,
    files: BTreeMap<FileId, &'a File>,
}

impl<'a> Builder<'a> {
    fn define(&mut self, name: &str, kind: DefinitionKind, span: Span, item: usize) -> DefinitionId {
        let id = DefinitionId(self.index.definitions.len() as u32);
        self.index.definitions.push(Definition { name: name.to_string(), kind, span, item });
        self.index.by_span.insert(span, id);
        self.place(span, id);
        id
    }

    fn place(&mut self, span: Span, definition: DefinitionId) {
        self.index.occurrences.entry(span.file).or_default().push(Occurrence { span, definition });
    }

    fn definitions(&mut self, names: &ProgramNames) {
        let mut positions: BTreeMap<Span, usize> = BTreeMap::new();
        for file in self.files.values() {
            positions.extend(file.items.iter().enumerate().map(|(i, item)| (item.span, i)));
        }
        for item in &names.items {
            let position = positions.get(&item.whole).copied().unwrap_or_default();
            self.define(&item.name, DefinitionKind::Item(item.kind), item.declared, position);
        }
        for (_, position, locals) in &names.locals {
            for local in locals {
                let id = self.define(&local.name, DefinitionKind::Local(local.kind), local.span, *position);
                local.places.iter().skip(1).for_each(|span| self.place(*span, id));
            }
        }
    }

    /// Names of items. An [`super::ItemId`] is the number of the item's definition too.
    fn names(&mut self, names: &ProgramNames) {
        let paths: BTreeMap<Span, Span> = self
            .files
            .values()
            .flat_map(|file| &file.items)
            .filter_map(|item| match &item.kind {
                ItemKind::Policy(Derived { from: Some(path), .. }) | ItemKind::Train(Derived { from: Some(path), .. }) => {
                    Some((path.span, path.names.last()?.span))
                }
                _ => None,
            })
            .collect();
        for (item, span) in &names.places {
            self.place(paths.get(span).copied().unwrap_or(*span), DefinitionId(item.0));
        }
        for (number, item) in names.items.iter().enumerate() {
            item.gradient.into_iter().for_each(|span| self.place(span, DefinitionId(number as u32)));
        }
        for places in self.index.occurrences.values_mut() {
            places.sort_by_key(|o| (o.span, o.definition));
            places.dedup_by_key(|o| o.span);
        }
    }

    /// Names that follow from what stands before them.
    fn members(&self, tree: &'a File, found: &mut Vec<(Span, DefinitionId)>) {
        visit_file(tree, &mut |node| {
            match node {
                Node::Expr(Expr { kind: ExprKind::Call { callee, args }, .. }) => {
                    let params = self.parameters(callee);
                    for name in args.iter().filter_map(|a| a.name.as_ref()) {
                        let param = params.iter().find(|p| p.name.text == name.text);
                        let id = param.and_then(|p| self.index.declared_at(p.name.span));
                        found.extend(id.map(|id| (name.span, id)));
                    }
                }
                Node::Expr(Expr { kind: ExprKind::Dot { base, name }, .. }) => {
                    let member = self.blueprint_of(base).and_then(|d| self.member(d, &name.text));
                    found.extend(member.map(|id| (name.span, id)));
                }
                _ => {}
            }
            true
        });
        for item in &tree.items {
            let ItemKind::Train(derived) = &item.kind else { continue };
            let Some(model) = self.model(derived, 0) else { continue };
            for line in &derived.body.lines {
                let LineKind::Grow { slots, .. } = &line.kind else { continue };
                slots.iter().for_each(|slot| {
                    self.slot(model, slot, found);
                });
            }
        }
    }

    /// The blueprint that an experiment trains.
    fn model(&self, derived: &'a Derived, depth: usize) -> Option<&'a ast::Definition> {
        let own = derived.body.lines.iter().find_map(|line| match &line.kind {
            LineKind::Set { target: Expr { kind: ExprKind::Name(name), .. }, value } if name == "model" => Some(value),
            _ => None,
        });
        match (own, &derived.from) {
            (Some(recipe), _) => self.blueprint_of_recipe(recipe),
            (None, Some(path)) if depth < 100 => match self.item(self.index.meaning(path.names.last()?.span)?)? {
                Item { kind: ItemKind::Train(other), .. } => self.model(other, depth + 1),
                _ => None,
            },
            _ => None,
        }
    }

    /// The names in a slot's path; gives the blueprint whose member the last of them is.
    fn slot(&self, model: &'a ast::Definition, path: &'a Expr, found: &mut Vec<(Span, DefinitionId)>) -> Option<DefinitionId> {
        let (owner, name, span) = match &path.kind {
            ExprKind::Name(name) => (model, name, path.span),
            ExprKind::Dot { base, name } => {
                let base = self.slot(model, base, found)?;
                (self.blueprint_of_member(base)?, &name.text, name.span)
            }
            ExprKind::Index { base, .. } => return self.slot(model, base, found),
            _ => return None,
        };
        let member = self.member(owner, name)?;
        found.push((span, member));
        Some(member)
    }

    /// The item that a definition is or belongs to.
    fn item(&self, id: DefinitionId) -> Option<&'a Item> {
        let definition = self.index.definition(id);
        self.files.get(&definition.span.file)?.items.get(definition.item)
    }

    /// The parameters that the arguments of a call by name are for.
    fn parameters(&self, callee: &Expr) -> &'a [Param] {
        match &callee.kind {
            ExprKind::Paren(inner) => self.parameters(inner),
            ExprKind::Name(_) => {
                let Some(id) = self.index.meaning(callee.span) else { return &[] };
                match self.index.definition(id).kind {
                    DefinitionKind::Item(_) => match self.item(id).map(|i| &i.kind) {
                        Some(ItemKind::Fn { params, .. }) => params,
                        Some(ItemKind::Blueprint(d) | ItemKind::Optimizer(d)) => &d.params,
                        _ => &[],
                    },
                    DefinitionKind::Local(_) => self.blueprint_of_member(id).and_then(forward).map_or(&[], |m| &m.params[..]),
                }
            }
            _ => self.blueprint_of(callee).and_then(forward).map_or(&[], |m| &m.params[..]),
        }
    }

    /// The blueprint whose instance an expression is.
    fn blueprint_of(&self, expr: &Expr) -> Option<&'a ast::Definition> {
        match &expr.kind {
            ExprKind::Name(_) => self.blueprint_of_member(self.index.meaning(expr.span)?),
            ExprKind::Paren(inner) => self.blueprint_of(inner),
            ExprKind::Index { base, .. } => self.blueprint_of(base),
            ExprKind::Dot { base, name } => {
                let owner = self.blueprint_of(base)?;
                self.blueprint_of_member(self.member(owner, &name.text)?)
            }
            _ => None,
        }
    }

    /// The blueprint of a layer.
    fn blueprint_of_member(&self, id: DefinitionId) -> Option<&'a ast::Definition> {
        let definition = self.index.definition(id);
        if definition.kind != DefinitionKind::Local(LocalKind::Layer) {
            return None;
        }
        let ItemKind::Blueprint(owner) = &self.item(id)?.kind else { return None };
        owner.body.lines.iter().find_map(|line| match &line.kind {
            LineKind::Layer { name, recipe, .. } if name.span == definition.span => self.blueprint_of_recipe(recipe),
            _ => None,
        })
    }

    /// The blueprint of a recipe, or of the recipes in a list.
    fn blueprint_of_recipe(&self, recipe: &Expr) -> Option<&'a ast::Definition> {
        match &recipe.kind {
            ExprKind::Name(_) => match self.item(self.index.meaning(recipe.span)?)? {
                Item { kind: ItemKind::Blueprint(d), .. } => Some(d),
                _ => None,
            },
            ExprKind::Paren(inner) => self.blueprint_of_recipe(inner),
            ExprKind::Call { callee, .. } => self.blueprint_of_recipe(callee),
            ExprKind::Repeat { value, .. } | ExprKind::Each { value, .. } => self.blueprint_of_recipe(value),
            ExprKind::List(elems) => elems.iter().find_map(|e| if let Elem::Expr(e) = e { self.blueprint_of_recipe(e) } else { None }),
            _ => None,
        }
    }

    /// A member of a blueprint by name.
    fn member(&self, owner: &ast::Definition, name: &str) -> Option<DefinitionId> {
        owner.body.lines.iter().find_map(|line| {
            match &line.kind {
                LineKind::Param(Stored { name: n, .. }) | LineKind::State(Stored { name: n, .. }) => Some(n),
                LineKind::Layer { name: n, .. } | LineKind::Slot { name: n, .. } => Some(n),
                _ => None,
            }
            .filter(|n| n.text == name)
            .and_then(|n| self.index.declared_at(n.span))
        })
    }
}

fn forward(definition: &ast::Definition) -> Option<&Method> {
    definition.body.lines.iter().find_map(|line| if let LineKind::Forward(method) = &line.kind { Some(method) } else { None })
}
