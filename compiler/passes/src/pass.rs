//! The passes as a list with names, run in order and checked after each.
use crate::reductions;
use crate::simplify::{copy, rebuild, rewrite};
use esper_ir::{Graph, Op, verify};

/// A pass: a graph in, a graph out that computes the same outputs.
pub struct Pass {
    /// `rewrite`.
    pub name: &'static str,
    /// What it does, for the list that users see.
    pub doc: &'static str,
    /// Does it.
    pub run: fn(&Graph) -> Graph,
}

/// All passes in the order in which they run, on graphs whose gradients have been taken.
pub static PASSES: &[Pass] = &[
    Pass { name: "prune", doc: "drops the nodes that no output needs", run: Graph::prune },
    Pass {
        name: "erase_gradient_markers",
        doc: "takes out stop_gradient, with_gradient and slot, which mean nothing once gradients are taken and seeds are in place",
        run: erase_gradient_markers,
    },
    Pass {
        name: "rewrite",
        doc: "folds constants, applies algebraic identities, and merges movements of elements with their neighbours",
        run: rewrite,
    },
    Pass {
        name: "split_reductions",
        doc: "sums of very many elements into one are done in rows of 4096 first, so that rows can run in parallel and rounding stays small",
        run: reductions::split,
    },
];

/// Runs all passes with the verifier after each. An error names the pass that broke the graph: a bug of the compiler.
pub fn run(graph: &Graph) -> Result<Graph, String> {
    let mut graph = graph.clone();
    for pass in PASSES {
        graph = (pass.run)(&graph);
        verify(&graph).map_err(|error| format!("compiler bug: after pass `{}`: {error}", pass.name))?;
    }
    Ok(graph)
}

/// The graph after all passes: see [`run`]. Gradients must have been taken before, as their markers are erased.
/// Panics where a pass breaks the graph, naming it.
pub fn simplify(graph: &Graph) -> Graph {
    match run(graph) {
        Ok(graph) => graph,
        Err(error) => panic!("{error}"),
    }
}

fn erase_gradient_markers(graph: &Graph) -> Graph {
    rebuild(graph, &mut |rewritten, node, args| match node.op {
        Op::StopGradient | Op::WithGradient { .. } | Op::Slot { .. } => args[0],
        _ => copy(rewritten, node, args),
    })
    .prune()
}
