//! Codes of shapes.
use esper_diagnostics::CodeRecord;

pub(super) const RECORDS: &[CodeRecord] = &[
    CodeRecord {
        code: "E0301",
        title: "a layer gets the wrong width",
        explanation: "A layer's sizes are fixed by its first call, because its parameters have them. A later call of the same layer shares those parameters, so its \
                      input must have the same sizes. Two layers of one recipe share nothing.",
        wrong: "use std.nn.{Linear}\nblueprint Twice {\n    layer first = Linear(16)\n    forward(x: f32[b, 64]) -> f32[b, 16] { x |> first |> first }\n}\n",
        right: "use std.nn.{Linear}\nblueprint Twice {\n    layer first = Linear(16)\n    layer second = Linear(16)\n    forward(x: f32[b, 64]) -> f32[b, 16] { x |> first |> second }\n}\n",
    },
    CodeRecord {
        code: "E0302",
        title: "another number of axes",
        explanation: "What is called, or the operator, is for tensors of another number of axes. A type with `..` takes any number of them.",
        wrong: "use std.nn.{Conv2d}\nblueprint Net {\n    layer conv = Conv2d(8)\n    forward(x: f32[b, 64]) -> f32[b, _] { conv(x) }\n}\n",
        right: "use std.nn.{Conv2d}\nblueprint Net {\n    layer conv = Conv2d(8)\n    forward(x: f32[b, 3, h, w]) -> f32[b, 8, h, w] { conv(x) }\n}\n",
    },
    CodeRecord {
        code: "E0303",
        title: "two dims that nobody said are equal",
        explanation: "Broadcasting is NumPy's rule on sizes that are provably equal or literally 1: axes are matched from the last one. Two different names never \
                      broadcast silently, even where they may happen to be the same number. `align(scale, x)` stands each axis of `scale` on the axis of `x` that it is.",
        wrong: "fn scaled(x: f32[b, c, h, w], s: f32[c]) -> f32[b, c, h, w] { x * s }\n",
        right: "fn scaled(x: f32[b, c, h, w], s: f32[c]) -> f32[b, c, h, w] { x * align(s, x) }\n",
    },
    CodeRecord {
        code: "E0304",
        title: "an axis that is not there",
        explanation: "An axis is given by its number, from 0, or from -1 at the end, or by the name that is it in the type. The tensor has no such axis, has several of \
                      that name, or the axis is named twice.",
        wrong: "fn total(x: f32[b, d]) -> f32[b] { sum(x, axis = 2) }\n",
        right: "fn total(x: f32[b, d]) -> f32[b] { sum(x, axis = 1) }\n",
    },
    CodeRecord {
        code: "E0305",
        title: "the result is not what was promised",
        explanation: "The type behind `->` is a promise to everyone who calls. What the body gives has another type, or cannot be seen to have this one: two different \
                      names are different sizes. `_` in the promise is whatever comes out.",
        wrong: "fn heads(x: f32[b, d]) -> f32[d, d] { x }\n",
        right: "fn heads(x: f32[b, d]) -> f32[b, d] { x }\n",
    },
    CodeRecord {
        code: "E0306",
        title: "another number of elements",
        explanation: "`reshape` keeps all elements in their order, so the product of the sizes stays; `split` into parts of given sizes uses up the axis.",
        wrong: "fn rows(x: f32[b, 6]) -> f32[b, 2, 4] { reshape(x, [b, 2, 4]) }\n",
        right: "fn rows(x: f32[b, 6]) -> f32[b, 2, 3] { reshape(x, [b, 2, 3]) }\n",
    },
    CodeRecord {
        code: "E0307",
        title: "an even kernel has no same padding",
        explanation: "The default padding of a convolution, `dilation * (kernel - 1) / 2`, keeps the size at stride 1. For an even kernel it is not whole: no symmetric \
                      padding keeps the size. Say the padding, and which size comes out.",
        wrong: "use std.nn.{Conv2d}\nblueprint Net {\n    layer conv = Conv2d(8, kernel = 4)\n    forward(x: f32[b, c, h, w]) -> f32[b, 8, _, _] { conv(x) }\n}\n",
        right: "use std.nn.{Conv2d}\nblueprint Net {\n    layer conv = Conv2d(8, kernel = 4, padding = 1)\n    forward(x: f32[b, c, h, w]) -> f32[b, 8, _, _] { conv(x) }\n}\n",
    },
    CodeRecord {
        code: "E0308",
        title: "inner sizes that differ",
        explanation: "A matrix product sums over the last axis of the left side and the last but one of the right side, a convolution over the channels: both must be \
                      the same size. Weights are often stored as [out, in] and want `transpose`.",
        wrong: "fn project(x: f32[b, i], w: f32[o, i]) -> f32[b, o] { x @ w }\n",
        right: "fn project(x: f32[b, i], w: f32[o, i]) -> f32[b, o] { x @ transpose(w) }\n",
    },
    CodeRecord {
        code: "E0309",
        title: "an axis that cannot be taken apart evenly",
        explanation: "`rearrange` takes an axis apart into letters whose sizes multiply to it, so the sizes that are given must divide it. The message names the chain of \
                      layers that led there, and the argument the size comes from.",
        wrong: "fn heads(x: f32[b, 130]) -> f32[b, 4, _] { rearrange(x, \"b (n e) -> b n e\", n = 4) }\n",
        right: "fn heads(x: f32[b, 128]) -> f32[b, 4, _] { rearrange(x, \"b (n e) -> b n e\", n = 4) }\n",
    },
    CodeRecord {
        code: "E0310",
        title: "outside of an axis",
        explanation: "A slice lies inside its axis, a window is no larger than what it slides over, and every axis is at least 1. Negative bounds count from the end.",
        wrong: "fn first(x: f32[b, 4]) -> f32[b, 6] { x[.., 0:6] }\n",
        right: "fn first(x: f32[b, 4]) -> f32[b, 2] { x[.., 0:2] }\n",
    },
    CodeRecord {
        code: "E0311",
        title: "a pattern that does not fit",
        explanation: "Patterns of `einsum` and `rearrange` are read by the compiler. Letters stand for axes and are the pattern's own; `(h d)` is one axis made of two; \
                      `..` is any number of axes. In `rearrange` both sides have the same letters; in `einsum` a letter that is missing on the right is summed.",
        wrong: "fn flat(x: f32[b, h, w]) -> f32[b, _] { rearrange(x, \"b h w -> b (h v)\") }\n",
        right: "fn flat(x: f32[b, h, w]) -> f32[b, _] { rearrange(x, \"b h w -> b (h w)\") }\n",
    },
    CodeRecord {
        code: "E0312",
        title: "an input of another size",
        explanation: "The sizes that a signature names are bound by its inputs; every other place where the name stands must have the same size, and written numbers \
                      are exactly these.",
        wrong: "use std.losses.{mse}\nfn distance(x: f32[b, 3], y: f32[b, 4]) -> f32 { mse(x, y) }\n",
        right: "use std.losses.{mse}\nfn distance(x: f32[b, 3], y: f32[b, 3]) -> f32 { mse(x, y) }\n",
    },
];
