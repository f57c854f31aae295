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

impl Prim {
    /// Its name in listings: `less_equal`.
    pub fn name(self) -> &'static str {
        use Prim::*;
        match self {
            Neg => "neg",
            Exp => "exp",
            Log => "log",
            Sqrt => "sqrt",
            Rsqrt => "rsqrt",
            Reciprocal => "reciprocal",
            Sin => "sin",
            Cos => "cos",
            Tanh => "tanh",
            Erf => "erf",
            ErfInv => "erf_inv",
            Abs => "abs",
            Sign => "sign",
            Floor => "floor",
            Ceil => "ceil",
            Round => "round",
            Not => "not",
            Add => "add",
            Sub => "sub",
            Mul => "mul",
            Div => "div",
            Maximum => "maximum",
            Minimum => "minimum",
            Pow => "pow",
            Rem => "rem",
            Equal => "equal",
            NotEqual => "not_equal",
            Less => "less",
            LessEqual => "less_equal",
            And => "and",
            Or => "or",
            Select => "select",
        }
    }
    /// Whether the result is a bool whatever the arguments are.
    pub fn gives_bool(self) -> bool {
        use Prim::*;
        matches!(self, Not | Equal | NotEqual | Less | LessEqual | And | Or)
    }
    /// What it computes, in float64; a bool is 0 or 1. This is the definition that targets follow within an operator's tolerance:
    /// - `Maximum` and `Minimum` are nan if an argument is;
    /// - `Sign` of ±0 is that zero, of nan nan;
    /// - `Round` goes to the nearest whole number, halves to the even one;
    /// - `Rem` has the sign of the divisor, `x - y floor(x / y)`; by 0 it is nan;
    /// - comparisons with nan do not hold, except `NotEqual`.
    ///
    /// Panics where there are fewer arguments than [`Prim::arity`].
    pub fn evaluate(self, arguments: &[f64]) -> f64 {
        let x = arguments[0];
        let y = || arguments[1];
        let truth = |holds: bool| if holds { 1.0 } else { 0.0 };
        match self {
            Prim::Neg => -x,
            Prim::Exp => libm::exp(x),
            Prim::Log => libm::log(x),
            Prim::Sqrt => x.sqrt(),
            Prim::Rsqrt => 1.0 / x.sqrt(),
            Prim::Reciprocal => 1.0 / x,
            Prim::Sin => libm::sin(x),
            Prim::Cos => libm::cos(x),
            Prim::Tanh => libm::tanh(x),
            Prim::Erf => libm::erf(x),
            Prim::ErfInv => erf_inv(x),
            Prim::Abs => x.abs(),
            Prim::Sign if x == 0.0 || x.is_nan() => x,
            Prim::Sign => x.signum(),
            Prim::Floor => x.floor(),
            Prim::Ceil => x.ceil(),
            Prim::Round => x.round_ties_even(),
            Prim::Not => truth(x == 0.0),
            Prim::Add => x + y(),
            Prim::Sub => x - y(),
            Prim::Mul => x * y(),
            Prim::Div => x / y(),
            Prim::Maximum if x.is_nan() || y().is_nan() => f64::NAN,
            Prim::Maximum => x.max(y()),
            Prim::Minimum if x.is_nan() || y().is_nan() => f64::NAN,
            Prim::Minimum => x.min(y()),
            Prim::Pow => libm::pow(x, y()),
            Prim::Rem => {
                let remainder = libm::fmod(x, y());
                if remainder != 0.0 && (remainder < 0.0) != (y() < 0.0) { remainder + y() } else { remainder }
            }
            Prim::Equal => truth(x == y()),
            Prim::NotEqual => truth(x != y()),
            Prim::Less => truth(x < y()),
            Prim::LessEqual => truth(x <= y()),
            Prim::And => truth(x != 0.0 && y() != 0.0),
            Prim::Or => truth(x != 0.0 || y() != 0.0),
            Prim::Select => {
                if x != 0.0 {
                    y()
                } else {
                    arguments[2]
                }
            }
        }
    }
}

/// The inverse of the error function: M. Giles' approximation ("Approximating the erfinv function", GPU Computing Gems, 2011), then Newton's
/// method with Halley's correction on `erf`, or on `erfc` near the ends where `erf` has no digits left.
fn erf_inv(x: f64) -> f64 {
    if x.is_nan() || x.abs() > 1.0 {
        return f64::NAN;
    }
    if x.abs() == 1.0 {
        return x * f64::INFINITY;
    }
    let w = -libm::log((1.0 - x) * (1.0 + x));
    let polynomial = |w: f64, coefficients: [f64; 9]| coefficients.into_iter().fold(0.0, |sum, c| sum * w + c);
    let central = [
        2.81022636e-08,
        3.43273939e-07,
        -3.5233877e-06,
        -4.39150654e-06,
        0.00021858087,
        -0.00125372503,
        -0.00417768164,
        0.246640727,
        1.50140941,
    ];
    let tail = [
        -0.000200214257,
        0.000100950558,
        0.00134934322,
        -0.00367342844,
        0.00573950773,
        -0.0076224613,
        0.00943887047,
        1.00167406,
        2.83297682,
    ];
    let mut y = x * if w < 5.0 { polynomial(w - 2.5, central) } else { polynomial(w.sqrt() - 3.0, tail) };
    for _ in 0..4 {
        let error = if x.abs() < 0.5 { libm::erf(y) - x } else { x.signum() * ((1.0 - x.abs()) - libm::erfc(y.abs())) };
        let slope = std::f64::consts::FRAC_2_SQRT_PI * libm::exp(-y * y);
        if slope == 0.0 {
            break;
        }
        let step = error / slope;
        y -= step / (1.0 + y * step);
    }
    y
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inverse_error_function_inverts() {
        for i in -999..1000 {
            let x = f64::from(i) / 1000.0;
            assert!((libm::erf(Prim::ErfInv.evaluate(&[x])) - x).abs() < 1e-15, "{x}");
        }
        for tail in [1e-6, 1e-9, 1e-12] {
            let y = Prim::ErfInv.evaluate(&[1.0 - tail]);
            assert!((libm::erfc(y) / (1.0 - (1.0 - tail)) - 1.0).abs() < 1e-9, "{tail}");
        }
        assert_eq!(Prim::ErfInv.evaluate(&[-1.0]), f64::NEG_INFINITY);
        assert!(Prim::ErfInv.evaluate(&[1.5]).is_nan());
    }

    #[test]
    fn names_are_unique_and_all_take_their_arguments() {
        for (i, prim) in Prim::ALL.into_iter().enumerate() {
            assert!(Prim::ALL[..i].iter().all(|p| p.name() != prim.name()));
            let value = prim.evaluate(&[0.5; 3][..prim.arity()]);
            assert!(!prim.gives_bool() || value == 0.0 || value == 1.0);
        }
    }
}
