//! Exact fractions with checked arithmetic: the coefficients of sizes.
use super::DimError;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// `numerator / denominator` in lowest terms with a positive denominator, so that == is equality of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Rational {
    numerator: i128,
    denominator: i128,
}

fn gcd(a: i128, b: i128) -> i128 {
    let (mut a, mut b) = (a.unsigned_abs(), b.unsigned_abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    // i128::MIN is kept out by the checked arithmetic below, so the result fits except for gcd(MIN, MIN).
    i128::try_from(a).unwrap_or(1)
}

impl Rational {
    pub const ZERO: Rational = Rational { numerator: 0, denominator: 1 };
    pub const ONE: Rational = Rational { numerator: 1, denominator: 1 };

    pub fn whole(n: i64) -> Rational {
        Rational { numerator: n as i128, denominator: 1 }
    }
    pub fn new(numerator: i128, denominator: i128) -> Result<Rational, DimError> {
        if denominator == 0 {
            return Err(DimError::DivisionByZero);
        }
        let divisor = gcd(numerator, denominator).max(1) * denominator.signum();
        let divide = |n: i128| n.checked_div(divisor).ok_or(DimError::Overflow);
        Ok(Rational { numerator: divide(numerator)?, denominator: divide(denominator)? })
    }
    pub fn numerator(self) -> i128 {
        self.numerator
    }
    pub fn denominator(self) -> i128 {
        self.denominator
    }
    pub fn is_zero(self) -> bool {
        self.numerator == 0
    }
    pub fn is_whole(self) -> bool {
        self.denominator == 1
    }
    pub fn is_negative(self) -> bool {
        self.numerator < 0
    }
    pub fn add(self, other: Rational) -> Result<Rational, DimError> {
        let left = self.numerator.checked_mul(other.denominator);
        let right = other.numerator.checked_mul(self.denominator);
        let sum = left.zip(right).and_then(|(l, r)| l.checked_add(r)).ok_or(DimError::Overflow)?;
        Rational::new(sum, self.denominator.checked_mul(other.denominator).ok_or(DimError::Overflow)?)
    }
    pub fn negate(self) -> Result<Rational, DimError> {
        Ok(Rational { numerator: self.numerator.checked_neg().ok_or(DimError::Overflow)?, ..self })
    }
    pub fn mul(self, other: Rational) -> Result<Rational, DimError> {
        // Crosswise reduction first: what fits in the result then never overflows on the way.
        let left = Rational::new(self.numerator, other.denominator)?;
        let right = Rational::new(other.numerator, self.denominator)?;
        let numerator = left.numerator.checked_mul(right.numerator).ok_or(DimError::Overflow)?;
        let denominator = left.denominator.checked_mul(right.denominator).ok_or(DimError::Overflow)?;
        Ok(Rational { numerator, denominator })
    }
    pub fn invert(self) -> Result<Rational, DimError> {
        Rational::new(self.denominator, self.numerator)
    }
    /// To the power of a whole number, negative ones included.
    pub fn power(self, exponent: i32) -> Result<Rational, DimError> {
        let base = if exponent < 0 { self.invert()? } else { self };
        let power = |n: i128| n.checked_pow(exponent.unsigned_abs()).ok_or(DimError::Overflow);
        Ok(Rational { numerator: power(base.numerator)?, denominator: power(base.denominator)? })
    }
    /// The largest whole number that is not larger.
    pub fn floor(self) -> i128 {
        self.numerator.div_euclid(self.denominator)
    }
    /// The smallest positive whole number that both denominators divide.
    pub fn common_denominator(self, denominator: i128) -> Result<i128, DimError> {
        (self.denominator / gcd(self.denominator, denominator)).checked_mul(denominator).ok_or(DimError::Overflow)
    }
    /// The greatest common divisor of the numerators over the least common multiple of the denominators: what both are whole multiples of.
    pub fn common_measure(self, other: Rational) -> Result<Rational, DimError> {
        Rational::new(gcd(self.numerator, other.numerator), self.common_denominator(other.denominator)?)
    }
}

impl PartialOrd for Rational {
    fn partial_cmp(&self, other: &Rational) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// An order for sorting: by value where that can be computed, which differs from the fields' order only beyond 127 bits.
impl Ord for Rational {
    fn cmp(&self, other: &Rational) -> Ordering {
        match (self.numerator.checked_mul(other.denominator), other.numerator.checked_mul(self.denominator)) {
            (Some(left), Some(right)) => left.cmp(&right),
            _ => (self.floor(), self.numerator, self.denominator).cmp(&(other.floor(), other.numerator, other.denominator)),
        }
    }
}
