//! The one dataflow form: element types, symbolic sizes, the operator table, graphs, and the model that compiler and runtime share.
mod dim;
mod dtype;
mod graph;
mod model;
mod op;
mod prim;
mod types;

pub use dim::{Dim, DimError};
pub use dtype::DType;
pub use graph::{Graph, NodeId, Node, Output, Rule};
pub use model::*;
pub use op::{DotAxes, Input, Op, StreamId, Window};
pub use prim::Prim;
pub use types::{Shape, TensorType};
