//! The tile kernel in plain Rust, for processors without a kernel of their own.

use super::tile::{Tile, TileEnd, TileKernel};

const LANES: usize = 8;

/// Kernels by vectors - 1 and rows - 1.
pub(super) const KERNELS: [[TileKernel; 4]; 2] =
    [[tile::<1, 1>, tile::<2, 1>, tile::<3, 1>, tile::<4, 1>], [tile::<1, 2>, tile::<2, 2>, tile::<3, 2>, tile::<4, 2>]];

/// One tile of `ROWS` rows and up to `VECTORS` · 8 columns.
///
/// # Safety
/// As [`TileKernel`]; B is never read past `columns`.
unsafe fn tile<const ROWS: usize, const VECTORS: usize>(tile: &Tile, end: &TileEnd) {
    let mut sums = [[[0.0f32; LANES]; VECTORS]; ROWS];
    for outer in 0..tile.outer as isize {
        let mut a = tile.a.wrapping_offset(outer * tile.a_outer);
        let mut b = tile.b.wrapping_offset(outer * tile.b_outer);
        for _ in 0..tile.inner {
            let mut row_of_b = [[0.0f32; LANES]; VECTORS];
            for column in 0..tile.columns.min(VECTORS * LANES) {
                // SAFETY: within the tile's columns of B.
                row_of_b[column / LANES][column % LANES] = unsafe { *b.add(column) };
            }
            for (row, sums) in sums.iter_mut().enumerate() {
                // SAFETY: within the tile's rows of A.
                let x = unsafe { *a.offset(row as isize * tile.a_row) };
                for (sums, b) in sums.iter_mut().zip(&row_of_b) {
                    for (sum, b) in sums.iter_mut().zip(b) {
                        *sum += x * b;
                    }
                }
            }
            a = a.wrapping_offset(tile.a_inner);
            b = b.wrapping_offset(tile.b_inner);
        }
    }
    for (row, sums) in sums.iter().enumerate() {
        for column in 0..tile.columns {
            let mut value = sums[column / LANES][column % LANES] * end.scale;
            // SAFETY: bias, gate and C hold the tile's rows and columns where they are not null.
            unsafe {
                let c = tile.c.add(row * tile.c_row + column);
                if end.accumulate {
                    value += *c;
                }
                if !end.bias_columns.is_null() {
                    value += *end.bias_columns.add(column);
                }
                if !end.bias_rows.is_null() {
                    value += *end.bias_rows.add(row);
                }
                if end.relu && value <= 0.0 {
                    value = 0.0;
                }
                if !end.gate.is_null() && !gate_is_open(*end.gate.add(row * end.gate_row + column)) {
                    value = 0.0;
                }
                *c = value;
            }
        }
    }
}

/// Whether the gradient passes: NaN, as zero, closes the gate.
fn gate_is_open(value: f32) -> bool {
    value > 0.0
}
