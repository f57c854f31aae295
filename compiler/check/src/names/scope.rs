//! What is declared inside an item and where it can be seen.
use esper_diagnostics::Span;
use std::collections::BTreeMap;

/// What a local name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalKind {
    /// A run-time input of a function or method.
    Input,
    /// A parameter known to the compiler; `callable`: of kind `fn` or `blueprint`.
    Parameter {
        /// Whether it may stand before `(`.
        callable: bool,
    },
    /// A dim that an axis of an input binds.
    Dim,
    /// `..space` of an input.
    Dims,
    /// `param`.
    Trained,
    /// `state`.
    State,
    /// `layer`.
    Layer,
    /// `slot`.
    Slot,
    /// `let`.
    Let,
    /// What each turn of a `for` declares.
    Turn,
}

impl LocalKind {
    /// In the user's words, with its article.
    pub fn noun(self) -> &'static str {
        match self {
            LocalKind::Input => "an input",
            LocalKind::Parameter { .. } => "a parameter",
            LocalKind::Dim => "a dim",
            LocalKind::Dims => "a list of dims",
            LocalKind::Trained => "a trained `param`",
            LocalKind::State => "a state",
            LocalKind::Layer => "a layer",
            LocalKind::Slot => "a slot",
            LocalKind::Let => "a `let`",
            LocalKind::Turn => "a loop variable",
        }
    }
    /// `did you mean this layer?`.
    pub(super) fn bare_noun(self) -> &'static str {
        match self {
            LocalKind::Let => "name",
            LocalKind::Dims => "list of dims",
            LocalKind::Trained => "param",
            LocalKind::Turn => "loop variable",
            kind => kind.noun().trim_start_matches("an ").trim_start_matches("a "),
        }
    }
    /// Whether a name before `(` means this one even where something outside the item has the name too.
    pub(super) fn surely_callable(self) -> bool {
        matches!(self, LocalKind::Layer | LocalKind::Slot | LocalKind::Turn | LocalKind::Parameter { callable: true })
    }
    /// Whether `name = …` may give it a new value.
    pub(super) fn rebindable(self) -> bool {
        matches!(self, LocalKind::Let | LocalKind::Input)
    }
}

/// A name declared inside an item.
#[derive(Clone, Debug)]
pub(super) struct Local {
    pub(super) name: String,
    pub(super) span: Span,
    pub(super) kind: LocalKind,
    /// Read somewhere, or excused from being read.
    pub(super) used: bool,
    /// Every place that means it, its declaration first.
    pub(super) places: Vec<Span>,
    /// The line that declares it, for removing it.
    pub(super) line: Option<Span>,
    /// One of several names that one `let` declares.
    pub(super) among_others: bool,
    /// How many frames were open where it was declared.
    depth: usize,
}

/// What opened a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FrameKind {
    /// The body of `forward`, `update`, or a comprehension.
    Plain,
    /// A branch of an `if`.
    Branch,
    /// The body of a `for`.
    Turn,
}

/// All locals of one item and those visible at the moment.
#[derive(Debug, Default)]
pub(super) struct Scope {
    locals: Vec<Local>,
    visible: Vec<usize>,
    /// Visible locals of each name, the innermost last.
    by_name: BTreeMap<String, Vec<usize>>,
    frames: Vec<(FrameKind, usize)>,
}

impl Scope {
    pub(super) fn open(&mut self, kind: FrameKind) {
        self.frames.push((kind, self.visible.len()));
    }
    pub(super) fn close(&mut self) {
        if let Some((_, len)) = self.frames.pop() {
            for local in self.visible.split_off(len) {
                self.hide(local);
            }
        }
    }
    /// Takes a local out of sight.
    pub(super) fn hide(&mut self, local: usize) {
        if let Some(of_name) = self.by_name.get_mut(&self.locals[local].name) {
            of_name.retain(|l| *l != local);
        }
    }
    /// Brings a hidden local back.
    pub(super) fn show(&mut self, local: usize) {
        self.by_name.entry(self.locals[local].name.clone()).or_default().push(local);
    }
    /// Declares a name and gives its number. `_` and names that are visible already are the caller's business.
    pub(super) fn declare(&mut self, name: &str, span: Span, kind: LocalKind) -> usize {
        let depth = self.frames.len();
        self.locals.push(Local {
            name: name.to_string(),
            span,
            kind,
            used: false,
            places: vec![span],
            line: None,
            among_others: false,
            depth,
        });
        let local = self.locals.len() - 1;
        self.visible.push(local);
        self.show(local);
        local
    }
    /// The innermost visible local of that name.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.by_name.get(name)?.last().copied()
    }
    pub(super) fn get(&self, local: usize) -> &Local {
        &self.locals[local]
    }
    pub(super) fn get_mut(&mut self, local: usize) -> &mut Local {
        &mut self.locals[local]
    }
    /// The outermost loop or branch that was opened since a local was declared, if any; a loop goes before a branch.
    pub(super) fn opened_since(&self, local: usize) -> Option<FrameKind> {
        let since = self.frames.get(self.locals[local].depth..).unwrap_or_default();
        let has = |kind| since.iter().any(|(k, _)| *k == kind).then_some(kind);
        has(FrameKind::Turn).or_else(|| has(FrameKind::Branch))
    }
    /// Visible locals, the innermost first.
    pub(super) fn visible(&self) -> impl Iterator<Item = &Local> {
        let shown = |i: &usize| self.by_name.get(&self.locals[*i].name).is_some_and(|of_name| of_name.contains(i));
        self.visible.iter().rev().copied().filter(shown).map(|i| &self.locals[i])
    }
    /// A local of that name that is not visible here: declared in a body that has ended.
    pub(super) fn elsewhere(&self, name: &str) -> Option<&Local> {
        self.locals.iter().find(|l| l.name == name)
    }
    pub(super) fn all(&self) -> &[Local] {
        &self.locals
    }
    /// All locals, at the end of the walk.
    pub(super) fn into_locals(self) -> Vec<Local> {
        self.locals
    }
}
