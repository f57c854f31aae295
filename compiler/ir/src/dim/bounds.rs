//! Comparing sizes for all values of their names at once.
use super::polynomial::{self, Atom, Terms};
use super::rational::Rational;
use super::{Dim, DimError};
use std::cmp::Ordering;

impl Dim {
    /// How the two compare, where that is the same for all names that are at least 1; otherwise, or where it is not seen, `None`.
    pub fn compare(&self, other: &Dim) -> Option<Ordering> {
        if self == other {
            return Some(Ordering::Equal);
        }
        if exceeds(self, other, false) {
            return Some(Ordering::Greater);
        }
        exceeds(other, self, false).then_some(Ordering::Less)
    }
    /// `Some(true)`: not smaller than `other`, for all names that are at least 1; `Some(false)`: smaller for all; otherwise, or where it is not seen, `None`.
    pub fn at_least(&self, other: &Dim) -> Option<bool> {
        if exceeds(self, other, true) {
            return Some(true);
        }
        exceeds(other, self, false).then_some(false)
    }
}

/// Whether `left > right` (`or_equal`: `>=`) is seen to hold for all names that are at least 1.
fn exceeds(left: &Dim, right: &Dim, or_equal: bool) -> bool {
    if let (Some(l), Some(r)) = (left.as_const(), right.as_const()) {
        return l > r || (or_equal && l == r);
    }
    let bound = left.sub(right).and_then(|difference| lower_bound(&difference));
    let Ok(Some(bound)) = bound else { return false };
    // With every name written as 1 + (something not negative), a sum without negative terms is at least its constant.
    let shifted = bound.substitute(&|name| Dim::symbol(name).add(&Dim::constant(1)).ok());
    let Ok(shifted) = shifted else { return false };
    let constant = shifted.terms().iter().find(|t| t.powers.is_empty()).map_or(Rational::ZERO, |t| t.coefficient);
    shifted.terms().iter().all(|t| !t.coefficient.is_negative()) && (or_equal || !constant.is_zero())
}

/// A polynomial in names alone that has the sign of something not larger than `x`, where one is known.
fn lower_bound(x: &Dim) -> Result<Option<Dim>, DimError> {
    let mut x = x.clone();
    // Roundings nest; each turn opens one level.
    for _ in 0..16 {
        let mut opened = Dim::constant(0);
        let mut changed = false;
        for t in x.terms().iter() {
            let coefficient = polynomial::normal_form(Terms::from([(vec![], t.coefficient)]))?;
            let bound = match &t.powers[..] {
                [(Atom::Floor(y), 1)] if t.coefficient.is_negative() => Some(y.clone()),
                [(Atom::Floor(y), 1)] => {
                    // The floor of a whole number of q-ths is less than 1 below it: at most (q - 1) / q.
                    let step = polynomial::common_denominator(y)?
                        .as_const()
                        .filter(|q| y.mul(&Dim::constant(*q)).is_ok_and(|p| p.is_whole() == Some(true)));
                    let most = match step {
                        Some(q) => Dim::constant(q - 1).divide(&Dim::constant(q))?,
                        None => Dim::constant(1),
                    };
                    Some(y.sub(&most)?)
                }
                [(Atom::Remainder(_, b), 1)] if t.coefficient.is_negative() => Some(b.sub(&Dim::constant(1))?),
                [(Atom::Remainder(..), 1)] => Some(Dim::constant(0)),
                [(Atom::Minimum(list), 1)] if t.coefficient.is_negative() => list.first().cloned(),
                [(Atom::Maximum(list), 1)] if !t.coefficient.is_negative() => list.first().cloned(),
                _ => None,
            };
            let (value, replaced) = match bound {
                Some(bound) => (coefficient.mul(&bound)?, true),
                None => (polynomial::normal_form(Terms::from([(t.powers.clone(), t.coefficient)]))?, false),
            };
            opened = opened.add(&value)?;
            changed |= replaced;
        }
        x = opened;
        if !changed {
            break;
        }
    }
    let only_names = x.terms().iter().flat_map(|t| &t.powers).all(|(atom, _)| matches!(atom, Atom::Symbol(_)));
    // The denominator is a product of names, hence positive.
    if only_names { Ok(Some(x.mul(&polynomial::common_denominator(&x)?)?)) } else { Ok(None) }
}
