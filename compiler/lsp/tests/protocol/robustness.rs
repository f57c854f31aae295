//! Random edits: the server's text stays the client's, nothing panics, and once all is undone it is as it was.
//! `ESPER_LSP_EDITS` says how many; the tests make a few hundred.
use crate::client::{Client, usual};
use esper_driver::Session;
use serde_json::{Value, json};
use std::path::Path;

const PROGRAM: &str = "//! Ein Netz für Ziffern: 𝔘nicode.\nuse std.nn.{Linear, relu}\nuse std.losses.{cross_entropy}\nuse std.optim.{AdamW}\n\nconst WIDTH = 8\n\n/// Größer.\nfn twice(x: f32[..]) -> f32[..] { x + x }\n\nblueprint Inner(out: dim = WIDTH) {\n    layer l = Linear(out) // é\n    slot mid\n    forward(x: f32[b, d]) -> f32[b, out] {\n        let y = x |> l\n        y |> mid |> relu\n    }\n}\n\nblueprint Outer {\n    layer inner = Inner\n    layer last = Linear(10)\n    forward(x: f32[b, 64]) -> f32[b, 10] { twice(x |> inner) |> last }\n}\n\ntrain t {\n    model     = Outer\n    data      = csv(\"ö.csv\", label = 64)\n    loss      = cross_entropy\n    optimizer = AdamW(lr = 1e-3)\n    batch     = 8\n    epochs    = 1\n}\n";

const PIECES: &[&str] = &[
    "",
    "x",
    "let ",
    "layer q = Linear(4)\n",
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "é",
    "𝔘",
    "\n",
    "\r\n",
    "\r",
    "\t",
    " ",
    "|>",
    "..",
    ".",
    ",",
    "=",
    ":=",
    "->",
    "use std.nn.{",
    "//",
    "///",
    "blueprint",
    "train u {\n",
    "f32[b, ",
    "1e",
    "-",
    "\u{feff}",
    "\u{0}",
    "fo",
    "ward(",
];

/// A small generator of random numbers (Steele et al., SplitMix64, OOPSLA 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    }
}

/// The position of a byte as this client counts; lines end with `\n`, `\r\n` or `\r`.
fn position(text: &str, offset: usize, encoding: &str) -> Value {
    let before = &text[..offset];
    // Between the two halves of a line end there is no position: it is the end of the line.
    let inside = before.ends_with('\r') && text[offset..].starts_with('\n');
    let before = if inside { &before[..before.len() - 1] } else { before };
    let unified = before.replace("\r\n", "\n").replace('\r', "\n");
    let column = unified.rsplit('\n').next().unwrap_or_default();
    let units = match encoding {
        "utf-8" => column.len(),
        "utf-16" => column.encode_utf16().count(),
        _ => column.chars().count(),
    };
    json!({ "line": unified.matches('\n').count(), "character": units })
}

fn boundary(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) || text[..at].ends_with('\r') && text[at..].starts_with('\n') {
        at -= 1;
    }
    at
}

/// Code, range and first line of every problem that a fresh check finds in the text.
fn fresh(text: &str, folder: &Path, encoding: &str) -> Vec<String> {
    let checked = Session::new().check_text("a.blueprint", text, folder);
    let entry = checked.problems.iter().filter(|p| p.primary.span.file.0 == 0);
    entry
        .map(|p| {
            let range = json!({ "start": position(text, p.primary.span.start as usize, encoding), "end": position(text, p.primary.span.end as usize, encoding) });
            format!("{} {} {}", p.code, crate::client::short_range(&range), p.message.lines().next().unwrap_or_default())
        })
        .collect()
}

fn told(client: &mut Client, name: &str) -> Vec<String> {
    let report = client.ask("textDocument/diagnostic", client.document(name));
    let one = |p: &Value| {
        format!(
            "{} {} {}",
            p["code"].as_str().unwrap_or_default(),
            crate::client::short_range(&p["range"]),
            p["message"].as_str().unwrap_or_default().lines().next().unwrap_or_default()
        )
    };
    report["items"].as_array().expect("a full report").iter().map(one).collect()
}

const REQUESTS: &[&str] = &[
    "textDocument/hover",
    "textDocument/completion",
    "textDocument/signatureHelp",
    "textDocument/definition",
    "textDocument/references",
    "textDocument/documentHighlight",
    "textDocument/prepareRename",
    "textDocument/rename",
    "textDocument/prepareCallHierarchy",
    "textDocument/inlayHint",
    "textDocument/codeLens",
    "textDocument/codeAction",
    "textDocument/documentSymbol",
    "textDocument/foldingRange",
    "textDocument/selectionRange",
    "textDocument/documentLink",
    "textDocument/semanticTokens/full",
    "textDocument/semanticTokens/full/delta",
    "textDocument/semanticTokens/range",
    "textDocument/formatting",
    "textDocument/rangeFormatting",
];

/// Any request at a place; it may be refused, but not by a bug.
fn ask_anything(client: &mut Client, random: &mut Random, text: &str, encoding: &str) {
    let method = REQUESTS[random.below(REQUESTS.len())];
    let at = position(text, boundary(text, random.below(text.len() + 1)), encoding);
    let params = json!({
        "textDocument": { "uri": client.uri("a.blueprint") },
        "position": at,
        "positions": [at],
        "range": { "start": at, "end": { "line": 1000, "character": 0 } },
        "context": { "diagnostics": [], "includeDeclaration": true, "triggerKind": 1, "isRetrigger": false },
        "newName": "other",
        "previousResultId": "1",
        "options": { "tabSize": 4, "insertSpaces": true },
    });
    let id = client.send(method, params);
    if let Err(error) = client.answer(id) {
        assert_eq!(error["code"], -32803, "{method}: {error}\n{text}");
    }
}

fn edit_at_random(encoding: &str, edits: usize, seed: u64) {
    let mut abilities = usual();
    abilities["general"]["positionEncodings"] = json!([encoding]);
    abilities["textDocument"]["diagnostic"] = json!({});
    let mut client = Client::offering(abilities, &[]);
    let folder = client.folder.path().to_path_buf();
    let mut random = Random(seed);
    client.open("a.blueprint", PROGRAM);
    let mut text = PROGRAM.to_string();
    let mut undo: Vec<(usize, usize, String)> = vec![];
    for count in 1..=edits {
        // The text neither dies out nor grows without end.
        let longest = if text.len() > 2 * PROGRAM.len() { 200 } else { 12 };
        let start = boundary(&text, random.below(text.len() + 1));
        let end = boundary(&text, (start + random.below(longest)).min(text.len())).max(start);
        let piece = PIECES[random.below(PIECES.len())];
        let range = json!({ "start": position(&text, start, encoding), "end": position(&text, end, encoding) });
        client.change("a.blueprint", json!([{ "range": range, "text": piece }]));
        undo.push((start, start + piece.len(), text[start..end].to_string()));
        text.replace_range(start..end, piece);
        if count % 5 == 0 {
            ask_anything(&mut client, &mut random, &text, encoding);
        }
        if count % 40 == 0 {
            assert_eq!(told(&mut client, "a.blueprint"), fresh(&text, &folder, encoding), "after {count} edits:\n{text}");
        }
        // Most texts are broken beyond reading after a while, so some of the edits are taken back as they come.
        if count % 3 == 0 || undo.len() > 40 {
            for _ in 0..random.below(undo.len() + 1) {
                take_back(&mut client, &mut text, &mut undo, encoding);
            }
        }
    }
    while !undo.is_empty() {
        take_back(&mut client, &mut text, &mut undo, encoding);
    }
    assert_eq!(text, PROGRAM);
    let after = told(&mut client, "a.blueprint");
    assert_eq!(after, fresh(PROGRAM, &folder, encoding));
    client.end();
}

fn take_back(client: &mut Client, text: &mut String, undo: &mut Vec<(usize, usize, String)>, encoding: &str) {
    let Some((start, end, old)) = undo.pop() else { return };
    // A position cannot tell the two bytes of a line end apart, so an edit that ends between them takes both.
    let range = json!({ "start": position(text, start, encoding), "end": position(text, end, encoding) });
    let is_exact = boundary(text, start) == start && boundary(text, end) == end;
    let mut before = text.clone();
    before.replace_range(start..end, &old);
    let change = if is_exact { json!([{ "range": range, "text": old }]) } else { json!([{ "text": before }]) };
    client.change("a.blueprint", change);
    *text = before;
}

#[test]
fn after_any_edits_the_server_says_what_a_fresh_check_says() {
    let edits = std::env::var("ESPER_LSP_EDITS").ok().and_then(|n| n.parse().ok()).unwrap_or(240);
    for (encoding, seed) in [("utf-16", 1), ("utf-8", 2), ("utf-32", 3)] {
        edit_at_random(encoding, edits / 3 + 1, seed);
    }
}
