//! Code actions: the compiler's repairs, one at a time and all at once.
use crate::client::Client;
use serde_json::{Value, json};

fn actions(client: &mut Client, line: u32, column: u32, only: Option<&str>) -> Vec<Value> {
    let position = json!({ "line": line, "character": column });
    let mut context = json!({ "diagnostics": [] });
    if let Some(kind) = only {
        context["only"] = json!([kind]);
    }
    let params = json!({ "textDocument": { "uri": client.uri("a.blueprint") }, "range": { "start": position, "end": position }, "context": context });
    client.ask("textDocument/codeAction", params).as_array().cloned().unwrap_or_default()
}

#[test]
fn a_misspelt_name_is_repaired_where_it_stands() {
    let mut client = Client::with(&[]);
    client.open("a.blueprint", "fn f(hidden: f32[n]) -> f32[n] { hiden }\n");
    let found = actions(&mut client, 0, 35, Some("quickfix"));
    assert_eq!(found.len(), 1, "{found:#?}");
    let (action, uri) = (&found[0], client.uri("a.blueprint"));
    assert_eq!((&action["title"], &action["kind"]), (&json!("Replace by `hidden`"), &json!("quickfix")));
    assert_eq!(action["diagnostics"][0]["code"], "E0101");
    assert_eq!(action["edit"]["changes"][uri][0]["newText"], "hidden");
    assert!(actions(&mut client, 0, 2, Some("quickfix")).is_empty(), "nothing is wrong at `fn`");
    client.end();
}

#[test]
fn everything_certain_is_repaired_at_once() {
    let mut client = Client::with(&[]);
    client.open("a.blueprint", "use std.nn.{relu, gelu}\nconst A = 1\n");
    let found = actions(&mut client, 0, 0, Some("source.fixAll"));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["kind"], "source.fixAll");
    assert!(!found[0]["edit"]["changes"][client.uri("a.blueprint")].as_array().expect("edits").is_empty());
    client.open("a.blueprint", "const A = 1\n");
    assert!(actions(&mut client, 0, 0, Some("source.fixAll")).is_empty());
    client.end();
}
