//! From graphs to groups of nodes that one kernel computes, and those groups as kernels.
mod emit;
mod group;
mod nest;
mod prepare;
mod roots;

pub(crate) use emit::{Parameters, Storage, primitive, sizes};
pub(crate) use group::{Schedule, Unit, reads_of, schedule};
pub(crate) use nest::kernel;
pub(crate) use prepare::{is_constant, prepare};
pub(crate) use roots::{Role, is_reduction, is_template, roles, storage};
