//! Short ways to add nodes whose types are known to be right: for passes and derivatives, where a refusal is a bug of the compiler.
use super::{Graph, NodeId};
use crate::{DType, Op, Shape, TensorType};
use esper_diagnostics::Span;

impl Graph {
    /// Applies an operator that must fit. Panics with the operator's own words where it does not.
    pub fn build(&mut self, op: Op, args: &[NodeId]) -> NodeId {
        let span = args.first().map(|a| self.span(*a)).unwrap_or_default();
        self.build_at(op, args, span)
    }
    /// [`Graph::build`] for an operator whose place in the source is known: without one, it has that of its first argument.
    pub fn build_at(&mut self, op: Op, args: &[NodeId], span: Span) -> NodeId {
        match self.apply(op.clone(), args, span) {
            Ok(id) => id,
            Err(error) => panic!("compiler bug: {} is applied wrongly: {error}", op.spec().name),
        }
    }
    /// An operator of one operand.
    pub fn unary(&mut self, op: Op, operand: NodeId) -> NodeId {
        self.build(op, &[operand])
    }
    /// An operator of two operands.
    pub fn binary(&mut self, op: Op, left: NodeId, right: NodeId) -> NodeId {
        self.build(op, &[left, right])
    }
    /// `condition` ? `then` : `otherwise`, element by element.
    pub fn select(&mut self, condition: NodeId, then: NodeId, otherwise: NodeId) -> NodeId {
        self.build(Op::Select, &[condition, then, otherwise])
    }
    /// The sum over axes, given in any order; over none, the operand itself.
    pub fn sum(&mut self, operand: NodeId, axes: impl Into<Vec<usize>>) -> NodeId {
        let mut axes = axes.into();
        axes.sort();
        if axes.is_empty() { operand } else { self.unary(Op::Sum { axes }, operand) }
    }
    /// To `shape`, operand axis `i` becoming axis `axes[i]`; the operand itself where nothing changes.
    pub fn broadcast_to(&mut self, operand: NodeId, shape: impl Into<Shape>, axes: impl Into<Vec<usize>>) -> NodeId {
        let (shape, axes) = (shape.into(), axes.into());
        if self.ty(operand).shape == shape { operand } else { self.unary(Op::Broadcast { shape, axes }, operand) }
    }
    /// The same elements under another shape; the operand itself where it has it already.
    pub fn reshape(&mut self, operand: NodeId, shape: impl Into<Shape>) -> NodeId {
        let shape = shape.into();
        if self.ty(operand).shape == shape { operand } else { self.unary(Op::Reshape { shape }, operand) }
    }
    /// Result axis `i` is operand axis `order[i]`; the operand itself where that is the order it has.
    pub fn transpose(&mut self, operand: NodeId, order: impl Into<Vec<usize>>) -> NodeId {
        let order = order.into();
        if order.iter().enumerate().all(|(i, o)| i == *o) { operand } else { self.unary(Op::Transpose { order }, operand) }
    }
    /// One number in the type of another node.
    pub fn full_like(&mut self, value: f64, like: NodeId) -> NodeId {
        let (ty, span) = (self.ty(like).clone(), self.span(like));
        self.leaf(Op::Constant(value), ty, span)
    }
    /// One number without axes.
    pub fn scalar(&mut self, value: f64, dtype: DType) -> NodeId {
        self.constant(value, TensorType::scalar(dtype))
    }
}
