//! Convolutions and poolings as a program states them: planned once, their workspace set aside when the program is loaded.
use super::convolution::{ConvolutionEpilogue, ConvolutionPlan, ConvolutionShape};
use super::executable::Arguments;
use super::instruction_set::InstructionSet;
use super::pooling::{PoolingPlan, PoolingShape};
use super::workers::{Sequence, Team};
use esper_codegen::{Convolution, ConvolutionKind, Pooling, PoolingKind};

/// The sizes of a convolution.
pub fn convolution_shape(convolution: &Convolution) -> ConvolutionShape {
    let [batch, input_channels, height, width] = convolution.input;
    let window = convolution.window;
    ConvolutionShape {
        batch,
        input_channels,
        input: [height, width],
        output_channels: convolution.output[0],
        kernel: window.kernel,
        stride: window.stride,
        padding: window.padding,
        dilation: window.dilation,
        groups: convolution.groups,
    }
}

/// A planned convolution.
pub struct ConvolutionStep {
    plan: ConvolutionPlan,
    workspace: Vec<f32>,
    bias: bool,
    relu: bool,
    name: String,
}

impl ConvolutionStep {
    /// Plans a convolution that has been validated, for up to `threads` threads.
    pub fn new(convolution: &Convolution, threads: usize) -> ConvolutionStep {
        let (shape, set) = (convolution_shape(convolution), InstructionSet::detect());
        let (plan, direction) = match convolution.kind {
            ConvolutionKind::Forward => (ConvolutionPlan::forward(shape, set), "convolution"),
            ConvolutionKind::InputGradient => (ConvolutionPlan::input_gradient(shape, set), "convolution input gradient"),
            ConvolutionKind::WeightGradient => (ConvolutionPlan::weight_gradient(shape, set), "convolution weight gradient"),
        };
        let workspace = vec![0.0; plan.workspace_floats(threads)];
        let epilogue = &convolution.epilogue;
        let name = format!("{direction} {:?} to {:?} by {:?}", convolution.input, convolution.output, convolution.window.kernel);
        ConvolutionStep { plan, workspace, bias: epilogue.bias.is_some(), relu: epilogue.relu, name }
    }

    /// For people.
    pub fn name(&self) -> String {
        self.name.clone()
    }

    /// Arguments: the operands, the result and, where there is one, the bias.
    pub fn run(&mut self, arguments: Arguments, sequence: &Sequence) {
        let at = |argument: usize| arguments.get(argument).cast::<f32>();
        let bias = self.bias.then(|| at(3).cast_const());
        let epilogue = ConvolutionEpilogue { bias, relu: self.relu };
        let team: &dyn Team = sequence;
        // SAFETY: validation has shown that the buffers hold what the sizes say; the result overlaps no operand; the workspace has what the
        // plan asks for these threads.
        unsafe { self.plan.run(at(0), at(1), at(2), &epilogue, self.workspace.as_mut_ptr(), team) }
    }
}

/// The sizes of a pooling.
pub fn pooling_shape(pooling: &Pooling) -> PoolingShape {
    let [planes, height, width] = pooling.input;
    let window = pooling.window;
    PoolingShape {
        planes,
        input: [height, width],
        kernel: window.kernel,
        stride: window.stride,
        padding: window.padding,
        dilation: window.dilation,
    }
}

/// A planned pooling.
pub struct PoolingStep {
    plan: PoolingPlan,
    kind: PoolingKind,
    name: String,
}

impl PoolingStep {
    /// Plans a pooling that has been validated.
    pub fn new(pooling: &Pooling) -> PoolingStep {
        let (kind, name) = match pooling.kind {
            PoolingKind::Max => (super::pooling::Pooling::Maximum, "max pooling"),
            PoolingKind::MaxGradient => (super::pooling::Pooling::Maximum, "max pooling gradient"),
            PoolingKind::Average => (super::pooling::Pooling::Average, "average pooling"),
            PoolingKind::AverageGradient => (super::pooling::Pooling::Average, "average pooling gradient"),
        };
        let plan = PoolingPlan::new(kind, pooling_shape(pooling), InstructionSet::detect());
        PoolingStep { plan, kind: pooling.kind, name: format!("{name} {:?} by {:?}", pooling.input, pooling.window.kernel) }
    }

    /// For people.
    pub fn name(&self) -> String {
        self.name.clone()
    }

    /// Arguments: the operands, then the result.
    pub fn run(&self, arguments: Arguments, sequence: &Sequence) {
        let at = |argument: usize| arguments.get(argument).cast::<f32>();
        // SAFETY: validation has shown that the buffers hold what the sizes say and that there are as many as the kind needs; the result
        // overlaps no operand.
        unsafe {
            match self.kind {
                PoolingKind::Max | PoolingKind::Average => self.plan.forward(at(0), at(1), sequence),
                PoolingKind::MaxGradient => self.plan.gradient(at(0), at(1), at(2), sequence),
                PoolingKind::AverageGradient => self.plan.gradient(std::ptr::null(), at(0), at(1), sequence),
            }
        }
    }
}
