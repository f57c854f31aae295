//! The beginning, the end, and what is neither known nor well formed.
use crate::client::{Client, usual};
use esper_lsp::Outcome;
use serde_json::{Value, json};

#[test]
fn a_conversation_ends_with_shutdown_and_exit() {
    assert_eq!(Client::with(&[]).end(), Outcome::Done);
    assert_eq!(Client::with(&[]).leave(), Outcome::Abandoned);
}

#[test]
fn after_shutdown_nothing_is_answered() {
    let mut client = Client::with(&[]);
    client.ask("shutdown", Value::Null);
    let id = client.send("textDocument/formatting", json!({}));
    assert_eq!(client.answer(id).expect_err("refused")["code"], -32600);
    assert_eq!(client.leave(), Outcome::Done);
}

#[test]
fn unknown_requests_are_refused_and_unknown_notifications_ignored() {
    let mut client = Client::with(&[]);
    client.tell("$/somethingNew", json!({}));
    client.tell("textDocument/didOpen", json!({ "nonsense": true }));
    let id = client.send("textDocument/somethingNew", json!({}));
    assert_eq!(client.answer(id).expect_err("refused")["code"], -32601);
    let id = client.send("textDocument/formatting", json!({ "nonsense": true }));
    assert_eq!(client.answer(id).expect_err("refused")["code"], -32602);
    assert_eq!(client.end(), Outcome::Done);
}

#[test]
fn a_request_that_was_taken_back_is_not_answered_with_a_result() {
    let mut client = Client::with(&[]);
    client.open("a.blueprint", "fn f(x: f32[n]) -> f32[n] { x }\n");
    // The notification is in the queue before the request is looked at: the requests before it take longer.
    let ids: Vec<i32> = (0..50)
        .map(|_| {
            let params = json!({ "textDocument": { "uri": client.uri("a.blueprint") }, "options": { "tabSize": 4, "insertSpaces": true } });
            client.send("textDocument/formatting", params)
        })
        .collect();
    let last = *ids.last().expect("fifty");
    client.tell("$/cancelRequest", json!({ "id": last }));
    for id in ids {
        match client.answer(id) {
            Ok(result) => assert_eq!(result, json!([])),
            Err(error) => assert_eq!((id, &error["code"]), (last, &json!(-32800))),
        }
    }
    assert_eq!(client.end(), Outcome::Done);
}

#[test]
fn columns_are_counted_as_the_client_offers() {
    let encoding = |general: Value| {
        let client = Client::offering(json!({ "general": general }), &[]);
        let chosen = client.capabilities["capabilities"]["positionEncoding"].clone();
        client.end();
        chosen
    };
    assert_eq!(encoding(json!({ "positionEncodings": ["utf-16"] })), "utf-16");
    assert_eq!(encoding(json!({ "positionEncodings": ["utf-8", "utf-16"] })), "utf-8");
    assert_eq!(encoding(json!({ "positionEncodings": ["utf-32"] })), "utf-32");
    assert_eq!(encoding(Value::Null), "utf-16");
    let nothing = Client::offering(Value::Null, &[]);
    assert_eq!(nothing.capabilities["capabilities"]["positionEncoding"], "utf-16");
    nothing.end();
    Client::offering(usual(), &[]).end();
}
