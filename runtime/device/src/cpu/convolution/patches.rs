//! Images with zeros around them, and panels of patches copied from there.

use crate::cpu::instruction_set::multiversion;

/// Floats that may be read or written past the end of scratch images and panels.
pub(super) const SLACK: usize = 64;

/// A scratch copy of some channels of an image with zeros around it. Each row is stored as `step[1]` interleaved
/// phases one after the other, so that every `step[1]`-th column is contiguous whatever the stride.
#[derive(Clone, Debug)]
pub(super) struct Padded {
    pub channels: usize,
    /// Height and width of the image.
    pub image: [usize; 2],
    /// Rows and columns of zeros before the image.
    pub low: [usize; 2],
    /// Height and width with the zeros.
    pub extent: [usize; 2],
    /// Columns from one window to the next: the number of phases.
    pub phases: usize,
}

impl Padded {
    /// Floats of one phase of a row.
    fn phase(&self) -> usize {
        self.extent[1].div_ceil(self.phases)
    }

    /// Floats of a row.
    pub fn row(&self) -> usize {
        self.phase() * self.phases
    }

    /// Floats of a channel.
    pub fn plane(&self) -> usize {
        self.row() * self.extent[0]
    }

    /// Floats of the whole copy, with room to read whole vectors at its end.
    pub fn floats(&self) -> usize {
        (self.channels * self.plane() + SLACK).next_multiple_of(16)
    }

    /// Where (channel, row, column) lies, counted with the zeros.
    pub fn offset(&self, channel: usize, row: usize, column: usize) -> usize {
        channel * self.plane() + row * self.row() + column % self.phases * self.phase() + column / self.phases
    }

    /// Copies the channels at `image`, which lie one after the other, to `to`.
    ///
    /// # Safety
    /// `image` holds the channels, `to` has room for [`Padded::floats`] that nobody else uses.
    pub unsafe fn fill(&self, image: *const f32, to: *mut f32) {
        let [height, width] = self.image;
        for channel in 0..self.channels {
            for row in 0..self.extent[0] {
                let to = to.wrapping_add(channel * self.plane() + row * self.row());
                let inside = row >= self.low[0] && row - self.low[0] < height;
                // SAFETY: one row of the copy.
                unsafe {
                    if !inside || self.low[1] > 0 || self.extent[1] > self.low[1] + width || self.phases > 1 {
                        to.write_bytes(0, self.row());
                    }
                }
                if !inside {
                    continue;
                }
                let from = image.wrapping_add((channel * height + row - self.low[0]) * width);
                // Columns of the image that the copy reaches.
                let columns = width.min(self.extent[1].saturating_sub(self.low[1]));
                // SAFETY: columns of this row of the image, to their places in the row of the copy.
                unsafe {
                    if self.phases == 1 {
                        to.add(self.low[1]).copy_from_nonoverlapping(from, columns);
                    } else {
                        // Column c of the image lies at place (c + low) / phases of phase (c + low) % phases.
                        for phase in 0..self.phases {
                            let first = (phase + self.phases - self.low[1] % self.phases) % self.phases;
                            let to = to.add(self.offset(0, 0, first + self.low[1]));
                            for (place, column) in (first..columns).step_by(self.phases).enumerate() {
                                *to.add(place) = *from.add(column);
                            }
                        }
                    }
                }
            }
        }
        // SAFETY: the slack belongs to the copy; zeros keep what is read there harmless.
        unsafe { to.add(self.channels * self.plane()).write_bytes(0, self.floats() - self.channels * self.plane()) };
    }
}

/// The most columns of a panel.
pub(super) const WIDEST: usize = 32;

/// A run of neighbouring windows of one output row, within a panel.
#[derive(Copy, Clone, Default)]
pub(super) struct Run {
    /// Offset of the first window in the padded image.
    pub from: usize,
    /// First column of the panel.
    pub at: usize,
    pub count: usize,
}

/// The runs of `columns` windows from number `first`, of rows of `width` windows that lie `row_step` floats apart.
pub(super) fn runs(first: usize, columns: usize, width: usize, row_step: usize) -> ([Run; WIDEST], usize) {
    let mut runs = [Run::default(); WIDEST];
    let (mut count, mut done) = (0, 0);
    while done < columns {
        let (row, column) = ((first + done) / width, (first + done) % width);
        let length = (width - column).min(columns - done);
        runs[count] = Run { from: row * row_step + column, at: done, count: length };
        count += 1;
        done += length;
    }
    (runs, count)
}

multiversion! {
    /// Copies a panel: `to[tap * step + run.at + i] = image[taps[tap] + run.from + i]`.
    ///
    /// # Safety
    /// Every run of every tap lies in the padded image with [`SLACK`] after it; `to` has room for
    /// `taps.len() * step + SLACK` floats that nobody else uses.
    pub(super) unsafe fn gather(image: *const f32, taps: &[usize], runs: &[Run], to: *mut f32, step: usize) = gather_body;
}

/// # Safety
/// As [`gather`].
#[inline(always)]
unsafe fn gather_body(image: *const f32, taps: &[usize], runs: &[Run], to: *mut f32, step: usize) {
    // SAFETY: whole chunks of a run; what is written past a run is overwritten by the next run or tap, which come
    // later, or lies in the slack.
    unsafe {
        if runs.iter().all(|run| run.count == 8) && runs.len() == 4 {
            return equal_runs::<8, 4>(image, taps, runs, to, step);
        }
        if runs.iter().all(|run| run.count == 16) && runs.len() == 2 {
            return equal_runs::<16, 2>(image, taps, runs, to, step);
        }
        if runs.len() == 1 && runs[0].count == 32 {
            return equal_runs::<32, 1>(image, taps, runs, to, step);
        }
        if runs.len() == 1 && runs[0].count == 16 {
            return equal_runs::<16, 1>(image, taps, runs, to, step);
        }
        if runs.iter().all(|run| run.count == 8) && runs.len() == 2 {
            return equal_runs::<8, 2>(image, taps, runs, to, step);
        }
        for (tap, offset) in taps.iter().enumerate() {
            for run in runs {
                let (from, to) = (image.add(offset + run.from), to.add(tap * step + run.at));
                let mut done = 0;
                while done < run.count {
                    copy::<8>(from.add(done), to.add(done));
                    done += 8;
                }
            }
        }
    }
}

/// # Safety
/// As [`gather`], with `RUNS` runs of `COUNT` windows.
#[inline(always)]
unsafe fn equal_runs<const COUNT: usize, const RUNS: usize>(image: *const f32, taps: &[usize], runs: &[Run], to: *mut f32, step: usize) {
    let from: [usize; RUNS] = std::array::from_fn(|run| runs[run].from);
    for (tap, offset) in taps.iter().enumerate() {
        for (run, from) in from.iter().enumerate() {
            // SAFETY: the caller's promise.
            unsafe { copy::<COUNT>(image.add(offset + from), to.add(tap * step + run * COUNT)) };
        }
    }
}

/// # Safety
/// `COUNT` floats at both places, which do not overlap.
#[inline(always)]
unsafe fn copy<const COUNT: usize>(from: *const f32, to: *mut f32) {
    // SAFETY: the caller's promise.
    unsafe { to.cast::<[f32; COUNT]>().write_unaligned(from.cast::<[f32; COUNT]>().read_unaligned()) };
}
