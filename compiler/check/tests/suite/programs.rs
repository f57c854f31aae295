//! Whole programs that are right: nothing is said of them.
use crate::harness::{check, check_with};

fn library(name: &str) -> String {
    std::fs::read_to_string(format!("{}/../../stdlib/{name}.blueprint", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

#[test]
fn the_standard_library_is_right() {
    for name in ["nn", "init", "optim", "losses", "hosts", "seeds", "policies"] {
        assert_eq!(check(&library(name)), "", "{name}");
    }
}

const RESIDUAL: &str = "use std.nn.{BatchNorm, Conv2d, Linear, global_mean, relu}

blueprint ConvNorm(out: dim, kernel: dim = 3, stride: dim = 1) {
    layer conv = Conv2d(out, kernel, stride, use_bias = false)
    layer norm = BatchNorm()

    forward(x: f32[b, in, h, w]) -> f32[b, out, ceil(h / stride), ceil(w / stride)] { x |> conv |> norm }
}

blueprint Residual(out: dim, stride: dim = 1) {
    layer first = ConvNorm(out, stride = stride)
    layer second = ConvNorm(out)
    layer shortcut = ConvNorm(out, kernel = 1, stride = stride) if stride != 1 or in != out

    forward(x: f32[b, in, h, w]) -> f32[b, out, ceil(h / stride), ceil(w / stride)] {
        let y = x |> first |> relu |> second
        if stride != 1 or in != out {
            relu(shortcut(x) + y)
        } else {
            relu(x + y)
        }
    }
}

blueprint Stage(out: dim, depth: dim = 3, stride: dim = 1) {
    layer blocks = [Residual(out, stride = if i == 0 { stride } else { 1 }) for i in range(depth)]

    forward(x: f32[b, in, h, w]) -> f32[b, out, ceil(h / stride), ceil(w / stride)] { blocks(x) }
}

blueprint ResNet20(classes: dim = 10, width: dim = 16, depth: dim = 3) {
    layer stem = ConvNorm(width)
    layer stage1 = Stage(width, depth)
    slot after1
    layer stage2 = Stage(2 * width, depth, stride = 2)
    slot after2
    layer head = Linear(classes)

    forward(x: f32[b, 3, h, w]) -> f32[b, classes] {
        x
            |> stem |> relu
            |> stage1 |> after1
            |> stage2 |> after2
            |> global_mean
            |> head
    }
}

fn random_flip(x: f32[b, c, h, w], p: float = 0.5) -> f32[b, c, h, w] {
    where(bernoulli([b, 1, 1, 1], p), flip(x, axis = w), x)
}

fn random_shift(x: f32[b, c, h, w], by: dim = 4) -> f32[b, c, h, w] {
    let wide = pad(x, axis = [h, w], low = by, high = by)
    let dy = random_int([b, 1, 1, 1], low = 0, high = 2 * by + 1)
    let dx = random_int([b, 1, 1, 1], low = 0, high = 2 * by + 1)
    wide
        |> take_along(dy + iota([1, 1, h, 1], axis = 2), axis = 2)
        |> take_along(dx + iota([1, 1, 1, w], axis = 3), axis = 3)
}
";

/// A residual network in training.
pub fn residual() -> String {
    format!("{RESIDUAL}{}", on_pictures("ResNet20(depth = 2)"))
}

/// A decoder in training.
pub fn decoder() -> String {
    format!("{GPT}{}", on_text("Gpt(vocab = 32, d = 16, depth = 2)"))
}

/// Fields of an experiment on pictures, with a model.
fn on_pictures(model: &str) -> String {
    format!(
        "use std.losses.{{accuracy, cross_entropy}}
use std.optim.{{Sgd, one_cycle}}
train pictures {{
    model     = {model}
    data      = csv(\"x.csv\", shape = [3, 8, 8])
    loss      = cross_entropy(smoothing = 0.1)
    metrics   = [accuracy]
    optimizer = Sgd(lr = one_cycle(peak = 0.4), momentum = 0.9, nesterov = true, weight_decay = 5e-4)
    batch     = 8
    epochs    = 1
}}
"
    )
}

#[test]
fn a_residual_network_is_right_in_general_and_with_its_sizes() {
    assert_eq!(check(&residual()), "");
}

const GPT: &str = "use std.nn.{Embedding, LayerNorm, Linear, MultiHeadAttention, dropout, gelu}
use std.init.{trunc_normal}

blueprint Mlp(expand: dim = 4, act: fn = gelu, out_init: init = trunc_normal) {
    layer up = Linear(expand * d)
    layer down = Linear(d, weight_init = out_init)

    forward(x: f32[.., d]) -> f32[.., d] { x |> up |> act |> down }
}

blueprint Block(heads: dim, drop: float = 0, out_init: init = trunc_normal) {
    layer norm1 = LayerNorm()
    layer attention = MultiHeadAttention(heads, causal = true, drop = drop, out_init = out_init)
    slot mid
    layer norm2 = LayerNorm()
    layer mlp = Mlp(out_init = out_init)
    slot wide

    forward(x: f32[b, t, d]) -> f32[b, t, d] {
        let h = mid(x + (x |> norm1 |> attention))
        let z = norm2(h)
        h + (wide(mlp(z), from = z) |> dropout(drop))
    }
}

blueprint Gpt(vocab: dim, d: dim = 128, heads: dim = 4, depth: dim = 4, context: dim = 256, drop: float = 0.1) {
    layer tokens = Embedding(vocab, d)
    param positions: f32[context, d] = trunc_normal(std = 0.02)
    layer blocks = [Block(heads, drop) ; depth]
    slot deeper
    layer norm = LayerNorm()

    forward(ids: i32[b, t]) -> f32[b, t, vocab] {
        let h = tokens(ids) + positions[0:t]
        let y = h |> dropout(drop) |> blocks |> deeper |> norm
        y @ transpose(tokens.table)
    }
}

blueprint OneMoreBlock(heads: dim) {
    birth = same
    layer block = Block(heads, out_init = zeros)

    forward(x: f32[b, t, d]) -> f32[b, t, d] { block(x) }
}
";

fn on_text(model: &str) -> String {
    format!(
        "use std.losses.{{cross_entropy}}
use std.optim.{{AdamW}}
train words {{
    model     = {model}
    data      = csv(\"x.csv\", shape = [16])
    loss      = cross_entropy
    optimizer = AdamW()
    batch     = 8
    epochs    = 1
}}
"
    )
}

#[test]
fn a_decoder_is_right_in_general_and_with_its_sizes() {
    assert_eq!(check(&decoder()), "");
}

#[test]
fn the_programs_of_the_design_are_right() {
    let seeds = include_str!("seeds.blueprint");
    assert_eq!(check_with(seeds, &[]), "");
    let experiment = include_str!("experiment.blueprint");
    assert_eq!(check_with(experiment, &[("std.seeds", seeds), ("seeds", seeds)]), "");
}

#[test]
fn seeds_fit_where_they_are_used_as_layers() {
    let seeds = include_str!("seeds.blueprint");
    let source = "use std.nn.{Linear}
use seeds.{Bottleneck, Lora, MoeTop2, SwiGlu, Widen}
blueprint All {
    layer a = Lora(r = 2)
    layer b = Bottleneck(reduce = 4)
    layer c = SwiGlu()
    layer d = MoeTop2()
    layer e = Widen(units = 3)
    layer last = Linear(10)
    forward(x: f32[n, 16]) -> f32[n, 10] { e(x |> a |> b |> c |> d) |> last }
}
blueprint Fixed { forward(x: f32[n, 16]) -> f32[n, 16] { x } }
";
    let text = check_with(source, &[("seeds", seeds)]);
    // `Widen()` leaves `out` away and `last` takes any width.
    assert!(text.starts_with("E0206 "), "{text}");
}
