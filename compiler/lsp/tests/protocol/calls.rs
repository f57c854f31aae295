//! The hierarchy of calls.
use crate::client::{Client, short_range};
use serde_json::{Value, json};

#[test]
fn callers_and_callees_are_found_in_all_files() {
    let seeds = "fn twice(x: f32[n]) -> f32[n] { x + x }\n";
    let mut client = Client::with(&[("seeds.blueprint", seeds)]);
    let params = client.open_marked("use seeds.{twice}\nfn four(x: f32[n]) -> f32[n] { twice(tw$0ice(x)) }\nblueprint A {\n    forward(x: f32[b, d]) -> f32[b, d] { four(x) }\n}\n");
    let items = client.ask("textDocument/prepareCallHierarchy", params);
    let item = &items[0];
    assert_eq!((&item["name"], &item["uri"]), (&json!("twice"), &json!(client.uri("seeds.blueprint"))));
    let incoming = client.ask("callHierarchy/incomingCalls", json!({ "item": item }));
    let shown = |calls: &Value, side: &str| -> Vec<String> {
        let one = |c: &Value| {
            let ranges: Vec<String> = c["fromRanges"].as_array().expect("ranges").iter().map(short_range).collect();
            format!("{} {}", c[side]["name"].as_str().unwrap_or_default(), ranges.join(" "))
        };
        calls.as_array().expect("a list").iter().map(one).collect()
    };
    assert_eq!(shown(&incoming, "from"), ["four 2:32-2:37 2:38-2:43"]);
    let outgoing = client.ask("callHierarchy/outgoingCalls", json!({ "item": incoming[0]["from"] }));
    assert_eq!(shown(&outgoing, "to"), ["twice 2:32-2:37 2:38-2:43"]);
    let above = client.ask("callHierarchy/incomingCalls", json!({ "item": incoming[0]["from"] }));
    assert_eq!(shown(&above, "from"), ["A 4:42-4:46"]);
    client.end();
}
