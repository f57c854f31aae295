//! The real command over its pipes: `esperc lsp` begins, marks a mistake, formats, and ends with its client.
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// How long an answer may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(60);

struct Client {
    server: Child,
    input: Option<ChildStdin>,
    messages: Receiver<Value>,
    next: u64,
}

fn read_message(from: &mut impl BufRead) -> Option<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if from.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.parse().ok()?,
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body).ok()?;
    serde_json::from_slice(&body).ok()
}

impl Client {
    fn start(process: Option<u32>) -> Client {
        let mut server = Command::new(env!("CARGO_BIN_EXE_esperc"))
            .args(["lsp", "--stdio"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("esperc starts");
        let (input, output) = (server.stdin.take(), server.stdout.take().expect("a pipe"));
        let (sender, messages) = channel();
        std::thread::spawn(move || {
            let mut output = BufReader::new(output);
            while let Some(message) = read_message(&mut output) {
                if sender.send(message).is_err() {
                    break;
                }
            }
        });
        let mut client = Client { server, input, messages, next: 0 };
        let result = client.ask("initialize", json!({ "processId": process, "rootUri": null, "capabilities": {} }));
        assert_eq!(result["capabilities"]["positionEncoding"], "utf-16");
        client.tell("initialized", json!({}));
        client
    }

    fn write(&mut self, message: &Value) {
        let body = message.to_string();
        let input = self.input.as_mut().expect("open");
        write!(input, "Content-Length: {}\r\n\r\n{body}", body.len()).and_then(|()| input.flush()).expect("the server reads");
    }

    fn tell(&mut self, method: &str, params: Value) {
        self.write(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let id = self.next;
        self.write(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        self.wait(|m| m["id"] == id)["result"].clone()
    }

    fn wait(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let message = self.messages.recv_timeout(left).expect("an answer in time");
            if wanted(&message) {
                return message;
            }
        }
    }

    /// The exit code, within the patience.
    fn end(mut self) -> Option<i32> {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            if let Some(status) = self.server.try_wait().expect("the server can be asked") {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        self.server.kill().expect("the server can be ended");
        panic!("the server did not end");
    }
}

const UNTITLED: &str = "untitled:Untitled-1";

#[test]
fn a_mistake_is_marked_and_the_text_formatted() {
    let mut client = Client::start(None);
    let text = "fn f(hidden: f32[n]) -> f32[n] { hiden }\n";
    client.tell(
        "textDocument/didOpen",
        json!({ "textDocument": { "uri": UNTITLED, "languageId": "blueprint", "version": 1, "text": text } }),
    );
    let published = client.wait(|m| m["method"] == "textDocument/publishDiagnostics");
    let found = published["params"]["diagnostics"].as_array().expect("a list");
    assert_eq!((found.len(), &found[0]["code"]), (1, &json!("E0101")));
    let range = json!({ "start": { "line": 0, "character": 33 }, "end": { "line": 0, "character": 38 } });
    assert_eq!(found[0]["range"], range);
    let change = json!([{ "range": range, "text": " hidden" }]);
    client.tell("textDocument/didChange", json!({ "textDocument": { "uri": UNTITLED, "version": 2 }, "contentChanges": change }));
    let published = client.wait(|m| m["method"] == "textDocument/publishDiagnostics");
    assert_eq!((&published["params"]["version"], &published["params"]["diagnostics"]), (&json!(2), &json!([])));
    let options = json!({ "tabSize": 4, "insertSpaces": true });
    let edits = client.ask("textDocument/formatting", json!({ "textDocument": { "uri": UNTITLED }, "options": options }));
    assert_eq!(edits[0]["newText"], "fn f(hidden: f32[n]) -> f32[n] { hidden }\n");
    client.ask("shutdown", Value::Null);
    client.tell("exit", Value::Null);
    assert_eq!(client.end(), Some(0));
}

#[test]
fn it_ends_when_its_input_ends() {
    let mut client = Client::start(None);
    client.input = None;
    assert_eq!(client.end(), Some(1));
}

#[test]
fn it_ends_with_the_process_that_started_it() {
    let mut parent = Command::new("sleep").arg("1000").spawn().expect("sleep starts");
    let client = Client::start(Some(parent.id()));
    parent.kill().expect("it can be ended");
    parent.wait().expect("it has ended");
    assert_eq!(client.end(), Some(1));
}
