//! What seeds are worth, measured on rows that they did not learn from, at values of α that are tried out.
use crate::RunError;
use crate::data::{Batch, Table};
use crate::engine::{Engine, SeedScalars};

/// The losses of single rows without and with one live seed, everything else as it is: the samples of the gain test.
///
/// The seed is switched off with an α of 0 and on with `target`; `scalars` are those of all live seeds, and are written back at the end.
pub(super) fn pairs(
    engine: &mut Engine,
    table: &Table,
    batch: &mut Batch,
    rows: &[u32],
    scalars: &[SeedScalars],
    live: usize,
    target: f64,
) -> Result<Vec<(f64, f64)>, RunError> {
    let with = |alpha: f64| scalars.iter().enumerate().map(move |(j, s)| if j == live { SeedScalars { alpha, ..*s } } else { *s });
    let mut losses = [vec![], vec![]];
    for (losses, alpha) in losses.iter_mut().zip([0.0, target]) {
        engine.write_seed_scalars(with(alpha))?;
        for row in rows {
            table.gather(std::slice::from_ref(row), batch);
            losses.push(engine.try_out(1, batch, &mut [])?.loss);
        }
    }
    engine.write_seed_scalars(scalars.iter().copied())?;
    let [without, with] = losses;
    Ok(without.into_iter().zip(with).collect())
}

/// The loss of every row by itself, with the live seeds as they count now; needs trials.
pub(super) fn rows(engine: &mut Engine, table: &Table, batch: &mut Batch, rows: &[u32]) -> Result<Vec<f64>, RunError> {
    rows.iter()
        .map(|row| {
            table.gather(std::slice::from_ref(row), batch);
            Ok(engine.try_out(1, batch, &mut [])?.loss)
        })
        .collect()
}
