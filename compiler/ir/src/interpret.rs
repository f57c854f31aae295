//! The reference interpreter: what every graph means, in float64.
//!
//! Floats of all widths are computed in float64 and never rounded; i32, u8 and bool are kept as whole numbers.
use crate::{DType, Graph, Input, Lowering, Op, OutputKind, philox};

/// A tensor of the interpreter: row-major, every element as an `f64`.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// What its elements stand for.
    pub dtype: DType,
    /// Sizes, outermost axis first.
    pub shape: Vec<usize>,
    /// Elements in row-major order; a bool is 0 or 1.
    pub data: Vec<f64>,
}

impl Tensor {
    /// A tensor of these elements.
    pub fn new(dtype: DType, shape: Vec<usize>, data: Vec<f64>) -> Tensor {
        Tensor { dtype, shape, data }
    }
    /// A tensor without axes.
    pub fn scalar(dtype: DType, value: f64) -> Tensor {
        Tensor { dtype, shape: vec![], data: vec![value] }
    }
}

/// The outputs of a graph without symbolic sizes, in their order. `inputs` gives every input's value; `seed` and `step` key the random streams.
pub fn interpret(
    graph: &Graph,
    inputs: &dyn Fn(&Input) -> Option<Tensor>,
    seed: u64,
    step: u32,
) -> Result<Vec<(OutputKind, Tensor)>, String> {
    let live = graph.live();
    let values = evaluate(graph, inputs, seed, step, &|i| live[i])?;
    Ok(graph.outputs().iter().map(|o| (o.kind.clone(), values[o.node.index()].clone())).collect())
}

/// The value of every node, by its position.
pub fn evaluate_all(graph: &Graph, inputs: &dyn Fn(&Input) -> Option<Tensor>, seed: u64, step: u32) -> Result<Vec<Tensor>, String> {
    evaluate(graph, inputs, seed, step, &|_| true)
}

fn evaluate(
    graph: &Graph,
    inputs: &dyn Fn(&Input) -> Option<Tensor>,
    seed: u64,
    step: u32,
    wanted: &dyn Fn(usize) -> bool,
) -> Result<Vec<Tensor>, String> {
    let mut values: Vec<Tensor> = Vec::with_capacity(graph.len());
    for id in graph.ids() {
        let node = graph.node(id);
        if !wanted(id.index()) {
            values.push(Tensor::scalar(node.ty.dtype, f64::NAN));
            continue;
        }
        let Some(shape) = node.ty.sizes() else { return Err(format!("`{}` has symbolic sizes", node.ty)) };
        let elements = node.ty.elements().ok_or_else(|| format!("`{}` is too large", node.ty))?;
        let args: Vec<&Tensor> = node.args.iter().map(|a| &values[a.index()]).collect();
        let spec = node.op.spec();
        let data = match (spec.lowering, spec.evaluate) {
            (Lowering::Leaf, _) => leaf(&node.op, &shape, elements, inputs, seed, step).map_err(|e| format!("%{}: {e}", id.0))?,
            (Lowering::Map(prim), _) => {
                let mut scalars = vec![0.0; args.len()];
                let at = |i: usize| {
                    scalars.iter_mut().zip(&args).for_each(|(s, a)| *s = a.data[i]);
                    prim.evaluate(&scalars)
                };
                (0..elements).map(at).collect()
            }
            (_, Some(evaluate)) => evaluate(&node.op, &args, &shape),
            (_, None) => return Err(format!("operator `{}` has no reference evaluation", spec.name)),
        };
        let data: Vec<f64> = if node.ty.dtype.is_float() { data } else { data.into_iter().map(|x| wrap(x, node.ty.dtype)).collect() };
        if data.len() != elements {
            return Err(format!("operator `{}` gave {} elements for a `{}`", spec.name, data.len(), node.ty));
        }
        values.push(Tensor { dtype: node.ty.dtype, shape, data });
    }
    Ok(values)
}

fn leaf(
    op: &Op,
    shape: &[usize],
    elements: usize,
    inputs: &dyn Fn(&Input) -> Option<Tensor>,
    seed: u64,
    step: u32,
) -> Result<Vec<f64>, String> {
    Ok(match op {
        Op::Input(input) => {
            let tensor = inputs(input).ok_or_else(|| format!("no value is given for the input {input:?}"))?;
            if tensor.shape != shape {
                return Err(format!("the input {input:?} of sizes {shape:?} is given sizes {:?}", tensor.shape));
            }
            tensor.data
        }
        Op::Constant(value) => vec![*value; elements],
        Op::Size(dim) => match dim.as_rational() {
            Some((numerator, denominator)) => vec![numerator as f64 / denominator as f64; elements],
            None => return Err(format!("the size `{dim}` is symbolic")),
        },
        Op::Iota { axis } => {
            let inner: usize = shape[axis + 1..].iter().product();
            (0..elements).map(|i| (i / inner % shape[*axis]) as f64).collect()
        }
        Op::Random { stream } => {
            // Streams repeat after 2³² positions; no tensor on a device is that long.
            (0..elements).map(|i| philox::uniform(seed, step, *stream, i as u32)).collect()
        }
        other => return Err(format!("operator `{}` is no leaf", other.spec().name)),
    })
}

/// A whole number as its element type holds it: integers wrap around, nan is 0.
fn wrap(x: f64, dtype: DType) -> f64 {
    match dtype {
        DType::I32 => f64::from(x as i64 as i32),
        DType::U8 => f64::from(x as i64 as u8),
        DType::Bool => f64::from(u8::from(x != 0.0)),
        DType::F32 | DType::F16 | DType::BF16 => x,
    }
}

/// The value in another element type: a float becomes an integer by dropping its fraction, kept inside the type's range, and nan becomes 0.
pub(crate) fn cast(x: f64, from: DType, to: DType) -> f64 {
    match to {
        DType::I32 if from.is_float() => f64::from(x as i32),
        DType::U8 if from.is_float() => f64::from(x as u8),
        _ => wrap(x, to),
    }
}
