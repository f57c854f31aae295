//! Rules that give every arm its turn.
use super::{ArmRows, Memory};
use crate::posterior::Posterior;

/// The arm that was picked least, the first of them: one after the other.
pub fn turns(memory: &Memory, arms: &[ArmRows]) -> Vec<f64> {
    arms.iter().map(|arm| -(memory.pulls(arm) as f64)).collect()
}

/// Those still in the race in turn; once each had its picks of this round, the worse half leaves and the rest get twice as many.
/// Karnin, Koren and Somekh, "Almost optimal exploration in multi-armed bandits" (2013).
pub fn halving(known: &Posterior, memory: &mut Memory, arms: &[ArmRows]) -> Vec<f64> {
    if !arms.iter().any(|arm| memory.race.iter().any(|(a, _)| a == arm)) {
        memory.race = arms.iter().map(|arm| (*arm, 0)).collect();
        memory.round = 1;
    }
    if memory.race.iter().all(|(_, n)| *n >= memory.round) {
        memory.race.sort_by(|(a, _), (b, _)| known.expected(b).total_cmp(&known.expected(a)));
        memory.race.truncate(memory.race.len().div_ceil(2));
        memory.race.iter_mut().for_each(|(_, n)| *n = 0);
        memory.round *= 2;
    }
    // of those that can be picked now, the one with the fewest picks in this round
    let place = |arm: &ArmRows| memory.race.iter().position(|(a, _)| a == arm);
    let scores: Vec<f64> = arms.iter().map(|arm| place(arm).map_or(f64::NEG_INFINITY, |i| -(memory.race[i].1 as f64))).collect();
    let best = (0..arms.len()).fold(0, |best, i| if scores[i] > scores[best] { i } else { best });
    if let Some(i) = place(&arms[best]) {
        memory.race[i].1 += 1;
    }
    // later arms of the same round would tie with it: it is the only one that leads
    scores.iter().enumerate().map(|(i, s)| if i == best { s + 0.5 } else { *s }).collect()
}
