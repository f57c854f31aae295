//! A run's network as source again: edits of the texts it was made of, where what grew in a slot becomes a layer in its place.
//!
//! A slot in which something grew becomes a layer of the same name, whose blueprint joins the seeds; so the `forward` around it stays as
//! it was written. Blueprints on the way from the model to such a slot are written anew, once for each way they grew; what else is
//! needed is copied from the user's files, or imported where it is the library's.
mod joined;
mod program;
mod recipe;
mod writer;

use crate::artifact::{Artifact, digest};
use crate::build::BuildError;
use crate::load::Session;
use esper_diagnostics::Diagnostic;
use esper_ir::{Model, Planting};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

/// A seed that the network is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// Which seed, in which slot, and how it is joined.
    pub planting: Planting,
    /// How much it counts.
    pub alpha: f64,
    /// Whether it is part of the network for good; the others of a slot are joined together, behind these.
    pub fossil: bool,
}

/// What a network is written as.
#[derive(Clone, Debug, PartialEq)]
pub struct Exported {
    /// The text of the `.blueprint`, in the standard layout.
    pub text: String,
    /// Where each seed went: what its paths begin with in the run (`wide#1`), and in the text (`wide.seed1`).
    pub seeds: Vec<(String, String)>,
}

impl Exported {
    /// The path in the text of a parameter or state of the run; none where it belongs to a seed that is not part of the network.
    pub fn path(&self, path: &str) -> Option<String> {
        let Some(end) = path.find('#') else { return Some(path.to_string()) };
        let seed = path[end..].find('.').map_or(path, |dot| &path[..end + dot]);
        let (_, new) = self.seeds.iter().find(|(old, _)| old == seed)?;
        Some(format!("{new}{}", &path[seed.len()..]))
    }
}

/// What the writer is told beside the network.
pub struct ExportOptions<'a> {
    /// The file of weights that the text starts from.
    pub weights: &'a str,
    /// A path of the run's data, as seen from where the text will lie.
    pub data_path: &'a dyn Fn(&str) -> String,
}

/// Why a network is not written.
#[derive(Debug)]
pub enum ExportError {
    /// It cannot be said in the language, or its sources do not make it; the place is in the artifact's sources.
    Refused(Box<Diagnostic>),
    /// A bug of the compiler, in its words.
    Bug(String),
}

impl fmt::Display for ExportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExportError::Refused(problem) => write!(f, "{}", problem.message),
            ExportError::Bug(what) => write!(f, "a bug in the compiler: {what}"),
        }
    }
}

impl std::error::Error for ExportError {}

impl From<Diagnostic> for ExportError {
    fn from(problem: Diagnostic) -> ExportError {
        ExportError::Refused(Box::new(problem))
    }
}

/// Writes the network that a run's model became with these seeds.
///
/// # Errors
/// E0098 names the slot whose growth cannot be written and why; E0099: the model does not come from the artifact's sources alone.
pub fn export(artifact: &Artifact, members: &[Member], options: &ExportOptions) -> Result<Exported, ExportError> {
    let elaborated = program::elaborated(artifact)?;
    let model = &artifact.model;
    // A seed whose α has not left 0 contributes nothing.
    let members: Vec<&Member> = members.iter().filter(|m| m.fossil || m.alpha != 0.0).collect();
    let (text, seeds) = writer::write(&elaborated, model, &members, options)?;
    let text = esper_grammar::format(&text).map_err(|problems| ExportError::Bug(format!("{problems:?}\n{text}")))?;
    let exported = Exported { text, seeds };
    compare(&exported, model, &members)?;
    Ok(exported)
}

/// Checks the written text: it builds, and has the tensors of the network under their new paths.
fn compare(exported: &Exported, model: &Model, members: &[&Member]) -> Result<(), ExportError> {
    let built = Session::new().elaborate_text("exported.blueprint", &exported.text, Path::new(""), None, &[]).and_then(|e| e.lower());
    let built = match built {
        Ok(built) => built.model,
        Err(BuildError::Program(checked)) => {
            let first = checked.problems.into_iter().find(|p| p.severity == esper_diagnostics::Severity::Error);
            let why = first.map_or_else(String::new, |p| format!("{} {}: {}", p.code, p.message, p.primary.text));
            let problem = Diagnostic::error("E0098", "this network cannot be written as source", model.span, "its experiment");
            return Err(problem.note(format!("the text would not pass the check: {why}")).into());
        }
        Err(other) => return Err(ExportError::Bug(other.to_string())),
    };
    let mut wanted: BTreeMap<String, String> =
        model.parameters.iter().chain(&model.states).map(|p| (p.path.clone(), p.ty.to_string())).collect();
    for member in members {
        let (slot, seed) = (&model.slots[member.planting.slot], &model.seeds[member.planting.seed]);
        for stored in seed.parameters.iter().chain(&seed.states) {
            let path = exported.path(&format!("{}#{}.{}", slot.path, member.planting.id, stored.path));
            wanted.insert(path.unwrap_or_default(), stored.ty.to_string());
        }
    }
    let found: BTreeMap<String, String> =
        built.parameters.iter().chain(&built.states).map(|p| (p.path.clone(), p.ty.to_string())).collect();
    match wanted == found {
        true => Ok(()),
        false => Err(ExportError::Bug(format!("the exported text has the tensors {found:?}, the network {wanted:?}\n{}", exported.text))),
    }
}

/// Whether two models compute the same: of the same tensors, in training and in prediction.
fn same_network(one: &Model, other: &Model) -> Result<bool, ExportError> {
    let part = |m: &Model| {
        let seeds: Vec<_> = m.seeds.iter().map(|s| &s.eval).collect();
        digest(&(&m.parameters, &m.states, &m.train, &m.predict, seeds)).map_err(|e| ExportError::Bug(e.to_string()))
    };
    Ok(part(one)? == part(other)?)
}
