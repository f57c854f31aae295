//! The hierarchy of calls, across the files of the workspace.
use super::Reply;
use crate::features::calls;
use crate::features::describe;
use crate::features::navigation::{item_of, places_of};
use crate::server::Server;
use crate::snapshot::Snapshot;
use esper_check::names::{Definition, DefinitionKind, ItemClass};
use esper_diagnostics::Span;
use gen_lsp_types as lsp;
use serde_json::{Value, json};

/// `textDocument/prepareCallHierarchy`.
pub fn prepare(server: &mut Server, params: lsp::CallHierarchyPrepareParams) -> Reply<Value> {
    let at = server.at(&params.text_document_position_params);
    let item = calls::prepare(&at.snapshot, at.offset).and_then(|definition| item(server, &at.snapshot, definition));
    Ok(item.map_or(Value::Null, |item| json!([item])))
}

/// `callHierarchy/incomingCalls`.
pub fn incoming(server: &mut Server, params: lsp::CallHierarchyIncomingCallsParams) -> Reply<Value> {
    let (home, home_snapshot) = server.snapshot(&lsp::TextDocumentIdentifier { uri: params.item.uri.clone() });
    let name = server.span(&home_snapshot, params.item.selection_range);
    let mut found = vec![];
    let mut places = server.workspace.all_files();
    places.push(home.clone());
    places.sort();
    places.dedup();
    for place in places {
        let snapshot = server.workspace.snapshot(&place);
        let Some(file) = snapshot.loaded.files.iter().map(|f| f.id).find(|id| snapshot.place(*id).as_ref() == Some(&home)) else {
            continue;
        };
        let (Some(called), _) = places_of(&snapshot, Span { file, ..name }) else { continue };
        for (caller, spans) in calls::incoming(&snapshot, called) {
            if let Some(from) = item(server, &snapshot, caller) {
                let ranges: Vec<lsp::Range> = spans.iter().map(|span| server.range(&snapshot, *span)).collect();
                found.push(json!({ "from": from, "fromRanges": ranges }));
            }
        }
    }
    Ok(json!(found))
}

/// `callHierarchy/outgoingCalls`.
pub fn outgoing(server: &mut Server, params: lsp::CallHierarchyOutgoingCallsParams) -> Reply<Value> {
    let (_, snapshot) = server.snapshot(&lsp::TextDocumentIdentifier { uri: params.item.uri.clone() });
    let name = server.span(&snapshot, params.item.selection_range);
    let Some(id) = snapshot.index().declared_at(name) else { return Ok(Value::Null) };
    let mut found = vec![];
    for (called, spans) in calls::outgoing(&snapshot, snapshot.index().definition(id)) {
        if let Some(to) = item(server, &snapshot, called) {
            let ranges: Vec<lsp::Range> = spans.iter().map(|span| server.range(&snapshot, *span)).collect();
            found.push(json!({ "to": to, "fromRanges": ranges }));
        }
    }
    Ok(json!(found))
}

fn item(server: &mut Server, snapshot: &Snapshot, definition: &Definition) -> Option<Value> {
    let place = server.location(snapshot, definition.span)?;
    let whole = item_of(snapshot, definition)?.span;
    let kind = match definition.kind {
        DefinitionKind::Item(ItemClass::Fn) => 12,
        DefinitionKind::Item(ItemClass::Train) => 24,
        _ => 5,
    };
    let module = snapshot.file(definition.span.file).map(|f| f.module.clone());
    let docs = describe::docs(snapshot, definition);
    let summary = describe::summary(&docs);
    let detail = if summary.is_empty() { module.unwrap_or_default() } else { format!("{}: {summary}", module.unwrap_or_default()) };
    let range = server.range(snapshot, whole);
    Some(
        json!({ "name": definition.name, "kind": kind, "detail": detail, "uri": place.uri, "range": range, "selectionRange": place.range }),
    )
}
