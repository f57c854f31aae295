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

/// The mean loss over rows for every way to switch some of the live seeds off: bit k of an entry's position says that the k-th of `seeds` is on.
pub(super) fn subsets(
    engine: &mut Engine,
    table: &Table,
    batch: &mut Batch,
    rows: &[u32],
    size: usize,
    scalars: &[SeedScalars],
    seeds: &[usize],
) -> Result<Vec<f64>, RunError> {
    let mut table_of_losses = Vec::with_capacity(1 << seeds.len());
    for subset in 0..1usize << seeds.len() {
        let on = |j: usize| seeds.iter().position(|s| *s == j).is_none_or(|k| subset >> k & 1 == 1);
        engine.write_seed_scalars(scalars.iter().enumerate().map(|(j, s)| if on(j) { *s } else { SeedScalars { alpha: 0.0, ..*s } }))?;
        let mut sum = 0.0;
        for part in rows.chunks(size) {
            table.gather(part, batch);
            sum += engine.try_out(part.len(), batch, &mut [])?.loss * part.len() as f64;
        }
        table_of_losses.push(sum / rows.len().max(1) as f64);
    }
    engine.write_seed_scalars(scalars.iter().copied())?;
    Ok(table_of_losses)
}
