//! Items as the rest of the check sees them: numbered, classified, each with its file and its hand-written derivative.
use esper_diagnostics::{FileId, Span};
use esper_grammar::ast::{Item, ItemKind, Name};

/// The number of an item among all files, in the order of the files and of the items in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemId(pub u32);

/// What an item declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum ItemClass {
    Const,
    Fn,
    Blueprint,
    Optimizer,
    Policy,
    Train,
}

impl ItemClass {
    /// The class in the user's words: `function`.
    pub fn noun(self) -> &'static str {
        match self {
            ItemClass::Const => "constant",
            ItemClass::Fn => "function",
            ItemClass::Blueprint => "blueprint",
            ItemClass::Optimizer => "optimizer",
            ItemClass::Policy => "policy",
            ItemClass::Train => "experiment",
        }
    }
}

/// An item that can be referred to by its name (`use`, `grad` and items that could not be read are none).
#[derive(Clone, Debug)]
pub struct ItemInfo<'a> {
    /// Its number.
    pub id: ItemId,
    /// The file it stands in.
    pub file: FileId,
    /// The module of that file: `std.nn`.
    pub module: String,
    /// Its name as declared.
    pub name: String,
    /// Where the name is declared.
    pub name_span: Span,
    /// Its `///` lines.
    pub docs: &'a str,
    /// Its tree.
    pub item: &'a Item,
    /// What it declares.
    pub kind: ItemClass,
    /// The `grad` item of this function, where one is written.
    pub gradient: Option<&'a Item>,
}

/// The class and name of an item that can be referred to.
pub(super) fn declared(item: &Item) -> Option<(ItemClass, &Name)> {
    Some(match &item.kind {
        ItemKind::Const { name, .. } => (ItemClass::Const, name),
        ItemKind::Fn { name, .. } => (ItemClass::Fn, name),
        ItemKind::Blueprint(d) => (ItemClass::Blueprint, &d.name),
        ItemKind::Optimizer(d) => (ItemClass::Optimizer, &d.name),
        ItemKind::Policy(d) => (ItemClass::Policy, &d.name),
        ItemKind::Train(d) => (ItemClass::Train, &d.name),
        ItemKind::Use { .. } | ItemKind::Grad { .. } | ItemKind::Broken(_) => return None,
    })
}
