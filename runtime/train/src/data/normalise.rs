//! Normalisation of features by the mean and deviation of the training rows.
use super::table::Table;
use esper_ir::Normalise;
use serde::{Deserialize, Serialize};

/// What is subtracted from features and what they are divided by. A row is cut into as many equal runs as there are means.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Normalisation {
    /// Numbers of a row.
    pub width: usize,
    /// The mean of each run over all training rows.
    pub mean: Vec<f64>,
    /// Its standard deviation (of the population); 1 where all values are equal, so that they become 0.
    pub deviation: Vec<f64>,
}

impl Normalisation {
    /// Measures the training rows; `None` where nothing is to be normalised. The channel is the first axis of a row's shape.
    pub fn measure(table: &Table, train: &[u32], how: Normalise, shape: &[usize]) -> Option<Normalisation> {
        let groups = match how {
            Normalise::None => return None,
            Normalise::PerFeature => table.width,
            Normalise::PerChannel => shape.first().copied().unwrap_or(1),
            Normalise::Global => 1,
        };
        let run = table.width / groups;
        let row = |row: u32| &table.features[row as usize * table.width..][..table.width];
        let count = (train.len() * run) as f64;
        // Two passes, so that a large mean costs no digits of the deviation.
        let mut mean = vec![0.0; groups];
        for &index in train {
            for (group, values) in row(index).chunks_exact(run).enumerate() {
                mean[group] += values.iter().map(|v| f64::from(*v)).sum::<f64>();
            }
        }
        mean.iter_mut().for_each(|m| *m /= count);
        let mut deviation = vec![0.0; groups];
        for &index in train {
            for (group, values) in row(index).chunks_exact(run).enumerate() {
                deviation[group] += values.iter().map(|v| (f64::from(*v) - mean[group]).powi(2)).sum::<f64>();
            }
        }
        for (d, m) in deviation.iter_mut().zip(&mean) {
            *d = (*d / count).sqrt();
            // What is left of equal values is rounding of their mean.
            if *d <= 1e-12 * m.abs() {
                *d = 1.0;
            }
        }
        Some(Normalisation { width: table.width, mean, deviation })
    }

    /// Normalises rows of the same width.
    pub fn apply(&self, features: &mut [f32]) {
        let run = self.width / self.mean.len();
        for row in features.chunks_exact_mut(self.width) {
            for (group, values) in row.chunks_exact_mut(run).enumerate() {
                for value in values {
                    *value = ((f64::from(*value) - self.mean[group]) / self.deviation[group]) as f32;
                }
            }
        }
    }
}
