//! How long an editor waits: typing in a file of 1,000 lines in a workspace of 50 files, and the memory of 10,000 edits.
//!
//! `cargo bench -p esper-lsp --bench typing -- [EDITS]`
use lsp_server::{Connection, Message, Notification, Request, RequestId};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How many blueprints the large file has; ten lines each.
const BLOCKS: usize = 98;
/// How many other files the workspace has.
const OTHERS: usize = 49;

struct Editor {
    connection: Connection,
    folder: tempfile::TempDir,
    text: String,
    version: i32,
    requests: i32,
}

fn block(number: usize, file: &str) -> String {
    format!(
        "/// Block {number} of {file}.\nblueprint Block{number}(hidden: dim = {}, drop: float = 0.1) {{\n    layer up = Linear(hidden)\n    layer norm = LayerNorm\n    layer down = Linear\n    forward(x: f32[b, d]) -> f32[b, d] {{\n        let y = x |> norm |> up |> gelu\n        x + dropout(y |> down, drop)\n    }}\n}}\n",
        8 + number
    )
}

impl Editor {
    fn start() -> Editor {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for number in 0..OTHERS {
            let blocks: String = (0..8).map(|i| block(i, &format!("layers{number}"))).collect();
            let text = format!("//! Layers, part {number}.\nuse std.nn.{{LayerNorm, Linear, dropout, gelu}}\n\n{blocks}");
            std::fs::write(folder.path().join(format!("layers{number}.blueprint")), text).expect("a file");
        }
        let mut text = String::from(
            "//! The file that is edited.\nuse std.losses.{accuracy, cross_entropy}\nuse std.nn.{LayerNorm, Linear, dropout, gelu, relu}\nuse std.optim.{AdamW}\n",
        );
        (0..10).for_each(|n| text.push_str(&format!("use layers{n}.{{Block{n} as Other{n}}}\n")));
        (0..BLOCKS).for_each(|n| text.push_str(&block(n, "main")));
        text.push_str("blueprint Host {\n");
        (0..10).for_each(|n| text.push_str(&format!("    layer other{n} = Other{n}\n    layer own{n} = Block{n}\n")));
        text.push_str("    layer head = Linear(10)\n    forward(x: f32[b, 64]) -> f32[b, 10] {\n        x");
        (0..10).for_each(|n| text.push_str(&format!(" |> other{n} |> own{n}")));
        text.push_str(" |> head\n    }\n}\ntrain digits {\n    model = Host\n    data = csv(\"digits.csv\", label = 64)\n    loss = cross_entropy\n    metrics = [accuracy]\n    optimizer = AdamW(lr = 1e-3)\n    batch = 64\n    epochs = 1\n}\n");
        let (server, connection) = Connection::memory();
        std::thread::Builder::new().stack_size(64 << 20).spawn(move || esper_lsp::serve(server, |_| ())).expect("a thread");
        let mut editor = Editor { connection, folder, text, version: 1, requests: 0 };
        let root = format!("file://{}", editor.folder.path().display());
        // As VS Code and Neovim do, the client asks for the documentation of a proposal when it shows it.
        let proposals = json!({ "snippetSupport": true, "resolveSupport": { "properties": ["documentation"] } });
        let abilities = json!({ "textDocument": { "completion": { "completionItem": proposals } } });
        let library = editor.folder.path().join(".library");
        editor.ask(
            "initialize",
            json!({ "capabilities": abilities, "rootUri": root, "initializationOptions": { "libraryFolder": library } }),
        );
        editor.tell("initialized", json!({}));
        let document = json!({ "uri": editor.uri(), "languageId": "blueprint", "version": 1, "text": editor.text });
        editor.tell("textDocument/didOpen", json!({ "textDocument": document }));
        editor
    }
    fn uri(&self) -> String {
        format!("file://{}/main.blueprint", self.folder.path().display())
    }
    fn tell(&self, method: &str, params: Value) {
        self.connection.sender.send(Notification { method: method.into(), params }.into()).expect("the server listens");
    }
    fn ask(&mut self, method: &str, params: Value) -> Duration {
        self.requests += 1;
        let (id, start) = (RequestId::from(self.requests), Instant::now());
        self.connection.sender.send(Request { id: id.clone(), method: method.into(), params }.into()).expect("the server listens");
        while !matches!(self.connection.receiver.recv().expect("the server answers"), Message::Response(r) if r.id == id) {}
        start.elapsed()
    }
    /// Replaces bytes of the text (of ASCII alone) and waits until its diagnostics are published.
    fn edit(&mut self, start: usize, end: usize, new: &str) -> Duration {
        let (from, to) = (self.position(start), self.position(end));
        self.text.replace_range(start..end, new);
        self.version += 1;
        let begin = Instant::now();
        let document = json!({ "uri": self.uri(), "version": self.version });
        let change = json!([{ "range": { "start": from, "end": to }, "text": new }]);
        self.tell("textDocument/didChange", json!({ "textDocument": document, "contentChanges": change }));
        loop {
            if let Message::Notification(n) = self.connection.receiver.recv().expect("the server publishes")
                && n.method == "textDocument/publishDiagnostics"
                && n.params["version"] == self.version
            {
                return begin.elapsed();
            }
        }
    }
    fn position(&self, offset: usize) -> Value {
        let before = &self.text[..offset];
        json!({ "line": before.matches('\n').count(), "character": before.len() - before.rfind('\n').map_or(0, |n| n + 1) })
    }
    fn at(&self, offset: usize) -> Value {
        json!({ "textDocument": { "uri": self.uri() }, "position": self.position(offset) })
    }
}

fn report(what: &str, times: &mut [Duration]) {
    times.sort();
    let of = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!("{what:<34} {:>6} times   median {:>7.2} ms   p95 {:>7.2} ms   longest {:>7.2} ms", times.len(), of(0.5), of(0.95), of(1.0));
}

/// Resident memory of this process, where the system tells it.
fn resident() -> Option<f64> {
    let pages: f64 = std::fs::read_to_string("/proc/self/statm").ok()?.split(' ').nth(1)?.parse().ok()?;
    Some(pages * 4096.0 / f64::from(1 << 20))
}

fn main() {
    let edits = std::env::args().skip(1).find_map(|a| a.parse().ok()).unwrap_or(10_000usize);
    let mut editor = Editor::start();
    println!("a file of {} lines in a workspace of {} files", editor.text.lines().count(), OTHERS + 1);
    let (mut typed, mut completed, mut hovered) = (vec![], vec![], vec![]);
    let line = "        let z = y * 2 |> relu\n";
    for number in 0..12 {
        // Typing a line into the body of one of the blueprints, letter by letter, then taking it out again.
        let name = format!("blueprint Block{}(", number * 8);
        let body = editor.text.find(&name).expect("the block");
        let start = body + editor.text[body..].find("        x + dropout").expect("its last line");
        for (i, letter) in line.char_indices() {
            typed.push(editor.edit(start + i, start + i, &letter.to_string()));
            if i % 4 == 3 && i > 8 {
                let params = editor.at(start + i + 1);
                completed.push(editor.ask("textDocument/completion", params));
                let params = editor.at(start - 20);
                hovered.push(editor.ask("textDocument/hover", params));
            }
        }
        typed.push(editor.edit(start, start + line.len(), ""));
    }
    report("didChange to diagnostics", &mut typed);
    report("completion", &mut completed);
    report("hover", &mut hovered);
    // The same few edits again and again: whatever is kept of each shows.
    let start = editor.text.find("        x + dropout").expect("a line");
    let mut run = |count: usize| {
        for i in 0..count / 2 {
            let piece = ["y", "let q = y\n", "(", "é", "}"][i % 5];
            editor.edit(start, start, piece);
            editor.edit(start, start + piece.len(), "");
        }
    };
    run(edits / 5);
    let before = resident();
    run(edits - edits / 5);
    if let (Some(before), Some(after)) = (before, resident()) {
        println!("memory after {} edits {before:.1} MiB, after {edits} edits {after:.1} MiB", edits / 5);
    }
}
