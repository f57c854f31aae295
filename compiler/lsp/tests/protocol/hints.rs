//! Inlay hints, and code lenses.
use crate::client::Client;
use serde_json::{Value, json};

/// The text with its hints in `‹ ›`.
fn with_hints(text: &str) -> String {
    let mut client = Client::with(&[]);
    client.open("a.blueprint", text);
    let mut params = client.document("a.blueprint");
    params["range"] = json!({ "start": { "line": 0, "character": 0 }, "end": { "line": 1000, "character": 0 } });
    let hints = client.ask("textDocument/inlayHint", params);
    let mut lines: Vec<String> = text.lines().map(str::to_string).collect();
    for hint in hints.as_array().expect("a list").iter().rev() {
        let label: String = hint["label"].as_array().expect("parts").iter().map(|p| p["value"].as_str().unwrap_or_default()).collect();
        let (line, column) =
            (hint["position"]["line"].as_u64().expect("a line"), hint["position"]["character"].as_u64().expect("a column"));
        lines[line as usize].insert_str(column as usize, &format!("‹{label}›"));
        assert!(hint["tooltip"]["value"].is_string());
    }
    client.end();
    lines.join("\n")
}

#[test]
fn shapes_stand_behind_lets_and_stages() {
    let text = "use std.nn.{Linear, relu}\nblueprint Small(hidden: dim = 16) {\n    layer first = Linear(hidden)\n    layer last = Linear(10)\n    forward(x: f32[b, 64]) -> f32[b, 10] {\n        let y = x |> first\n        let (p, q) = split(y, 2)\n        let z: f32[b, hidden] = y\n        relu(y) + first(x) |> last\n    }\n}\n";
    let shown = with_hints(text);
    for line in [
        "        let y‹: f32[b, hidden]› = x |> first‹f32[b, hidden]›",
        "        let (p‹: f32[b, hidden / 2]›, q‹: f32[b, hidden / 2]›) = split(y, ‹parts =›2)",
        "        relu(y) + first(x)‹f32[b, hidden]› |> last‹f32[b, 10]›",
        "    layer last = Linear(‹out =›10)",
        "    layer first = Linear(hidden)",
    ] {
        assert!(shown.lines().any(|l| l == line), "{line}\nis not in\n{shown}");
    }
}

#[test]
fn what_was_left_out_is_shown_where_it_would_stand() {
    let text = "use std.nn.{Linear}\nblueprint Pair {\n    layer a = Linear\n    layer b = Linear()\n    forward(x: f32[n, d]) -> f32[n, d] { x |> a |> b }\n}\n";
    let shown = with_hints(text);
    assert!(shown.contains("layer b = Linear(‹out = d›)"), "{shown}");
}

#[test]
fn names_in_shapes_lead_to_what_binds_them() {
    let mut client = Client::with(&[]);
    client.open("a.blueprint", "fn f(x: f32[n]) -> f32[n] {\n    let y = x + 1\n    y\n}\n");
    let mut params = client.document("a.blueprint");
    params["range"] = json!({ "start": { "line": 0, "character": 0 }, "end": { "line": 9, "character": 0 } });
    let hints = client.ask("textDocument/inlayHint", params);
    let parts = hints[0]["label"].as_array().expect("parts");
    let values: Vec<&Value> = parts.iter().map(|p| &p["value"]).collect();
    assert_eq!(values, [": f32[", "n", "]"]);
    assert_eq!(parts[1]["location"]["range"]["start"], json!({ "line": 0, "character": 12 }));
    assert_eq!(hints[0]["textEdits"][0]["newText"], ": f32[n]");
    client.end();
}

#[test]
fn an_experiment_can_be_run_from_its_lens() {
    let mut client = Client::with(&[]);
    client.open("a.blueprint", "train t {\n    batch = 4\n}\n");
    let params = client.document("a.blueprint");
    let lenses = client.ask("textDocument/codeLens", params);
    assert_eq!(lenses[0]["command"]["command"], "blueprint.run");
    assert_eq!(lenses[0]["command"]["arguments"], json!([client.uri("a.blueprint"), "t"]));
    client.end();
}
