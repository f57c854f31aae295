//! Operators of constants are constants.
use super::Rewriter;
use esper_ir::{DType, Lowering, NodeId, Op};

impl Rewriter<'_> {
    /// A scalar function of a selection between constants is a selection between constants.
    pub(super) fn fold_selected(&mut self, op: &Op, args: &[NodeId]) -> Option<NodeId> {
        let position = args.iter().position(|a| matches!(self.graph.op(*a), Op::Select))?;
        let branches = self.graph.args(args[position]).to_vec();
        let others_constant = args.iter().enumerate().all(|(i, a)| i == position || self.constant(*a).is_some());
        if !matches!(op.spec().lowering, Lowering::Map(_)) || !others_constant || branches[1..].iter().any(|b| self.constant(*b).is_none())
        {
            return None;
        }
        let mut of_branch = |branch: NodeId| {
            let mut args = args.to_vec();
            args[position] = branch;
            self.fold(op, &args)
        };
        let (then, otherwise) = (of_branch(branches[1])?, of_branch(branches[2])?);
        Some(self.apply(Op::Select, &[branches[0], then, otherwise]))
    }

    /// A constant, where all arguments are one.
    pub(super) fn fold(&mut self, op: &Op, args: &[NodeId]) -> Option<NodeId> {
        let values: Vec<f64> = args.iter().map(|a| self.constant(*a)).collect::<Option<_>>()?;
        let result = self.graph.infer(op, args).ok()?;
        let value = match (op.spec().lowering, op) {
            (Lowering::Map(prim), _) => prim.evaluate(&values),
            (Lowering::Cast, _) if !self.graph.ty(args[0]).dtype.is_float() && result.dtype.is_float() => values[0],
            (Lowering::Cast, _) if self.graph.ty(args[0]).dtype == result.dtype => values[0],
            (_, Op::Broadcast { .. } | Op::Reshape { .. } | Op::Transpose { .. } | Op::Slice { .. } | Op::Flip { .. }) => values[0],
            (_, Op::Pad { value, .. }) if *value == values[0] => values[0],
            (_, Op::Concat { .. }) if values.windows(2).all(|w| w[0] == w[1]) => values[0],
            (_, Op::Max { .. }) => values[0],
            (_, Op::Sum { axes }) => {
                let sizes = self.graph.ty(args[0]).sizes()?;
                values[0] * axes.iter().map(|a| sizes[*a] as f64).product::<f64>()
            }
            _ => return None,
        };
        // Integers that overflow are left to the device, which wraps them.
        let fits = match result.dtype {
            DType::F32 | DType::F16 | DType::BF16 => true,
            DType::I32 => value.fract() == 0.0 && value.abs() <= f64::from(i32::MAX),
            DType::U8 => value.fract() == 0.0 && (0.0..=255.0).contains(&value),
            DType::Bool => value == 0.0 || value == 1.0,
        };
        fits.then(|| self.of_type(value, result))
    }
}
