//! The names that a piece of code sees: its parameters, sizes and `let`s.
use super::value::Value;
use esper_diagnostics::{FileId, Span};
use esper_ir::Dim;
use std::collections::BTreeMap;

/// One name.
#[derive(Clone, Debug)]
pub(crate) struct Variable {
    /// The name.
    pub name: String,
    /// What it stands for.
    pub value: Value,
    /// Where it is declared.
    pub span: Span,
    /// A state of an optimizer: assigned with `:=`.
    pub is_state: bool,
}

/// The names of one call.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    /// Innermost last.
    pub vars: Vec<Variable>,
    /// The file whose top-level names are seen.
    pub file: FileId,
    /// The number of its symbols; 0: the item that is checked, whose names are plain.
    pub frame: u32,
    /// The instance whose members are seen.
    pub instance: Option<usize>,
    /// What the caller calls the sizes that the signature names.
    pub export: BTreeMap<String, Dim>,
    /// How many unrolled loops are open.
    pub loops: usize,
    /// Whether `:=` assigns an optimizer's states.
    pub is_update: bool,
}

impl Scope {
    /// An empty one.
    pub fn new(file: FileId, frame: u32) -> Scope {
        Scope { vars: vec![], file, frame, instance: None, export: BTreeMap::new(), loops: 0, is_update: false }
    }
    /// The innermost variable of that name.
    pub fn find(&self, name: &str) -> Option<&Variable> {
        self.vars.iter().rev().find(|v| v.name == name)
    }
    /// The same, to change it.
    pub fn find_mut(&mut self, name: &str) -> Option<&mut Variable> {
        self.vars.iter_mut().rev().find(|v| v.name == name)
    }
    /// Declares a name.
    pub fn declare(&mut self, name: &str, value: Value, span: Span) {
        self.vars.push(Variable { name: name.to_string(), value, span, is_state: false });
    }
    /// The symbol of a size named in this frame.
    pub fn symbol(&self, name: &str) -> String {
        symbol(name, self.frame)
    }
}

/// The symbol of a name in a frame: plain in the item that is checked itself.
pub(crate) fn symbol(name: &str, frame: u32) -> String {
    if frame == 0 { name.to_string() } else { format!("{name}@{frame}") }
}
