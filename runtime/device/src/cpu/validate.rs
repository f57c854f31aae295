//! Whether a program keeps to its own declarations: every address that a step will touch lies in its arena.
use crate::DeviceError;
use crate::cpu::arena::ALIGNMENT;
use crate::cpu::library::Library;
use crate::cpu::windowed::{convolution_shape, pooling_shape};
use esper_codegen::{Access, Buffer, BufferId, Convolution, ConvolutionKind, Dot, Pooling, PoolingKind, Program, Step};

/// Checks buffers and the arguments of every step.
///
/// # Errors
/// [`DeviceError::InvalidProgram`], saying what contradicts what.
pub fn validate(program: &Program) -> Result<(), DeviceError> {
    check(program).map_err(|message| DeviceError::InvalidProgram { program: program.name.clone(), message })
}

fn check(program: &Program) -> Result<(), String> {
    for buffer in &program.buffers {
        let elements = buffer.shape.iter().try_fold(1usize, |a, &n| a.checked_mul(n));
        let needed = elements.and_then(|n| n.checked_mul(buffer.dtype.bytes()));
        if needed.is_none_or(|n| n > buffer.bytes) {
            return Err(format!("buffer `{}` has {} bytes for {:?} of {}", buffer.name, buffer.bytes, buffer.shape, buffer.dtype.name()));
        }
        let available = program.arenas[buffer.class as usize];
        if buffer.offset.checked_add(buffer.bytes).is_none_or(|end| end > available) {
            return Err(format!("buffer `{}` ends behind its arena of {available} bytes", buffer.name));
        }
        if buffer.offset % buffer.dtype.bytes() != 0 {
            return Err(format!("buffer `{}` is not aligned to its elements (arenas are aligned to {ALIGNMENT})", buffer.name));
        }
    }
    if program.update > program.steps.len() {
        return Err(format!("it commits from step {} of {}", program.update, program.steps.len()));
    }
    program.steps.iter().enumerate().try_for_each(|(at, step)| check_step(program, step).map_err(|e| format!("step {at}: {e}")))
}

fn buffer(program: &Program, id: BufferId) -> Result<&Buffer, String> {
    program.buffers.get(id.0 as usize).ok_or_else(|| format!("there is no buffer {}", id.0))
}

/// Whether a buffer has at least this many elements.
fn holds(program: &Program, id: BufferId, elements: Option<usize>, role: &str) -> Result<(), String> {
    let buffer = buffer(program, id)?;
    match elements.and_then(|n| n.checked_mul(buffer.dtype.bytes())) {
        Some(bytes) if bytes <= buffer.bytes => Ok(()),
        _ => Err(format!("{role} `{}` is too small", buffer.name)),
    }
}

fn product(sizes: &[usize]) -> Option<usize> {
    sizes.iter().try_fold(1usize, |a, &n| a.checked_mul(n))
}

/// Whether two buffers share bytes.
fn overlap(a: &Buffer, b: &Buffer) -> bool {
    a.class == b.class && a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes
}

fn check_step(program: &Program, step: &Step) -> Result<(), String> {
    if !matches!(step, Step::Kernel { .. }) {
        let (arguments, result) = Library::arguments(step);
        let written = buffer(program, result)?;
        for id in arguments.into_iter().filter(|&id| id != result) {
            let read = buffer(program, id)?;
            if overlap(read, written) {
                return Err(format!("the result `{}` overlaps `{}`, which is read", written.name, read.name));
            }
        }
    }
    match step {
        Step::Kernel { kernel, arguments } => {
            let kernel = program.kernels.get(*kernel).ok_or_else(|| format!("there is no kernel {kernel}"))?;
            if arguments.len() != kernel.buffers.len() {
                return Err(format!("kernel `{}` takes {} buffers, not {}", kernel.name, kernel.buffers.len(), arguments.len()));
            }
            for (position, (parameter, &argument)) in kernel.buffers.iter().zip(arguments).enumerate() {
                let given = buffer(program, argument)?;
                if given.dtype != parameter.dtype {
                    return Err(format!("kernel `{}` takes {} where `{}` is", kernel.name, parameter.dtype.name(), given.name));
                }
                holds(program, argument, Some(parameter.elements), "argument")?;
                for (other, &id) in kernel.buffers.iter().zip(arguments).skip(position + 1) {
                    let second = buffer(program, id)?;
                    let written = parameter.access != Access::Read || other.access != Access::Read;
                    if written && overlap(given, second) {
                        return Err(format!("kernel `{}` writes where `{}` and `{}` overlap", kernel.name, given.name, second.name));
                    }
                }
            }
            Ok(())
        }
        Step::Dot(dot) => check_dot(program, dot),
        Step::Convolution(convolution) => check_convolution(program, convolution),
        Step::Pooling(pooling) => check_pooling(program, pooling),
        Step::Scatter(scatter) => {
            let updates = product(&[scatter.outer, scatter.count, scatter.inner]);
            let indices = if scatter.per_element { updates } else { Some(scatter.count) };
            holds(program, scatter.updates, updates, "updates")?;
            holds(program, scatter.indices, indices, "indices")?;
            holds(program, scatter.result, product(&[scatter.outer, scatter.places, scatter.inner]), "result")
        }
    }
}

/// One past the largest element that strides reach.
fn reach(extents_and_strides: &[(usize, usize)]) -> Option<usize> {
    if extents_and_strides.iter().any(|(extent, _)| *extent == 0) {
        return Some(0);
    }
    extents_and_strides.iter().try_fold(1usize, |sum, (extent, stride)| sum.checked_add((extent - 1).checked_mul(*stride)?))
}

fn check_dot(program: &Program, dot: &Dot) -> Result<(), String> {
    let with_batch = |own: [(usize, usize); 2], of: &dyn Fn(&esper_codegen::BatchAxis) -> usize| {
        let all: Vec<_> = own.into_iter().chain(dot.batch.iter().map(|axis| (axis.extent, of(axis)))).collect();
        reach(&all)
    };
    holds(program, dot.a, with_batch([(dot.m, dot.a_strides[0]), (dot.k, dot.a_strides[1])], &|axis| axis.a), "left operand")?;
    holds(program, dot.b, with_batch([(dot.k, dot.b_strides[0]), (dot.n, dot.b_strides[1])], &|axis| axis.b), "right operand")?;
    holds(program, dot.c, with_batch([(dot.m, dot.n), (dot.n, 1)], &|axis| axis.c), "result")?;
    dot.epilogue.bias.map_or(Ok(()), |bias| holds(program, bias, Some(dot.n), "bias"))
}

fn check_convolution(program: &Program, convolution: &Convolution) -> Result<(), String> {
    let shape = convolution_shape(convolution);
    let positive = [shape.kernel, shape.stride, shape.dilation].iter().flatten().all(|&n| n > 0) && shape.groups > 0;
    if !positive || shape.input_channels % shape.groups != 0 || shape.output_channels % shape.groups != 0 {
        return Err(format!("a convolution that no sizes have: {shape:?}"));
    }
    let [channels, height, width] = convolution.output;
    if (channels, [height, width]) != (shape.output_channels, shape.output()) {
        return Err(format!("a convolution gives {:?}, not {:?}", shape.output(), convolution.output));
    }
    let [input, weight, output] = shape.floats();
    let [first, second, result] = match convolution.kind {
        ConvolutionKind::Forward => [input, weight, output],
        ConvolutionKind::InputGradient => [output, weight, input],
        ConvolutionKind::WeightGradient => [input, output, weight],
    };
    holds(program, convolution.operands[0], Some(first), "first operand")?;
    holds(program, convolution.operands[1], Some(second), "second operand")?;
    holds(program, convolution.result, Some(result), "result")?;
    convolution.epilogue.bias.map_or(Ok(()), |bias| holds(program, bias, Some(channels), "bias"))
}

fn check_pooling(program: &Program, pooling: &Pooling) -> Result<(), String> {
    let shape = pooling_shape(pooling);
    if ![shape.kernel, shape.stride, shape.dilation].iter().flatten().all(|&n| n > 0) || shape.output() != pooling.output {
        return Err(format!("a pooling that no sizes have: {shape:?} to {:?}", pooling.output));
    }
    let input = product(&pooling.input);
    let output = product(&[pooling.input[0], pooling.output[0], pooling.output[1]]);
    let (operands, result) = match pooling.kind {
        PoolingKind::Max | PoolingKind::Average => (vec![input], output),
        PoolingKind::MaxGradient => (vec![input, output], input),
        PoolingKind::AverageGradient => (vec![output], input),
    };
    if operands.len() != pooling.operands.len() {
        return Err(format!("a pooling reads {} tensors, not {}", operands.len(), pooling.operands.len()));
    }
    pooling.operands.iter().zip(operands).try_for_each(|(&id, elements)| holds(program, id, elements, "operand"))?;
    holds(program, pooling.result, result, "result")
}
