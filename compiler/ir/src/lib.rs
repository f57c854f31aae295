//! The one dataflow form: element types, symbolic sizes, the operator table, graphs, and the model that compiler and runtime share.
mod dim;
mod dot;
mod dtype;
mod graph;
mod growth;
pub mod interpret;
mod model;
mod op;
pub mod philox;
mod prim;
mod text;
mod types;
mod verify;

pub use dim::{Dim, DimError};
pub use dot::dot;
pub use dtype::DType;
pub use graph::{Graph, Node, NodeId, OpError, Output, Rule};
pub use growth::*;
pub use interpret::{Tensor, evaluate_all, interpret};
pub use model::*;
pub use op::{
    Arity, Cotangents, Derivative, Domain, DotAxes, Evaluate, Example, Input, Lowering, Op, OpSpec, Operand, Refusal, StreamId, TABLE,
    Tolerance, Window,
};
pub use prim::Prim;
pub use text::{input_text, output_text, parse, print};
pub use types::{Shape, TensorType};
pub use verify::verify;
