//! Folding, selecting, links.
use crate::client::{Client, short_range};
use serde_json::{Value, json};

#[test]
fn bodies_imports_and_comments_fold() {
    let mut client = Client::with(&[]);
    client.open("a.blueprint", "//! A file.\n//! Of two lines.\nuse std.nn.{relu}\nuse std.nn.{gelu}\n\nblueprint A {\n    forward(x: f32[b, d]) -> f32[b, d] {\n        relu(\n            gelu(x)\n        )\n    }\n}\n// one\n// two\n");
    let params = client.document("a.blueprint");
    let found = client.ask("textDocument/foldingRange", params);
    let shown: Vec<String> = found
        .as_array()
        .expect("a list")
        .iter()
        .map(|f| format!("{}-{} {}", f["startLine"], f["endLine"], f["kind"].as_str().unwrap_or("code")))
        .collect();
    assert_eq!(shown, ["0-1 comment", "2-3 imports", "5-10 code", "6-9 code", "7-8 code", "12-13 comment"]);
    client.end();
}

#[test]
fn selections_grow_step_by_step() {
    let mut client = Client::with(&[]);
    let params = client.open_marked("fn f(x: f32[n]) -> f32[n] { x + ta$0nh(x) }\n");
    let params = json!({ "textDocument": params["textDocument"], "positions": [params["position"]] });
    let found = client.ask("textDocument/selectionRange", params);
    let mut steps = vec![];
    let mut at: &Value = &found[0];
    while at.is_object() {
        steps.push(short_range(&at["range"]));
        at = &at["parent"];
    }
    assert_eq!(steps, ["1:33-1:37", "1:33-1:40", "1:29-1:40", "1:27-1:42", "1:1-1:42", "1:1-2:1"]);
    client.end();
}

#[test]
fn modules_are_links() {
    let mut client = Client::with(&[("seeds.blueprint", "fn twice(x: f32[n]) -> f32[n] { x + x }\n")]);
    client.open("a.blueprint", "use seeds.{twice}\nuse std.nn.relu\nuse nothing.{x}\n");
    let params = client.document("a.blueprint");
    let found = client.ask("textDocument/documentLink", params);
    let links = found.as_array().expect("a list");
    assert_eq!(links.len(), 2, "{found:#}");
    assert_eq!((short_range(&links[0]["range"]), &links[0]["target"]), ("1:5-1:10".into(), &json!(client.uri("seeds.blueprint"))));
    assert_eq!((short_range(&links[1]["range"]), &links[1]["tooltip"]), ("2:5-2:11".into(), &json!("std.nn")));
    client.end();
}
