//! Definitions, references, highlights and renames.
use crate::client::{Client, short_range};
use serde_json::{Value, json};

/// `a.blueprint 3:4-3:9` for each location.
fn short(client: &Client, locations: &Value) -> Vec<String> {
    let one = |l: &Value| {
        let uri = l["uri"].as_str().unwrap_or_default();
        format!("{} {}", uri.strip_prefix(&client.uri("")).unwrap_or(uri), short_range(&l["range"]))
    };
    match locations {
        Value::Array(list) => list.iter().map(one).collect(),
        Value::Null => vec![],
        one_only => vec![one(one_only)],
    }
}

fn check_definition(fixture: &str, expected: &[&str]) {
    let seeds = "/// Twice.\nfn twice(x: f32[n], by: float = 2) -> f32[n] { x * by }\n";
    let mut client = Client::with(&[("seeds.blueprint", seeds)]);
    let params = client.open_marked(fixture);
    let found = client.ask("textDocument/definition", params);
    assert_eq!(short(&client, &found), expected, "{fixture}");
    client.end();
}

#[test]
fn a_name_leads_to_its_declaration() {
    check_definition("fn f(x: f32[n]) -> f32[n] {\n    let y = x\n    $0y + 1\n}\n", &["a.blueprint 2:9-2:10"]);
    check_definition("fn f(x: f32[n]) -> f32[$0n] { x }\n", &["a.blueprint 1:13-1:14"]);
    check_definition("use seeds.{twice}\nfn f(x: f32[n]) -> f32[n] { tw$0ice(x) }\n", &["seeds.blueprint 2:4-2:9"]);
    check_definition("use seeds.{twi$0ce}\nfn f(x: f32[n]) -> f32[n] { twice(x) }\n", &["seeds.blueprint 2:4-2:9"]);
    check_definition("use see$0ds.{twice}\nfn f(x: f32[n]) -> f32[n] { twice(x) }\n", &["seeds.blueprint 1:1-1:1"]);
    check_definition("use seeds.{twice}\nfn f(x: f32[n]) -> f32[n] { twice(x, b$0y = 3) }\n", &["seeds.blueprint 2:21-2:23"]);
    check_definition("fn f(x: f32[n]) -> f32[n] { x$0x }\n", &[]);
}

#[test]
fn members_and_slots_lead_to_the_lines_that_declare_them() {
    let program = "use std.nn.{Linear}\nblueprint Inner {\n    param gain: f32[d] = ones\n    slot mid\n    forward(x: f32[b, d]) -> f32[b, d] { x * gain |> mid }\n}\nblueprint Outer {\n    layer blocks = [Inner ; 2]\n    forward(x: f32[b, d]) -> f32[b, d] { blocks(x) * blocks[0].GAIN }\n}\ntrain t {\n    model = Outer\n    grow blocks.MID from [Linear] by Gardener\n}\n";
    check_definition(&program.replace("GAIN", "ga$0in").replace("MID", "mid"), &["a.blueprint 3:11-3:15"]);
    check_definition(&program.replace("GAIN", "gain").replace("MID", "m$0id"), &["a.blueprint 4:10-4:13"]);
}

#[test]
fn a_name_of_the_library_leads_into_a_read_only_file_where_everything_works_too() {
    let mut client = Client::with(&[]);
    let params = client.open_marked(
        "use std.nn.{Linear}\nblueprint A {\n    layer one = Lin$0ear(4)\n    forward(x: f32[b, d]) -> f32[b, 4] { one(x) }\n}\n",
    );
    let found = client.ask("textDocument/definition", params);
    let uri = found["uri"].as_str().expect("an address").to_string();
    assert!(uri.ends_with("/std/nn.blueprint"), "{uri}");
    let path = uri.strip_prefix("file://").expect("a file");
    assert!(std::fs::metadata(path).expect("written").permissions().readonly());
    let text = std::fs::read_to_string(path).expect("written");
    let line = found["range"]["start"]["line"].as_u64().expect("a line") as usize;
    assert!(text.lines().nth(line).expect("there").starts_with("blueprint Linear("));
    // Opened, it is the library's module: its own names lead on.
    let document = json!({ "uri": uri, "languageId": "blueprint", "version": 1, "text": text });
    client.tell("textDocument/didOpen", json!({ "textDocument": document }));
    let line = text.lines().position(|l| l.starts_with("use std.init")).expect("imports");
    let column = text.lines().nth(line).and_then(|l| l.find("kaiming")).expect("imported");
    let params = json!({ "textDocument": { "uri": uri }, "position": { "line": line, "character": column } });
    let found = client.ask("textDocument/definition", params);
    assert!(found["uri"].as_str().expect("an address").ends_with("/std/init.blueprint"));
    client.end();
}

#[test]
fn a_client_that_reads_the_servers_documents_gets_their_text() {
    let mut abilities = crate::client::usual();
    abilities["workspace"] = json!({ "textDocumentContent": {} });
    let mut client = Client::offering(abilities, &[]);
    let params = client.open_marked("use std.nn.{Lin$0ear}\n");
    let found = client.ask("textDocument/definition", params);
    assert_eq!(found["uri"], "blueprint-std:/std/nn.blueprint");
    let content = client.ask("workspace/textDocumentContent", json!({ "uri": found["uri"] }));
    assert!(content["text"].as_str().expect("text").contains("blueprint Linear("));
    client.end();
}

const MAIN: &str = "use seeds.{twice}\nuse seeds.{twice as again}\nfn four(x: f32[n]) -> f32[n] { again(twice(x)) }\n";
const SEEDS: &str = "fn twice(x: f32[n]) -> f32[n] { x + x }\nfn same(x: f32[n]) -> f32[n] { twice(x) / 2 }\n";

#[test]
fn references_are_found_in_all_files() {
    let mut client = Client::with(&[("main.blueprint", MAIN), ("seeds.blueprint", SEEDS)]);
    client.open("seeds.blueprint", SEEDS);
    let mut params = json!({ "textDocument": { "uri": client.uri("seeds.blueprint") }, "position": { "line": 0, "character": 4 }, "context": { "includeDeclaration": true } });
    let answer = client.ask("textDocument/references", params.clone());
    let mut found = short(&client, &answer);
    found.sort();
    let all = [
        "main.blueprint 1:12-1:17",
        "main.blueprint 2:12-2:17",
        "main.blueprint 2:21-2:26",
        "main.blueprint 3:32-3:37",
        "main.blueprint 3:38-3:43",
        "seeds.blueprint 1:4-1:9",
        "seeds.blueprint 2:32-2:37",
    ];
    assert_eq!(found, all);
    params["context"]["includeDeclaration"] = json!(false);
    assert_eq!(client.ask("textDocument/references", params).as_array().map(Vec::len), Some(6));
    client.end();
}

#[test]
fn highlights_tell_reading_from_writing() {
    let mut client = Client::with(&[]);
    let params = client.open_marked("fn f(x: f32[n]) -> f32[n] {\n    let y$0 = x\n    y = y + 1\n    y\n}\n");
    let found = client.ask("textDocument/documentHighlight", params);
    let found: Vec<String> =
        found.as_array().expect("a list").iter().map(|h| format!("{} {}", short_range(&h["range"]), h["kind"])).collect();
    assert_eq!(found, ["2:9-2:10 3", "3:5-3:6 3", "3:9-3:10 2", "4:5-4:6 2"]);
    client.end();
}

#[test]
fn a_rename_changes_every_file_and_leaves_aliases() {
    let mut client = Client::with(&[("main.blueprint", MAIN), ("seeds.blueprint", SEEDS)]);
    client.open("main.blueprint", MAIN);
    let at = json!({ "textDocument": { "uri": client.uri("main.blueprint") }, "position": { "line": 2, "character": 38 } });
    let prepared = client.ask("textDocument/prepareRename", at.clone());
    assert_eq!((short_range(&prepared["range"]).as_str(), &prepared["placeholder"]), ("3:38-3:43", &json!("twice")));
    let mut params = at.clone();
    params["newName"] = json!("doubled");
    let edit = client.ask("textDocument/rename", params);
    let count = |client: &Client, name: &str| edit["changes"][client.uri(name)].as_array().map(Vec::len);
    assert_eq!((count(&client, "main.blueprint"), count(&client, "seeds.blueprint")), (Some(3), Some(2)));
    for (name, why) in [("4x", "is no name"), ("let", "a word"), ("Twice", "lower case"), ("four", "already")] {
        let mut params = at.clone();
        params["newName"] = json!(name);
        let id = client.send("textDocument/rename", params);
        let error = client.answer(id);
        if name == "four" {
            assert!(error.is_ok(), "`four` is free in the file of `twice`");
        } else {
            assert!(error.expect_err("refused")["message"].as_str().expect("text").contains(why), "{name}");
        }
    }
    client.end();
}

#[test]
fn the_library_is_not_renamed() {
    let mut client = Client::with(&[]);
    let params = client.open_marked("use std.nn.{re$0lu}\n");
    let id = client.send("textDocument/prepareRename", params);
    assert!(client.answer(id).expect_err("refused")["message"].as_str().expect("text").contains("standard library"));
    client.end();
}
