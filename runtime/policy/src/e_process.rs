//! The gain test: an e-process on gate samples, valid however often one looks at it.
//!
//! Every sample is the pair of losses of one row without and with the seed. Both are capped, their difference less the rent is scaled into
//! [-1, 1], and a bettor whose stake λ is a function of past samples only puts it on the seed: `W ← W·(1 + λx)`. Where the seed's gain does
//! not exceed its rent, W is a nonnegative supermartingale from 1, so it ever reaches 1/α with probability at most α (Ville's inequality).
//! Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting" (2024), whose approximate Kelly stake this is.
use serde::{Deserialize, Serialize};

/// The largest stake: with it no sample can take more than nine tenths of what was won.
pub const LARGEST_STAKE: f64 = 0.9;

/// What an uncapped gain counts that is not finite: against the seed for good, and still a number that every format can hold.
const WORST: f64 = 1e300;

/// The level of the j-th test (from 1) of a run whose tests together may err with probability `alpha`: `6α/(π²j²)`, which sums to α.
pub fn level(alpha: f64, j: u32) -> f64 {
    6.0 * alpha / (std::f64::consts::PI * f64::from(j.max(1))).powi(2)
}

/// What a bettor on numbers in [-1, 1] has won, and what it knows of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Bettor {
    /// How many numbers it saw.
    pub samples: u64,
    /// Their mean.
    pub mean: f64,
    /// Sum of squared distances from the mean (Welford).
    squares: f64,
    /// The logarithm of what it holds; it began with 1.
    pub log_wealth: f64,
}

impl Bettor {
    /// The stake for the next number: `clip(μ/(s² + μ²), 0, 0.9)` of the numbers so far.
    pub fn stake(&self) -> f64 {
        if self.samples < 2 || self.mean <= 0.0 {
            return 0.0;
        }
        let variance = self.squares / (self.samples - 1) as f64;
        (self.mean / (variance + self.mean * self.mean)).clamp(0.0, LARGEST_STAKE)
    }
    /// One more number, in [-1, 1].
    pub fn add(&mut self, x: f64) {
        self.log_wealth += (self.stake() * x).ln_1p();
        self.samples += 1;
        let before = x - self.mean;
        self.mean += before / self.samples as f64;
        self.squares += before * (x - self.mean);
    }
}

/// The test of one seed: whether its gain exceeds its rent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct GainTest {
    /// Losses above it count as it: ln K for K classes.
    pub cap: f64,
    /// Nats per sample.
    pub rent: f64,
    /// It passes when the evidence reaches 1/level.
    pub level: f64,
    /// The bettor on the seed.
    pub bettor: Bettor,
    /// The sum of uncapped gains (loss without, less loss with the seed).
    gains: f64,
    /// After how many samples it passed. It is checked after each of them, and stays passed.
    pub passed_after: Option<u64>,
}

/// A loss within [0, cap]; one that is no number is the worst there is.
fn capped(loss: f64, cap: f64) -> f64 {
    if loss.is_nan() { cap } else { loss.clamp(0.0, cap) }
}

impl GainTest {
    /// A test without samples. `cap` is positive, `rent` is not negative.
    pub fn new(cap: f64, rent: f64, level: f64) -> GainTest {
        GainTest { cap, rent, level, bettor: Bettor::default(), gains: 0.0, passed_after: None }
    }
    /// One gate row's loss without and with the seed. Losses lie between 0 and the cap here, so their difference needs no clipping; a gain
    /// that is no number speaks against the seed for good.
    pub fn add(&mut self, off: f64, on: f64) {
        self.bettor.add((capped(off, self.cap) - capped(on, self.cap) - self.rent) / (self.cap + self.rent));
        let gain = off - on;
        self.gains += if gain.is_finite() { gain } else { -WORST };
        let enough = self.bettor.log_wealth >= -self.level.ln() && self.gains >= 0.0;
        if enough && self.passed_after.is_none() {
            self.passed_after = Some(self.bettor.samples);
        }
    }
    /// The mean uncapped gain in nats per sample; `None` without samples.
    pub fn mean_gain(&self) -> Option<f64> {
        (self.bettor.samples > 0).then(|| self.gains / self.bettor.samples as f64)
    }
    /// The e-value: how many times the stake the bettor holds.
    pub fn evidence(&self) -> f64 {
        self.bettor.log_wealth.exp()
    }
    /// What the evidence has to reach.
    pub fn threshold(&self) -> f64 {
        1.0 / self.level
    }
    /// Whether it passed: at some sample there was enough evidence, and the uncapped mean gain was not negative.
    pub fn passed(&self) -> bool {
        self.passed_after.is_some()
    }
}

/// The process that may only speak against a seed that takes part: it bets that the gain is below the rent less a hysteresis.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Veto {
    /// Losses above it count as it.
    pub cap: f64,
    /// The gain in nats per sample below which the seed has to go.
    pub bound: f64,
    /// It speaks when the evidence reaches 1/level.
    pub level: f64,
    /// The bettor against the seed.
    pub bettor: Bettor,
    /// After how many samples it spoke.
    pub spoke_after: Option<u64>,
}

impl Veto {
    /// A process without samples.
    pub fn new(cap: f64, bound: f64, level: f64) -> Veto {
        Veto { cap, bound, level, bettor: Bettor::default(), spoke_after: None }
    }
    /// One gate row's loss without and with the seed, the other seeds as they are.
    pub fn add(&mut self, off: f64, on: f64) {
        self.bettor.add((self.bound - (capped(off, self.cap) - capped(on, self.cap))) / (self.cap + self.bound.abs()));
        if self.bettor.log_wealth >= -self.level.ln() && self.spoke_after.is_none() {
            self.spoke_after = Some(self.bettor.samples);
        }
    }
    /// Whether there was, at some sample, enough evidence against the seed.
    pub fn speaks(&self) -> bool {
        self.spoke_after.is_some()
    }
    /// The e-value.
    pub fn evidence(&self) -> f64 {
        self.bettor.log_wealth.exp()
    }
}
