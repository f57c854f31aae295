//! Sizes as their users write them.
use super::polynomial::{self, Atom, Powers, Term};
use super::rational::Rational;
use super::{Dim, Form};
use std::fmt;

/// How names are written: bare for people, or quoted where they are no identifiers so that the text can be read back.
#[derive(Clone, Copy)]
struct Style {
    quoted: bool,
}

/// `{}` is for people. `{:#}` quotes names that are no identifiers, and parses back with [`Dim::parse`].
impl fmt::Display for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Style { quoted: f.alternate() }.sum(self))
    }
}

impl fmt::Debug for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{self}`")
    }
}

/// Whether a name can stand bare in text that is read back.
pub(super) fn is_identifier(name: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(word)
        && !matches!(name, "floor" | "ceil" | "min" | "max")
}

impl Style {
    fn sum(self, dim: &Dim) -> String {
        if let Form::Whole(n) = dim.0 {
            return n.to_string();
        }
        let plain = self.terms(dim);
        match self.raised(dim) {
            Some(other) if other.len() < plain.len() => other,
            _ => plain,
        }
    }

    /// `floor((p - 1) / q) + 1` as `ceil(p / q)`, where the divisor is no number (those the normal form has already moved inside).
    fn raised(self, dim: &Dim) -> Option<String> {
        let terms = dim.terms();
        let position = terms.iter().position(|t| t.coefficient == Rational::ONE && matches!(&t.powers[..], [(Atom::Floor(_), 1)]))?;
        let Atom::Floor(x) = &terms[position].powers[0].0 else { return None };
        let rest = dim.sub(&polynomial::atom(Atom::Floor(x.clone())).ok()?).ok()?;
        let ceil = self.ceil(x)?;
        let rest = rest.sub(&Dim::constant(1)).ok().filter(|r| r.terms().iter().all(|t| !t.coefficient.is_negative()))?;
        Some(if rest == Dim::constant(0) { ceil } else { format!("{ceil} + {}", self.sum(&rest)) })
    }

    /// `floor(x) + 1` as a `ceil`, if what is read back is the same.
    fn ceil(self, x: &Dim) -> Option<String> {
        let q = polynomial::common_denominator(x).ok()?;
        let raised = x.mul(&q).ok()?.add(&Dim::constant(1)).ok()?.divide(&q).ok()?;
        let same = polynomial::ceil(&raised).ok()? == polynomial::floor(x).ok()?.add(&Dim::constant(1)).ok()?;
        same.then(|| format!("ceil({})", self.quotient(&raised)))
    }

    fn terms(self, dim: &Dim) -> String {
        let mut terms = dim.terms().to_vec();
        if terms.len() == 1 && matches!(&terms[0].powers[..], [(Atom::Remainder(..), 1)]) && terms[0].coefficient == Rational::ONE {
            let Atom::Remainder(a, b) = &terms[0].powers[0].0 else { return String::new() };
            return format!("{} % {}", self.factor(a), self.factor(b));
        }
        let denominator = |t: &Term| (t.coefficient.denominator(), t.powers.iter().filter(|(_, e)| *e < 0).cloned().collect::<Powers>());
        let shared = denominator(&terms[0]);
        if terms.len() > 1 && shared != (1, vec![]) && terms.iter().all(|t| denominator(t) == shared) {
            return self.quotient(dim);
        }
        // What is added comes before what is subtracted, names before numbers.
        terms.sort_by_key(|t| (t.coefficient.is_negative(), t.powers.is_empty()));
        let mut text = String::new();
        for (i, t) in terms.iter().enumerate() {
            let (negative, size) = match t.coefficient.negate() {
                Ok(opposite) if t.coefficient.is_negative() => (true, opposite),
                _ => (false, t.coefficient),
            };
            text.push_str(match (i, negative) {
                (0, false) => "",
                (0, true) => "-",
                (_, false) => " + ",
                (_, true) => " - ",
            });
            text.push_str(&self.product(size, &t.powers));
        }
        text
    }

    /// One fraction over the common denominator of all terms: `(h - 1) / 2`.
    fn quotient(self, dim: &Dim) -> String {
        let split = polynomial::common_denominator(dim).and_then(|q| Ok((dim.mul(&q)?, q)));
        let Ok((p, q)) = split else { return self.terms(dim) };
        if q == Dim::constant(1) {
            return self.sum(&p);
        }
        format!("{} / {}", self.grouped(&p, &|t| t.len() == 1 && !t[0].coefficient.is_negative()), self.factor(&q))
    }

    fn product(self, coefficient: Rational, powers: &[(Atom, i32)]) -> String {
        let side = |number: i128, sign: i32| {
            let mut factors: Vec<String> = vec![];
            if number != 1 {
                factors.push(number.to_string());
            }
            for (atom, e) in powers.iter().filter(|(_, e)| e.signum() == sign) {
                let base = self.atom(atom);
                factors.push(if e.abs() == 1 { base } else { format!("{base}^{}", e.unsigned_abs()) });
            }
            (factors.len(), if factors.is_empty() { "1".to_string() } else { factors.join("*") })
        };
        let (_, numerator) = side(coefficient.numerator(), 1);
        match side(coefficient.denominator(), -1) {
            (0, _) => numerator,
            (1, denominator) => format!("{numerator} / {denominator}"),
            (_, denominator) => format!("{numerator} / ({denominator})"),
        }
    }

    fn atom(self, atom: &Atom) -> String {
        let list = |list: &[Dim]| list.iter().map(|d| self.sum(d)).collect::<Vec<_>>().join(", ");
        match atom {
            Atom::Symbol(name) if self.quoted && !is_identifier(name) => format!("{name:?}"),
            Atom::Symbol(name) => name.to_string(),
            Atom::Floor(x) => {
                let floor = format!("floor({})", self.quotient(x));
                // `floor((h + 1) / 2)` is `ceil(h / 2)`.
                let lowered = x.sub(&Dim::constant(1)).ok().and_then(|y| self.ceil(&y));
                lowered.filter(|c| c.len() < floor.len()).unwrap_or(floor)
            }
            Atom::Minimum(l) => format!("min({})", list(l)),
            Atom::Maximum(l) => format!("max({})", list(l)),
            Atom::Remainder(a, b) => format!("({} % {})", self.factor(a), self.factor(b)),
            Atom::Sum(x) => format!("({})", self.sum(x)),
        }
    }

    /// A size as a factor: in parentheses unless it is a single name or number.
    fn factor(self, dim: &Dim) -> String {
        let single = |t: &[Term]| match t {
            [] => true,
            [t] if t.powers.is_empty() => t.coefficient.is_whole() && !t.coefficient.is_negative(),
            [t] => t.coefficient == Rational::ONE && matches!(&t.powers[..], [(a, 1)] if !matches!(a, Atom::Remainder(..))),
            _ => false,
        };
        self.grouped(dim, &single)
    }

    fn grouped(self, dim: &Dim, bare: &dyn Fn(&[Term]) -> bool) -> String {
        let text = self.sum(dim);
        if bare(&dim.terms()) { text } else { format!("({text})") }
    }
}
