//! Two-dimensional convolution in float32 on memory of the caller, images as `[n, c, h, w]`: the value, and the
//! gradients with respect to the input and the weight.
//!
//! All three are matrix products whose operand of image patches is never stored whole (implicit im2col; Chetlur et
//! al., "cuDNN: Efficient Primitives for Deep Learning", 2014): an image is copied once with its zeros around it, and
//! panels of patches are copied from there just before the tile kernels read them.

mod correlation;
mod depthwise;
mod patches;
#[cfg(test)]
mod tests;
mod weight_gradient;

use super::instruction_set::InstructionSet;
use super::workers::Team;
use correlation::Correlation;
use weight_gradient::WeightGradient;

/// The sizes of a convolution: `[n, ci, h, w]` with weights `[co, ci / groups, kh, kw]` gives `[n, co, oh, ow]`.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct ConvolutionShape {
    /// Images.
    pub batch: usize,
    /// Channels of the input; a multiple of `groups`.
    pub input_channels: usize,
    /// Height and width of the input.
    pub input: [usize; 2],
    /// Channels of the output; a multiple of `groups`.
    pub output_channels: usize,
    /// Taps along height and width.
    pub kernel: [usize; 2],
    /// Steps between windows.
    pub stride: [usize; 2],
    /// Zeros on both sides of each axis.
    pub padding: [usize; 2],
    /// Distance between taps.
    pub dilation: [usize; 2],
    /// Parts of the channels that are convolved on their own.
    pub groups: usize,
}

impl ConvolutionShape {
    /// Height and width of the output; zero where the kernel does not fit.
    pub fn output(&self) -> [usize; 2] {
        std::array::from_fn(|axis| {
            let reach = self.kernel[axis].saturating_sub(1) * self.dilation[axis] + 1;
            let padded = self.input[axis] + 2 * self.padding[axis];
            if padded < reach { 0 } else { (padded - reach) / self.stride[axis] + 1 }
        })
    }

    /// Floats of the input, the weight and the output.
    pub fn floats(&self) -> [usize; 3] {
        let [height, width] = self.output();
        [
            self.batch * self.input_channels * self.input[0] * self.input[1],
            self.output_channels * (self.input_channels / self.groups) * self.kernel[0] * self.kernel[1],
            self.batch * self.output_channels * height * width,
        ]
    }

    fn assert_valid(&self) {
        let positive = |pair: [usize; 2]| pair[0] > 0 && pair[1] > 0;
        assert!(positive(self.kernel) && positive(self.stride) && positive(self.dilation), "zero kernel, stride or dilation: {self:?}");
        assert!(self.groups > 0, "no groups: {self:?}");
        let whole = self.input_channels % self.groups == 0 && self.output_channels % self.groups == 0;
        assert!(whole, "groups do not divide the channels: {self:?}");
    }
}

/// What happens to the output before it is stored: `relu(value + bias[channel])`. Only of the forward direction.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct ConvolutionEpilogue {
    /// One float for each output channel.
    pub bias: Option<*const f32>,
    /// `max(0, x)`; NaN stays NaN.
    pub relu: bool,
}

// SAFETY: only carries an address, which is followed in unsafe code, for reading.
unsafe impl Send for ConvolutionEpilogue {}
// SAFETY: as above.
unsafe impl Sync for ConvolutionEpilogue {}

/// How to compute one direction of a convolution: every choice that depends on sizes. Running it allocates nothing,
/// and the result does not depend on the number of threads.
#[derive(Clone, Debug)]
pub struct ConvolutionPlan {
    shape: ConvolutionShape,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Correlation(Correlation),
    WeightGradient(WeightGradient),
}

impl ConvolutionPlan {
    /// The output from input and weight. Panics if groups do not divide the channels, or a size is zero that must not.
    pub fn forward(shape: ConvolutionShape, set: InstructionSet) -> ConvolutionPlan {
        shape.assert_valid();
        ConvolutionPlan { shape, kind: Kind::Correlation(Correlation::forward(&shape, set)) }
    }

    /// The gradient of the input from the gradient of the output and the weight. Panics as [`ConvolutionPlan::forward`].
    pub fn input_gradient(shape: ConvolutionShape, set: InstructionSet) -> ConvolutionPlan {
        shape.assert_valid();
        ConvolutionPlan { shape, kind: Kind::Correlation(Correlation::input_gradient(&shape, set)) }
    }

    /// The gradient of the weight from the input and the gradient of the output. Panics as [`ConvolutionPlan::forward`].
    pub fn weight_gradient(shape: ConvolutionShape, set: InstructionSet) -> ConvolutionPlan {
        shape.assert_valid();
        ConvolutionPlan { shape, kind: Kind::WeightGradient(WeightGradient::new(&shape, set)) }
    }

    /// The sizes.
    pub fn shape(&self) -> &ConvolutionShape {
        &self.shape
    }

    /// Floats of scratch memory that [`ConvolutionPlan::run`] needs with `threads` threads.
    pub fn workspace_floats(&self, threads: usize) -> usize {
        // Room to align the start to a cache line.
        16 + match &self.kind {
            Kind::Correlation(plan) => plan.workspace_floats(threads.max(1)),
            Kind::WeightGradient(plan) => plan.workspace_floats(threads.max(1)),
        }
    }

    /// Computes `result` from the operands: input and weight for the output; output gradient and weight for the input
    /// gradient; input and output gradient for the weight gradient. The epilogue belongs to the forward direction.
    ///
    /// # Safety
    /// Operands, result and bias are valid for the shape, `workspace` for [`ConvolutionPlan::workspace_floats`] of
    /// `team.threads()` floats. Result and workspace overlap nothing else here and nobody else uses them meanwhile.
    pub unsafe fn run(
        &self,
        first: *const f32,
        second: *const f32,
        result: *mut f32,
        epilogue: &ConvolutionEpilogue,
        workspace: *mut f32,
        team: &dyn Team,
    ) {
        let workspace = workspace.wrapping_add(workspace.align_offset(64).min(15));
        // SAFETY: the caller's promise.
        unsafe {
            match &self.kind {
                Kind::Correlation(plan) => plan.run(first, second, result, epilogue, workspace, team),
                Kind::WeightGradient(plan) => plan.run(first, second, result, workspace, team),
            }
        }
    }
}
