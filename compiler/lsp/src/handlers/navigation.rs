//! Definitions, references, highlights and renames, across the files of the workspace.
use super::{Reply, failed};
use crate::features::navigation::{self, Use};
use crate::features::rename;
use crate::server::Server;
use crate::snapshot::Snapshot;
use esper_diagnostics::Span;
use gen_lsp_types as lsp;
use serde_json::{Value, json};
use std::rc::Rc;

/// `textDocument/definition`.
pub fn definition(server: &mut Server, params: lsp::DefinitionParams) -> Reply<Value> {
    let at = server.at(&params.text_document_position_params);
    let Some(target) = navigation::definition(&at.snapshot, at.offset) else { return Ok(Value::Null) };
    let Some(name) = server.location(&at.snapshot, target.name) else { return Ok(Value::Null) };
    if !server.client.definition_links {
        return Ok(json!(name));
    }
    let link = json!({
        "originSelectionRange": server.range(&at.snapshot, target.origin),
        "targetUri": name.uri,
        "targetRange": server.range(&at.snapshot, target.whole),
        "targetSelectionRange": name.range,
    });
    Ok(json!([link]))
}

/// `textDocument/references`.
pub fn references(server: &mut Server, params: lsp::ReferenceParams) -> Reply<Value> {
    let at = server.at(&params.text_document_position_params);
    let found = server.everywhere(&at.snapshot, at.offset, params.context.include_declaration);
    let locations: Vec<lsp::Location> = found.into_iter().filter_map(|(snapshot, span)| server.location(&snapshot, span)).collect();
    Ok(json!(locations))
}

/// `textDocument/documentHighlight`.
pub fn highlight(server: &mut Server, params: lsp::DocumentHighlightParams) -> Reply<Value> {
    let at = server.at(&params.text_document_position_params);
    let highlights: Vec<Value> = navigation::highlights(&at.snapshot, at.offset)
        .into_iter()
        .map(|(span, how)| json!({ "range": server.range(&at.snapshot, span), "kind": if how == Use::Written { 3 } else { 2 } }))
        .collect();
    Ok(json!(highlights))
}

/// `textDocument/prepareRename`.
pub fn prepare_rename(server: &mut Server, params: lsp::PrepareRenameParams) -> Reply<Value> {
    let at = server.at(&params.text_document_position_params);
    let (span, name) = rename::prepare(&at.snapshot, at.offset).map_err(failed)?;
    Ok(json!({ "range": server.range(&at.snapshot, span), "placeholder": name }))
}

/// `textDocument/rename`.
pub fn rename(server: &mut Server, params: lsp::RenameParams) -> Reply<Value> {
    let at = server.at(&params.text_document_position_params);
    rename::check(&at.snapshot, at.offset, &params.new_name).map_err(failed)?;
    let (_, old) = rename::prepare(&at.snapshot, at.offset).map_err(failed)?;
    let mut changes: Vec<(lsp::Uri, Value)> = vec![];
    for (snapshot, span) in server.everywhere(&at.snapshot, at.offset, true) {
        // A place with another text names it by an alias, which stays.
        if snapshot.text_at(span) == old
            && let Some(location) = server.location(&snapshot, span)
        {
            changes.push((location.uri, json!({ "range": location.range, "newText": params.new_name })));
        }
    }
    let mut by_file = serde_json::Map::new();
    for (uri, edit) in changes {
        if let Value::Array(edits) = by_file.entry(uri.0).or_insert_with(|| json!([])) {
            edits.push(edit);
        }
    }
    Ok(json!({ "changes": by_file }))
}

impl Server {
    /// Every place that means what a place means, in this file and in all of the workspace that can name it, each once.
    fn everywhere(&mut self, snapshot: &Rc<Snapshot>, offset: usize, with_declaration: bool) -> Vec<(Rc<Snapshot>, Span)> {
        let Some((_, definition)) = navigation::named(snapshot, offset) else { return vec![] };
        let (name, outside) = (definition.span, navigation::is_visible_outside(definition));
        let Some(home) = snapshot.place(name.file) else { return vec![] };
        let own = snapshot.place(snapshot.entry());
        let mut found: Vec<(Rc<Snapshot>, Span)> = vec![];
        let mut places = if outside { self.workspace.all_files() } else { vec![] };
        places.extend([own.clone(), Some(home.clone())].into_iter().flatten());
        places.sort();
        places.dedup();
        if own.is_none() {
            // A text that is no file: its own program is all there is.
            let (_, spans) = navigation::places_of(snapshot, name);
            found.extend(spans.into_iter().map(|span| (snapshot.clone(), span)));
        }
        for place in places {
            let other = if Some(&place) == own.as_ref() { snapshot.clone() } else { self.workspace.snapshot(&place) };
            let file = other.loaded.files.iter().map(|f| f.id).find(|id| other.place(*id).as_ref() == Some(&home));
            let Some(file) = file else { continue };
            let (_, spans) = navigation::places_of(&other, Span { file, ..name });
            found.extend(spans.into_iter().map(|span| (other.clone(), span)));
        }
        if !with_declaration {
            found
                .retain(|(other, span)| (span.start, span.end) != (name.start, name.end) || other.place(span.file).as_ref() != Some(&home));
        }
        found
    }
}
