//! Symbolic sizes in a normal form, so that two sizes are the same exactly when they are written the same.
//!
//! A size is a polynomial over names with exact rational coefficients; division by a product of names is a negative exponent.
//! What is left of `floor`, and `min`, `max`, `%` and division by a sum are atoms whose arguments are in normal form themselves.
mod bounds;
mod display;
mod parse;
mod polynomial;
mod rational;
#[cfg(test)]
mod tests;

use polynomial::{Atom, Polynomial, Term, Terms};
use rational::Rational;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Why a size could not be computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DimError {
    /// A number does not fit: 127 bits on the way, 63 bits as a size.
    Overflow,
    /// By zero.
    DivisionByZero,
    /// Hundreds of terms or dozens of nested roundings.
    TooLarge,
}

impl std::fmt::Display for DimError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            DimError::Overflow => "a size is too large to count",
            DimError::DivisionByZero => "a size is divided by zero",
            DimError::TooLarge => "a size has too many terms",
        })
    }
}

impl std::error::Error for DimError {}

/// A size, or another whole number or fraction that the compiler knows: `64`, `4*d`, `ceil(h / 2)`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Dim(Form);

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
enum Form {
    /// A whole number: nearly all sizes once a model is elaborated.
    Whole(i64),
    /// Everything else.
    Sum(Arc<Polynomial>),
}

impl Dim {
    /// A number.
    pub fn constant(n: i64) -> Dim {
        Dim(Form::Whole(n))
    }
    /// A name; any string is one.
    pub fn symbol(name: &str) -> Dim {
        polynomial::atom(Atom::Symbol(name.into())).expect("a single name is a small sum")
    }
    pub(crate) fn terms(&self) -> Cow<'_, [Term]> {
        match &self.0 {
            Form::Whole(0) => Cow::Borrowed(&[]),
            Form::Whole(n) => Cow::Owned(vec![Term { powers: vec![], coefficient: Rational::whole(*n) }]),
            Form::Sum(p) => Cow::Borrowed(&p.terms),
        }
    }
    /// The sum.
    pub fn add(&self, other: &Dim) -> Result<Dim, DimError> {
        match (&self.0, &other.0) {
            (Form::Whole(0), _) => Ok(other.clone()),
            (_, Form::Whole(0)) => Ok(self.clone()),
            _ => polynomial::add(self, other),
        }
    }
    /// The difference.
    pub fn sub(&self, other: &Dim) -> Result<Dim, DimError> {
        self.add(&other.mul(&Dim::constant(-1))?)
    }
    /// The product.
    pub fn mul(&self, other: &Dim) -> Result<Dim, DimError> {
        match (&self.0, &other.0) {
            (Form::Whole(l), Form::Whole(r)) => l.checked_mul(*r).map(Dim::constant).ok_or(DimError::Overflow),
            (Form::Whole(1), _) => Ok(other.clone()),
            (_, Form::Whole(1)) => Ok(self.clone()),
            _ => polynomial::multiply(self, other),
        }
    }
    /// The exact quotient, which may be a fraction: see [`Dim::is_whole`].
    pub fn divide(&self, other: &Dim) -> Result<Dim, DimError> {
        if let (Form::Whole(l), Form::Whole(r)) = (&self.0, &other.0)
            && l.checked_rem(*r) == Some(0)
        {
            return Ok(Dim::constant(l / r));
        }
        if other.0 == Form::Whole(1) {
            return Ok(self.clone());
        }
        polynomial::divide(self, other)
    }
    /// The largest whole number that is not larger than the quotient.
    pub fn floor_div(&self, other: &Dim) -> Result<Dim, DimError> {
        polynomial::floor(&self.divide(other)?)
    }
    /// The smallest whole number that is not smaller than the quotient: `floor((p - 1) / q) + 1`, for a positive divisor.
    pub fn ceil_div(&self, other: &Dim) -> Result<Dim, DimError> {
        polynomial::ceil(&self.divide(other)?)
    }
    /// The remainder with the sign of the divisor: `self - floor(self / other) * other`.
    pub fn remainder(&self, other: &Dim) -> Result<Dim, DimError> {
        let (whole, _) = polynomial::split_whole(&self.divide(other)?)?;
        let rest = self.sub(&whole.mul(other)?)?;
        if rest == Dim::constant(0) || (rest.as_rational().is_some() && other.as_rational().is_some()) {
            return Ok(rest);
        }
        polynomial::atom(Atom::Remainder(rest, other.clone()))
    }
    /// The smaller one.
    pub fn minimum(&self, other: &Dim) -> Result<Dim, DimError> {
        extreme(self, other, false)
    }
    /// The larger one.
    pub fn maximum(&self, other: &Dim) -> Result<Dim, DimError> {
        extreme(self, other, true)
    }
    /// The product of `exponent` factors.
    pub fn power(&self, exponent: u32) -> Result<Dim, DimError> {
        if exponent == 1 {
            return Ok(self.clone());
        }
        if let [t] = &self.terms()[..] {
            let exponent = i32::try_from(exponent).map_err(|_| DimError::Overflow)?;
            if exponent == 0 {
                return Ok(Dim::constant(1));
            }
            let powers = polynomial::power_of_powers(&t.powers, exponent)?;
            return polynomial::from_sorted(vec![Term { powers, coefficient: t.coefficient.power(exponent)? }]);
        }
        if *self == Dim::constant(0) {
            return Ok(Dim::constant(i64::from(exponent == 0)));
        }
        let mut product = Dim::constant(1);
        for _ in 0..exponent {
            product = product.mul(self)?;
        }
        Ok(product)
    }
    /// The number, where it is a whole one without names.
    pub fn as_const(&self) -> Option<i64> {
        match self.0 {
            Form::Whole(n) => Some(n),
            Form::Sum(_) => None,
        }
    }
    /// The name, where it is nothing but one.
    pub fn as_symbol(&self) -> Option<&str> {
        let Form::Sum(sum) = &self.0 else { return None };
        match &sum.terms[..] {
            [t] if t.coefficient == Rational::ONE => match &t.powers[..] {
                [(Atom::Symbol(name), 1)] => Some(name),
                _ => None,
            },
            _ => None,
        }
    }
    /// Numerator and positive denominator in lowest terms, where there are no names.
    pub fn as_rational(&self) -> Option<(i128, i128)> {
        match &self.terms()[..] {
            [] => Some((0, 1)),
            [t] if t.powers.is_empty() => Some((t.coefficient.numerator(), t.coefficient.denominator())),
            _ => None,
        }
    }
    /// `Some(true)`: a whole number for all whole values of its names. `Some(false)`: a fraction without names. `None`: it depends.
    pub fn is_whole(&self) -> Option<bool> {
        if self.as_const().is_some() {
            return Some(true);
        }
        if self.terms().iter().all(|t| t.coefficient.is_whole() && polynomial::powers_are_whole(&t.powers)) {
            return Some(true);
        }
        self.as_rational().map(|(_, denominator)| denominator == 1)
    }
    /// All names in it.
    pub fn symbols(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        self.collect_symbols(&mut names);
        names
    }
    fn collect_symbols(&self, names: &mut BTreeSet<String>) {
        for (atom, _) in self.terms().iter().flat_map(|t| &t.powers) {
            match atom {
                Atom::Symbol(name) => {
                    names.insert(name.to_string());
                }
                Atom::Floor(x) | Atom::Sum(x) => x.collect_symbols(names),
                Atom::Minimum(list) | Atom::Maximum(list) => list.iter().for_each(|x| x.collect_symbols(names)),
                Atom::Remainder(a, b) => {
                    a.collect_symbols(names);
                    b.collect_symbols(names);
                }
            }
        }
    }
    /// The size with names replaced; those for which nothing is given stay.
    pub fn substitute(&self, replacement: &dyn Fn(&str) -> Option<Dim>) -> Result<Dim, DimError> {
        if let Some(name) = self.as_symbol() {
            return Ok(replacement(name).unwrap_or_else(|| self.clone()));
        }
        let replaced = |name: &str| replacement(name).is_some();
        let Form::Sum(all) = &self.0 else { return Ok(self.clone()) };
        let changes = |t: &Term| t.powers.iter().any(|(atom, _)| any_symbol(atom, &replaced));
        let Some(first) = all.terms.iter().position(changes) else { return Ok(self.clone()) };
        let (mut kept, mut sum) = (all.terms[..first].to_vec(), Dim::constant(0));
        for (place, t) in all.terms.iter().enumerate().skip(first) {
            if place > first && !changes(t) {
                kept.push(t.clone());
                continue;
            }
            let mut product = match t.coefficient {
                Rational::ONE => Dim::constant(1),
                other => polynomial::from_sorted(vec![Term { powers: vec![], coefficient: other }])?,
            };
            for (atom, exponent) in &t.powers {
                let value = substitute_atom(atom, replacement)?.power(exponent.unsigned_abs())?;
                product = if *exponent < 0 { product.divide(&value)? } else { product.mul(&value)? };
            }
            sum = sum.add(&product)?;
        }
        if kept.is_empty() { Ok(sum) } else { sum.add(&polynomial::from_sorted(kept)?) }
    }
    /// Whether a name in it passes a test.
    pub fn any_symbol(&self, test: &dyn Fn(&str) -> bool) -> bool {
        match &self.0 {
            Form::Whole(_) => false,
            Form::Sum(sum) => sum.terms.iter().flat_map(|t| &t.powers).any(|(atom, _)| any_symbol(atom, test)),
        }
    }
    /// The size with names replaced by numbers; those for which none is given stay.
    pub fn bind(&self, value: &dyn Fn(&str) -> Option<i64>) -> Result<Dim, DimError> {
        self.substitute(&|name| value(name).map(Dim::constant))
    }
    /// The value of `name` with which this size is `equal_to`, where the name stands in one term alone, to the first power, and not in `equal_to`.
    pub fn solve(&self, name: &str, equal_to: &Dim) -> Option<Dim> {
        if equal_to.symbols().contains(name) {
            return None;
        }
        let (mut factor, mut rest) = (None, Terms::new());
        for t in self.terms().iter() {
            let is_name = |(atom, e): &(Atom, i32)| *e == 1 && matches!(atom, Atom::Symbol(n) if **n == *name);
            if let Some(position) = t.powers.iter().position(is_name) {
                let mut others = t.powers.clone();
                others.remove(position);
                if factor.replace(Terms::from([(others, t.coefficient)])).is_some() {
                    return None;
                }
            } else {
                rest.insert(t.powers.clone(), t.coefficient);
            }
        }
        let factor = polynomial::normal_form(factor?).ok()?;
        let rest = polynomial::normal_form(rest).ok()?;
        if factor.symbols().contains(name) || rest.symbols().contains(name) {
            return None;
        }
        equal_to.sub(&rest).ok()?.divide(&factor).ok()
    }
}

fn any_symbol(atom: &Atom, test: &dyn Fn(&str) -> bool) -> bool {
    match atom {
        Atom::Symbol(name) => test(name),
        Atom::Floor(x) | Atom::Sum(x) => x.any_symbol(test),
        Atom::Minimum(list) | Atom::Maximum(list) => list.iter().any(|x| x.any_symbol(test)),
        Atom::Remainder(a, b) => a.any_symbol(test) || b.any_symbol(test),
    }
}

fn substitute_atom(atom: &Atom, replacement: &dyn Fn(&str) -> Option<Dim>) -> Result<Dim, DimError> {
    let fold = |list: &[Dim], combine: fn(&Dim, &Dim) -> Result<Dim, DimError>| {
        let mut values = list.iter().map(|d| d.substitute(replacement));
        let first = values.next().unwrap_or(Ok(Dim::constant(0)))?;
        values.try_fold(first, |a, b| combine(&a, &b?))
    };
    match atom {
        Atom::Symbol(name) => Ok(replacement(name).unwrap_or_else(|| Dim::symbol(name))),
        Atom::Floor(x) => polynomial::floor(&x.substitute(replacement)?),
        Atom::Sum(x) => x.substitute(replacement),
        Atom::Minimum(list) => fold(list, Dim::minimum),
        Atom::Maximum(list) => fold(list, Dim::maximum),
        Atom::Remainder(a, b) => a.substitute(replacement)?.remainder(&b.substitute(replacement)?),
    }
}

/// The largest or smallest of two, with nested ones of the same kind opened and those left out that differ by a number from another.
fn extreme(left: &Dim, right: &Dim, largest: bool) -> Result<Dim, DimError> {
    let open = |d: &Dim| -> Vec<Dim> {
        if let [t] = &d.terms()[..]
            && t.coefficient == Rational::ONE
            && let [(Atom::Minimum(list), 1)] | [(Atom::Maximum(list), 1)] = &t.powers[..]
            && matches!(t.powers[0].0, Atom::Maximum(_)) == largest
        {
            return list.clone();
        }
        vec![d.clone()]
    };
    let mut kept: Vec<Dim> = vec![];
    for candidate in open(left).into_iter().chain(open(right)) {
        let mut beaten = false;
        let mut others = vec![];
        for other in kept {
            // Decided only where the difference has no names, so that substitution cannot change the answer.
            match candidate.sub(&other)?.as_rational() {
                Some((n, _)) if (n > 0) == largest && n != 0 => {}
                Some(_) => {
                    beaten = true;
                    others.push(other);
                }
                None => others.push(other),
            }
        }
        if !beaten {
            others.push(candidate);
        }
        kept = others;
    }
    kept.sort();
    if kept.len() == 1 {
        return Ok(kept.remove(0));
    }
    polynomial::atom(if largest { Atom::Maximum(kept) } else { Atom::Minimum(kept) })
}

impl From<i64> for Dim {
    fn from(n: i64) -> Dim {
        Dim::constant(n)
    }
}

impl From<usize> for Dim {
    fn from(n: usize) -> Dim {
        Dim::constant(i64::try_from(n).expect("a size in memory fits 63 bits"))
    }
}
