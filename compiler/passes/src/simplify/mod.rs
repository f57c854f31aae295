//! Rewriting: constants folded, algebraic identities, and movements of elements merged with their neighbours.
//!
//! What a rewriting may change, and what not: a zero may lose its sign (`x + 0` is `x`); powers with the exponents 2, 3, ±0.5 and -1 become products,
//! roots and reciprocals, which differ at the last bit and, for a root, at -inf; several sums in a row become one;
//! constants are folded in float64. Otherwise results are the same
//! bits, nan and infinities included: so `x * 0` stays, and so does `x - x`.
mod algebra;
mod fold;
mod movement;

use esper_diagnostics::Span;
use esper_ir::{Graph, Node, NodeId, Op, TensorType};

/// Rewriting feeds rewriting: most graphs are done after two rounds.
const MOST_ROUNDS: usize = 8;

/// Rewrites until nothing changes.
pub(crate) fn rewrite(graph: &Graph) -> Graph {
    let mut graph = graph.prune();
    for _ in 0..MOST_ROUNDS {
        let next = rebuild(&graph, &mut |rewritten, node, args| {
            let mut rewriter = Rewriter { graph: rewritten, depth: 0, span: node.span };
            if node.op.is_leaf() { copy(rewriter.graph, node, args) } else { rewriter.apply(node.op.clone(), args) }
        })
        .prune();
        if next == graph {
            break;
        }
        graph = next;
    }
    graph
}

/// A copy of the graph, each node by `build` from the graph that is made, the node as it was and its new arguments.
pub(crate) fn rebuild(graph: &Graph, build: &mut dyn FnMut(&mut Graph, &Node, &[NodeId]) -> NodeId) -> Graph {
    let mut rewritten = Graph::new();
    for rule in graph.rules() {
        rewritten.add_rule(rule.clone());
    }
    let mut copies: Vec<NodeId> = Vec::with_capacity(graph.len());
    for id in graph.ids() {
        let node = graph.node(id);
        let args: Vec<NodeId> = node.args.iter().map(|a| copies[a.index()]).collect();
        let copy = build(&mut rewritten, node, &args);
        debug_assert_eq!(rewritten.ty(copy), &node.ty, "{} is rewritten to another type", node.op.spec().name);
        copies.push(copy);
    }
    for output in graph.outputs() {
        rewritten.add_output(output.kind.clone(), copies[output.node.index()]);
    }
    rewritten
}

/// The node as it was, with its new arguments.
pub(crate) fn copy(graph: &mut Graph, node: &Node, args: &[NodeId]) -> NodeId {
    if node.op.is_leaf() {
        return graph.leaf(node.op.clone(), node.ty.clone(), node.span);
    }
    match graph.apply(node.op.clone(), args, node.span) {
        Ok(id) => id,
        Err(error) => panic!("compiler bug: {} no longer fits: {error}", node.op.spec().name),
    }
}

/// Applies operators in their simplest form.
struct Rewriter<'a> {
    graph: &'a mut Graph,
    depth: usize,
    /// Where the node that is being rewritten comes from: what it becomes comes from there too.
    span: Span,
}

/// A rewriting that starts further ones is bounded, though every rule makes its operator simpler.
const MOST_DEPTH: usize = 64;

impl Rewriter<'_> {
    /// The operator applied to these arguments, or something simpler that is the same.
    fn apply(&mut self, op: Op, args: &[NodeId]) -> NodeId {
        self.depth += 1;
        let mut args = args.to_vec();
        self.order_operands(&op, &mut args);
        let simpler = if self.depth > MOST_DEPTH { None } else { self.simpler(&op, &args) };
        self.depth -= 1;
        simpler.unwrap_or_else(|| self.graph.build_at(op, &args, self.span))
    }

    fn simpler(&mut self, op: &Op, args: &[NodeId]) -> Option<NodeId> {
        let folded = self.fold(op, args).or_else(|| self.fold_selected(op, args));
        folded.or_else(|| self.algebra(op, args)).or_else(|| self.movement(op, args)).or_else(|| self.hoist(op, args))
    }

    /// Commutative operators have their constant on the right, and otherwise the older operand on the left, so that equal ones are seen to be.
    fn order_operands(&self, op: &Op, args: &mut [NodeId]) {
        if matches!(op, Op::Add | Op::Mul | Op::Maximum | Op::Minimum | Op::Equal | Op::NotEqual | Op::And | Op::Or) {
            args.sort_by_key(|a| (self.constant(*a).is_some(), *a));
        }
    }

    /// The number that every element is, where the graph says so.
    fn constant(&self, id: NodeId) -> Option<f64> {
        match self.graph.op(id) {
            Op::Constant(value) => Some(*value),
            _ => None,
        }
    }

    fn is_constant(&self, id: NodeId, value: f64) -> bool {
        self.constant(id).is_some_and(|c| c == value)
    }

    /// The one argument of a node, if its operator is `like` (attributes aside).
    fn inside(&self, id: NodeId, like: &Op) -> Option<NodeId> {
        let same = std::mem::discriminant(self.graph.op(id)) == std::mem::discriminant(like);
        same.then(|| self.graph.args(id)[0])
    }

    fn of_type(&mut self, value: f64, ty: TensorType) -> NodeId {
        self.graph.constant(value, ty)
    }
}
