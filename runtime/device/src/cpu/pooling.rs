//! Pooling (being written).
