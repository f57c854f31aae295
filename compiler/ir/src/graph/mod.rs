//! The dataflow graph: append-only, typed, and without duplicates.
mod build;
mod store;
#[cfg(test)]
mod tests;
mod transform;

use crate::{Input, Op, OutputKind, TensorType};
use esper_diagnostics::Span;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// A node of one graph. Arguments always have smaller ids, so the order of ids is a topological order.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeId(pub u32);

impl NodeId {
    /// Its position among all nodes.
    pub fn index(self) -> usize {
        self.0 as usize
    }
    fn petgraph(self) -> NodeIndex {
        NodeIndex::new(self.index())
    }
}

/// An operator with its ordered arguments and the type of its result.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Node {
    /// What is computed.
    pub op: Op,
    /// From what, in the operator's order.
    pub args: SmallVec<[NodeId; 3]>,
    /// The type of the result.
    pub ty: TensorType,
    /// The source it came from; of equal nodes, the first one's.
    pub span: Span,
}

/// A node that somebody outside reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// What it is for.
    pub kind: OutputKind,
    /// Which node.
    pub node: NodeId,
}

/// A derivative by hand. With `n` = [`Rule::inputs`], the graph reads `Argument(0 .. n)`: x…, `Argument(n)`: y, `Argument(n + 1)`: the cotangent of y,
/// and its output `Value(i)` is the cotangent of xᵢ; an x without one gets none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// How many x there are.
    pub inputs: usize,
    /// What computes their cotangents.
    pub graph: Graph,
}

/// Why an operator cannot be applied, in the words of the language. The caller knows the place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpError {
    /// A sentence that names the types involved.
    pub message: String,
}

impl OpError {
    /// An error of this message.
    pub fn new(message: impl Into<String>) -> OpError {
        OpError { message: message.into() }
    }
}

impl std::fmt::Display for OpError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for OpError {}

impl From<crate::DimError> for OpError {
    fn from(error: crate::DimError) -> OpError {
        OpError::new(error.to_string())
    }
}

impl From<OpError> for String {
    fn from(error: OpError) -> String {
        error.message
    }
}

/// A dataflow graph: nodes are only ever added, and two equal nodes (operator, arguments, type) are the same node.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(try_from = "store::Stored", into = "store::Stored")]
pub struct Graph {
    /// Edges run from an argument to its users and mirror [`Node::args`], for petgraph's algorithms.
    nodes: DiGraph<Node, ()>,
    /// Nodes by the hash of their content. Only looked up, never iterated.
    known: HashMap<u64, SmallVec<[NodeId; 1]>>,
    outputs: Vec<Output>,
    rules: Vec<Rule>,
}

impl Graph {
    /// A graph without nodes.
    pub fn new() -> Graph {
        Graph::default()
    }
    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.nodes.node_count()
    }
    /// Whether there is no node.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// All nodes, arguments before their users.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = NodeId> + ExactSizeIterator + use<> {
        (0..self.len() as u32).map(NodeId)
    }
    /// The node of that id. Panics on an id of another graph: a bug of the caller.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.petgraph()]
    }
    /// The type of its result.
    pub fn ty(&self, id: NodeId) -> &TensorType {
        &self.node(id).ty
    }
    /// Its operator.
    pub fn op(&self, id: NodeId) -> &Op {
        &self.node(id).op
    }
    /// Its arguments.
    pub fn args(&self, id: NodeId) -> &[NodeId] {
        &self.node(id).args
    }
    /// Where it came from.
    pub fn span(&self, id: NodeId) -> Span {
        self.node(id).span
    }
    /// The nodes that have it as an argument: ascending, each once.
    pub fn users(&self, id: NodeId) -> Vec<NodeId> {
        let mut users: Vec<NodeId> = self.nodes.edges(id.petgraph()).map(|e| NodeId(e.target().index() as u32)).collect();
        users.sort();
        users.dedup();
        users
    }
    /// The same graph as petgraph's algorithms read it: an edge from every argument to its user.
    pub fn as_petgraph(&self) -> &DiGraph<Node, ()> {
        &self.nodes
    }

    /// What is read from outside, in the order it was added.
    pub fn outputs(&self) -> &[Output] {
        &self.outputs
    }
    /// Names a node for the outside. One kind may be added once only.
    pub fn add_output(&mut self, kind: OutputKind, node: NodeId) {
        debug_assert!(self.output(&kind).is_none(), "output {kind:?} is added twice");
        self.outputs.push(Output { kind, node });
    }
    /// The output of that kind.
    pub fn output(&self, kind: impl Borrow<OutputKind>) -> Option<NodeId> {
        self.outputs.iter().find(|o| o.kind == *kind.borrow()).map(|o| o.node)
    }
    /// Derivatives by hand, by the number that [`Op::WithGradient`] holds.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }
    /// Adds a derivative by hand, or finds the equal one.
    pub fn add_rule(&mut self, rule: Rule) -> usize {
        self.rules.iter().position(|r| *r == rule).unwrap_or_else(|| {
            self.rules.push(rule);
            self.rules.len() - 1
        })
    }

    /// A node without arguments (Input, Constant, Size, Iota, Random), whose type is given.
    pub fn leaf(&mut self, op: Op, ty: TensorType, span: Span) -> NodeId {
        self.insert(Node { op, args: SmallVec::new(), ty, span })
    }
    /// A tensor from outside.
    pub fn input(&mut self, input: Input, ty: TensorType, span: Span) -> NodeId {
        self.leaf(Op::Input(input), ty, span)
    }
    /// One number everywhere.
    pub fn constant(&mut self, value: f64, ty: TensorType) -> NodeId {
        self.leaf(Op::Constant(value), ty, Span::default())
    }
    /// Applies an operator; the type of the result is what its shape rule says.
    pub fn apply(&mut self, op: Op, args: &[NodeId], span: Span) -> Result<NodeId, OpError> {
        let ty = self.infer(&op, args)?;
        Ok(self.insert(Node { op, args: args.into(), ty, span }))
    }
    /// The type that an operator gives for these arguments.
    pub fn infer(&self, op: &Op, args: &[NodeId]) -> Result<TensorType, OpError> {
        let types: SmallVec<[&TensorType; 3]> = args.iter().map(|a| self.ty(*a)).collect();
        if let Op::WithGradient { rule } = op {
            let inputs = self.rules.get(*rule).map(|r| r.inputs);
            if inputs != Some(args.len().wrapping_sub(1)) {
                return Err(OpError::new(format!("gradient rule {rule} is not one of {} inputs", args.len().saturating_sub(1))));
            }
        }
        op.spec().result_type(op, &types)
    }

    fn insert(&mut self, node: Node) -> NodeId {
        let mut hasher = DefaultHasher::new();
        node.op.hash_content(&mut hasher);
        node.args.hash(&mut hasher);
        node.ty.hash(&mut hasher);
        let known = self.known.entry(hasher.finish()).or_default();
        let same = |id: &&NodeId| self.nodes[id.petgraph()].same_content(&node);
        if let Some(id) = known.iter().find(same) {
            return *id;
        }
        let id = NodeId(u32::try_from(self.nodes.node_count()).expect("a graph has fewer than four billion nodes"));
        known.push(id);
        let args = node.args.clone();
        self.nodes.add_node(node);
        for a in args {
            self.nodes.add_edge(a.petgraph(), id.petgraph(), ());
        }
        id
    }
}

impl Node {
    fn same_content(&self, other: &Node) -> bool {
        self.args == other.args && self.ty == other.ty && self.op.same_content(&other.op)
    }
}

/// Equal content: the same nodes in the same order, outputs and rules. Where nodes came from does not count.
impl PartialEq for Graph {
    fn eq(&self, other: &Graph) -> bool {
        self.len() == other.len()
            && self.ids().all(|id| self.node(id).same_content(other.node(id)))
            && self.outputs == other.outputs
            && self.rules == other.rules
    }
}

/// The text form.
impl std::fmt::Debug for Graph {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&crate::print(self))
    }
}
