//! Codes of layers, state and the evaluation of bodies.
use esper_diagnostics::CodeRecord;

pub(super) const RECORDS: &[CodeRecord] = &[
    CodeRecord {
        code: "E0402",
        title: "a parameter or layer that may not exist",
        explanation: "A `param` or `layer` with `if condition` exists only under it, so it may be used only inside an `if` on the same condition (or on one that \
                      contains it).",
        wrong: "blueprint Shift(use_bias: bool = true) {\n    param bias: f32[d] = zeros if use_bias\n    forward(x: f32[b, d]) -> f32[b, d] { x + bias }\n}\n",
        right: "blueprint Shift(use_bias: bool = true) {\n    param bias: f32[d] = zeros if use_bias\n    forward(x: f32[b, d]) -> f32[b, d] { if use_bias { x + bias } else { x } }\n}\n",
    },
    CodeRecord {
        code: "E0403",
        title: "a state that may not exist",
        explanation: "A `state` with `if condition` exists only under it, so it may be read and assigned only inside an `if` on the same condition.",
        wrong: "blueprint Centre(keep: bool = true) {\n    state middle: f32[d] = zeros if keep\n    forward(x: f32[b, d]) -> f32[b, d] { x - middle }\n}\n",
        right: "blueprint Centre(keep: bool = true) {\n    state middle: f32[d] = zeros if keep\n    forward(x: f32[b, d]) -> f32[b, d] { if keep { x - middle } else { x } }\n}\n",
    },
    CodeRecord {
        code: "E0404",
        title: "state that changes outside training",
        explanation: "State is assigned only while training: an evaluation must give the same however often it is asked. Put the assignment inside `if training { … }`.",
        wrong: "blueprint Centre {\n    state middle: f32[d] = zeros\n    forward(x: f32[b, d]) -> f32[b, d] {\n        middle := mean(x, axis = b)\n        x - middle\n    }\n}\n",
        right: "blueprint Centre {\n    state middle: f32[d] = zeros\n    forward(x: f32[b, d]) -> f32[b, d] {\n        if training { middle := mean(x, axis = b) }\n        x - middle\n    }\n}\n",
    },
    CodeRecord {
        code: "E0405",
        title: "a name that changes its type",
        explanation: "`name = …` gives a name a new value of the same type, `state := …` a state. Another type is another thing and wants a name of its own.",
        wrong: "fn total(x: f32[b, d]) -> f32[b] {\n    let h = x\n    h = sum(h, axis = -1)\n    h\n}\n",
        right: "fn total(x: f32[b, d]) -> f32[b] {\n    let h = x\n    let sums = sum(h, axis = -1)\n    sums\n}\n",
    },
    CodeRecord {
        code: "E0406",
        title: "an `if` on a tensor",
        explanation: "`if` and `for` are decided when the program is compiled. What a tensor holds is known only when it runs, and differs from element to element: \
                      between tensors it is `where(condition, a, b)`.",
        wrong: "fn leaky(x: f32[b]) -> f32[b] { if x > 0 { x } else { 0.1 * x } }\n",
        right: "fn leaky(x: f32[b]) -> f32[b] { where(x > 0, x, 0.1 * x) }\n",
    },
    CodeRecord {
        code: "E0407",
        title: "a stored shape with the batch in it",
        explanation: "Parameters and states outlive a batch, so their shapes cannot contain its size, the first axis of what a `train` feeds.",
        wrong: "use std.losses.{mse}\nuse std.optim.{Sgd}\nblueprint Memory {\n    param rows: f32[b, d] = zeros\n    forward(x: f32[b, d]) -> f32[b, d] { x + rows }\n}\ntrain memory {\n    model = Memory()\n    data = csv(\"data.csv\", shape = [4])\n    loss = mse\n    optimizer = Sgd()\n    batch = 8\n    epochs = 1\n}\n",
        right: "use std.losses.{mse}\nuse std.optim.{Sgd}\nblueprint Memory {\n    param rows: f32[d] = zeros\n    forward(x: f32[b, d]) -> f32[b, d] { x + rows }\n}\ntrain memory {\n    model = Memory()\n    data = csv(\"data.csv\", shape = [4])\n    loss = mse\n    optimizer = Sgd()\n    batch = 8\n    epochs = 1\n}\n",
    },
    CodeRecord {
        code: "E0408",
        title: "a part of a layer before its first call",
        explanation: "A layer's parameters get their shapes from the input of its first call, so they can be read only below it.",
        wrong: "use std.nn.{Linear}\nblueprint Tied {\n    layer first = Linear(8)\n    forward(x: f32[b, d]) -> f32[b, d] {\n        let w = first.weight\n        first(x) @ w\n    }\n}\n",
        right: "use std.nn.{Linear}\nblueprint Tied {\n    layer first = Linear(8)\n    forward(x: f32[b, d]) -> f32[b, d] {\n        let y = first(x)\n        y @ first.weight\n    }\n}\n",
    },
    CodeRecord {
        code: "E0409",
        title: "no initial value",
        explanation: "Every parameter and state says what it starts from: a number, or a function from the tensor to fill to its contents, such as `zeros`, \
                      `kaiming_uniform` or `trunc_normal(std = 0.02)`.",
        wrong: "blueprint Shift {\n    param bias: f32[d]\n    forward(x: f32[b, d]) -> f32[b, d] { x + bias }\n}\n",
        right: "blueprint Shift {\n    param bias: f32[d] = zeros\n    forward(x: f32[b, d]) -> f32[b, d] { x + bias }\n}\n",
    },
    CodeRecord {
        code: "E0411",
        title: "too much to unroll",
        explanation: "Loops, lists and arrays of layers are unrolled when the program is compiled. A million operations is the limit.",
        wrong: "fn twice(x: f32[b]) -> f32[b] {\n    for i in range(5000000) {\n        x = x + x\n    }\n    x\n}\n",
        right: "fn twice(x: f32[b]) -> f32[b] {\n    for i in range(5) {\n        x = x + x\n    }\n    x\n}\n",
    },
    CodeRecord {
        code: "E0412",
        title: "a condition that the sizes do not decide",
        explanation: "An `if` is decided when the program is compiled. One on the size of a batch, which differs at the end of an epoch, or on a dim that is inferred only \
                      later, cannot be.",
        wrong: "",
        right: "",
    },
    CodeRecord {
        code: "E0413",
        title: "nested too deeply",
        explanation: "Expressions, calls and layers may nest 1,200 levels deep while they are evaluated.",
        wrong: "",
        right: "",
    },
];
