//! What the server offers, as the answer to `initialize`.
use crate::client::Client;
use crate::features::semantic_tokens::{MODIFIERS, TYPES};
use crate::handlers::actions::KINDS;
use crate::uri::SCHEME;
use serde_json::{Value, json};

/// The result of `initialize` for a client.
pub fn initialize_result(client: &Client) -> Value {
    json!({
        "capabilities": {
            "positionEncoding": client.encoding.name(),
            "textDocumentSync": { "openClose": true, "change": 2, "save": { "includeText": false } },
            "diagnosticProvider": { "identifier": "esper", "interFileDependencies": true, "workspaceDiagnostics": true },
            "documentFormattingProvider": true,
            "documentRangeFormattingProvider": true,
            "hoverProvider": true,
            "completionProvider": { "triggerCharacters": [".", "{", "("], "resolveProvider": true },
            "signatureHelpProvider": { "triggerCharacters": ["(", ","], "retriggerCharacters": ["="] },
            "inlayHintProvider": true,
            "codeLensProvider": {},
            "documentSymbolProvider": true,
            "workspaceSymbolProvider": true,
            "foldingRangeProvider": true,
            "selectionRangeProvider": true,
            "documentLinkProvider": {},
            "callHierarchyProvider": true,
            "semanticTokensProvider": {
                "legend": { "tokenTypes": TYPES, "tokenModifiers": MODIFIERS },
                "full": { "delta": true },
                "range": true,
            },
            "codeActionProvider": { "codeActionKinds": KINDS },
            "definitionProvider": true,
            "referencesProvider": true,
            "documentHighlightProvider": true,
            "renameProvider": { "prepareProvider": true },
            "workspace": {
                "workspaceFolders": { "supported": true, "changeNotifications": true },
                "textDocumentContent": { "schemes": [SCHEME] },
            },
        },
        "serverInfo": { "name": "esper", "version": env!("CARGO_PKG_VERSION") },
    })
}
