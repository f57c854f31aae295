//! Output and input gradient: products of the weight, as rows, with panels of patches, as columns. The input gradient
//! of a strided convolution is one such product for every remainder of the position by the stride (Dumoulin and Visin,
//! "A guide to convolution arithmetic for deep learning", 2016, section 4): each reads only the taps that meet it.

use super::patches::{Padded, SLACK, WIDEST, gather, runs};
use super::{ConvolutionEpilogue, ConvolutionShape, depthwise};
use crate::cpu::gemm::tile::{Tile, TileEnd, kernel, lanes, most_rows};
use crate::cpu::gemm::{Bias, Epilogue};
use crate::cpu::instruction_set::{InstructionSet, Shared};
use crate::cpu::workers::Team;

/// Steps of the sum that one panel holds.
const MOST_STEPS: usize = 1152;
/// Tasks that a run is cut into, at least, where its size allows.
const TASKS: usize = 8;

/// The plan of one direction.
#[derive(Clone, Debug)]
pub(super) struct Correlation {
    set: InstructionSet,
    batch: usize,
    groups: usize,
    /// Rows of the product: channels of a group of the result; channels of a group that are summed over.
    rows: usize,
    channels: usize,
    /// Height and width of the result's images.
    result: [usize; 2],
    /// Distance between the positions that one phase computes.
    spread: [usize; 2],
    phases: Vec<Phase>,
    tile_rows: usize,
    tile_vectors: usize,
    /// Windows that one task computes of every phase, in panels; tasks of an image.
    chunks: usize,
    /// Where weight (row, channel) of a group lies, its taps being next to each other; and the floats of a group.
    weight_row: usize,
    weight_channel: usize,
    weight_group: usize,
}

/// The windows at positions `start + spread · (row, column)`.
#[derive(Clone, Debug)]
struct Phase {
    start: [usize; 2],
    size: [usize; 2],
    source: Padded,
    /// Steps of the sum, channels outside: the offset of each in the padded image.
    taps: Vec<usize>,
    /// The taps of one channel, as positions in the weight's kernel.
    weight_taps: Vec<usize>,
    /// Rows between windows of the padded image.
    row_step: usize,
    /// Where the packed weights of this phase start, in floats for one group.
    packed_at: usize,
}

impl Correlation {
    pub fn forward(shape: &ConvolutionShape, set: InstructionSet) -> Correlation {
        let size = shape.output();
        let (inputs, outputs) = (shape.input_channels / shape.groups, shape.output_channels / shape.groups);
        let extent = std::array::from_fn(|axis| {
            if size[axis] == 0 { 0 } else { (size[axis] - 1) * shape.stride[axis] + (shape.kernel[axis] - 1) * shape.dilation[axis] + 1 }
        });
        let source = Padded { channels: inputs, image: shape.input, low: shape.padding, extent, phases: shape.stride[1] };
        let per_channel = shape.kernel[0] * shape.kernel[1];
        let offset = |tap: usize| [tap / shape.kernel[1] * shape.dilation[0], tap % shape.kernel[1] * shape.dilation[1]];
        let weight_taps: Vec<usize> = (0..per_channel).collect();
        let phase = Phase::new([0, 0], size, source, &weight_taps, offset, shape.stride[0]);
        let weights = [inputs * per_channel, per_channel, outputs * inputs * per_channel];
        Correlation::new(shape, set, [outputs, inputs], size, [1, 1], vec![phase], weights)
    }

    pub fn input_gradient(shape: &ConvolutionShape, set: InstructionSet) -> Correlation {
        let gradient = shape.output();
        let (inputs, outputs) = (shape.input_channels / shape.groups, shape.output_channels / shape.groups);
        let mut phases = Vec::new();
        for phase in 0..shape.stride[0] * shape.stride[1] {
            let start = [phase / shape.stride[1], phase % shape.stride[1]];
            let size: [usize; 2] = std::array::from_fn(|axis| shape.input[axis].saturating_sub(start[axis]).div_ceil(shape.stride[axis]));
            if size[0] * size[1] == 0 {
                continue;
            }
            // Position start + stride · p meets tap t of the window at p + shift(t), where the shift is whole.
            let shift = |axis: usize, tap: usize| {
                let distance = (start[axis] + shape.padding[axis]) as isize - (tap * shape.dilation[axis]) as isize;
                let stride = shape.stride[axis] as isize;
                (distance.rem_euclid(stride) == 0).then_some(distance.div_euclid(stride))
            };
            let meeting: [Vec<(usize, isize)>; 2] =
                std::array::from_fn(|axis| (0..shape.kernel[axis]).filter_map(|tap| Some((tap, shift(axis, tap)?))).collect());
            let low: [usize; 2] = std::array::from_fn(|axis| {
                let least = meeting[axis].iter().map(|&(_, shift)| shift).min().unwrap_or(0);
                (-least).max(0) as usize
            });
            let extent = std::array::from_fn(|axis| {
                let most = meeting[axis].iter().map(|&(_, shift)| shift).max().unwrap_or(0);
                (size[axis] as isize + most + low[axis] as isize).max(0) as usize
            });
            let source = Padded { channels: outputs, image: gradient, low, extent, phases: 1 };
            let weight_taps: Vec<usize> =
                meeting[0].iter().flat_map(|&(y, _)| meeting[1].iter().map(move |&(x, _)| y * shape.kernel[1] + x)).collect();
            let offset = |tap: usize| {
                let at = [tap / shape.kernel[1], tap % shape.kernel[1]];
                std::array::from_fn(|axis| (shift(axis, at[axis]).unwrap_or(0) + low[axis] as isize) as usize)
            };
            phases.push(Phase::new(start, size, source, &weight_taps, offset, 1));
        }
        let per_channel = shape.kernel[0] * shape.kernel[1];
        let weights = [per_channel, inputs * per_channel, outputs * inputs * per_channel];
        Correlation::new(shape, set, [inputs, outputs], shape.input, shape.stride, phases, weights)
    }

    fn new(
        shape: &ConvolutionShape,
        set: InstructionSet,
        [rows, channels]: [usize; 2],
        result: [usize; 2],
        spread: [usize; 2],
        mut phases: Vec<Phase>,
        [weight_row, weight_channel, weight_group]: [usize; 3],
    ) -> Correlation {
        assert!(set.is_available(), "this processor does not support {set:?}");
        let windows = phases.iter().map(|phase| phase.size[0] * phase.size[1]).max().unwrap_or(0);
        let tile_vectors = if windows <= lanes(set) { 1 } else { 2 };
        let tiles = rows.div_ceil(most_rows(set, tile_vectors)).max(1);
        let mut packed = 0;
        for phase in &mut phases {
            phase.packed_at = packed;
            packed += phase.taps.len() * rows;
        }
        let panels = windows.div_ceil(tile_vectors * lanes(set)).max(1);
        let chunks = TASKS.div_ceil((shape.batch * shape.groups).max(1)).min(panels);
        Correlation {
            set,
            batch: shape.batch,
            groups: shape.groups,
            rows,
            channels,
            result,
            spread,
            phases,
            tile_rows: rows.div_ceil(tiles).max(1),
            tile_vectors,
            chunks,
            weight_row,
            weight_channel,
            weight_group,
        }
    }

    fn tile_columns(&self) -> usize {
        self.tile_vectors * lanes(self.set)
    }

    /// Floats of the packed weights of one group.
    fn packed_floats(&self) -> usize {
        (self.phases.iter().map(|phase| phase.taps.len() * self.rows).sum::<usize>() + SLACK).next_multiple_of(16)
    }

    /// Floats of a thread: the padded image, a panel, and the result of a phase that is not stored directly.
    fn scratch(&self) -> [usize; 3] {
        let most = |size: &dyn Fn(&Phase) -> usize| self.phases.iter().map(size).max().unwrap_or(0);
        let steps = most(&|phase| phase.taps.len()).min(MOST_STEPS);
        let spread = if self.spread == [1, 1] { 0 } else { most(&|phase| self.rows * phase.size[0] * phase.size[1]) };
        [most(&|phase| phase.source.floats()), steps * WIDEST + SLACK, (spread + SLACK).next_multiple_of(16)]
    }

    pub fn workspace_floats(&self, threads: usize) -> usize {
        self.packed_floats() * self.groups + self.scratch().iter().sum::<usize>() * threads
    }

    /// # Safety
    /// As [`super::ConvolutionPlan::run`].
    pub unsafe fn run(
        &self,
        source: *const f32,
        weight: *const f32,
        result: *mut f32,
        epilogue: &ConvolutionEpilogue,
        workspace: *mut f32,
        team: &dyn Team,
    ) {
        if self.batch * self.rows * self.result[0] * self.result[1] == 0 {
            return;
        }
        let scratch = self.scratch();
        let threads = workspace.wrapping_add(self.packed_floats() * self.groups);
        let shared = Shared::new((source, weight, result, workspace, threads));
        team.run(self.groups, &|group| {
            let (_, weight, _, packed, _) = shared.get();
            // SAFETY: each group packs its own part.
            unsafe { self.pack(weight.wrapping_add(group * self.weight_group), packed.wrapping_add(group * self.packed_floats())) };
        });
        team.run_on_threads(self.batch * self.groups * self.chunks, &|slice, thread| {
            let (source, _, result, packed, threads) = shared.get();
            let (image, chunk) = (slice / self.chunks, slice % self.chunks);
            let group = image % self.groups;
            let padded = threads.wrapping_add(thread * scratch.iter().sum::<usize>());
            let panel = padded.wrapping_add(scratch[0]);
            let spread = panel.wrapping_add(scratch[1]);
            let packed = packed.wrapping_add(group * self.packed_floats()) as *const f32;
            let result = result.wrapping_add(image * self.rows * self.result[0] * self.result[1]);
            let mut filled: Option<&Padded> = None;
            for phase in &self.phases {
                let image_floats = phase.source.channels * phase.source.image[0] * phase.source.image[1];
                let same = filled.is_some_and(|before| before.low == phase.source.low && before.extent == phase.source.extent);
                // SAFETY: the task's image and group, its thread's scratch, and windows that no other task computes.
                unsafe {
                    if !same {
                        phase.source.fill(source.wrapping_add(image * image_floats), padded);
                        filled = Some(&phase.source);
                    }
                    self.phase(phase, chunk, padded, packed, result, spread, panel, epilogue, group * self.rows);
                }
            }
        });
    }

    /// Packs the weights of a group in tiles of rows: `[phase][tile][step][row]`.
    ///
    /// # Safety
    /// `weight` holds a group's weights, `to` has room for them.
    unsafe fn pack(&self, weight: *const f32, to: *mut f32) {
        let mut to = to;
        for phase in &self.phases {
            for row in (0..self.rows).step_by(self.tile_rows) {
                for channel in 0..self.channels {
                    for tap in &phase.weight_taps {
                        for row in row..self.rows.min(row + self.tile_rows) {
                            // SAFETY: an element of the group's weights; every element is written once.
                            unsafe {
                                *to = *weight.add(row * self.weight_row + channel * self.weight_channel + tap);
                                to = to.add(1);
                            }
                        }
                    }
                }
            }
        }
    }

    /// The windows of one task in one phase.
    ///
    /// # Safety
    /// As [`Correlation::run`]; `padded` is filled.
    #[allow(clippy::too_many_arguments)]
    unsafe fn phase(
        &self,
        phase: &Phase,
        chunk: usize,
        padded: *const f32,
        packed: *const f32,
        result: *mut f32,
        spread: *mut f32,
        panel: *mut f32,
        epilogue: &ConvolutionEpilogue,
        first_channel: usize,
    ) {
        let windows = phase.size[0] * phase.size[1];
        let width = self.tile_columns();
        let panels = windows.div_ceil(width).div_ceil(self.chunks);
        let (from, until) = ((chunk * panels * width).min(windows), ((chunk + 1) * panels * width).min(windows));
        let packed = packed.wrapping_add(phase.packed_at);
        let direct = self.spread == [1, 1];
        let to = if direct { result } else { spread };
        let bias = epilogue.bias.map(|bias| bias.wrapping_add(first_channel));
        if self.rows == 1 && self.channels == 1 && self.chunks == 1 {
            // SAFETY: the bias has this channel; the plane belongs to this task.
            unsafe {
                let bias = bias.map_or(0.0, |bias| *bias);
                let [height, width] = phase.size;
                depthwise::plane(self.set, padded, &phase.taps, packed, phase.row_step, height, width, to, bias, epilogue.relu);
            }
        } else {
            let epilogue = Epilogue { bias: bias.map_or(Bias::None, Bias::Rows), relu: epilogue.relu, ..Epilogue::NONE };
            for window in (from..until).step_by(width) {
                let columns = width.min(until - window);
                // SAFETY: the panel's windows.
                unsafe { self.panel(phase, window, columns, padded, packed, to, panel, &epilogue) };
            }
        }
        if !direct {
            // SAFETY: the phase's result is complete for this task's windows; their positions are no other task's.
            unsafe { self.store_spread(phase, from, until, spread, result) };
        }
    }

    /// All rows of one panel of windows.
    ///
    /// # Safety
    /// As [`Correlation::phase`].
    #[allow(clippy::too_many_arguments)]
    unsafe fn panel(
        &self,
        phase: &Phase,
        window: usize,
        columns: usize,
        padded: *const f32,
        packed: *const f32,
        to: *mut f32,
        panel: *mut f32,
        epilogue: &Epilogue,
    ) {
        let windows = phase.size[0] * phase.size[1];
        let steps = phase.taps.len();
        let width = self.tile_columns();
        let vectors = columns.div_ceil(lanes(self.set));
        let (runs, count) = runs(window, columns, phase.size[1], phase.row_step);
        let mut step = 0;
        loop {
            let block = MOST_STEPS.min(steps - step);
            // SAFETY: the windows lie in the padded image; the panel has room for the block.
            unsafe { gather(self.set, padded, &phase.taps[step..step + block], &runs[..count], panel, width) };
            for row in (0..self.rows).step_by(self.tile_rows) {
                let rows = self.tile_rows.min(self.rows - row);
                let tile = Tile {
                    a: packed.wrapping_add(row * steps + step * rows),
                    a_row: 1,
                    a_inner: rows as isize,
                    a_outer: 0,
                    b: panel,
                    b_inner: width as isize,
                    b_outer: 0,
                    inner: block,
                    outer: 1,
                    c: to.wrapping_add(row * windows + window),
                    c_row: windows,
                    columns,
                };
                let end = TileEnd::new(epilogue, row, 0, step == 0, step + block == steps);
                // SAFETY: packed weights, a whole panel, and this task's windows of the result.
                unsafe { kernel(self.set, rows, vectors, true, false)(&tile, &end) };
            }
            step += block;
            if step >= steps {
                break;
            }
        }
    }

    /// Moves windows `from..until` of a phase to their places in the result.
    ///
    /// # Safety
    /// `spread` holds the phase's result, `result` an image's channels.
    unsafe fn store_spread(&self, phase: &Phase, from: usize, until: usize, spread: *const f32, result: *mut f32) {
        let [height, width] = phase.size;
        for channel in 0..self.rows {
            for row in from / width..until.div_ceil(width).min(height) {
                let columns = from.saturating_sub(row * width)..width.min(until - row * width);
                let from = spread.wrapping_add((channel * height + row) * width);
                let at = (channel * self.result[0] + phase.start[0] + row * self.spread[0]) * self.result[1] + phase.start[1];
                for column in columns {
                    // SAFETY: a window of this task and its position in the result.
                    unsafe { *result.add(at + column * self.spread[1]) = *from.add(column) };
                }
            }
        }
    }
}

impl Phase {
    /// `offset` gives the row and column of a tap in the padded image, for the first window.
    fn new(
        start: [usize; 2],
        size: [usize; 2],
        source: Padded,
        weight_taps: &[usize],
        offset: impl Fn(usize) -> [usize; 2],
        row_stride: usize,
    ) -> Phase {
        let taps = (0..source.channels)
            .flat_map(|channel| weight_taps.iter().map(move |&tap| (channel, tap)))
            .map(|(channel, tap)| {
                let [row, column] = offset(tap);
                source.offset(channel, row, column)
            })
            .collect();
        let row_step = row_stride * source.row();
        Phase { start, size, source, taps, weight_taps: weight_taps.to_vec(), row_step, packed_at: 0 }
    }
}
