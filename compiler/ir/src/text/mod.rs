//! The text form of graphs: one node a line, written and read back.
//!
//! ```text
//! %0 = input() {from = parameter 0} : f32[16, 64]
//! %1 = input() {from = feature 0} : f32[batch, 64]
//! %2 = dot_general(%1, %0) {left_batch = [], right_batch = [], left_contract = [1], right_contract = [1]} : f32[batch, 16]
//! output prediction = %2
//! ```
pub(crate) mod number;
mod read;
#[cfg(test)]
mod tests;

use crate::op::Attribute;
use crate::{Dim, Graph, Input, NodeId, OutputKind, TensorType};
use std::fmt::Write;

pub use read::parse;
pub(crate) use read::unquote;

/// The text form. The same graph always gives the same text.
pub fn print(graph: &Graph) -> String {
    let mut text = String::new();
    write_graph(graph, "", &mut text);
    text
}

fn write_graph(graph: &Graph, indent: &str, text: &mut String) {
    for (number, rule) in graph.rules().iter().enumerate() {
        writeln!(text, "{indent}rule {number} of {} {{", rule.inputs).expect("writing to a string");
        write_graph(&rule.graph, &format!("{indent}    "), text);
        writeln!(text, "{indent}}}").expect("writing to a string");
    }
    for id in graph.ids() {
        writeln!(text, "{indent}%{} = {} : {}", id.0, operation(graph, id), type_text(graph.ty(id))).expect("writing to a string");
    }
    for output in graph.outputs() {
        writeln!(text, "{indent}output {} = %{}", output_text(&output.kind), output.node.0).expect("writing to a string");
    }
}

/// `sum(%3) {axes = [1]}`.
pub(crate) fn operation(graph: &Graph, id: NodeId) -> String {
    let op = graph.op(id);
    let args: Vec<String> = graph.args(id).iter().map(|a| format!("%{}", a.0)).collect();
    let mut text = format!("{}({})", op.spec().name, args.join(", "));
    let attributes: Vec<String> = op.attributes().into_iter().map(|(name, value)| format!("{name} = {}", attribute(&value))).collect();
    if !attributes.is_empty() {
        write!(text, " {{{}}}", attributes.join(", ")).expect("writing to a string");
    }
    text
}

fn attribute(value: &Attribute) -> String {
    let list = |items: Vec<String>| format!("[{}]", items.join(", "));
    match value {
        Attribute::Number(x) => format!("{x:?}"),
        Attribute::Count(n) => n.to_string(),
        Attribute::Counts(counts) => list(counts.iter().map(|n| n.to_string()).collect()),
        Attribute::Size(dim) => format!("{dim:#}"),
        Attribute::Sizes(sizes) => list(sizes.iter().map(|d| format!("{d:#}")).collect()),
        Attribute::Type(dtype) => dtype.name().to_string(),
        Attribute::Input(input) => input_text(input),
        Attribute::Stream(stream) => format!("{:016x}", stream.0),
    }
}

fn type_text(ty: &TensorType) -> String {
    if ty.shape.is_empty() {
        return ty.dtype.name().to_string();
    }
    let sizes: Vec<String> = ty.shape.iter().map(|d: &Dim| format!("{d:#}")).collect();
    format!("{}[{}]", ty.dtype.name(), sizes.join(", "))
}

/// `parameter 0`.
pub fn input_text(input: &Input) -> String {
    match input {
        Input::Parameter(i) => format!("parameter {i}"),
        Input::State(i) => format!("state {i}"),
        Input::Feature(i) => format!("feature {i}"),
        Input::Target => "target".into(),
        Input::Step => "step".into(),
        Input::TotalSteps => "total_steps".into(),
        Input::EpochSteps => "epoch_steps".into(),
        Input::Updated => "updated".into(),
        Input::Gradient => "gradient".into(),
        Input::OptimizerState(i) => format!("optimizer_state {i}"),
        Input::OptimizerScalar(i) => format!("optimizer_scalar {i}"),
        Input::Alpha(i) => format!("alpha {i}"),
        Input::Age(i) => format!("age {i}"),
        Input::Boost(i) => format!("boost {i}"),
        Input::Argument(i) => format!("argument {i}"),
    }
}

/// `metric 0`.
pub fn output_text(kind: &OutputKind) -> String {
    match kind {
        OutputKind::Prediction => "prediction".into(),
        OutputKind::Loss => "loss".into(),
        OutputKind::Metric(i) => format!("metric {i}"),
        OutputKind::State(i) => format!("state {i}"),
        OutputKind::Parameter(i) => format!("parameter {i}"),
        OutputKind::OptimizerState(k, i) => format!("optimizer_state {k} {i}"),
        OutputKind::OptimizerScalar(k) => format!("optimizer_scalar {k}"),
        OutputKind::Gradient(i) => format!("gradient {i}"),
        OutputKind::Updated => "updated".into(),
        OutputKind::GradientNorm => "gradient_norm".into(),
        OutputKind::ShadowLoss(i) => format!("shadow_loss {i}"),
        OutputKind::SeedNorm(i) => format!("seed_norm {i}"),
        OutputKind::Value(i) => format!("value {i}"),
    }
}
