//! When to grow: conditions on the course of a run.
use crate::gate::{Reading, Side};
use crate::settings::Settings;
use esper_ir::{Signal, Trigger};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An improvement of a loss that is smaller than this share of the best value is none.
const WORTH_NOTING: f64 = 1e-3;
/// Periodic growth ends by this share of the run.
const PERIODIC_UNTIL: f64 = 0.4;

/// The best value of a signal and the step at which it was reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// The best value and its step; none before the first.
    pub at: Option<(f64, u64)>,
}

impl Best {
    /// One more value. A loss has to fall by a thousandth to count; an error by anything, since it moves in whole rows.
    pub fn see(&mut self, signal: Signal, value: f64, step: u64) {
        let margin = if signal == Signal::ValError { 0.0 } else { WORTH_NOTING };
        if value.is_finite() && self.at.is_none_or(|(best, _)| value < best - margin * best.abs()) {
            self.at = Some((value, step));
        }
    }
}

/// What triggers read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Course {
    /// Steps done.
    pub step: u64,
    /// Steps since something was planted or the network changed, or since the run began.
    pub quiet: u64,
    /// The best values of signals since the network changed.
    pub best: BTreeMap<Signal, Best>,
    /// Validation loss less training loss.
    pub gap: Option<f64>,
    /// The best slot's expansion score over the network's own.
    pub expansion: Option<f64>,
    /// The best predicted gain over the validation loss.
    pub merit: Option<f64>,
}

/// Whether the policy's trigger fires, with the numbers it went by.
pub fn fires(settings: &Settings, course: &Course) -> (bool, Vec<Reading>) {
    let quiet = |least: u64| {
        Reading::new("steps since a planting or a change of the network", Some(course.quiet as f64), Side::AtLeast, least as f64)
    };
    let with = |reading: Reading| vec![quiet(settings.cooldown), reading];
    let readings = match &settings.policy.trigger {
        Trigger::Plateau { any, patience, cooldown } => {
            let age = |signal: &Signal| {
                let best = course.best.get(signal).and_then(|b| b.at);
                let age = best.map(|(_, at)| course.step.saturating_sub(at) as f64);
                let name = format!("steps since the best {}", signal.record().name);
                Reading::new(name, age, Side::AtLeast, settings.steps(*patience) as f64)
            };
            let mut readings = vec![quiet(settings.steps(*cooldown))];
            readings.extend(any.iter().map(age));
            let fired = readings[0].holds() && readings[1..].iter().any(Reading::holds);
            return (fired, readings);
        }
        Trigger::Periodic { every } => {
            let end = settings.steps(esper_ir::Duration::Share(PERIODIC_UNTIL));
            vec![quiet(settings.steps(*every)), Reading::new("steps done", Some(course.step as f64), Side::AtMost, end as f64)]
        }
        Trigger::ExpansionScore { tau } => {
            with(Reading::new("expansion score over the network's own", course.expansion, Side::Above, *tau))
        }
        Trigger::OverfitGap { below } => with(Reading::new("validation loss less training loss", course.gap, Side::Below, *below)),
        Trigger::MeritRatio { above } => with(Reading::new("best predicted gain over validation loss", course.merit, Side::Above, *above)),
        Trigger::Never => return (false, vec![Reading::new("times the policy plants", Some(0.0), Side::AtLeast, 1.0)]),
    };
    (readings.iter().all(Reading::holds), readings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::Facts;
    use esper_ir::{Duration, Policy};

    fn fired(trigger: Trigger, course: &Course) -> bool {
        let mut policy = Policy::new("P", esper_diagnostics::Span::default());
        policy.trigger = trigger;
        let facts = Facts { steps_per_epoch: 10, total_steps: 500, ..Facts::default() };
        fires(&Settings::new(&policy, &facts), course).0
    }
    fn plateau() -> Trigger {
        let any = vec![Signal::ValLoss, Signal::ValError];
        Trigger::Plateau { any, patience: Duration::Epochs(4.0), cooldown: Duration::Steps(20.0) }
    }
    fn course(loss: u64, error: u64) -> Course {
        let at = |step| Best { at: Some((1.0, step)) };
        Course { step: 100, quiet: 50, best: [(Signal::ValLoss, at(loss)), (Signal::ValError, at(error))].into(), ..Course::default() }
    }

    #[test]
    fn any_signal_that_stands_still_is_a_plateau() {
        assert!(fired(plateau(), &course(90, 60)) && fired(plateau(), &course(60, 90)));
        assert!(!fired(plateau(), &course(90, 61)));
        assert!(!fired(plateau(), &Course { quiet: 19, ..course(60, 60) }));
        assert!(!fired(plateau(), &Course { best: BTreeMap::new(), ..course(60, 60) }));
    }

    #[test]
    fn a_small_fall_of_the_loss_is_none_and_one_row_of_error_is_one() {
        let (mut loss, mut error) = (Best::default(), Best::default());
        for (step, value) in [(0, 1.0), (10, 0.9995), (20, 0.98), (30, f64::NAN), (40, 0.9795)] {
            loss.see(Signal::ValLoss, value, step);
            error.see(Signal::ValError, value, step);
        }
        assert_eq!((loss.at, error.at), (Some((0.98, 20)), Some((0.9795, 40))));
    }

    #[test]
    fn every_trigger_fires_on_its_own_number_only() {
        let calm = Course { step: 150, quiet: 20, ..Course::default() };
        let cases = [
            (Trigger::Periodic { every: Duration::Steps(60.0) }, Course { quiet: 60, ..calm.clone() }),
            (Trigger::ExpansionScore { tau: 1.5 }, Course { expansion: Some(1.6), ..calm.clone() }),
            (Trigger::OverfitGap { below: 0.05 }, Course { gap: Some(0.04), ..calm.clone() }),
            (Trigger::MeritRatio { above: 0.1 }, Course { merit: Some(0.2), ..calm.clone() }),
        ];
        for (i, (trigger, _)) in cases.iter().enumerate() {
            for (j, (_, course)) in cases.iter().enumerate() {
                assert_eq!(fired(trigger.clone(), course), i == j, "{trigger:?} {course:?}");
            }
            assert!(!fired(Trigger::Never, &cases[i].1));
        }
        // periodic growth ends by 0.4 of the run
        assert!(!fired(cases[0].0.clone(), &Course { step: 201, ..cases[0].1.clone() }));
    }
}
