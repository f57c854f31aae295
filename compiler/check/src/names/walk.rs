//! The walk over one item: declares what it declares, resolves every name in it, and collects what it refers to.
use super::case::Case;
use super::items::ItemId;
use super::known;
use super::resolve::Resolution;
use super::scope::{FrameKind, Local, LocalKind, Scope};
use super::suggest::{self, Budget};
use esper_diagnostics::{Diagnostic, FileId, Severity, Span};
use esper_grammar::ast::{Elem, Expr, ExprKind, Name, Pattern, Type, TypeKind};
use std::collections::{BTreeMap, BTreeSet};

/// How names that are not known are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Words {
    /// Every name must be known.
    Names,
    /// Lower-case names may be words of a field.
    Field,
}

/// What the walk over one item found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) problems: Vec<Diagnostic>,
    /// Items it refers to, and where, in the order written.
    pub(super) references: Vec<(ItemId, Span)>,
    /// Names of the top of the file that it uses.
    pub(super) top_names: BTreeSet<String>,
    /// Some of its text could not be read, so what seems unused may be used there.
    pub(super) unread: bool,
    /// What the item declares inside.
    pub(super) locals: Vec<Local>,
}

/// Walks one item.
pub(super) struct Walker<'w, 'a> {
    pub(super) resolution: &'w Resolution<'a>,
    pub(super) file: FileId,
    /// Names of the file that a problem elsewhere keeps from being known: imports that failed.
    pub(super) poisoned: &'w BTreeSet<String>,
    pub(super) suggestions: &'w Budget,
    pub(super) scope: Scope,
    pub(super) found: Found,
    /// Something of the item could not be read, so what is unknown or unused may be no mistake.
    pub(super) lenient: bool,
    pub(super) words: Words,
    /// Names that were reported once; each is reported once an item.
    reported: BTreeSet<String>,
    /// Lets whose next line begins with a minus, and the place of that minus.
    pub(super) minus_below: BTreeMap<usize, Span>,
    /// Locals in the wrong case with what they should be called.
    miscased: Vec<(usize, String)>,
}

impl<'w, 'a> Walker<'w, 'a> {
    pub(super) fn new(
        resolution: &'w Resolution<'a>,
        file: FileId,
        poisoned: &'w BTreeSet<String>,
        suggestions: &'w Budget,
        lenient: bool,
    ) -> Walker<'w, 'a> {
        Walker {
            resolution,
            file,
            poisoned,
            suggestions,
            scope: Scope::default(),
            found: Found::default(),
            lenient,
            words: Words::Names,
            reported: BTreeSet::new(),
            minus_below: BTreeMap::new(),
            miscased: vec![],
        }
    }

    pub(super) fn say(&mut self, problem: Diagnostic) {
        self.found.problems.push(problem);
    }

    /// Declares a name, or says that it is declared already. `_` declares nothing. Gives its number where it is new.
    pub(super) fn declare(&mut self, name: &Name, kind: LocalKind) -> Option<usize> {
        if name.text == "_" {
            return None;
        }
        if let Some(old) = self.scope.find(&name.text) {
            self.declared_twice(name, kind, old);
            return None;
        }
        let local = self.scope.declare(&name.text, name.span, kind);
        if !Case::Lower.fits(&name.text) {
            self.miscased.push((local, Case::Lower.apply(&name.text)));
        }
        Some(local)
    }

    fn declared_twice(&mut self, name: &Name, kind: LocalKind, old: usize) {
        let first = self.scope.get(old);
        let (text, at, what) = (&name.text, first.span, first.kind);
        let problem =
            Diagnostic::error("E0104", format!("`{text}` is declared twice"), name.span, format!("`{text}` is {} already", what.noun()))
                .label(at, "declared here")
                .note("inside an item one name is one thing; only names from outside the item may be shadowed");
        let problem = match (kind, what) {
            (LocalKind::Let, LocalKind::State) => problem.help(format!("a state gets its new value by `{text} := …`")),
            _ => problem.help(format!("give {} another name", if kind == what { "one of them" } else { "this one" })),
        };
        self.say(problem);
        self.scope.get_mut(old).used = true;
    }

    /// A name where a value stands: locals first, the innermost first, then the top of the file, then the language.
    pub(super) fn value_name(&mut self, text: &str, span: Span) {
        match self.scope.find(text) {
            Some(local) => self.mark(local, span),
            None => self.outer_name(text, span, false),
        }
    }

    /// A name before `(` or behind `|>`: it means only what can be called, where there is such a thing.
    pub(super) fn callee_name(&mut self, text: &str, span: Span) {
        let local = self.scope.find(text);
        let outside = self.resolution.lookup(self.file, text).is_some() || known::is_builtin(text);
        match local {
            Some(local) if self.scope.get(local).kind.surely_callable() || !outside => self.mark(local, span),
            Some(local) => {
                if self.scope.get(local).kind == LocalKind::Let {
                    self.scope.get_mut(local).used = true;
                }
                self.outer_name(text, span, true);
            }
            None => self.outer_name(text, span, true),
        }
    }

    fn mark(&mut self, local: usize, span: Span) {
        let local = self.scope.get_mut(local);
        local.used = true;
        local.places.push(span);
    }

    fn outer_name(&mut self, text: &str, span: Span, called: bool) {
        if let Some(item) = self.resolution.lookup(self.file, text) {
            self.found.references.push((item, span));
            self.found.top_names.insert(text.to_string());
            return;
        }
        let word = self.words == Words::Field && !text.starts_with(char::is_uppercase);
        if known::is_builtin(text) || self.poisoned.contains(text) || self.lenient || word {
            return;
        }
        if self.reported.insert(text.to_string()) {
            let problem = if self.suggestions.take() {
                suggest::unknown_name(text, span, called, &self.scope, self.file, self.resolution)
            } else {
                suggest::unknown_without_suggestion(text, span)
            };
            self.say(problem);
        }
    }

    /// From here on nothing is said about this name.
    pub(super) fn silence(&mut self, name: &str) {
        self.reported.insert(name.to_string());
    }

    /// Whether something was said about this name.
    pub(super) fn was_reported(&self, name: &str) -> bool {
        self.reported.contains(name)
    }

    /// The name in a type: an element type or a kind.
    fn type_name(&mut self, name: &Name) {
        let text = name.text.as_str();
        if known::ELEMENT_TYPES.contains(&text) || known::KINDS.contains(&text) || self.lenient || !self.reported.insert(text.to_string()) {
            return;
        }
        let mut problem =
            Diagnostic::error("E0101", format!("unknown type `{text}`"), name.span, format!("no element type or kind is called `{text}`"));
        let types = known::ELEMENT_TYPES.iter().chain(&known::KINDS).map(|t| (t.to_string(), ()));
        let (written, meant) = (text, common_spelling(text));
        if let Some(id) = self.resolution.lookup(self.file, written) {
            let info = self.resolution.item(id);
            problem = problem.label(info.name_span, format!("this is a {}", info.kind.noun()));
            problem = problem.help("a parameter that takes a recipe is of kind `blueprint`");
            self.found.top_names.insert(written.to_string());
        } else if let Some(meant) = meant.map(str::to_string).or_else(|| suggest::nearest(written, types).map(|(n, ())| n)) {
            problem = problem.edit(format!("replace by `{meant}`"), name.span, meant);
        } else {
            problem = problem.help(format!("element types are {}; kinds are {}", known::ELEMENT_TYPES.join(", "), known::KINDS.join(", ")));
        }
        self.say(problem);
    }

    /// Resolves the names in a type. Whatever binds dims has bound them before.
    pub(super) fn type_names(&mut self, ty: &Type) {
        match &ty.kind {
            TypeKind::Named { name, dims } => {
                self.type_name(name);
                for dim in dims.iter().flatten() {
                    match dim {
                        Elem::Expr(Expr { kind: ExprKind::Name(n), .. }) if n == "_" => {}
                        dim => self.elem(dim),
                    }
                }
            }
            TypeKind::Tuple(types) => types.iter().for_each(|t| self.type_names(t)),
            TypeKind::List(ty) => self.type_names(ty),
            // The letters of a function's signature are its own.
            TypeKind::Fn(_) => {}
        }
    }

    /// Declares the dims that the axes of an input's type bind: names that stand alone and mean nothing yet.
    pub(super) fn bind_dims(&mut self, ty: &Type) {
        match &ty.kind {
            TypeKind::Named { dims, .. } => {
                for dim in dims.iter().flatten() {
                    match dim {
                        Elem::Expr(Expr { kind: ExprKind::Name(text), span }) => self.bind_dim(text, *span),
                        Elem::Rest(Some(name), _) if self.scope.find(&name.text).is_none() => {
                            self.declare(name, LocalKind::Dims);
                        }
                        _ => {}
                    }
                }
            }
            TypeKind::Tuple(types) => types.iter().for_each(|t| self.bind_dims(t)),
            TypeKind::List(ty) => self.bind_dims(ty),
            TypeKind::Fn(_) => {}
        }
    }

    fn bind_dim(&mut self, text: &str, span: Span) {
        let constant = !Case::Lower.fits(text) && (self.resolution.lookup(self.file, text).is_some() || self.poisoned.contains(text));
        if constant || text == "_" {
            return;
        }
        if let Some(old) = self.scope.find(text) {
            if matches!(self.scope.get(old).kind, LocalKind::Trained | LocalKind::State | LocalKind::Layer | LocalKind::Slot) {
                self.declared_twice(&Name { text: text.to_string(), span }, LocalKind::Dim, old);
            }
            return;
        }
        let near = self.scope.visible().find(|l| matches!(l.kind, LocalKind::Parameter { .. }) && suggest::one_letter_apart(text, &l.name));
        if let Some((meant, at)) = near.map(|l| (l.name.clone(), l.span)) {
            self.say(
                Diagnostic::warning("W0107", format!("the dim `{text}` looks like a misspelt parameter"), span, "this binds a new dim")
                    .label(at, "a parameter of almost that name")
                    .edit(format!("replace by `{meant}`"), span, meant.clone()),
            );
            if let Some(local) = self.scope.find(&meant) {
                self.scope.get_mut(local).used = true;
            }
        }
        self.declare(&Name { text: text.to_string(), span }, LocalKind::Dim);
    }

    /// Declares what a pattern declares.
    pub(super) fn pattern(&mut self, pattern: &Pattern, kind: LocalKind, line: Option<Span>, among_others: bool) {
        match pattern {
            Pattern::Name(name) => {
                if let Some(local) = self.declare(name, kind) {
                    let local = self.scope.get_mut(local);
                    local.line = line;
                    local.among_others = among_others;
                }
            }
            Pattern::Tuple(parts, _) => parts.iter().for_each(|p| self.pattern(p, kind, line, true)),
        }
    }

    /// What is to be said of the locals once the whole item is walked: wrong case, never used.
    pub(super) fn finish(mut self) -> Found {
        for (local, better) in std::mem::take(&mut self.miscased) {
            let local = self.scope.get(local);
            let noun = local.kind.noun();
            let places: BTreeSet<Span> = local.places.iter().copied().collect();
            let changes = places.into_iter().map(|span| (span, better.clone())).collect();
            let problem = Diagnostic::error(
                "E0109",
                format!("`{}` is {noun} and should be in lower case", local.name),
                local.span,
                format!("{noun} is written in lower case"),
            )
            .note("case is meaning: `UPPER` constants, `Upper` blueprints, optimizers and policies, `lower` the rest")
            .edits(format!("rename to `{better}`"), changes);
            self.say(problem);
        }
        let errors = self.found.problems.iter().any(|p| p.severity == Severity::Error);
        if !self.lenient && !errors && !self.found.unread {
            let unused: Vec<Diagnostic> = self.scope.all().iter().enumerate().filter_map(|(i, l)| self.unused(i, l)).collect();
            self.found.problems.extend(unused);
        }
        self.found.locals = self.scope.into_locals();
        self.found
    }

    fn unused(&self, number: usize, local: &Local) -> Option<Diagnostic> {
        if local.used || local.name.starts_with('_') {
            return None;
        }
        let name = &local.name;
        let (code, what) = match local.kind {
            LocalKind::Let => match self.minus_below.get(&number) {
                Some(minus) => {
                    return Some(
                        Diagnostic::warning(
                            "W0004",
                            "a minus that does not go on with the line above",
                            *minus,
                            "without a space after it, a minus begins a new statement",
                        )
                        .label(local.span, "never used")
                        .edit(
                            "put a space behind the minus, which goes on with the line above",
                            minus.after(),
                            " ",
                        ),
                    );
                }
                None => ("W0121", "declared, and never used"),
            },
            LocalKind::Layer => ("W0123", "this layer is never called"),
            LocalKind::Trained => ("W0123", "this `param` is never read"),
            LocalKind::State => ("W0123", "this state is never read"),
            LocalKind::Parameter { .. } => ("W0124", "nothing reads this parameter"),
            LocalKind::Input | LocalKind::Dim | LocalKind::Dims | LocalKind::Slot | LocalKind::Turn => return None,
        };
        let problem = Diagnostic::warning(code, format!("`{name}` is never used"), local.span, what);
        Some(match (local.line, local.among_others) {
            (_, true) => problem.edit("write `_` for what is not needed", local.span, "_"),
            (Some(line), false) => problem.edit("remove the line", line, ""),
            (None, false) => problem,
        })
    }

    /// Walks with a frame open.
    pub(super) fn framed(&mut self, kind: FrameKind, inside: impl FnOnce(&mut Self)) {
        self.scope.open(kind);
        inside(self);
        self.scope.close();
    }
}

/// What other languages call a type of this one.
fn common_spelling(text: &str) -> Option<&'static str> {
    Some(match text {
        "float32" | "Float" | "f64" | "float64" | "double" | "tensor" | "Tensor" => "f32",
        "float16" | "half" => "f16",
        "bfloat16" => "bf16",
        "int32" | "i64" | "int64" | "long" => "i32",
        "uint8" | "byte" => "u8",
        "string" | "String" => "str",
        "boolean" => "bool",
        "usize" | "size" => "dim",
        _ => return None,
    })
}
