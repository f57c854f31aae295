//! The yardstick "GradMax": a student of five units learns from a teacher, then grows one unit, by gradmax or with a random fan-out.
use super::{Goal, Line};
use crate::initialiser::{Matrix, Statistics, gradmax as initialise};
use crate::random::Random;
use nalgebra::DMatrix;

const ROWS: usize = 1000;
const WIDTH: usize = 10;
const UNITS: usize = 5;
/// Fan-outs of the same norm that the gradient of gradmax's is held against.
const ALTERNATIVES: usize = 100;

/// A network without biases: `relu(x·inᵀ)·outᵀ`.
#[derive(Clone)]
struct Network {
    fan_in: DMatrix<f64>,
    fan_out: DMatrix<f64>,
}

impl Network {
    fn sums(&self, x: &DMatrix<f64>) -> DMatrix<f64> {
        x * self.fan_in.transpose()
    }

    /// The mean squared error over rows and outputs, and the gradient of each row's own by its outputs.
    fn error(&self, x: &DMatrix<f64>, y: &DMatrix<f64>) -> (f64, DMatrix<f64>) {
        let difference = self.sums(x).map(|s| s.max(0.0)) * self.fan_out.transpose() - y;
        (difference.norm_squared() / (ROWS * WIDTH) as f64, difference * (2.0 / WIDTH as f64))
    }

    /// Gradient descent on all rows. A unit whose sums are exactly zero has a slope of 1 there: it was born that way.
    fn train(&mut self, x: &DMatrix<f64>, y: &DMatrix<f64>, steps: usize, rate: f64) -> f64 {
        for _ in 0..steps {
            let (_, gradient) = self.error(x, y);
            let sums = self.sums(x);
            let back = (&gradient * &self.fan_out).zip_map(&sums, |g, s| if s >= 0.0 { g } else { 0.0 });
            let scale = rate / ROWS as f64;
            self.fan_out -= gradient.transpose() * sums.map(|s| s.max(0.0)) * scale;
            self.fan_in -= back.transpose() * x * scale;
        }
        self.error(x, y).0
    }

    /// With one unit more, whose fan-in is zero.
    fn grown(&self, fan_out: &DMatrix<f64>) -> Network {
        let mut grown = self.clone();
        grown.fan_in = grown.fan_in.insert_row(UNITS, 0.0);
        grown.fan_out = grown.fan_out.insert_column(UNITS, 0.0);
        grown.fan_out.set_column(UNITS, &fan_out.column(0));
        grown
    }
}

fn normal(random: &mut Random, rows: usize, columns: usize) -> DMatrix<f64> {
    DMatrix::from_fn(rows, columns, |_, _| random.normal())
}

fn uniform(random: &mut Random, rows: usize, columns: usize, bound: f64) -> DMatrix<f64> {
    DMatrix::from_fn(rows, columns, |_, _| bound * (2.0 * random.uniform() - 1.0))
}

/// As many teachers as asked for: inputs 1000 × 10 normal, teachers 10-10-10 uniform in (−1, 1), students of five units by Glorot and Bengio
/// (2010); 200 steps at a rate of 0.1, one unit more, 500 steps at 0.05. Evci et al., "GradMax" (ICLR 2022), section 4.1.
pub fn gradmax(teachers: u32, seed: u64) -> Vec<Line> {
    let mut random = Random::new(seed);
    let (mut ratios, mut beaten) = (vec![], 0u32);
    for _ in 0..teachers {
        let x = normal(&mut random, ROWS, WIDTH);
        let teacher = Network { fan_in: uniform(&mut random, WIDTH, WIDTH, 1.0), fan_out: uniform(&mut random, WIDTH, WIDTH, 1.0) };
        let y = teacher.sums(&x).map(|s| s.max(0.0)) * teacher.fan_out.transpose();
        let glorot = (6.0 / (WIDTH + UNITS) as f64).sqrt();
        let mut student =
            Network { fan_in: uniform(&mut random, UNITS, WIDTH, glorot), fan_out: uniform(&mut random, WIDTH, UNITS, glorot) };
        student.train(&x, &y, 200, 0.1);
        let gradients: Matrix = student.error(&x, &y).1.into();
        let statistics = Statistics { inputs: x.clone().into(), gradients };
        let scale = (0..UNITS).map(|u| student.fan_out.column(u).norm()).sum::<f64>() / UNITS as f64;
        let Ok(new) = initialise(&statistics, 1, scale, (0.0, 1.0)) else {
            // A student that gets nothing counts against the goal.
            beaten += 1;
            continue;
        };
        let best = new.fan_out.dense();
        // The gradient of the new unit's fan-in is HᵀG/n times its fan-out.
        let cross = x.transpose() * statistics.gradients.dense() / ROWS as f64;
        let norm = (&cross * &best).norm();
        let mut of_equal_norm = || {
            let drawn = normal(&mut random, WIDTH, 1);
            &drawn * (scale / drawn.norm())
        };
        let alternatives: Vec<DMatrix<f64>> = (0..ALTERNATIVES).map(|_| of_equal_norm()).collect();
        beaten += u32::from(alternatives.iter().any(|other| (&cross * other).norm() > norm * (1.0 + 1e-12)));
        let with_gradmax = student.grown(&best).train(&x, &y, 500, 0.05);
        let with_random = student.grown(&alternatives[0]).train(&x, &y, 500, 0.05);
        ratios.push(with_gradmax / with_random);
    }
    let n = ratios.len().max(1) as f64;
    let mean = ratios.iter().sum::<f64>() / n;
    let deviation = (ratios.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0)).sqrt();
    vec![
        Line {
            name: format!("share of {teachers} students with a fan-out of larger gradient"),
            value: f64::from(beaten) / f64::from(teachers.max(1)),
            margin: 0.0,
            goal: Goal::AtMost(0.0),
        },
        Line {
            name: "loss after growth, over that with a random fan-out of equal norm".into(),
            value: mean,
            margin: 1.96 * deviation / n.sqrt(),
            goal: Goal::Between(0.80, 0.93),
        },
    ]
}
