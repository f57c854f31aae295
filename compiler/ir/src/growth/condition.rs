//! Conditions of rules: comparisons of amounts made of signals and numbers, joined by `and`, `or` and `not`.
use super::{About, Signal};
use crate::Duration;
use serde::{Deserialize, Serialize};

/// A number that is known when a decision is made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Amount {
    /// A number.
    Number(f64),
    /// A signal.
    Signal(Signal),
    /// A length of the run, in steps.
    Time(Duration),
    /// Two amounts.
    Of(Arithmetic, Box<Amount>, Box<Amount>),
}

/// What is done to two amounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Arithmetic {
    Add,
    Sub,
    Mul,
    Div,
}

/// How two amounts are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Comparison {
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
    NotEqual,
}

/// What must hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Condition {
    /// A comparison.
    Compare(Amount, Comparison, Amount),
    /// Both.
    And(Box<Condition>, Box<Condition>),
    /// At least one.
    Or(Box<Condition>, Box<Condition>),
    /// Not this.
    Not(Box<Condition>),
}

/// What a rule does where its condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verb {
    /// Seeds may be germinated only where this holds (all such rules together).
    Germinate,
    /// A live seed for which this holds is removed.
    Prune,
}

/// `prune when grad_ratio < 0.01 for epochs(3)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PolicyRule {
    /// What it does.
    pub verb: Verb,
    /// When.
    pub condition: Condition,
    /// For how long the condition must have held.
    pub lasting: Option<Duration>,
}

impl Comparison {
    /// Whether it holds between two numbers; nothing compares with NaN.
    pub fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Comparison::Less => left < right,
            Comparison::LessEqual => left <= right,
            Comparison::Greater => left > right,
            Comparison::GreaterEqual => left >= right,
            Comparison::Equal => left == right,
            Comparison::NotEqual => left != right && !left.is_nan() && !right.is_nan(),
        }
    }
}

impl Amount {
    /// Its value where `signal` and `steps` know theirs.
    pub fn value(&self, signal: &dyn Fn(Signal) -> f64, steps: &dyn Fn(Duration) -> f64) -> f64 {
        match self {
            Amount::Number(n) => *n,
            Amount::Signal(s) => signal(*s),
            Amount::Time(time) => steps(*time),
            Amount::Of(op, left, right) => {
                let (left, right) = (left.value(signal, steps), right.value(signal, steps));
                match op {
                    Arithmetic::Add => left + right,
                    Arithmetic::Sub => left - right,
                    Arithmetic::Mul => left * right,
                    Arithmetic::Div => left / right,
                }
            }
        }
    }

    /// The smallest and largest value it can have, whatever happens; times are not negative.
    pub fn range(&self) -> (f64, f64) {
        match self {
            Amount::Number(n) => (*n, *n),
            Amount::Signal(s) => (s.record().least, s.record().most),
            Amount::Time(_) => (0.0, f64::INFINITY),
            Amount::Of(op, left, right) => {
                let ((a, b), (c, d)) = (left.range(), right.range());
                let corners = match op {
                    Arithmetic::Add => return (a + c, b + d),
                    Arithmetic::Sub => return (a - d, b - c),
                    Arithmetic::Div if c <= 0.0 && d >= 0.0 => return (f64::NEG_INFINITY, f64::INFINITY),
                    Arithmetic::Mul => [a * c, a * d, b * c, b * d],
                    Arithmetic::Div => [a / c, a / d, b / c, b / d],
                };
                // 0 · ∞ has no value of its own: the other corners bound it.
                let known = |x: f64| if x.is_nan() { 0.0 } else { x };
                let (low, high) = (f64::INFINITY, f64::NEG_INFINITY);
                corners.into_iter().map(known).fold((low, high), |(low, high), x| (low.min(x), high.max(x)))
            }
        }
    }

    fn signals(&self, found: &mut Vec<Signal>) {
        match self {
            Amount::Signal(s) => found.push(*s),
            Amount::Of(_, left, right) => {
                left.signals(found);
                right.signals(found);
            }
            Amount::Number(_) | Amount::Time(_) => {}
        }
    }
}

impl Condition {
    /// Whether it holds.
    pub fn holds(&self, signal: &dyn Fn(Signal) -> f64, steps: &dyn Fn(Duration) -> f64) -> bool {
        match self {
            Condition::Compare(left, how, right) => how.holds(left.value(signal, steps), right.value(signal, steps)),
            Condition::And(a, b) => a.holds(signal, steps) && b.holds(signal, steps),
            Condition::Or(a, b) => a.holds(signal, steps) || b.holds(signal, steps),
            Condition::Not(c) => !c.holds(signal, steps),
        }
    }

    /// What is known of it from the ranges of its signals alone: always true, never true, or neither.
    pub fn known(&self) -> Option<bool> {
        match self {
            Condition::Compare(left, how, right) => {
                let ((a, b), (c, d)) = (left.range(), right.range());
                let decided = |always: bool, never: bool| if always { Some(true) } else { never.then_some(false) };
                match how {
                    Comparison::Less => decided(b < c, a >= d),
                    Comparison::LessEqual => decided(b <= c, a > d),
                    Comparison::Greater => decided(a > d, b <= c),
                    Comparison::GreaterEqual => decided(a >= d, b < c),
                    Comparison::Equal => decided(a == b && b == c && c == d, b < c || a > d),
                    Comparison::NotEqual => decided(b < c || a > d, a == b && b == c && c == d),
                }
            }
            Condition::And(x, y) => match (x.known(), y.known()) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), other) | (other, Some(true)) => other,
                _ => None,
            },
            Condition::Or(x, y) => match (x.known(), y.known()) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), other) | (other, Some(false)) => other,
                _ => None,
            },
            Condition::Not(c) => c.known().map(|k| !k),
        }
    }

    /// All signals it asks for.
    pub fn signals(&self) -> Vec<Signal> {
        let mut found = vec![];
        self.collect(&mut found);
        found
    }

    /// Whether it asks for a number of one seed.
    pub fn is_about_a_seed(&self) -> bool {
        self.signals().iter().any(|s| s.record().about == About::Seed)
    }

    fn collect(&self, found: &mut Vec<Signal>) {
        match self {
            Condition::Compare(left, _, right) => {
                left.signals(found);
                right.signals(found);
            }
            Condition::And(a, b) | Condition::Or(a, b) => {
                a.collect(found);
                b.collect(found);
            }
            Condition::Not(c) => c.collect(found),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compare(left: Amount, how: Comparison, right: f64) -> Condition {
        Condition::Compare(left, how, Amount::Number(right))
    }

    #[test]
    fn what_can_never_or_always_hold_is_known_from_the_ranges() {
        let error = || Amount::Signal(Signal::ValError);
        assert_eq!(compare(error(), Comparison::Greater, 1.0).known(), Some(false));
        assert_eq!(compare(error(), Comparison::GreaterEqual, 0.0).known(), Some(true));
        assert_eq!(compare(error(), Comparison::Less, 0.5).known(), None);
        assert_eq!(compare(Amount::Signal(Signal::ValLoss), Comparison::Less, -1e9).known(), None);
        let twice = Amount::Of(Arithmetic::Mul, Box::new(Amount::Number(2.0)), Box::new(Amount::Signal(Signal::HostParams)));
        assert_eq!(twice.range(), (0.0, f64::INFINITY));
        let never = compare(error(), Comparison::Less, 0.0);
        let maybe = compare(error(), Comparison::Less, 0.5);
        let (n, m) = (|| Box::new(never.clone()), || Box::new(maybe.clone()));
        assert_eq!(Condition::And(n(), m()).known(), Some(false));
        assert_eq!(Condition::Or(n(), m()).known(), None);
        assert_eq!(Condition::Not(n()).known(), Some(true));
    }

    #[test]
    fn a_condition_holds_for_the_numbers_it_is_given() {
        let signal = |s: Signal| match s {
            Signal::Epoch => 5.0,
            Signal::GradRatio => 0.004,
            _ => f64::NAN,
        };
        let steps = |d: Duration| if let Duration::Steps(n) = d { n } else { 0.0 };
        let late = compare(Amount::Signal(Signal::Epoch), Comparison::GreaterEqual, 5.0);
        assert!(late.holds(&signal, &steps) && !late.is_about_a_seed());
        let weak = compare(Amount::Signal(Signal::GradRatio), Comparison::Less, 0.005);
        assert!(weak.holds(&signal, &steps) && weak.is_about_a_seed());
        // What was not measured decides nothing.
        assert!(!compare(Amount::Signal(Signal::ValLoss), Comparison::NotEqual, 1.0).holds(&signal, &steps));
    }
}
