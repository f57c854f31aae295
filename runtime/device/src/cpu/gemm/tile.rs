//! The tile kernels: one tile of C in registers, its operands, and the choice of the kernel for a tile's size.

use super::epilogue::{Bias, Epilogue};
use super::portable;
use crate::cpu::instruction_set::InstructionSet;

/// The operands of one tile: `C[row][column] (+)= Σ_outer Σ_inner A · B`.
/// The sum has two levels so that a convolution can walk the rows of an image; a plain product has `outer = 1`.
#[derive(Copy, Clone)]
pub(crate) struct Tile {
    /// Element (0, 0) of A; consecutive rows are `a_row` floats apart, steps of the sum `a_inner` and `a_outer`.
    pub a: *const f32,
    pub a_row: isize,
    pub a_inner: isize,
    pub a_outer: isize,
    /// Element (0, 0) of B; its columns are contiguous, steps of the sum `b_inner` and `b_outer` floats apart.
    pub b: *const f32,
    pub b_inner: isize,
    pub b_outer: isize,
    pub inner: usize,
    pub outer: usize,
    /// Element (0, 0) of C; its columns are contiguous, its rows `c_row` floats apart.
    pub c: *mut f32,
    pub c_row: usize,
    /// Columns of C to write: at most the kernel's width, and more than its width less one vector.
    pub columns: usize,
}

/// `body` once for every index below `limit` (at most 14), written out: the compiler then sees constant indices and
/// keeps an array of sums in registers, which it does not do for a loop that it unrolls late.
macro_rules! unrolled {
    ($index:ident below $limit:ident => $body:block) => {
        unrolled!(@ $index $limit $body 0 1 2 3 4 5 6 7 8 9 10 11 12 13)
    };
    (@ $index:ident $limit:ident $body:block $($value:literal)*) => {
        $(if $value < $limit {
            let $index: usize = $value;
            $body
        })*
    };
}
#[cfg(target_arch = "x86_64")]
pub(super) use unrolled;

/// The epilogue as one tile sees it: pointers moved to the tile's first row and column, null where absent.
#[derive(Copy, Clone)]
pub(crate) struct TileEnd {
    pub scale: f32,
    pub accumulate: bool,
    pub relu: bool,
    pub bias_columns: *const f32,
    pub bias_rows: *const f32,
    pub gate: *const f32,
    pub gate_row: usize,
}

impl TileEnd {
    /// Whether the product is only scaled, added to C or stored: no bias, activation or gate.
    #[inline(always)]
    pub fn is_plain(&self) -> bool {
        !self.relu && self.bias_columns.is_null() && self.bias_rows.is_null() && self.gate.is_null()
    }

    /// The epilogue for the tile at (`row`, `column`) in the block of the sum that is `first`, `last` or both:
    /// the first decides whether C is read, the last applies everything but the scale.
    pub fn new(epilogue: &Epilogue, row: usize, column: usize, first: bool, last: bool) -> TileEnd {
        let mut end = TileEnd {
            scale: epilogue.scale,
            accumulate: epilogue.accumulate || !first,
            relu: false,
            bias_columns: std::ptr::null(),
            bias_rows: std::ptr::null(),
            gate: std::ptr::null(),
            gate_row: 0,
        };
        if last {
            end.relu = epilogue.relu;
            match epilogue.bias {
                Bias::None => {}
                Bias::Columns(bias) => end.bias_columns = bias.wrapping_add(column),
                Bias::Rows(bias) => end.bias_rows = bias.wrapping_add(row),
            }
            if let Some(gate) = epilogue.gate {
                end.gate = gate.values.wrapping_add(row * gate.row_stride + column);
                end.gate_row = gate.row_stride;
            }
        }
        end
    }
}

/// A kernel for a fixed number of rows and vectors.
///
/// # Safety
/// The processor has the kernel's instruction set; every element of A, B, C, bias and gate that the tile names is
/// valid memory, C for writing and not shared with another thread. B is read in full vectors unless the kernel
/// was chosen as masked.
pub(crate) type TileKernel = unsafe fn(&Tile, &TileEnd);

/// The greatest number of rows of a tile whose width is `vectors` vectors (1 or 2).
pub(crate) fn most_rows(set: InstructionSet, vectors: usize) -> usize {
    match (set, vectors) {
        (InstructionSet::Avx512, _) => 14,
        (InstructionSet::Avx2, 1) => 12,
        (InstructionSet::Avx2, _) => 6,
        (InstructionSet::Portable, _) => 4,
    }
}

/// Floats in one vector.
pub(crate) fn lanes(set: InstructionSet) -> usize {
    match set {
        InstructionSet::Avx512 => 16,
        InstructionSet::Avx2 => 8,
        InstructionSet::Portable => 8,
    }
}

/// The kernel for tiles of `rows` rows and up to `vectors` vectors of columns.
/// `unit`: the rows of A are next to each other (`a_row == 1`). `masked`: B may end after `columns` columns.
pub(crate) fn kernel(set: InstructionSet, rows: usize, vectors: usize, unit: bool, masked: bool) -> TileKernel {
    debug_assert!(rows >= 1 && (1..=2).contains(&vectors) && rows <= most_rows(set, vectors), "{rows} × {vectors}");
    match set {
        #[cfg(target_arch = "x86_64")]
        InstructionSet::Avx512 => super::avx512::KERNELS[vectors - 1][unit as usize][masked as usize][rows - 1],
        #[cfg(target_arch = "x86_64")]
        InstructionSet::Avx2 if vectors == 1 => super::avx2::NARROW_KERNELS[unit as usize][masked as usize][rows - 1],
        #[cfg(target_arch = "x86_64")]
        InstructionSet::Avx2 => super::avx2::WIDE_KERNELS[unit as usize][masked as usize][rows - 1],
        _ => portable::KERNELS[vectors - 1][rows - 1],
    }
}
