//! When to grow: conditions on the course of a run.
use crate::gate::{Reading, Side};
use serde::{Deserialize, Serialize};

/// What a plateau is measured on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Measure {
    /// The loss on validation rows.
    Loss,
    /// The error on validation rows: the share that is wrong.
    Error,
}

/// A condition under which Tamiyo looks for something to plant. Times are in steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Trigger {
    /// One of the measures has not got better for `patience` steps, and nothing was planted or joined for `cooldown` steps.
    Plateau {
        /// Any of them will do.
        any: Vec<Measure>,
        /// Steps without a better value.
        patience: u64,
        /// Steps since the last change of the network.
        cooldown: u64,
    },
    /// Every so many steps.
    Periodic {
        /// Steps from one to the next.
        every: u64,
    },
    /// The best slot's expansion score `gᵀF⁻¹g` is at least `tau` times what it is without the new units, and nothing was planted for
    /// `cooldown` steps. Mitchell, Mundt and Kersting, "Self Expanding Neural Networks" (2023).
    ExpansionScore {
        /// More than 1.
        tau: f64,
        /// Steps since the last change of the network.
        cooldown: u64,
    },
    /// The validation loss is at most so many nats above the training loss: the network fits too little rather than too much.
    OverfitGap {
        /// Nats.
        at_most: f64,
        /// Steps since the last change of the network.
        cooldown: u64,
    },
    /// The best predicted gain is at least so many times the rent of its seed.
    MeritRatio {
        /// Times the rent.
        at_least: f64,
        /// Steps since the last change of the network.
        cooldown: u64,
    },
}

/// An improvement smaller than this share of the best value is none.
const WORTH_NOTING: f64 = 1e-3;

/// The best value of a measure and the step at which it was reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// The best value and its step; none before the first.
    pub at: Option<(f64, u64)>,
}

impl Best {
    /// One more value. A loss has to fall by a thousandth to count; an error by anything, since it moves in whole rows.
    pub fn see(&mut self, measure: Measure, value: f64, step: u64) {
        let better = self.at.is_none_or(|(best, _)| match measure {
            Measure::Loss => value < best - WORTH_NOTING * best.abs(),
            Measure::Error => value < best,
        });
        if value.is_finite() && better {
            self.at = Some((value, step));
        }
    }
    /// Steps since the best value.
    pub fn age(&self, step: u64) -> Option<f64> {
        self.at.map(|(_, at)| step.saturating_sub(at) as f64)
    }
}

/// What triggers read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Course {
    /// Steps done.
    pub step: u64,
    /// Steps since the network last changed, or since the run began.
    pub unchanged: u64,
    /// Steps since the loss and the error were at their best, counted anew after each change of the network.
    pub ages: [Option<f64>; 2],
    /// Validation loss less training loss.
    pub gap: Option<f64>,
    /// The best slot's expansion score over the network's own.
    pub expansion: Option<f64>,
    /// The best predicted gain over its seed's rent.
    pub merit: Option<f64>,
    /// Steps since the last planting, or since the run began.
    pub unplanted: u64,
}

impl Trigger {
    /// Whether it fires, with the numbers it went by.
    pub fn fires(&self, course: &Course) -> (bool, Vec<Reading>) {
        let calm = |cooldown: &u64| {
            Reading::new("steps since the network changed", Some(course.unchanged as f64), Side::AtLeast, *cooldown as f64)
        };
        let (readings, any) = match self {
            Trigger::Plateau { any, patience, cooldown } => {
                let age = |measure: &Measure| {
                    let (name, age) = match measure {
                        Measure::Loss => ("steps since the best validation loss", course.ages[0]),
                        Measure::Error => ("steps since the best validation error", course.ages[1]),
                    };
                    Reading::new(name, age, Side::AtLeast, *patience as f64)
                };
                (std::iter::once(calm(cooldown)).chain(any.iter().map(age)).collect::<Vec<_>>(), true)
            }
            Trigger::Periodic { every } => {
                (vec![Reading::new("steps since the last planting", Some(course.unplanted as f64), Side::AtLeast, *every as f64)], false)
            }
            Trigger::ExpansionScore { tau, cooldown } => {
                (vec![calm(cooldown), Reading::new("expansion score over the network's own", course.expansion, Side::AtLeast, *tau)], false)
            }
            Trigger::OverfitGap { at_most, cooldown } => {
                (vec![calm(cooldown), Reading::new("validation loss less training loss", course.gap, Side::AtMost, *at_most)], false)
            }
            Trigger::MeritRatio { at_least, cooldown } => {
                (vec![calm(cooldown), Reading::new("predicted gain over rent", course.merit, Side::AtLeast, *at_least)], false)
            }
        };
        let holds = if any { readings[0].holds() && readings[1..].iter().any(Reading::holds) } else { readings.iter().all(Reading::holds) };
        (holds, readings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plateau() -> Trigger {
        Trigger::Plateau { any: vec![Measure::Loss, Measure::Error], patience: 40, cooldown: 20 }
    }

    #[test]
    fn any_measure_that_stands_still_is_a_plateau() {
        let course = Course { step: 100, unchanged: 50, ages: [Some(10.0), Some(40.0)], ..Course::default() };
        assert!(plateau().fires(&course).0);
        assert!(!plateau().fires(&Course { ages: [Some(10.0), Some(39.0)], ..course.clone() }).0);
        let (fires, readings) = plateau().fires(&Course { unchanged: 19, ..course });
        assert!(!fires && !readings[0].holds());
    }

    #[test]
    fn a_small_fall_of_the_loss_is_none_and_one_row_of_error_is_one() {
        let mut loss = Best::default();
        let mut error = Best::default();
        for (step, value) in [(0, 1.0), (10, 0.9995), (20, 0.98), (30, f64::NAN)] {
            loss.see(Measure::Loss, value, step);
            error.see(Measure::Error, value, step);
        }
        assert_eq!((loss.age(50), error.age(50)), (Some(30.0), Some(30.0)));
        loss.see(Measure::Loss, 0.9795, 40);
        error.see(Measure::Error, 0.9795, 40);
        assert_eq!((loss.age(50), error.age(50)), (Some(30.0), Some(10.0)));
    }

    #[test]
    fn every_trigger_fires_on_its_own_number_only() {
        let calm = Course { unchanged: 99, unplanted: 0, ..Course::default() };
        let cases = [
            (Trigger::Periodic { every: 60 }, Course { unplanted: 60, ..calm.clone() }),
            (Trigger::ExpansionScore { tau: 1.5, cooldown: 20 }, Course { expansion: Some(1.6), ..calm.clone() }),
            (Trigger::OverfitGap { at_most: 0.05, cooldown: 20 }, Course { gap: Some(0.04), ..calm.clone() }),
            (Trigger::MeritRatio { at_least: 3.0, cooldown: 20 }, Course { merit: Some(3.0), ..calm.clone() }),
        ];
        for (i, (trigger, _)) in cases.iter().enumerate() {
            for (j, (_, course)) in cases.iter().enumerate() {
                assert_eq!(trigger.fires(course).0, i == j, "{trigger:?} {course:?}");
            }
        }
    }
}
