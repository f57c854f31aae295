//! Distributions from uniform numbers: elementwise formulas over the one random operator.
use crate::function::Lowering;
use esper_check::hir::Distribution;
use esper_ir::{DType, NodeId, Op, StreamId, TensorType};

/// The second stream of a distribution that needs two: the golden ratio's bits keep it apart from every hashed id.
fn second(stream: StreamId) -> StreamId {
    StreamId(stream.0.wrapping_add(0x9e37_79b9_7f4a_7c15))
}

/// Random numbers of the call's type.
pub(crate) fn lower(l: &mut Lowering, distribution: &Distribution, stream: StreamId) -> Result<NodeId, String> {
    let span = l.span();
    let real = TensorType::new(DType::F32, l.shape().clone());
    let number = |l: &mut Lowering, value: f64| l.constant(value, real.clone());
    let uniform = l.graph.leaf(Op::Random { stream }, real.clone(), span);
    match distribution {
        Distribution::Uniform { low, high } => {
            let range = number(l, high - low);
            let low = number(l, *low);
            let scaled = l.apply(Op::Mul, &[uniform, range])?;
            l.apply(Op::Add, &[scaled, low])
        }
        Distribution::Normal { mean, std } => {
            // Box and Muller, "A Note on the Generation of Random Normal Deviates" (1958): 1 - u lies in (0, 1], so its logarithm is finite
            let other = l.graph.leaf(Op::Random { stream: second(stream) }, real.clone(), span);
            let one = number(l, 1.0);
            let above_zero = l.apply(Op::Sub, &[one, uniform])?;
            let log = l.apply(Op::Log, &[above_zero])?;
            let minus_two = number(l, -2.0);
            let squared = l.apply(Op::Mul, &[minus_two, log])?;
            let radius = l.apply(Op::Sqrt, &[squared])?;
            let turn = number(l, std::f64::consts::TAU);
            let angle = l.apply(Op::Mul, &[turn, other])?;
            let cosine = l.apply(Op::Cos, &[angle])?;
            let unit = l.apply(Op::Mul, &[radius, cosine])?;
            let std = number(l, *std);
            let mean = number(l, *mean);
            let scaled = l.apply(Op::Mul, &[unit, std])?;
            l.apply(Op::Add, &[scaled, mean])
        }
        Distribution::Bernoulli { p } => {
            let p = number(l, *p);
            l.apply(Op::Less, &[uniform, p])
        }
        Distribution::Integer { low, high } => {
            let range = high.sub(low).map_err(|e| e.to_string())?;
            let range = l.size(&range, &real)?;
            let low = l.size(low, &real)?;
            let scaled = l.apply(Op::Mul, &[uniform, range])?;
            let whole = l.apply(Op::Floor, &[scaled])?;
            let shifted = l.apply(Op::Add, &[whole, low])?;
            l.apply(Op::Cast { to: DType::I32 }, &[shifted])
        }
    }
}
