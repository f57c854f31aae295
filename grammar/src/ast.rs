//! The syntax tree: what was written, with the place of every part. Meaning is the checker's business.
use esper_diagnostics::Span;

/// A name as written.
#[derive(Clone, Debug, PartialEq)]
pub struct Name {
    /// The name.
    pub text: String,
    /// Where.
    pub span: Span,
}

/// `///` or `//!` lines without their slashes, joined by new lines; empty where there are none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Docs {
    /// The text.
    pub text: String,
    /// Where, if there are any.
    pub span: Option<Span>,
}

/// `std.nn.Linear`, at least one name.
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    /// Its names, outermost first.
    pub names: Vec<Name>,
    /// Where.
    pub span: Span,
}

/// A whole file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct File {
    /// `//!` lines.
    pub docs: Docs,
    /// In the order written.
    pub items: Vec<Item>,
}

/// One item of a file with its documentation.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// `///` lines above it.
    pub docs: Docs,
    /// What it is.
    pub kind: ItemKind,
    /// From its first word to its end.
    pub span: Span,
}

/// What an item declares.
#[derive(Clone, Debug, PartialEq)]
pub enum ItemKind {
    /// `use std.nn.Linear as L` (no names) or `use std.nn.{Linear, relu as r}`.
    Use {
        /// The path before `as` or `.{`.
        path: Path,
        /// `as name` of the form without braces.
        alias: Option<Name>,
        /// The names in braces; `None` for the form without braces.
        imports: Option<Vec<Import>>,
    },
    /// `const N: int = 4 * 64`.
    Const {
        /// Its name.
        name: Name,
        /// Its type where written.
        ty: Option<Type>,
        /// Its value.
        value: Expr,
    },
    /// `fn relu(x: f32[..]) -> f32[..] { … }`.
    Fn {
        /// Its name.
        name: Name,
        /// Its parameters.
        params: Vec<Param>,
        /// What it gives.
        result: Type,
        /// Its body.
        body: Body,
    },
    /// `grad f(x, y, dy) { … }`.
    Grad {
        /// The function whose derivative this is.
        name: Name,
        /// Names of inputs, outputs, cotangents.
        args: Vec<Name>,
        /// Gives one cotangent per float input.
        body: Body,
    },
    /// `blueprint Name(params) { … }`.
    Blueprint(Definition),
    /// `optimizer Name(params) { … }`.
    Optimizer(Definition),
    /// `policy Name from Other { … }`.
    Policy(Derived),
    /// `train name from other { … }`.
    Train(Derived),
    /// A head that could not be read; its body, where it has one, was.
    Broken(Option<Body>),
}

/// `X as y` in the braces of a `use`.
#[derive(Clone, Debug, PartialEq)]
pub struct Import {
    /// The name in the other file.
    pub name: Name,
    /// The name here, where it differs.
    pub alias: Option<Name>,
}

/// A blueprint or an optimizer.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// Its name.
    pub name: Name,
    /// Its parameters; none where the brackets are left out.
    pub params: Vec<Param>,
    /// Its body.
    pub body: Body,
}

/// A policy or an experiment, maybe derived from another.
#[derive(Clone, Debug, PartialEq)]
pub struct Derived {
    /// Its name.
    pub name: Name,
    /// What it is derived from.
    pub from: Option<Path>,
    /// Its body.
    pub body: Body,
}

/// A parameter: `out: dim = 4`.
#[derive(Clone, Debug, PartialEq)]
pub struct Param {
    /// `///` lines above it.
    pub docs: Docs,
    /// Its name.
    pub name: Name,
    /// Its tensor type or kind.
    pub ty: Type,
    /// Its default.
    pub default: Option<Expr>,
    /// All of it.
    pub span: Span,
}

/// A type or kind with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Type {
    /// What it is.
    pub kind: TypeKind,
    /// Where.
    pub span: Span,
}

/// A tensor type, a kind, or built from them.
#[derive(Clone, Debug, PartialEq)]
pub enum TypeKind {
    /// `f32[b, 4*d]`, `dim`, `f32`. `dims` is `None` where no brackets are written.
    Named {
        /// `f32`, `dim` …
        name: Name,
        /// The elements in brackets.
        dims: Option<Vec<Elem>>,
    },
    /// `(f32[b], i32[b])`.
    Tuple(Vec<Type>),
    /// `[dim]`.
    List(Box<Type>),
    /// `fn` (`None`) or `fn(f32[b, k], i32[b]) -> f32`.
    Fn(Option<(Vec<Type>, Box<Type>)>),
}

/// `{ … }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Body {
    /// Its lines.
    pub lines: Vec<Line>,
    /// With the braces.
    pub span: Span,
}

/// One line (statement) of a body with its documentation.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// `///` lines above it.
    pub docs: Docs,
    /// What it is.
    pub kind: LineKind,
    /// Where.
    pub span: Span,
}

/// What a line of a body is. Which may stand in which body is checked later, where messages can say why.
#[derive(Clone, Debug, PartialEq)]
pub enum LineKind {
    /// `param weight: f32[out, in] = init if condition`.
    Param(Stored),
    /// `state mean: f32[c] = zeros if condition`.
    State(Stored),
    /// `layer first = Linear(16) if condition`.
    Layer {
        /// Its name.
        name: Name,
        /// The recipe.
        recipe: Expr,
        /// Exists only under this condition.
        condition: Option<Expr>,
    },
    /// `slot mid: f32[b, 16] -> f32[b, 10]`.
    Slot {
        /// Its name.
        name: Name,
        /// What it reads and, where different, what it gives.
        ty: Option<(Type, Option<Type>)>,
    },
    /// `forward(x: f32[b, in]) -> f32[b, out] { … }`.
    Forward(Method),
    /// `update(p: f32[..], g: f32[..], step: f32) -> f32[..] { … }`.
    Update(Method),
    /// `require a > 0, "message"`.
    Require {
        /// What must hold.
        condition: Expr,
        /// What to say where it does not.
        message: Option<Expr>,
    },
    /// `let (a, b): type = value`.
    Let {
        /// What it declares.
        pattern: Pattern,
        /// Its type where written.
        ty: Option<Type>,
        /// Its value.
        value: Expr,
    },
    /// `for i in range(3) { … }`.
    For {
        /// What each turn declares.
        pattern: Pattern,
        /// What it goes over.
        over: Expr,
        /// What each turn does.
        body: Body,
    },
    /// `grow a, blocks.mid from [X, Y(2)] by Policy`.
    Grow {
        /// The slots' paths.
        slots: Vec<Expr>,
        /// The candidates.
        candidates: Expr,
        /// The policy.
        policy: Expr,
    },
    /// `prune when grad_ratio < 0.01 for epochs(3)`.
    Rule {
        /// `germinate`, `prune` …
        verb: Name,
        /// When.
        condition: Expr,
        /// For how long it must hold.
        duration: Option<Expr>,
    },
    /// `sweep { … }`.
    Section {
        /// Its name.
        name: Name,
        /// Its lines.
        body: Body,
    },
    /// `target = value`: a rebinding in code, a field in a policy, a train or a blueprint (`birth = zero`).
    Set {
        /// A name, in sections also a path.
        target: Expr,
        /// Its value.
        value: Expr,
    },
    /// `mean := value`.
    Assign {
        /// The state.
        target: Expr,
        /// Its new value.
        value: Expr,
    },
    /// An expression; the last one of a code body is its value.
    Expr(Expr),
    /// A line that could not be read; its body, where it has one, was.
    Broken(Option<Body>),
}

/// A `param` or `state` line.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// Its name.
    pub name: Name,
    /// Its tensor type.
    pub ty: Type,
    /// Its initialiser.
    pub init: Option<Expr>,
    /// Exists only under this condition.
    pub condition: Option<Expr>,
}

/// `forward` or `update`.
#[derive(Clone, Debug, PartialEq)]
pub struct Method {
    /// Its inputs.
    pub params: Vec<Param>,
    /// What it gives.
    pub result: Type,
    /// What it does.
    pub body: Body,
    /// The word `forward` or `update`.
    pub word: Span,
}

/// What a `let` or `for` declares.
#[derive(Clone, Debug, PartialEq)]
pub enum Pattern {
    /// A name; `_` declares nothing.
    Name(Name),
    /// `(a, b)`.
    Tuple(Vec<Pattern>, Span),
}

/// An expression with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where.
    pub span: Span,
}

/// What an expression is.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// A name.
    Name(String),
    /// A whole number; text that does not fit is the lexer's error and becomes `Error`.
    Int(i64),
    /// A number with a point or an exponent; `text` is as written.
    Float {
        /// Its value.
        value: f64,
        /// As written, for the formatter.
        text: String,
    },
    /// A string; the value has its escapes resolved (offsets in messages inside patterns count in the source text, after the quote).
    Str(String),
    /// `true`, `false`.
    Bool(bool),
    /// `-x`, `not x`.
    Unary(UnaryOp, Box<Expr>),
    /// `x + y`. `op_span` is the operator's place.
    Binary {
        /// Which.
        op: BinaryOp,
        /// The operator's place.
        op_span: Span,
        /// Left.
        left: Box<Expr>,
        /// Right.
        right: Box<Expr>,
    },
    /// `x |> f`, `x |> g(arg)`.
    Pipe(Box<Expr>, Box<Expr>),
    /// `f(a, b, name = c)`.
    Call {
        /// What is called.
        callee: Box<Expr>,
        /// With what.
        args: Vec<Arg>,
    },
    /// `x[.., 0:n]`.
    Index {
        /// What is indexed.
        base: Box<Expr>,
        /// The elements in brackets.
        elems: Vec<Elem>,
    },
    /// `first.weight`.
    Dot {
        /// Of what.
        base: Box<Expr>,
        /// Which.
        name: Name,
    },
    /// `(a, b)`, `()`; a bracketed single expression is `Paren`.
    Tuple(Vec<Expr>),
    /// `(a)`: kept for the formatter and for operator places.
    Paren(Box<Expr>),
    /// `[a, b, ..space]`.
    List(Vec<Elem>),
    /// `[Block() ; depth]`.
    Repeat {
        /// What.
        value: Box<Expr>,
        /// How often.
        count: Box<Expr>,
    },
    /// `[f(i) for i in range(3)]`.
    Each {
        /// What each turn gives.
        value: Box<Expr>,
        /// What each turn declares.
        pattern: Pattern,
        /// What it goes over.
        over: Box<Expr>,
    },
    /// `if c { … } else { … }`; `else if` is an else body of one `If` expression line whose span has no braces.
    If {
        /// The condition.
        condition: Box<Expr>,
        /// Where it holds.
        then: Body,
        /// Where it does not.
        otherwise: Option<Body>,
    },
    /// What could not be read; poisoned, so that nothing more is said of it.
    Error,
}

/// One argument of a call.
#[derive(Clone, Debug, PartialEq)]
pub struct Arg {
    /// `name =`, where written.
    pub name: Option<Name>,
    /// Its value.
    pub value: Expr,
}

/// An element of a type's dims, a list or an index.
#[derive(Clone, Debug, PartialEq)]
pub enum Elem {
    /// An expression.
    Expr(Expr),
    /// `..` or `..space`; the span covers both.
    Rest(Option<Name>, Span),
    /// `a:b`, `a:`, `:b`, `:`; only meaningful in an index.
    Slice(Option<Expr>, Option<Expr>, Span),
}

/// Operators with one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnaryOp {
    /// `-`.
    Neg,
    /// `not`.
    Not,
}

/// Operators with two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum BinaryOp {
    Or,
    And,
    Eq,
    Ne,
    Lt,
    Gt,
    Le,
    Ge,
    Add,
    Sub,
    Mul,
    Div,
    Rem,
    MatMul,
    Pow,
}

impl BinaryOp {
    /// As it is written.
    pub fn text(self) -> &'static str {
        match self {
            BinaryOp::Or => "or",
            BinaryOp::And => "and",
            BinaryOp::Eq => "==",
            BinaryOp::Ne => "!=",
            BinaryOp::Lt => "<",
            BinaryOp::Gt => ">",
            BinaryOp::Le => "<=",
            BinaryOp::Ge => ">=",
            BinaryOp::Add => "+",
            BinaryOp::Sub => "-",
            BinaryOp::Mul => "*",
            BinaryOp::Div => "/",
            BinaryOp::Rem => "%",
            BinaryOp::MatMul => "@",
            BinaryOp::Pow => "^",
        }
    }
}

impl UnaryOp {
    /// As it is written.
    pub fn text(self) -> &'static str {
        match self {
            UnaryOp::Neg => "-",
            UnaryOp::Not => "not",
        }
    }
}
