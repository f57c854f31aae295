//! The codes that the resolution of names raises: the long explanation of each, a file that raises it, and the same file put right.
use esper_diagnostics::CodeRecord;

/// Codes about names: declared, found, private, in the right case, used.
pub(super) const NAMES: [CodeRecord; 21] = [
    CodeRecord {
        code: "W0004",
        title: "a minus that does not go on with the line above",
        explanation: "A new line begins a new statement, unless it begins with an operator. A minus is both: with a space behind it (`- y`) it subtracts \
                      from the line above, without one (`-y`) it begins a statement of its own. Here the line above declares a name that nothing uses, \
                      so the subtraction was probably meant.",
        wrong: "fn difference(wanted: f32[n], other: f32[n]) -> f32 {\n    let loss = mean(wanted)\n    -mean(other)\n}\n",
        right: "fn difference(wanted: f32[n], other: f32[n]) -> f32 {\n    let loss = mean(wanted)\n        - mean(other)\n    loss\n}\n",
    },
    CodeRecord {
        code: "E0101",
        title: "an unknown name",
        explanation: "Nothing that can be seen from here has this name: no `let`, input, parameter, dim, layer, slot or state of the item, no item or `use` of \
                      the file, and no function of the language. A name is visible from the line below its declaration to the end of the body it stands in. \
                      Functions and layers of the standard library need a `use`.",
        wrong: "fn twice(first: f32[n]) -> f32[n] {\n    frist + first\n}\n",
        right: "fn twice(first: f32[n]) -> f32[n] {\n    first + first\n}\n",
    },
    CodeRecord {
        code: "E0102",
        title: "an unknown module",
        explanation: "`use a.b.{X}` takes `X` from the file `a/b.blueprint` in the folder of the entry file, or, where the path begins with `std`, from the \
                      standard library. There is no such file.",
        wrong: "use std.initt.{kaiming_uniform}\n\nfn filled(x: f32[o, i]) -> f32[o, i] { kaiming_uniform(x) }\n",
        right: "use std.init.{kaiming_uniform}\n\nfn filled(x: f32[o, i]) -> f32[o, i] { kaiming_uniform(x) }\n",
    },
    CodeRecord {
        code: "E0103",
        title: "`let` where a rebinding was meant",
        explanation: "`let` declares a new name; a name that exists gets a new value by `name = …`, without `let`. A second declaration inside a loop or a \
                      branch would end with it, and the name outside would keep its old value, which is never what was meant.",
        wrong: "fn doubled(x: f32[n]) -> f32[n] {\n    let h = x\n    for i in range(3) {\n        let h = h + h\n    }\n    h\n}\n",
        right: "fn doubled(x: f32[n]) -> f32[n] {\n    let h = x\n    for i in range(3) {\n        h = h + h\n    }\n    h\n}\n",
    },
    CodeRecord {
        code: "E0104",
        title: "a name declared twice in one item",
        explanation: "Inside an item one name is one thing: its parameters, dims, layers, slots, states, inputs and `let`s share their names. A dim is declared \
                      by the axis that binds it, so `f32[b, h]` takes the name `h`. Names from outside the item, functions of the language among them, may be shadowed.",
        wrong: "fn scaled(x: f32[b, h], s: float) -> f32[b, h] {\n    for s in range(2) {\n        x = x * s\n    }\n    x\n}\n",
        right: "fn scaled(x: f32[b, h], s: float) -> f32[b, h] {\n    for i in range(2) {\n        x = x * s\n    }\n    x\n}\n",
    },
    CodeRecord {
        code: "E0105",
        title: "a module without that item",
        explanation: "The file exists and declares nothing of this name. A name is taken from the file that declares it, not from one that uses it.",
        wrong: "use std.init.{kaiming_unifrom}\n\nfn filled(x: f32[o, i]) -> f32[o, i] { kaiming_unifrom(x) }\n",
        right: "use std.init.{kaiming_uniform}\n\nfn filled(x: f32[o, i]) -> f32[o, i] { kaiming_uniform(x) }\n",
    },
    CodeRecord {
        code: "E0106",
        title: "a blueprint that contains itself",
        explanation: "A blueprint's layers are made when it is made, so a blueprint that contains itself, directly or through others, would never be finished. \
                      Depth is said by an array of layers.",
        wrong: "blueprint Tree {\n    layer inner = Tree()\n\n    forward(x: f32[b, d]) -> f32[b, d] { x + inner(x) }\n}\n",
        right: "blueprint Node {\n    param scale: f32[d] = ones\n\n    forward(x: f32[b, d]) -> f32[b, d] { x * scale }\n}\n\nblueprint Tree(depth: dim = 3) {\n    \
                layer inner = [Node() ; depth]\n\n    forward(x: f32[b, d]) -> f32[b, d] { x + inner(x) }\n}\n",
    },
    CodeRecord {
        code: "W0107",
        title: "a dim that looks like a misspelt parameter",
        explanation: "A lower-case name that stands alone as an axis of an input and is no parameter binds a new dim. This one differs from a parameter by a single \
                      letter, so the axis is free where it was probably meant to be fixed.",
        wrong: "blueprint Scale(hidden: dim) {\n    param scale: f32[hidden] = ones\n\n    forward(x: f32[b, hiden]) -> f32[b, hiden, hidden] { \
                reshape(x, [b, hiden, 1]) * scale }\n}\n",
        right: "blueprint Scale(hidden: dim) {\n    param scale: f32[hidden] = ones\n\n    forward(x: f32[b, hidden]) -> f32[b, hidden] { x * scale }\n}\n",
    },
    CodeRecord {
        code: "E0108",
        title: "a private name of another file",
        explanation: "Items whose names begin with `_` are visible in their own file only.",
        wrong: "use std.init.{_bound}\n\nfn limit(x: f32[n]) -> f32[n] { _bound(x) }\n",
        right: "fn _bound(x: f32[n]) -> f32[n] { minimum(x, 1) }\n\nfn limit(x: f32[n]) -> f32[n] { _bound(x) }\n",
    },
    CodeRecord {
        code: "E0109",
        title: "a name in the wrong case",
        explanation: "Case is meaning: constants are `UPPER`, blueprints, optimizers and policies `Upper`, everything else `lower`: functions, experiments, \
                      parameters, dims, layers, slots, states and `let`s. So a reader knows what a name is without looking for its declaration.",
        wrong: "fn Double(x: f32[n]) -> f32[n] { x + x }\n\nfn four(x: f32[n]) -> f32[n] { Double(Double(x)) }\n",
        right: "fn double(x: f32[n]) -> f32[n] { x + x }\n\nfn four(x: f32[n]) -> f32[n] { double(double(x)) }\n",
    },
    CodeRecord {
        code: "E0110",
        title: "a function that calls itself",
        explanation: "Every call is inlined and every loop unrolled when the program is compiled, so a function that calls itself, directly or through others, \
                      would never end. `for` over a range repeats.",
        wrong: "fn power(x: f32[n]) -> f32[n] { x * power(x) }\n",
        right: "fn power(x: f32[n]) -> f32[n] {\n    let y = x\n    for i in range(3) {\n        y = y * x\n    }\n    y\n}\n",
    },
    CodeRecord {
        code: "E0111",
        title: "something that is defined by itself",
        explanation: "The value of a constant is found from the values it mentions, an experiment or policy from what it is derived from. Here the way leads back to its beginning.",
        wrong: "const WIDTH = 2 * HEIGHT\n\nconst HEIGHT = WIDTH / 2\n",
        right: "const WIDTH = 2 * HEIGHT\n\nconst HEIGHT = 8\n",
    },
    CodeRecord {
        code: "E0112",
        title: "two things of one name in a file",
        explanation: "The items of a file and the names it imports must differ. An import can be given another name by `as`.",
        wrong: "fn half(x: f32[n]) -> f32[n] { x / 2 }\n\nfn half(x: f32[n, m]) -> f32[n, m] { x / 2 }\n",
        right: "fn half(x: f32[n]) -> f32[n] { x / 2 }\n\nfn half_of_matrix(x: f32[n, m]) -> f32[n, m] { x / 2 }\n",
    },
    CodeRecord {
        code: "E0113",
        title: "a new value for a name that does not exist",
        explanation: "`name = …` in a body gives a new value to a name that a `let` declared above, or to an input. A name is declared by `let name = …`.",
        wrong: "fn squared(x: f32[n]) -> f32[n] {\n    y = x * x\n    y\n}\n",
        right: "fn squared(x: f32[n]) -> f32[n] {\n    let y = x * x\n    y\n}\n",
    },
    CodeRecord {
        code: "E0114",
        title: "a derivative of nothing",
        explanation: "`grad f(x, y, dy) { … }` gives the derivative of the `fn f` of the same file.",
        wrong: "fn clip(x: f32[..]) -> f32[..] { minimum(x, 1) }\n\ngrad clamp_one(x, y, dy) { dy }\n",
        right: "fn clip(x: f32[..]) -> f32[..] { minimum(x, 1) }\n\ngrad clip(x, y, dy) { dy }\n",
    },
    CodeRecord {
        code: "E0115",
        title: "a `use` that brings in nothing",
        explanation: "A `use` names what it takes from a file: `use seeds.{Lora}` or `use seeds.Lora`. The file alone brings in nothing.",
        wrong: "use std.init\n\nfn filled(x: f32[n]) -> f32[n] { x }\n",
        right: "use std.init.{kaiming_uniform}\n\nfn filled(x: f32[o, i]) -> f32[o, i] { kaiming_uniform(x) }\n",
    },
    CodeRecord {
        code: "E0116",
        title: "derived from something of another kind",
        explanation: "A policy is derived from a policy (`policy Strict from Gardener`), an experiment from an experiment (`train longer from digits`).",
        wrong: "fn calm(x: f32[n]) -> f32[n] { x }\n\npolicy Calmer from calm {\n}\n",
        right: "policy Calm {\n}\n\npolicy Calmer from Calm {\n}\n",
    },
    CodeRecord {
        code: "W0121",
        title: "a `let` that nothing uses",
        explanation: "The name is declared and never read. `_` takes the place of a name that is not needed; names that begin with `_` are not reported.",
        wrong: "fn sum_of(x: f32[n]) -> f32 {\n    let y = x * x\n    sum(x)\n}\n",
        right: "fn sum_of(x: f32[n]) -> f32 {\n    let y = x * x\n    sum(y)\n}\n",
    },
    CodeRecord {
        code: "W0122",
        title: "an import that nothing uses",
        explanation: "The name is imported and nothing in the file uses it.",
        wrong: "use std.init.{kaiming_uniform}\n\nfn double(x: f32[n]) -> f32[n] { x + x }\n",
        right: "use std.init.{kaiming_uniform}\n\nfn filled(x: f32[o, i]) -> f32[o, i] { kaiming_uniform(x) }\n",
    },
    CodeRecord {
        code: "W0123",
        title: "a layer, `param` or state that nothing uses",
        explanation: "The layer is never called, the `param` or state never read, so it would be stored and learn nothing.",
        wrong: "blueprint Shift {\n    param scale: f32[d] = ones\n    param shift: f32[d] = zeros\n\n    forward(x: f32[b, d]) -> f32[b, d] { x + shift }\n}\n",
        right: "blueprint Shift {\n    param scale: f32[d] = ones\n    param shift: f32[d] = zeros\n\n    forward(x: f32[b, d]) -> f32[b, d] { x * scale + shift }\n}\n",
    },
    CodeRecord {
        code: "W0124",
        title: "a parameter that nothing reads",
        explanation: "What is given for it changes nothing. A parameter that must be there for its place only begins with `_`.",
        wrong: "fn scaled(x: f32[n], by: float = 2) -> f32[n] { x + x }\n",
        right: "fn scaled(x: f32[n], by: float = 2) -> f32[n] { x * by }\n",
    },
];
