//! How a kernel's rows are divided over threads: in one piece unless they are worth the handing out.
use esper_codegen::{Instruction, Kernel};
use esper_ir::Prim;
use std::ops::Range;

/// Pieces start at multiples of this many rows, the widest block that compiled code takes in one turn.
const ALIGNMENT: usize = 16;
/// Nanoseconds of work that are worth another thread.
const WORTH_A_THREAD: f64 = 10_000.0;

/// Consecutive pieces of a kernel's rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slices {
    rows: usize,
    each: usize,
}

impl Slices {
    /// How many pieces.
    pub fn count(&self) -> usize {
        self.rows.div_ceil(self.each.max(1))
    }
    /// The rows of a piece.
    pub fn rows(&self, slice: usize) -> Range<usize> {
        slice * self.each..((slice + 1) * self.each).min(self.rows)
    }
}

/// Divides a kernel's rows for so many threads. Results do not depend on it.
pub fn slices(kernel: &Kernel, threads: usize) -> Slices {
    let rows = kernel.row_count();
    let cost = rows as f64 * nanoseconds_per_row(kernel);
    let wanted = ((cost / WORTH_A_THREAD) as usize).clamp(1, threads.max(1));
    let each = rows.div_ceil(wanted);
    // Where rows are few and long, each is a piece's worth of work by itself.
    let each = if each >= ALIGNMENT { each.next_multiple_of(ALIGNMENT) } else { each };
    Slices { rows, each: each.max(1) }
}

/// About what a row takes on one thread.
fn nanoseconds_per_row(kernel: &Kernel) -> f64 {
    let of_stage = |stage: &esper_codegen::Stage| {
        let positions: usize = stage.inner.iter().product();
        let each: f64 = stage.instructions.iter().map(nanoseconds).sum();
        (each + 0.2 * stage.stores.len() as f64 + 0.1 * stage.reductions.len() as f64) * positions as f64
    };
    1.0 + kernel.stages.iter().map(of_stage).sum::<f64>()
}

/// About what an instruction takes for one element.
fn nanoseconds(instruction: &Instruction) -> f64 {
    match instruction {
        Instruction::Load { guards, .. } if guards.is_empty() => 0.2,
        Instruction::Load { .. } => 1.0,
        Instruction::Random { .. } => 5.0,
        Instruction::Apply(Prim::Pow, ..) => 15.0,
        Instruction::Apply(Prim::ErfInv, ..) => 4.0,
        Instruction::Apply(Prim::Exp | Prim::Log | Prim::Sin | Prim::Cos | Prim::Tanh | Prim::Erf, ..) => 1.5,
        Instruction::Apply(Prim::Div | Prim::Sqrt | Prim::Rsqrt | Prim::Reciprocal | Prim::Rem, ..) => 0.5,
        _ => 0.1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_cover_all_rows_once() {
        for (rows, each) in [(0, 1), (1, 1), (100, 48), (96, 48), (97, 48)] {
            let slices = Slices { rows, each };
            let all: Vec<usize> = (0..slices.count()).flat_map(|s| slices.rows(s)).collect();
            assert_eq!(all, (0..rows).collect::<Vec<_>>());
        }
    }
}
