//! Codes of experiments.
use esper_diagnostics::CodeRecord;

pub(super) const RECORDS: &[CodeRecord] = &[
    CodeRecord {
        code: "E0603",
        title: "a feature that does not exist yet",
        explanation: "The language knows this and this version of Esper cannot do it yet. It is refused instead of being ignored.",
        wrong: "use std.hosts.{Mlp}\nuse std.losses.{cross_entropy}\nuse std.optim.{AdamW}\ntrain digits {\n    model = Mlp(10)\n    data = csv(\"digits.csv\", shape = [64])\n    loss = cross_entropy\n    optimizer = AdamW()\n    batch = 64\n    epochs = 3\n    precision = bf16\n}\n",
        right: "use std.hosts.{Mlp}\nuse std.losses.{cross_entropy}\nuse std.optim.{AdamW}\ntrain digits {\n    model = Mlp(10)\n    data = csv(\"digits.csv\", shape = [64])\n    loss = cross_entropy\n    optimizer = AdamW()\n    batch = 64\n    epochs = 3\n}\n",
    },
    CodeRecord {
        code: "E0604",
        title: "a field that does not exist",
        explanation: "A `train` has a fixed set of fields: model, data, split, normalise, augment, loss, metrics, optimizer, clip, batch, epochs, seed, precision, controls, save_every, on_nonfinite.",
        wrong: "use std.hosts.{Mlp}\nuse std.losses.{cross_entropy}\nuse std.optim.{AdamW}\ntrain digits {\n    model = Mlp(10)\n    data = csv(\"digits.csv\", shape = [64])\n    loss = cross_entropy\n    optimiser = AdamW()\n    batch = 64\n    epochs = 3\n}\n",
        right: "use std.hosts.{Mlp}\nuse std.losses.{cross_entropy}\nuse std.optim.{AdamW}\ntrain digits {\n    model = Mlp(10)\n    data = csv(\"digits.csv\", shape = [64])\n    loss = cross_entropy\n    optimizer = AdamW()\n    batch = 64\n    epochs = 3\n}\n",
    },
    CodeRecord {
        code: "E0605",
        title: "no experiment of that name",
        explanation: "The file has no `train` of the name that was asked for.",
        wrong: "",
        right: "",
    },
    CodeRecord {
        code: "E0606",
        title: "a field that is missing",
        explanation: "An experiment says its model, data, loss, optimizer, batch and epochs; the rest has defaults.",
        wrong: "use std.hosts.{Mlp}\nuse std.losses.{cross_entropy}\nuse std.optim.{AdamW}\ntrain digits {\n    model = Mlp(10)\n    data = csv(\"digits.csv\", shape = [64])\n    loss = cross_entropy\n    optimizer = AdamW()\n    epochs = 3\n}\n",
        right: "use std.hosts.{Mlp}\nuse std.losses.{cross_entropy}\nuse std.optim.{AdamW}\ntrain digits {\n    model = Mlp(10)\n    data = csv(\"digits.csv\", shape = [64])\n    loss = cross_entropy\n    optimizer = AdamW()\n    batch = 64\n    epochs = 3\n}\n",
    },
    CodeRecord {
        code: "E0607",
        title: "a field that is said twice",
        explanation: "One line for each field. In a `train b from a`, a field replaces the one of `a`.",
        wrong: "use std.hosts.{Mlp}\nuse std.losses.{cross_entropy}\nuse std.optim.{AdamW}\ntrain digits {\n    model = Mlp(10)\n    data = csv(\"digits.csv\", shape = [64])\n    loss = cross_entropy\n    optimizer = AdamW()\n    batch = 64\n    batch = 32\n    epochs = 3\n}\n",
        right: "use std.hosts.{Mlp}\nuse std.losses.{cross_entropy}\nuse std.optim.{AdamW}\ntrain digits {\n    model = Mlp(10)\n    data = csv(\"digits.csv\", shape = [64])\n    loss = cross_entropy\n    optimizer = AdamW()\n    batch = 64\n    epochs = 3\n}\n",
    },
    CodeRecord {
        code: "E0608",
        title: "an override that cannot be applied",
        explanation: "`--set path=value` names a field of the experiment (`epochs`), an argument in one (`optimizer.lr.peak`), or the last word of such a path where it is unique.",
        wrong: "",
        right: "",
    },
    CodeRecord {
        code: "E0610",
        title: "the shape of one row is not known",
        explanation: "Parameters get their sizes from the data. Where the model's input does not say them in numbers, the data must: `shape = [1, 8, 8]`.",
        wrong: "use std.hosts.{Mlp}\nuse std.losses.{cross_entropy}\nuse std.optim.{AdamW}\ntrain digits {\n    model = Mlp(10)\n    data = csv(\"digits.csv\")\n    loss = cross_entropy\n    optimizer = AdamW()\n    batch = 64\n    epochs = 3\n}\n",
        right: "use std.hosts.{Mlp}\nuse std.losses.{cross_entropy}\nuse std.optim.{AdamW}\ntrain digits {\n    model = Mlp(10)\n    data = csv(\"digits.csv\", shape = [64])\n    loss = cross_entropy\n    optimizer = AdamW()\n    batch = 64\n    epochs = 3\n}\n",
    },
    CodeRecord {
        code: "E0611",
        title: "a value that a field does not take",
        explanation: "Counts are at least 1, shares of the rows lie in [0, 1) and leave some to train with, and words are those of the field.",
        wrong: "use std.hosts.{Mlp}\nuse std.losses.{cross_entropy}\nuse std.optim.{AdamW}\ntrain digits {\n    model = Mlp(10)\n    data = csv(\"digits.csv\", shape = [64])\n    loss = cross_entropy\n    optimizer = AdamW()\n    batch = 64\n    epochs = 0\n}\n",
        right: "use std.hosts.{Mlp}\nuse std.losses.{cross_entropy}\nuse std.optim.{AdamW}\ntrain digits {\n    model = Mlp(10)\n    data = csv(\"digits.csv\", shape = [64])\n    loss = cross_entropy\n    optimizer = AdamW()\n    batch = 64\n    epochs = 3\n}\n",
    },
    CodeRecord {
        code: "E0612",
        title: "a model that has nothing to train",
        explanation: "No layer of the model has a parameter.",
        wrong: "use std.losses.{mse}\nuse std.optim.{Sgd}\nblueprint Net {\n    forward(x: f32[b, 4]) -> f32[b, 4] { x }\n}\ntrain net {\n    model = Net()\n    data = csv(\"data.csv\")\n    loss = mse\n    optimizer = Sgd()\n    batch = 8\n    epochs = 1\n}\n",
        right: "use std.losses.{mse}\nuse std.optim.{Sgd}\nblueprint Net {\n    param shift: f32[4] = zeros\n    forward(x: f32[b, 4]) -> f32[b, 4] { x + shift }\n}\ntrain net {\n    model = Net()\n    data = csv(\"data.csv\")\n    loss = mse\n    optimizer = Sgd()\n    batch = 8\n    epochs = 1\n}\n",
    },
    CodeRecord {
        code: "E0613",
        title: "not a loss or metric",
        explanation: "A loss or metric is a function of the prediction and the target that gives one number.",
        wrong: "use std.hosts.{Mlp}\nuse std.losses.{cross_entropy}\nuse std.optim.{AdamW}\ntrain digits {\n    model = Mlp(10)\n    data = csv(\"digits.csv\", shape = [64])\n    loss = cross_entropy\n    metrics = [3]\n    optimizer = AdamW()\n    batch = 64\n    epochs = 3\n}\n",
        right: "use std.hosts.{Mlp}\nuse std.losses.{cross_entropy}\nuse std.optim.{AdamW}\ntrain digits {\n    model = Mlp(10)\n    data = csv(\"digits.csv\", shape = [64])\n    loss = cross_entropy\n    optimizer = AdamW()\n    batch = 64\n    epochs = 3\n}\n",
    },
    CodeRecord {
        code: "E0614",
        title: "a model that cannot be fed",
        explanation: "A model that is trained takes one tensor whose first axis is the batch, and gives one tensor.",
        wrong: "use std.losses.{mse}\nuse std.optim.{Sgd}\nblueprint Net {\n    param shift: f32[4] = zeros\n    forward(x: f32[b, 4], y: f32[b, 4]) -> f32[b, 4] { x + y + shift }\n}\ntrain net {\n    model = Net()\n    data = csv(\"data.csv\")\n    loss = mse\n    optimizer = Sgd()\n    batch = 8\n    epochs = 1\n}\n",
        right: "use std.losses.{mse}\nuse std.optim.{Sgd}\nblueprint Net {\n    param shift: f32[4] = zeros\n    forward(x: f32[b, 4]) -> f32[b, 4] { x + shift }\n}\ntrain net {\n    model = Net()\n    data = csv(\"data.csv\")\n    loss = mse\n    optimizer = Sgd()\n    batch = 8\n    epochs = 1\n}\n",
    },
    CodeRecord {
        code: "E0699",
        title: "an experiment that could not be elaborated",
        explanation: "The check stopped without finding the reason. This is a bug of the compiler: please report it with the file.",
        wrong: "",
        right: "",
    },
];
