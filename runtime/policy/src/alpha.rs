//! How α goes from one value to another: a curve over steps that never moves it by more than a twentieth in one step.
use esper_ir::RampKind;
use serde::{Deserialize, Serialize};

/// The most that α may change in one step.
pub const LARGEST_CHANGE: f64 = 1.0 / 20.0;

/// Half the width of the logistic curve.
const REACH: f64 = 5.0;

/// The share of the way after the share `t` of the time, both in [0, 1]. A learned α has no curve: the loop reads it from the network.
pub fn curve(kind: RampKind, t: f64) -> f64 {
    let t = t.clamp(0.0, 1.0);
    let logistic = |x: f64| 1.0 / (1.0 + (-x).exp());
    match kind {
        RampKind::Linear | RampKind::Learned => t,
        RampKind::Cosine => (1.0 - (std::f64::consts::PI * t).cos()) / 2.0,
        RampKind::Sigmoid => {
            let (low, high) = (logistic(-REACH), logistic(REACH));
            (logistic(REACH * (2.0 * t - 1.0)) - low) / (high - low)
        }
    }
}

/// The steepest slope of a curve, which it has in the middle.
fn steepest(kind: RampKind) -> f64 {
    match kind {
        RampKind::Linear | RampKind::Learned => 1.0,
        RampKind::Cosine => std::f64::consts::FRAC_PI_2,
        RampKind::Sigmoid => REACH / 2.0 / (REACH / 2.0).tanh(),
    }
}

/// A move of α: `from` up to and including step `start`, `to` from step `start + steps` on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ramp {
    /// α at its beginning.
    pub from: f64,
    /// α at its end.
    pub to: f64,
    /// Steps done when it begins.
    pub start: u64,
    /// How many steps it takes.
    pub steps: u64,
    /// Its shape.
    pub curve: RampKind,
}

impl Ramp {
    /// A ramp over `steps`, or over as many more as it takes to keep every step's change within [`LARGEST_CHANGE`].
    pub fn new(from: f64, to: f64, start: u64, steps: u64, curve: RampKind) -> Ramp {
        let shortest = ((to - from).abs() * steepest(curve) / LARGEST_CHANGE).ceil() as u64;
        Ramp { from, to, start, steps: steps.max(shortest), curve }
    }
    /// A value that stays.
    pub fn still(at: f64, start: u64) -> Ramp {
        Ramp::new(at, at, start, 0, RampKind::Linear)
    }
    /// α for the step that is made when `step` steps are done.
    pub fn at(&self, step: u64) -> f64 {
        let gone = step.saturating_sub(self.start);
        if gone >= self.steps {
            return if step < self.start { self.from } else { self.to };
        }
        self.from + (self.to - self.from) * curve(self.curve, gone as f64 / self.steps as f64)
    }
    /// The first step at which α stands at its end.
    pub fn end(&self) -> u64 {
        self.start + self.steps
    }
    /// The same ramp, begun later: a swap that was not ready moves it.
    pub fn delayed_to(self, start: u64) -> Ramp {
        Ramp { start, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_step_moves_alpha_by_more_than_a_twentieth(
            from in -1.0..2.0f64, to in -1.0..2.0f64, steps in 0..200u64,
            kind in prop::sample::select(vec![RampKind::Linear, RampKind::Cosine, RampKind::Sigmoid]),
        ) {
            let ramp = Ramp::new(from, to, 7, steps, kind);
            prop_assert_eq!((ramp.at(0), ramp.at(7), ramp.at(ramp.end())), (from, if ramp.steps > 0 { from } else { to }, to));
            for step in 0..ramp.end() + 3 {
                let change = ramp.at(step + 1) - ramp.at(step);
                prop_assert!(change.abs() <= LARGEST_CHANGE + 1e-12, "{} at {}", change, step);
                prop_assert!(change * (to - from) >= -1e-15, "it turns back at {}", step);
            }
        }
    }

    #[test]
    fn curves_pass_through_the_middle() {
        for kind in [RampKind::Linear, RampKind::Cosine, RampKind::Sigmoid] {
            assert_eq!((curve(kind, 0.0), curve(kind, 1.0)), (0.0, 1.0), "{kind:?}");
            assert!((curve(kind, 0.5) - 0.5).abs() < 1e-12, "{kind:?}");
        }
    }
}
