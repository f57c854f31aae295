//! What happens to the elements of a product before they are stored, while they are in registers.

/// A vector that is added to the product.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Bias {
    /// Nothing.
    None,
    /// `n` floats, one for each column of C.
    Columns(*const f32),
    /// `m` floats, one for each row of C.
    Rows(*const f32),
}

/// The derivative of relu: elements of C become zero where the gate's element is not above zero.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Gate {
    /// An m × n matrix whose columns lie next to each other, such as the output of a relu.
    pub values: *const f32,
    /// Floats from one row to the next.
    pub row_stride: usize,
}

/// `C = gate(activation(scale · A·B + bias + (accumulate ? C : 0)))`.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Epilogue {
    /// Factor of the product.
    pub scale: f32,
    /// Add to what is in C instead of overwriting it.
    pub accumulate: bool,
    /// Added before the activation.
    pub bias: Bias,
    /// `max(0, x)` as the activation; NaN stays NaN.
    pub relu: bool,
    /// Zeroes elements last, if present.
    pub gate: Option<Gate>,
}

// SAFETY: an epilogue only carries addresses; they are followed in unsafe code, for reading.
unsafe impl Send for Epilogue {}
// SAFETY: as above.
unsafe impl Sync for Epilogue {}

impl Epilogue {
    /// The bare product: C = A · B.
    pub const NONE: Epilogue = Epilogue { scale: 1.0, accumulate: false, bias: Bias::None, relu: false, gate: None };
}

impl Default for Epilogue {
    fn default() -> Self {
        Epilogue::NONE
    }
}
