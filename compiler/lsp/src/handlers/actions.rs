//! Code actions: the compiler's repairs as the protocol has them.
use super::Reply;
use crate::convert;
use crate::features::code_actions::{actions, fix_all};
use crate::server::Server;
use gen_lsp_types as lsp;
use serde_json::{Value, json};

/// What the server offers of kinds.
pub const KINDS: [&str; 2] = ["quickfix", "source.fixAll"];

/// `textDocument/codeAction`.
pub fn code_actions(server: &mut Server, params: lsp::CodeActionParams) -> Reply<Value> {
    let place = server.workspace.place(&params.text_document.uri);
    let analysis = server.workspace.analysis(&place);
    let (snapshot, problems) = (&analysis.snapshot, &analysis.problems);
    let range = server.span(snapshot, params.range);
    let only: Option<Vec<String>> =
        params.context.only.map(|kinds| kinds.iter().map(|k| json!(k).as_str().unwrap_or_default().to_string()).collect());
    let wanted = |kind: &str| {
        only.as_ref().is_none_or(|kinds| kinds.iter().any(|k| kind == k || kind.starts_with(&format!("{k}.")) || k.is_empty()))
    };
    let mut found: Vec<Value> = vec![];
    let encoding = server.client.encoding;
    if wanted("quickfix") {
        for action in actions(snapshot, problems, range) {
            let Some(edit) = convert::workspace_edit(&mut server.workspace, snapshot, action.changes, encoding) else { continue };
            let diagnostic = convert::diagnostic(&mut server.workspace, snapshot, action.problem, encoding);
            found.push(json!({
                "title": action.title,
                "kind": "quickfix",
                "diagnostics": [diagnostic],
                "isPreferred": action.is_certain,
                "edit": edit,
            }));
        }
    }
    // An editor that only looks for a light bulb is not told of it at every place.
    let asked = only.is_some() || !found.is_empty();
    if wanted("source.fixAll") && asked {
        let changes = fix_all(snapshot, problems);
        if !changes.is_empty()
            && let Some(edit) = convert::workspace_edit(&mut server.workspace, snapshot, &changes, encoding)
        {
            found.push(json!({ "title": "Apply every certain repair in this file", "kind": "source.fixAll", "edit": edit }));
        }
    }
    Ok(json!(found))
}
