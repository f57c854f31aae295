//! Completions as the protocol has them.
use super::Reply;
use crate::features::completion::{Proposal, ProposalKind, complete};
use crate::server::Server;
use gen_lsp_types as lsp;
use serde_json::{Value, json};

/// `textDocument/completion`.
pub fn completion(server: &mut Server, params: lsp::CompletionParams) -> Reply<Value> {
    let position = &params.text_document_position_params;
    let place = server.workspace.place(&position.text_document.uri);
    let snapshot = server.workspace.snapshot(&place);
    let (library, modules) = (server.workspace.library_program(), server.workspace.modules(&place));
    let offset = server.offset(&snapshot, position.position);
    let (span, proposals) = complete(&snapshot, &library, &modules, offset);
    let range = server.range(&snapshot, span);
    let items: Vec<Value> = proposals
        .into_iter()
        .map(|proposal| {
            let (text, format) = match server.client.snippets {
                true if proposal.insert.contains("${") => (proposal.insert.clone(), 2),
                _ => (without_placeholders(&proposal), 1),
            };
            let mut shown = json!({
                "label": proposal.label,
                "kind": kind(proposal.kind),
                "sortText": format!("{}{}", proposal.nearness, proposal.label),
                "insertTextFormat": format,
                "textEdit": { "range": range, "newText": text },
            });
            if !proposal.detail.is_empty() {
                shown["detail"] = json!(proposal.detail);
            }
            if !proposal.docs.is_empty() {
                shown["documentation"] = json!({ "kind": "markdown", "value": proposal.docs });
            }
            if !proposal.also.is_empty() {
                let edits = proposal.also.iter().map(|(span, text)| json!({ "range": server.range(&snapshot, *span), "newText": text }));
                shown["additionalTextEdits"] = json!(edits.collect::<Vec<_>>());
            }
            shown
        })
        .collect();
    Ok(json!({ "isIncomplete": false, "items": items }))
}

/// What is written where the client knows no placeholders: arguments by name keep their `=`, everything else is its name.
fn without_placeholders(proposal: &Proposal) -> String {
    match proposal.kind {
        ProposalKind::Argument => format!("{} ", proposal.label),
        _ => proposal.label.clone(),
    }
}

fn kind(kind: ProposalKind) -> u32 {
    match kind {
        ProposalKind::Keyword => 14,
        ProposalKind::Function => 3,
        ProposalKind::Blueprint => 7,
        ProposalKind::Constant => 21,
        ProposalKind::Experiment => 23,
        ProposalKind::Variable => 6,
        ProposalKind::Property => 10,
        ProposalKind::Dim => 25,
        ProposalKind::Argument => 5,
        ProposalKind::Type => 25,
        ProposalKind::Module => 9,
        ProposalKind::Signal => 12,
    }
}
