//! Initialisers that start from weights that are there, never as exact twins: twins would get the same gradients for ever.
use super::{Matrix, NewUnits, Refusal};
use crate::random::Random;

/// Units in pairs that cancel each other: fan-in (V, V), fan-out (Z, -Z). The function is the same at birth, every weight has a gradient, and
/// the two of a pair part because theirs are opposite. `fan_in`: units × inputs, `fan_out`: outputs × units.
pub fn pair(fan_in: &Matrix, fan_out: &Matrix) -> NewUnits {
    let (v, z) = (fan_in.dense(), fan_out.dense());
    let twice = nalgebra::DMatrix::from_fn(2 * v.nrows(), v.ncols(), |r, c| v[(r % v.nrows(), c)]);
    let signed =
        nalgebra::DMatrix::from_fn(z.nrows(), 2 * z.ncols(), |r, c| if c < z.ncols() { z[(r, c)] } else { -z[(r, c - z.ncols())] });
    NewUnits { fan_in: twice.into(), fan_out: signed.into(), strengths: vec![] }
}

/// What the layer before has, each weight moved by a normal of `jitter` times the deviation of its tensor.
pub fn copy_previous(weights: &[f64], jitter: f64, random: &mut Random) -> Result<Vec<f64>, Refusal> {
    if weights.is_empty() {
        return Err(Refusal::NothingToCopy);
    }
    if weights.iter().any(|w| !w.is_finite()) {
        return Err(Refusal::NotFinite);
    }
    let mean = weights.iter().sum::<f64>() / weights.len() as f64;
    let deviation = (weights.iter().map(|w| (w - mean).powi(2)).sum::<f64>() / weights.len() as f64).sqrt();
    // a tensor that is constant has no deviation: its own size is the measure, so that no twin stays exact
    let size = if deviation > 0.0 { deviation } else { mean.abs().max(1e-3) };
    Ok(weights.iter().map(|w| w + jitter * size * random.normal()).collect())
}

/// Units copied from drawn ones, with the fan-out of each shared among its copies: Chen, Goodfellow and Shlens, "Net2Net" (ICLR 2016),
/// section 2.2. Gives the new units and, for each unit that was there, what its fan-out is multiplied with. The fan-in of copies moves by
/// `jitter` times the norm of the row, so that they part.
pub fn net2wider(
    fan_in: &Matrix,
    fan_out: &Matrix,
    units: usize,
    jitter: f64,
    random: &mut Random,
) -> Result<(NewUnits, Vec<f64>), Refusal> {
    if fan_in.rows() == 0 || fan_in.rows() != fan_out.columns() {
        return Err(Refusal::NothingToCopy);
    }
    if !fan_in.finite() || !fan_out.finite() {
        return Err(Refusal::NotFinite);
    }
    let drawn: Vec<usize> = (0..units).map(|_| random.below(fan_in.rows())).collect();
    let copies = |unit: usize| 1 + drawn.iter().filter(|d| **d == unit).count();
    let shares: Vec<f64> = (0..fan_in.rows()).map(|unit| 1.0 / copies(unit) as f64).collect();
    let mut rows = vec![];
    for &unit in &drawn {
        let row = fan_in.row(unit);
        let size = (row.iter().map(|v| v * v).sum::<f64>() / row.len().max(1) as f64).sqrt();
        rows.extend(row.iter().map(|v| v + jitter * size * random.normal()).collect::<Vec<_>>());
    }
    let shared = nalgebra::DMatrix::from_fn(fan_out.rows(), units, |r, c| fan_out.at(r, drawn[c]) * shares[drawn[c]]);
    let fan_in = Matrix::new(units, fan_in.columns(), rows).expect("a row for each unit");
    Ok((NewUnits { fan_in, fan_out: shared.into(), strengths: vec![] }, shares))
}
