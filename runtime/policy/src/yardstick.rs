//! The yardstick "honest gate": how often the gain test accepts seeds that are worth nothing, and seeds that are worth something.
use crate::e_process::{GainTest, level};
use crate::random::Random;
use serde::{Deserialize, Serialize};

/// One line of the yardstick.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// What was tried.
    pub name: String,
    /// The share that was accepted.
    pub accepted: f64,
    /// Half the width of its 95 % interval.
    pub margin: f64,
    /// The goal: at most (true) or at least so much; none where the share is only reported.
    pub goal: Option<(bool, f64)>,
}

impl Line {
    /// Whether the goal is met, where there is one.
    pub fn met(&self) -> bool {
        self.goal.is_none_or(|(at_most, bound)| if at_most { self.accepted <= bound } else { self.accepted >= bound })
    }
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let goal = match self.goal {
            Some((true, bound)) => format!("at most {bound:.2}"),
            Some((false, bound)) => format!("at least {bound:.2}"),
            None => "reported".into(),
        };
        let verdict = if self.goal.is_none() {
            ""
        } else if self.met() {
            "  met"
        } else {
            "  NOT MET"
        };
        write!(f, "{:<58} {:.3} ± {:.3}  ({goal}){verdict}", self.name, self.accepted, self.margin)
    }
}

/// Ten classes.
const CAP: f64 = std::f64::consts::LN_10;

/// The share of streams that a test at this level accepts within so many samples, looking after every one.
fn accepted(
    name: String,
    goal: Option<(bool, f64)>,
    streams: u32,
    samples: u32,
    rent: f64,
    j: u32,
    mut row: impl FnMut(u32) -> (f64, f64),
) -> Line {
    let passed = (0..streams).filter(|stream| {
        let mut test = GainTest::new(CAP, rent, level(0.05, j));
        (0..samples).any(|_| {
            let (off, on) = row(*stream);
            test.add(off, on);
            test.passed()
        })
    });
    let accepted = passed.count() as f64 / f64::from(streams);
    let margin = 1.96 * (accepted * (1.0 - accepted) / f64::from(streams)).sqrt();
    Line { name, accepted, margin, goal }
}

/// A loss without the seed, as a classifier that is right on three rows of four has it.
fn host_loss(random: &mut Random) -> f64 {
    if random.uniform() < 0.75 { 0.3 * -random.uniform().ln() } else { 1.0 + -random.uniform().ln() }
}

/// Placebos of three kinds, and planted effects at the 1st, 5th and 10th test of a run.
pub fn honest_gate(streams: u32, seed: u64) -> Vec<Line> {
    let mut random = Random::new(seed);
    let rent = 0.005;
    let at_most = Some((true, 0.05));
    let mut lines = vec![
        accepted("placebo: gains that just pay the rent".into(), at_most, streams, 2000, rent, 1, |_| {
            let off = 1.0 + 0.2 * random.uniform();
            (off, off - rent + 0.2 * random.normal())
        }),
        accepted("placebo: a frozen random output".into(), at_most, streams, 2000, rent, 1, |stream| {
            // it tilts the logits: by how much each row's loss moves is fixed by the seed and the row, and harms on average
            let off = host_loss(&mut random);
            let tilt = 0.05 + 0.2 * f64::from(stream % 7) / 7.0;
            (off, (off + tilt * random.normal() + tilt * tilt / 2.0).max(0.0))
        }),
        accepted("placebo: small gains, now and then a catastrophe".into(), at_most, streams, 2000, rent, 1, |_| {
            let off = host_loss(&mut random);
            (off, if random.uniform() < 0.04 { off + 30.0 } else { (off - 0.1).max(0.0) })
        }),
    ];
    for j in [1, 5, 10] {
        let at_least = (j == 1).then_some((false, 0.9));
        let name = format!("three points of accuracy, 2000 samples, test {j}");
        lines.push(accepted(name, at_least, streams, 2000, rent, j, |_| {
            // five rows in a hundred become right, two become wrong
            let kind = random.uniform();
            match kind {
                k if k < 0.05 => (1.6, 0.3),
                k if k < 0.07 => (0.3, 1.6),
                _ => {
                    let off = host_loss(&mut random);
                    (off, (off + 0.02 * random.normal()).max(0.0))
                }
            }
        }));
        let name = format!("0.05 nats beyond the rent (deviation 0.2), 360 samples, test {j}");
        lines.push(accepted(name, at_least, streams, 360, rent, j, |_| {
            let off = 1.0 + 0.2 * random.uniform();
            (off, off - rent - 0.05 - 0.2 * random.normal())
        }));
    }
    lines
}
