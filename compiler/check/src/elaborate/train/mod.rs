//! Experiments: the fields of a `train`, and everything that is elaborated for one.
mod data;
mod fields;
mod overrides;
mod programs;

use super::Engine;
use crate::hir;
use crate::names::{ItemClass, ItemInfo, Resolution};
use esper_diagnostics::{Diagnostic, FileId, Severity, Span};
use fields::Fields;

/// The names of all experiments, in the order of the files and of the items in them.
pub fn trains(resolution: &Resolution) -> Vec<String> {
    resolution.items.iter().filter(|i| i.kind == ItemClass::Train).map(|i| i.name.clone()).collect()
}

/// Elaborates one experiment. `overrides` are paths of fields and arguments (`epochs`, `optimizer.lr.peak`, or a last word that is
/// unique) with values as a user writes them. The error lists what is wrong, the names' problems left out.
pub fn elaborate(resolution: &Resolution, train: &str, overrides: &[(String, String)]) -> Result<hir::Experiment, Vec<Diagnostic>> {
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
    let changed = overrides::apply(resolution, fields, overrides).map_err(|p| vec![p])?;
    run(resolution, info, &changed)
}

/// Elaborates with given fields, whose trees may live shorter than the files.
fn run<'b>(
    resolution: &'b Resolution<'b>,
    info: &'b ItemInfo<'b>,
    owned: &'b overrides::Owned,
) -> Result<hir::Experiment, Vec<Diagnostic>> {
    let fields = owned.fields();
    let mut engine = Engine::new(resolution, true);
    let experiment = engine.experiment(info, &fields);
    let refused = engine.has_errors();
    match experiment {
        Some(experiment) if !refused => Ok(experiment),
        _ if refused => Err(engine.problems),
        _ => Err(vec![Diagnostic::error(
            "E0699",
            "this experiment could not be elaborated",
            info.name_span,
            "the check stopped here without finding the reason; this is a bug of the compiler",
        )]),
    }
}

/// What is wrong with an experiment: its fields, and where everything else is sound, with its sizes.
pub(crate) fn check_train<'a>(resolution: &'a Resolution<'a>, info: &'a ItemInfo<'a>, sound: bool) -> Vec<Diagnostic> {
    let (fields, mut problems) = fields::of(resolution, info);
    if !sound || problems.iter().any(|p| p.severity == Severity::Error) {
        return problems;
    }
    let Ok(owned) = overrides::apply(resolution, fields, &[]) else { return problems };
    if let Err(found) = run(resolution, info, &owned) {
        problems.extend(found);
    }
    problems
}

/// The file a tree of an override claims to be in: none.
pub(crate) const NO_FILE: FileId = FileId(u32::MAX);

impl Fields<'_> {
    /// Where a field's value is written, or the experiment's name.
    pub(crate) fn place(&self, name: &str) -> Span {
        self.get(name).map_or(self.name_span, |e| e.value.span)
    }
}
