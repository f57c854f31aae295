//! Experiments: the fields of a `train`, and everything that is elaborated for one.
mod data;
mod fields;
mod programs;

use super::Engine;
use crate::hir;
use crate::names::{ItemClass, ItemInfo, Resolution};
pub(crate) use data::Words;
use esper_diagnostics::{Diagnostic, Severity, Span};
use fields::Fields;
pub(crate) use fields::{Field, GrowLine};

/// The names of all experiments, in the order of the files and of the items in them.
pub fn trains(resolution: &Resolution) -> Vec<String> {
    resolution.items.iter().filter(|i| i.kind == ItemClass::Train).map(|i| i.name.clone()).collect()
}

/// Elaborates one experiment. The error lists what is wrong, the names' problems left out.
pub fn elaborate(resolution: &Resolution, train: &str) -> Result<hir::Experiment, Vec<Diagnostic>> {
    let Some(info) = resolution.items.iter().find(|i| i.kind == ItemClass::Train && i.name == train) else {
        let all = trains(resolution);
        let label = if all.is_empty() { "the file has no experiment".to_string() } else { format!("there are {}", all.join(", ")) };
        let problem = Diagnostic::error("E0605", format!("no experiment is called `{train}`"), Span::default(), label);
        return Err(vec![problem]);
    };
    let (fields, problems) = fields::of(resolution, info);
    if problems.iter().any(|p| p.severity == Severity::Error) {
        return Err(problems);
    }
    run(resolution, info, &fields).map(|(experiment, _)| experiment)
}

/// The experiment with what is to be warned of, or what is wrong.
type Elaborated = Result<(hir::Experiment, Vec<Diagnostic>), Vec<Diagnostic>>;

fn run<'a>(resolution: &'a Resolution<'a>, info: &'a ItemInfo<'a>, fields: &Fields<'a>) -> Elaborated {
    let mut engine = Engine::new(resolution, true);
    let experiment = engine.experiment(info, fields);
    let refused = engine.has_errors();
    match experiment {
        Some(experiment) if !refused => Ok((experiment, engine.problems)),
        _ if refused => Err(engine.problems),
        _ => Err(vec![Diagnostic::error(
            "E0699",
            "this experiment could not be elaborated",
            info.name_span,
            "the check stopped here without finding the reason; this is a bug of the compiler",
        )]),
    }
}

/// What is wrong with the fields of an experiment.
pub(crate) fn check_fields<'a>(resolution: &'a Resolution<'a>, info: &'a ItemInfo<'a>) -> Vec<Diagnostic> {
    fields::of(resolution, info).1
}

/// An experiment whose fields are right, with its sizes, and what is to be said of it; none where a field is missing after all.
pub(crate) fn check_train<'a>(resolution: &'a Resolution<'a>, info: &'a ItemInfo<'a>) -> (Option<hir::Experiment>, Vec<Diagnostic>) {
    let (fields, problems) = fields::of(resolution, info);
    if problems.iter().any(|p| p.severity == Severity::Error) {
        return (None, vec![]);
    }
    match run(resolution, info, &fields) {
        Ok((experiment, warnings)) => (Some(experiment), warnings),
        Err(problems) => (None, problems),
    }
}

impl Fields<'_> {
    /// Where a field's value is written, or the experiment's name.
    pub(crate) fn place(&self, name: &str) -> Span {
        self.get(name).map_or(self.name_span, |e| e.value.span)
    }
}
