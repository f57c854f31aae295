//! The governor's judgement: what is not normal in a step, and what is done about it. The loop does it; nothing here touches weights.
use serde::{Deserialize, Serialize};

/// What was not normal.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Alarm {
    /// The loss of a step was not finite.
    Loss,
    /// A gradient was not finite.
    Gradient,
    /// A value inside the network was not finite.
    Activation,
    /// The loss was far above what it had been: its value and its bound.
    Spike {
        /// The loss.
        loss: f64,
        /// What it was held against.
        bound: f64,
    },
}

impl std::fmt::Display for Alarm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Alarm::Loss => f.write_str("the loss was not finite"),
            Alarm::Gradient => f.write_str("a gradient was not finite"),
            Alarm::Activation => f.write_str("a value inside the network was not finite"),
            Alarm::Spike { loss, bound } => {
                write!(f, "the loss was {}, more than {}", crate::gate::digits(*loss), crate::gate::digits(*bound))
            }
        }
    }
}

/// What the loop does.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Response {
    /// Go back to the last good snapshot and take this seed out for good.
    Quarantine {
        /// Which seed.
        id: u32,
    },
    /// Go back to the last good snapshot and go on with half the learning rate.
    HalveRate,
    /// Stop: it went back too often, or the run does not go back.
    Stop,
}

impl std::fmt::Display for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Response::Quarantine { .. } => "went back to the last good state without the newest seed",
            Response::HalveRate => "went back to the last good state with half the learning rate",
            Response::Stop => "stopped the run",
        })
    }
}

/// So many rollbacks …
pub const ROLLBACKS: usize = 3;
/// … within so many steps stop the run.
pub const WITHIN: u64 = 100;
/// Losses that are kept for the running quantile.
const WINDOW: usize = 256;
/// A loss may be so many times as far above the median as the 99th percentile is.
const SPREAD: f64 = 4.0;

/// What the governor remembers. It is kept apart from [`crate::State`], which goes back with the weights: rollbacks must be counted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Governor {
    /// The last losses, oldest first.
    losses: std::collections::VecDeque<f64>,
    /// Steps at which the run went back.
    rollbacks: Vec<u64>,
}

impl Governor {
    /// Looks at the loss of a step. `classes` gives the loss of knowing nothing, ln K, below which no loss is a spike.
    pub fn look(&mut self, loss: f64, gradients_finite: bool, classes: Option<usize>) -> Option<Alarm> {
        if !loss.is_finite() {
            return Some(Alarm::Loss);
        }
        if !gradients_finite {
            return Some(Alarm::Gradient);
        }
        if self.losses.len() >= WINDOW / 4 {
            // On the stack: a step allocates nothing.
            let mut sorted = [0.0; WINDOW];
            let sorted = &mut sorted[..self.losses.len()];
            sorted.iter_mut().zip(&self.losses).for_each(|(to, loss)| *to = *loss);
            sorted.sort_unstable_by(f64::total_cmp);
            let at = |share: f64| sorted[((sorted.len() - 1) as f64 * share) as usize];
            let nothing = classes.map_or(f64::NEG_INFINITY, |k| 2.0 * (k.max(2) as f64).ln());
            let bound = (at(0.5) + SPREAD * (at(0.99) - at(0.5)).max(0.1 * at(0.5).abs())).max(nothing);
            if loss > bound {
                return Some(Alarm::Spike { loss, bound });
            }
        }
        if self.losses.len() == WINDOW {
            self.losses.pop_front();
        }
        self.losses.push_back(loss);
        None
    }
    /// What to do about an alarm at this step. `newest` is the newest seed in the program, `rollback` whether the run may go back.
    pub fn respond(&mut self, step: u64, newest: Option<u32>, rollback: bool) -> Response {
        // the step count goes back with the state, so an earlier alarm may lie ahead
        self.rollbacks.retain(|at| step.abs_diff(*at) < WITHIN);
        if !rollback || self.rollbacks.len() + 1 >= ROLLBACKS {
            return Response::Stop;
        }
        self.rollbacks.push(step);
        newest.map_or(Response::HalveRate, |id| Response::Quarantine { id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_seed_goes_first_then_the_rate_then_the_run() {
        let mut governor = Governor::default();
        assert_eq!(governor.respond(10, Some(4), true), Response::Quarantine { id: 4 });
        assert_eq!(governor.respond(50, None, true), Response::HalveRate);
        assert_eq!(governor.clone().respond(109, None, true), Response::Stop);
        assert_eq!(governor.respond(110, None, true), Response::HalveRate);
        assert_eq!(Governor::default().respond(1, Some(1), false), Response::Stop);
    }

    #[test]
    fn what_is_not_finite_or_far_off_is_seen() {
        let mut governor = Governor::default();
        assert_eq!(governor.look(f64::NAN, true, None), Some(Alarm::Loss));
        assert_eq!(governor.look(1.0, false, None), Some(Alarm::Gradient));
        for i in 0..100 {
            assert_eq!(governor.look(1.0 + 0.01 * f64::from(i % 7), true, Some(10)), None);
        }
        assert!(matches!(governor.look(50.0, true, Some(10)), Some(Alarm::Spike { .. })));
        // twice the loss of knowing nothing is no spike
        assert_eq!(governor.look(4.6, true, Some(10)), None);
        assert!(matches!(governor.look(4.6, true, None), Some(Alarm::Spike { .. })));
    }
}
