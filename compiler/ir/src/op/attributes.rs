//! Operators as a name with named attributes: what the text form writes and reads, what is hashed and compared, and where sizes hide.
use super::{DotAxes, Input, Op, StreamId, Window};
use crate::{DType, Dim, DimError};
use std::hash::{Hash, Hasher};

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Attribute {
    Number(f64),
    Count(usize),
    Counts(Vec<usize>),
    Size(Dim),
    Sizes(Vec<Dim>),
    Type(DType),
    Input(Input),
    Stream(StreamId),
}

impl Op {
    /// Its attributes in the order they are written.
    pub(crate) fn attributes(&self) -> Vec<(&'static str, Attribute)> {
        use Attribute::*;
        let windowed = |w: &Window| {
            vec![
                ("kernel", Counts(w.kernel.to_vec())),
                ("stride", Counts(w.stride.to_vec())),
                ("padding", Counts(w.padding.to_vec())),
                ("dilation", Counts(w.dilation.to_vec())),
            ]
        };
        let and = |mut list: Vec<(&'static str, Attribute)>, more: Vec<(&'static str, Attribute)>| {
            list.extend(more);
            list
        };
        match self {
            Op::Input(input) => vec![("from", Input(input.clone()))],
            Op::Constant(value) => vec![("value", Number(*value))],
            Op::Size(dim) => vec![("of", Size(dim.clone()))],
            Op::Random { stream } => vec![("stream", Stream(*stream))],
            Op::Cast { to } => vec![("to", Type(*to))],
            Op::Broadcast { shape, axes } => vec![("shape", Sizes(shape.clone())), ("axes", Counts(axes.clone()))],
            Op::Reshape { shape } => vec![("shape", Sizes(shape.clone()))],
            Op::Transpose { order } => vec![("order", Counts(order.clone()))],
            Op::Slice { start, stop } => vec![("start", Sizes(start.clone())), ("stop", Sizes(stop.clone()))],
            Op::Pad { low, high, value } => vec![("low", Sizes(low.clone())), ("high", Sizes(high.clone())), ("value", Number(*value))],
            Op::Iota { axis } | Op::Concat { axis } | Op::Gather { axis } | Op::TakeAlong { axis } | Op::ArgMax { axis } => {
                vec![("axis", Count(*axis))]
            }
            Op::ScatterAdd { axis, size } | Op::TakeAlongAdd { axis, size } => vec![("axis", Count(*axis)), ("size", Size(size.clone()))],
            Op::Flip { axes } | Op::Sum { axes } | Op::Max { axes } => vec![("axes", Counts(axes.clone()))],
            Op::DotGeneral(axes) => vec![
                ("left_batch", Counts(axes.left_batch.clone())),
                ("right_batch", Counts(axes.right_batch.clone())),
                ("left_contract", Counts(axes.left_contract.clone())),
                ("right_contract", Counts(axes.right_contract.clone())),
            ],
            Op::Convolution { window, groups } | Op::ConvolutionWeightGradient { window, groups } => {
                and(windowed(window), vec![("groups", Count(*groups))])
            }
            Op::ConvolutionInputGradient { window, groups, size } => {
                and(windowed(window), vec![("groups", Count(*groups)), ("size", Sizes(size.to_vec()))])
            }
            Op::MaxPool { window } | Op::MaxPoolGradient { window } | Op::AveragePool { window } => windowed(window),
            Op::AveragePoolGradient { window, size } => and(windowed(window), vec![("size", Sizes(size.to_vec()))]),
            Op::WithGradient { rule } => vec![("rule", Count(*rule))],
            Op::Slot { slot } => vec![("slot", Count(*slot))],
            Op::Neg | Op::Exp | Op::Log | Op::Sqrt | Op::Rsqrt | Op::Reciprocal | Op::Sin | Op::Cos | Op::Tanh | Op::Erf | Op::ErfInv => {
                vec![]
            }
            Op::Abs | Op::Sign | Op::Floor | Op::Ceil | Op::Round | Op::Not | Op::StopGradient => vec![],
            Op::Add | Op::Sub | Op::Mul | Op::Div | Op::Maximum | Op::Minimum | Op::Pow | Op::Rem => vec![],
            Op::Equal | Op::NotEqual | Op::Less | Op::LessEqual | Op::And | Op::Or | Op::Select => vec![],
        }
    }

    /// The operator with every size among its attributes mapped.
    pub(crate) fn map_dims(&self, map: &dyn Fn(&Dim) -> Result<Dim, DimError>) -> Result<Op, DimError> {
        let mut op = self.clone();
        let sizes: Vec<&mut Dim> = match &mut op {
            Op::Size(dim) => vec![dim],
            Op::Broadcast { shape, .. } | Op::Reshape { shape } => shape.iter_mut().collect(),
            Op::Slice { start, stop } => start.iter_mut().chain(stop).collect(),
            Op::Pad { low, high, .. } => low.iter_mut().chain(high).collect(),
            Op::ScatterAdd { size, .. } | Op::TakeAlongAdd { size, .. } => vec![size],
            Op::ConvolutionInputGradient { size, .. } | Op::AveragePoolGradient { size, .. } => size.iter_mut().collect(),
            _ => vec![],
        };
        for size in sizes {
            *size = map(size)?;
        }
        Ok(op)
    }

    /// Hashes what [`Op::same_content`] compares. Numbers by their bits.
    pub(crate) fn hash_content(&self, hasher: &mut impl Hasher) {
        std::mem::discriminant(self).hash(hasher);
        match self {
            // The operators that large graphs have many of, without building a list of their attributes.
            Op::Constant(value) => value.to_bits().hash(hasher),
            Op::Input(input) => input.hash(hasher),
            Op::Broadcast { axes, .. } | Op::Sum { axes } => axes.hash(hasher),
            _ => {
                for (_, attribute) in self.attributes() {
                    match attribute {
                        Attribute::Number(x) => x.to_bits().hash(hasher),
                        Attribute::Count(n) => n.hash(hasher),
                        Attribute::Counts(list) => list.hash(hasher),
                        Attribute::Size(dim) => dim.hash(hasher),
                        Attribute::Sizes(list) => list.hash(hasher),
                        Attribute::Type(dtype) => dtype.hash(hasher),
                        Attribute::Input(input) => input.hash(hasher),
                        Attribute::Stream(stream) => stream.hash(hasher),
                    }
                }
            }
        }
    }

    /// Equality by bits: -0 is not 0, and nan is nan.
    pub(crate) fn same_content(&self, other: &Op) -> bool {
        match (self, other) {
            (Op::Constant(a), Op::Constant(b)) => a.to_bits() == b.to_bits(),
            (Op::Pad { low, high, value }, Op::Pad { low: l, high: h, value: v }) => {
                low == l && high == h && value.to_bits() == v.to_bits()
            }
            _ => self == other,
        }
    }
}

/// Attributes as they are read: by name, each in the form that is asked for.
pub(crate) trait AttributeSource {
    fn number(&self, name: &str) -> Result<f64, String>;
    fn count(&self, name: &str) -> Result<usize, String>;
    fn counts(&self, name: &str) -> Result<Vec<usize>, String>;
    fn size(&self, name: &str) -> Result<Dim, String>;
    fn sizes(&self, name: &str) -> Result<Vec<Dim>, String>;
    fn dtype(&self, name: &str) -> Result<DType, String>;
    fn input(&self, name: &str) -> Result<Input, String>;
    fn stream(&self, name: &str) -> Result<StreamId, String>;
}

/// The operator of that name with these attributes.
pub(crate) fn from_attributes(name: &str, from: &dyn AttributeSource) -> Result<Op, String> {
    let two =
        |name: &str| -> Result<[usize; 2], String> { from.counts(name)?.try_into().map_err(|_| format!("`{name}` has not two numbers")) };
    let window = || -> Result<Window, String> {
        Ok(Window { kernel: two("kernel")?, stride: two("stride")?, padding: two("padding")?, dilation: two("dilation")? })
    };
    let size = || -> Result<[Dim; 2], String> { from.sizes("size")?.try_into().map_err(|_| "`size` has not two sizes".to_string()) };
    let (axis, axes, groups) = (|| from.count("axis"), || from.counts("axes"), || from.count("groups"));
    Ok(match name {
        "input" => Op::Input(from.input("from")?),
        "constant" => Op::Constant(from.number("value")?),
        "size" => Op::Size(from.size("of")?),
        "iota" => Op::Iota { axis: axis()? },
        "random" => Op::Random { stream: from.stream("stream")? },
        "neg" => Op::Neg,
        "exp" => Op::Exp,
        "log" => Op::Log,
        "sqrt" => Op::Sqrt,
        "rsqrt" => Op::Rsqrt,
        "reciprocal" => Op::Reciprocal,
        "sin" => Op::Sin,
        "cos" => Op::Cos,
        "tanh" => Op::Tanh,
        "erf" => Op::Erf,
        "erf_inv" => Op::ErfInv,
        "abs" => Op::Abs,
        "sign" => Op::Sign,
        "floor" => Op::Floor,
        "ceil" => Op::Ceil,
        "round" => Op::Round,
        "not" => Op::Not,
        "cast" => Op::Cast { to: from.dtype("to")? },
        "stop_gradient" => Op::StopGradient,
        "add" => Op::Add,
        "sub" => Op::Sub,
        "mul" => Op::Mul,
        "div" => Op::Div,
        "maximum" => Op::Maximum,
        "minimum" => Op::Minimum,
        "pow" => Op::Pow,
        "rem" => Op::Rem,
        "equal" => Op::Equal,
        "not_equal" => Op::NotEqual,
        "less" => Op::Less,
        "less_equal" => Op::LessEqual,
        "and" => Op::And,
        "or" => Op::Or,
        "select" => Op::Select,
        "broadcast" => Op::Broadcast { shape: from.sizes("shape")?, axes: axes()? },
        "reshape" => Op::Reshape { shape: from.sizes("shape")? },
        "transpose" => Op::Transpose { order: from.counts("order")? },
        "slice" => Op::Slice { start: from.sizes("start")?, stop: from.sizes("stop")? },
        "pad" => Op::Pad { low: from.sizes("low")?, high: from.sizes("high")?, value: from.number("value")? },
        "concat" => Op::Concat { axis: axis()? },
        "flip" => Op::Flip { axes: axes()? },
        "gather" => Op::Gather { axis: axis()? },
        "scatter_add" => Op::ScatterAdd { axis: axis()?, size: from.size("size")? },
        "take_along" => Op::TakeAlong { axis: axis()? },
        "take_along_add" => Op::TakeAlongAdd { axis: axis()?, size: from.size("size")? },
        "sum" => Op::Sum { axes: axes()? },
        "max" => Op::Max { axes: axes()? },
        "argmax" => Op::ArgMax { axis: axis()? },
        "dot_general" => Op::DotGeneral(DotAxes {
            left_batch: from.counts("left_batch")?,
            right_batch: from.counts("right_batch")?,
            left_contract: from.counts("left_contract")?,
            right_contract: from.counts("right_contract")?,
        }),
        "convolution" => Op::Convolution { window: window()?, groups: groups()? },
        "convolution_input_gradient" => Op::ConvolutionInputGradient { window: window()?, groups: groups()?, size: size()? },
        "convolution_weight_gradient" => Op::ConvolutionWeightGradient { window: window()?, groups: groups()? },
        "max_pool" => Op::MaxPool { window: window()? },
        "max_pool_gradient" => Op::MaxPoolGradient { window: window()? },
        "average_pool" => Op::AveragePool { window: window()? },
        "average_pool_gradient" => Op::AveragePoolGradient { window: window()?, size: size()? },
        "with_gradient" => Op::WithGradient { rule: from.count("rule")? },
        "slot" => Op::Slot { slot: from.count("slot")? },
        other => return Err(format!("there is no operator `{other}`")),
    })
}
