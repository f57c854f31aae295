//! Formatting of whole documents and of ranges.
use super::{Reply, failed};
use crate::features::formatting::{Change, format, format_range};
use crate::server::Server;
use crate::snapshot::Snapshot;
use gen_lsp_types as lsp;

/// `textDocument/formatting`.
pub fn whole(server: &mut Server, params: lsp::DocumentFormattingParams) -> Reply<Vec<lsp::TextEdit>> {
    let (_, snapshot) = server.snapshot(&params.text_document);
    let changes = format(snapshot.text(snapshot.entry())).map_err(|why| failed(why.to_string()))?;
    Ok(edits(server, &snapshot, changes))
}

/// `textDocument/rangeFormatting`: the lines that the range touches.
pub fn range(server: &mut Server, params: lsp::DocumentRangeFormattingParams) -> Reply<Vec<lsp::TextEdit>> {
    let (_, snapshot) = server.snapshot(&params.text_document);
    let span = server.span(&snapshot, params.range);
    let text = snapshot.text(snapshot.entry());
    let changes = format_range(text, span.start as usize..span.end as usize).map_err(|why| failed(why.to_string()))?;
    Ok(edits(server, &snapshot, changes))
}

fn edits(server: &Server, snapshot: &Snapshot, changes: Vec<Change>) -> Vec<lsp::TextEdit> {
    let entry = snapshot.entry();
    let lines = snapshot.lines(entry);
    let range = |bytes: std::ops::Range<usize>| lines.range(snapshot.text(entry), bytes, server.client.encoding);
    changes.into_iter().map(|change| lsp::TextEdit { range: range(change.bytes), new_text: change.text }).collect()
}
