//! Element types of tensors.
use serde::{Deserialize, Serialize};

/// The element types of the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum DType {
    F32,
    F16,
    BF16,
    I32,
    U8,
    Bool,
}

impl DType {
    /// All of them, in the order users should read them.
    pub const ALL: [DType; 6] = [DType::F32, DType::F16, DType::BF16, DType::I32, DType::U8, DType::Bool];
    /// The name in the language: `f32`.
    pub fn name(self) -> &'static str {
        match self {
            DType::F32 => "f32",
            DType::F16 => "f16",
            DType::BF16 => "bf16",
            DType::I32 => "i32",
            DType::U8 => "u8",
            DType::Bool => "bool",
        }
    }
    /// The type of that name in the language.
    pub fn from_name(name: &str) -> Option<DType> {
        DType::ALL.into_iter().find(|d| d.name() == name)
    }
    /// Whether gradients flow through it.
    pub fn is_float(self) -> bool {
        matches!(self, DType::F32 | DType::F16 | DType::BF16)
    }
    /// Bytes of one element in memory. A bool is kept as a 32-bit 0 or 1, as every target can load and store it.
    pub fn bytes(self) -> usize {
        match self {
            DType::F32 | DType::I32 | DType::Bool => 4,
            DType::F16 | DType::BF16 => 2,
            DType::U8 => 1,
        }
    }
}
