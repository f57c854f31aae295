//! A grown network is written as source: the text is in the standard layout, passes the check, and computes what the run's network computes.
use esper_driver::{Artifact, ExportOptions, Exported, Member, Session, export};
use esper_ir::{Initialiser, Join, Part, Planting, RampKind};
use esper_policy::Ramp;
use esper_tests::root;
use esper_train::growth::{Boost, Change, Effected, Growth};
use esper_train::{FinishedRun, Outcome, RunOptions, Weights, predict, train};
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// Blocks with two slots each, a slot behind them, and one seed of its own.
const TOWER: &str = r#"//! A tower of blocks that may grow one by one.
use std.losses.{accuracy, cross_entropy}
use std.nn.{LayerNorm, Linear, relu}
use std.optim.{AdamW}
use std.policies.{FixedSchedule}
use std.seeds.{Bottleneck, Ia3, Lora, Mlp, Norm, Widen}

/// How much wider a block is inside.
const EXPAND = 2

/// What takes the place of its input.
blueprint Turn(gain: float = 1) {
    birth = same
    layer map = Linear(d, use_bias = false, weight_init = zeros)

    forward(x: f32[.., d]) -> f32[.., d] { x + gain * map(x) }
}

/// A residual block.
blueprint Block(expand: dim = EXPAND) {
    layer norm = LayerNorm()
    layer up = Linear(expand * d)
    slot mid                                   // between the two
    layer down = Linear(d)
    slot wide

    forward(x: f32[b, d]) -> f32[b, d] {
        let z = norm(x)
        x + wide(z |> up |> relu |> mid |> down, from = z)
    }
}

blueprint Tower(classes: dim, depth: dim = 3) {
    layer first = Linear(12)
    layer blocks = [Block() ; depth]
    slot deeper
    layer last = Linear(classes)

    forward(x: f32[b, 64]) -> f32[b, classes] { x |> first |> blocks |> deeper |> last }
}

train tower {
    model     = Tower(10)
    data      = csv("data/digits.csv.gz", label = 64, scale = 1/16)
    split     = holdout(val = 0.2, seed = 1)
    normalise = global
    loss      = cross_entropy
    metrics   = [accuracy]
    optimizer = AdamW(lr = 1e-2)
    batch     = 64
    epochs    = 3
    grow blocks.mid from [Norm, Bottleneck(reduce = 4), Turn(gain = 0.5)] by FixedSchedule
    grow blocks.wide from [Widen(units = 4), Lora(r = 2)] by FixedSchedule
    grow deeper from [Turn, Mlp(expand = 1), Ia3] by FixedSchedule
}
"#;

fn built(name: &str, text: &str) -> Artifact {
    let elaborated = Session::new().elaborate_text(name, text, Path::new(""), None, &[]).unwrap_or_else(|e| panic!("{e}\n{text}"));
    elaborated.lower().unwrap_or_else(|e| panic!("{e}"))
}

fn run(artifact: &Artifact, runs: &Path, data: &Path, growth: Growth) -> Outcome {
    let device = esper_device::open("cpu:1").expect("a processor");
    let bytes = artifact.to_bytes().expect("an artifact");
    let options = RunOptions {
        runs: runs.to_path_buf(),
        data_folder: Some(data.to_path_buf()),
        resume: None,
        device: &*device,
        artifact: &bytes,
        interrupt: &AtomicBool::new(false),
        log_every: 0,
        stop_at_step: None,
        growth,
    };
    train(&artifact.model, &options, &mut ()).unwrap_or_else(|e| panic!("{e}"))
}

/// Which slot of a model, which of its candidates, and how it is joined.
fn planting(artifact: &Artifact, id: u32, slot: &str, seed: &str, join: Join) -> Planting {
    let model = &artifact.model;
    let number = model.slots.iter().position(|s| s.path == slot).unwrap_or_else(|| panic!("no slot {slot}"));
    let candidate = model.slots[number].seeds.iter().copied().find(|s| model.seeds[*s].text == seed);
    Planting { id, slot: number, seed: candidate.unwrap_or_else(|| panic!("no {seed} in {slot}")), part: Part::Joined, join, opened: false }
}

/// A log in which seeds are planted after step 4 and count at once; those with an α for good are integrated after step 24.
fn log(artifact: &Artifact, seeds: &[(&str, &str, Join, f64, bool)]) -> Vec<Effected> {
    let (mut first, mut then) = (vec![], vec![]);
    for (number, (slot, seed, join, alpha, fossil)) in seeds.iter().enumerate() {
        let id = number as u32 + 1;
        first.push(Change::Plant {
            planting: planting(artifact, id, slot, seed, *join),
            boost: Boost::NONE,
            zeroed: vec![],
            initialiser: Initialiser::ZeroLast,
        });
        first.push(Change::Ramp { id, ramp: Ramp::new(0.0, *alpha, 4, 5, RampKind::Linear) });
        if *fossil {
            then.push(Change::Integrate { id, alpha: *alpha, born: 4 });
        }
    }
    vec![Effected { step: 4, changes: first }, Effected { step: 24, changes: then }]
}

/// The network of a run's last checkpoint as text and weights in a folder, checked; gives the text.
fn written(outcome: &Outcome, artifact: &Artifact, folder: &Path) -> Exported {
    let finished = FinishedRun::open(&outcome.folder, "last").expect("a run");
    let manifest = finished.manifest();
    let members = manifest.growth.members(manifest.progress.step).into_iter();
    let members: Vec<Member> = members.map(|m| Member { planting: m.planting, alpha: m.alpha, fossil: m.fossil }).collect();
    let options = ExportOptions { weights: "net.safetensors", data_path: &|path| path.to_string() };
    let exported = export(artifact, &members, &options).unwrap_or_else(|e| panic!("{e}: {e:?}"));
    assert_eq!(esper_grammar::format(&exported.text).expect("readable"), exported.text);
    let mut weights = finished.weights();
    weights.tensors = weights
        .tensors
        .into_iter()
        .filter_map(|mut t| {
            t.name = exported.path(&t.name)?;
            Some(t)
        })
        .collect();
    std::fs::write(folder.join("net.safetensors"), weights.to_bytes().expect("bytes")).expect("written");
    std::fs::write(folder.join("net.blueprint"), &exported.text).expect("written");
    exported
}

/// What a network predicts for some rows.
fn predictions(network: &FinishedRun, artifact: &Artifact, rows: &Path) -> Vec<f64> {
    let device = esper_device::open("cpu:1").expect("a processor");
    let mut csv = vec![];
    predict(network, &artifact.model, &*device, rows, &mut csv).unwrap_or_else(|e| panic!("{e}"));
    let text = String::from_utf8(csv).expect("text");
    text.lines().skip(1).flat_map(|l| l.split(',').map(|n| n.parse::<f64>().expect("a number"))).collect()
}

/// The run's network and the exported one, on the same rows.
fn same(outcome: &Outcome, artifact: &Artifact, folder: &Path) {
    let rows = root().join("examples/data/digits.csv.gz");
    let own = predictions(&FinishedRun::open(&outcome.folder, "last").expect("a run"), artifact, &rows);
    let read = Session::new().build(&folder.join("net.blueprint"), None, &[]).unwrap_or_else(|e| panic!("{e}"));
    let start = FinishedRun::of_start(&read.model, folder).unwrap_or_else(|e| panic!("{e}")).expect("a start");
    let new = predictions(&start, &read, &rows);
    assert_eq!(own.len(), new.len());
    let worst = own.iter().zip(&new).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(worst <= 1e-6, "the exported network differs by {worst}");
    assert!(own.len() > 1000);
}

#[test]
fn every_block_of_an_array_is_written_as_it_grew() {
    let folder = tempfile::tempdir().expect("a folder");
    let artifact = built("tower.blueprint", TOWER);
    // The first and the last block grow alike, the one between in another way; two seeds in one slot; one that still rises; every join.
    let seeds = [
        ("blocks[0].mid", "Bottleneck(reduce = 4)", Join::Add, 1.0, true),
        ("blocks[0].wide", "Widen(units = 4)", Join::Add, 1.0, true),
        ("blocks[0].wide", "Lora(r = 2)", Join::Add, 0.5, true),
        ("blocks[1].wide", "Lora(r = 2)", Join::Multiply, 0.25, true),
        ("blocks[1].mid", "Turn(gain = 0.5)", Join::Lerp, 0.75, true),
        ("blocks[2].mid", "Bottleneck(reduce = 4)", Join::Add, 1.0, true),
        ("blocks[2].wide", "Widen(units = 4)", Join::Add, 1.0, true),
        ("blocks[2].wide", "Lora(r = 2)", Join::Add, 0.5, true),
        ("deeper", "Turn", Join::Add, 1.0, true),
        ("deeper", "Turn", Join::Add, 0.5, true),
        ("deeper", "Mlp(expand = 1)", Join::Add, 0.5, false),
        ("deeper", "Ia3", Join::Add, 0.25, false),
    ];
    let outcome = run(&artifact, folder.path(), &root().join("examples"), Growth::Replay(log(&artifact, &seeds)));
    let exported = written(&outcome, &artifact, folder.path());
    insta::assert_snapshot!(exported.text);
    same(&outcome, &artifact, folder.path());
}

#[test]
fn blocks_that_grew_alike_stay_an_array() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = TOWER.replace("[Block() ; depth]", "[Block(expand = 2 + 0 * i) for i in range(depth)]");
    let artifact = built("tower.blueprint", &text);
    let alike: Vec<_> = ["blocks[0].mid", "blocks[1].mid", "blocks[2].mid"].map(|slot| (slot, "Norm", Join::Add, 1.0, true)).into();
    let outcome = run(&artifact, folder.path(), &root().join("examples"), Growth::Replay(log(&artifact, &alike)));
    let exported = written(&outcome, &artifact, folder.path());
    assert!(exported.text.contains("layer blocks = [GrownBlock(expand = 2 + 0 * i) for i in range(depth)]"), "{}", exported.text);
    same(&outcome, &artifact, folder.path());
    // One of them alone: the list says which turn it was.
    let outcome = run(&artifact, folder.path(), &root().join("examples"), Growth::Replay(log(&artifact, &alike[1..2])));
    let exported = written(&outcome, &artifact, folder.path());
    assert!(
        exported.text.contains("Block(expand = 2 + 0 * 0),\n        GrownBlock(expand = 2 + 0 * 1),\n        Block(expand = 2 + 0 * 2),"),
        "{}",
        exported.text
    );
    same(&outcome, &artifact, folder.path());
}

/// A library host with three slots, which a policy with fixed times grows.
const PICTURES: &str = r#"//! Digits as pictures, through a network that is far too narrow.
use std.hosts.{ImpairedCnnHost}
use std.losses.{accuracy, cross_entropy}
use std.optim.{Sgd}
use std.policies.{FixedSchedule}
use std.seeds.{Conv3x3}

/// Plants early and asks no rent.
policy Early from FixedSchedule {
    accept   = e_process(alpha = 0.9, rent = none)
    blend    = add(over = epochs(1))
    training = epochs(12)
    holding  = epochs(1)
    budget   = [params <= 100 * host.params]
    germinate when epoch == 2 or epoch == 3 or epoch == 4
}

train pictures {
    model     = ImpairedCnnHost(10)
    data      = csv("data/digits.csv.gz", label = 64, scale = 1/16, shape = [1, 8, 8])
    split     = holdout(val = 0.2, seed = 1)
    loss      = cross_entropy
    metrics   = [accuracy]
    optimizer = Sgd(lr = 0.05, momentum = 0.9)
    batch     = 64
    epochs    = 40
    grow after1, after2, after3 from [Conv3x3] by Early
}
"#;

#[test]
fn a_library_host_is_written_as_a_policy_of_fixed_times_grew_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let artifact = built("pictures.blueprint", PICTURES);
    let outcome = run(&artifact, folder.path(), &root().join("examples"), Growth::Policies);
    assert!(outcome.growth.fossilised() >= 2, "{:#?}", outcome.growth.log);
    let exported = written(&outcome, &artifact, folder.path());
    assert_eq!(exported.text.matches("/// What grew in the slot").count(), outcome.growth.fossilised(), "{}", exported.text);
    same(&outcome, &artifact, folder.path());
}

#[test]
fn a_library_host_is_written_with_something_in_each_of_its_slots() {
    let folder = tempfile::tempdir().expect("a folder");
    let artifact = built("pictures.blueprint", &PICTURES.replace("epochs    = 40", "epochs    = 3"));
    let seeds = ["after1", "after2", "after3"].map(|slot| (slot, "Conv3x3", Join::Add, 1.0, true));
    let outcome = run(&artifact, folder.path(), &root().join("examples"), Growth::Replay(log(&artifact, &seeds)));
    let exported = written(&outcome, &artifact, folder.path());
    insta::assert_snapshot!(exported.text);
    same(&outcome, &artifact, folder.path());
}

#[test]
fn what_did_not_grow_is_written_as_it_was() {
    let folder = tempfile::tempdir().expect("a folder");
    let artifact = built("tower.blueprint", TOWER);
    let outcome = run(&artifact, folder.path(), &root().join("examples"), Growth::Off);
    let exported = written(&outcome, &artifact, folder.path());
    assert!(!exported.text.contains("Grown") && exported.text.contains("[Block() ; depth]"), "{}", exported.text);
    same(&outcome, &artifact, folder.path());
}

#[test]
fn training_goes_on_from_the_weights_and_with_the_normalisation_that_were_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let artifact = built("tower.blueprint", TOWER);
    let outcome = run(&artifact, folder.path(), &root().join("examples"), Growth::Off);
    written(&outcome, &artifact, folder.path());
    let read = Session::new().build(&folder.path().join("net.blueprint"), None, &["epochs=1".parse().expect("a change")]).expect("built");
    let here = folder.path().join("here");
    std::fs::create_dir_all(here.join("data")).expect("a folder");
    std::fs::copy(root().join("examples/data/digits.csv.gz"), here.join("data/digits.csv.gz")).expect("copied");
    std::fs::copy(folder.path().join("net.safetensors"), here.join("net.safetensors")).expect("copied");
    let more = run(&read, folder.path(), &here, Growth::Policies);
    let loss = |o: &Outcome| o.last.as_ref().and_then(|e| e.val.as_ref()).expect("a validation").loss;
    assert!(loss(&more) < loss(&outcome), "{} after {}", loss(&more), loss(&outcome));
    let kept = |o: &Outcome| FinishedRun::open(&o.folder, "last").expect("a run").weights().normalisation;
    // The exported text withholds no gate rows, so measured anew it would be another one.
    assert_eq!(kept(&more), kept(&outcome));
    // Weights of another network are refused, not half loaded.
    let finished = FinishedRun::open(&outcome.folder, "last").expect("a run");
    let mut weights = finished.weights();
    weights.tensors.retain(|t| t.name != "first.weight");
    std::fs::write(here.join("net.safetensors"), weights.to_bytes().expect("bytes")).expect("written");
    let error = Weights::of_start(&read.model, &here).expect_err("refused").to_string();
    assert!(error.contains("D0115") && error.contains("it has no `first.weight`"), "{error}");
}

#[test]
fn what_cannot_be_written_names_the_slot_and_why() {
    let told = |text: &str, slot: &str, seed: &str| {
        let artifact = built("tower.blueprint", text);
        let member = Member { planting: planting(&artifact, 1, slot, seed, Join::Add), alpha: 1.0, fossil: true };
        let options = ExportOptions { weights: "net.safetensors", data_path: &|path| path.to_string() };
        match export(&artifact, &[member], &options) {
            Err(esper_driver::ExportError::Refused(problem)) => format!("{}: {} ({})", problem.code, problem.message, problem.primary.text),
            other => panic!("{other:?}"),
        }
    };
    let of_parameter = TOWER
        .replace("Tower(classes: dim, depth: dim = 3)", "Tower(classes: dim, depth: dim = 3, part: blueprint = Block)")
        .replace("[Block() ; depth]", "[part ; depth]");
    let message = told(&of_parameter, "blocks[1].mid", "Norm");
    assert_eq!(
        message,
        "E0098: what grew in `blocks[1].mid` cannot be written as source (the recipe of `blocks[1]` is not written there, but comes from `part`)"
    );
    let of_list = TOWER.replace("[Widen(units = 4), Lora(r = 2)]", "[Widen(units = 2 * n) for n in [2, 3]]");
    let message = told(&of_list, "blocks[0].wide", "Widen(units = 2 * n)");
    assert_eq!(
        message,
        "E0098: what grew in `blocks[0].wide` cannot be written as source (the recipe `Widen(units = 2 * n)` names `n`, which means something in that list only)"
    );
}
