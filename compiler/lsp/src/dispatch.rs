//! Which handler answers which message: one line a method.
use crate::handlers::{actions, calls, completion, diagnostics, formatting, navigation, reading, sync, tokens};
use crate::server::{Answer, Server};
use lsp_server::{ErrorCode, ResponseError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Answers a request.
pub type RequestHandler = fn(&mut Server, Value) -> Answer;
/// Takes a notification.
pub type NotificationHandler = fn(&mut Server, Value);

const REQUESTS: &[(&str, RequestHandler)] = &[
    ("textDocument/diagnostic", |s, p| typed(s, p, diagnostics::pull)),
    ("workspace/diagnostic", |s, p| typed(s, p, diagnostics::pull_all)),
    ("textDocument/formatting", |s, p| typed(s, p, formatting::whole)),
    ("textDocument/rangeFormatting", |s, p| typed(s, p, formatting::range)),
    ("textDocument/codeAction", |s, p| typed(s, p, actions::code_actions)),
    ("textDocument/definition", |s, p| typed(s, p, navigation::definition)),
    ("textDocument/references", |s, p| typed(s, p, navigation::references)),
    ("textDocument/documentHighlight", |s, p| typed(s, p, navigation::highlight)),
    ("textDocument/prepareRename", |s, p| typed(s, p, navigation::prepare_rename)),
    ("textDocument/rename", |s, p| typed(s, p, navigation::rename)),
    ("textDocument/hover", |s, p| typed(s, p, reading::hover)),
    ("textDocument/completion", |s, p| typed(s, p, completion::completion)),
    ("completionItem/resolve", |s, p| typed(s, p, completion::resolve)),
    ("textDocument/signatureHelp", |s, p| typed(s, p, reading::signature)),
    ("textDocument/inlayHint", |s, p| typed(s, p, reading::hints)),
    ("textDocument/codeLens", |s, p| typed(s, p, reading::code_lenses)),
    ("textDocument/documentSymbol", |s, p| typed(s, p, reading::document_symbols)),
    ("workspace/symbol", |s, p| typed(s, p, reading::workspace_symbols)),
    ("textDocument/foldingRange", |s, p| typed(s, p, reading::folding_ranges)),
    ("textDocument/selectionRange", |s, p| typed(s, p, reading::selection_ranges)),
    ("textDocument/documentLink", |s, p| typed(s, p, reading::document_links)),
    ("textDocument/semanticTokens/full", |s, p| typed(s, p, tokens::full)),
    ("textDocument/semanticTokens/full/delta", |s, p| typed(s, p, tokens::full_delta)),
    ("textDocument/semanticTokens/range", |s, p| typed(s, p, tokens::range)),
    ("textDocument/prepareCallHierarchy", |s, p| typed(s, p, calls::prepare)),
    ("callHierarchy/incomingCalls", |s, p| typed(s, p, calls::incoming)),
    ("callHierarchy/outgoingCalls", |s, p| typed(s, p, calls::outgoing)),
    ("workspace/textDocumentContent", |s, p| typed(s, p, sync::content)),
];

const NOTIFICATIONS: &[(&str, NotificationHandler)] = &[
    ("initialized", |server, _| server.register_watchers()),
    ("textDocument/didOpen", sync::open),
    ("textDocument/didChange", sync::change),
    ("textDocument/didClose", sync::close),
    ("textDocument/didSave", sync::save),
    ("workspace/didChangeWatchedFiles", sync::changed_on_disk),
    ("workspace/didChangeWorkspaceFolders", sync::folders),
];

/// The handler of a request.
pub fn request(method: &str) -> Option<RequestHandler> {
    REQUESTS.iter().find(|(m, _)| *m == method).map(|(_, handler)| *handler)
}

/// The handler of a notification.
pub fn notification(method: &str) -> Option<NotificationHandler> {
    NOTIFICATIONS.iter().find(|(m, _)| *m == method).map(|(_, handler)| *handler)
}

/// Reads the parameters, runs the handler, writes the result.
fn typed<P: DeserializeOwned, R: Serialize>(
    server: &mut Server,
    params: Value,
    run: fn(&mut Server, P) -> Result<R, ResponseError>,
) -> Answer {
    let error = |code: ErrorCode, e: serde_json::Error| ResponseError { code: code as i32, message: e.to_string(), data: None };
    let params = serde_json::from_value(params).map_err(|e| error(ErrorCode::InvalidParams, e))?;
    serde_json::to_value(run(server, params)?).map_err(|e| error(ErrorCode::InternalError, e))
}
