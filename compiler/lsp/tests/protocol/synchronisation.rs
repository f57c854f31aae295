//! The server's text is the client's after any edit, whatever columns count and however lines end.
use crate::client::Client;
use serde_json::{Value, json};

fn whole_text(client: &mut Client, name: &str) -> Value {
    let params = json!({ "textDocument": { "uri": client.uri(name) }, "options": { "tabSize": 4, "insertSpaces": true } });
    client.ask("textDocument/formatting", params)
}

#[test]
fn edits_are_applied_one_after_the_other() {
    for (encoding, column) in [("utf-8", 10), ("utf-16", 7), ("utf-32", 6)] {
        let mut client = Client::offering(json!({ "general": { "positionEncodings": [encoding] } }), &[]);
        client.open("a.blueprint", "// é𝔘 x\r\nconst A = 1\r\n");
        let at = |line: u32, a: u32, b: u32| json!({ "start": { "line": line, "character": a }, "end": { "line": line, "character": b } });
        client.change("a.blueprint", json!([{ "range": at(1, 10, 11), "text": "2" }, { "range": at(0, column, column + 1), "text": "é\n" }, { "range": at(2, 10, 11), "text": " 3" }]));
        assert!(client.published("a.blueprint").is_empty(), "{encoding}");
        // The only thing the formatter has to change is the second space; it also gives every line its plain end.
        let edits = whole_text(&mut client, "a.blueprint").to_string();
        assert!(edits.contains("const A = 3\\n") && !edits.contains("é"), "{encoding}: {edits}");
        client.end();
    }
}

#[test]
fn a_range_beyond_the_text_is_its_end() {
    let mut client = Client::with(&[]);
    client.open("a.blueprint", "const A = 1\n");
    let range = json!({ "start": { "line": 90, "character": 3 }, "end": { "line": 99, "character": 0 } });
    client.change("a.blueprint", json!([{ "range": range, "text": "const  B = 2\n" }]));
    assert!(whole_text(&mut client, "a.blueprint").to_string().contains("const B = 2"));
    client.end();
}

#[test]
fn a_whole_text_replaces_the_one_before() {
    let mut client = Client::with(&[]);
    client.open("a.blueprint", "const a = 1\n");
    assert_eq!(client.published("a.blueprint").len(), 1, "constants are written in upper case");
    client.change("a.blueprint", json!([{ "text": "const A = 1\n" }]));
    assert!(client.published("a.blueprint").is_empty());
    client.end();
}
