//! Against PyTorch: values and gradients of the library's layers, and whole hosts over 20 training steps.
//! The other side was recorded by `tests/reference/record.py`.
use esper_ir::{DType, Input, OutputKind, Tensor, interpret};
use esper_passes::differentiate;
use esper_tests::harness::{Trainer, floats, integers, model};
use esper_tests::{fill, root};
use serde_json::Value;

fn recorded(file: &str) -> Value {
    let text = std::fs::read_to_string(root().join("tests/reference").join(file)).expect("the recorded values are in the repository");
    serde_json::from_str(&text).expect("they are JSON")
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(|v| v.as_f64().expect("a number")).collect()
}

fn sizes(value: &Value) -> Vec<usize> {
    numbers(value).into_iter().map(|n| n as usize).collect()
}

fn close(what: &str, ours: &[f64], theirs: &[f64], tolerance: f64) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    let scale = theirs.iter().fold(1e-3f64, |m, v| m.max(v.abs()));
    for (i, (a, b)) in ours.iter().zip(theirs).enumerate() {
        assert!((a - b).abs() <= tolerance * scale, "{what}[{i}]: {a} here, {b} in PyTorch (largest {scale})");
    }
}

/// `[b, 4, 7, 6]` for `[2, 4, 7, 6]`.
fn with_batch(shape: &[usize]) -> String {
    let rest: String = shape[1..].iter().map(|n| format!(", {n}")).collect();
    format!("f32[b{rest}]")
}

fn program_of(layer: &Value, x: &[usize], y: &[usize]) -> String {
    let source = layer["source"].as_str().expect("a source");
    let name: String = source.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    let library = esper_stdlib::module("std.nn").expect("std.nn");
    let declared = library.contains(&format!("fn {name}(")) || library.contains(&format!("blueprint {name}"));
    let import = if declared { format!("use std.nn.{{{name}}}\n") } else { String::new() };
    let is_layer = name.starts_with(char::is_uppercase);
    let (layer_line, call) = if is_layer { (format!("    layer subject = {source}\n"), "subject(x)") } else { (String::new(), source) };
    let features: Vec<String> = x[1..].iter().map(usize::to_string).collect();
    format!(
        "{import}use std.optim.{{Sgd}}\n\nblueprint Host {{\n{layer_line}    param gain: f32 = ones\n\n    forward(x: {}) -> {} {{ gain * {call} }}\n}}\n\n\
         fn weighted(y: f32[..], target: f32[..]) -> f32 {{ sum(y * target) }}\n\n\
         train t {{\n    model = Host()\n    data = csv(\"none.csv\", label = 0, shape = [{}])\n    split = holdout(val = 0.1)\n    \
         loss = weighted\n    optimizer = Sgd(lr = 0.1)\n    batch = {}\n    epochs = 1\n    seed = 0\n}}\n",
        with_batch(x),
        with_batch(y),
        features.join(", "),
        x[0]
    )
}

#[test]
fn layers_and_their_gradients_agree() {
    let recorded = recorded("layers.json");
    for layer in recorded["layers"].as_array().expect("layers") {
        let name = layer["name"].as_str().expect("a name");
        let inputs = layer["inputs"].as_array().expect("inputs");
        let shapes: Vec<Vec<usize>> = inputs.iter().map(|i| sizes(&i["shape"])).collect();
        let values: Vec<Vec<f32>> = inputs
            .iter()
            .zip(&shapes)
            .enumerate()
            .map(|(i, (input, shape))| fill(i as u64 + 1, shape.iter().product(), input["scale"].as_f64().expect("a scale"), 0.0))
            .collect();
        let y = sizes(&layer["output"]["shape"]);
        let direction = fill(99, y.iter().product(), 1.0, 0.0);
        let model = model(&program_of(layer, &shapes[0], &y), "t");
        // besides the layer's own parameters the host has one, a factor of 1: an experiment must have something to train
        let numbers_of: Vec<usize> = inputs[1..]
            .iter()
            .map(|i| {
                let path = format!("subject.{}", i["path"].as_str().expect("a path"));
                model.parameters.iter().position(|p| p.path == path).unwrap_or_else(|| panic!("{name} has no {path}"))
            })
            .collect();
        let gain = model.parameters.iter().position(|p| p.path == "gain").expect("the host's factor");
        assert_eq!(model.parameters.len(), numbers_of.len() + 1, "{name}");

        // the language and the derivatives, in float64
        let mut graph = model.train.bind(&|s| (s == esper_ir::BATCH).then_some(shapes[0][0] as i64)).expect("binds");
        let mut wrt = vec![graph.input(Input::Feature(0), bound(&model.features[0], shapes[0][0]), Default::default())];
        for i in &numbers_of {
            let p = &model.parameters[*i];
            wrt.push(graph.input(Input::Parameter(*i), p.ty.clone(), p.span));
        }
        let loss = graph.output(OutputKind::Loss).expect("a loss");
        for (i, gradient) in differentiate(&mut graph, loss, &wrt).expect("differentiable").into_iter().enumerate() {
            graph.add_output(OutputKind::Gradient(i), gradient.expect("every input matters"));
        }
        let tensor = |values: &[f32], shape: &[usize]| Tensor {
            dtype: DType::F32,
            shape: shape.to_vec(),
            data: values.iter().map(|v| f64::from(*v)).collect(),
        };
        let feed = |input: &Input| match input {
            Input::Feature(0) => Some(tensor(&values[0], &shapes[0])),
            Input::Parameter(i) if *i == gain => Some(tensor(&[1.0], &[])),
            Input::Parameter(i) => numbers_of.iter().position(|n| n == i).map(|k| tensor(&values[k + 1], &shapes[k + 1])),
            Input::Target => Some(tensor(&direction, &y)),
            Input::State(i) => {
                let ty = &model.states[*i].ty;
                let count = ty.elements().expect("concrete");
                let value = if model.states[*i].path.ends_with("var") { 1.0 } else { 0.0 };
                Some(Tensor { dtype: DType::F32, shape: ty.sizes().expect("concrete"), data: vec![value; count] })
            }
            _ => None,
        };
        let results = interpret(&graph, &feed, 0, 1).expect("interprets");
        let result = |kind: &OutputKind| &results.iter().find(|(k, _)| k == kind).expect("an output").1.data;
        close(name, result(&OutputKind::Prediction), &numbers(&layer["output"]["values"]), 2e-6);
        for (i, gradient) in layer["gradients"].as_array().expect("gradients").iter().enumerate() {
            close(&format!("{name}, gradient of {}", inputs[i]["path"]), result(&OutputKind::Gradient(i)), &numbers(gradient), 1e-5);
        }

        // the compiled program, in float32
        let mut trainer = Trainer::new(&model, shapes[0][0], 2, 0);
        for (k, number) in numbers_of.iter().enumerate() {
            trainer.set_parameter(*number, &values[k + 1]);
        }
        trainer.step(1, &floats(&values[0]), &floats(&direction));
        for (k, number) in numbers_of.iter().enumerate() {
            let gradient: Vec<f64> = trainer.gradient(*number, values[k + 1].len()).into_iter().map(f64::from).collect();
            close(
                &format!("{name}, compiled gradient of {}", model.parameters[*number].path),
                &gradient,
                &numbers(&layer["gradients"][k + 1]),
                1e-5,
            );
        }
    }
}

fn bound(ty: &esper_ir::TensorType, rows: usize) -> esper_ir::TensorType {
    let mut ty = ty.clone();
    ty.shape[0] = esper_ir::Dim::from(rows);
    ty
}

/// The digits in the order of the file, as the words of batches of 64.
fn digits() -> (Vec<f32>, Vec<i32>) {
    let file = root().join("examples/data/digits.csv.gz");
    let output = std::process::Command::new("gzip").args(["-dc"]).arg(file).output().expect("gzip is on every system the tests run on");
    let text = String::from_utf8(output.stdout).expect("digits are text");
    let (mut features, mut labels) = (vec![], vec![]);
    for line in text.lines() {
        let cells: Vec<f32> = line.split(',').map(|c| c.parse().expect("a number")).collect();
        features.extend(cells[..64].iter().map(|v| v / 16.0));
        labels.push(cells[64] as i32);
    }
    (features, labels)
}

fn host_source(host: &str, optimizer: &str) -> String {
    let (model, shape) = if host == "mlp" { ("Mlp(10)", "[64]") } else { ("CnnHost(10)", "[1, 8, 8]") };
    let import = if host == "mlp" { "Mlp" } else { "CnnHost" };
    let rule = if optimizer == "sgd" { "Sgd(lr = 0.01, momentum = 0.9)" } else { "AdamW(lr = 1e-3, weight_decay = 0.01)" };
    format!(
        "use std.hosts.{{{import}}}\nuse std.losses.{{cross_entropy}}\nuse std.optim.{{{}}}\n\ntrain t {{\n    model = {model}\n    \
         data = csv(\"none.csv\", label = 64, shape = {shape})\n    split = holdout(val = 0.1)\n    loss = cross_entropy\n    \
         optimizer = {rule}\n    batch = 64\n    epochs = 1\n    seed = 0\n}}\n",
        rule.split('(').next().expect("a name")
    )
}

#[test]
fn whole_hosts_train_alike_for_twenty_steps() {
    let (features, labels) = digits();
    for run in recorded("training.json")["runs"].as_array().expect("runs") {
        let (host, optimizer) = (run["host"].as_str().expect("host"), run["optimizer"].as_str().expect("optimizer"));
        let what = format!("{host} with {optimizer}");
        let model = model(&host_source(host, optimizer), "t");
        let mut trainer = Trainer::new(&model, 64, 2, 0);
        for given in run["parameters"].as_array().expect("parameters") {
            let path = given["path"].as_str().expect("a path");
            let number = model.parameters.iter().position(|p| p.path == path).unwrap_or_else(|| panic!("{what}: no parameter `{path}`"));
            let count = model.parameters[number].ty.elements().expect("concrete");
            let values = fill(
                given["salt"].as_u64().expect("salt"),
                count,
                given["scale"].as_f64().expect("scale"),
                given["shift"].as_f64().expect("shift"),
            );
            trainer.set_parameter(number, &values);
        }
        assert_eq!(run["parameters"].as_array().map(Vec::len), Some(model.parameters.len()), "{what}");
        let batch = |k: usize| (floats(&features[4096 * k..4096 * (k + 1)]), integers(&labels[64 * k..64 * (k + 1)]));
        for (step, loss) in numbers(&run["losses"]).into_iter().enumerate() {
            let (x, y) = batch(step);
            let ours = f64::from(trainer.step(step as u32 + 1, &x, &y));
            println!("{what}, step {}: {:.1e}", step + 1, (ours - loss).abs() / loss.abs());
            assert!((ours - loss).abs() <= 1e-5 * loss.abs(), "{what}, step {}: {ours} here, {loss} in PyTorch", step + 1);
        }
        let (x, y) = batch(22);
        let (ours, theirs) = (f64::from(trainer.evaluate(&x, &y)), run["eval_loss"].as_f64().expect("a number"));
        assert!((ours - theirs).abs() <= 2e-5 * theirs.abs(), "{what}, in evaluation: {ours} here, {theirs} in PyTorch");
        for (path, values) in run["states"].as_object().expect("states") {
            let number = model.states.iter().position(|s| s.path == *path).unwrap_or_else(|| panic!("{what}: no state `{path}`"));
            let theirs = numbers(values);
            let ours: Vec<f64> = trainer.state(number, theirs.len()).into_iter().map(f64::from).collect();
            close(&format!("{what}, {path}"), &ours, &theirs, 2e-5);
        }
        for (path, sums) in run["sums"].as_object().expect("sums") {
            let number = model.parameters.iter().position(|p| p.path == *path).expect("checked above");
            let values = trainer.parameter(number, model.parameters[number].ty.elements().expect("concrete"));
            let squares: f64 = values.iter().map(|v| f64::from(*v).powi(2)).sum();
            close(&format!("{what}, squares of {path}"), &[squares], &[numbers(sums)[1]], 1e-5);
        }
    }
}
