//! Completions as the protocol has them.
use super::Reply;
use crate::features::completion::{Proposal, ProposalKind, complete};
use crate::server::Server;
use gen_lsp_types as lsp;
use serde_json::{Value, json};

/// The documentation of the proposals that the client was given last, for when it asks.
#[derive(Debug, Default)]
pub struct Proposed {
    /// Which completion they are of.
    number: u64,
    docs: Vec<String>,
}

/// `completionItem/resolve`: the documentation of a proposal; nothing is added to one that has been superseded.
pub fn resolve(server: &mut Server, mut item: Value) -> Reply<Value> {
    let number = |name: &str| item.pointer(&format!("/data/{name}")).and_then(Value::as_u64);
    if number("completion") == Some(server.proposed.number)
        && let Some(docs) = number("proposal").and_then(|at| server.proposed.docs.get(at as usize))
    {
        item["documentation"] = json!({ "kind": "markdown", "value": docs });
    }
    Ok(item)
}

/// `textDocument/completion`.
pub fn completion(server: &mut Server, params: lsp::CompletionParams) -> Reply<Value> {
    let position = &params.text_document_position_params;
    let place = server.workspace.place(&position.text_document.uri);
    let snapshot = server.workspace.snapshot(&place);
    let (library, modules) = (server.workspace.library_program(), server.workspace.modules(&place));
    let offset = server.offset(&snapshot, position.position);
    let (span, proposals) = complete(&snapshot, &library, &modules, offset);
    let range = server.range(&snapshot, span);
    let number = server.proposed.number + 1;
    let mut proposed = Proposed { number, docs: vec![] };
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
            match proposal.docs.is_empty() {
                true => {}
                false if server.client.resolves_documentation => {
                    shown["data"] = json!({ "completion": number, "proposal": proposed.docs.len() });
                    proposed.docs.push(proposal.docs);
                }
                false => shown["documentation"] = json!({ "kind": "markdown", "value": proposal.docs }),
            }
            if !proposal.also.is_empty() {
                let edits = proposal.also.iter().map(|(span, text)| json!({ "range": server.range(&snapshot, *span), "newText": text }));
                shown["additionalTextEdits"] = json!(edits.collect::<Vec<_>>());
            }
            shown
        })
        .collect();
    server.proposed = proposed;
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
