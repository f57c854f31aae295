//! Which row is for training, for validation, for the test.
use super::order::{Purpose, permute};
use esper_diagnostics::Diagnostic;
use esper_ir::{DataSpec, Split};

/// Row numbers of each part; all but `gate` ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SplitRows {
    /// Seen by the optimizer.
    pub train: Vec<u32>,
    /// Measured after every epoch.
    pub val: Vec<u32>,
    /// Read by an evaluation that asks for it, by nothing else.
    pub test: Vec<u32>,
    /// Withheld from the optimizer: what grows is judged by them. In the order in which they are drawn, not ascending.
    pub gate: Vec<u32>,
}

/// Divides rows. A share is rounded to whole rows; an error (D0110) where a part that was asked for would be empty.
/// The test rows do not depend on the share for validation.
pub fn divide(rows: usize, spec: &DataSpec, run_seed: u64) -> Result<SplitRows, Diagnostic> {
    let (val, test) = match spec.split {
        Split::Holdout { val, test, .. } | Split::Tail { val, test } => (val, test),
    };
    let bad = |message: String| Err(Diagnostic::error("D0110", message, spec.split_span, "divided here"));
    if !(val >= 0.0 && test >= 0.0 && val + test < 1.0) {
        return bad(format!("shares of {val} for validation and {test} for the test leave nothing to train on"));
    }
    if rows > u32::MAX as usize {
        return bad(format!("{rows} rows are more than a run can hold"));
    }
    let share = |part: f64| (part * rows as f64).round() as usize;
    let (val_rows, test_rows) = (share(val), share(test));
    for (name, part, count) in [("validation", val, val_rows), ("the test", test, test_rows)] {
        if part > 0.0 && count == 0 {
            return bad(format!("a share of {part} of {rows} {} leaves none for {name}", plural(rows)));
        }
    }
    let Some(train_rows) = rows.checked_sub(val_rows + test_rows).filter(|n| *n > 0) else {
        return bad(format!(
            "{rows} {} are too few: {val_rows} for validation and {test_rows} for the test leave none to train on",
            plural(rows)
        ));
    };
    let mut order: Vec<u32> = (0..rows as u32).collect();
    let (mut train, mut val, mut test) = match spec.split {
        Split::Holdout { seed, .. } => {
            permute(seed.unwrap_or(run_seed), Purpose::Split, 0, &mut order);
            let (test, rest) = order.split_at(test_rows);
            let (val, train) = rest.split_at(val_rows);
            (train.to_vec(), val.to_vec(), test.to_vec())
        }
        Split::Tail { .. } => {
            let (train, rest) = order.split_at(train_rows);
            let (val, test) = rest.split_at(val_rows);
            (train.to_vec(), val.to_vec(), test.to_vec())
        }
    };
    let gate = withhold(&mut train, spec, run_seed)?;
    train.sort_unstable();
    val.sort_unstable();
    test.sort_unstable();
    Ok(SplitRows { train, val, test, gate })
}

/// Takes the rows out of the training rows that a growing run judges seeds by.
fn withhold(train: &mut Vec<u32>, spec: &DataSpec, run_seed: u64) -> Result<Vec<u32>, Diagnostic> {
    let count = (spec.gate * train.len() as f64).round() as usize;
    if spec.gate > 0.0 && (count == 0 || count >= train.len()) {
        let message =
            format!("{} training {} are too few to withhold a share of {} for the gain test", train.len(), plural(train.len()), spec.gate);
        return Err(
            Diagnostic::error("D0110", message, spec.split_span, "divided here").help("an experiment without `grow` lines withholds none")
        );
    }
    train.sort_unstable();
    let mut order = train.clone();
    permute(run_seed, Purpose::Gate, 0, &mut order);
    let gate = order[..count].to_vec();
    let mut withheld = gate.clone();
    withheld.sort_unstable();
    train.retain(|row| withheld.binary_search(row).is_err());
    Ok(gate)
}

fn plural(rows: usize) -> &'static str {
    if rows == 1 { "row" } else { "rows" }
}
