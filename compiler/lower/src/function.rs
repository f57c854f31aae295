//! One function of the checked program to one graph, call by call.
use crate::{contraction, movement, random};
use esper_check::hir::{Builtin, Call, Function, Reduce};
use esper_diagnostics::Span;
use esper_ir::{DType, Dim, Graph, NodeId, Op, Rule, Shape, TensorType};

/// The graph under construction and the call being lowered.
pub(crate) struct Lowering<'a> {
    /// What is built.
    pub graph: Graph,
    /// The call whose operators are being added.
    pub call: &'a Call,
}

/// Lowers straight-line code. The error is a bug of the compiler: it names the call.
pub fn lower_function(function: &Function) -> Result<Graph, String> {
    let mut graph = Graph::new();
    for rule in &function.rules {
        graph.add_rule(Rule { inputs: rule.inputs, graph: lower_function(&rule.function)? });
    }
    let mut nodes: Vec<NodeId> = Vec::with_capacity(function.calls.len());
    for call in &function.calls {
        let args: Vec<NodeId> = call.args.iter().map(|a| nodes[a.0 as usize]).collect();
        let mut lowering = Lowering { graph, call };
        let node = lowering.lower(&args).map_err(|e| format!("lowering {:?} to {}: {e}", call.builtin, call.ty))?;
        graph = lowering.graph;
        if graph.ty(node) != &call.ty {
            return Err(format!("lowering {:?} gave {}, but {} was checked", call.builtin, graph.ty(node), call.ty));
        }
        nodes.push(node);
    }
    for (kind, value) in &function.outputs {
        graph.add_output(kind.clone(), nodes[value.0 as usize]);
    }
    Ok(graph)
}

impl Lowering<'_> {
    /// The place of the call.
    pub fn span(&self) -> Span {
        self.call.span
    }
    /// The checked result shape.
    pub fn shape(&self) -> &Shape {
        &self.call.ty.shape
    }
    /// Adds an operator at the place of the call.
    pub fn apply(&mut self, op: Op, args: &[NodeId]) -> Result<NodeId, String> {
        let span = self.span();
        self.graph.apply(op, args, span).map_err(|e| e.to_string())
    }
    /// A number of every element of a type.
    pub fn constant(&mut self, value: f64, ty: TensorType) -> NodeId {
        self.graph.leaf(Op::Constant(value), ty, self.call.span)
    }
    /// A size as a tensor of a type, the same everywhere.
    pub fn size(&mut self, size: &Dim, ty: &TensorType) -> Result<NodeId, String> {
        let scalar = self.graph.leaf(Op::Size(size.clone()), TensorType::scalar(ty.dtype), self.call.span);
        self.broadcast(scalar, &ty.shape)
    }
    /// The same elements under another shape.
    pub fn reshape(&mut self, x: NodeId, shape: Shape) -> Result<NodeId, String> {
        if self.graph.ty(x).shape == shape {
            return Ok(x);
        }
        self.apply(Op::Reshape { shape }, &[x])
    }
    /// Axes in another order.
    pub fn transpose(&mut self, x: NodeId, order: Vec<usize>) -> Result<NodeId, String> {
        if order.iter().enumerate().all(|(i, o)| i == *o) {
            return Ok(x);
        }
        self.apply(Op::Transpose { order }, &[x])
    }

    fn lower(&mut self, args: &[NodeId]) -> Result<NodeId, String> {
        let (builtin, ty) = (&self.call.builtin, self.call.ty.clone());
        match builtin {
            Builtin::Input(input) => Ok(self.graph.leaf(Op::Input(input.clone()), ty, self.call.span)),
            Builtin::Constant(value) => Ok(self.constant(*value, ty)),
            Builtin::Size(size) => self.size(size, &ty),
            Builtin::Iota { axis } => Ok(self.graph.leaf(Op::Iota { axis: *axis }, ty, self.call.span)),
            Builtin::Random { distribution, stream } => random::lower(self, distribution, *stream),
            Builtin::Elementwise(op) => {
                let args = args.iter().map(|a| self.broadcast(*a, &ty.shape)).collect::<Result<Vec<_>, _>>()?;
                self.apply(op.clone(), &args)
            }
            Builtin::MatMul => contraction::matmul(self, args[0], args[1]),
            Builtin::Einsum { operands, result } => contraction::einsum(self, operands, result, args),
            Builtin::Rearrange { from, to, sizes } => movement::rearrange(self, args[0], from, to, sizes),
            Builtin::Transpose { order } => self.transpose(args[0], order.clone()),
            Builtin::Reshape => self.reshape(args[0], ty.shape),
            Builtin::Align { axes } => movement::align(self, args[0], axes),
            Builtin::BroadcastTo => self.broadcast(args[0], &ty.shape),
            Builtin::Index(items) => movement::index(self, args[0], items),
            Builtin::Concat { axis } => self.apply(Op::Concat { axis: *axis }, args),
            Builtin::Pad { low, high, value } => self.apply(Op::Pad { low: low.clone(), high: high.clone(), value: *value }, args),
            Builtin::Flip { axes } => self.apply(Op::Flip { axes: axes.clone() }, args),
            Builtin::Gather { axis } => self.apply(Op::Gather { axis: *axis }, args),
            Builtin::TakeAlong { axis } => {
                let indices = self.broadcast(args[1], &ty.shape)?;
                self.apply(Op::TakeAlong { axis: *axis }, &[args[0], indices])
            }
            Builtin::ScatterAdd { axis, size } => self.apply(Op::ScatterAdd { axis: *axis, size: size.clone() }, args),
            Builtin::OneHot { .. } => self.one_hot(args[0]),
            Builtin::Reduce { how, axes, .. } => self.reduce(args[0], *how, axes),
            Builtin::ArgMax { axis, .. } => {
                let reduced = self.apply(Op::ArgMax { axis: *axis }, args)?;
                self.reshape(reduced, ty.shape)
            }
            Builtin::Convolution { window, groups } => {
                let op = Op::Convolution { window: *window, groups: *groups };
                self.over_pictures(args, |l, args| l.apply(op, args))
            }
            Builtin::MaxPool { window } => {
                let op = Op::MaxPool { window: *window };
                self.over_pictures(args, |l, args| l.apply(op, args))
            }
            Builtin::AveragePool { window } => {
                let op = Op::AveragePool { window: *window };
                self.over_pictures(args, |l, args| l.apply(op, args))
            }
            Builtin::Slot { slot } => self.apply(Op::Slot { slot: *slot }, args),
            Builtin::WithGradient { rule } => self.apply(Op::WithGradient { rule: *rule }, args),
        }
    }

    /// Runs a window operator of four axes; operands of three axes get a height of 1 for it.
    fn over_pictures(
        &mut self,
        args: &[NodeId],
        run: impl FnOnce(&mut Self, &[NodeId]) -> Result<NodeId, String>,
    ) -> Result<NodeId, String> {
        let with_height = |l: &mut Self, x: NodeId| {
            let mut shape = l.graph.ty(x).shape.clone();
            if shape.len() == 3 {
                shape.insert(2, Dim::constant(1));
            }
            l.reshape(x, shape)
        };
        let args = args.iter().map(|a| with_height(self, *a)).collect::<Result<Vec<_>, _>>()?;
        let result = run(self, &args)?;
        self.reshape(result, self.shape().clone())
    }

    fn one_hot(&mut self, indices: NodeId) -> Result<NodeId, String> {
        let ty = self.call.ty.clone();
        let last = ty.rank() - 1;
        let class = self.graph.leaf(Op::Iota { axis: last }, TensorType::new(DType::I32, ty.shape.clone()), self.call.span);
        let axes = (0..last).collect();
        let wanted = self.apply(Op::Broadcast { shape: ty.shape.clone(), axes }, &[indices])?;
        let equal = self.apply(Op::Equal, &[wanted, class])?;
        if ty.dtype == DType::Bool { Ok(equal) } else { self.apply(Op::Cast { to: ty.dtype }, &[equal]) }
    }

    /// The numbers so that the smallest is the largest; done twice they are what they were. The smallest integer has no negative.
    fn in_reverse_order(&mut self, x: NodeId) -> Result<NodeId, String> {
        let ty = self.graph.ty(x).clone();
        let from = match ty.dtype {
            DType::I32 => -1.0,
            DType::U8 => 255.0,
            _ => return self.apply(Op::Neg, &[x]),
        };
        let from = self.constant(from, ty);
        self.apply(Op::Sub, &[from, x])
    }

    fn reduce(&mut self, x: NodeId, how: Reduce, axes: &[usize]) -> Result<NodeId, String> {
        let shape = self.shape().clone();
        let reduced = match how {
            _ if axes.is_empty() => x,
            Reduce::Sum => self.apply(Op::Sum { axes: axes.to_vec() }, &[x])?,
            Reduce::Max => self.apply(Op::Max { axes: axes.to_vec() }, &[x])?,
            Reduce::Min => {
                let turned = self.in_reverse_order(x)?;
                let largest = self.apply(Op::Max { axes: axes.to_vec() }, &[turned])?;
                self.in_reverse_order(largest)?
            }
            Reduce::Mean => {
                let sizes = &self.graph.ty(x).shape;
                let mut count = Dim::constant(1);
                for axis in axes {
                    count = count.mul(&sizes[*axis]).map_err(|e| e.to_string())?;
                }
                let sum = self.apply(Op::Sum { axes: axes.to_vec() }, &[x])?;
                let ty = self.graph.ty(sum).clone();
                let count = self.size(&count, &ty)?;
                self.apply(Op::Div, &[sum, count])?
            }
        };
        self.reshape(reduced, shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use esper_check::hir::Value;
    use esper_ir::{Input, OutputKind, Tensor, interpret};

    #[test]
    fn the_smallest_of_integers_is_found_at_the_ends_of_their_range() {
        let extremes = [(DType::I32, [5.0, f64::from(i32::MIN), f64::from(i32::MAX)]), (DType::U8, [255.0, 0.0, 7.0])];
        for (dtype, data) in extremes {
            let call = |builtin, args, shape| Call {
                builtin,
                args,
                ty: TensorType::new(dtype, shape),
                span: Span::default(),
                path: String::new(),
            };
            let reduce = Builtin::Reduce { how: Reduce::Min, axes: vec![0], keep: false };
            let function = Function {
                calls: vec![call(Builtin::Input(Input::Argument(0)), vec![], vec![Dim::constant(3)]), call(reduce, vec![Value(0)], vec![])],
                outputs: vec![(OutputKind::Value(0), Value(1))],
                ..Function::default()
            };
            let graph = lower_function(&function).unwrap();
            let smallest = data.iter().copied().fold(f64::INFINITY, f64::min);
            let x = Tensor { dtype, shape: vec![3], data: data.to_vec() };
            let found = interpret(&graph, &|_| Some(x.clone()), 0, 0).unwrap();
            assert_eq!(found[0].1.data, [smallest], "{dtype:?}");
        }
    }
}
