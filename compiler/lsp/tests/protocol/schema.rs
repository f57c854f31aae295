//! Every answer is of the type that the protocol's metamodel gives its request.
use gen_lsp_types::*;
use serde_json::Value;

fn is<R: Request>(method: &str, result: &Value) {
    if let Err(error) = serde_json::from_value::<R::Result>(result.clone()) {
        panic!("the answer to {method} is not of its type: {error}\n{result:#}");
    }
}

/// Panics where the answer is not of its type. Methods that are not listed are none of the protocol, or have no type.
pub fn check(method: &str, result: &Value) {
    let check: fn(&str, &Value) = match method {
        "initialize" => is::<InitializeRequest>,
        "textDocument/diagnostic" => is::<DocumentDiagnosticRequest>,
        "workspace/diagnostic" => is::<WorkspaceDiagnosticRequest>,
        "textDocument/formatting" => is::<DocumentFormattingRequest>,
        "textDocument/rangeFormatting" => is::<DocumentRangeFormattingRequest>,
        "textDocument/codeAction" => is::<CodeActionRequest>,
        "textDocument/definition" => is::<DefinitionRequest>,
        "textDocument/references" => is::<ReferencesRequest>,
        "textDocument/documentHighlight" => is::<DocumentHighlightRequest>,
        "textDocument/prepareRename" => is::<PrepareRenameRequest>,
        "textDocument/rename" => is::<RenameRequest>,
        "textDocument/hover" => is::<HoverRequest>,
        "textDocument/completion" => is::<CompletionRequest>,
        "textDocument/signatureHelp" => is::<SignatureHelpRequest>,
        "textDocument/inlayHint" => is::<InlayHintRequest>,
        "textDocument/codeLens" => is::<CodeLensRequest>,
        "textDocument/documentSymbol" => is::<DocumentSymbolRequest>,
        "workspace/symbol" => is::<WorkspaceSymbolRequest>,
        "textDocument/foldingRange" => is::<FoldingRangeRequest>,
        "textDocument/selectionRange" => is::<SelectionRangeRequest>,
        "textDocument/documentLink" => is::<DocumentLinkRequest>,
        "textDocument/semanticTokens/full" => is::<SemanticTokensRequest>,
        "textDocument/semanticTokens/full/delta" => is::<SemanticTokensDeltaRequest>,
        "textDocument/semanticTokens/range" => is::<SemanticTokensRangeRequest>,
        "textDocument/prepareCallHierarchy" => is::<CallHierarchyPrepareRequest>,
        "callHierarchy/incomingCalls" => is::<CallHierarchyIncomingCallsRequest>,
        "callHierarchy/outgoingCalls" => is::<CallHierarchyOutgoingCallsRequest>,
        "workspace/textDocumentContent" => is::<TextDocumentContentRequest>,
        _ => return,
    };
    check(method, result);
}
