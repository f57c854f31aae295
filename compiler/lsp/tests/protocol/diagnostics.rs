//! Diagnostics: where they stand, what they hold, when they come and go.
use crate::client::{Client, short_range, usual};
use serde_json::{Value, json};

const MISSPELT: &str = "use std.nn.{Linear, relu}\n\nblueprint Small(hidden: dim = 16) {\n    layer first = Linear(hiden)\n    layer last = Linear(10)\n    forward(x: f32[b, 64]) -> f32[b, 10] { x |> first |> relu |> last }\n}\n";

#[test]
fn a_misspelt_dim_is_marked_at_its_place_with_its_code_and_explanation() {
    let mut client = Client::with(&[]);
    client.open("a.blueprint", MISSPELT);
    let found = client.published("a.blueprint");
    assert_eq!(found.len(), 1, "{found:#?}");
    let problem = &found[0];
    assert_eq!((short_range(&problem["range"]).as_str(), &problem["code"]), ("4:26-4:31", &json!("E0101")));
    assert_eq!((&problem["severity"], &problem["source"]), (&json!(1), &json!("esper")));
    assert!(problem["message"].as_str().expect("text").starts_with("unknown name `hiden`"));
    let related = &problem["relatedInformation"][0];
    assert_eq!(short_range(&related["location"]["range"]), "3:17-3:23");
    assert_eq!(related["location"]["uri"], client.uri("a.blueprint"));
    let link = problem["codeDescription"]["href"].as_str().expect("a link").strip_prefix("file://").expect("a file").to_string();
    assert!(std::fs::read_to_string(link).expect("written").starts_with("# E0101"));
    client.end();
}

#[test]
fn what_is_never_used_is_tagged() {
    let mut client = Client::with(&[]);
    client.open("a.blueprint", "use std.nn.{relu}\nconst A = 1\n");
    let found = client.published("a.blueprint");
    assert_eq!((&found[0]["code"], &found[0]["tags"]), (&json!("W0122"), &json!([1])));
    client.end();
}

#[test]
fn a_problem_in_a_file_that_is_not_open_is_shown_there_and_goes_with_it() {
    let mut client = Client::with(&[("seeds.blueprint", "fn twice(x: f32[n]) -> f32[n] { x + y }\n")]);
    client.open("main.blueprint", "use seeds.{twice}\nfn four(x: f32[n]) -> f32[n] { twice(twice(x)) }\n");
    assert!(client.published("main.blueprint").is_empty());
    let elsewhere = client.published("seeds.blueprint");
    assert_eq!(elsewhere[0]["code"], "E0101");
    // The file is put right in the editor of another program.
    std::fs::write(client.path("seeds.blueprint"), "fn twice(x: f32[n]) -> f32[n] { x + x }\n").expect("written");
    let uri = client.uri("seeds.blueprint");
    client.tell("workspace/didChangeWatchedFiles", json!({ "changes": [{ "uri": uri, "type": 2 }] }));
    assert!(client.published("seeds.blueprint").is_empty());
    client.end();
}

#[test]
fn a_change_in_one_document_is_seen_by_those_that_use_it() {
    let mut client = Client::with(&[]);
    client.open("seeds.blueprint", "fn twice(x: f32[n]) -> f32[n] { x + x }\n");
    client.open("main.blueprint", "use seeds.{twice}\nfn four(x: f32[n]) -> f32[n] { twice(twice(x)) }\n");
    assert!(client.published("main.blueprint").is_empty());
    client.change("seeds.blueprint", json!([{ "text": "fn double(x: f32[n]) -> f32[n] { x + x }\n" }]));
    assert_eq!(client.published("main.blueprint")[0]["code"], "E0105");
    client.end();
}

#[test]
fn a_module_in_a_folder_is_checked_as_part_of_its_program() {
    let files = [
        (
            "layers/scale.blueprint",
            "use seeds.{twice}\nblueprint Scale {\n    param p: f32[d] = ones\n    forward(x: f32[b, d]) -> f32[b, d] { twice(x * p) }\n}\n",
        ),
        ("seeds.blueprint", "fn twice(x: f32[..]) -> f32[..] { x + x }\n"),
    ];
    let mut client = Client::with(&files);
    client.open("layers/scale.blueprint", files[0].1);
    assert_eq!(client.published("layers/scale.blueprint"), Vec::<Value>::new());
    client.end();
}

#[test]
fn a_client_that_asks_is_answered_and_told_when_nothing_changed() {
    let mut abilities = usual();
    abilities["textDocument"]["diagnostic"] = json!({});
    let mut client = Client::offering(abilities, &[("b.blueprint", "const b = 1\n")]);
    client.open("a.blueprint", MISSPELT);
    let uri = client.uri("a.blueprint");
    let report = client.ask("textDocument/diagnostic", json!({ "textDocument": { "uri": uri } }));
    assert_eq!((&report["kind"], report["items"].as_array().map(Vec::len)), (&json!("full"), Some(1)));
    let again = client.ask("textDocument/diagnostic", json!({ "textDocument": { "uri": uri }, "previousResultId": report["resultId"] }));
    assert_eq!(again["kind"], "unchanged");
    let all = client.ask("workspace/diagnostic", json!({ "previousResultIds": [] }));
    let codes: Vec<&Value> = all["items"].as_array().expect("reports").iter().map(|r| &r["items"][0]["code"]).collect();
    assert_eq!(codes, ["E0101", "E0109"]);
    assert!(client.inbox.iter().all(|(method, _)| method != "textDocument/publishDiagnostics"), "nothing is said twice");
    client.end();
}

#[test]
fn a_closed_document_says_nothing_more() {
    let mut client = Client::with(&[]);
    client.open("a.blueprint", MISSPELT);
    assert_eq!(client.published("a.blueprint").len(), 1);
    let uri = client.uri("a.blueprint");
    client.tell("textDocument/didClose", json!({ "textDocument": { "uri": uri } }));
    client.ask("workspace/diagnostic", json!({ "previousResultIds": [] }));
    let last = client.inbox.iter().rfind(|(method, _)| method == "textDocument/publishDiagnostics").expect("a publication");
    assert_eq!(last.1["diagnostics"], json!([]));
    client.end();
}

#[test]
fn an_error_behind_characters_of_several_bytes_stands_where_the_client_counts_it() {
    // `é` has 2 bytes, 1 unit and 1 character; `𝔘` has 4, 2 and 1.
    let text = "fn f(x: f32[n], t: str = \"é𝔘\") -> f32[n] { unknown }\n";
    let before = text.find("unknown").expect("there");
    for (encoding, column) in [("utf-8", before), ("utf-16", before - 3), ("utf-32", before - 4)] {
        let mut abilities = usual();
        abilities["general"]["positionEncodings"] = json!([encoding]);
        let mut client = Client::offering(abilities, &[]);
        client.open("a.blueprint", text);
        let found = client.published("a.blueprint");
        let start = |p: &Value| p["range"]["start"]["character"].as_u64() == Some(column as u64);
        assert!(found.iter().any(|p| p["code"] == "E0101" && start(p)), "{encoding}: {found:#?}");
        client.end();
    }
}
