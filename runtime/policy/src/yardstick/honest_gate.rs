//! The yardstick "honest gate": how often the gain test accepts seeds that are worth nothing, and seeds that are worth something.
use crate::e_process::{GainTest, level};
use crate::random::Random;
use crate::yardstick::{Goal, Line};

/// Ten classes.
const CAP: f64 = std::f64::consts::LN_10;

/// The share of streams that a test at this level accepts within so many samples, looking after every one.
fn accepted(name: String, goal: Goal, streams: u32, samples: u32, rent: f64, j: u32, mut row: impl FnMut(u32) -> (f64, f64)) -> Line {
    let passed = (0..streams).filter(|stream| {
        let mut test = GainTest::new(CAP, rent, level(0.05, j));
        (0..samples).any(|_| {
            let (off, on) = row(*stream);
            test.add(off, on);
            test.passed()
        })
    });
    let value = passed.count() as f64 / f64::from(streams);
    let margin = 1.96 * (value * (1.0 - value) / f64::from(streams)).sqrt();
    Line { name, value, margin, goal }
}

/// A loss without the seed, as a classifier that is right on three rows of four has it.
fn host_loss(random: &mut Random) -> f64 {
    if random.uniform() < 0.75 { 0.3 * -random.uniform().ln() } else { 1.0 + -random.uniform().ln() }
}

/// Placebos of three kinds, and planted effects at the 1st, 5th and 10th test of a run.
pub fn honest_gate(streams: u32, seed: u64) -> Vec<Line> {
    let mut random = Random::new(seed);
    let rent = 0.005;
    let at_most = Goal::AtMost(0.05);
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
        let at_least = if j == 1 { Goal::AtLeast(0.9) } else { Goal::Reported };
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
