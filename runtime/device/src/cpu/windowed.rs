//! Convolutions as a program states them: planned once, their workspace set aside when the program is loaded.
use super::convolution::{ConvolutionEpilogue, ConvolutionPlan, ConvolutionShape};
use super::executable::Arguments;
use super::instruction_set::InstructionSet;
use super::workers::{Sequence, Team};
use esper_codegen::{Convolution, ConvolutionKind};

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
