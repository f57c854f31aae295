//! Hovers: what is shown for items, layers, sizes and words, by position.
use crate::client::Client;

fn check(fixture: &str, expected: &[&str]) {
    let mut client = Client::with(&[]);
    let params = client.open_marked(fixture);
    // What an experiment costs is known once its check is done, which a hover does not wait for.
    client.ask("textDocument/diagnostic", client.document("a.blueprint"));
    let found = client.ask("textDocument/hover", params);
    let text = found["contents"]["value"].as_str().unwrap_or_default();
    for part in expected {
        assert!(text.contains(part), "{fixture}\nlacks {part:?}:\n{text}");
    }
    assert_eq!(expected.is_empty(), text.is_empty(), "{fixture}\n{text}");
    client.end();
}

const NET: &str = "use std.nn.{Linear, relu}\n\n/// A small one.\nblueprint Small(hidden: dim = 16) {\n    /// The first.\n    layer first = Linear(hidden)\n    layer last = Linear(10)\n    forward(x: f32[b, 64]) -> f32[b, 10] {\n        let y = x |> first\n        y |> relu |> last\n    }\n}\n";

fn net(from: &str, to: &str) -> String {
    assert!(NET.contains(from));
    NET.replacen(from, to, 1)
}

#[test]
fn a_let_shows_its_inferred_shape() {
    check(&net("let y", "let $0y"), &["let y = x |> first", "`y`: `f32[b, hidden]`"]);
    check(&net("y |> relu", "$0y |> relu"), &["`y`: `f32[b, hidden]`"]);
}

#[test]
fn a_layer_shows_its_recipe_its_documentation_and_what_it_gives() {
    check(
        &net("|> first", "|> fi$0rst"),
        &["layer first = Linear(hidden)", "gives `f32[b, hidden]` here", "The first.", "blueprint Linear("],
    );
}

#[test]
fn items_show_signature_and_documentation() {
    check(&net("= Linear(hidden)", "= Lin$0ear(hidden)"), &["blueprint Linear(", "from `std.nn`"]);
    check(&net("blueprint Small", "blueprint Sm$0all"), &["blueprint Small(hidden: dim = 16)", "A small one."]);
    check(&net("Linear(hidden)", "Linear(hid$0den)"), &["hidden: dim = 16"]);
}

#[test]
fn words_and_functions_of_the_language_are_explained() {
    check(&net("layer last", "lay$0er last"), &["An instance of a recipe"]);
    check("fn f(x: f32[n]) -> f32[n] { ta$0nh(x) }\n", &["tanh(x)", "The hyperbolic tangent."]);
    check("fn f(x: f3$02[n]) -> f32[n] { x }\n", &["32-bit floats"]);
    check("train t {\n    bat$0ch = 4\n}\n", &["Rows of a step."]);
    check("policy P {\n    prune when grad_ra$0tio < 0.1\n}\n", &["Norm of the seed's gradient"]);
    check("policy P {\n    prune when train.lo$0ss < 0.1\n}\n", &["The mean training loss"]);
    check("fn f(x: f32[n]) -> f32[n] { x +$0 1 }\n", &[]);
}

#[test]
fn a_sound_experiment_tells_what_its_network_costs() {
    let program = format!(
        "use std.losses.{{cross_entropy}}\nuse std.optim.{{AdamW}}\n{NET}\ntrain t {{\n    model = Small(hidden = 16)\n    data = csv(\"x.csv\", label = 64)\n    loss = cross_entropy\n    optimizer = AdamW(lr = 1e-3)\n    batch = 8\n    epochs = 1\n}}\n"
    );
    // 64 · 16 + 16 and 16 · 10 + 10 parameters
    let costs = "1,210 parameters";
    check(&program.replacen("train t", "train $0t", 1), &[costs, "FLOPs a row", "bytes of activations"]);
    check(&program.replacen("blueprint Small", "blueprint $0Small", 1), &["in `t`: 1,210 parameters"]);
    check(&program.replacen("layer first", "layer $0first", 1), &["in `t`: `first`, `f32[batch, 64] → f32[batch, 16]`, 1,040 parameters"]);
}

#[test]
fn policies_show_what_their_fields_and_words_mean() {
    check("policy A {\n    sh$0are = ensemble\n}\n", &["share = diversify(max_active = 2)", "How seeds share a slot"]);
    check("policy A {\n    share = ens$0emble\n}\n", &["ensemble(target = 1)", "equal shares"]);
    check("policy A {\n    accept = e_process(rent = bi$0c)\n}\n", &["bic(factor = 1)", "nats"]);
}
