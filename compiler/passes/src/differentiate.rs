//! Reverse-mode differentiation. It names no operator: every derivative is in the operator's record.
use esper_ir::{Derivative, Graph, NodeId};

/// Adds to the graph the gradient of a float scalar with respect to each node of `wrt`, and gives these nodes in order, each of the type of its node;
/// `None` where `loss` does not depend on it through anything that has a gradient. Works with symbolic sizes.
///
/// Fails where `loss` is no float scalar, or a gradient would have to pass an operator that has none it could compute.
pub fn differentiate(graph: &mut Graph, loss: NodeId, wrt: &[NodeId]) -> Result<Vec<Option<NodeId>>, String> {
    let ty = graph.ty(loss);
    if !ty.dtype.is_float() || ty.rank() != 0 {
        return Err(format!("only a float scalar can be differentiated, not `{ty}`"));
    }
    // Gradients are needed on the paths from `wrt` only: everything else is constant.
    let count = loss.index() + 1;
    let mut varies = vec![false; count];
    for id in wrt.iter().filter(|id| id.index() < count) {
        varies[id.index()] = true;
    }
    for id in graph.ids().take(count) {
        if !varies[id.index()] && graph.ty(id).dtype.is_float() && !matches!(graph.op(id).spec().derivative, Derivative::Zero) {
            varies[id.index()] = graph.args(id).iter().any(|a| varies[a.index()]);
        }
    }
    let mut cotangents: Vec<Option<NodeId>> = vec![None; count];
    cotangents[loss.index()] = Some(graph.full_like(1.0, loss));
    for id in (0..count as u32).rev().map(NodeId).filter(|id| varies[id.index()]) {
        let Some(cotangent) = cotangents[id.index()] else { continue };
        let args = graph.args(id).to_vec();
        if !args.iter().any(|a| varies[a.index()]) {
            continue;
        }
        let name = graph.op(id).spec().name;
        let of_args = match graph.op(id).spec().derivative {
            Derivative::Zero => continue,
            Derivative::Missing(why) => return Err(why.to_string()),
            Derivative::Reverse(reverse) => reverse(graph, id, cotangent).map_err(|e| format!("`{name}`: {e}"))?,
        };
        for (arg, of_arg) in args.into_iter().zip(of_args) {
            let Some(of_arg) = of_arg.filter(|_| varies[arg.index()]) else { continue };
            if graph.ty(of_arg) != graph.ty(arg) {
                return Err(format!("compiler bug: `{name}` gives a gradient `{}` for its operand `{}`", graph.ty(of_arg), graph.ty(arg)));
            }
            cotangents[arg.index()] = Some(match cotangents[arg.index()] {
                Some(sum) => graph.binary(esper_ir::Op::Add, sum, of_arg),
                None => of_arg,
            });
        }
    }
    Ok(wrt.iter().map(|id| cotangents.get(id.index()).copied().flatten()).collect())
}
