//! A graph as it is stored: a plain list of nodes, checked when it is read.
use super::{Graph, Node, Output, Rule};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(super) struct Stored {
    nodes: Vec<Node>,
    outputs: Vec<Output>,
    rules: Vec<Rule>,
}

impl From<Graph> for Stored {
    fn from(graph: Graph) -> Stored {
        let nodes = graph.nodes.into_nodes_edges().0.into_iter().map(|n| n.weight).collect();
        Stored { nodes, outputs: graph.outputs, rules: graph.rules }
    }
}

impl TryFrom<Stored> for Graph {
    type Error = String;
    fn try_from(stored: Stored) -> Result<Graph, String> {
        let mut graph = Graph { rules: stored.rules, ..Graph::default() };
        for (position, node) in stored.nodes.into_iter().enumerate() {
            if node.args.iter().any(|a| a.index() >= position) {
                return Err(format!("node {position} reads a later node"));
            }
            if graph.insert(node).index() != position {
                return Err(format!("node {position} is there twice"));
            }
        }
        graph.outputs = stored.outputs;
        crate::verify(&graph)?;
        Ok(graph)
    }
}
