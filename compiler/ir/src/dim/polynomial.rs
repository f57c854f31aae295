//! Sums of products of atoms with exact coefficients, and the rewriting that keeps them in normal form.
use super::rational::Rational;
use super::{Dim, DimError, Form};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A factor that arithmetic does not look into. Two atoms are the same size when they are equal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Atom {
    /// A name.
    Symbol(Arc<str>),
    /// The largest whole number that is not larger; the argument has no whole part (see [`floor`]).
    Floor(Dim),
    /// The smallest of two or more, sorted.
    Minimum(Vec<Dim>),
    /// The largest of two or more, sorted.
    Maximum(Vec<Dim>),
    /// Floored remainder of the first by the second.
    Remainder(Dim, Dim),
    /// A sum of several terms without common factor; occurs only with negative exponents.
    Sum(Dim),
}

/// Atoms with their exponents (never 0), sorted by atom.
pub(crate) type Powers = Vec<(Atom, i32)>;

/// A product with its coefficient (never 0).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Term {
    pub powers: Powers,
    pub coefficient: Rational,
}

/// Terms sorted by their powers, each once. Never a single whole number that fits an `i64`: that is [`Form::Whole`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Polynomial {
    pub terms: Vec<Term>,
    /// How many terms and atoms there are, nested ones included.
    weight: u32,
    /// How deep atoms are nested.
    depth: u32,
}

/// Terms on the way to a normal form.
pub(crate) type Terms = BTreeMap<Powers, Rational>;

/// Sizes of people's models have a handful of terms; beyond this one is a runaway recurrence.
const MOST_TERMS: usize = 256;
const MOST_WEIGHT: u32 = 4096;
const MOST_DEPTH: u32 = 48;
/// Rewriting steps of one cancellation against sums.
const MOST_STEPS: usize = 2048;

pub(crate) fn insert(terms: &mut Terms, powers: Powers, coefficient: Rational) -> Result<(), DimError> {
    match terms.get(&powers) {
        Some(&present) => {
            let sum = present.add(coefficient)?;
            if sum.is_zero() {
                terms.remove(&powers);
            } else {
                terms.insert(powers, sum);
            }
        }
        None if coefficient.is_zero() => {}
        None => {
            terms.insert(powers, coefficient);
        }
    }
    if terms.len() > MOST_TERMS { Err(DimError::TooLarge) } else { Ok(()) }
}

/// The product of two products.
pub(crate) fn multiply_powers(left: &[(Atom, i32)], right: &[(Atom, i32)]) -> Result<Powers, DimError> {
    let mut product = Vec::with_capacity(left.len() + right.len());
    let (mut i, mut j) = (0, 0);
    while i < left.len() || j < right.len() {
        let order = match (left.get(i), right.get(j)) {
            (Some(l), Some(r)) => l.0.cmp(&r.0),
            (Some(_), None) => Ordering::Less,
            _ => Ordering::Greater,
        };
        match order {
            Ordering::Less => {
                product.push(left[i].clone());
                i += 1;
            }
            Ordering::Greater => {
                product.push(right[j].clone());
                j += 1;
            }
            Ordering::Equal => {
                let exponent = left[i].1.checked_add(right[j].1).ok_or(DimError::Overflow)?;
                if exponent != 0 {
                    product.push((left[i].0.clone(), exponent));
                }
                (i, j) = (i + 1, j + 1);
            }
        }
    }
    Ok(product)
}

pub(crate) fn power_of_powers(powers: &[(Atom, i32)], exponent: i32) -> Result<Powers, DimError> {
    powers.iter().map(|(a, e)| Ok((a.clone(), e.checked_mul(exponent).ok_or(DimError::Overflow)?))).collect()
}

pub(crate) fn multiply(left: &Dim, right: &Dim) -> Result<Dim, DimError> {
    if let [only] = &right.terms()[..] {
        return multiply_by_term(left, &only.powers, only.coefficient);
    }
    let mut product = Terms::new();
    for l in left.terms().iter() {
        for r in right.terms().iter() {
            insert(&mut product, multiply_powers(&l.powers, &r.powers)?, l.coefficient.mul(r.coefficient)?)?;
        }
    }
    normal_form(product)
}

/// The product with one term, which keeps the terms apart.
fn multiply_by_term(sum: &Dim, powers: &[(Atom, i32)], coefficient: Rational) -> Result<Dim, DimError> {
    if coefficient.is_zero() {
        return Ok(Dim::constant(0));
    }
    let product = |t: &Term| Ok(Term { powers: multiply_powers(&t.powers, powers)?, coefficient: t.coefficient.mul(coefficient)? });
    let mut terms = sum.terms().iter().map(product).collect::<Result<Vec<_>, DimError>>()?;
    terms.sort_by(|a, b| a.powers.cmp(&b.powers));
    from_sorted(terms)
}

/// Puts collected terms into normal form.
pub(crate) fn normal_form(terms: Terms) -> Result<Dim, DimError> {
    from_sorted(terms.into_iter().map(|(powers, coefficient)| Term { powers, coefficient }).collect())
}

/// Puts terms that are sorted by their powers, each once and none 0, into normal form.
pub(crate) fn from_sorted(mut terms: Vec<Term>) -> Result<Dim, DimError> {
    if terms.iter().any(|t| t.powers.iter().any(|(a, _)| matches!(a, Atom::Sum(_)))) {
        let cancelled = cancel_sums(terms.into_iter().map(|t| (t.powers, t.coefficient)).collect())?;
        terms = cancelled.into_iter().map(|(powers, coefficient)| Term { powers, coefficient }).collect();
    }
    match &terms[..] {
        [] => return Ok(Dim(Form::Whole(0))),
        [only] if only.powers.is_empty() && only.coefficient.is_whole() => {
            return i64::try_from(only.coefficient.numerator()).map(|n| Dim(Form::Whole(n))).map_err(|_| DimError::Overflow);
        }
        _ => {}
    }
    let mut weight = 0u32;
    let mut depth = 0;
    for (atom, _) in terms.iter().flat_map(|t| &t.powers) {
        let inner: &mut dyn Iterator<Item = &Dim> = match atom {
            Atom::Symbol(_) => &mut std::iter::empty(),
            Atom::Floor(x) | Atom::Sum(x) => &mut std::iter::once(x),
            Atom::Minimum(list) | Atom::Maximum(list) => &mut list.iter(),
            Atom::Remainder(a, b) => &mut [a, b].into_iter(),
        };
        weight = weight.saturating_add(1);
        for dim in inner {
            if let Form::Sum(p) = &dim.0 {
                weight = weight.saturating_add(p.weight);
                depth = depth.max(p.depth + 1);
            }
        }
    }
    weight = weight.saturating_add(terms.len() as u32);
    if weight > MOST_WEIGHT || depth > MOST_DEPTH {
        return Err(DimError::TooLarge);
    }
    Ok(Dim(Form::Sum(Arc::new(Polynomial { terms, weight, depth }))))
}

/// The leading term of a sum: lexicographic by exponents of the smallest atoms first, an order that products respect.
fn leading(terms: &[Term]) -> &Term {
    let larger = |a: &Term, b: &Term| {
        let (mut i, mut j) = (0, 0);
        loop {
            match (a.powers.get(i), b.powers.get(j)) {
                (None, None) => return false,
                (Some(_), None) => return true,
                (None, Some(_)) => return false,
                (Some(x), Some(y)) if x == y => (i, j) = (i + 1, j + 1),
                (Some(x), Some(y)) if x.0 == y.0 => return x.1 > y.1,
                (Some(x), Some(y)) => return x.0 < y.0,
            }
        }
    };
    let mut best = &terms[0];
    for t in &terms[1..] {
        if larger(t, best) {
            best = t;
        }
    }
    best
}

/// Division with remainder by every sum `s` that stands in a denominator: what is a multiple of `s` loses it, so that
/// `x / (a + b) * (a + b)` is `x`. Unique for one sum; several different ones are reduced in their order.
fn cancel_sums(mut terms: Terms) -> Result<Terms, DimError> {
    let exponent = |powers: &[(Atom, i32)], atom: &Atom| powers.iter().find(|(a, _)| a == atom).map_or(0, |(_, e)| *e);
    for _ in 0..MOST_STEPS {
        let found = terms.iter().find_map(|(powers, &c)| {
            powers.iter().find_map(|(atom, e)| {
                let Atom::Sum(s) = atom else { return None };
                let s_terms = s.terms();
                let lead = leading(&s_terms);
                let multiple = *e > 0 || lead.powers.iter().all(|(a, e)| exponent(powers, a) >= *e);
                multiple.then(|| (powers.clone(), c, atom.clone(), *e, lead.clone(), s_terms.to_vec()))
            })
        });
        let Some((powers, c, atom, e, lead, sum)) = found else { return Ok(terms) };
        terms.remove(&powers);
        if e > 0 {
            // A positive power is multiplied out, one factor at a time.
            let rest = multiply_powers(&powers, &[(atom, -1)])?;
            for t in &sum {
                insert(&mut terms, multiply_powers(&rest, &t.powers)?, c.mul(t.coefficient)?)?;
            }
            continue;
        }
        let quotient = multiply_powers(&powers, &power_of_powers(&lead.powers, -1)?)?;
        let c = c.mul(lead.coefficient.invert()?)?;
        insert(&mut terms, multiply_powers(&quotient, &[(atom, 1)])?, c)?;
        for t in sum.iter().filter(|t| t.powers != lead.powers) {
            insert(&mut terms, multiply_powers(&quotient, &t.powers)?, c.mul(t.coefficient)?.negate()?)?;
        }
    }
    Err(DimError::TooLarge)
}

/// A sum as (common factor) · (sum without one): of the factor, coefficient and powers.
fn factor(dim: &Dim) -> Result<(Rational, Powers, Dim), DimError> {
    let terms = dim.terms();
    let mut measure = terms[0].coefficient;
    let mut common = terms[0].powers.clone();
    for t in &terms[1..] {
        measure = measure.common_measure(t.coefficient)?;
        let mut both: Powers = vec![];
        for (atom, _) in multiply_powers(&absolute(&common), &absolute(&t.powers))? {
            let of = |p: &Powers| p.iter().find(|(a, _)| *a == atom).map_or(0, |(_, e)| *e);
            let least = of(&common).min(of(&t.powers));
            if least != 0 {
                both.push((atom, least));
            }
        }
        common = both;
    }
    if measure.is_negative() != leading(&terms).coefficient.is_negative() {
        measure = measure.negate()?;
    }
    let mut rest = Terms::new();
    let inverse = power_of_powers(&common, -1)?;
    for t in terms.iter() {
        insert(&mut rest, multiply_powers(&t.powers, &inverse)?, t.coefficient.mul(measure.invert()?)?)?;
    }
    Ok((measure, common, normal_form(rest)?))
}

fn absolute(powers: &[(Atom, i32)]) -> Powers {
    powers.iter().map(|(a, e)| (a.clone(), e.saturating_abs().min(i32::MAX / 2))).collect()
}

/// The exact quotient.
pub(crate) fn divide(left: &Dim, right: &Dim) -> Result<Dim, DimError> {
    let divisor = right.terms();
    let (coefficient, powers) = match &divisor[..] {
        [] => return Err(DimError::DivisionByZero),
        [t] => (t.coefficient.invert()?, power_of_powers(&t.powers, -1)?),
        _ => {
            let (measure, common, sum) = factor(right)?;
            if sum.terms().len() == 1 {
                // Multiplying out a factor's own sum made the rest a single product.
                let product = normal_form(Terms::from([(common, measure)]))?;
                return divide(&divide(left, &product)?, &sum);
            }
            (measure.invert()?, multiply_powers(&power_of_powers(&common, -1)?, &[(Atom::Sum(sum), -1)])?)
        }
    };
    multiply_by_term(left, &powers, coefficient)
}

/// Whether a product of atoms is whole whenever its names are.
pub(crate) fn powers_are_whole(powers: &[(Atom, i32)]) -> bool {
    powers.iter().all(|(atom, e)| {
        let whole = match atom {
            Atom::Symbol(_) | Atom::Floor(_) => true,
            Atom::Minimum(list) | Atom::Maximum(list) => list.iter().all(|d| d.is_whole() == Some(true)),
            Atom::Remainder(a, b) => a.is_whole() == Some(true) && b.is_whole() == Some(true),
            Atom::Sum(_) => false,
        };
        *e > 0 && whole
    })
}

/// Splits off the whole multiples: `(whole, rest)` with every coefficient of a whole product in the rest in [0, 1).
pub(crate) fn split_whole(x: &Dim) -> Result<(Dim, Dim), DimError> {
    let (mut whole, mut rest) = (Terms::new(), Terms::new());
    for t in x.terms().iter() {
        if powers_are_whole(&t.powers) {
            let floor = Rational::new(t.coefficient.floor(), 1)?;
            insert(&mut whole, t.powers.clone(), floor)?;
            insert(&mut rest, t.powers.clone(), t.coefficient.add(floor.negate()?)?)?;
        } else {
            insert(&mut rest, t.powers.clone(), t.coefficient)?;
        }
    }
    Ok((normal_form(whole)?, normal_form(rest)?))
}

/// The largest whole number that is not larger than `x`, in normal form:
/// - whole multiples leave it, so every coefficient left is in [0, 1);
/// - where the rest is a whole number of `1/q`, the constant is rounded down to one (`floor(h/2 + 1/3)` is `floor(h/2)`);
/// - `floor((floor(y) + n) / q)` is `floor((y + n) / q)` for whole `n` and a positive whole number `q`.
pub(crate) fn floor(x: &Dim) -> Result<Dim, DimError> {
    let (whole, rest) = split_whole(x)?;
    let mut terms: Terms = rest.terms().iter().map(|t| (t.powers.clone(), t.coefficient)).collect();
    if terms.keys().all(|p| powers_are_whole(p)) {
        let mut denominator = 1;
        for (_, c) in terms.iter().filter(|(p, _)| !p.is_empty()) {
            denominator = c.common_denominator(denominator)?;
        }
        if let Some(constant) = terms.remove(&vec![]) {
            let steps = constant.mul(Rational::new(denominator, 1)?)?.floor();
            insert(&mut terms, vec![], Rational::new(steps, denominator)?)?;
        }
    }
    if terms.is_empty() {
        return Ok(whole);
    }
    let nested: Vec<(Powers, Rational)> =
        terms.iter().filter(|(p, c)| matches!(&p[..], [(Atom::Floor(_), 1)]) && c.numerator() == 1).map(|(p, c)| (p.clone(), *c)).collect();
    if let [(powers, c)] = &nested[..]
        && let [(Atom::Floor(inner), 1)] = &powers[..]
    {
        let others_whole = terms
            .iter()
            .filter(|(p, _)| *p != powers)
            .all(|(p, k)| powers_are_whole(p) && c.invert().and_then(|q| k.mul(q)).is_ok_and(|n| n.is_whole()));
        if others_whole {
            let mut merged = Terms::new();
            for (p, k) in terms.iter().filter(|(p, _)| *p != powers) {
                insert(&mut merged, p.clone(), *k)?;
            }
            for t in inner.terms().iter() {
                insert(&mut merged, t.powers.clone(), t.coefficient.mul(*c)?)?;
            }
            return add(&whole, &floor(&normal_form(merged)?)?);
        }
    }
    add(&whole, &atom(Atom::Floor(normal_form(terms)?))?)
}

/// The common denominator of all terms: the smallest product whose multiple by the sum has whole coefficients and no negative exponents.
pub(crate) fn common_denominator(x: &Dim) -> Result<Dim, DimError> {
    let mut number = 1;
    let mut powers: BTreeMap<Atom, i32> = BTreeMap::new();
    for t in x.terms().iter() {
        number = t.coefficient.common_denominator(number)?;
        for (a, e) in t.powers.iter().filter(|(_, e)| *e < 0) {
            let most = powers.entry(a.clone()).or_insert(0);
            *most = (*most).max(e.checked_neg().ok_or(DimError::Overflow)?);
        }
    }
    // Sums stay factors here, though as positive powers of an atom they would be multiplied out.
    let mut product = Dim::constant(i64::try_from(number).map_err(|_| DimError::Overflow)?);
    for (a, e) in powers {
        let base = match a {
            Atom::Sum(s) => s,
            other => atom(other)?,
        };
        product = multiply(&product, &base.power(e.unsigned_abs())?)?;
    }
    Ok(product)
}

/// The smallest whole number that is not smaller: `ceil(p / q)` is `floor((p - 1) / q) + 1`, for the fraction in lowest terms.
pub(crate) fn ceil(x: &Dim) -> Result<Dim, DimError> {
    let q = common_denominator(x)?;
    let p = multiply(x, &q)?;
    add(&floor(&divide(&add(&p, &Dim::constant(-1))?, &q)?)?, &Dim::constant(1))
}

pub(crate) fn add(left: &Dim, right: &Dim) -> Result<Dim, DimError> {
    if let (Form::Whole(l), Form::Whole(r)) = (&left.0, &right.0) {
        return l.checked_add(*r).map(Dim::constant).ok_or(DimError::Overflow);
    }
    let (left, right) = (left.terms(), right.terms());
    let mut sum = Vec::with_capacity(left.len() + right.len());
    let (mut l, mut r) = (left.iter().peekable(), right.iter().peekable());
    loop {
        let order = match (l.peek(), r.peek()) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(l), Some(r)) => l.powers.cmp(&r.powers),
        };
        match order {
            Ordering::Less => sum.extend(l.next().cloned()),
            Ordering::Greater => sum.extend(r.next().cloned()),
            Ordering::Equal => {
                let Some((l, r)) = l.next().zip(r.next()) else { break };
                let coefficient = l.coefficient.add(r.coefficient)?;
                if !coefficient.is_zero() {
                    sum.push(Term { powers: l.powers.clone(), coefficient });
                }
            }
        }
    }
    if sum.len() > MOST_TERMS { Err(DimError::TooLarge) } else { from_sorted(sum) }
}

pub(crate) fn atom(atom: Atom) -> Result<Dim, DimError> {
    from_sorted(vec![Term { powers: vec![(atom, 1)], coefficient: Rational::ONE }])
}
