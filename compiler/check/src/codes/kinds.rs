//! Codes of kinds and arguments.
use esper_diagnostics::CodeRecord;

pub(super) const RECORDS: &[CodeRecord] = &[
    CodeRecord {
        code: "E0201",
        title: "a division of whole numbers that leaves a remainder",
        explanation: "Where a size is wanted, `/` between whole numbers is exact or an error: it never rounds. Say `floor(a / b)` or `ceil(a / b)`, or choose \
                      sizes that divide. Where a real number is wanted, as in `scale = 1/16`, it is the real quotient.",
        wrong: "const HALF: int = 25 / 2\n",
        right: "const HALF: int = floor(25 / 2)\n",
    },
    CodeRecord {
        code: "E0202",
        title: "an argument that is missing, unknown or given twice",
        explanation: "A call gives every parameter that has no default, each once. Positions come first, then names. A `dim` may be left out where the use of \
                      the layer fixes it; a call of a function that leaves out all its tensor inputs is a function that waits for them.",
        wrong: "use std.nn.{Linear}\nblueprint Head {\n    layer last = Linear(10, bias = false)\n    forward(x: f32[b, d]) -> f32[b, 10] { last(x) }\n}\n",
        right: "use std.nn.{Linear}\nblueprint Head {\n    layer last = Linear(10, use_bias = false)\n    forward(x: f32[b, d]) -> f32[b, 10] { last(x) }\n}\n",
    },
    CodeRecord {
        code: "E0204",
        title: "a recipe that is called",
        explanation: "`Linear(10)` is a recipe: a blueprint with arguments. It has no parameters and cannot be called. A line `layer name = Linear(10)` makes an \
                      instance of it, with parameters of its own; nothing else does, so no layers are made inside `forward`.",
        wrong: "use std.nn.{Linear}\nblueprint Head {\n    forward(x: f32[b, d]) -> f32[b, 10] { x |> Linear(10) }\n}\n",
        right: "use std.nn.{Linear}\nblueprint Head {\n    layer linear = Linear(10)\n    forward(x: f32[b, d]) -> f32[b, 10] { x |> linear }\n}\n",
    },
    CodeRecord {
        code: "E0205",
        title: "a value of another kind",
        explanation: "Every parameter has a kind: a size, a number, true or false, a text, a time, a function, an initialiser, a recipe. Few are converted: a size \
                      is an `int`, whole numbers are `float`s, a number is an initialiser and a schedule. A list where one value is wanted is no sweep: \
                      that is said with `sweep { … }`.",
        wrong: "fn scaled(x: f32[..], by: float) -> f32[..] { x * by }\nfn twice(x: f32[..]) -> f32[..] { scaled(x, by = \"2\") }\n",
        right: "fn scaled(x: f32[..], by: float) -> f32[..] { x * by }\nfn twice(x: f32[..]) -> f32[..] { scaled(x, by = 2) }\n",
    },
    CodeRecord {
        code: "E0206",
        title: "a dim that nothing determines",
        explanation: "A `dim` parameter that is left out is inferred from use: by the first equation of sizes that has it alone on one side. Here no such equation \
                      came: whatever size it had, everything that uses the layer would be right.",
        wrong: "use std.nn.{Linear}\nblueprint Head {\n    layer last = Linear()\n    forward(x: f32[b, d]) -> f32[b] { mean(last(x), axis = -1) }\n}\n",
        right: "use std.nn.{Linear}\nblueprint Head {\n    layer last = Linear(10)\n    forward(x: f32[b, d]) -> f32[b] { mean(last(x), axis = -1) }\n}\n",
    },
    CodeRecord {
        code: "E0207",
        title: "arithmetic that has no result",
        explanation: "Sizes are counted exactly, in 64 bits. A division by zero, or a number that does not fit, is no size.",
        wrong: "const STEPS = 100 % 0\n",
        right: "const STEPS = 100 % 7\n",
    },
    CodeRecord {
        code: "E0208",
        title: "an element type of another",
        explanation: "Element types are never converted silently: an `i32` tensor does not become `f32` because it meets one. `cast(x, f32)` says it. Class numbers \
                      beside scores often want `one_hot(target, classes)` instead. Numbers known to the compiler take the element type of the tensor they meet, \
                      real numbers only where that is a float type.",
        wrong: "fn off(x: f32[b], y: i32[b]) -> f32[b] { x - y }\n",
        right: "fn off(x: f32[b], y: i32[b]) -> f32[b] { x - cast(y, f32) }\n",
    },
    CodeRecord {
        code: "E0209",
        title: "another number of values",
        explanation: "`let (a, b) = …` takes apart as many values as it names.",
        wrong: "fn halves(x: f32[b, 6]) -> f32[b, 2] {\n    let (left, right) = split(x, 3, axis = -1)\n    left + right\n}\n",
        right: "fn halves(x: f32[b, 6]) -> f32[b, 3] {\n    let (left, right) = split(x, 2, axis = -1)\n    left + right\n}\n",
    },
    CodeRecord {
        code: "E0210",
        title: "a requirement that does not hold",
        explanation: "`require condition, \"why\"` in a function or blueprint says what its arguments must fulfil. It is decided as soon as the values are known, \
                      and the text behind it is the message.",
        wrong: "use std.nn.{dropout}\nfn noisy(x: f32[..]) -> f32[..] { bernoulli_mask(x) }\nfn bernoulli_mask(x: f32[..]) -> f32[..] { where(bernoulli(x, p = 1.5), x, dropout(x, 0.5)) }\n",
        right: "use std.nn.{dropout}\nfn noisy(x: f32[..]) -> f32[..] { bernoulli_mask(x) }\nfn bernoulli_mask(x: f32[..]) -> f32[..] { where(bernoulli(x, p = 0.5), x, dropout(x, 0.5)) }\n",
    },
    CodeRecord {
        code: "E0211",
        title: "a derivative with another number of values",
        explanation: "`grad f(x, y, dy)` names the tensor inputs of `f`, its output and the output's cotangent, all by position, and gives one cotangent for each \
                      float input, in their order.",
        wrong: "fn kept(x: f32[..]) -> f32[..] { round(x) }\ngrad kept(x, y, dy) { (dy, dy) }\n",
        right: "fn kept(x: f32[..]) -> f32[..] { round(x) }\ngrad kept(x, y, dy) { dy }\n",
    },
];
