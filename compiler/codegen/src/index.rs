//! Index arithmetic in a normal form: a constant plus multiples of counters, quotients and remainders; equal forms are equal places.
use crate::{Guard, Index, Value};

/// What a term of an [`Affine`] multiplies.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Atom {
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
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Affine {
    /// The part without atoms.
    pub constant: i64,
    /// Atoms with their coefficients.
    pub terms: Vec<(Atom, i64)>,
}

/// How far counters run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extents {
    /// Of the row axes.
    pub rows: Vec<usize>,
    /// Of the inner axes.
    pub inner: Vec<usize>,
}

impl Extents {
    /// The counters of the row axes; of an axis with one place, 0.
    pub fn row_counters(&self) -> Vec<Affine> {
        self.rows.iter().enumerate().map(|(n, &e)| if e == 1 { Affine::default() } else { Affine::atom(Atom::Row(n)) }).collect()
    }
    /// The counters of the inner axes.
    pub fn inner_counters(&self) -> Vec<Affine> {
        self.inner.iter().enumerate().map(|(n, &e)| if e == 1 { Affine::default() } else { Affine::atom(Atom::Inner(n)) }).collect()
    }
}

impl Affine {
    /// A number.
    pub fn constant(constant: i64) -> Affine {
        Affine { constant, terms: vec![] }
    }
    /// One atom.
    pub fn atom(atom: Atom) -> Affine {
        Affine { constant: 0, terms: vec![(atom, 1)] }
    }
    /// The normal form of an index.
    pub fn of(index: &Index, extents: &Extents) -> Affine {
        match index {
            Index::Constant(n) => Affine::constant(*n),
            Index::Row(n) if extents.rows[*n] == 1 => Affine::default(),
            Index::Inner(n) if extents.inner[*n] == 1 => Affine::default(),
            Index::Row(n) => Affine::atom(Atom::Row(*n)),
            Index::Inner(n) => Affine::atom(Atom::Inner(*n)),
            Index::Value(v) => Affine::atom(Atom::Value(*v)),
            Index::Add(a, b) => Affine::of(a, extents).plus(&Affine::of(b, extents)),
            Index::Mul(a, n) => Affine::of(a, extents).times(*n),
            Index::Div(a, n) => Affine::of(a, extents).divided(*n, extents).0,
            Index::Mod(a, n) => Affine::of(a, extents).divided(*n, extents).1,
        }
    }
    /// As kernels hold it.
    pub fn index(&self) -> Index {
        let mut sum: Option<Index> = None;
        let join = |sum: Option<Index>, next: Index| match sum {
            Some(sum) => Some(Index::Add(Box::new(sum), Box::new(next))),
            None => Some(next),
        };
        for (atom, coefficient) in &self.terms {
            let atom = match atom {
                Atom::Row(n) => Index::Row(*n),
                Atom::Inner(n) => Index::Inner(*n),
                Atom::Value(v) => Index::Value(*v),
                Atom::Div(of, n) => Index::Div(Box::new(of.index()), *n),
                Atom::Mod(of, n) => Index::Mod(Box::new(of.index()), *n),
            };
            sum = join(sum, if *coefficient == 1 { atom } else { Index::Mul(Box::new(atom), *coefficient) });
        }
        if self.constant != 0 || sum.is_none() {
            sum = join(sum, Index::Constant(self.constant));
        }
        sum.unwrap_or(Index::Constant(0))
    }

    /// A sum. `c·n·(x div n) + c·(x mod n)` becomes `c·x`.
    pub fn plus(&self, other: &Affine) -> Affine {
        let mut sum = self.clone();
        sum.constant += other.constant;
        for (atom, coefficient) in &other.terms {
            sum.add_term(atom.clone(), *coefficient);
        }
        sum.rejoined()
    }
    fn add_term(&mut self, atom: Atom, coefficient: i64) {
        match self.terms.binary_search_by(|(a, _)| a.cmp(&atom)) {
            Ok(at) => {
                self.terms[at].1 += coefficient;
                if self.terms[at].1 == 0 {
                    self.terms.remove(at);
                }
            }
            Err(_) if coefficient == 0 => {}
            Err(at) => self.terms.insert(at, (atom, coefficient)),
        }
    }
    fn rejoined(mut self) -> Affine {
        let pair = self.terms.iter().find_map(|(atom, c)| {
            let Atom::Mod(of, n) = atom else { return None };
            let quotient = Atom::Div(of.clone(), *n);
            self.terms.iter().any(|(a, k)| *a == quotient && *k == c * n).then(|| (of.clone(), *n, *c))
        });
        match pair {
            None => self,
            Some((of, n, c)) => {
                self.terms.retain(|(a, _)| *a != Atom::Mod(of.clone(), n) && *a != Atom::Div(of.clone(), n));
                self.plus(&of.times(c))
            }
        }
    }
    /// A product with a number.
    pub fn times(&self, factor: i64) -> Affine {
        if factor == 0 {
            return Affine::default();
        }
        Affine { constant: self.constant * factor, terms: self.terms.iter().map(|(a, c)| (a.clone(), c * factor)).collect() }
    }
    /// The sum with a number.
    pub fn offset(&self, by: i64) -> Affine {
        Affine { constant: self.constant + by, terms: self.terms.clone() }
    }

    /// Floor quotient and remainder by a positive number. Multiples of the divisor leave the quotient, and a part smaller than what all others
    /// are multiples of does not take part.
    pub fn divided(&self, divisor: i64, extents: &Extents) -> (Affine, Affine) {
        if divisor <= 1 {
            return (self.clone(), Affine::default());
        }
        let mut quotient = Affine::constant(self.constant.div_euclid(divisor));
        let mut rest = Affine::constant(self.constant.rem_euclid(divisor));
        for (atom, coefficient) in &self.terms {
            if coefficient % divisor == 0 {
                quotient.terms.push((atom.clone(), coefficient / divisor));
            } else {
                rest.terms.push((atom.clone(), *coefficient));
            }
        }
        let (low, high) = rest.range(extents);
        if low >= 0 && high < divisor {
            return (quotient, rest);
        }
        for (_, coefficient) in &rest.terms {
            let unit = gcd(*coefficient, divisor);
            if unit <= 1 {
                continue;
            }
            let (mut large, mut small) =
                (Affine::constant(rest.constant.div_euclid(unit)), Affine::constant(rest.constant.rem_euclid(unit)));
            for (atom, c) in &rest.terms {
                if c % unit == 0 {
                    large.terms.push((atom.clone(), c / unit));
                } else {
                    small.terms.push((atom.clone(), *c));
                }
            }
            let (low, high) = small.range(extents);
            if low >= 0 && high < unit {
                let (q, r) = large.divided(divisor / unit, extents);
                return (quotient.plus(&q), r.times(unit).plus(&small));
            }
        }
        let boxed = Box::new(rest);
        (quotient.plus(&Affine::atom(Atom::Div(boxed.clone(), divisor))), Affine::atom(Atom::Mod(boxed, divisor)))
    }

    /// The smallest and the largest value it can take (an outer bound).
    pub fn range(&self, extents: &Extents) -> (i64, i64) {
        let last = |n: usize| (n as i64 - 1).max(0);
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
    /// Whether it surely lies in `0 .. extent`.
    pub fn within(&self, extent: i64, extents: &Extents) -> bool {
        let (low, high) = self.range(extents);
        low >= 0 && high < extent
    }
    /// The condition that it lies in `0 .. extent`.
    pub fn guard(&self, extent: i64) -> Guard {
        Guard { index: self.index(), extent }
    }

    /// The row-major position of coordinates `at` in a tensor of these sizes.
    pub fn linear(sizes: &[usize], at: &[Affine]) -> Affine {
        sizes.iter().zip(at).fold(Affine::default(), |sum, (&n, i)| sum.times(n as i64).plus(i))
    }
    /// The coordinates of a row-major position.
    pub fn coordinates(&self, sizes: &[usize], extents: &Extents) -> Vec<Affine> {
        let mut rest = self.clone();
        let mut coordinates: Vec<Affine> = vec![];
        for (axis, &n) in sizes.iter().enumerate().rev() {
            if n == 1 {
                coordinates.push(Affine::default());
            } else if sizes[..axis].iter().all(|&s| s == 1) {
                coordinates.push(std::mem::take(&mut rest));
            } else {
                let (quotient, remainder) = rest.divided(n as i64, extents);
                coordinates.push(remainder);
                rest = quotient;
            }
        }
        coordinates.reverse();
        coordinates
    }

    /// The coefficient of an atom outside quotients and remainders.
    pub fn coefficient(&self, atom: &Atom) -> i64 {
        self.terms.iter().find(|(a, _)| a == atom).map_or(0, |(_, c)| *c)
    }
    /// Whether an atom occurs inside a quotient or remainder.
    pub fn hides(&self, atom: &Atom) -> bool {
        self.terms.iter().any(|(a, _)| match a {
            Atom::Div(of, _) | Atom::Mod(of, _) => of.coefficient(atom) != 0 || of.hides(atom),
            _ => false,
        })
    }
    /// The same with every counter replaced.
    pub fn renamed(&self, rename: &dyn Fn(&Atom) -> Option<Atom>) -> Affine {
        let mut result = Affine::constant(self.constant);
        for (atom, coefficient) in &self.terms {
            let renamed = match atom {
                Atom::Div(of, n) => Some(Atom::Div(Box::new(of.renamed(rename)), *n)),
                Atom::Mod(of, n) => Some(Atom::Mod(Box::new(of.renamed(rename)), *n)),
                other => rename(other),
            };
            if let Some(renamed) = renamed {
                result.add_term(renamed, *coefficient);
            }
        }
        result
    }
}

fn gcd(a: i64, b: i64) -> i64 {
    let (mut a, mut b) = (a.abs(), b.abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reshapes_of_split_counters_cancel() {
        let extents = Extents { rows: vec![8, 4, 16], inner: vec![] };
        let at = extents.row_counters();
        let flat = Affine::linear(&[8, 4, 16], &at);
        assert_eq!(flat.coordinates(&[8, 4, 16], &extents), at);
        let merged = flat.coordinates(&[32, 16], &extents);
        assert_eq!(merged[1], at[2]);
        assert_eq!(merged[0], Affine::linear(&[8, 4], &at[..2]));
        assert_eq!(flat.coordinates(&[8, 2, 32], &extents)[0], at[0]);
    }

    #[test]
    fn quotient_and_remainder_of_one_counter_join_again() {
        let extents = Extents { rows: vec![24], inner: vec![] };
        let at = extents.row_counters();
        let split = at[0].coordinates(&[2, 3, 4], &extents);
        assert_eq!(Affine::linear(&[2, 3, 4], &split), at[0]);
        assert!(split[1].hides(&Atom::Row(0)));
    }

    #[test]
    fn every_form_has_the_value_of_its_index() {
        let extents = Extents { rows: vec![6, 10], inner: vec![] };
        let evaluate = |index: &Index, a: i64, b: i64| -> i64 {
            fn go(index: &Index, at: [i64; 2]) -> i64 {
                match index {
                    Index::Constant(n) => *n,
                    Index::Row(n) => at[*n],
                    Index::Inner(_) | Index::Value(_) => 0,
                    Index::Add(a, b) => go(a, at) + go(b, at),
                    Index::Mul(a, n) => go(a, at) * n,
                    Index::Div(a, n) => go(a, at).div_euclid(*n),
                    Index::Mod(a, n) => go(a, at).rem_euclid(*n),
                }
            }
            go(index, [a, b])
        };
        for (x, y, c) in [(10, 1, 0), (4, 6, 3), (5, 2, -7), (8, 12, 1)] {
            for n in [1, 2, 3, 4, 5, 8, 12, 20] {
                let sum = Affine::atom(Atom::Row(0)).times(x).plus(&Affine::atom(Atom::Row(1)).times(y)).offset(c);
                let (quotient, remainder) = sum.divided(n, &extents);
                for (a, b) in (0..6).flat_map(|a| (0..10).map(move |b| (a, b))) {
                    let value = a * x + b * y + c;
                    assert_eq!(evaluate(&quotient.index(), a, b), value.div_euclid(n));
                    assert_eq!(evaluate(&remainder.index(), a, b), value.rem_euclid(n));
                }
            }
        }
    }
}
