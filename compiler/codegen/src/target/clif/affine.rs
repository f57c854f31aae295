//! Index expressions in a normal form: a constant plus multiples of counters, so that strides along a loop can be read off.
use crate::{Index, Value};

/// What a term of an [`Affine`] multiplies.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Atom {
    /// The counter of a row axis.
    Row(usize),
    /// The counter of an inner axis.
    Inner(usize),
    /// An i32 value of the stage.
    Value(Value),
    /// The floor of a quotient.
    Div(Box<Affine>, i64),
    /// A remainder that is never negative.
    Mod(Box<Affine>, i64),
}

/// `constant + Σ coefficient · atom`; terms ascend by atom and no coefficient is 0.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Affine {
    /// The part without atoms.
    pub constant: i64,
    /// Atoms with their coefficients.
    pub terms: Vec<(Atom, i64)>,
}

/// How far counters run, to simplify quotients and guards.
#[derive(Clone, Copy)]
pub(super) struct Extents<'a> {
    /// Of the row axes.
    pub rows: &'a [usize],
    /// Of the stage's inner axes.
    pub inner: &'a [usize],
}

/// One loop counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Axis {
    /// Of the rows.
    Row(usize),
    /// Of the stage's own loop.
    Inner(usize),
}

impl Affine {
    /// The normal form of an index. Counters that only take the value 0 vanish.
    pub fn of(index: &Index, extents: Extents) -> Affine {
        match index {
            Index::Constant(n) => Affine { constant: *n, terms: vec![] },
            Index::Row(n) if extents.rows[*n] <= 1 => Affine::default(),
            Index::Inner(n) if extents.inner[*n] <= 1 => Affine::default(),
            Index::Row(n) => Affine::atom(Atom::Row(*n)),
            Index::Inner(n) => Affine::atom(Atom::Inner(*n)),
            Index::Value(v) => Affine::atom(Atom::Value(*v)),
            Index::Add(a, b) => Affine::of(a, extents).plus(&Affine::of(b, extents)),
            Index::Mul(a, n) => Affine::of(a, extents).times(*n),
            Index::Div(a, n) => Affine::of(a, extents).divided(*n, extents).0,
            Index::Mod(a, n) => Affine::of(a, extents).divided(*n, extents).1,
        }
    }

    fn atom(atom: Atom) -> Affine {
        Affine { constant: 0, terms: vec![(atom, 1)] }
    }

    fn plus(mut self, other: &Affine) -> Affine {
        self.constant = self.constant.saturating_add(other.constant);
        for (atom, coefficient) in &other.terms {
            match self.terms.binary_search_by(|(a, _)| a.cmp(atom)) {
                Ok(at) => {
                    self.terms[at].1 = self.terms[at].1.saturating_add(*coefficient);
                    if self.terms[at].1 == 0 {
                        self.terms.remove(at);
                    }
                }
                Err(at) => self.terms.insert(at, (atom.clone(), *coefficient)),
            }
        }
        self
    }

    fn times(mut self, factor: i64) -> Affine {
        if factor == 0 {
            return Affine::default();
        }
        self.constant = self.constant.saturating_mul(factor);
        self.terms.iter_mut().for_each(|(_, c)| *c = c.saturating_mul(factor));
        self
    }

    /// Floor quotient and remainder. Multiples of the divisor leave the quotient: `(c·q + r) div c = q + r div c`.
    fn divided(self, divisor: i64, extents: Extents) -> (Affine, Affine) {
        let divisor = divisor.max(1);
        let mut quotient = Affine { constant: self.constant.div_euclid(divisor), terms: vec![] };
        let mut rest = Affine { constant: self.constant.rem_euclid(divisor), terms: vec![] };
        for (atom, coefficient) in self.terms {
            if coefficient % divisor == 0 {
                quotient.terms.push((atom, coefficient / divisor));
            } else {
                rest.terms.push((atom, coefficient));
            }
        }
        let (low, high) = rest.range(extents);
        if low >= 0 && high < divisor {
            return (quotient, rest);
        }
        let boxed = Box::new(rest);
        (quotient.plus(&Affine::atom(Atom::Div(boxed.clone(), divisor))), Affine::atom(Atom::Mod(boxed, divisor)))
    }

    /// The smallest and the largest value it can take (an outer bound).
    pub fn range(&self, extents: Extents) -> (i64, i64) {
        let last = |n: usize| i64::try_from(n).unwrap_or(i64::MAX).saturating_sub(1).max(0);
        let (mut low, mut high) = (self.constant, self.constant);
        for (atom, coefficient) in &self.terms {
            let (a, b) = match atom {
                Atom::Row(n) => (0, last(extents.rows[*n])),
                Atom::Inner(n) => (0, last(extents.inner[*n])),
                Atom::Value(_) => (i64::from(i32::MIN), i64::from(i32::MAX)),
                Atom::Div(of, n) => {
                    let (a, b) = of.range(extents);
                    (a.div_euclid(*n), b.div_euclid(*n))
                }
                Atom::Mod(_, n) => (0, n - 1),
            };
            let (a, b) = (a.saturating_mul(*coefficient), b.saturating_mul(*coefficient));
            low = low.saturating_add(a.min(b));
            high = high.saturating_add(a.max(b));
        }
        (low, high)
    }

    /// The coefficient of a counter outside quotients and remainders.
    pub fn coefficient(&self, axis: Axis) -> i64 {
        let atom = match axis {
            Axis::Row(n) => Atom::Row(n),
            Axis::Inner(n) => Atom::Inner(n),
        };
        self.terms.iter().find(|(a, _)| *a == atom).map_or(0, |(_, c)| *c)
    }

    /// Whether a counter occurs inside a quotient or remainder.
    pub fn hides(&self, axis: Axis) -> bool {
        self.terms.iter().any(|(atom, _)| match atom {
            Atom::Div(of, _) | Atom::Mod(of, _) => of.coefficient(axis) != 0 || of.hides(axis),
            _ => false,
        })
    }

    /// Whether one of the stage's values for which `varies` holds occurs anywhere.
    pub fn reads(&self, varies: &dyn Fn(Value) -> bool) -> bool {
        self.terms.iter().any(|(atom, _)| match atom {
            Atom::Value(v) => varies(*v),
            Atom::Div(of, _) | Atom::Mod(of, _) => of.reads(varies),
            _ => false,
        })
    }

    /// Whether it changes along a counter or with a value that does.
    pub fn varies(&self, axis: Axis, values: &dyn Fn(Value) -> bool) -> bool {
        self.coefficient(axis) != 0 || self.hides(axis) || self.reads(values)
    }

    /// Whether axes `outer` and the one behind it, of extent `extent`, always move as one counter.
    pub fn fuses(&self, outer: Axis, inner: Axis, extent: usize) -> bool {
        let extent = i64::try_from(extent).unwrap_or(i64::MAX);
        !self.hides(outer) && !self.hides(inner) && self.coefficient(outer) == self.coefficient(inner).saturating_mul(extent)
    }

    /// The same expression after an axis is gone (its coefficient does not matter any more); those behind it move up.
    pub fn without(&self, axis: Axis) -> Affine {
        let mut terms: Vec<(Atom, i64)> = vec![];
        for (atom, coefficient) in &self.terms {
            let moved = match (atom, axis) {
                (Atom::Row(n), Axis::Row(gone)) if *n == gone => continue,
                (Atom::Inner(n), Axis::Inner(gone)) if *n == gone => continue,
                (Atom::Row(n), Axis::Row(gone)) if *n > gone => Atom::Row(n - 1),
                (Atom::Inner(n), Axis::Inner(gone)) if *n > gone => Atom::Inner(n - 1),
                (Atom::Div(of, n), _) => Atom::Div(Box::new(of.without(axis)), *n),
                (Atom::Mod(of, n), _) => Atom::Mod(Box::new(of.without(axis)), *n),
                (other, _) => other.clone(),
            };
            terms.push((moved, *coefficient));
        }
        Affine { constant: self.constant, terms }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(n: usize) -> Index {
        Index::Row(n)
    }
    fn add(a: Index, b: Index) -> Index {
        Index::Add(Box::new(a), Box::new(b))
    }
    fn mul(a: Index, n: i64) -> Index {
        Index::Mul(Box::new(a), n)
    }

    #[test]
    fn quotients_of_split_counters_vanish() {
        let extents = Extents { rows: &[8, 16], inner: &[] };
        let flat = add(mul(row(0), 16), row(1));
        assert_eq!(Affine::of(&Index::Div(Box::new(flat.clone()), 16), extents), Affine::of(&row(0), extents));
        assert_eq!(Affine::of(&Index::Mod(Box::new(flat.clone()), 16), extents), Affine::of(&row(1), extents));
        let other = Affine::of(&Index::Mod(Box::new(flat), 10), extents);
        assert!(other.hides(Axis::Row(0)) && other.hides(Axis::Row(1)));
        assert_eq!(other.range(extents), (0, 9));
    }

    #[test]
    fn adjacent_axes_fuse_where_strides_match() {
        let extents = Extents { rows: &[8, 16], inner: &[] };
        let dense = Affine::of(&add(mul(row(0), 16), row(1)), extents);
        assert!(dense.fuses(Axis::Row(0), Axis::Row(1), 16));
        assert!(!Affine::of(&row(1), extents).fuses(Axis::Row(0), Axis::Row(1), 16));
        assert_eq!(dense.without(Axis::Row(0)), Affine { constant: 0, terms: vec![(Atom::Row(0), 1)] });
    }
}
