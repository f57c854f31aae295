//! NumPy's broadcasting, made an explicit operator: its derivative is then a sum and nothing needs un-broadcasting.
use crate::function::Lowering;
use esper_ir::{Dim, NodeId, Op, Shape};

impl Lowering<'_> {
    /// Repeats `x` to `shape`: axes are matched from the right, an axis of size 1 is repeated.
    ///
    /// Axes of size 1 are dropped first, so that a `[c]` tensor aligned to `[1, c, 1, 1]` reaches `[b, c, h, w]` in one step.
    pub fn broadcast(&mut self, x: NodeId, shape: &Shape) -> Result<NodeId, String> {
        let from = self.graph.ty(x).shape.clone();
        if &from == shape {
            return Ok(x);
        }
        let shift = shape.len().checked_sub(from.len()).ok_or_else(|| format!("{from:?} has more axes than {shape:?}"))?;
        let one = Dim::constant(1);
        let kept: Vec<usize> = (0..from.len()).filter(|i| from[*i] != one || shape[i + shift] == one).collect();
        let squeezed = self.squeeze(x, kept.iter().map(|i| from[*i].clone()).collect())?;
        let axes = kept.iter().map(|i| i + shift).collect();
        self.apply(Op::Broadcast { shape: shape.clone(), axes }, &[squeezed])
    }

    /// `x` under a shape that lacks some axes of size 1; undoes a reshape that put them there.
    fn squeeze(&mut self, x: NodeId, shape: Shape) -> Result<NodeId, String> {
        if let Op::Reshape { .. } = self.graph.op(x) {
            let source = self.graph.args(x)[0];
            if self.graph.ty(source).shape == shape {
                return Ok(source);
            }
        }
        self.reshape(x, shape)
    }
}
