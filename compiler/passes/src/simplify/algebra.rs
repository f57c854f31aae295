//! Identities of arithmetic, logic and selection.
use super::Rewriter;
use esper_ir::{DType, NodeId, Op};

impl Rewriter<'_> {
    /// Something simpler than an elementwise operator of these arguments. Commutative operators have their constant on the right already.
    pub(super) fn algebra(&mut self, op: &Op, args: &[NodeId]) -> Option<NodeId> {
        let x = *args.first()?;
        let y = args.get(1).copied().unwrap_or(x);
        let negated = |r: &Self, id: NodeId| r.inside(id, &Op::Neg);
        match op {
            Op::Neg => match self.graph.op(x) {
                Op::Neg => Some(self.graph.args(x)[0]),
                Op::Sub => {
                    let (a, b) = (self.graph.args(x)[0], self.graph.args(x)[1]);
                    Some(self.apply(Op::Sub, &[b, a]))
                }
                Op::Mul | Op::Div => {
                    let (product, [a, b]) = (self.graph.op(x).clone(), [self.graph.args(x)[0], self.graph.args(x)[1]]);
                    let opposite = -self.constant(b)?;
                    let b = self.graph.full_like(opposite, b);
                    Some(self.apply(product, &[a, b]))
                }
                _ => None,
            },
            Op::Add => {
                if self.is_constant(y, 0.0) {
                    return Some(x);
                }
                if let Some(inner) = negated(self, y) {
                    return Some(self.apply(Op::Sub, &[x, inner]));
                }
                negated(self, x).map(|inner| self.apply(Op::Sub, &[y, inner]))
            }
            Op::Sub => {
                if self.is_constant(y, 0.0) {
                    return Some(x);
                }
                if self.is_constant(x, 0.0) && self.graph.ty(x).dtype != DType::U8 {
                    return Some(self.apply(Op::Neg, &[y]));
                }
                negated(self, y).map(|inner| self.apply(Op::Add, &[x, inner]))
            }
            Op::Mul => self.product(x, y),
            Op::Div => self.quotient(x, y),
            Op::Pow => self.power(x, y),
            Op::Reciprocal => self.inside(x, &Op::Sqrt).map(|inner| self.apply(Op::Rsqrt, &[inner])),
            Op::Abs => match self.graph.op(x) {
                Op::Neg => {
                    let inner = self.graph.args(x)[0];
                    Some(self.apply(Op::Abs, &[inner]))
                }
                Op::Abs => Some(x),
                _ => None,
            },
            Op::Maximum | Op::Minimum => {
                let neutral = if matches!(op, Op::Maximum) { f64::NEG_INFINITY } else { f64::INFINITY };
                (x == y || self.is_constant(y, neutral)).then_some(x)
            }
            Op::Cast { to } => (self.graph.ty(x).dtype == *to).then_some(x),
            Op::Not | Op::And | Op::Or | Op::Select => self.logic(op, args),
            _ => None,
        }
    }

    fn product(&mut self, x: NodeId, y: NodeId) -> Option<NodeId> {
        match self.constant(y) {
            Some(1.0) => return Some(x),
            Some(-1.0) if self.graph.ty(x).dtype != DType::U8 => return Some(self.apply(Op::Neg, &[x])),
            _ => {}
        }
        match (self.inside(x, &Op::Neg), self.inside(y, &Op::Neg), self.constant(y)) {
            (Some(a), Some(b), _) => Some(self.apply(Op::Mul, &[a, b])),
            (Some(a), _, Some(c)) => {
                let opposite = self.graph.full_like(-c, y);
                Some(self.apply(Op::Mul, &[a, opposite]))
            }
            _ => None,
        }
    }

    fn quotient(&mut self, x: NodeId, y: NodeId) -> Option<NodeId> {
        match self.constant(y) {
            Some(1.0) => return Some(x),
            Some(-1.0) => return Some(self.apply(Op::Neg, &[x])),
            // Division by a power of two is exact as a multiplication; any other reciprocal would round.
            Some(c) if c.is_normal() && c.to_bits() << 12 == 0 && (1e-30..1e30).contains(&c.abs()) => {
                let factor = self.graph.full_like(1.0 / c, y);
                return Some(self.apply(Op::Mul, &[x, factor]));
            }
            Some(c) => {
                let inner = self.inside(x, &Op::Neg)?;
                let opposite = self.graph.full_like(-c, y);
                return Some(self.apply(Op::Div, &[inner, opposite]));
            }
            None => {}
        }
        if self.is_constant(x, 1.0) {
            return Some(self.apply(Op::Reciprocal, &[y]));
        }
        match (self.inside(x, &Op::Neg), self.inside(y, &Op::Neg)) {
            (Some(a), Some(b)) => Some(self.apply(Op::Div, &[a, b])),
            _ => None,
        }
    }

    fn power(&mut self, x: NodeId, y: NodeId) -> Option<NodeId> {
        let exponent = self.constant(y)?;
        if exponent == 0.0 {
            return Some(self.graph.full_like(1.0, x));
        }
        if exponent == 1.0 {
            return Some(x);
        }
        if exponent == 2.0 || exponent == 3.0 {
            let square = self.apply(Op::Mul, &[x, x]);
            return Some(if exponent == 2.0 { square } else { self.apply(Op::Mul, &[square, x]) });
        }
        let root = [(0.5, Op::Sqrt), (-0.5, Op::Rsqrt), (-1.0, Op::Reciprocal)].into_iter().find(|(e, _)| *e == exponent)?;
        Some(self.apply(root.1, &[x]))
    }

    fn logic(&mut self, op: &Op, args: &[NodeId]) -> Option<NodeId> {
        let x = args[0];
        match op {
            Op::Not => match self.graph.op(x).clone() {
                Op::Not => Some(self.graph.args(x)[0]),
                Op::Equal => {
                    let operands = self.graph.args(x).to_vec();
                    Some(self.apply(Op::NotEqual, &operands))
                }
                Op::NotEqual => {
                    let operands = self.graph.args(x).to_vec();
                    Some(self.apply(Op::Equal, &operands))
                }
                _ => None,
            },
            Op::And | Op::Or if x == args[1] => Some(x),
            Op::And | Op::Or => {
                let decided = self.constant(args[1])? != 0.0;
                Some(if decided == matches!(op, Op::And) { x } else { args[1] })
            }
            Op::Select => {
                let (then, otherwise) = (args[1], args[2]);
                if then == otherwise {
                    return Some(then);
                }
                if let Some(condition) = self.constant(x) {
                    return Some(if condition != 0.0 { then } else { otherwise });
                }
                if let Some(inner) = self.inside(x, &Op::Not) {
                    return Some(self.apply(Op::Select, &[inner, otherwise, then]));
                }
                // Under a condition, a selection by the same condition is decided.
                let decided = |r: &Self, id: NodeId, branch: usize| {
                    (matches!(r.graph.op(id), Op::Select) && r.graph.args(id)[0] == x).then(|| r.graph.args(id)[branch])
                };
                match (decided(self, then, 1), decided(self, otherwise, 2)) {
                    (None, None) => None,
                    (a, b) => Some(self.apply(Op::Select, &[x, a.unwrap_or(then), b.unwrap_or(otherwise)])),
                }
            }
            _ => None,
        }
    }
}
