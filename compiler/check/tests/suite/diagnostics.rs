//! What the check says of common mistakes: one finding each, with both halves of the contradiction and the edit that repairs it.
use crate::harness::{check, check_with, problems, short};

/// A blueprint around a `forward`, numbered from line 3.
fn expect(source: &str, wanted: &str) {
    let got = check(source);
    let same = got.trim_end() == wanted.trim();
    assert!(same, "\n---- source\n{source}\n---- got\n{got}\n---- wanted\n{}\n", wanted.trim());
}

#[test]
fn e0201_a_dim_that_is_not_exact() {
    expect(
        "use std.nn.{Linear}
blueprint Mlp {
    layer up = Linear(d * 2 / 3)
    forward(x: f32[b, d]) -> f32[b, _] { up(x) }
}
blueprint Host {
    layer mlp = Mlp()
    forward(x: f32[b, 64]) -> f32[b, _] { mlp(x) }
}
const N: int = 128 / 3
",
        "
E0201 a division of whole numbers that leaves a remainder
  ^ 3 `d * 2 / 3`: 3 does not divide 2·d = 128
  - 7 `mlp`: because of this instance, d = 64
  note: `/` between integers never rounds
  edit: layer up = Linear(floor(d * 2 / 3))
  edit: layer up = Linear(ceil(d * 2 / 3))
E0201 a division of whole numbers that leaves a remainder
  ^ 10 `128 / 3`: 3 does not divide 128
  note: `/` between integers never rounds
  edit: const N: int = floor(128 / 3)
  edit: const N: int = ceil(128 / 3)",
    );
}

#[test]
fn e0204_a_recipe_that_is_called() {
    expect(
        "use std.nn.{Linear}
blueprint Head {
    forward(x: f32[b, 64]) -> f32[b, 10] {
        x |> Linear(10)
    }
}
",
        "
E0204 a recipe that is called
  ^ 4 `Linear(10)`: this is a recipe for a layer, not a layer: it has no parameters yet
  edit: layer linear = Linear(10) ⏎ x |> linear",
    );
}

#[test]
fn e0206_a_dim_that_nothing_determines() {
    expect(
        "use std.nn.{Linear}
blueprint Head {
    layer last = Linear()
    forward(x: f32[b, 64]) -> f32[b] {
        mean(last(x), axis = -1)
    }
}
",
        "
E0206 a dim that nothing determines
  ^ 3 `Linear()`: `out` is left out here, and nothing that uses `last` fixes it
  - 5 `last(x)`: used here, where any size would do
  edit: layer last = Linear(out = ?)",
    );
}

#[test]
fn e0208_precision_changes_that_nobody_wrote() {
    expect(
        "fn loss(logits: f32[b, 10], target: i32[b]) -> f32[b, 10] {
    logits + target
}
",
        "
E0208 two element types
  ^ 2 `target`: i32[b]: element types are never converted silently
  - 2 `logits`: f32[b, 10]
  help: did you mean `one_hot(target, 10)`?
  edit: logits + cast(target, f32)",
    );
}

#[test]
fn e0301_a_layer_gets_the_wrong_width() {
    expect(
        "use std.nn.{Linear, relu}
blueprint Twice {
    layer first = Linear(16)
    forward(x: f32[b, 64]) -> f32[b, 16] {
        x |> first |> relu |> first
    }
}
",
        "
E0301 a layer gets the wrong width
  ^ 5 `first`: gets f32[b, 16], but takes f32[.., 64]
  - 5 `first`: 64 comes from here: the input of its first call, f32[b, 64]
  - 3 `first`: one layer, so one size for both calls
  edit: layer second = Linear(16) ⏎ x |> first |> relu |> second",
    );
}

#[test]
fn e0303_two_dims_that_nobody_said_are_equal() {
    expect(
        "fn scaled(x: f32[b, c, h, w], s: f32[c]) -> f32[b, c, h, w] {
    x * s
}
",
        "
E0303 two sizes that nothing says are equal
  ^ 2 `s`: f32[c]: its last axis would meet w, and nothing says that c is w
  - 2 `x`: f32[b, c, h, w]: the last axis is w
  edit: x * align(s, x)",
    );
}

#[test]
fn e0305_the_result_is_not_what_was_promised() {
    expect(
        "use std.nn.{Conv2d}
blueprint Same {
    layer conv = Conv2d(c, stride = 2)
    forward(x: f32[b, c, h, w]) -> f32[b, c, h, w] {
        x |> conv
    }
}
",
        "
E0305 the result is not what was promised
  ^ 5 `x |> conv`: is f32[b, c, ceil(h / 2), ceil(w / 2)]
  - 4 `h`: promised
  - 3 `stride = 2`: halved here
  edit: forward(x: f32[b, c, h, w]) -> f32[b, c, ceil(h / 2), ceil(w / 2)] {
  edit: layer conv = Conv2d(c)",
    );
}

#[test]
fn e0307_an_even_kernel_has_no_same_padding() {
    expect(
        "use std.nn.{Conv2d}
blueprint Even {
    layer conv = Conv2d(16, kernel = 4)
    forward(x: f32[b, c, h, w]) -> f32[b, 16, _, _] {
        x |> conv
    }
}
",
        "
E0307 an even kernel has no same padding
  ^ 3 `kernel = 4`: the default padding, dilation * (kernel - 1) / 2, is 3/2
  note: no symmetric padding keeps the size under an even kernel
  edit: layer conv = Conv2d(16, kernel = 4, padding = 1)
  edit: layer conv = Conv2d(16, kernel = 4, padding = 2)",
    );
}

#[test]
fn e0309_an_error_that_shows_in_one_instantiation_only() {
    let source = "use std.nn.{MultiHeadAttention}
use std.losses.{mse}
use std.optim.{Sgd}
blueprint Block(heads: dim) {
    layer attention = MultiHeadAttention(heads)
    forward(x: f32[b, t, d]) -> f32[b, t, d] { attention(x) }
}
blueprint Net(d: dim) {
    layer blocks = [Block(heads = 4) ; 2]
    forward(x: f32[b, 8, d]) -> f32[b, 8, d] { blocks(x) }
}
train net {
    model = Net(d = 130)
    data = csv(\"x.csv\")
    loss = mse
    optimizer = Sgd()
    batch = 4
    epochs = 1
}
";
    let got = check(source);
    for part in [
        "E0309 an axis that cannot be taken apart evenly",
        "d / heads must divide: 130 / 4",
        "13 `d = 130`: d = 130 comes from here",
        "blocks[0] = Block(heads = 4)",
        "blocks[0].attention = MultiHeadAttention(heads = 4)",
        "split_heads(f32[batch, 8, 130], heads = 4)",
        "help: 128 and 132 divide by 4",
    ] {
        assert!(got.contains(part), "{part}\n{got}");
    }
    assert_eq!(got.matches("\nE0").count(), 0, "one mistake, one error:\n{got}");
}

#[test]
fn e0311_inside_a_pattern() {
    expect(
        "fn heads(x: f32[b, t, d], h: dim) -> f32[b, h, t, _] {
    rearrange(x, \"b t (h d) -> b h t e\", h = h)
}
",
        "
E0311 a pattern that does not fit
  ^ 2 `e`: `e` is not on the left
  - 2 `d`: `d` is lost
  edit: rearrange(x, \"b t (h d) -> b h t d\", h = h)",
    );
}

#[test]
fn e0402_a_parameter_that_may_not_exist() {
    expect(
        "blueprint Affine(out: dim, use_bias: bool = true) {
    param weight: f32[out, in] = zeros
    param bias: f32[out] = zeros if use_bias
    forward(x: f32[.., in]) -> f32[.., out] {
        x @ transpose(weight) + bias
    }
}
",
        "
E0402 a parameter that may not exist
  ^ 5 `bias`: used whatever `use_bias` is
  - 3 `use_bias`: exists only under this condition
  edit: let y = x @ transpose(weight) ⏎ if use_bias { y + bias } else { y }",
    );
}

#[test]
fn e0404_state_that_changes_outside_training() {
    expect(
        "blueprint Running(momentum: float = 0.1) {
    state average: f32[c] = zeros
    forward(x: f32[b, c]) -> f32[b, c] {
        average := lerp(average, mean(x, axis = b), momentum)
        x - average
    }
}
",
        "
E0404 state that changes outside training
  ^ 4 `average`: state is assigned only while training; evaluation must not change the model
  edit: if training { average := lerp(average, mean(x, axis = b), momentum) }",
    );
}

#[test]
fn e0406_an_if_on_a_tensor() {
    expect(
        "fn leaky(x: f32[b, d]) -> f32[b, d] {
    if x > 0 { x } else { 0.1 * x }
}
",
        "
E0406 an `if` on a tensor
  ^ 2 `x > 0`: bool[b, d]: known only when the program runs, and different for each element
  edit: where(x > 0, x, 0.1 * x)",
    );
}

/// A sound experiment with one line replaced.
fn experiment(line: &str, by: &str) -> String {
    "use std.hosts.{Mlp}
use std.losses.{accuracy, cross_entropy}
use std.optim.{AdamW}
train digits {
    model = Mlp(10)
    data = csv(\"x.csv\", shape = [64])
    loss = cross_entropy
    optimizer = AdamW(lr = 1e-3)
    batch = 64
    epochs = 3
}
"
    .replace(line, by)
}

#[test]
fn e0604_a_field_that_does_not_exist() {
    expect(
        &experiment("optimizer =", "optimiser ="),
        "
E0604 a field that does not exist
  ^ 8 `optimiser`: `train` has no field of this name
  edit: optimizer = AdamW(lr = 1e-3)",
    );
}

#[test]
fn e0606_and_e0610_say_what_is_missing() {
    assert!(check(&experiment("    batch = 64\n", "")).starts_with("E0606 the experiment does not say its `batch`"));
    let text = check(&experiment(", shape = [64]", ""));
    assert!(text.starts_with("E0610 the shape of one row is not known"), "{text}");
}

#[test]
fn arguments_are_checked() {
    expect(
        &experiment("lr = 1e-3", "lrr = 1e-3"),
        "
E0202 the optimizer `AdamW` has no parameter `lrr`
  ^ 8 `lrr = 1e-3`: there is no such parameter
  edit: optimizer = AdamW(lr = 1e-3)",
    );
    assert!(check(&experiment("lr = 1e-3", "lr = [1, 2]")).starts_with("E0205 `lr` is a number or a schedule"));
    assert!(check(&experiment("Mlp(10)", "Mlp(10, hidden = 0.5)")).starts_with("E0205 "));
}

#[test]
fn every_name_in_a_field_must_be_known() {
    for (line, by) in [
        ("batch = 64", "batch = abc"),
        ("epochs = 3", "epochs = 2 * abc"),
        ("epochs = 3", "epochs = 3\n    seed = abc(3)"),
        ("epochs = 3", "epochs = 3\n    split = holdout(val = abc)"),
        ("shape = [64]", "shape = [abc]"),
        ("shape = [64]", "shape = [64], label = abc"),
    ] {
        let (found, sources) = problems(&experiment(line, by), &[]);
        let text: String = found.iter().map(|p| short(p, &sources)).collect();
        assert!(text.starts_with("E0101 unknown name `abc`\n") && !text.contains("\nE0"), "{by}: {text}");
    }
    assert_eq!(check(&(experiment("batch = 64", "batch = ROWS") + "const ROWS = 64\n")), "");
    let text = check(&experiment("batch = 64", "batch = 0.5"));
    assert!(text.starts_with("E0205 `batch` is a whole number, not a decimal number"), "{text}");
}

#[test]
fn matrix_products_reshapes_and_indices_are_checked() {
    for (body, code) in [
        ("x @ x", "E0308"),
        ("reshape(x, [b, 3])", "E0306"),
        ("sum(x, axis = 2)", "E0304"),
        ("x[0, 0, 0]", "E0302"),
        ("x[.., 5:9]", "E0310"),
        ("einsum(\"b i, i -> b j\", x, x[0])", "E0311"),
        ("rearrange(x, \"b i j -> b (i j)\")", "E0311"),
        ("concat([x, x[.., 0:2]], axis = 0)", "E0303"),
        ("split(x, 3, axis = -1)", "E0201"),
        ("where(x, x, x)", "E0208"),
        ("max_pool(x, kernel = 2)", "E0302"),
        ("x + true", "E0205"),
        ("x(1)", "E0205"),
    ] {
        let source = format!("fn f(x: f32[b, 4]) -> f32[b, _] {{\n    {body}\n}}\n");
        let got = check(&source);
        assert!(got.starts_with(code) && got.matches("\nE0").count() == 0, "{body}: {got}");
    }
}

#[test]
fn rebinding_keeps_the_type() {
    let got = check("fn f(x: f32[b, 4]) -> f32[b] {\n    let h = x\n    h = sum(h, axis = -1)\n    h\n}\n");
    assert!(got.starts_with("E0405 `h` changes its type"), "{got}");
}

#[test]
fn derivatives_by_hand_give_one_cotangent_an_input() {
    let right = "fn quantise(x: f32[..], levels: int) -> f32[..] { round(x * levels) / levels }\ngrad quantise(x, y, dy) { where(abs(x) <= 1, dy, 0) }\n";
    assert_eq!(check(right), "");
    let wrong = right.replace("{ where(abs(x) <= 1, dy, 0) }", "{ (dy, dy) }");
    assert!(check(&wrong).starts_with("E0211 "), "{}", check(&wrong));
}

#[test]
fn huge_sizes_and_counts_are_refused_without_memory() {
    let wide = experiment("Mlp(10)", "Mlp(10, hidden = 1000000000)");
    assert_eq!(check(&wide), "");
    let many = "use std.nn.{Linear}\nblueprint Many {\n    layer all = [Linear(4) ; 2000000000]\n    forward(x: f32[b, 4]) -> f32[b, 4] { all(x) }\n}\n";
    assert!(check_with(many, &[]).starts_with("E0411 "));
}

#[test]
fn nested_expressions_end_in_an_error_and_not_in_a_crash() {
    let deep = format!("fn f(x: f32[b]) -> f32[b] {{ {}x{} }}\n", "(-".repeat(400), ")".repeat(400));
    assert_eq!(check(&deep), "");
}
