//! The library's seeds as ordinary layers: each is the identity at birth, alive in every parameter, and as large as it says.
//! And its hosts: as large as they say, with slots that every seed of the library for their type fits.
use esper_ir::Model;
use esper_tests::fill;
use esper_tests::harness::{Trainer, floats, integers, model};

/// What a seed is tried on.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// `[b, 8]`.
    Vectors,
    /// `[b, 5, 8]`.
    Sequences,
    /// `[b, 6, 6, 5]`.
    Maps,
    /// From `[b, 8]` to `[b, 3]`.
    Pair,
}

const D: usize = 8;
const C: usize = 6;

/// Every seed with the blueprint's module, what it is tried on, and how many parameters its documentation says it has.
fn seeds() -> Vec<(&'static str, &'static str, Kind, usize)> {
    use Kind::{Maps, Pair, Sequences, Vectors};
    let (e, n, k) = (2, 2, 3);
    let vectors = [
        ("Noop", 0),
        ("Norm", 2 * D),
        ("Lora(r = 3)", 2 * D * 3),
        ("LowRank(r = 3)", 2 * D * 3 + 3),
        ("Ia3", D),
        ("Mlp(expand = 2)", 2 * e * D * D + e * D + 2 * D),
        ("Bottleneck(reduce = 4)", 2 * D * n + n + 2 * D),
        ("Bottleneck(reduce = 3)", 2 * D * 3 + 3 + 2 * D),
        ("SwiGlu(expand = 2)", 3 * e * D * D + 2 * e * D + 2 * D),
        ("GatedMlp(expand = 2)", (2 * e + 1) * D * D + (e + 1) * D + 2 * D),
        ("MoeTop2(experts = 4, expand = 2)", 4 * (D + 2 * e * D * D)),
    ];
    let maps = [
        ("Noop", 0),
        ("ChannelNorm", 2 * C),
        ("Conv1x1", C * C + 2 * C),
        ("Conv3x3", 9 * C * C + 2 * C),
        ("DoubleConv3x3", 18 * C * C + 4 * C),
        ("DilatedConv(dilation = 2)", 9 * C * C + 2 * C),
        ("DepthwiseConv(kernel = 3)", C * k * k + C * C + 2 * C),
        ("ConvBottleneck(reduce = 4)", 2 * C * n + 9 * n * n + 4 * n),
        ("SqueezeExcite(reduce = 4)", 2 * C * n + n),
        ("SpatialAttention(kernel = 3)", 2 * k * k),
    ];
    let mut all: Vec<_> = vectors.iter().map(|(text, count)| ("std.seeds", *text, Vectors, *count)).collect();
    all.extend(vectors.iter().map(|(text, count)| ("std.seeds", *text, Sequences, *count)));
    all.extend(maps.iter().map(|(text, count)| ("std.seeds", *text, Maps, *count)));
    all.push(("std.seeds", "Attention(heads = 2)", Sequences, 4 * D * D + 6 * D));
    all.push(("std.seeds", "Attention(heads = 4, causal = true)", Sequences, 4 * D * D + 6 * D));
    all.push(("std.seeds", "Widen(units = 5)", Pair, 5 * (D + 1 + 3)));
    all.push(("std.hosts", "OneMoreBlock(heads = 2)", Sequences, 12 * D * D + 13 * D));
    all
}

fn name_of(text: &str) -> &str {
    text.split('(').next().expect("a name")
}

/// Whether a blueprint of the library is born as the word says.
fn born(module: &str, name: &str, word: &str) -> bool {
    let library = esper_stdlib::module(module).expect("a module of the library");
    let at = library.find(&format!("blueprint {name}")).unwrap_or_else(|| panic!("{module} has no {name}"));
    let body = &library[at..];
    let end = body.find("\n}").expect("blueprints end");
    body[..end].contains(&format!("birth = {word}"))
}

/// A network with the seed between its layers, or without it; everything else is the same. The seed is added where it is born as zero and
/// takes the place of what it reads where it is born as the same.
fn network(kind: Kind, seed: Option<(&str, &str)>) -> Model {
    let (module, text) = seed.unwrap_or(("std.seeds", ""));
    let same = seed.is_some() && born(module, name_of(text), "same");
    let joined = |place: &str| match (seed, same) {
        (None, _) => place.to_string(),
        (Some(_), true) => format!("grown({place})"),
        (Some(_), false) => format!("{place} + grown({place})"),
    };
    let (shape, takes, first, forward) = match kind {
        Kind::Vectors => ("[4]", "b, 4", "Linear(8)", format!("let h = x |> first |> relu\n        {} |> last", joined("h"))),
        Kind::Sequences => {
            ("[5, 4]", "b, t, 4", "Linear(8)", format!("let h = x |> first |> relu\n        mean({}, axis = 1) |> last", joined("h")))
        }
        Kind::Maps => {
            ("[2, 6, 5]", "b, 2, h, w", "Conv2d(6)", format!("let g = x |> first |> relu\n        {} |> global_mean |> last", joined("g")))
        }
        Kind::Pair => {
            let added = if seed.is_some() { " + grown(h)" } else { "" };
            ("[4]", "b, 4", "Linear(8)", format!("let h = x |> first |> relu\n        last(h){added}"))
        }
    };
    let import = seed.map_or(String::new(), |_| format!("use {module}.{{{}}}\n", name_of(text)));
    let layer = seed.map_or(String::new(), |_| format!("    layer grown = {text}\n"));
    let needs = if kind == Kind::Maps { "Conv2d, Linear, global_mean, relu" } else { "Linear, relu" };
    model(
        &format!(
            "use std.losses.{{cross_entropy}}\nuse std.nn.{{{needs}}}\nuse std.optim.{{Sgd}}\n{import}\n\
             blueprint Net {{\n    layer first = {first}\n    layer last = Linear(3)\n{layer}\n    \
             forward(x: f32[{takes}]) -> f32[b, 3] {{\n        {forward}\n    }}\n}}\n\n\
             train t {{\n    model = Net()\n    data = csv(\"none.csv\", label = 0, shape = {shape})\n    split = holdout(val = 0.1)\n    \
             loss = cross_entropy\n    optimizer = Sgd(lr = 0.3)\n    batch = 8\n    epochs = 1\n    seed = 0\n}}\n"
        ),
        "t",
    )
}

const ROWS: usize = 8;

fn batch(kind: Kind, salt: u64) -> (Vec<u8>, Vec<u8>) {
    let features = match kind {
        Kind::Vectors | Kind::Pair => 4,
        Kind::Sequences => 5 * 4,
        Kind::Maps => 2 * 6 * 5,
    };
    let target: Vec<i32> = (0..ROWS as i32).map(|i| (i + salt as i32) % 3).collect();
    (floats(&fill(salt, ROWS * features, 2.0, 0.3)), integers(&target))
}

fn elements(model: &Model, number: usize) -> usize {
    model.parameters[number].ty.elements().expect("parameters have sizes")
}

/// The parameters under a path, by number.
fn under(model: &Model, path: &str) -> Vec<usize> {
    (0..model.parameters.len()).filter(|i| model.parameters[*i].path.starts_with(&format!("{path}."))).collect()
}

#[test]
fn every_seed_of_the_library_is_tried() {
    for module in ["std.seeds", "std.hosts"] {
        let library = esper_stdlib::module(module).expect("a module of the library");
        for declaration in library.split("\nblueprint ").skip(1) {
            let name: String = declaration.chars().take_while(|c| c.is_alphanumeric()).collect();
            let is_seed = born(module, &name, "zero") || born(module, &name, "same");
            assert!(is_seed || module == "std.hosts", "{module}.{name} does not say how it is born");
            let tried = seeds().iter().any(|(m, text, ..)| *m == module && name_of(text) == name);
            assert_eq!(tried, is_seed, "{module}.{name}");
        }
    }
}

#[test]
fn seeds_are_the_identity_at_birth_and_as_large_as_they_say() {
    for (module, text, kind, parameters) in seeds() {
        let (plain, grown) = (network(kind, None), network(kind, Some((module, text))));
        let counted: usize = under(&grown, "grown").into_iter().map(|i| elements(&grown, i)).sum();
        assert_eq!(counted, parameters, "{text}");
        let mut without = Trainer::new(&plain, ROWS, 1, 3);
        let mut with = Trainer::new(&grown, ROWS, 1, 3);
        let (features, target) = batch(kind, 5);
        assert_eq!(without.evaluate(&features, &target), with.evaluate(&features, &target), "{text} in evaluation");
        assert_eq!(without.step(1, &features, &target), with.step(1, &features, &target), "{text} in training");
        // and the network around it does not feel it either
        for path in ["first", "last"] {
            for (a, b) in under(&plain, path).into_iter().zip(under(&grown, path)) {
                assert_eq!(plain.parameters[a].path, grown.parameters[b].path);
                let count = elements(&plain, a);
                let (expected, found) = (without.gradient(a, count), with.gradient(b, count));
                assert!(expected.iter().any(|g| *g != 0.0), "{}", plain.parameters[a].path);
                for (i, (x, y)) in expected.iter().zip(&found).enumerate() {
                    assert!((x - y).abs() <= 1e-6, "{text}: gradient of {}[{i}] is {y}, without it {x}", plain.parameters[a].path);
                }
            }
        }
    }
}

#[test]
fn every_parameter_of_a_seed_is_alive_from_birth() {
    for (module, text, kind, _) in seeds() {
        let grown = network(kind, Some((module, text)));
        let mut trainer = Trainer::new(&grown, ROWS, 1, 3);
        let own = under(&grown, "grown");
        let before: Vec<Vec<f32>> = own.iter().map(|i| trainer.parameter(*i, elements(&grown, *i))).collect();
        for step in 1..=3 {
            let (features, target) = batch(kind, u64::from(step));
            let loss = trainer.step(step, &features, &target);
            assert!(loss.is_finite(), "{text}");
        }
        for (number, before) in own.into_iter().zip(before) {
            let after = trainer.parameter(number, before.len());
            let path = &grown.parameters[number].path;
            assert!(after.iter().all(|x| x.is_finite()), "{text}: {path}");
            assert_ne!(before, after, "{text}: {path} is dead");
        }
    }
}

/// An experiment with a host, its `grow` lines, and the shape of its features.
fn experiment(imports: &str, host: &str, shape: &str, lines: &str) -> Model {
    model(
        &format!(
            "use std.losses.{{cross_entropy}}\nuse std.optim.{{Sgd}}\n{imports}\n\
             train t {{\n    model = {host}\n    data = csv(\"none.csv\", label = 0, shape = {shape})\n    split = holdout(val = 0.1)\n    \
             loss = cross_entropy\n    optimizer = Sgd(lr = 0.1)\n    batch = 8\n    epochs = 30\n    seed = 0\n{lines}}}\n"
        ),
        "t",
    )
}

#[test]
fn hosts_are_as_large_as_they_say() {
    let hosts = [
        ("CnnHost", "CnnHost(10)", "[3, 8, 8]", 6418),
        ("ImpairedCnnHost", "ImpairedCnnHost(10)", "[3, 8, 8]", 77),
        ("ResNet20", "ResNet20()", "[3, 32, 32]", 272_474),
        ("Mlp", "Mlp(10, hidden = 16)", "[64]", 64 * 16 + 16 + 16 * 10 + 10),
    ];
    for (name, host, shape, parameters) in hosts {
        let model = experiment(&format!("use std.hosts.{{{name}}}"), host, shape, "");
        let counted: usize = (0..model.parameters.len()).map(|i| elements(&model, i)).sum();
        assert_eq!(counted, parameters, "{host}");
    }
    let model = decoder("");
    let counted: usize = (0..model.parameters.len()).map(|i| elements(&model, i)).sum();
    assert_eq!(counted, 3_225_665, "Gpt(65)");
}

/// A decoder that is fed numbers of tokens as floats, as the rows of a CSV file are.
fn decoder(lines: &str) -> Model {
    let imports = "use std.hosts.{Gpt, OneMoreBlock}
use std.seeds.{Attention, Bottleneck, GatedMlp, Ia3, Lora, LowRank, Mlp, MoeTop2, Noop, Norm, SwiGlu, Widen}
use std.policies.{Gardener}

blueprint Tokens {
    layer gpt = Gpt(65)

    forward(x: f32[b, t]) -> f32[b, 65] { mean(gpt(cast(x, i32)), axis = 1) }
}
";
    experiment(imports, "Tokens()", "[128]", lines)
}

/// For each slot: its path and how many candidates fit.
fn fitting(model: &Model) -> Vec<(&str, usize)> {
    model.slots.iter().map(|slot| (slot.path.as_str(), slot.seeds.len())).collect()
}

#[test]
fn every_seed_fits_the_slots_of_the_hosts_for_its_type_under_every_policy() {
    let policies: Vec<String> = {
        let library = esper_stdlib::module("std.policies").expect("a module of the library");
        library.split("\npolicy ").skip(1).map(|p| p.chars().take_while(|c| c.is_alphanumeric()).collect()).collect()
    };
    assert!(policies.len() >= 5, "{policies:?}");
    let maps =
        "ChannelNorm, Conv1x1, Conv3x3, ConvBottleneck, DepthwiseConv, DilatedConv, DoubleConv3x3, Noop, SpatialAttention, SqueezeExcite";
    for policy in &policies {
        for host in ["ImpairedCnnHost(10)", "CnnHost(10)"] {
            let imports = format!("use std.hosts.{{{}}}\nuse std.policies.{{{policy}}}\nuse std.seeds.{{{maps}}}", name_of(host));
            let lines = format!("    grow after1, after2, after3 from [{maps}] by {policy}\n");
            let model = experiment(&imports, host, "[3, 8, 8]", &lines);
            assert_eq!(fitting(&model), [("after1", 10), ("after2", 10), ("after3", 10)], "{host} by {policy}");
            assert_eq!(model.policies.iter().map(|p| &p.name).collect::<Vec<_>>(), [policy]);
        }
    }
    let vectors = "Bottleneck, GatedMlp, Ia3, Lora, LowRank, Mlp, MoeTop2, Noop, Norm, SwiGlu";
    let model = decoder(&format!(
        "    grow gpt.blocks.mid from [Attention, {vectors}] by Gardener\n    grow gpt.blocks.wide from [Widen] by Gardener\n    \
         grow gpt.deeper from [OneMoreBlock] by Gardener\n"
    ));
    let fit = fitting(&model);
    assert_eq!(fit.len(), 9);
    for (path, count) in fit {
        assert_eq!(count, if path.ends_with("mid") { 11 } else { 1 }, "{path}");
    }
    let imports = format!("use std.hosts.{{Mlp as Host}}\nuse std.policies.{{Gardener}}\nuse std.seeds.{{{vectors}, Widen}}");
    let lines = format!("    grow mid from [{vectors}] by Gardener\n    grow wide from [Widen] by Gardener\n");
    assert_eq!(fitting(&experiment(&imports, "Host(10)", "[64]", &lines)), [("mid", 10), ("wide", 1)]);
}

#[test]
fn the_blueprints_of_the_guide_to_growth_are_right() {
    let guide = std::fs::read_to_string(esper_tests::root().join("docs/growth.md")).expect("the guide is in the repository");
    let blocks: Vec<&str> = guide.split("```blueprint\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(blocks.len() >= 4);
    for block in blocks {
        let mut session = esper_driver::Session::new();
        let loaded = session.load_text("guide.blueprint", block, std::path::Path::new("."));
        let inputs = loaded.inputs();
        let found = esper_check::problems(&loaded.problems, &esper_check::names::resolve(&inputs));
        let shown = esper_diagnostics::render(&found, &loaded.sources, esper_diagnostics::Format::Human, false);
        assert!(found.is_empty(), "{block}\n{shown}");
    }
}
