//! A client that talks to a server in this process, with fixtures whose cursor is marked by `$0`.
use lsp_server::{Connection, Message, Notification, Request, RequestId};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::thread::JoinHandle;
use std::time::Duration;

/// How long an answer may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// A client with its server and a folder for its files.
pub struct Client {
    connection: Connection,
    server: Option<JoinHandle<Result<esper_lsp::Outcome, String>>>,
    /// The workspace.
    pub folder: tempfile::TempDir,
    /// The answer to `initialize`.
    pub capabilities: Value,
    next: i32,
    versions: BTreeMap<String, i32>,
    /// Notifications and requests of the server that no test has looked at, oldest first.
    pub inbox: Vec<(String, Value)>,
}

/// What the tests' client offers, unless they say otherwise.
pub fn usual() -> Value {
    json!({
        "general": { "positionEncodings": ["utf-16"] },
        "textDocument": {
            "completion": { "completionItem": { "snippetSupport": true } },
            "documentSymbol": { "hierarchicalDocumentSymbolSupport": true },
        },
    })
}

impl Client {
    /// A client of the usual abilities with these files in its workspace.
    pub fn with(files: &[(&str, &str)]) -> Client {
        Client::offering(usual(), files)
    }

    /// A client of certain abilities.
    pub fn offering(capabilities: Value, files: &[(&str, &str)]) -> Client {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("inside")).expect("a folder");
            std::fs::write(path, text).expect("a file");
        }
        let (server, connection) = Connection::memory();
        let server = std::thread::Builder::new()
            .stack_size(64 << 20)
            .spawn(move || esper_lsp::serve(server, |_| ()))
            .expect("a thread for the server");
        let mut client = Client {
            connection,
            server: Some(server),
            folder,
            capabilities: Value::Null,
            next: 0,
            versions: BTreeMap::new(),
            inbox: vec![],
        };
        let root = client.uri("");
        let library = client.folder.path().join(".library");
        client.capabilities = client.ask(
            "initialize",
            json!({
                "processId": null,
                "capabilities": capabilities,
                "workspaceFolders": [{ "uri": root.trim_end_matches('/'), "name": "test" }],
                "initializationOptions": { "libraryFolder": library },
            }),
        );
        client.tell("initialized", json!({}));
        client
    }

    /// The address of a file of the workspace.
    pub fn uri(&self, name: &str) -> String {
        format!("file://{}/{name}", self.folder.path().display())
    }

    /// Sends a notification.
    pub fn tell(&mut self, method: &str, params: Value) {
        self.connection.sender.send(Notification { method: method.into(), params }.into()).expect("the server listens");
    }

    /// Sends a request without waiting; gives its number.
    pub fn send(&mut self, method: &str, params: Value) -> i32 {
        self.next += 1;
        let request = Request { id: RequestId::from(self.next), method: method.into(), params };
        self.connection.sender.send(request.into()).expect("the server listens");
        self.next
    }

    /// Waits for the answer to a request: its result, or its error.
    pub fn answer(&mut self, id: i32) -> Result<Value, Value> {
        loop {
            match self.connection.receiver.recv_timeout(PATIENCE).expect("an answer in time") {
                Message::Response(response) if response.id == RequestId::from(id) => {
                    let response = serde_json::to_value(response).expect("JSON");
                    return match response.get("error") {
                        Some(error) => Err(error.clone()),
                        None => Ok(response["result"].clone()),
                    };
                }
                other => self.keep(other),
            }
        }
    }

    fn keep(&mut self, message: Message) {
        match message {
            Message::Notification(n) => self.inbox.push((n.method, n.params)),
            Message::Request(r) => self.inbox.push((r.method, r.params)),
            Message::Response(response) => panic!("an answer nobody waits for: {response:?}"),
        }
    }

    /// Sends a request and gives its result.
    pub fn ask(&mut self, method: &str, params: Value) -> Value {
        let id = self.send(method, params);
        let result = self.answer(id).unwrap_or_else(|error| panic!("{method}: {error}"));
        crate::schema::check(method, &result);
        result
    }

    /// Opens `a.blueprint` with a fixture and gives the parameters of a request about its mark.
    pub fn open_marked(&mut self, fixture: &str) -> Value {
        let (text, position) = marked(fixture);
        self.open("a.blueprint", &text);
        json!({ "textDocument": { "uri": self.uri("a.blueprint") }, "position": position })
    }

    /// The parameters of a request about a whole document.
    pub fn document(&self, name: &str) -> Value {
        json!({ "textDocument": { "uri": self.uri(name) } })
    }

    /// Opens a document with a text; the file need not exist.
    pub fn open(&mut self, name: &str, text: &str) {
        let uri = self.uri(name);
        self.versions.insert(name.into(), 1);
        let document = json!({ "uri": uri, "languageId": "blueprint", "version": 1, "text": text });
        self.tell("textDocument/didOpen", json!({ "textDocument": document }));
    }

    /// Changes a document.
    pub fn change(&mut self, name: &str, changes: Value) {
        let version = self.versions.entry(name.into()).or_default();
        *version += 1;
        let document = json!({ "uri": format!("file://{}/{name}", self.folder.path().display()), "version": *version });
        self.tell("textDocument/didChange", json!({ "textDocument": document, "contentChanges": changes }));
    }

    /// The next publication for a document that is of its newest text.
    pub fn published(&mut self, name: &str) -> Vec<Value> {
        let (uri, version) = (self.uri(name), self.versions.get(name).copied());
        let wanted = |method: &str, params: &Value| {
            method == "textDocument/publishDiagnostics" && params["uri"] == uri && params["version"].as_i64().map(|v| v as i32) == version
        };
        loop {
            if let Some(at) = self.inbox.iter().position(|(method, params)| wanted(method, params)) {
                let (_, params) = self.inbox.remove(at);
                return params["diagnostics"].as_array().cloned().unwrap_or_default();
            }
            let message = self.connection.receiver.recv_timeout(PATIENCE).expect("a publication in time");
            self.keep(message);
        }
    }

    /// `shutdown` and `exit`; gives how the server ended.
    pub fn end(mut self) -> esper_lsp::Outcome {
        self.ask("shutdown", Value::Null);
        self.tell("exit", Value::Null);
        let server = self.server.take().expect("once");
        server.join().expect("the server does not panic").expect("the server ends well")
    }

    /// Sends `exit` alone.
    pub fn leave(mut self) -> esper_lsp::Outcome {
        self.tell("exit", Value::Null);
        let server = self.server.take().expect("once");
        server.join().expect("the server does not panic").expect("the server ends well")
    }

    /// The path of the workspace.
    pub fn path(&self, name: &str) -> std::path::PathBuf {
        Path::new(self.folder.path()).join(name)
    }
}

/// The text without its `$0`, and the position of it (in a text of ASCII before the mark on its line).
pub fn marked(fixture: &str) -> (String, Value) {
    let at = fixture.find("$0").expect("a mark");
    let before = &fixture[..at];
    let line = before.matches('\n').count();
    let column = at - before.rfind('\n').map_or(0, |n| n + 1);
    (fixture.replacen("$0", "", 1), json!({ "line": line, "character": column }))
}

/// `3:4-3:9`: a range, lines and columns from 1.
pub fn short_range(range: &Value) -> String {
    let place = |p: &Value| format!("{}:{}", p["line"].as_u64().unwrap_or(0) + 1, p["character"].as_u64().unwrap_or(0) + 1);
    format!("{}-{}", place(&range["start"]), place(&range["end"]))
}
