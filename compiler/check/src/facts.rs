//! What a check learns on its way and an editor shows: the type of every `let`, pipe stage and layer call, and sizes that were inferred.
use esper_diagnostics::Span;

/// What a fact is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FactKind {
    /// The type of what a `let` declares; the place is the declared name.
    Let,
    /// What a stage of a pipe gives; the place is what stands behind `|>`.
    Stage,
    /// What a call of a layer gives; the place is the call.
    LayerCall,
    /// The type or value of a name; the place is the name.
    Value,
    /// A `dim` parameter that was left out and inferred, `out = 64`; the place is the recipe or call.
    LeftOut,
}

/// One thing that a check learned, with sizes in the names of the item that was checked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fact {
    /// Where it holds.
    pub span: Span,
    /// What it is about.
    pub kind: FactKind,
    /// The type, value or equation as the language writes it.
    pub text: String,
    /// Where the parameter of an equation is declared.
    pub about: Option<Span>,
}
