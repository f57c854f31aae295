//! Packing: copies of operand blocks in the order in which the tile kernels read them.

use crate::cpu::instruction_set::InstructionSet;

/// Floats that a packing routine may write past the end of what it packs.
pub(crate) const SLACK: usize = 32;

/// How many steps before their copy rows that lie far apart are fetched: the processor does not foresee reads that
/// change pages. Fetching past the end of an operand is harmless.
#[cfg(target_arch = "x86_64")]
const AHEAD: usize = 16;

/// Copies `steps` × `width` elements so that element (step, lane) lies at `to[step * to_step + lane]`; lanes from
/// `width` up to `to_step` become zero where a whole panel is narrower than its step.
///
/// # Safety
/// `from.offset(step * step_stride + lane * lane_stride)` is readable for every element; `to` is writable for
/// `steps * to_step + SLACK` floats that nobody else uses; `width <= to_step <= 32`.
#[allow(clippy::too_many_arguments)]
pub(crate) unsafe fn panel(
    set: InstructionSet,
    from: *const f32,
    step_stride: isize,
    lane_stride: isize,
    steps: usize,
    width: usize,
    to: *mut f32,
    to_step: usize,
) {
    debug_assert!(width <= to_step && to_step <= 32);
    // SAFETY: the caller's promise covers all three; x86 routines run only where AVX2 is available.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        if set != InstructionSet::Portable {
            if lane_stride == 1 {
                return copied(from, step_stride, steps, width, to, to_step);
            }
            if step_stride == 1 && steps >= 8 {
                return transposed(from, lane_stride, steps, width, to, to_step);
            }
        }
        let _ = set;
        strided(from, step_stride, lane_stride, steps, width, to, to_step);
    }
}

/// # Safety
/// As [`panel`].
#[inline]
unsafe fn strided(from: *const f32, step_stride: isize, lane_stride: isize, steps: usize, width: usize, to: *mut f32, to_step: usize) {
    for step in 0..steps {
        let from = from.wrapping_offset(step as isize * step_stride);
        for lane in 0..to_step {
            // SAFETY: elements that the caller promises.
            unsafe {
                *to.add(step * to_step + lane) = if lane < width { *from.offset(lane as isize * lane_stride) } else { 0.0 };
            }
        }
    }
}

/// Lanes that are contiguous in the source: row copies.
///
/// # Safety
/// As [`panel`] with `lane_stride == 1`; needs AVX2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn copied(from: *const f32, step_stride: isize, steps: usize, width: usize, to: *mut f32, to_step: usize) {
    use std::arch::x86_64::*;
    let tail = width % 8;
    let mask = _mm256_cmpgt_epi32(_mm256_set1_epi32(tail as i32), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    for step in 0..steps {
        let from = from.wrapping_offset(step as isize * step_stride);
        // SAFETY: whole vectors lie within `width`, the masked one reads only what is left of it. A vector written past
        // `to_step` lands in the next step, which is written later, or in the slack.
        unsafe {
            let to = to.add(step * to_step);
            let ahead = from.wrapping_offset(AHEAD as isize * step_stride);
            _mm_prefetch::<_MM_HINT_T0>(ahead as *const i8);
            _mm_prefetch::<_MM_HINT_T0>(ahead.wrapping_add(16) as *const i8);
            if width == 32 {
                for vector in 0..4 {
                    _mm256_storeu_ps(to.add(vector * 8), _mm256_loadu_ps(from.add(vector * 8)));
                }
                continue;
            }
            let mut lane = 0;
            while lane + 8 <= width {
                _mm256_storeu_ps(to.add(lane), _mm256_loadu_ps(from.add(lane)));
                lane += 8;
            }
            if tail > 0 {
                _mm256_storeu_ps(to.add(lane), _mm256_maskload_ps(from.add(lane), mask));
                lane += 8;
            }
            while lane < to_step {
                _mm256_storeu_ps(to.add(lane), _mm256_setzero_ps());
                lane += 8;
            }
        }
    }
}

/// Steps that are contiguous in the source: transposes of 8 × 8 blocks in registers.
///
/// # Safety
/// As [`panel`] with `step_stride == 1`; needs AVX2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn transposed(from: *const f32, lane_stride: isize, steps: usize, width: usize, to: *mut f32, to_step: usize) {
    use std::arch::x86_64::*;
    let groups = to_step.div_ceil(8);
    // Lanes a multiple of 4 KiB apart share one set of the first-level cache: a cache line (16 steps) of eight lanes is
    // used up before the next eight come.
    for block in (0..steps).step_by(16) {
        // From the last group to the first: what a group writes past `to_step` lands at the start of the next step,
        // which the first group of this block, or the next block, writes afterwards.
        for group in (0..groups).rev() {
            for step in (block..steps.min(block + 16)).step_by(8) {
                let left = (steps - step).min(8);
                let mask = _mm256_cmpgt_epi32(_mm256_set1_epi32(left as i32), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
                let mut rows = [_mm256_setzero_ps(); 8];
                for (lane, row) in rows.iter_mut().enumerate() {
                    if group * 8 + lane < width {
                        let from = from.wrapping_offset((group * 8 + lane) as isize * lane_stride + step as isize);
                        if step == block {
                            _mm_prefetch::<_MM_HINT_T1>(from.wrapping_add(4 * AHEAD) as *const i8);
                        }
                        // SAFETY: `left` steps of a lane below `width`.
                        *row = unsafe { if left == 8 { _mm256_loadu_ps(from) } else { _mm256_maskload_ps(from, mask) } };
                    }
                }
                let rows = transpose_8x8(rows);
                for (offset, row) in rows.iter().enumerate().take(left) {
                    // SAFETY: within the panel, the next step or the slack.
                    unsafe { _mm256_storeu_ps(to.add((step + offset) * to_step + group * 8), *row) };
                }
            }
        }
    }
}

/// The transpose of an 8 × 8 matrix in registers.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
#[inline]
fn transpose_8x8(rows: [std::arch::x86_64::__m256; 8]) -> [std::arch::x86_64::__m256; 8] {
    use std::arch::x86_64::*;
    let [r0, r1, r2, r3, r4, r5, r6, r7] = rows;
    let (a0, a1) = (_mm256_unpacklo_ps(r0, r1), _mm256_unpackhi_ps(r0, r1));
    let (a2, a3) = (_mm256_unpacklo_ps(r2, r3), _mm256_unpackhi_ps(r2, r3));
    let (a4, a5) = (_mm256_unpacklo_ps(r4, r5), _mm256_unpackhi_ps(r4, r5));
    let (a6, a7) = (_mm256_unpacklo_ps(r6, r7), _mm256_unpackhi_ps(r6, r7));
    let (b0, b1) = (_mm256_shuffle_ps::<0x44>(a0, a2), _mm256_shuffle_ps::<0xee>(a0, a2));
    let (b2, b3) = (_mm256_shuffle_ps::<0x44>(a1, a3), _mm256_shuffle_ps::<0xee>(a1, a3));
    let (b4, b5) = (_mm256_shuffle_ps::<0x44>(a4, a6), _mm256_shuffle_ps::<0xee>(a4, a6));
    let (b6, b7) = (_mm256_shuffle_ps::<0x44>(a5, a7), _mm256_shuffle_ps::<0xee>(a5, a7));
    [
        _mm256_permute2f128_ps::<0x20>(b0, b4),
        _mm256_permute2f128_ps::<0x20>(b1, b5),
        _mm256_permute2f128_ps::<0x20>(b2, b6),
        _mm256_permute2f128_ps::<0x20>(b3, b7),
        _mm256_permute2f128_ps::<0x31>(b0, b4),
        _mm256_permute2f128_ps::<0x31>(b1, b5),
        _mm256_permute2f128_ps::<0x31>(b2, b6),
        _mm256_permute2f128_ps::<0x31>(b3, b7),
    ]
}
