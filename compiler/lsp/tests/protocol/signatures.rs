//! Signature help.
use crate::client::Client;

fn check(fixture: &str, expected: Option<(&str, Option<&str>)>) {
    let mut client = Client::with(&[]);
    let params = client.open_marked(fixture);
    let found = client.ask("textDocument/signatureHelp", params);
    match expected {
        None => assert!(found.is_null(), "{fixture}: {found}"),
        Some((label, active)) => {
            let signature = &found["signatures"][0];
            assert_eq!(signature["label"], label, "{fixture}");
            let active_is =
                found["activeParameter"].as_u64().map(|i| signature["parameters"][i as usize]["label"].as_str().expect("text").to_string());
            assert_eq!(active_is.as_deref(), active, "{fixture}");
        }
    }
    client.end();
}

#[test]
fn the_parameter_that_comes_now_is_marked() {
    let reshape = "reshape(x, shape)";
    check("fn f(x: f32[n]) -> f32[n] { reshape($0x, [n]) }\n", Some((reshape, Some("x"))));
    check("fn f(x: f32[n]) -> f32[n] { reshape(x, $0[n]) }\n", Some((reshape, Some("shape"))));
    check("fn f(x: f32[n]) -> f32[n] { reshape(x, [n, $0]) }\n", Some((reshape, Some("shape"))));
    check("fn f(x: f32[n]) -> f32[n] { x |> reshape($0) }\n", Some((reshape, Some("shape"))));
    check("fn f(x: f32[n]) -> f32[n] { reshape(x, [n])$0 }\n", None);
    check("fn f($0x: f32[n]) -> f32[n] { x }\n", None);
    let g = "fn g(x: f32[n], low: float = 0, high: float = 1) -> f32[n] { clamp(x, low, high) }\n";
    check(
        &format!("{g}fn f(x: f32[n]) -> f32[n] {{ g(x, high = $0) }}\n"),
        Some(("g(x: f32[n], low: float = 0, high: float = 1)", Some("high: float = 1"))),
    );
    check(
        &format!("{g}fn f(x: f32[n]) -> f32[n] {{ g(tanh(x), $0 }}\n"),
        Some(("g(x: f32[n], low: float = 0, high: float = 1)", Some("low: float = 0"))),
    );
}

#[test]
fn a_layer_shows_what_its_forward_takes() {
    let text = "use std.nn.{Linear}\nblueprint A {\n    layer a = Linear(4)\n    forward(x: f32[b, d]) -> f32[b, 4] { a($0x) }\n}\n";
    check(text, Some(("a(x: f32[.., in])", Some("x: f32[.., in]"))));
}
