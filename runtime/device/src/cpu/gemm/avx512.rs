//! The tile kernels for AVX-512: up to 14 rows of one or two vectors of 16 columns, 28 of the 32 registers as sums.

use super::tile::{Tile, TileEnd, TileKernel, unrolled};
use std::arch::x86_64::*;

macro_rules! by_rows {
    ($vectors:literal, $unit:literal, $masked:literal) => {
        [
            tile::<1, $vectors, $unit, $masked>,
            tile::<2, $vectors, $unit, $masked>,
            tile::<3, $vectors, $unit, $masked>,
            tile::<4, $vectors, $unit, $masked>,
            tile::<5, $vectors, $unit, $masked>,
            tile::<6, $vectors, $unit, $masked>,
            tile::<7, $vectors, $unit, $masked>,
            tile::<8, $vectors, $unit, $masked>,
            tile::<9, $vectors, $unit, $masked>,
            tile::<10, $vectors, $unit, $masked>,
            tile::<11, $vectors, $unit, $masked>,
            tile::<12, $vectors, $unit, $masked>,
            tile::<13, $vectors, $unit, $masked>,
            tile::<14, $vectors, $unit, $masked>,
        ]
    };
}

/// Kernels by vectors - 1, unit, masked and rows - 1.
pub(super) static KERNELS: [[[[TileKernel; 14]; 2]; 2]; 2] = [
    [[by_rows!(1, false, false), by_rows!(1, false, true)], [by_rows!(1, true, false), by_rows!(1, true, true)]],
    [[by_rows!(2, false, false), by_rows!(2, false, true)], [by_rows!(2, true, false), by_rows!(2, true, true)]],
];

/// One tile of `ROWS` rows and up to `VECTORS` · 16 columns.
///
/// # Safety
/// As [`TileKernel`]; needs AVX-512 F.
#[target_feature(enable = "avx512f")]
unsafe fn tile<const ROWS: usize, const VECTORS: usize, const UNIT: bool, const MASKED: bool>(tile: &Tile, end: &TileEnd) {
    let mut masks = [0xffff as __mmask16; VECTORS];
    for (vector, mask) in masks.iter_mut().enumerate() {
        let columns = tile.columns.saturating_sub(vector * 16).min(16);
        *mask = ((1u32 << columns) - 1) as __mmask16;
    }
    let row_stride = if UNIT { 1 } else { tile.a_row };
    let mut sums = [[_mm512_setzero_ps(); VECTORS]; ROWS];
    unrolled!(row below ROWS => {
        unrolled!(vector below VECTORS => {
            _mm_prefetch::<_MM_HINT_T0>(tile.c.wrapping_add(row * tile.c_row + vector * 16) as *const i8);
        });
    });
    for outer in 0..tile.outer as isize {
        let mut a = tile.a.wrapping_offset(outer * tile.a_outer);
        let mut b = tile.b.wrapping_offset(outer * tile.b_outer);
        for _ in 0..tile.inner {
            let mut right = [_mm512_setzero_ps(); VECTORS];
            unrolled!(vector below VECTORS => {
                let from = b.wrapping_add(vector * 16);
                // SAFETY: the caller promises whole vectors of B, or the columns in the mask.
                right[vector] = unsafe { if MASKED { _mm512_maskz_loadu_ps(masks[vector], from) } else { _mm512_loadu_ps(from) } };
            });
            unrolled!(row below ROWS => {
                // Bases three rows apart leave every address as base + {0, 1, 2} · stride, which one instruction can
                // form: few registers.
                let base = a.wrapping_offset((row / 3 * 3) as isize * row_stride);
                // SAFETY: the caller promises this element of A.
                let left = _mm512_set1_ps(unsafe { *base.wrapping_offset((row % 3) as isize * row_stride) });
                unrolled!(vector below VECTORS => {
                    sums[row][vector] = _mm512_fmadd_ps(left, right[vector], sums[row][vector]);
                });
            });
            a = a.wrapping_offset(tile.a_inner);
            b = b.wrapping_offset(tile.b_inner);
        }
    }
    let scale = _mm512_set1_ps(end.scale);
    if end.is_plain() {
        unrolled!(row below ROWS => {
            unrolled!(vector below VECTORS => {
                let mask = masks[vector];
                let c = tile.c.wrapping_add(row * tile.c_row + vector * 16);
                let mut value = _mm512_mul_ps(sums[row][vector], scale);
                // SAFETY: masked to the tile's columns of C, which the caller promises.
                unsafe {
                    if end.accumulate {
                        value = _mm512_add_ps(value, _mm512_maskz_loadu_ps(mask, c));
                    }
                    _mm512_mask_storeu_ps(c, mask, value);
                }
            });
        });
        return;
    }
    // The rest is a loop, so that the many kernels stay small: the sums go through the stack.
    let zero = _mm512_setzero_ps();
    let mut spilled = [[_mm512_setzero_ps(); VECTORS]; ROWS];
    unrolled!(row below ROWS => {
        unrolled!(vector below VECTORS => {
            spilled[row][vector] = _mm512_mul_ps(sums[row][vector], scale);
        });
    });
    for (row, sums) in std::hint::black_box(&spilled).iter().enumerate() {
        for (vector, sum) in sums.iter().enumerate() {
            let (mask, column, mut value) = (masks[vector], vector * 16, *sum);
            let c = tile.c.wrapping_add(row * tile.c_row + column);
            // SAFETY: masked to the tile's columns, whose C, bias and gate the caller promises where not null.
            unsafe {
                if end.accumulate {
                    value = _mm512_add_ps(value, _mm512_maskz_loadu_ps(mask, c));
                }
                if !end.bias_columns.is_null() {
                    value = _mm512_add_ps(value, _mm512_maskz_loadu_ps(mask, end.bias_columns.add(column)));
                }
                if !end.bias_rows.is_null() {
                    value = _mm512_add_ps(value, _mm512_set1_ps(*end.bias_rows.add(row)));
                }
                if end.relu {
                    // With NaN the instruction returns its second operand.
                    value = _mm512_max_ps(zero, value);
                }
                if !end.gate.is_null() {
                    let gate = _mm512_maskz_loadu_ps(mask, end.gate.add(row * end.gate_row + column));
                    value = _mm512_maskz_mov_ps(_mm512_cmp_ps_mask::<_CMP_GT_OQ>(gate, zero), value);
                }
                _mm512_mask_storeu_ps(c, mask, value);
            }
        }
    }
}
