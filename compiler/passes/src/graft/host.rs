//! The host's graph rebuilt with what grows in its slots.
use super::{inlined, is_shadow, join, shadow};
use esper_ir::{Birth, Graph, Join, Live, Model, NodeId, Op, OutputKind, Seed};

/// Which graph of a seed is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Variant {
    /// With the new values of states, and tails for what learns in the shadow.
    Train,
    /// Neither.
    Eval,
}

/// A seed on its way into a graph.
pub(super) struct Grafting<'a> {
    pub seed: &'a Seed,
    pub path: &'a str,
    pub slot: usize,
    /// Its number among those that live: names its α.
    pub number: usize,
    /// A constant α, for one that is integrated.
    pub alpha: Option<f64>,
    pub shadow: bool,
    pub join: Join,
    /// Whether its maximums count a slope of 1 where both are equal.
    pub opened: bool,
    pub first_parameter: usize,
    pub first_state: usize,
}

impl<'a> Grafting<'a> {
    pub fn new(host: &'a Model, live: &'a Live, number: usize) -> Grafting<'a> {
        let planting = &live.planting;
        Grafting {
            seed: &host.seeds[planting.seed],
            path: &live.path,
            slot: planting.slot,
            number,
            alpha: None,
            shadow: is_shadow(live),
            join: planting.join,
            opened: planting.opened,
            first_parameter: live.parameters.start,
            first_state: live.states.start,
        }
    }

    /// What it contributes: what it computes, or its difference from what it takes the place of.
    pub fn contribution(&self, graph: &mut Graph, value: NodeId, source: NodeId) -> NodeId {
        match self.seed.birth {
            Birth::Same => graph.binary(Op::Sub, value, source),
            Birth::Zero | Birth::Unsaid => value,
        }
    }
}

/// What is known of a slot of the host while tails are built.
pub(super) struct Opened {
    /// The slot's node in the host's graph.
    pub node: NodeId,
    /// What leaves the slot in the rebuilt graph, with the joined seeds.
    pub value: NodeId,
    /// What a seed reads there.
    pub source: NodeId,
}

/// A host's graph with seeds. Everything that the host computes is built first and in the order it had.
pub(super) fn grafted(host: &Graph, seeds: &[Grafting], variant: Variant) -> Result<Graph, String> {
    let mut graph = Graph::new();
    for rule in host.rules() {
        graph.add_rule(rule.clone());
    }
    let mut copies: Vec<NodeId> = Vec::with_capacity(host.len());
    let mut states = vec![];
    let mut opened: Vec<(usize, Opened)> = vec![];
    for id in host.ids() {
        let node = host.node(id);
        let args: Vec<NodeId> = node.args.iter().map(|a| copies[a.index()]).collect();
        let copy = match node.op {
            Op::Slot { slot } => {
                let joined: Vec<&Grafting> = seeds.iter().filter(|s| s.slot == slot && !s.shadow).collect();
                let (target, source) = (args[0], args[1]);
                let mut parts = vec![];
                for seed in joined {
                    let (value, changed) = inlined(&mut graph, seed, variant, source)?;
                    states.extend(changed.into_iter().map(|(i, node)| (seed.first_state + i, node)));
                    parts.push((seed, seed.contribution(&mut graph, value, source), value));
                }
                let value = join::joined(&mut graph, target, &parts)?;
                let value = graph.build_at(Op::Slot { slot }, &[value, source], node.span);
                opened.push((slot, Opened { node: id, value, source }));
                value
            }
            _ => crate::simplify::copy(&mut graph, node, &args),
        };
        copies.push(copy);
    }
    for output in host.outputs() {
        graph.add_output(output.kind.clone(), copies[output.node.index()]);
    }
    if variant == Variant::Train {
        for seed in seeds.iter().filter(|s| s.shadow) {
            let slot = opened.iter().find(|(slot, _)| *slot == seed.slot).map(|(_, opened)| opened);
            let slot = slot.ok_or_else(|| format!("compiler bug: slot {} is not in the graph", seed.slot))?;
            let (loss, changed) = shadow::tail(&mut graph, host, &copies, slot, seed)?;
            states.extend(changed.into_iter().map(|(i, node)| (seed.first_state + i, node)));
            graph.add_output(OutputKind::ShadowLoss(seed.number), loss);
        }
        for (state, node) in states {
            graph.add_output(OutputKind::State(state), node);
        }
    }
    Ok(graph)
}
