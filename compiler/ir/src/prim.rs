//! Scalar primitives: the only arithmetic a target must spell.
use serde::{Deserialize, Serialize};

/// A scalar function of one, two or three arguments. Comparisons and logic give a bool; the others keep the type of their arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Prim {
    Neg,
    Exp,
    Log,
    Sqrt,
    Rsqrt,
    Reciprocal,
    Sin,
    Cos,
    Tanh,
    Erf,
    ErfInv,
    Abs,
    Sign,
    Floor,
    Ceil,
    Round,
    Not,
    Add,
    Sub,
    Mul,
    Div,
    Maximum,
    Minimum,
    Pow,
    Rem,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    And,
    Or,
    Select,
}

impl Prim {
    /// All of them.
    pub const ALL: [Prim; 32] = [
        Prim::Neg,
        Prim::Exp,
        Prim::Log,
        Prim::Sqrt,
        Prim::Rsqrt,
        Prim::Reciprocal,
        Prim::Sin,
        Prim::Cos,
        Prim::Tanh,
        Prim::Erf,
        Prim::ErfInv,
        Prim::Abs,
        Prim::Sign,
        Prim::Floor,
        Prim::Ceil,
        Prim::Round,
        Prim::Not,
        Prim::Add,
        Prim::Sub,
        Prim::Mul,
        Prim::Div,
        Prim::Maximum,
        Prim::Minimum,
        Prim::Pow,
        Prim::Rem,
        Prim::Equal,
        Prim::NotEqual,
        Prim::Less,
        Prim::LessEqual,
        Prim::And,
        Prim::Or,
        Prim::Select,
    ];
    /// How many arguments it takes.
    pub fn arity(self) -> usize {
        use Prim::*;
        match self {
            Neg | Exp | Log | Sqrt | Rsqrt | Reciprocal | Sin | Cos | Tanh | Erf | ErfInv | Abs | Sign | Floor | Ceil | Round | Not => 1,
            Add | Sub | Mul | Div | Maximum | Minimum | Pow | Rem | Equal | NotEqual | Less | LessEqual | And | Or => 2,
            Select => 3,
        }
    }
}
