//! The checked program to the model: every builtin call becomes operators of the one dataflow graph, broadcasting made explicit.
mod broadcast;
mod contraction;
mod function;
mod movement;
mod optimizer;
mod random;

use esper_check::hir;
use esper_ir::{Model, Parameter, Seed};

pub use function::lower_function;

/// Lowers an experiment. The check has decided everything, so an error here is a bug of the compiler, told as text.
pub fn lower(experiment: &hir::Experiment) -> Result<Model, String> {
    Ok(Model {
        name: experiment.name.clone(),
        host: experiment.host.clone(),
        parameters: experiment.parameters.iter().map(stored).collect::<Result<_, _>>()?,
        states: experiment.states.iter().map(stored).collect::<Result<_, _>>()?,
        train: lower_function(&experiment.train)?,
        eval: lower_function(&experiment.eval)?,
        predict: lower_function(&experiment.predict)?,
        metrics: experiment.metrics.clone(),
        loss: experiment.loss.clone(),
        features: experiment.features.clone(),
        target: experiment.target.clone(),
        classes: experiment.classes,
        optimizer: optimizer::lower(&experiment.optimizer)?,
        data: experiment.data.clone(),
        settings: experiment.settings.clone(),
        layers: experiment.layers.clone(),
        slots: experiment.slots.clone(),
        seeds: experiment.seeds.iter().map(seed).collect::<Result<_, _>>()?,
        policies: experiment.policies.clone(),
        controls: experiment.controls.clone(),
        live: vec![],
        span: experiment.span,
    })
}

fn seed(seed: &hir::Seed) -> Result<Seed, String> {
    Ok(Seed {
        text: seed.text.clone(),
        blueprint: seed.blueprint.clone(),
        birth: seed.birth,
        parameters: seed.parameters.iter().map(stored).collect::<Result<_, _>>()?,
        states: seed.states.iter().map(stored).collect::<Result<_, _>>()?,
        train: lower_function(&seed.train)?,
        eval: lower_function(&seed.eval)?,
        span: seed.span,
    })
}

fn stored(stored: &hir::Stored) -> Result<Parameter, String> {
    Ok(Parameter {
        path: stored.path.clone(),
        ty: stored.ty.clone(),
        init: lower_function(&stored.init)?,
        span: stored.span,
        owner: stored.owner.clone(),
        born: 0,
    })
}
