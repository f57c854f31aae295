//! The tail of a host for a seed that learns in the shadow: from its slot to the loss, once more, with the seed in place.
use super::host::{Grafting, Opened, Variant};
use super::inlined;
use esper_ir::{Graph, NodeId, Op, OutputKind};

/// The loss of `detach(h + active seeds) + f(detach(h))`, and the new values of the seed's own states.
///
/// What precedes the slot is shared with the host's pass. The host's parameters in the tail are frozen because only the seed's parameters are
/// differentiated from this loss; new values of the host's states are not taken from it; random nodes are on the host's streams, so they
/// draw the same numbers.
pub(super) fn tail(
    graph: &mut Graph,
    host: &Graph,
    copies: &[NodeId],
    slot: &Opened,
    seed: &Grafting,
) -> Result<(NodeId, Vec<(usize, NodeId)>), String> {
    let source = graph.unary(Op::StopGradient, slot.source);
    let standing = graph.unary(Op::StopGradient, slot.value);
    let (value, states) = inlined(graph, seed, Variant::Train, source)?;
    let contribution = seed.contribution(graph, value, source);
    let with = graph.binary(Op::Add, standing, contribution);
    let mut tail: Vec<Option<NodeId>> = vec![None; host.len()];
    tail[slot.node.index()] = Some(with);
    for id in host.ids().skip(slot.node.index() + 1) {
        let node = host.node(id);
        if !node.args.iter().any(|a| tail[a.index()].is_some()) {
            continue;
        }
        let args: Vec<NodeId> = node.args.iter().map(|a| tail[a.index()].unwrap_or(copies[a.index()])).collect();
        tail[id.index()] = Some(crate::simplify::copy(graph, node, &args));
    }
    let loss = host.output(OutputKind::Loss).ok_or("compiler bug: the training graph has no loss")?;
    // A loss that does not depend on the slot would leave the seed without a gradient.
    let loss = tail[loss.index()].ok_or_else(|| format!("what leaves slot {} does not reach the loss", seed.slot))?;
    Ok((loss, states))
}
