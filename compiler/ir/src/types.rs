//! The type of a tensor: its element type and its shape, whose sizes may be symbolic.
use crate::{DType, Dim};
use serde::{Deserialize, Serialize};

/// Sizes of the axes, outermost first. No axes: a scalar.
pub type Shape = Vec<Dim>;

/// `f32[b, 64]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TensorType {
    /// What an element is.
    pub dtype: DType,
    /// Sizes of the axes.
    pub shape: Shape,
}

impl TensorType {
    /// A tensor of these sizes.
    pub fn new(dtype: DType, shape: Shape) -> TensorType {
        TensorType { dtype, shape }
    }
    /// A tensor without axes.
    pub fn scalar(dtype: DType) -> TensorType {
        TensorType { dtype, shape: vec![] }
    }
    /// How many axes.
    pub fn rank(&self) -> usize {
        self.shape.len()
    }
    /// The sizes as numbers, where all are known.
    pub fn sizes(&self) -> Option<Vec<usize>> {
        self.shape.iter().map(|d| d.as_const().and_then(|n| usize::try_from(n).ok())).collect()
    }
    /// The number of elements, where all sizes are known and it fits.
    pub fn elements(&self) -> Option<usize> {
        self.sizes()?.into_iter().try_fold(1usize, |a, b| a.checked_mul(b))
    }
}

impl std::fmt::Display for TensorType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.dtype.name())?;
        if self.shape.is_empty() {
            return Ok(());
        }
        f.write_str("[")?;
        for (i, d) in self.shape.iter().enumerate() {
            write!(f, "{}{d}", if i > 0 { ", " } else { "" })?;
        }
        f.write_str("]")
    }
}
