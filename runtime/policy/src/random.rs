//! Random numbers for decisions: a counter that is a value, so that a resumed run draws what an undisturbed one would have drawn.
use esper_ir::philox::philox4x32;
use serde::{Deserialize, Serialize};

/// Separates decisions from every other use of the run's seed: the second half of the counter.
const DECISIONS: [u32; 2] = [0x7461_6d69, 0x796f_0001];

/// 52 bits as a number in the middle of its interval: never 0 and never 1.
fn open_interval(high: u32, low: u32) -> f64 {
    (((u64::from(high) << 20) | u64::from(low >> 12)) as f64 + 0.5) / (1u64 << 52) as f64
}

/// A stream of random numbers whose whole state is a key and a count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Random {
    key: u64,
    drawn: u64,
}

impl Random {
    /// The stream of a run with this seed, at its beginning.
    pub fn new(seed: u64) -> Random {
        Random { key: seed, drawn: 0 }
    }
    /// How many words were drawn.
    pub fn drawn(&self) -> u64 {
        self.drawn
    }
    fn words(&mut self) -> [u32; 4] {
        let counter = [self.drawn as u32, (self.drawn >> 32) as u32, DECISIONS[0], DECISIONS[1]];
        self.drawn += 1;
        philox4x32(counter, [self.key as u32, (self.key >> 32) as u32])
    }
    /// Uniform in (0, 1): never 0, so that its logarithm is finite.
    pub fn uniform(&mut self) -> f64 {
        let [high, low, ..] = self.words();
        open_interval(high, low)
    }
    /// A whole number below `bound`, which is at least 1.
    pub fn below(&mut self, bound: usize) -> usize {
        ((self.uniform() * bound as f64) as usize).min(bound - 1)
    }
    /// Standard normal, by Box and Muller's transform.
    pub fn normal(&mut self) -> f64 {
        let [a, b, c, d] = self.words();
        let (radius, angle) = (open_interval(a, b), open_interval(c, d));
        (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
    }
    /// Gamma with this shape and scale 1. Marsaglia and Tsang, "A simple method for generating gamma variables" (2000).
    pub fn gamma(&mut self, shape: f64) -> f64 {
        if shape < 1.0 {
            // their section 6: a shape below one by a power of a uniform
            return self.gamma(shape + 1.0) * self.uniform().powf(1.0 / shape);
        }
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let v = (1.0 + c * x).powi(3);
            if v <= 0.0 {
                continue;
            }
            let u = self.uniform();
            // their squeeze decides nearly always, without logarithms
            if u < 1.0 - 0.0331 * (x * x) * (x * x) || u.ln() < 0.5 * x * x + d - d * v + d * v.ln() {
                return d * v;
            }
        }
    }
    /// Beta with these parameters, as a ratio of gammas.
    pub fn beta(&mut self, a: f64, b: f64) -> f64 {
        let (x, y) = (self.gamma(a), self.gamma(b));
        if x + y > 0.0 { x / (x + y) } else { 0.5 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(draw: impl FnMut() -> f64) -> (f64, f64) {
        let values: Vec<f64> = std::iter::repeat_with(draw).take(20_000).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        (mean, values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64)
    }
    #[track_caller]
    fn near((mean, variance): (f64, f64), (expected_mean, expected_variance): (f64, f64)) {
        let error = 4.0 * (expected_variance / 20_000.0).sqrt();
        assert!((mean - expected_mean).abs() < error, "mean {mean}, expected {expected_mean}");
        assert!((variance / expected_variance - 1.0).abs() < 0.1, "variance {variance}, expected {expected_variance}");
    }

    #[test]
    fn moments_are_those_of_the_distributions() {
        let mut random = Random::new(11);
        near(moments(|| random.uniform()), (0.5, 1.0 / 12.0));
        near(moments(|| random.normal()), (0.0, 1.0));
        for shape in [0.4, 1.0, 2.5, 40.0] {
            near(moments(|| random.gamma(shape)), (shape, shape));
        }
        near(moments(|| random.beta(2.0, 3.0)), (0.4, 0.04));
    }

    #[test]
    fn the_state_is_the_whole_stream() {
        let mut random = Random::new(3);
        random.normal();
        let mut copy = random.clone();
        assert_eq!((random.gamma(2.0), random.drawn()), (copy.gamma(2.0), copy.drawn()));
        assert_ne!(Random::new(3).uniform(), Random::new(4).uniform());
        assert!((0..1000).all(|_| random.below(7) < 7));
    }
}
