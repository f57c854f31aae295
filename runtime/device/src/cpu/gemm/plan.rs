//! The plan of a matrix product: every choice that depends on sizes, made once, and its execution.

use super::epilogue::Epilogue;
use super::pack;
use super::split_k;
use super::tile::{Tile, TileEnd, kernel, lanes, most_rows};
use crate::cpu::instruction_set::{InstructionSet, Shared};
use crate::cpu::workers::Team;
use std::ops::Range;

/// Products of fewer multiply-adds than this run on the calling thread.
const PARALLEL_FROM: usize = 1 << 20;
/// Tasks that a parallel product is cut into, at least, where its size allows.
const TASKS: usize = 8;
/// Steps of the sum in one cache block: a panel of B stays in the first-level cache.
const MOST_STEPS: usize = 384;
/// Columns in one cache block: the packed block of B stays in the last-level cache.
const MOST_COLUMNS: usize = 2048;
/// Floats of one packed block of A: about half of a 512 KiB second-level cache.
const MOST_LEFT_FLOATS: usize = 64 * 1024;

/// How a matrix lies in memory: floats from one row, and from one column, to the next. A transposed operand has its
/// strides exchanged.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Strides {
    /// From element (i, j) to (i + 1, j).
    pub row: isize,
    /// From element (i, j) to (i, j + 1).
    pub column: isize,
}

impl Strides {
    /// A matrix of `columns` columns stored row after row.
    pub fn row_major(columns: usize) -> Strides {
        Strides { row: columns as isize, column: 1 }
    }

    /// The transpose of a matrix with `rows` columns stored row after row: rows are contiguous columns here.
    pub fn column_major(rows: usize) -> Strides {
        Strides { row: 1, column: rows as isize }
    }
}

/// How to compute C\[m × n\] = epilogue(A\[m × k\] · B\[k × n\]) for fixed sizes and layouts. C's columns are contiguous.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GemmPlan {
    pub(super) m: usize,
    pub(super) n: usize,
    pub(super) k: usize,
    a: Strides,
    b: Strides,
    pub(super) c_row: usize,
    set: InstructionSet,
    /// Rows and vectors of a tile, and the columns those vectors make.
    tile_rows: usize,
    tile_vectors: usize,
    tile_columns: usize,
    pack_a: bool,
    pack_b: bool,
    /// Extents of a cache block.
    block_rows: usize,
    block_columns: usize,
    block_steps: usize,
    /// Columns of one task within a cache block.
    task_columns: usize,
    /// Parts of k that are summed on their own and added in order; 1: none.
    pub(super) splits: usize,
    pub(super) parallel: bool,
}

/// Where the slices of a product run.
#[derive(Copy, Clone)]
pub(super) enum Runner<'a> {
    /// On the calling thread, which has this index for its scratch memory.
    Here(usize),
    /// On all threads.
    Team(&'a dyn Team),
}

impl Runner<'_> {
    fn run(&self, slices: usize, task: &(dyn Fn(usize, usize) + Sync)) {
        match self {
            Runner::Here(thread) => (0..slices).for_each(|slice| task(slice, *thread)),
            Runner::Team(team) => team.run_on_threads(slices, task),
        }
    }
}

/// `total` cut into equal parts of at most `most`, each a multiple of `unit` (the last part may be shorter).
fn even_part(total: usize, most: usize, unit: usize) -> usize {
    let parts = total.div_ceil(most.max(1)).max(1);
    total.div_ceil(parts).next_multiple_of(unit).max(unit)
}

impl GemmPlan {
    /// The plan for this processor. `c_row_stride` is the number of floats between rows of C, at least `n`.
    pub fn new(m: usize, n: usize, k: usize, a: Strides, b: Strides, c_row_stride: usize) -> GemmPlan {
        GemmPlan::for_instruction_set(InstructionSet::detect(), m, n, k, a, b, c_row_stride)
    }

    /// The plan for an instruction set that this processor has; panics if it has not.
    pub fn for_instruction_set(set: InstructionSet, m: usize, n: usize, k: usize, a: Strides, b: Strides, c_row_stride: usize) -> GemmPlan {
        assert!(set.is_available(), "this processor does not support {set:?}");
        assert!(m <= 1 || c_row_stride >= n, "rows of C overlap: stride {c_row_stride} for {n} columns");
        let lanes = lanes(set);
        let tile_vectors = if n <= lanes { 1 } else { 2 };
        let tile_columns = tile_vectors * lanes;
        let tile_rows = even_part(m, most_rows(set, tile_vectors), 1);
        let (row_tiles, column_tiles) = (m.div_ceil(tile_rows), n.div_ceil(tile_columns));
        let parallel = m.saturating_mul(n).saturating_mul(k) >= PARALLEL_FROM;
        let block_steps = even_part(k, MOST_STEPS, 8);

        // Rows of the source that are a multiple of 1 KiB apart fall into few sets of the first-level cache.
        let conflicts = |stride: isize| stride.unsigned_abs() % 256 == 0;
        let b_rows_are_vectors = b.column == 1 || n == 1;
        // Masked loads at the edge cost more than plain ones on AVX2.
        let ragged = n % lanes != 0 && set != InstructionSet::Avx512;
        let pack_b = !b_rows_are_vectors
            || (row_tiles >= 2 && k >= 16 && conflicts(b.row))
            || (row_tiles >= 3 && ragged)
            || (row_tiles >= 6 && n * k > 16 * 1024);
        let pack_a = if a.row == 1 {
            column_tiles >= 2 && k >= 16 && (conflicts(a.column) || m * k > 16 * 1024)
        } else {
            // A copy costs as much as some tens of vectors per element of A.
            n >= 256 || (column_tiles >= 4 && conflicts(a.row) && set == InstructionSet::Avx512)
        };

        let splits = split_k::splits(row_tiles * column_tiles, k, parallel);
        let mut most_rows_of_block = (MOST_LEFT_FLOATS / block_steps.max(1)).max(tile_rows);
        let block_columns = even_part(n, MOST_COLUMNS, tile_columns);
        let mut task_columns = block_columns;
        if parallel && splits == 1 {
            // Rows first, down to four tiles; then columns, down to two.
            most_rows_of_block = most_rows_of_block.min(m.div_ceil(TASKS).max(4 * tile_rows));
            let row_blocks = m.div_ceil(even_part(m, most_rows_of_block, tile_rows));
            let column_tasks = TASKS.div_ceil(row_blocks).min(block_columns.div_ceil(2 * tile_columns)).max(1);
            task_columns = block_columns.div_ceil(column_tasks).next_multiple_of(tile_columns);
        }
        let block_rows = even_part(m, most_rows_of_block, tile_rows);
        GemmPlan {
            m,
            n,
            k,
            a,
            b,
            c_row: c_row_stride,
            set,
            tile_rows,
            tile_vectors,
            tile_columns,
            pack_a,
            pack_b,
            block_rows,
            block_columns,
            block_steps,
            task_columns,
            splits,
            parallel,
        }
    }

    /// Floats of scratch memory that [`GemmPlan::run`] needs with `threads` threads.
    pub fn workspace_floats(&self, threads: usize) -> usize {
        let threads = if self.parallel { threads.max(1) } else { 1 };
        let right = self.right_floats() * if self.splits > 1 { threads } else { 1 };
        let floats = right + self.left_floats() * threads + split_k::floats(self);
        // Room to align the start to a cache line.
        if floats == 0 { 0 } else { floats + 16 }
    }

    /// Floats of one packed block of B.
    fn right_floats(&self) -> usize {
        if self.pack_b { (self.block_steps * self.block_columns + pack::SLACK).next_multiple_of(16) } else { 0 }
    }

    /// Floats of one packed block of A.
    fn left_floats(&self) -> usize {
        if self.pack_a { (self.block_steps * self.block_rows + pack::SLACK).next_multiple_of(16) } else { 0 }
    }

    /// Computes the product.
    ///
    /// # Safety
    /// A, B, C, and the epilogue's vectors and gate are valid for the plan's sizes and strides, `workspace` for
    /// [`GemmPlan::workspace_floats`] of `team.threads()` floats. C and the workspace overlap nothing else here
    /// (the gate may be C itself) and nobody else uses them meanwhile.
    pub unsafe fn run(&self, a: *const f32, b: *const f32, c: *mut f32, epilogue: &Epilogue, workspace: *mut f32, team: &dyn Team) {
        if self.m == 0 || self.n == 0 {
            return;
        }
        let workspace = workspace.wrapping_add(workspace.align_offset(64).min(15));
        let runner = if self.parallel { Runner::Team(team) } else { Runner::Here(0) };
        if self.splits > 1 {
            let scratch = self.right_floats() + self.left_floats();
            // SAFETY: the caller's promise; the workspace holds `scratch` floats for each thread and then the parts.
            unsafe { split_k::run(self, a, b, c, epilogue, workspace, scratch, team) };
        } else {
            // SAFETY: the caller's promise.
            unsafe { self.range(0..self.k, a, b, c, self.c_row, epilogue, workspace, runner) };
        }
    }

    /// As [`GemmPlan::run`], on slices. Panics if one is too short for the plan (strides must not be negative).
    pub fn run_on_slices(&self, a: &[f32], b: &[f32], c: &mut [f32], workspace: &mut [f32], team: &dyn Team) {
        let needed = |rows: usize, columns: usize, strides: Strides| {
            assert!(strides.row >= 0 && strides.column >= 0, "negative strides");
            if rows == 0 || columns == 0 { 0 } else { (rows - 1) * strides.row as usize + (columns - 1) * strides.column as usize + 1 }
        };
        assert!(a.len() >= needed(self.m, self.k, self.a), "A is too short");
        assert!(b.len() >= needed(self.k, self.n, self.b), "B is too short");
        assert!(c.len() >= needed(self.m, self.n, Strides { row: self.c_row as isize, column: 1 }), "C is too short");
        assert!(workspace.len() >= self.workspace_floats(team.threads()), "the workspace is too short");
        // SAFETY: lengths are checked above, and exclusive borrows overlap nothing.
        unsafe { self.run(a.as_ptr(), b.as_ptr(), c.as_mut_ptr(), &Epilogue::NONE, workspace.as_mut_ptr(), team) };
    }

    /// The product over the steps `steps` of the sum, stored at `c` with rows `c_row` apart.
    ///
    /// # Safety
    /// As [`GemmPlan::run`]; the workspace holds one packed block of B and then one of A per thread.
    #[allow(clippy::too_many_arguments)]
    pub(super) unsafe fn range(
        &self,
        steps: Range<usize>,
        a: *const f32,
        b: *const f32,
        c: *mut f32,
        c_row: usize,
        epilogue: &Epilogue,
        workspace: *mut f32,
        runner: Runner<'_>,
    ) {
        let packed_b = workspace;
        // A single caller's scratch block is the first one, whatever its index is.
        let packed_a = workspace.wrapping_add(self.right_floats());
        let first_thread = if let Runner::Here(thread) = runner { thread } else { 0 };
        let shared = Shared::new((a, b, c, packed_a, packed_b));
        for column in (0..self.n).step_by(self.block_columns) {
            let columns = self.block_columns.min(self.n - column);
            let mut step = steps.start;
            loop {
                let count = self.block_steps.min(steps.end - step);
                if self.pack_b {
                    let panels = columns.div_ceil(self.tile_columns);
                    let group = panels.div_ceil(TASKS).max(1);
                    runner.run(panels.div_ceil(group), &|slice, _| {
                        for panel in slice * group..panels.min((slice + 1) * group) {
                            let from = column + panel * self.tile_columns;
                            let (_, b, _, _, packed_b) = shared.get();
                            // SAFETY: the panel's columns of B, into its own part of the packed block. Its width is a
                            // multiple of eight, so that nothing spills into the next panel.
                            unsafe {
                                pack::panel(
                                    self.set,
                                    b.wrapping_offset(step as isize * self.b.row + from as isize * self.b.column),
                                    self.b.row,
                                    self.b.column,
                                    count,
                                    self.tile_columns.min(self.n - from),
                                    packed_b.add(panel * self.tile_columns * count),
                                    self.tile_columns,
                                )
                            };
                        }
                    });
                }
                let row_blocks = self.m.div_ceil(self.block_rows);
                let column_tasks = columns.div_ceil(self.task_columns);
                runner.run(row_blocks * column_tasks, &|slice, thread| {
                    let row = slice / column_tasks * self.block_rows;
                    let from = column + slice % column_tasks * self.task_columns;
                    let block = Block {
                        rows: row..self.m.min(row + self.block_rows),
                        columns: from..(column + columns).min(from + self.task_columns),
                        packed_from: column,
                        steps: step..step + count,
                        first: step == steps.start,
                        last: step + count == steps.end,
                    };
                    let (a, b, c, packed_a, packed_b) = shared.get();
                    let packed_a = packed_a.wrapping_add((thread - first_thread) * self.left_floats());
                    // SAFETY: blocks of different slices cover different rows or columns of C.
                    unsafe { self.block(&block, a, b, c, c_row, epilogue, packed_a, packed_b) };
                });
                step += count;
                if step >= steps.end {
                    break;
                }
            }
        }
    }

    /// One cache block of C.
    ///
    /// # Safety
    /// As [`GemmPlan::range`], for the block's part of C.
    #[allow(clippy::too_many_arguments)]
    unsafe fn block(
        &self,
        block: &Block,
        a: *const f32,
        b: *const f32,
        c: *mut f32,
        c_row: usize,
        epilogue: &Epilogue,
        packed_a: *mut f32,
        packed_b: *const f32,
    ) {
        let (steps, first_step) = (block.steps.len(), block.steps.start as isize);
        if self.pack_a {
            for row in block.rows.clone().step_by(self.tile_rows) {
                let rows = self.tile_rows.min(block.rows.end - row);
                // SAFETY: the tile's rows of A, into this thread's block; tiles are packed in order, so that what one
                // spills past its end the next one overwrites.
                unsafe {
                    pack::panel(
                        self.set,
                        a.wrapping_offset(row as isize * self.a.row + first_step * self.a.column),
                        self.a.column,
                        self.a.row,
                        steps,
                        rows,
                        packed_a.add((row - block.rows.start) * steps),
                        rows,
                    )
                };
            }
        }
        let unit = self.pack_a || self.a.row == 1;
        let lanes = self.tile_columns / self.tile_vectors;
        for column in block.columns.clone().step_by(self.tile_columns) {
            let columns = self.tile_columns.min(block.columns.end - column);
            let vectors = columns.div_ceil(lanes);
            let masked = !self.pack_b && columns < vectors * lanes;
            let (b, b_inner) = if self.pack_b {
                (packed_b.wrapping_add((column - block.packed_from) * steps), self.tile_columns as isize)
            } else {
                (b.wrapping_offset(first_step * self.b.row + column as isize), self.b.row)
            };
            for row in block.rows.clone().step_by(self.tile_rows) {
                let rows = self.tile_rows.min(block.rows.end - row);
                let (a, a_row, a_inner) = if self.pack_a {
                    (packed_a.wrapping_add((row - block.rows.start) * steps) as *const f32, 1, rows as isize)
                } else {
                    (a.wrapping_offset(row as isize * self.a.row + first_step * self.a.column), self.a.row, self.a.column)
                };
                let tile = Tile {
                    a,
                    a_row,
                    a_inner,
                    a_outer: 0,
                    b,
                    b_inner,
                    b_outer: 0,
                    inner: steps,
                    outer: 1,
                    c: c.wrapping_add(row * c_row + column),
                    c_row,
                    columns,
                };
                let end = TileEnd::new(epilogue, row, column, block.first, block.last);
                // SAFETY: operands of this tile, as the caller promises; B is packed whole or the kernel is masked.
                unsafe { kernel(self.set, rows, vectors, unit, masked)(&tile, &end) };
            }
        }
    }
}

/// The part of a product that one task computes.
struct Block {
    rows: Range<usize>,
    columns: Range<usize>,
    /// The column at which the packed block of B starts.
    packed_from: usize,
    steps: Range<usize>,
    /// Whether these are the first and the last steps of the sum.
    first: bool,
    last: bool,
}
