//! What expressions give while a program is evaluated by the compiler: compile-time values, tensors (types with a place in the code), instances.
use crate::hir;
use crate::names::ItemId;
use esper_diagnostics::Span;
use esper_grammar::ast::Expr;
use esper_ir::{DType, Dim, Duration, TensorType};
use std::rc::Rc;

/// The kind of a compile-time value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    Dim,
    Int,
    Float,
    Bool,
    Str,
    Time,
    Axis,
    Fn,
    Init,
    Blueprint,
    List(Box<Kind>),
}

impl Kind {
    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<Kind> {
        Some(match name {
            "dim" => Kind::Dim,
            "int" => Kind::Int,
            "float" => Kind::Float,
            "bool" => Kind::Bool,
            "str" => Kind::Str,
            "time" => Kind::Time,
            "axis" => Kind::Axis,
            "fn" => Kind::Fn,
            "init" => Kind::Init,
            "blueprint" => Kind::Blueprint,
            _ => return None,
        })
    }
    /// The kind in the user's words, with its article.
    pub fn words(&self) -> String {
        match self {
            Kind::Dim => "a size".into(),
            Kind::Int => "a whole number".into(),
            Kind::Float => "a number".into(),
            Kind::Bool => "true or false".into(),
            Kind::Str => "a text".into(),
            Kind::Time => "a time such as `steps(50)` or `epochs(2)`".into(),
            Kind::Axis => "an axis".into(),
            Kind::Fn => "a function".into(),
            Kind::Init => "an initialiser".into(),
            Kind::Blueprint => "a recipe of a layer".into(),
            Kind::List(_) => "a list".into(),
        }
    }
}

/// A tensor: its type and the call that gives it.
#[derive(Clone, Debug)]
pub(crate) struct Tensor {
    /// Its type; sizes in names of the frame that holds it.
    pub ty: TensorType,
    /// Its place in the function that is being built; meaningless in a check without code.
    pub value: hir::Value,
    /// The expression that gave it.
    pub span: Span,
}

/// A named argument that is bound.
#[derive(Clone, Debug)]
pub(crate) struct Bound {
    /// The parameter.
    pub name: String,
    /// The value as given.
    pub value: Value,
    /// Where it is written, with its name.
    pub span: Span,
    /// As written, for messages and the chain of instances.
    pub text: String,
    /// The expression, for edits.
    pub expr: Option<Rc<Expr>>,
}

/// A blueprint with arguments: what `layer` makes an instance of.
#[derive(Clone, Debug)]
pub(crate) struct Recipe {
    /// The blueprint.
    pub item: ItemId,
    /// Its arguments.
    pub args: Vec<Bound>,
    /// Where it is written.
    pub span: Span,
    /// As written.
    pub text: String,
}

/// What a function value calls.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Target {
    /// A `fn` item.
    Item(ItemId),
    /// A function of the language, by its place in the table.
    Builtin(usize),
}

/// A function with some arguments bound; it waits for its tensor inputs.
#[derive(Clone, Debug)]
pub(crate) struct Function {
    /// What is called.
    pub target: Target,
    /// What is bound.
    pub args: Vec<Bound>,
    /// As written.
    pub text: String,
}

/// A function parameter whose value the generic check lacks.
#[derive(Clone, Debug)]
pub(crate) struct UnknownFunction {
    /// Whether its signature is "a tensor to the same type".
    pub keeps_type: bool,
}

/// What an expression gives.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// A whole number, maybe in names.
    Size(Dim),
    /// A quotient of whole numbers that need not be whole: exact where a size is needed, real where a float is.
    Ratio(Dim, Dim),
    /// A real number.
    Float(f64),
    /// A truth.
    Bool(bool),
    /// A text.
    Text(Rc<str>),
    /// A duration of the run.
    Time(Duration),
    /// An element type.
    Element(DType),
    /// The axes behind `..space`.
    Rest(Rc<Vec<Dim>>),
    /// A compile-time value that the generic check lacks.
    Unknown(Kind),
    /// A function that the generic check lacks.
    UnknownFunction(Rc<UnknownFunction>),
    /// A list.
    List(Rc<Vec<Value>>),
    /// A list of unknown length whose elements look like this one.
    Series(Rc<Value>),
    /// A recipe.
    Recipe(Rc<Recipe>),
    /// A function.
    Function(Rc<Function>),
    /// A tensor.
    Tensor(Tensor),
    /// An instance of a blueprint, by its number.
    Layer(usize),
    /// A slot of an instance, by name.
    Slot(Rc<str>),
    /// Several values.
    Tuple(Rc<Vec<Value>>),
    /// What a body without a value gives.
    Nothing,
    /// Something is wrong and has been said: everything that depends on it stays silent.
    Poison,
}

impl Value {
    /// A whole number.
    pub fn int(n: i64) -> Value {
        Value::Size(Dim::constant(n))
    }
    /// A list.
    pub fn list(values: Vec<Value>) -> Value {
        Value::List(Rc::new(values))
    }
    /// Several values.
    pub fn tuple(values: Vec<Value>) -> Value {
        Value::Tuple(Rc::new(values))
    }
    /// Whether nothing is to be said about it.
    pub fn is_poison(&self) -> bool {
        matches!(self, Value::Poison)
    }
    /// Whether it can stand before `(`.
    pub fn is_callable(&self) -> bool {
        match self {
            Value::Function(_)
            | Value::UnknownFunction(_)
            | Value::Unknown(Kind::Fn | Kind::Blueprint | Kind::Init)
            | Value::Layer(_)
            | Value::Slot(_)
            | Value::Recipe(_) => true,
            Value::List(list) => list.first().is_some_and(Value::is_callable),
            Value::Series(element) => element.is_callable(),
            _ => false,
        }
    }
    /// What it is, in the user's words, without its value.
    pub fn words(&self) -> String {
        match self {
            Value::Size(_) => "a whole number".into(),
            Value::Ratio(..) => "a fraction".into(),
            Value::Float(x) if x.is_finite() => "a decimal number".into(),
            Value::Float(_) => "no finite number".into(),
            Value::Bool(_) => "true or false".into(),
            Value::Text(_) => "a text".into(),
            Value::Time(_) => "a time".into(),
            Value::Element(dtype) => format!("the element type {}", dtype.name()),
            Value::Rest(_) => "several axes".into(),
            Value::Unknown(kind) => kind.words(),
            Value::UnknownFunction(_) | Value::Function(_) => "a function".into(),
            Value::List(_) | Value::Series(_) => "a list".into(),
            Value::Recipe(_) => "a recipe of a layer".into(),
            Value::Tensor(_) => "a tensor".into(),
            Value::Layer(_) => "a layer".into(),
            Value::Slot(_) => "a slot".into(),
            Value::Tuple(values) => format!("{} values", values.len()),
            Value::Nothing => "nothing".into(),
            Value::Poison => "something".into(),
        }
    }
}
