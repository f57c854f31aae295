//! Grafting: seeds put into the slots of a model, to live there or for good.
//!
//! A grafted model is a model like any other: the parameters and states of its seeds stand behind its own, and its graphs hold what the seeds
//! compute. What the host computes is built first and in the same order as without seeds, so that it stays the same bytes.
mod affine;
mod host;
mod join;
mod shadow;
#[cfg(test)]
mod tests;
mod units;

pub use affine::{Ends, ends};
use esper_ir::{Graph, Live, Model, NodeId, OutputKind, Parameter, Part, Planting, Seed};
use host::{Grafting, Variant};
pub use units::{Units, units};

/// The model with seeds living in its slots. `host` has none itself. The order of `plantings` numbers them: [`Model::live`].
///
/// A joined seed adds to what leaves its slot in proportion to its α, a run-time input; a shadow one only adds an
/// [`OutputKind::ShadowLoss`] to the training graph. Predictions, losses and metrics are those of the host with its joined seeds.
///
/// # Errors
/// A slot or seed that the model does not have, or a seed of another slot: a bug of the caller.
pub fn graft(host: &Model, plantings: &[Planting]) -> Result<Model, String> {
    let mut model = host.clone();
    if !host.live.is_empty() {
        return Err("compiler bug: a model in which seeds live already is grafted".into());
    }
    for planting in plantings {
        let live = settle(&mut model, planting)?;
        model.live.push(live);
    }
    let seeds: Vec<Grafting> = model.live.iter().enumerate().map(|(number, live)| Grafting::new(host, live, number)).collect();
    model.train = host::grafted(&host.train, &seeds, Variant::Train)?;
    model.eval = host::grafted(&host.eval, &seeds, Variant::Eval)?;
    model.predict = host::grafted(&host.predict, &seeds, Variant::Eval)?;
    Ok(model)
}

/// The model with a seed as a part of it for good: its parameters are the model's, it counts with a constant `alpha`, and its slot is free again.
/// `born` is the run's step before the seed's first update.
///
/// # Errors
/// As [`graft`].
pub fn integrate(host: &Model, planting: &Planting, alpha: f64, born: u64) -> Result<Model, String> {
    let mut model = host.clone();
    let live = settle(&mut model, planting)?;
    model.parameters[live.parameters.clone()].iter_mut().for_each(|p| p.born = born);
    // However it took part before.
    let seed = Grafting { alpha: Some(alpha), shadow: false, ..Grafting::new(host, &live, 0) };
    let seeds = [seed];
    model.train = host::grafted(&host.train, &seeds, Variant::Train)?;
    model.eval = host::grafted(&host.eval, &seeds, Variant::Eval)?;
    model.predict = host::grafted(&host.predict, &seeds, Variant::Eval)?;
    Ok(model)
}

/// Adds a seed's parameters and states to a model.
fn settle(model: &mut Model, planting: &Planting) -> Result<Live, String> {
    let (Some(slot), Some(seed)) = (model.slots.get(planting.slot), model.seeds.get(planting.seed)) else {
        return Err(format!("compiler bug: seed {} in slot {} is not in the model", planting.seed, planting.slot));
    };
    if !slot.seeds.contains(&planting.seed) {
        return Err(format!("compiler bug: `{}` is no candidate for slot `{}`", seed.text, slot.path));
    }
    let path = format!("{}#{}", slot.path, planting.id);
    let own = |p: &Parameter| Parameter {
        path: format!("{path}.{}", p.path),
        init: restreamed(&p.init, &path),
        owner: (if p.owner.0.is_empty() { path.clone() } else { format!("{path}.{}", p.owner.0) }, p.owner.1.clone()),
        ..p.clone()
    };
    let (parameters, states): (Vec<_>, Vec<_>) = (seed.parameters.iter().map(own).collect(), seed.states.iter().map(own).collect());
    let (first, first_state) = (model.parameters.len(), model.states.len());
    model.parameters.extend(parameters);
    model.states.extend(states);
    Ok(Live { planting: planting.clone(), path, parameters: first..model.parameters.len(), states: first_state..model.states.len() })
}

/// The graph with random streams of its own: the same seed germinated twice, or in two slots, draws different numbers.
fn restreamed(graph: &Graph, path: &str) -> Graph {
    crate::simplify::rebuild(graph, &mut |rebuilt, node, args| {
        let mut node = node.clone();
        if let esper_ir::Op::Random { stream } = &mut node.op {
            // Fowler, Noll and Vo's hash (64 bits, variant 1a), begun from the stream that the seed names.
            stream.0 = path.bytes().fold(stream.0, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        }
        crate::simplify::copy(rebuilt, &node, args)
    })
}

/// A seed's graph put into another graph: its result, and the new values of its states by their numbers in the seed.
fn inlined(graph: &mut Graph, of: &Grafting, variant: Variant, source: NodeId) -> Result<(NodeId, Vec<(usize, NodeId)>), String> {
    let Seed { train, eval, parameters, states, .. } = of.seed;
    let mut body = restreamed(if variant == Variant::Train { train } else { eval }, of.path);
    if of.opened {
        body = units::opened(&body);
    }
    let number = |from: usize, count: usize| from..from + count;
    let leaves = |graph: &mut Graph, range: std::ops::Range<usize>, of: &[Parameter], input: fn(usize) -> esper_ir::Input| -> Vec<NodeId> {
        range.zip(of).map(|(i, p)| graph.input(input(i), p.ty.clone(), p.span)).collect()
    };
    let parameters = leaves(graph, number(of.first_parameter, parameters.len()), parameters, esper_ir::Input::Parameter);
    let states = leaves(graph, number(of.first_state, states.len()), states, esper_ir::Input::State);
    let outputs = graph.inline(&body, &|input| match input {
        esper_ir::Input::Argument(0) => Some(source),
        esper_ir::Input::Parameter(i) => parameters.get(*i).copied(),
        esper_ir::Input::State(i) => states.get(*i).copied(),
        _ => None,
    });
    let outputs = outputs.map_err(|e| format!("compiler bug: `{}` does not fit its slot: {e}", of.seed.text))?;
    let value = outputs.iter().find(|(kind, _)| *kind == OutputKind::Value(0)).map(|(_, node)| *node);
    let value = value.ok_or_else(|| format!("compiler bug: the seed `{}` gives no value", of.seed.text))?;
    let states = outputs.iter().filter_map(|(kind, node)| if let OutputKind::State(i) = kind { Some((*i, *node)) } else { None }).collect();
    Ok((value, states))
}

/// Whether a live seed learns in the shadow.
fn is_shadow(live: &Live) -> bool {
    live.planting.part == Part::Shadow
}
