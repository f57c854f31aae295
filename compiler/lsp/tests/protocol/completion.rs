//! Completions by context.
use crate::client::{Client, usual};
use serde_json::{Value, json};

fn proposals(fixture: &str) -> Vec<Value> {
    let mut client =
        Client::with(&[("seeds.blueprint", "/// Twice.\nfn twice(x: f32[n]) -> f32[n] { x + x }\nfn _own(x: f32[n]) -> f32[n] { x }\n")]);
    let params = client.open_marked(fixture);
    let found = client.ask("textDocument/completion", params);
    client.end();
    found["items"].as_array().cloned().unwrap_or_default()
}

fn labels(found: &[Value]) -> Vec<&str> {
    found.iter().map(|p| p["label"].as_str().unwrap_or_default()).collect()
}

/// What stands there, and what does not.
fn check(fixture: &str, there: &[&str], absent: &[&str]) {
    let found = proposals(fixture);
    let all = labels(&found);
    for label in there {
        assert!(all.contains(label), "{fixture}\nlacks {label}: {all:?}");
    }
    for label in absent {
        assert!(!all.contains(label), "{fixture}\nhas {label}: {all:?}");
    }
}

#[test]
fn words_begin_items_and_lines() {
    check("$0", &["blueprint", "train", "use", "fn"], &["layer", "let", "relu"]);
    check("blueprint A {\n    $0\n}\n", &["layer", "param", "state", "slot", "forward"], &["train", "let"]);
    check(
        "blueprint A {\n    forward(x: f32[b, d]) -> f32[b, d] {\n        $0\n    }\n}\n",
        &["let", "for", "x", "tanh"],
        &["layer", "train"],
    );
    check("train t {\n    batch = 4\n    $0\n}\n", &["model", "epochs", "grow"], &["batch", "layer"]);
    check("optimizer A(lr: f32) {\n    $0\n}\n", &["state", "update"], &["layer"]);
    check("policy A {\n    $0\n}\n", &["germinate", "prune"], &["layer"]);
}

#[test]
fn modules_and_their_items_follow_use() {
    check("use $0\n", &["std", "seeds"], &["relu"]);
    check("use std.$0\n", &["nn", "losses", "optim"], &["std"]);
    check("use std.nn.{Linear, $0}\n", &["relu", "softmax", "Conv2d"], &["AdamW"]);
    check("use seeds.{$0}\nfn f(x: f32[n]) -> f32[n] { x }\n", &["twice"], &["_own"]);
}

#[test]
fn types_and_sizes() {
    check("fn f(x: $0) -> f32[n] { x }\n", &["f32", "dim", "bool"], &["relu"]);
    check("fn f(x: f32[n], k: dim) -> f32[$0] { x }\n", &["n", "k"], &["x", "relu", "tanh"]);
    check("fn f($0", &[], &["f32", "relu", "tanh"]);
}

#[test]
fn names_in_sight_come_before_the_rest() {
    let found =
        proposals("const SIZE = 4\nfn f(x: f32[n]) -> f32[n] {\n    let early = x\n    let z = $0\n    let late = early\n    late\n}\n");
    let all = labels(&found);
    assert!(all.contains(&"early") && all.contains(&"SIZE") && all.contains(&"x") && !all.contains(&"late"), "{all:?}");
    let sort = |label: &str| found.iter().find(|p| p["label"] == label).expect("there")["sortText"].as_str().expect("text").to_string();
    assert!(sort("early") < sort("SIZE") && sort("SIZE") < sort("tanh") && sort("tanh") < sort("Linear"));
}

#[test]
fn arguments_by_name_are_those_not_given_yet() {
    let text = "use std.nn.{Conv2d}\nblueprint A {\n    layer c = Conv2d(8, kernel = 3, $0)\n    forward(x: f32[b, c, h, w]) -> f32[b, 8, h, w] { c(x) }\n}\n";
    check(text, &["stride =", "padding ="], &["out =", "kernel ="]);
    check("fn f(x: f32[n]) -> f32 { mean(x, $0) }\n", &["axis =", "keep ="], &["x ="]);
}

#[test]
fn a_layer_comes_with_its_arguments_and_a_missing_import_with_its_use() {
    let found = proposals("use std.nn.{relu}\n\nblueprint A {\n    layer a = Lin$0\n    forward(x: f32[b, d]) -> f32[b, d] { x }\n}\n");
    let linear = found.iter().find(|p| p["label"] == "Linear").expect("proposed");
    assert_eq!(linear["textEdit"]["newText"], "Linear(${1:out})");
    assert_eq!(linear["insertTextFormat"], 2);
    assert!(linear["detail"].as_str().expect("text").starts_with("blueprint Linear("));
    let edit = &linear["additionalTextEdits"][0];
    assert_eq!((edit["newText"].as_str(), edit["range"]["start"]["character"].as_u64()), (Some(", Linear"), Some(16)));
    let found = proposals("blueprint A {\n    layer a = Lin$0\n    forward(x: f32[b, d]) -> f32[b, d] { x }\n}\n");
    let linear = found.iter().find(|p| p["label"] == "Linear").expect("proposed");
    assert_eq!(linear["additionalTextEdits"][0]["newText"], "use std.nn.{Linear}\n\n");
}

#[test]
fn behind_a_pipe_the_first_argument_is_there_already() {
    let found = proposals("use std.nn.{leaky_relu, softmax}\nfn f(x: f32[n]) -> f32[n] { x |> $0 }\n");
    let insert = |label: &str| found.iter().find(|p| p["label"] == label).expect("proposed")["textEdit"]["newText"].clone();
    assert_eq!((insert("softmax"), insert("leaky_relu")), ("softmax".into(), "leaky_relu".into()));
}

#[test]
fn members_of_a_layer_and_signals_of_a_policy_follow_a_dot() {
    let text = "use std.nn.{Linear}\nblueprint A {\n    layer first = Linear(4)\n    forward(x: f32[b, d]) -> f32[b, 4] {\n        let w = first.$0\n        first(x)\n    }\n}\n";
    check(text, &["weight"], &["relu", "x"]);
    check("policy P {\n    prune when $0\n}\n", &["grad_ratio", "train.loss"], &[]);
    check("policy P {\n    prune when val.$0\n}\n", &["loss", "error"], &["grad_ratio"]);
}

#[test]
fn nothing_is_proposed_in_comments_texts_and_new_names() {
    for fixture in [
        "// re$0\n",
        "/// re$0\nfn f(x: f32[n]) -> f32[n] { x }\n",
        "blueprint A {\n    require true, \"re$0\"\n}\n",
        "blueprint $0\n",
        "blueprint A {\n    layer $0\n}\n",
    ] {
        assert!(proposals(fixture).is_empty(), "{fixture}");
    }
}

#[test]
fn documentation_comes_when_a_client_that_asks_for_it_does() {
    let mut abilities = usual();
    abilities["textDocument"]["completion"]["completionItem"]["resolveSupport"] = json!({ "properties": ["documentation"] });
    let mut client = Client::offering(abilities, &[]);
    let params = client.open_marked("fn f(x: f32[n]) -> f32[n] {\n    tan$0\n}\n");
    let item = |found: &Value| found["items"].as_array().expect("items").iter().find(|p| p["label"] == "tanh").expect("a builtin").clone();
    let first = item(&client.ask("textDocument/completion", params.clone()));
    assert_eq!(first["documentation"], Value::Null);
    let whole = client.ask("completionItem/resolve", first.clone());
    assert!(whole["documentation"]["value"].as_str().is_some_and(|docs| docs.contains("tangent")), "{whole}");
    assert_eq!(whole["textEdit"], first["textEdit"], "all else stays");
    let _ = client.ask("textDocument/completion", params);
    let late = client.ask("completionItem/resolve", first.clone());
    assert_eq!(late, first, "of a list that has been superseded nothing is known");
    client.end();
}

#[test]
fn policies_propose_their_fields_the_words_of_each_and_parameters() {
    check("policy A {\n    isolate = shadow\n    $0\n}\n", &["trigger", "knowledge", "germinate"], &["isolate", "thompson"]);
    check("policy A {\n    trigger = $0\n}\n", &["plateau", "never"], &["thompson", "log_params"]);
    check("policy A {\n    trigger = plateau($0)\n}\n", &["any =", "patience ="], &["plateau"]);
    check("policy A {\n    accept = e_process(rent = $0)\n}\n", &["log_params", "bic"], &["e_process", "alpha ="]);
}
