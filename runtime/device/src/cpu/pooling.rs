//! Max and average pooling in float32 on memory of the caller, images as `[n, c, h, w]`, with their gradients.
//!
//! Every plane (image and channel) is one slice of work, so results do not depend on the number of threads.

use super::instruction_set::{InstructionSet, Shared, multiversion};
use super::workers::Team;

/// Windows that are computed together along the width.
const CHUNK: usize = 16;
/// Windows times taps of one task, at least: planes are put together until a task is worth handing out.
const TASK: usize = 16 * 1024;

/// What a pooling computes.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Pooling {
    /// The greatest element of each window; padding counts as −∞, NaN wins. The gradient goes to the first greatest
    /// element in row-major order, as in PyTorch.
    Maximum,
    /// The sum of each window divided by its number of taps; padding counts as zeros that are part of the window.
    Average,
}

/// The sizes of a pooling: `[n, c, h, w]` gives `[n, c, oh, ow]`.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct PoolingShape {
    /// Images times channels.
    pub planes: usize,
    /// Height and width of the input.
    pub input: [usize; 2],
    /// Taps along height and width.
    pub kernel: [usize; 2],
    /// Steps between windows.
    pub stride: [usize; 2],
    /// Padding on both sides of each axis.
    pub padding: [usize; 2],
    /// Distance between taps.
    pub dilation: [usize; 2],
}

impl PoolingShape {
    /// Height and width of the output; zero where the window does not fit.
    pub fn output(&self) -> [usize; 2] {
        std::array::from_fn(|axis| {
            let reach = self.kernel[axis].saturating_sub(1) * self.dilation[axis] + 1;
            let padded = self.input[axis] + 2 * self.padding[axis];
            if padded < reach { 0 } else { (padded - reach) / self.stride[axis] + 1 }
        })
    }

    /// The taps of one axis that lie inside the input for window `index`, as a range of tap numbers.
    #[inline(always)]
    fn taps(&self, axis: usize, index: usize) -> std::ops::Range<usize> {
        let start = index * self.stride[axis];
        let first = self.padding[axis].saturating_sub(start).div_ceil(self.dilation[axis]);
        let room = (self.input[axis] + self.padding[axis]).saturating_sub(start);
        let end = room.div_ceil(self.dilation[axis]).min(self.kernel[axis]);
        first.min(end)..end
    }

    /// The position of a tap inside the input; the tap is in [`PoolingShape::taps`].
    #[inline(always)]
    fn position(&self, axis: usize, index: usize, tap: usize) -> usize {
        index * self.stride[axis] + tap * self.dilation[axis] - self.padding[axis]
    }

    /// The windows of an axis whose taps all lie inside the input.
    fn whole_windows(&self, axis: usize) -> std::ops::Range<usize> {
        let windows = self.output()[axis];
        let reach = (self.kernel[axis] - 1) * self.dilation[axis] + 1;
        let first = self.padding[axis].div_ceil(self.stride[axis]).min(windows);
        let room = self.input[axis] + self.padding[axis];
        let end = if room < reach { 0 } else { (room - reach) / self.stride[axis] + 1 };
        first..end.min(windows).max(first)
    }
}

/// How to compute a pooling or its gradient. Neither needs scratch memory.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct PoolingPlan {
    shape: PoolingShape,
    kind: Pooling,
    set: InstructionSet,
    /// Planes of one task.
    together: usize,
}

impl PoolingPlan {
    /// The plan. Panics if a kernel, stride or dilation is zero or this processor does not have the instruction set.
    pub fn new(kind: Pooling, shape: PoolingShape, set: InstructionSet) -> PoolingPlan {
        let positive = |pair: [usize; 2]| pair[0] > 0 && pair[1] > 0;
        assert!(positive(shape.kernel) && positive(shape.stride) && positive(shape.dilation), "zero kernel, stride or dilation");
        assert!(set.is_available(), "this processor does not support {set:?}");
        let work = shape.output().iter().chain(&shape.kernel).product::<usize>().max(1);
        PoolingPlan { shape, kind, set, together: TASK.div_ceil(work) }
    }

    /// The sizes.
    pub fn shape(&self) -> &PoolingShape {
        &self.shape
    }

    /// Computes the output.
    ///
    /// # Safety
    /// `input` holds `[planes, h, w]` and `output` `[planes, oh, ow]` floats; they do not overlap and nobody else uses
    /// `output` meanwhile.
    pub unsafe fn forward(&self, input: *const f32, output: *mut f32, team: &dyn Team) {
        let shared = Shared::new((input, output));
        self.each_plane(team, &|plane| {
            let (input, output) = shared.get();
            // SAFETY: one plane of both.
            unsafe {
                let input = input.add(plane * self.shape.input[0] * self.shape.input[1]);
                let output = output.add(plane * self.shape.output()[0] * self.shape.output()[1]);
                match self.kind {
                    Pooling::Maximum => maximum(self.set, &self.shape, input, output),
                    Pooling::Average => average(self.set, &self.shape, input, output),
                }
            }
        });
    }

    /// Computes the gradient of the input from that of the output; the maximum needs the input too (an average ignores
    /// it, and it may be null).
    ///
    /// # Safety
    /// `input` and `result` hold `[planes, h, w]` and `gradient` `[planes, oh, ow]` floats; `result` overlaps neither
    /// and nobody else uses it meanwhile.
    pub unsafe fn gradient(&self, input: *const f32, gradient: *const f32, result: *mut f32, team: &dyn Team) {
        let shared = Shared::new((input, gradient, result));
        self.each_plane(team, &|plane| {
            let (input, gradient, result) = shared.get();
            let floats = self.shape.input[0] * self.shape.input[1];
            let gradient = gradient.wrapping_add(plane * self.shape.output()[0] * self.shape.output()[1]);
            let result = result.wrapping_add(plane * floats);
            // SAFETY: one plane of each.
            unsafe {
                result.write_bytes(0, floats);
                match self.kind {
                    Pooling::Maximum => maximum_gradient(&self.shape, input.add(plane * floats), gradient, result),
                    Pooling::Average => average_gradient(self.set, &self.shape, gradient, result),
                }
            }
        });
    }

    fn each_plane(&self, team: &dyn Team, task: &(dyn Fn(usize) + Sync)) {
        let planes = self.shape.planes;
        team.run(planes.div_ceil(self.together), &|slice| {
            (slice * self.together..planes.min((slice + 1) * self.together)).for_each(task);
        });
    }
}

/// The greater of two numbers, the first if they are equal; NaN wins.
#[inline(always)]
fn greater(best: f32, value: f32) -> f32 {
    if value > best || value.is_nan() { value } else { best }
}

/// Folds the taps of each window of a plane, without branches where whole windows lie inside the input.
///
/// # Safety
/// `input` and `output` hold a plane each.
#[inline(always)]
unsafe fn fold(
    shape: &PoolingShape,
    input: *const f32,
    output: *mut f32,
    start: f32,
    fold: impl Fn(f32, f32) -> f32,
    finish: impl Fn(f32) -> f32,
) {
    let [height, width] = shape.output();
    let whole = shape.whole_windows(1);
    for row in 0..height {
        let rows = shape.taps(0, row);
        let output = output.wrapping_add(row * width);
        let edge = |column: usize| {
            let mut result = start;
            for y in rows.clone() {
                let line = input.wrapping_add(shape.position(0, row, y) * shape.input[1]);
                for x in shape.taps(1, column) {
                    // SAFETY: a tap inside the input.
                    result = fold(result, unsafe { *line.add(shape.position(1, column, x)) });
                }
            }
            // SAFETY: a window of this row.
            unsafe { *output.add(column) = finish(result) };
        };
        (0..whole.start).for_each(edge);
        let mut column = whole.start;
        while column + CHUNK <= whole.end {
            let mut results = [start; CHUNK];
            for y in rows.clone() {
                let line = input.wrapping_add(shape.position(0, row, y) * shape.input[1]);
                for x in 0..shape.kernel[1] {
                    let from = line.wrapping_add(shape.position(1, column, x));
                    for (lane, result) in results.iter_mut().enumerate() {
                        // SAFETY: windows that lie inside the input.
                        *result = fold(*result, unsafe { *from.add(lane * shape.stride[1]) });
                    }
                }
            }
            // SAFETY: whole chunks of this row.
            unsafe { output.add(column).cast::<[f32; CHUNK]>().write_unaligned(results.map(&finish)) };
            column += CHUNK;
        }
        (column..width).for_each(edge);
    }
}

multiversion! {
    /// # Safety
    /// As [`fold`].
    unsafe fn maximum(shape: &PoolingShape, input: *const f32, output: *mut f32) = maximum_body;
}

/// # Safety
/// As [`fold`].
#[inline(always)]
unsafe fn maximum_body(shape: &PoolingShape, input: *const f32, output: *mut f32) {
    // SAFETY: the caller's promise.
    unsafe {
        // The usual pooling: a constant stride lets the loads become vectors.
        if shape.stride[1] == 2 && shape.kernel[1] == 2 {
            let shape = PoolingShape { stride: [shape.stride[0], 2], kernel: [shape.kernel[0], 2], ..*shape };
            return fold(&shape, input, output, f32::NEG_INFINITY, greater, |x| x);
        }
        fold(shape, input, output, f32::NEG_INFINITY, greater, |x| x);
    }
}

multiversion! {
    /// # Safety
    /// As [`fold`].
    unsafe fn average(shape: &PoolingShape, input: *const f32, output: *mut f32) = average_body;
}

/// # Safety
/// As [`fold`].
#[inline(always)]
unsafe fn average_body(shape: &PoolingShape, input: *const f32, output: *mut f32) {
    let taps = (shape.kernel[0] * shape.kernel[1]) as f32;
    // SAFETY: the caller's promise.
    unsafe {
        if shape.stride[1] == 2 && shape.kernel[1] == 2 {
            let shape = PoolingShape { stride: [shape.stride[0], 2], kernel: [shape.kernel[0], 2], ..*shape };
            return fold(&shape, input, output, 0.0, |sum, x| sum + x, |sum| sum / taps);
        }
        fold(shape, input, output, 0.0, |sum, x| sum + x, |sum| sum / taps);
    }
}

/// Adds each window's gradient to its first greatest element.
///
/// # Safety
/// Each pointer holds a plane; `result` is zero before.
unsafe fn maximum_gradient(shape: &PoolingShape, input: *const f32, gradient: *const f32, result: *mut f32) {
    let [height, width] = shape.output();
    for row in 0..height {
        let rows = shape.taps(0, row);
        for column in 0..width {
            let mut best: Option<(f32, usize)> = None;
            for y in rows.clone() {
                let line = shape.position(0, row, y) * shape.input[1];
                for x in shape.taps(1, column) {
                    let at = line + shape.position(1, column, x);
                    // SAFETY: a tap inside the input.
                    let value = unsafe { *input.add(at) };
                    if best.is_none_or(|(best, _)| value > best || (value.is_nan() && !best.is_nan())) {
                        best = Some((value, at));
                    }
                }
            }
            if let Some((_, at)) = best {
                // SAFETY: an element of the plane and a window of its output.
                unsafe { *result.add(at) += *gradient.add(row * width + column) };
            }
        }
    }
}

multiversion! {
    /// Adds each window's gradient, divided by its taps, to its elements.
    ///
    /// # Safety
    /// Each pointer holds a plane; `result` is zero before.
    unsafe fn average_gradient(shape: &PoolingShape, gradient: *const f32, result: *mut f32) = average_gradient_body;
}

/// # Safety
/// As [`average_gradient`].
#[inline(always)]
unsafe fn average_gradient_body(shape: &PoolingShape, gradient: *const f32, result: *mut f32) {
    let [height, width] = shape.output();
    let taps = (shape.kernel[0] * shape.kernel[1]) as f32;
    for row in 0..height {
        for y in shape.taps(0, row) {
            let line = result.wrapping_add(shape.position(0, row, y) * shape.input[1]);
            for column in 0..width {
                // SAFETY: a window of the output.
                let share = unsafe { *gradient.add(row * width + column) } / taps;
                for x in shape.taps(1, column) {
                    // SAFETY: a tap inside the input.
                    unsafe { *line.add(shape.position(1, column, x)) += share };
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::workers::Workers;

    /// Small whole numbers, so that windows have several greatest elements.
    fn coarse(count: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * 7919 + i / 5 * 31) % 9) as f32 - 4.0).collect()
    }

    /// The definition: calls `each(window, input positions in row-major order)`.
    fn windows(shape: &PoolingShape, mut each: impl FnMut(usize, &[usize])) {
        let [height, width] = shape.output();
        for plane in 0..shape.planes {
            for row in 0..height {
                for column in 0..width {
                    let mut taps = Vec::new();
                    for y in 0..shape.kernel[0] {
                        for x in 0..shape.kernel[1] {
                            let at_y = (row * shape.stride[0] + y * shape.dilation[0]).wrapping_sub(shape.padding[0]);
                            let at_x = (column * shape.stride[1] + x * shape.dilation[1]).wrapping_sub(shape.padding[1]);
                            if at_y < shape.input[0] && at_x < shape.input[1] {
                                taps.push((plane * shape.input[0] + at_y) * shape.input[1] + at_x);
                            }
                        }
                    }
                    each((plane * height + row) * width + column, &taps);
                }
            }
        }
    }

    fn shapes() -> Vec<PoolingShape> {
        let mut shapes = Vec::new();
        for (kernel, stride, padding, dilation) in [
            ([2, 2], [2, 2], [0, 0], [1, 1]),
            ([3, 3], [2, 2], [1, 1], [1, 1]),
            ([3, 2], [1, 1], [1, 1], [1, 1]),
            ([2, 3], [3, 1], [1, 0], [2, 2]),
            ([1, 1], [2, 3], [0, 0], [1, 1]),
            ([4, 4], [1, 2], [5, 3], [1, 3]),
        ] {
            for input in [[8, 8], [7, 45], [1, 3], [33, 64]] {
                shapes.push(PoolingShape { planes: 3, input, kernel, stride, padding, dilation });
            }
        }
        shapes
    }

    #[test]
    fn both_kinds_and_their_gradients_follow_the_definition() {
        for &set in InstructionSet::available() {
            for shape in shapes() {
                let [height, width] = shape.output();
                let (inputs, outputs) = (shape.planes * shape.input[0] * shape.input[1], shape.planes * height * width);
                let (x, dy) = (coarse(inputs), coarse(outputs));
                for kind in [Pooling::Maximum, Pooling::Average] {
                    let (mut y, mut dx) = (vec![0.0f32; outputs], vec![0.0f32; inputs]);
                    let count = (shape.kernel[0] * shape.kernel[1]) as f32;
                    windows(&shape, |window, taps| match kind {
                        Pooling::Maximum => {
                            y[window] = taps.iter().map(|&tap| x[tap]).fold(f32::NEG_INFINITY, f32::max);
                            if let Some(&first) = taps.iter().find(|&&tap| x[tap] == y[window]) {
                                dx[first] += dy[window];
                            }
                        }
                        Pooling::Average => {
                            y[window] = taps.iter().map(|&tap| x[tap]).sum::<f32>() / count;
                            taps.iter().for_each(|&tap| dx[tap] += dy[window] / count);
                        }
                    });
                    let plan = PoolingPlan::new(kind, shape, set);
                    let mut before: Option<(Vec<f32>, Vec<f32>)> = None;
                    for threads in [1, 2, 3] {
                        let workers = Workers::new(threads);
                        let (mut output, mut gradient) = (vec![f32::NAN; outputs], vec![f32::NAN; inputs]);
                        // SAFETY: buffers of the plan's sizes.
                        unsafe {
                            plan.forward(x.as_ptr(), output.as_mut_ptr(), &workers);
                            plan.gradient(x.as_ptr(), dy.as_ptr(), gradient.as_mut_ptr(), &workers);
                        }
                        assert_eq!(output, y, "{kind:?} {shape:?}");
                        let close = gradient.iter().zip(&dx).all(|(got, expected)| (got - expected).abs() < 1e-5 * (1.0 + expected.abs()));
                        assert!(close, "gradient, {kind:?} {shape:?}");
                        let now = (output, gradient);
                        assert!(before.as_ref().is_none_or(|before| *before == now), "threads change the result: {kind:?} {shape:?}");
                        before = Some(now);
                    }
                }
            }
        }
    }

    #[test]
    fn not_a_number_is_the_greatest() {
        let shape = PoolingShape { planes: 1, input: [1, 40], kernel: [1, 2], stride: [1, 2], padding: [0, 0], dilation: [1, 1] };
        let mut x = [1.0f32; 40];
        x[4] = f32::NAN;
        x[7] = f32::NAN;
        let plan = PoolingPlan::new(Pooling::Maximum, shape, InstructionSet::detect());
        let (mut y, mut dx) = ([0.0f32; 20], [0.0f32; 40]);
        // SAFETY: buffers of the plan's sizes.
        unsafe {
            plan.forward(x.as_ptr(), y.as_mut_ptr(), &Workers::new(1));
            plan.gradient(x.as_ptr(), [1.0f32; 20].as_ptr(), dx.as_mut_ptr(), &Workers::new(1));
        }
        assert!(y[2].is_nan() && y[3].is_nan() && y[1] == 1.0);
        assert_eq!((dx[4], dx[5], dx[6], dx[7]), (1.0, 0.0, 0.0, 1.0));
    }
}
