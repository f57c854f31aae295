//! Convolution (being written).
