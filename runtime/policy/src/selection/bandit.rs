//! Rules that weigh what is known of an arm against how well it is known.
use super::{ArmRows, Memory};
use crate::posterior::Posterior;
use crate::random::Random;
use esper_ir::Selection;

/// The score of each arm under one of the four index rules; others have none here and score alike.
///
/// - ucb: `m + c·√(2 ln t / n)`. Auer, Cesa-Bianchi and Fischer, "Finite-time analysis of the multiarmed bandit problem" (2002), UCB1 for c = 1.
/// - ucb_tuned: `m + √(ln t / n · min(¼, v + √(2 ln t / n)))`, v the variance of rewards: their section 4.
/// - thompson_beta: draws from `Beta(α + n·m, β + n·(1 − m))`. Agrawal and Goyal, "Analysis of Thompson sampling" (2012).
/// - thompson: effects drawn from their normal-inverse-gamma posterior, once for all arms.
pub fn scores(rule: Selection, known: &Posterior, memory: &Memory, arms: &[ArmRows], random: &mut Random) -> Vec<f64> {
    let log_t = (memory.picks.max(1) as f64).ln();
    let drawn = matches!(rule, Selection::Thompson).then(|| known.draw(random));
    let (shape, rate) = known.noise();
    arms.iter()
        .map(|arm| {
            let mean = known.expected(arm);
            match rule {
                Selection::Ucb { exploration } => mean + exploration * (2.0 * log_t / known.count(arm)).sqrt(),
                Selection::UcbTuned => {
                    let n = known.count(arm);
                    mean + (log_t / n * (rate / shape + (2.0 * log_t / n).sqrt()).min(0.25)).sqrt()
                }
                Selection::ThompsonBeta { alpha, beta } => {
                    let (n, m) = (known.count(arm), mean.clamp(0.0, 1.0));
                    random.beta(alpha + n * m, beta + n * (1.0 - m))
                }
                _ => drawn.as_ref().map_or(0.0, |d| d[0] + arm.iter().map(|&r| d[r]).sum::<f64>()),
            }
        })
        .collect()
}

/// One arm drawn with the softmax of standardised expected rewards: it scores 1 more than its probability, the others their probability.
pub fn weighted(known: &Posterior, arms: &[ArmRows], temperature: f64, random: &mut Random) -> Vec<f64> {
    let means: Vec<f64> = arms.iter().map(|arm| known.expected(arm)).collect();
    let n = means.len() as f64;
    let mean = means.iter().sum::<f64>() / n;
    let deviation = (means.iter().map(|m| (m - mean).powi(2)).sum::<f64>() / n).sqrt();
    let z = |m: f64| if deviation > 0.0 { (m - mean) / deviation } else { 0.0 };
    let top = means.iter().map(|m| z(*m)).fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = means.iter().map(|m| ((z(*m) - top) / temperature.max(1e-6)).exp()).collect();
    let total: f64 = weights.iter().sum();
    let mut rest = random.uniform() * total;
    let chosen = weights.iter().position(|w| {
        rest -= w;
        rest < 0.0
    });
    let chosen = chosen.unwrap_or(arms.len() - 1);
    weights.iter().enumerate().map(|(i, w)| w / total + f64::from(u8::from(i == chosen))).collect()
}
