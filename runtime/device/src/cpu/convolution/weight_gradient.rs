//! The gradient of the weight: sums over windows and images. Images are cut into a fixed number of chunks, each with
//! a private gradient; these are added in order, so the result does not depend on the number of threads.

use super::patches::{Padded, SLACK};
use super::{ConvolutionShape, depthwise};
use crate::cpu::gemm::Epilogue;
use crate::cpu::gemm::pack;
use crate::cpu::gemm::tile::{Tile, TileEnd, kernel, lanes, most_rows};
use crate::cpu::instruction_set::{InstructionSet, Shared};
use crate::cpu::workers::Team;

/// Chunks of images, at most.
const CHUNKS: usize = 16;

/// The plan. A private gradient is a matrix `[channel, kernel row, kernel column] × [output channel]`: its rows read
/// the padded image, broadcast, its columns the transposed gradient of the output.
#[derive(Clone, Debug)]
pub(super) struct WeightGradient {
    set: InstructionSet,
    shape: ConvolutionShape,
    source: Padded,
    output: [usize; 2],
    /// Channels of one group.
    inputs: usize,
    outputs: usize,
    chunks: usize,
    /// Whether the rows of a tile are columns of the kernel rather than channels, which then are too few.
    along_kernel: bool,
    tile_vectors: usize,
    /// Taps of one plane, for groups of one channel.
    taps: Vec<usize>,
}

impl WeightGradient {
    pub fn new(shape: &ConvolutionShape, set: InstructionSet) -> WeightGradient {
        assert!(set.is_available(), "this processor does not support {set:?}");
        let output = shape.output();
        let (inputs, outputs) = (shape.input_channels / shape.groups, shape.output_channels / shape.groups);
        let extent = std::array::from_fn(|axis| {
            if output[axis] == 0 {
                0
            } else {
                (output[axis] - 1) * shape.stride[axis] + (shape.kernel[axis] - 1) * shape.dilation[axis] + 1
            }
        });
        let depthwise = inputs == 1 && outputs == 1;
        // A depthwise plane is read in vectors of neighbouring windows, a tile one window at a time.
        let phases = if depthwise { shape.stride[1] } else { 1 };
        let source = Padded { channels: inputs, image: shape.input, low: shape.padding, extent, phases };
        let per_channel = shape.kernel[0] * shape.kernel[1];
        let place = |tap: usize| source.offset(0, tap / shape.kernel[1] * shape.dilation[0], tap % shape.kernel[1] * shape.dilation[1]);
        let taps = if depthwise { (0..per_channel).map(place).collect() } else { Vec::new() };
        WeightGradient {
            set,
            shape: *shape,
            output,
            inputs,
            outputs,
            chunks: shape.batch.clamp(1, CHUNKS),
            along_kernel: inputs < shape.kernel[1],
            tile_vectors: if outputs <= lanes(set) { 1 } else { 2 },
            taps,
            source,
        }
    }

    fn tile_columns(&self) -> usize {
        self.tile_vectors * lanes(self.set)
    }

    /// Rows of a private gradient.
    fn steps(&self) -> usize {
        self.inputs * self.shape.kernel[0] * self.shape.kernel[1]
    }

    /// Floats of the private gradients of one chunk, all groups.
    fn private_floats(&self) -> usize {
        self.shape.groups * self.steps() * self.outputs
    }

    /// Floats of a thread: the padded image and the transposed gradient of the output.
    fn scratch(&self) -> [usize; 2] {
        let columns = self.outputs.next_multiple_of(self.tile_columns());
        [self.source.floats(), (self.output[0] * self.output[1] * columns + SLACK).next_multiple_of(16)]
    }

    pub fn workspace_floats(&self, threads: usize) -> usize {
        (self.private_floats() * self.chunks).next_multiple_of(16) + self.scratch().iter().sum::<usize>() * threads
    }

    /// # Safety
    /// As [`super::ConvolutionPlan::run`]: `input` and the `gradient` of the output give the weight's, `result`.
    pub unsafe fn run(&self, input: *const f32, gradient: *const f32, result: *mut f32, workspace: *mut f32, team: &dyn Team) {
        let ConvolutionShape { batch, groups, .. } = self.shape;
        let threads = workspace.wrapping_add((self.private_floats() * self.chunks).next_multiple_of(16));
        let shared = Shared::new((input, gradient, result, workspace, threads));
        let scratch = self.scratch();
        let group_floats = self.steps() * self.outputs;
        team.run_on_threads(self.chunks * groups, &|slice, thread| {
            let (input, gradient, _, private, threads) = shared.get();
            let (chunk, group) = (slice / groups, slice % groups);
            let private = private.wrapping_add(chunk * self.private_floats() + group * group_floats);
            let padded = threads.wrapping_add(thread * scratch.iter().sum::<usize>());
            let packed = padded.wrapping_add(scratch[0]);
            // SAFETY: the slice's own private gradient.
            unsafe { private.write_bytes(0, group_floats) };
            for image in batch * chunk / self.chunks..batch * (chunk + 1) / self.chunks {
                let at = image * groups + group;
                let input = input.wrapping_add(at * self.inputs * self.shape.input[0] * self.shape.input[1]);
                let gradient = gradient.wrapping_add(at * self.outputs * self.output[0] * self.output[1]);
                // SAFETY: this image's group of channels, this thread's scratch.
                unsafe {
                    self.source.fill(input, padded);
                    self.image(padded, gradient, packed, private);
                }
            }
        });
        // Sum of the chunks, and [step, output channel] to [output channel, step].
        team.run(groups * self.outputs, &|channel| {
            let (_, _, result, private, _) = shared.get();
            let (group, output) = (channel / self.outputs, channel % self.outputs);
            for step in 0..self.steps() {
                let at = group * group_floats + step * self.outputs + output;
                let mut sum = 0.0;
                for chunk in 0..self.chunks {
                    // SAFETY: complete private gradients.
                    sum += unsafe { *private.add(chunk * self.private_floats() + at) };
                }
                // SAFETY: the weights of this output channel.
                unsafe { *result.add(channel * self.steps() + step) = sum };
            }
        });
    }

    /// Adds the gradient of one image.
    ///
    /// # Safety
    /// `padded` is filled; `gradient` holds a group's channels; scratch and private gradient are the caller's own.
    unsafe fn image(&self, padded: *const f32, gradient: *const f32, packed: *mut f32, private: *mut f32) {
        let [height, width] = self.output;
        let windows = height * width;
        let row_step = self.shape.stride[0] * self.source.row();
        if !self.taps.is_empty() {
            // SAFETY: one plane and its taps.
            unsafe { depthwise::weight(self.set, padded, &self.taps, gradient, row_step, height, width, private) };
            return;
        }
        let [kernel_height, kernel_width] = self.shape.kernel;
        let tile_columns = self.tile_columns();
        let most = most_rows(self.set, self.tile_vectors);
        // The axis along which tiles take rows, and the floats between those in the padded image and in the gradient.
        let (extent, a_row, c_row) = if self.along_kernel {
            (kernel_width, self.shape.dilation[1], self.outputs)
        } else {
            (self.inputs, self.source.plane(), kernel_height * kernel_width * self.outputs)
        };
        let tile_rows = extent.div_ceil(extent.div_ceil(most).max(1)).max(1);
        let epilogue = Epilogue { accumulate: true, ..Epilogue::NONE };
        for column in (0..self.outputs).step_by(tile_columns) {
            let columns = tile_columns.min(self.outputs - column);
            let vectors = columns.div_ceil(lanes(self.set));
            // SAFETY: the gradient's channels from `column`, into this thread's scratch.
            unsafe {
                let from = gradient.wrapping_add(column * windows);
                pack::panel(self.set, from, 1, windows as isize, windows, columns, packed, tile_columns);
            }
            let others = if self.along_kernel { self.inputs * kernel_height } else { kernel_height * kernel_width };
            for other in 0..others {
                for row in (0..extent).step_by(tile_rows) {
                    let rows = tile_rows.min(extent - row);
                    let (channel, y, x) = if self.along_kernel {
                        (other / kernel_height, other % kernel_height, row)
                    } else {
                        (row, other / kernel_width, other % kernel_width)
                    };
                    let step = (channel * kernel_height + y) * kernel_width + x;
                    let at = self.source.offset(channel, y * self.shape.dilation[0], x * self.shape.dilation[1]);
                    let tile = Tile {
                        a: padded.wrapping_add(at),
                        a_row: a_row as isize,
                        a_inner: self.shape.stride[1] as isize,
                        a_outer: row_step as isize,
                        b: packed,
                        b_inner: tile_columns as isize,
                        b_outer: (width * tile_columns) as isize,
                        inner: width,
                        outer: height,
                        c: private.wrapping_add(step * self.outputs + column),
                        c_row,
                        columns,
                    };
                    let end = TileEnd::new(&epilogue, 0, 0, true, true);
                    // SAFETY: windows of the padded image, the packed gradient, rows of the private gradient.
                    unsafe { kernel(self.set, rows, vectors, a_row == 1, false)(&tile, &end) };
                }
            }
        }
    }
}
