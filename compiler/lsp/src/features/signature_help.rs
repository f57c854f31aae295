//! The parameters of the call that is being written, and which of them comes now.
use super::describe;
use super::surroundings::{Callable, call_at, callable, lookup};
use crate::snapshot::Snapshot;
use esper_check::builtins::BUILTINS;
use esper_check::names::DefinitionKind;

/// The signature of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// `Linear(out: dim, use_bias: bool = true)`.
    pub label: String,
    /// Documentation of what is called.
    pub docs: String,
    /// Each parameter as it stands in the label, with its documentation.
    pub parameters: Vec<(String, String)>,
    /// The parameter that comes now.
    pub active: Option<usize>,
}

/// The signature of the innermost call around a byte.
pub fn signature_help(snapshot: &Snapshot, offset: usize) -> Option<Signature> {
    let text = snapshot.text(snapshot.entry());
    let call = call_at(text, offset)?;
    let name = &text[call.callee.clone()];
    // What stands behind a dot is a part of a layer, and parts are not called.
    let definition = if call.base.is_some() { return None } else { lookup(snapshot, offset, name) };
    let (label_name, docs, parameters, names) = match definition.and_then(|d| callable(snapshot, d).map(|c| (d, c))) {
        Some((definition, Callable { params, docs, name: of, is_layer, .. })) => {
            let shown: Vec<(String, String)> = params.iter().map(|p| (describe::parameter(snapshot, p), p.docs.text.clone())).collect();
            let names = params.iter().map(|p| p.name.text.clone()).collect();
            let docs = if is_layer { format!("A `{of}`. {docs}") } else { docs.to_string() };
            let name = if matches!(definition.kind, DefinitionKind::Item(_)) { name.to_string() } else { definition.name.clone() };
            (name, docs, shown, names)
        }
        None => {
            let builtin = BUILTINS.iter().find(|b| b.name == name)?;
            let inner = builtin.signature.split_once('(').map_or("", |(_, rest)| rest.trim_end_matches(')'));
            let shown: Vec<(String, String)> =
                inner.split(", ").filter(|p| !p.is_empty()).map(|p| (p.to_string(), String::new())).collect();
            let names: Vec<String> = shown.iter().map(|(p, _)| p.split(" = ").next().unwrap_or_default().to_string()).collect();
            (name.to_string(), builtin.doc.to_string(), shown, names)
        }
    };
    let by_position = call.commas + usize::from(call.is_piped);
    let active = match &call.named {
        Some(named) => names.iter().position(|n: &String| n == named),
        None if by_position < parameters.len() => Some(by_position),
        None => parameters.iter().position(|(p, _)| p == "…"),
    };
    let label = format!("{label_name}({})", parameters.iter().map(|(p, _)| p.as_str()).collect::<Vec<_>>().join(", "));
    Some(Signature { label, docs, parameters, active })
}
