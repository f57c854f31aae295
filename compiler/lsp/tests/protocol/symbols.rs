//! Symbols of a document and of the workspace.
use crate::client::{Client, usual};
use serde_json::{Value, json};

const TEXT: &str = "const N = 4\n/// A net.\nblueprint Net(hidden: dim = N) {\n    param gain: f32[d] = ones\n    slot mid\n    forward(x: f32[b, d]) -> f32[b, d] { x * gain |> mid }\n}\nfn f(x: f32[n]) -> f32[n] { x }\ntrain t {\n    batch = 4\n}\n";

fn outline(symbols: &Value, depth: usize) -> Vec<String> {
    let lines = symbols.as_array().into_iter().flatten().flat_map(|s| {
        let own = format!("{}{} {}", "  ".repeat(depth), s["name"].as_str().unwrap_or_default(), s["kind"]);
        std::iter::once(own).chain(outline(&s["children"], depth + 1))
    });
    lines.collect()
}

#[test]
fn a_document_has_a_tree_of_symbols() {
    let mut client = Client::with(&[]);
    client.open("a.blueprint", TEXT);
    let params = client.document("a.blueprint");
    let found = client.ask("textDocument/documentSymbol", params);
    assert_eq!(outline(&found, 0), ["N 14", "Net 5", "  gain 8", "  mid 20", "  forward 6", "f 12", "t 24", "  batch 8"]);
    assert_eq!(found[1]["detail"], "(hidden: dim = N)");
    client.end();
}

#[test]
fn a_client_without_trees_gets_a_list() {
    let mut abilities = usual();
    abilities["textDocument"]["documentSymbol"] = json!({});
    let mut client = Client::offering(abilities, &[]);
    client.open("a.blueprint", TEXT);
    let params = client.document("a.blueprint");
    let found = client.ask("textDocument/documentSymbol", params);
    let gain = found.as_array().expect("a list").iter().find(|s| s["name"] == "gain").expect("there");
    assert_eq!(gain["containerName"], "Net");
    client.end();
}

#[test]
fn a_search_goes_over_all_files_and_the_library() {
    let mut client = Client::with(&[("a.blueprint", TEXT), ("inner/b.blueprint", "fn network(x: f32[n]) -> f32[n] { x }\n")]);
    let names = |found: &Value| -> Vec<String> {
        found
            .as_array()
            .expect("a list")
            .iter()
            .map(|s| format!("{} in {}", s["name"].as_str().unwrap_or_default(), s["containerName"].as_str().unwrap_or_default()))
            .collect()
    };
    let found = client.ask("workspace/symbol", json!({ "query": "net" }));
    assert_eq!(names(&found)[..2], ["Net in a", "network in b"]);
    let found = client.ask("workspace/symbol", json!({ "query": "multihead" }));
    assert_eq!(names(&found)[0], "MultiHeadAttention in std.nn");
    client.end();
}
