//! What every graph must satisfy, checked after each pass.
use crate::{Graph, Input, Op, OutputKind};

/// Checks that arguments come before their users, that leaves fit their types, that every other type is what the shape rule gives, that outputs
/// exist once each, and the same of gradient rules. The message names the first node that is wrong.
pub fn verify(graph: &Graph) -> Result<(), String> {
    for id in graph.ids() {
        let node = graph.node(id);
        let wrong = |what: String| Err(format!("%{} ({}): {what}", id.0, node.op.spec().name));
        if node.args.iter().any(|a| *a >= id) {
            return wrong("reads a node that is not before it".into());
        }
        if let Err(error) = crate::op::check_axes(&node.ty) {
            return wrong(error.message);
        }
        if !node.op.is_leaf() {
            match graph.infer(&node.op, &node.args) {
                Ok(ty) if ty == node.ty => {}
                Ok(ty) => return wrong(format!("is typed `{}` where its shape rule gives `{ty}`", node.ty)),
                Err(error) => return wrong(error.message),
            }
            continue;
        }
        if !node.args.is_empty() {
            return wrong("is a leaf with arguments".into());
        }
        let fits = match &node.op {
            Op::Iota { axis } => *axis < node.ty.rank(),
            Op::Size(_) => node.ty.rank() == 0,
            Op::Random { .. } => node.ty.dtype.is_float(),
            _ => true,
        };
        if !fits {
            return wrong(format!("does not fit its type `{}`", node.ty));
        }
    }
    for (i, output) in graph.outputs().iter().enumerate() {
        if output.node.index() >= graph.len() {
            return Err(format!("output {:?} is no node", output.kind));
        }
        if graph.outputs()[..i].iter().any(|o| o.kind == output.kind) {
            return Err(format!("output {:?} is there twice", output.kind));
        }
    }
    for (number, rule) in graph.rules().iter().enumerate() {
        verify(&rule.graph).map_err(|e| format!("gradient rule {number}: {e}"))?;
        for id in rule.graph.ids() {
            if let Op::Input(input) = rule.graph.op(id)
                && !matches!(input, Input::Argument(i) if *i < rule.inputs + 2)
            {
                return Err(format!("gradient rule {number} of {} inputs reads {input:?}", rule.inputs));
            }
        }
        for output in rule.graph.outputs() {
            if !matches!(output.kind, OutputKind::Value(i) if i < rule.inputs) {
                return Err(format!("gradient rule {number} of {} inputs gives {:?}", rule.inputs, output.kind));
            }
        }
    }
    Ok(())
}
