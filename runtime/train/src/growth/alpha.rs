//! How much a live seed counts and how fast it learns, as functions of the step.
use serde::{Deserialize, Serialize};

/// The form of a ramp between two values of α.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Curve {
    /// The same change in every step.
    Linear,
    /// Half a turn of a cosine: slow at both ends.
    Cosine,
    /// A logistic curve from -6 to 6, scaled to reach both ends: slower at both ends.
    Sigmoid,
}

/// α on its way from one value to another.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ramp {
    /// The step after which it begins.
    pub begins: u64,
    /// Its length in steps.
    pub steps: u64,
    /// Where it begins.
    pub from: f64,
    /// Where it ends.
    pub to: f64,
    /// Its form.
    pub curve: Curve,
}

/// The largest change of α in one step.
pub const MOST_CHANGE: f64 = 1.0 / 20.0;

impl Ramp {
    /// A ramp from a value that never changes faster than [`MOST_CHANGE`] a step: it is made longer where it would.
    pub fn new(begins: u64, steps: u64, from: f64, to: f64, curve: Curve) -> Ramp {
        // The steepest part of each curve, relative to a straight line.
        let steepest = match curve {
            Curve::Linear => 1.0,
            Curve::Cosine => std::f64::consts::FRAC_PI_2,
            Curve::Sigmoid => 12.0 / (4.0 * logistic_span()),
        };
        let least = ((to - from).abs() * steepest / MOST_CHANGE).ceil() as u64;
        Ramp { begins, steps: steps.max(least).max(1), from, to, curve }
    }

    /// α in a step, counted from 1.
    pub fn at(&self, step: u64) -> f64 {
        let done = (step.saturating_sub(self.begins) as f64 / self.steps as f64).min(1.0);
        if done == 1.0 {
            return self.to;
        }
        let share = match self.curve {
            Curve::Linear => done,
            Curve::Cosine => 0.5 - 0.5 * (std::f64::consts::PI * done).cos(),
            Curve::Sigmoid => (logistic(12.0 * done - 6.0) - logistic(-6.0)) / logistic_span(),
        };
        self.from + (self.to - self.from) * share
    }

    /// Whether α is where it ends, in a step counted from 1.
    pub fn is_over(&self, step: u64) -> bool {
        step >= self.begins + self.steps
    }
}

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn logistic_span() -> f64 {
    logistic(6.0) - logistic(-6.0)
}

/// The factor on a newborn's learning rate, which decays to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Boost {
    /// The factor at birth.
    pub rate: f64,
    /// Steps after which its excess over 1 has fallen to 1/e.
    pub decay: f64,
}

impl Boost {
    /// No factor.
    pub const NONE: Boost = Boost { rate: 1.0, decay: 1.0 };

    /// The factor on a seed's update of that number, from 1.
    pub fn at(&self, age: u64) -> f64 {
        1.0 + (self.rate - 1.0) * (-(age.saturating_sub(1) as f64) / self.decay.max(1e-9)).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ramp_reaches_both_ends_and_is_never_too_steep() {
        for curve in [Curve::Linear, Curve::Cosine, Curve::Sigmoid] {
            for (steps, from, to) in [(1, 0.0, 1.0), (200, 0.0, 0.5), (7, 1.0, 0.0), (0, 0.3, 0.3)] {
                let ramp = Ramp::new(10, steps, from, to, curve);
                assert_eq!((ramp.at(10), ramp.at(10 + ramp.steps)), (from, to), "{curve:?}");
                assert!(ramp.is_over(10 + ramp.steps) && !ramp.is_over(9 + ramp.steps));
                for step in 10..10 + ramp.steps {
                    let change = (ramp.at(step + 1) - ramp.at(step)).abs();
                    assert!(change <= MOST_CHANGE + 1e-12, "{curve:?}: {change} in step {step} of {}", ramp.steps);
                    assert!((ramp.at(step + 1) - ramp.at(step)) * (to - from) >= 0.0, "{curve:?} turns round");
                }
                // The steepest curve at the largest change needs three times the steps of a line.
                assert!(ramp.steps <= steps.max(61));
            }
        }
    }

    #[test]
    fn a_boost_begins_at_its_rate_and_ends_at_one() {
        let boost = Boost { rate: 3.0, decay: 300.0 };
        assert_eq!(boost.at(1), 3.0);
        assert!((boost.at(301) - (1.0 + 2.0 / std::f64::consts::E)).abs() < 1e-12);
        assert!((boost.at(100_000) - 1.0).abs() < 1e-12);
        assert_eq!(Boost::NONE.at(5), 1.0);
    }
}
