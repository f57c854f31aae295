//! Products with a long sum and a small C, such as the gradient of a weight: parts of the sum are computed side by
//! side into private copies of C, which are then added in a fixed order. The number of parts belongs to the plan, so
//! the result does not depend on the number of threads.

use super::epilogue::Epilogue;
use super::plan::{GemmPlan, Runner};
use super::tile::TileEnd;
use crate::cpu::instruction_set::Shared;
use crate::cpu::workers::Team;

/// Fewer tiles of C than this leave threads without work.
const FEW_TILES: usize = 16;
/// Steps of the sum in one part, at least.
const PART_STEPS: usize = 512;
/// Parts, at most.
const MOST_PARTS: usize = 8;

/// In how many parts the plan sums `k` steps for `tiles` tiles of C.
pub(super) fn splits(tiles: usize, k: usize, parallel: bool) -> usize {
    if parallel && tiles < FEW_TILES { (k / PART_STEPS).clamp(1, MOST_PARTS) } else { 1 }
}

/// Floats for the private copies of C.
pub(super) fn floats(plan: &GemmPlan) -> usize {
    if plan.splits > 1 { plan.splits * part_floats(plan) } else { 0 }
}

fn part_floats(plan: &GemmPlan) -> usize {
    (plan.m * plan.n).next_multiple_of(16)
}

/// Computes the parts and adds them.
///
/// # Safety
/// As [`GemmPlan::run`]; the workspace holds `scratch` floats for each thread, then [`floats`].
#[allow(clippy::too_many_arguments)]
pub(super) unsafe fn run(
    plan: &GemmPlan,
    a: *const f32,
    b: *const f32,
    c: *mut f32,
    epilogue: &Epilogue,
    workspace: *mut f32,
    scratch: usize,
    team: &dyn Team,
) {
    let parts = workspace.wrapping_add(scratch * team.threads());
    let steps = plan.k.div_ceil(plan.splits);
    let shared = Shared::new((a, b, workspace, parts));
    team.run_on_threads(plan.splits, &|part, thread| {
        let (a, b, workspace, parts) = shared.get();
        let range = (part * steps).min(plan.k)..((part + 1) * steps).min(plan.k);
        let c = parts.wrapping_add(part * part_floats(plan));
        // SAFETY: every part has its own copy of C and every thread its own scratch.
        unsafe { plan.range(range, a, b, c, plan.n, &Epilogue::NONE, workspace.wrapping_add(thread * scratch), Runner::Here(thread)) };
    });
    for row in 0..plan.m {
        let end = TileEnd::new(epilogue, row, 0, true, true);
        for column in 0..plan.n {
            let mut sum = 0.0f32;
            for part in 0..plan.splits {
                // SAFETY: the parts are complete and m × n each.
                sum += unsafe { *parts.add(part * part_floats(plan) + row * plan.n + column) };
            }
            // SAFETY: C, bias and gate hold this element where not null; `end` starts at this row.
            unsafe { finish(&end, sum, c.add(row * plan.c_row + column), column) };
        }
    }
}

/// The epilogue for one element.
///
/// # Safety
/// `c` and the vectors in `end` are valid for the element.
unsafe fn finish(end: &TileEnd, sum: f32, c: *mut f32, column: usize) {
    let mut value = sum * end.scale;
    // SAFETY: the caller's promise.
    unsafe {
        if end.accumulate {
            value += *c;
        }
        if !end.bias_columns.is_null() {
            value += *end.bias_columns.add(column);
        }
        if !end.bias_rows.is_null() {
            value += *end.bias_rows;
        }
        if end.relu && value <= 0.0 {
            value = 0.0;
        }
        if !end.gate.is_null() {
            let open = *end.gate.add(column) > 0.0;
            value = if open { value } else { 0.0 };
        }
        *c = value;
    }
}
