//! The graph as a picture, in the language of graphviz.
use crate::{Graph, NodeId};
use petgraph::dot::{Config, Dot};
use std::fmt::Write;

/// A `digraph` for graphviz: one box a node, an arrow from each argument to its user, outputs as ellipses.
pub fn dot(graph: &Graph) -> String {
    let edge = |_: &petgraph::graph::DiGraph<crate::Node, ()>, _: petgraph::graph::EdgeReference<'_, ()>| String::new();
    let node = |_: &petgraph::graph::DiGraph<crate::Node, ()>, (id, node): (petgraph::graph::NodeIndex, &crate::Node)| {
        let label = format!("%{} {}\n{}", id.index(), crate::text::operation(graph, NodeId(id.index() as u32)), node.ty);
        format!("shape = box, label = {}", quoted(&label))
    };
    let config = [Config::NodeNoLabel, Config::EdgeNoLabel, Config::GraphContentOnly];
    let content = format!("{:?}", Dot::with_attr_getters(graph.as_petgraph(), &config, &edge, &node));
    let mut text = format!("digraph {{\n{content}");
    for (i, output) in graph.outputs().iter().enumerate() {
        let label = quoted(&crate::text::output_text(&output.kind));
        writeln!(text, "    output{i} [ label = {label} ]\n    {} -> output{i}", output.node.0).expect("writing to a string");
    }
    text.push_str("}\n");
    text
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
