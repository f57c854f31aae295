//! What the client says it can do, read leniently: whatever is missing or odd counts as not offered.
use crate::position::Encoding;
use serde_json::Value;

/// The abilities of a client that the server asks for.
#[derive(Clone, Debug, Default)]
pub struct Client {
    /// What its columns count.
    pub encoding: Encoding,
    /// It asks for diagnostics itself.
    pub pulls_diagnostics: bool,
    /// It reads documents of the server's scheme from the server.
    pub virtual_documents: bool,
    /// Completions may hold placeholders.
    pub snippets: bool,
    /// It asks for the documentation of a proposal once it shows it.
    pub resolves_documentation: bool,
    /// It shows a tree of symbols, not only a list.
    pub symbol_trees: bool,
    /// It takes registrations of watched files.
    pub registers_watchers: bool,
    /// It asks again for hints, tokens, lenses and diagnostics when told to.
    pub refreshes_hints: bool,
    /// The same for diagnostics.
    pub refreshes_diagnostics: bool,
    /// It takes links, which also say what of the source and the target is meant.
    pub definition_links: bool,
    /// The process that started the server.
    pub process: Option<u32>,
}

impl Client {
    /// Reads the parameters of `initialize`.
    pub fn read(initialize: &Value) -> Client {
        let flag = |path: &str| initialize.pointer(&format!("/capabilities/{path}")).and_then(Value::as_bool).unwrap_or(false);
        let given = |path: &str| initialize.pointer(&format!("/capabilities/{path}")).is_some_and(|v| v.is_object());
        let offered: Vec<&str> = initialize
            .pointer("/capabilities/general/positionEncodings")
            .and_then(Value::as_array)
            .map(|list| list.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        let encoding = match () {
            () if offered.contains(&"utf-8") => Encoding::Utf8,
            () if offered.contains(&"utf-16") || offered.is_empty() => Encoding::Utf16,
            () if offered.contains(&"utf-32") => Encoding::Utf32,
            () => Encoding::Utf16,
        };
        Client {
            encoding,
            pulls_diagnostics: given("textDocument/diagnostic"),
            virtual_documents: given("workspace/textDocumentContent"),
            snippets: flag("textDocument/completion/completionItem/snippetSupport"),
            resolves_documentation: initialize
                .pointer("/capabilities/textDocument/completion/completionItem/resolveSupport/properties")
                .and_then(Value::as_array)
                .is_some_and(|properties| properties.iter().any(|p| p == "documentation")),
            symbol_trees: flag("textDocument/documentSymbol/hierarchicalDocumentSymbolSupport"),
            registers_watchers: flag("workspace/didChangeWatchedFiles/dynamicRegistration"),
            refreshes_hints: flag("workspace/inlayHint/refreshSupport"),
            refreshes_diagnostics: flag("workspace/diagnostics/refreshSupport"),
            definition_links: flag("textDocument/definition/linkSupport"),
            process: initialize.get("processId").and_then(Value::as_u64).and_then(|id| u32::try_from(id).ok()),
        }
    }
}

impl Encoding {
    /// Its name in the protocol.
    pub fn name(self) -> &'static str {
        match self {
            Encoding::Utf8 => "utf-8",
            Encoding::Utf16 => "utf-16",
            Encoding::Utf32 => "utf-32",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_client_that_says_nothing_counts_in_utf_16() {
        assert_eq!(Client::read(&json!({"processId": null, "capabilities": {}})).encoding, Encoding::Utf16);
        assert_eq!(Client::read(&Value::Null).encoding, Encoding::Utf16);
        let offers = |list: Value| Client::read(&json!({"capabilities": {"general": {"positionEncodings": list}}})).encoding;
        assert_eq!(offers(json!(["utf-16"])), Encoding::Utf16);
        assert_eq!(offers(json!(["utf-8", "utf-32", "utf-16"])), Encoding::Utf8);
        assert_eq!(offers(json!(["utf-32"])), Encoding::Utf32);
        assert_eq!(offers(json!(["other"])), Encoding::Utf16);
    }
}
