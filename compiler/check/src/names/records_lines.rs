//! The codes about the order of arguments and about lines: where they belong, what they do, what their body gives.
use esper_diagnostics::CodeRecord;

/// Codes about arguments and lines.
pub(super) const LINES: [CodeRecord; 11] = [
    CodeRecord {
        code: "E0203",
        title: "an argument by position after one by name",
        explanation: "Arguments by position come first, in the order of the parameters; behind the first argument by name all are by name. Otherwise a reader would have to count.",
        wrong: "fn line(x: f32[n], slope: float, offset: float) -> f32[n] { x * slope + offset }\n\nfn steep(x: f32[n]) -> f32[n] { line(x, slope = 2, 1) }\n",
        right: "fn line(x: f32[n], slope: float, offset: float) -> f32[n] { x * slope + offset }\n\nfn steep(x: f32[n]) -> f32[n] { line(x, slope = 2, offset = 1) }\n",
    },
    CodeRecord {
        code: "E0420",
        title: "a declaration that does not belong here",
        explanation: "`param`, `layer`, `slot` and `forward` belong in a blueprint, `update` in an optimizer, `state` in either. Code (functions, `forward`, `update`) \
                      is run again and again, so it makes none of them: it uses what the blueprint declares, and declares with `let`.",
        wrong: "fn scaled(x: f32[b, d]) -> f32[b, d] {\n    param scale: f32[d] = ones\n    x * scale\n}\n",
        right: "blueprint Scaled {\n    param scale: f32[d] = ones\n\n    forward(x: f32[b, d]) -> f32[b, d] { x * scale }\n}\n",
    },
    CodeRecord {
        code: "E0421",
        title: "a statement outside code",
        explanation: "`let`, `for`, `:=` and expressions are steps of a computation and stand in `forward`, `update` and functions. A blueprint or optimizer declares; \
                      a policy or experiment has fields.",
        wrong: "blueprint Scaled {\n    param scale: f32[d] = ones\n    let factor = 2\n\n    forward(x: f32[b, d]) -> f32[b, d] { x * scale }\n}\n",
        right: "blueprint Scaled {\n    param scale: f32[d] = ones\n\n    forward(x: f32[b, d]) -> f32[b, d] {\n        let factor = 2\n        x * scale * factor\n    }\n}\n",
    },
    CodeRecord {
        code: "E0422",
        title: "a line of another item",
        explanation: "`grow` and `sweep` belong in a `train`, rules (`prune when …`) in a policy.",
        wrong: "policy Eager {\n    sweep {\n        seed = range(3)\n    }\n}\n",
        right: "policy Eager {\n    prune when grad_ratio < 0.01\n}\n",
    },
    CodeRecord {
        code: "E0423",
        title: "a field where there are none",
        explanation: "A blueprint has one field, `birth`; an optimizer has none. What a user of it may change is a parameter with a default.",
        wrong: "blueprint Scaled {\n    width = 4\n    param scale: f32[d] = ones\n\n    forward(x: f32[b, d]) -> f32[b, d] { x * scale }\n}\n",
        right: "blueprint Scaled(by: float = 4) {\n    param scale: f32[d] = ones\n\n    forward(x: f32[b, d]) -> f32[b, d] { x * scale * by }\n}\n",
    },
    CodeRecord {
        code: "E0424",
        title: "a blueprint without `forward`, or an optimizer without `update`",
        explanation: "`forward` says what a blueprint computes, `update` what an optimizer does to a parameter. Without it there is nothing to run.",
        wrong: "blueprint Scaled {\n    param scale: f32[4] = ones\n}\n",
        right: "blueprint Scaled {\n    param scale: f32[4] = ones\n\n    forward(x: f32[b, 4]) -> f32[b, 4] { x * scale }\n}\n",
    },
    CodeRecord {
        code: "E0425",
        title: "two `forward`s or two `update`s",
        explanation: "A blueprint computes one thing. What differs between training and evaluation is said by `if training { … } else { … }`.",
        wrong: "blueprint Same {\n    forward(x: f32[b, d]) -> f32[b, d] { x }\n    forward(x: f32[b, d]) -> f32[b, d] { x + x }\n}\n",
        right: "blueprint Same {\n    forward(x: f32[b, d]) -> f32[b, d] { if training { x } else { x + x } }\n}\n",
    },
    CodeRecord {
        code: "E0426",
        title: "a body without a value",
        explanation: "The value of a body is its last expression; there is no `return`. An `if` that is a value needs an `else`, and both branches need a value.",
        wrong: "fn double(x: f32[n]) -> f32[n] {\n    let y = x + x\n}\n",
        right: "fn double(x: f32[n]) -> f32[n] {\n    let y = x + x\n    y\n}\n",
    },
    CodeRecord {
        code: "E0427",
        title: "a line without effect",
        explanation: "The last expression of a body is its value; every other line must do something: declare, rebind, assign or require. The value of this line is used by nothing.",
        wrong: "fn double(x: f32[n]) -> f32[n] {\n    x * x\n    x + x\n}\n",
        right: "fn double(x: f32[n]) -> f32[n] {\n    let y = x * x\n    x + y\n}\n",
    },
    CodeRecord {
        code: "E0428",
        title: "something that `=` cannot give a new value",
        explanation: "`=` rebinds an input or what a `let` declared. A state is assigned by `:=`, a `param` by the optimizer alone; parameters, dims and loop variables are fixed, and \
                      tensors are values: one with other elements is a new tensor.",
        wrong: "blueprint Counter {\n    state count: f32 = zeros\n\n    forward(x: f32[b, d]) -> f32[b, d] {\n        if training {\n            count = count + 1\n        }\n        x * count\n    }\n}\n",
        right: "blueprint Counter {\n    state count: f32 = zeros\n\n    forward(x: f32[b, d]) -> f32[b, d] {\n        if training {\n            count := count + 1\n        }\n        x * count\n    }\n}\n",
    },
    CodeRecord {
        code: "E0429",
        title: "`:=` for something that is no state",
        explanation: "`:=` assigns a state of the blueprint or optimizer, which keeps its value from step to step. A name declared by `let` is rebound by `=`.",
        wrong: "fn double(x: f32[n]) -> f32[n] {\n    let y = x\n    y := y + x\n    y\n}\n",
        right: "fn double(x: f32[n]) -> f32[n] {\n    let y = x\n    y = y + x\n    y\n}\n",
    },
];
