//! Direct loops for groups of one input and one output channel, vectorised along the width.

use super::patches::SLACK;
use crate::cpu::instruction_set::multiversion;

const CHUNK: usize = 16;
const _: () = assert!(SLACK >= 2 * CHUNK);

multiversion! {
    /// One plane of windows: `to[r][c] = finish(Σ_t weights[t] · image[taps[t] + r · row_step + c])`, rows of `to`
    /// being `width` apart.
    ///
    /// # Safety
    /// `image` is a padded image with slack after it, `weights` holds `taps.len()` floats, `to` holds
    /// `height * width` floats.
    pub(super) unsafe fn plane(
        image: *const f32, taps: &[usize], weights: *const f32, row_step: usize, height: usize, width: usize, to: *mut f32,
        bias: f32, relu: bool,
    ) = plane_body;
}

/// # Safety
/// As [`plane`].
#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn plane_body(
    image: *const f32,
    taps: &[usize],
    weights: *const f32,
    row_step: usize,
    height: usize,
    width: usize,
    to: *mut f32,
    bias: f32,
    relu: bool,
) {
    for row in 0..height {
        let mut column = 0;
        while column < width {
            let mut sums = [0.0f32; CHUNK];
            for (tap, offset) in taps.iter().enumerate() {
                // SAFETY: a chunk may end past the row, but not past the image's slack.
                let values = unsafe { image.add(offset + row * row_step + column).cast::<[f32; CHUNK]>().read_unaligned() };
                // SAFETY: one weight for each tap.
                let weight = unsafe { *weights.add(tap) };
                for (sum, value) in sums.iter_mut().zip(values) {
                    *sum += weight * value;
                }
            }
            for sum in &mut sums {
                *sum += bias;
                // NaN is not below zero and stays.
                if relu && *sum < 0.0 {
                    *sum = 0.0;
                }
            }
            let count = CHUNK.min(width - column);
            // SAFETY: within the row of `to`.
            unsafe {
                let to = to.add(row * width + column);
                if count == CHUNK {
                    to.cast::<[f32; CHUNK]>().write_unaligned(sums);
                } else {
                    to.copy_from_nonoverlapping(sums.as_ptr(), count);
                }
            }
            column += CHUNK;
        }
    }
}

multiversion! {
    /// Adds the weight gradient of one plane: `sums[t] += Σ_r,c image[taps[t] + r · row_step + c] · gradient[r][c]`.
    ///
    /// # Safety
    /// `image` is a padded image, `gradient` holds `height * width` floats, `sums` holds `taps.len()` floats.
    pub(super) unsafe fn weight(
        image: *const f32, taps: &[usize], gradient: *const f32, row_step: usize, height: usize, width: usize, sums: *mut f32,
    ) = weight_body;
}

/// # Safety
/// As [`weight`].
#[inline(always)]
unsafe fn weight_body(
    image: *const f32,
    taps: &[usize],
    gradient: *const f32,
    row_step: usize,
    height: usize,
    width: usize,
    sums: *mut f32,
) {
    for (tap, offset) in taps.iter().enumerate() {
        let mut lanes = [0.0f32; CHUNK];
        for row in 0..height {
            let (image, gradient) = (image.wrapping_add(offset + row * row_step), gradient.wrapping_add(row * width));
            let mut column = 0;
            while column + CHUNK <= width {
                // SAFETY: whole chunks within the row of both.
                let (values, factors) = unsafe {
                    let values = image.add(column).cast::<[f32; CHUNK]>().read_unaligned();
                    (values, gradient.add(column).cast::<[f32; CHUNK]>().read_unaligned())
                };
                for ((lane, value), factor) in lanes.iter_mut().zip(values).zip(factors) {
                    *lane += value * factor;
                }
                column += CHUNK;
            }
            for column in column..width {
                // SAFETY: within the row of both.
                lanes[column % CHUNK] += unsafe { *image.add(column) * *gradient.add(column) };
            }
        }
        let total: f32 = lanes.iter().sum();
        // SAFETY: one sum for each tap.
        unsafe { *sums.add(tap) += total };
    }
}
