//! Semantic tokens: whole, of a range, and as the difference to what the client has.
use super::Reply;
use crate::features::semantic_tokens::{SemanticToken, delta, semantic_tokens};
use crate::server::Server;
use crate::snapshot::Snapshot;
use crate::uri::Place;
use gen_lsp_types as lsp;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What clients hold: by document, the number of the result and its tokens.
pub type Sent = BTreeMap<Place, (u64, Vec<u32>)>;

/// `textDocument/semanticTokens/full`.
pub fn full(server: &mut Server, params: lsp::SemanticTokensParams) -> Reply<Value> {
    let (place, snapshot) = server.snapshot(&params.text_document);
    let data = encoded(server, &snapshot, &semantic_tokens(&snapshot));
    let id = server.keep_tokens(place, &data);
    Ok(json!({ "resultId": id, "data": data }))
}

/// `textDocument/semanticTokens/full/delta`.
pub fn full_delta(server: &mut Server, params: lsp::SemanticTokensDeltaParams) -> Reply<Value> {
    let (place, snapshot) = server.snapshot(&params.text_document);
    let data = encoded(server, &snapshot, &semantic_tokens(&snapshot));
    let before = server.tokens.get(&place).filter(|(id, _)| id.to_string() == params.previous_result_id).map(|(_, data)| data.clone());
    let id = server.keep_tokens(place, &data);
    Ok(match before {
        Some(before) => {
            let edits = delta(&before, &data).map(|(start, count, data)| json!({ "start": start, "deleteCount": count, "data": data }));
            json!({ "resultId": id, "edits": edits.into_iter().collect::<Vec<_>>() })
        }
        None => json!({ "resultId": id, "data": data }),
    })
}

/// `textDocument/semanticTokens/range`.
pub fn range(server: &mut Server, params: lsp::SemanticTokensRangeParams) -> Reply<Value> {
    let (_, snapshot) = server.snapshot(&params.text_document);
    let span = server.span(&snapshot, params.range);
    let tokens: Vec<SemanticToken> =
        semantic_tokens(&snapshot).into_iter().filter(|t| t.span.start < span.end && span.start < t.span.end).collect();
    Ok(json!({ "data": encoded(server, &snapshot, &tokens) }))
}

/// Five numbers a token: lines and columns from the one before, length, kind, modifiers.
fn encoded(server: &Server, snapshot: &Snapshot, tokens: &[SemanticToken]) -> Vec<u32> {
    let (mut line, mut column) = (0, 0);
    let mut data = Vec::with_capacity(tokens.len() * 5);
    for token in tokens {
        let start = server.range(snapshot, token.span).start;
        let length = server.client.encoding.length(snapshot.text_at(token.span)) as u32;
        let along = if start.line == line { start.character - column } else { start.character };
        data.extend([start.line - line, along, length, token.kind, token.modifiers]);
        (line, column) = (start.line, start.character);
    }
    data
}

impl Server {
    fn keep_tokens(&mut self, place: Place, data: &[u32]) -> String {
        let id = self.tokens.get(&place).map_or(0, |(id, _)| *id) + 1;
        self.tokens.insert(place, (id, data.to_vec()));
        id.to_string()
    }
}
