//! The tile kernels for AVX2 with FMA: up to 6 rows of two vectors or 12 rows of one vector of 8 columns, 12 of the
//! 16 registers as sums.

use super::tile::{Tile, TileEnd, TileKernel, unrolled};
use std::arch::x86_64::*;

macro_rules! up_to_6_rows {
    ($unit:literal, $masked:literal) => {
        [
            tile::<1, 2, $unit, $masked>,
            tile::<2, 2, $unit, $masked>,
            tile::<3, 2, $unit, $masked>,
            tile::<4, 2, $unit, $masked>,
            tile::<5, 2, $unit, $masked>,
            tile::<6, 2, $unit, $masked>,
        ]
    };
}

macro_rules! up_to_12_rows {
    ($unit:literal, $masked:literal) => {
        [
            tile::<1, 1, $unit, $masked>,
            tile::<2, 1, $unit, $masked>,
            tile::<3, 1, $unit, $masked>,
            tile::<4, 1, $unit, $masked>,
            tile::<5, 1, $unit, $masked>,
            tile::<6, 1, $unit, $masked>,
            tile::<7, 1, $unit, $masked>,
            tile::<8, 1, $unit, $masked>,
            tile::<9, 1, $unit, $masked>,
            tile::<10, 1, $unit, $masked>,
            tile::<11, 1, $unit, $masked>,
            tile::<12, 1, $unit, $masked>,
        ]
    };
}

/// Kernels of two vectors by unit, masked and rows - 1.
pub(super) static WIDE_KERNELS: [[[TileKernel; 6]; 2]; 2] =
    [[up_to_6_rows!(false, false), up_to_6_rows!(false, true)], [up_to_6_rows!(true, false), up_to_6_rows!(true, true)]];

/// Kernels of one vector by unit, masked and rows - 1.
pub(super) static NARROW_KERNELS: [[[TileKernel; 12]; 2]; 2] =
    [[up_to_12_rows!(false, false), up_to_12_rows!(false, true)], [up_to_12_rows!(true, false), up_to_12_rows!(true, true)]];

/// Eight lanes, the first `count` of them set.
#[target_feature(enable = "avx2")]
fn mask_of(count: usize) -> __m256i {
    _mm256_cmpgt_epi32(_mm256_set1_epi32(count.min(8) as i32), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))
}

/// One tile of `ROWS` rows and up to `VECTORS` · 8 columns.
///
/// # Safety
/// As [`TileKernel`]; needs AVX2 and FMA.
#[target_feature(enable = "avx2,fma")]
unsafe fn tile<const ROWS: usize, const VECTORS: usize, const UNIT: bool, const MASKED: bool>(tile: &Tile, end: &TileEnd) {
    let mut masks = [_mm256_setzero_si256(); VECTORS];
    for (vector, mask) in masks.iter_mut().enumerate() {
        *mask = mask_of(tile.columns.saturating_sub(vector * 8));
    }
    let row_stride = if UNIT { 1 } else { tile.a_row };
    let mut sums = [[_mm256_setzero_ps(); VECTORS]; ROWS];
    unrolled!(row below ROWS => {
        unrolled!(vector below VECTORS => {
            _mm_prefetch::<_MM_HINT_T0>(tile.c.wrapping_add(row * tile.c_row + vector * 8) as *const i8);
        });
    });
    for outer in 0..tile.outer as isize {
        let mut a = tile.a.wrapping_offset(outer * tile.a_outer);
        let mut b = tile.b.wrapping_offset(outer * tile.b_outer);
        for _ in 0..tile.inner {
            let mut right = [_mm256_setzero_ps(); VECTORS];
            unrolled!(vector below VECTORS => {
                let from = b.wrapping_add(vector * 8);
                // SAFETY: the caller promises whole vectors of B, or the columns in the mask.
                right[vector] = unsafe { if MASKED { _mm256_maskload_ps(from, masks[vector]) } else { _mm256_loadu_ps(from) } };
            });
            unrolled!(row below ROWS => {
                // Bases three rows apart leave every address as base + {0, 1, 2} · stride, which one instruction can
                // form: few registers.
                let base = a.wrapping_offset((row / 3 * 3) as isize * row_stride);
                // SAFETY: the caller promises this element of A.
                let left = _mm256_set1_ps(unsafe { *base.wrapping_offset((row % 3) as isize * row_stride) });
                unrolled!(vector below VECTORS => {
                    sums[row][vector] = _mm256_fmadd_ps(left, right[vector], sums[row][vector]);
                });
            });
            a = a.wrapping_offset(tile.a_inner);
            b = b.wrapping_offset(tile.b_inner);
        }
    }
    let scale = _mm256_set1_ps(end.scale);
    let whole = tile.columns == VECTORS * 8;
    if end.is_plain() {
        unrolled!(row below ROWS => {
            unrolled!(vector below VECTORS => {
                let mask = masks[vector];
                let c = tile.c.wrapping_add(row * tile.c_row + vector * 8);
                let mut value = _mm256_mul_ps(sums[row][vector], scale);
                // SAFETY: masked to the tile's columns of C, which the caller promises.
                unsafe {
                    if end.accumulate {
                        value = _mm256_add_ps(value, _mm256_maskload_ps(c, mask));
                    }
                    if whole {
                        _mm256_storeu_ps(c, value);
                    } else {
                        _mm256_maskstore_ps(c, mask, value);
                    }
                }
            });
        });
        return;
    }
    // The rest is a loop, so that the many kernels stay small: the sums go through the stack.
    let zero = _mm256_setzero_ps();
    let mut spilled = [[_mm256_setzero_ps(); VECTORS]; ROWS];
    unrolled!(row below ROWS => {
        unrolled!(vector below VECTORS => {
            spilled[row][vector] = _mm256_mul_ps(sums[row][vector], scale);
        });
    });
    for (row, sums) in std::hint::black_box(&spilled).iter().enumerate() {
        for (vector, sum) in sums.iter().enumerate() {
            let (mask, column, mut value) = (masks[vector], vector * 8, *sum);
            let c = tile.c.wrapping_add(row * tile.c_row + column);
            // SAFETY: masked to the tile's columns, whose C, bias and gate the caller promises where not null.
            unsafe {
                if end.accumulate {
                    value = _mm256_add_ps(value, _mm256_maskload_ps(c, mask));
                }
                if !end.bias_columns.is_null() {
                    value = _mm256_add_ps(value, _mm256_maskload_ps(end.bias_columns.add(column), mask));
                }
                if !end.bias_rows.is_null() {
                    value = _mm256_add_ps(value, _mm256_set1_ps(*end.bias_rows.add(row)));
                }
                if end.relu {
                    // With NaN the instruction returns its second operand.
                    value = _mm256_max_ps(zero, value);
                }
                if !end.gate.is_null() {
                    let gate = _mm256_maskload_ps(end.gate.add(row * end.gate_row + column), mask);
                    value = _mm256_and_ps(_mm256_cmp_ps::<_CMP_GT_OQ>(gate, zero), value);
                }
                if whole {
                    _mm256_storeu_ps(c, value);
                } else {
                    _mm256_maskstore_ps(c, mask, value);
                }
            }
        }
    }
}
