//! Seeds through the check: which parameters can never learn.
use crate::harness::check;

/// A host with a slot for vectors or for feature maps, in which `seed` may grow; `more` declares it.
fn host(kind: &str, seed: &str, more: &str) -> String {
    let (shape, import, forward) = match kind {
        "vector" => ("[12]", "Linear", "forward(x: f32[b, d]) -> f32[b, 10] { x |> s |> last }"),
        _ => ("[8, 9, 7]", "Linear, global_mean", "forward(x: f32[b, c, h, w]) -> f32[b, 10] { x |> s |> global_mean |> last }"),
    };
    let import = if more.contains("BatchNorm") { format!("BatchNorm, Conv2d, {import}") } else { import.to_string() };
    let import = if more.contains("relu") { format!("{import}, relu") } else { import };
    format!(
        "use std.nn.{{{import}}}\nuse std.losses.{{cross_entropy}}\nuse std.optim.{{Sgd}}
blueprint Net {{
    layer last = Linear(10)
    slot s
    {forward}
}}
train t {{
    model = Net()
    data = csv(\"data.csv\", shape = {shape})
    loss = cross_entropy
    optimizer = Sgd()
    batch = 4
    epochs = 40
    grow s from [{seed}] by P
}}
{more}"
    )
}

#[test]
fn a_convolution_of_zeros_before_a_normalisation_and_a_relu_is_dead() {
    let more = "blueprint Dead {
    birth = zero
    layer conv = Conv2d(c, use_bias = false, weight_init = zeros)
    layer norm = BatchNorm()
    forward(x: f32[b, c, h, w]) -> f32[b, c, h, w] { x |> conv |> norm |> relu }
}
policy P {
}
";
    let said = check(&host("map", "Dead()", more));
    assert!(said.starts_with("E0508 `conv.weight` of the seed `Dead` can never learn\n"), "{said}");
    assert!(said.contains("`conv`: no gradient ever reaches `conv.weight`"), "{said}");
    // Without the relu a gradient reaches it: through 1/√eps.
    let linear = more.replace(" |> relu }", " }");
    assert_eq!(check(&host("map", "Dead()", &linear)), "");
}

#[test]
fn what_two_zeros_multiply_never_learns_and_one_does() {
    let seed = |init: &str| {
        format!(
            "blueprint Product {{
    birth = zero
    param a: f32[d] = {init}
    param b: f32[d] = zeros
    forward(x: f32[.., d]) -> f32[.., d] {{ x * a * b }}
}}
policy P {{
}}
"
        )
    };
    let said = check(&host("vector", "Product()", &seed("zeros")));
    assert!(said.starts_with("E0508 `a` of the seed `Product` can never learn\n"), "{said}");
    // `a` gets none at birth, and one as soon as `b` has moved.
    assert_eq!(check(&host("vector", "Product()", &seed("ones"))), "");
}

#[test]
fn every_field_and_word_of_the_table_is_taken_and_what_it_says_does_not_exist_is_refused() {
    use esper_check::policy::{FIELDS, WORDS};
    let examples = FIELDS.iter().map(|field| (field.example.to_string(), field.doc));
    let words = WORDS.iter().map(|word| {
        let line = match word.field {
            "prior" => format!("select = thompson(prior = {})", word.name),
            "ramp" => format!("blend = add(ramp = {})", word.name),
            "rent" => format!("accept = e_process(rent = {})", word.name),
            field => format!("{field} = {}", word.name),
        };
        (line, word.doc)
    });
    for (line, doc) in examples.chain(words) {
        let said = check(&format!("policy P {{\n    {line}\n}}\n"));
        match doc.ends_with("Does not exist yet.") {
            true => assert!(said.starts_with("E0512"), "{line}: {said}"),
            false => assert_eq!(said, "", "{line}"),
        }
    }
}
