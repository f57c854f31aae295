//! `## gradient`: the derivative of the loss with respect to every parameter and feature, against finite differences on the interpreter.
use super::run::{bound, initial, random};
use esper_ir::{Graph, Input, Model, NodeId, OutputKind, Tensor, interpret};
use std::fmt::Write;

/// At most so many elements of a tensor are moved.
const PLACES: usize = 8;
/// How far they are moved, and how much the slopes may differ: central differences in float64 are exact to about the square of the step.
const STEP: f64 = 1e-5;
const TOLERANCE: f64 = 1e-6;

/// One line a tensor: `first.weight: 8 of 12 slopes agree`. A tensor from which the loss takes no gradient says so.
pub fn text(model: &Model, rows: usize) -> Result<String, String> {
    let mut graph: Graph = model.train.bind(&|s| (s == esper_ir::BATCH).then_some(rows as i64)).map_err(|e| e.to_string())?;
    let loss = graph.output(OutputKind::Loss).ok_or("there is no loss")?;
    let mut feeds: Vec<(Input, Tensor)> = vec![(Input::Target, random(model, &bound(&model.target, rows)?, 0))];
    let mut wanted: Vec<(String, Input, NodeId)> = vec![];
    for (n, parameter) in model.parameters.iter().enumerate() {
        // Away from zeros and equal numbers, where relu and the like have a corner.
        let mut tensor = initial(&parameter.init)?;
        let noise = random(model, &parameter.ty, 10 + n);
        tensor.data.iter_mut().zip(&noise.data).for_each(|(v, r)| *v += 0.3 * r);
        feeds.push((Input::Parameter(n), tensor));
        wanted.push((parameter.path.clone(), Input::Parameter(n), graph.input(Input::Parameter(n), parameter.ty.clone(), parameter.span)));
    }
    for (n, state) in model.states.iter().enumerate() {
        feeds.push((Input::State(n), initial(&state.init)?));
    }
    for (n, ty) in model.features.iter().enumerate() {
        let ty = bound(ty, rows)?;
        feeds.push((Input::Feature(n), random(model, &ty, 50 + n)));
        if ty.dtype.is_float() {
            wanted.push((format!("features {n}"), Input::Feature(n), graph.input(Input::Feature(n), ty, Default::default())));
        }
    }
    let nodes: Vec<NodeId> = wanted.iter().map(|(_, _, node)| *node).collect();
    let gradients = esper_passes::differentiate(&mut graph, loss, &nodes)?;
    for (n, gradient) in gradients.iter().enumerate() {
        if let Some(gradient) = gradient {
            graph.add_output(OutputKind::Gradient(n), *gradient);
        }
    }
    let run = |feeds: &[(Input, Tensor)]| {
        let named = |input: &Input| feeds.iter().find(|(i, _)| i == input).map(|(_, t)| t.clone());
        interpret(&graph, &named, super::compare::SEED, super::compare::STEP)
    };
    let value = |results: &[(OutputKind, Tensor)], kind: OutputKind| results.iter().find(|(k, _)| *k == kind).map(|(_, t)| t.data.clone());
    let at_rest = run(&feeds)?;
    let mut text = String::new();
    for (n, (name, input, _)) in wanted.iter().enumerate() {
        let Some(gradient) = value(&at_rest, OutputKind::Gradient(n)) else {
            let _ = writeln!(text, "{name}: no gradient");
            continue;
        };
        let which = feeds.iter().position(|(i, _)| i == input).ok_or("it was fed above")?;
        let places: Vec<usize> = (0..PLACES.min(gradient.len())).map(|i| i * gradient.len() / PLACES.min(gradient.len())).collect();
        let mut agree = 0;
        for &place in &places {
            let moved = |by: f64| -> Result<f64, String> {
                let mut feeds = feeds.clone();
                feeds[which].1.data[place] += by;
                Ok(value(&run(&feeds)?, OutputKind::Loss).ok_or("there is no loss")?[0])
            };
            let slope = (moved(STEP)? - moved(-STEP)?) / (2.0 * STEP);
            let close = (slope - gradient[place]).abs() <= TOLERANCE * (1.0 + slope.abs());
            if !close {
                let _ = writeln!(text, "{name}[{place}]: the derivative is {:.6}, the slope {slope:.6}", gradient[place]);
            }
            agree += usize::from(close);
        }
        let _ = writeln!(text, "{name}: {agree} of {} slopes agree", places.len());
    }
    Ok(text)
}
