//! Semantic tokens: whole, of a range, and as a difference.
use crate::client::Client;
use serde_json::{Value, json};

const TEXT: &str = "use std.nn.{relu}\n/// Doc.\nfn f(x: f32[n], k: int = 2) -> f32[n] {\n    let y = relu(x) // ö\n    y * k\n}\n";

/// `word kind modifiers` for each token.
fn words(client: &Client, text: &str, data: &Value) -> Vec<String> {
    let legend = &client.capabilities["capabilities"]["semanticTokensProvider"]["legend"];
    let numbers: Vec<u64> = data.as_array().expect("a list").iter().map(|n| n.as_u64().expect("a number")).collect();
    let (mut line, mut column) = (0, 0);
    let lines: Vec<Vec<u16>> = text.lines().map(|l| l.encode_utf16().collect()).collect();
    let word = |token: &[u64]| {
        if token[0] > 0 {
            (line, column) = (line + token[0], 0);
        }
        column += token[1];
        let units = &lines[line as usize][column as usize..(column + token[2]) as usize];
        let kind = legend["tokenTypes"][token[3] as usize].as_str().expect("a kind");
        format!("{} {kind} {}", String::from_utf16_lossy(units), token[4])
    };
    numbers.chunks(5).map(word).collect()
}

#[test]
fn every_word_is_what_it_means() {
    let mut client = Client::with(&[]);
    client.open("a.blueprint", TEXT);
    let params = client.document("a.blueprint");
    let found = client.ask("textDocument/semanticTokens/full", params);
    let words = words(&client, TEXT, &found["data"]);
    for word in [
        "use keyword 0",
        "std namespace 0",
        "relu function 4",
        "/// Doc. comment 8",
        "f function 1",
        "x parameter 1",
        "f32 type 4",
        "n typeParameter 1",
        "k parameter 3",
        "y variable 1",
        "y variable 0",
        "// ö comment 0",
        "2 number 0",
        "* operator 0",
    ] {
        assert!(words.iter().any(|w| w == word), "{word} is not among {words:#?}");
    }
    client.end();
}

#[test]
fn a_difference_leads_to_the_new_tokens() {
    let mut client = Client::with(&[]);
    client.open("a.blueprint", TEXT);
    let mut params = client.document("a.blueprint");
    let first = client.ask("textDocument/semanticTokens/full", params.clone());
    let changed = TEXT.replace("y * k", "y * k + y");
    client.change("a.blueprint", json!([{ "text": changed }]));
    params["previousResultId"] = first["resultId"].clone();
    let difference = client.ask("textDocument/semanticTokens/full/delta", params.clone());
    let edits = difference["edits"].as_array().expect("edits");
    assert_eq!(edits.len(), 1);
    let mut data: Vec<Value> = first["data"].as_array().expect("a list").clone();
    let (start, count) =
        (edits[0]["start"].as_u64().expect("a place") as usize, edits[0]["deleteCount"].as_u64().expect("a count") as usize);
    data.splice(start..start + count, edits[0]["data"].as_array().expect("numbers").iter().cloned());
    let whole = client.ask("textDocument/semanticTokens/full", client.document("a.blueprint"));
    assert_eq!(json!(data), whole["data"]);
    params["previousResultId"] = whole["resultId"].clone();
    assert_eq!(client.ask("textDocument/semanticTokens/full/delta", params.clone())["edits"], json!([]));
    params["previousResultId"] = json!("unknown");
    assert!(client.ask("textDocument/semanticTokens/full/delta", params)["data"].is_array());
    client.end();
}

#[test]
fn a_range_has_its_tokens_alone() {
    let mut client = Client::with(&[]);
    client.open("a.blueprint", TEXT);
    let mut params = client.document("a.blueprint");
    params["range"] = json!({ "start": { "line": 4, "character": 0 }, "end": { "line": 5, "character": 0 } });
    let found = client.ask("textDocument/semanticTokens/range", params);
    assert_eq!(words(&client, TEXT, &found["data"]), ["y variable 0", "* operator 0", "k parameter 2"]);
    client.end();
}
