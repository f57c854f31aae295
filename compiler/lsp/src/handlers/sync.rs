//! The client's texts: opened, changed, closed; files that change on disk; folders that come and go.
use super::{Reply, failed};
use crate::position::Lines;
use crate::server::Server;
use crate::uri::{library_module, path_of};
use crate::workspace::Document;
use gen_lsp_types as lsp;
use serde_json::{Value, json};
use std::path::PathBuf;

/// `textDocument/didOpen`.
pub fn open(server: &mut Server, params: Value) {
    let Ok(params) = serde_json::from_value::<lsp::DidOpenTextDocumentParams>(params) else { return };
    let opened = params.text_document;
    let place = server.workspace.place(&opened.uri);
    server.workspace.set(place, Document { uri: opened.uri, version: opened.version, text: opened.text.into() });
}

/// `textDocument/didChange`: each change is of the text that the one before it left.
pub fn change(server: &mut Server, params: Value) {
    let Ok(params) = serde_json::from_value::<lsp::DidChangeTextDocumentParams>(params) else { return };
    let place = server.workspace.place(&params.text_document.text_document_identifier.uri);
    let Some(document) = server.workspace.document(&place).cloned() else { return };
    let mut text = document.text.to_string();
    for change in params.content_changes {
        match change {
            lsp::TextDocumentContentChangeEvent::TextDocumentContentChangePartial(change) => {
                let lines = Lines::of(&text);
                let offset = |position| lines.offset(&text, position, server.client.encoding);
                let (start, end) = (offset(change.range.start), offset(change.range.end));
                text.replace_range(start.min(end)..start.max(end), &change.text);
            }
            lsp::TextDocumentContentChangeEvent::TextDocumentContentChangeWholeDocument(change) => text = change.text,
        }
    }
    server.workspace.set(place, Document { uri: document.uri, version: params.text_document.version, text: text.into() });
}

/// `textDocument/didClose`: the file on disk counts again, and nothing is shown of a text that is no file.
pub fn close(server: &mut Server, params: Value) {
    let Ok(params) = serde_json::from_value::<lsp::DidCloseTextDocumentParams>(params) else { return };
    let place = server.workspace.place(&params.text_document.uri);
    if server.workspace.close(&place).is_some() {
        server.forget_document(&place, &params.text_document.uri);
    }
}

/// `textDocument/didSave`: the text is known already.
pub fn save(_server: &mut Server, _params: Value) {}

/// `workspace/didChangeWatchedFiles`.
pub fn changed_on_disk(server: &mut Server, params: Value) {
    let Ok(params) = serde_json::from_value::<lsp::DidChangeWatchedFilesParams>(params) else { return };
    for path in params.changes.iter().filter_map(|change| path_of(&change.uri.0)) {
        server.workspace.changed_on_disk(&path);
    }
    server.refresh();
}

/// `workspace/didChangeWorkspaceFolders`.
pub fn folders(server: &mut Server, params: Value) {
    let Ok(params) = serde_json::from_value::<lsp::DidChangeWorkspaceFoldersParams>(params) else { return };
    let paths = |folders: &[lsp::WorkspaceFolder]| folders.iter().filter_map(|f| path_of(&f.uri.0)).collect::<Vec<PathBuf>>();
    let (added, removed) = (paths(&params.event.added), paths(&params.event.removed));
    server.workspace.change_roots(&added, &removed);
    server.refresh();
}

/// `workspace/textDocumentContent`: the text of a module of the standard library.
pub fn content(_server: &mut Server, params: lsp::TextDocumentContentParams) -> Reply<Value> {
    let text = library_module(&params.uri.0).and_then(|module| esper_stdlib::module(&module));
    text.map(|text| json!({ "text": text })).ok_or_else(|| failed("the standard library has no such module"))
}

impl Server {
    /// Has the client ask again for what may have changed without an edit of its document.
    fn refresh(&mut self) {
        if self.client.refreshes_diagnostics {
            self.ask("workspace/diagnostic/refresh", Value::Null);
        }
        if self.client.refreshes_hints {
            self.ask("workspace/inlayHint/refresh", Value::Null);
        }
    }
}
