//! What is known of arms: one linear model of rewards with additive effects of blueprint, initialiser and kind of slot.
//!
//! Arms share what is known of their parts, because a run makes 5 to 30 germinations and could not try every combination. The model is the
//! conjugate one: `reward = base + blueprint + initialiser + slot + noise`, effects normal given the noise, whose variance is inverse gamma
//! (Gelman et al., "Bayesian Data Analysis", section 14.2). With one arm it is the running mean, and `1/variance` its count.
use serde::{Deserialize, Serialize};

/// The parts of an arm that have effects.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Part {
    /// A blueprint, by the hash of what it computes.
    Blueprint(String),
    /// An initialiser, by its name.
    Initialiser(String),
    /// A kind of slot: the types of its source and target. The number counts how often what stands around it has changed.
    Slot(String, u32),
}

/// The reward that a base arm is expected to give before anything is known: rewards lie in [0, 1].
pub const PRIOR_REWARD: f64 = 0.5;
/// How many rewards the prior of the base counts as.
const BASE_WEIGHT: f64 = 1.0;
/// How many rewards the prior of an effect (of zero) counts as.
const EFFECT_WEIGHT: f64 = 1.0;
/// Shape and rate of the inverse gamma of the noise: as if two rewards with a deviation of 0.25 had been seen.
const NOISE: (f64, f64) = (1.0, 0.0625);

/// One try of an arm and what it was worth: what is remembered from run to run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// The hash of what the blueprint computes.
    pub blueprint: String,
    /// The initialiser's name.
    pub initialiser: String,
    /// The types of the slot's source and target.
    pub slot: String,
    /// In [0, 1].
    pub reward: f64,
}

impl Trial {
    /// Its parts in a network that has not changed yet.
    pub fn parts(&self) -> [Part; 3] {
        [Part::Blueprint(self.blueprint.clone()), Part::Initialiser(self.initialiser.clone()), Part::Slot(self.slot.clone(), 0)]
    }
}

/// What a reward of an earlier run counts, against one of this run.
const HEARSAY: f64 = 0.5;

/// Posterior of the linear model: precision matrix, information vector, noise. Row 0 is the base.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Posterior {
    parts: Vec<Part>,
    /// Lower triangle, by rows.
    precision: Vec<f64>,
    information: Vec<f64>,
    /// Σ reward² and how many rewards, prior included, for the noise.
    squares: f64,
    rewards: f64,
    /// From these: the lower Cholesky factor of the precision and the mean.
    factor: Vec<f64>,
    mean: Vec<f64>,
}

impl Default for Posterior {
    fn default() -> Posterior {
        let mut new = Posterior {
            parts: vec![],
            precision: vec![BASE_WEIGHT],
            information: vec![BASE_WEIGHT * PRIOR_REWARD],
            squares: BASE_WEIGHT * PRIOR_REWARD * PRIOR_REWARD,
            rewards: 0.0,
            factor: vec![],
            mean: vec![],
        };
        new.solve();
        new
    }
}

/// Where row `i` of a lower triangle begins.
fn row(i: usize) -> usize {
    i * (i + 1) / 2
}

impl Posterior {
    /// What earlier runs have taught. Their rewards count for half: it was another network.
    pub fn from_trials(trials: &[Trial]) -> Posterior {
        let mut known = Posterior::default();
        for trial in trials {
            let rows = known.rows(&trial.parts());
            known.learn(&rows, trial.reward, HEARSAY);
        }
        known
    }
    /// The rows of these parts, new ones added with their prior.
    pub fn rows(&mut self, parts: &[Part]) -> Vec<usize> {
        let before = self.parts.len();
        let rows = parts
            .iter()
            .map(|part| match self.parts.iter().position(|p| p == part) {
                Some(i) => i + 1,
                None => {
                    self.parts.push(part.clone());
                    let i = self.parts.len();
                    self.precision.extend(std::iter::repeat_n(0.0, i));
                    self.precision.push(EFFECT_WEIGHT);
                    self.information.push(0.0);
                    i
                }
            })
            .collect();
        if self.parts.len() > before {
            self.solve();
        }
        rows
    }
    /// A reward in [0, 1] of an arm whose parts have these rows. `weight` 1 is one reward; less is hearsay.
    pub fn learn(&mut self, rows: &[usize], reward: f64, weight: f64) {
        let all: Vec<usize> = std::iter::once(0).chain(rows.iter().copied()).collect();
        for &i in &all {
            self.information[i] += weight * reward;
            for &j in all.iter().filter(|j| **j <= i) {
                self.precision[row(i) + j] += weight;
            }
        }
        self.squares += weight * reward * reward;
        self.rewards += weight;
        self.solve();
    }
    /// Expected reward of an arm.
    pub fn expected(&self, rows: &[usize]) -> f64 {
        self.mean[0] + rows.iter().map(|&r| self.mean[r]).sum::<f64>()
    }
    /// How many rewards of this very arm what is known of it is worth: the inverse of the variance of its mean, in units of the noise.
    pub fn count(&self, rows: &[usize]) -> f64 {
        // the variance is |L⁻¹x|² for the arm's indicator x
        let n = self.mean.len();
        let mut solved = vec![0.0; n];
        let mut variance = 0.0;
        for i in 0..n {
            let x = f64::from(u8::from(i == 0 || rows.contains(&i)));
            let known: f64 = (0..i).map(|j| self.factor[row(i) + j] * solved[j]).sum();
            solved[i] = (x - known) / self.factor[row(i) + i];
            variance += solved[i] * solved[i];
        }
        1.0 / variance
    }
    /// Shape and rate of the inverse gamma of the noise's variance.
    pub fn noise(&self) -> (f64, f64) {
        let explained: f64 = self.mean.iter().zip(&self.information).map(|(m, h)| m * h).sum();
        (NOISE.0 + self.rewards / 2.0, NOISE.1 + ((self.squares - explained) / 2.0).max(0.0))
    }
    /// How many rewards were learnt, hearsay in proportion.
    pub fn rewards(&self) -> f64 {
        self.rewards
    }
    /// Effects drawn from the posterior: base first. `normal` gives standard normals, `gamma` a gamma of the given shape and scale 1.
    pub fn draw(&self, random: &mut crate::random::Random) -> Vec<f64> {
        let (shape, rate) = self.noise();
        let deviation = (rate / random.gamma(shape)).sqrt();
        let n = self.mean.len();
        // Lᵀu = z gives u with covariance (LLᵀ)⁻¹
        let mut drawn = vec![0.0; n];
        for i in (0..n).rev() {
            let later: f64 = (i + 1..n).map(|j| self.factor[row(j) + i] * drawn[j]).sum();
            drawn[i] = (random.normal() - later) / self.factor[row(i) + i];
        }
        drawn.iter().zip(&self.mean).map(|(u, m)| m + deviation * u).collect()
    }
    /// The hash that names this knowledge.
    pub fn hash(&self) -> [u8; 32] {
        let bytes = postcard::to_stdvec(self).expect("numbers and names can be written");
        *blake3::hash(&bytes).as_bytes()
    }
    /// Cholesky factor and mean. The precision is positive definite: every row has a prior.
    fn solve(&mut self) {
        let n = self.information.len();
        self.factor = vec![0.0; self.precision.len()];
        for i in 0..n {
            for j in 0..=i {
                let dot: f64 = (0..j).map(|k| self.factor[row(i) + k] * self.factor[row(j) + k]).sum();
                let rest = self.precision[row(i) + j] - dot;
                self.factor[row(i) + j] = if i == j { rest.sqrt() } else { rest / self.factor[row(j) + j] };
            }
        }
        let mut half = vec![0.0; n];
        for i in 0..n {
            let known: f64 = (0..i).map(|j| self.factor[row(i) + j] * half[j]).sum();
            half[i] = (self.information[i] - known) / self.factor[row(i) + i];
        }
        self.mean = vec![0.0; n];
        for i in (0..n).rev() {
            let later: f64 = (i + 1..n).map(|j| self.factor[row(j) + i] * self.mean[j]).sum();
            self.mean[i] = (half[i] - later) / self.factor[row(i) + i];
        }
    }
}

/// A reward in [0, 1] for a gain and a rent in nats per sample: a half where the seed just pays, and 0.73 where it gains `scale` more.
pub fn squash(gain: f64, rent: f64, scale: f64) -> f64 {
    if gain.is_nan() {
        return 0.0;
    }
    1.0 / (1.0 + (-(gain - rent) / scale).exp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn arm(blueprint: &str, initialiser: &str) -> Vec<Part> {
        vec![Part::Blueprint(blueprint.into()), Part::Initialiser(initialiser.into()), Part::Slot("s".into(), 0)]
    }

    #[test]
    fn effects_are_shared_between_arms() {
        let mut known = Posterior::default();
        let [good, bad] = [arm("good", "a"), arm("bad", "a")].map(|p| known.rows(&p));
        for _ in 0..50 {
            known.learn(&good, 0.9, 1.0);
            known.learn(&bad, 0.1, 1.0);
        }
        // nobody tried these two
        let [new_good, new_bad] = [arm("good", "b"), arm("bad", "b")].map(|p| known.rows(&p));
        assert!(known.expected(&new_good) > known.expected(&new_bad) + 0.7);
        assert!((known.expected(&good) - 0.9).abs() < 0.02);
        assert!(known.count(&good) > 40.0 && known.count(&new_good) < 3.0, "{} {}", known.count(&good), known.count(&new_good));
    }

    /// Mean and covariance of draws against the closed form, for two correlated effects.
    #[test]
    fn draws_have_the_moments_of_the_posterior() {
        let mut known = Posterior::default();
        let rows = known.rows(&arm("x", "a"));
        for i in 0..30 {
            known.learn(&rows, 0.6 + 0.1 * f64::from(i % 2), 1.0);
        }
        let mut random = Random::new(5);
        let drawn: Vec<f64> =
            (0..20_000).map(|_| known.draw(&mut random)).map(|d| d[0] + rows.iter().map(|&r| d[r]).sum::<f64>()).collect();
        let mean = drawn.iter().sum::<f64>() / drawn.len() as f64;
        let variance = drawn.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / drawn.len() as f64;
        let (shape, rate) = known.noise();
        // Student's t: variance of the mean times b/(a - 1)
        let expected = rate / (shape - 1.0) / known.count(&rows);
        assert!((mean - known.expected(&rows)).abs() < 4.0 * (expected / 20_000.0).sqrt());
        assert!((variance / expected - 1.0).abs() < 0.1, "{variance} {expected}");
    }

    #[test]
    fn earlier_runs_count_for_half() {
        let heard = Trial { blueprint: "x".into(), initialiser: "a".into(), slot: "s".into(), reward: 0.9 };
        let mut hearsay = Posterior::from_trials(&vec![heard; 40]);
        let mut own = Posterior::default();
        let rows = own.rows(&arm("x", "a"));
        (0..40).for_each(|_| own.learn(&rows, 0.9, 1.0));
        assert_eq!(hearsay.rows(&arm("x", "a")), rows);
        assert!((own.count(&rows) / hearsay.count(&rows) - 2.0).abs() < 0.1 && hearsay.expected(&rows) > 0.85);
        assert_ne!(own.hash(), hearsay.hash());
        assert_eq!(own.hash(), own.clone().hash());
    }

    #[test]
    fn rewards_lie_in_the_unit_interval() {
        assert_eq!(squash(0.01, 0.01, 0.1), 0.5);
        assert!(squash(5.0, 0.0, 0.1) <= 1.0 && squash(-5.0, 0.0, 0.1) >= 0.0 && squash(f64::NAN, 0.0, 0.1) == 0.0);
        assert!(squash(f64::NEG_INFINITY, 0.0, 0.1) == 0.0);
    }
}
