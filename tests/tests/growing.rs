//! The example that grows, from its text to its last step: it grows unaided, resumes in the same bytes wherever it stopped, and a run
//! whose seeds all leave before they count is its twin.
use esper_driver::{Artifact, Session};
use esper_ir::Initialiser;
use esper_tests::root;
use esper_train::growth::{Change, Growth, static_network};
use esper_train::{Checkpoint, Outcome, RunOptions, train};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// The example, with some of its fields changed.
fn example(changes: &[&str]) -> Artifact {
    named("digits_grow", changes)
}

fn named(name: &str, changes: &[&str]) -> Artifact {
    let changes: Vec<_> = changes.iter().map(|c| c.parse().expect("a change")).collect();
    let built = Session::new().build(&root().join(format!("examples/{name}.blueprint")), None, &changes);
    built.unwrap_or_else(|e| panic!("{e}"))
}

fn run(artifact: &Artifact, runs: &Path, growth: Growth, stop: Option<u64>, resume: Option<PathBuf>) -> Outcome {
    let device = esper_device::open("cpu:1").expect("a processor");
    let bytes = artifact.to_bytes().expect("an artifact");
    let options = RunOptions {
        runs: runs.to_path_buf(),
        data_folder: resume.is_none().then(|| root().join("examples")),
        resume,
        device: &*device,
        artifact: &bytes,
        interrupt: &AtomicBool::new(false),
        log_every: 0,
        stop_at_step: stop,
        growth,
    };
    train(&artifact.model, &options, &mut ()).unwrap_or_else(|e| panic!("{e}"))
}

/// Every tensor of the last checkpoint by its name, with a digest of its bytes.
fn weights(outcome: &Outcome) -> BTreeMap<String, String> {
    let checkpoint = Checkpoint::load(&outcome.folder.join("checkpoints"), "last").expect("a checkpoint");
    checkpoint.tensors.into_iter().map(|t| (t.name, blake3::hash(&t.bytes).to_hex().to_string())).collect()
}

fn accuracy(outcome: &Outcome) -> f64 {
    outcome.last.as_ref().and_then(|e| e.val.as_ref()).and_then(|v| v.metrics.get("accuracy")).expect("an accuracy")
}

fn loss(outcome: &Outcome) -> f64 {
    outcome.last.as_ref().and_then(|e| e.val.as_ref()).expect("a validation").loss
}

#[test]
fn the_example_grows_unaided_and_beats_its_twin() {
    let folder = tempfile::tempdir().expect("a folder");
    let artifact = example(&[]);
    let grown = run(&artifact, folder.path(), Growth::Policies, None, None);
    let off = run(&artifact, folder.path(), Growth::Off, None, None);
    assert!(grown.growth.fossilised() >= 1, "{:#?}", grown.growth.log);
    assert!(loss(&grown) < loss(&off), "{} against {}", loss(&grown), loss(&off));
    // Another run from its log alone: the same weights.
    let replayed = run(&artifact, folder.path(), Growth::Replay(grown.growth.log.clone()), None, None);
    assert_eq!(weights(&replayed), weights(&grown));
    // Each seed of the log is told of as a sentence.
    let log = std::fs::read_to_string(grown.folder.join("metrics.jsonl")).expect("a log");
    assert!(log.contains("HOLDING → FOSSILIZED") && log.contains("The trigger fired"), "{log}");
    // What grew is part of the static network, and nothing else is.
    let fixed = static_network(&artifact.model, &grown.growth).expect("a network");
    assert_eq!(fixed.parameters.len(), grown.growth.grown(&artifact.model).expect("a model").parameters.len());
    assert!(fixed.slots.iter().all(|s| s.policy.is_none()) && fixed.live.is_empty());
}

#[test]
fn a_run_that_grows_by_a_policy_resumes_in_the_same_bytes_wherever_it_stopped() {
    let folder = tempfile::tempdir().expect("a folder");
    let artifact = example(&["epochs=40"]);
    let whole = run(&artifact, folder.path(), Growth::Policies, None, None);
    let stages: Vec<u64> = whole.growth.log.iter().map(|e| e.step).collect();
    assert!(stages.len() >= 3, "{stages:?}");
    // Before anything, at each change, and within each stage.
    let moments = stages.iter().flat_map(|step| [*step, step + 7]).chain([5]).filter(|step| *step < whole.step);
    for stop in moments {
        let stopped = run(&artifact, folder.path(), Growth::Policies, Some(stop), None);
        let resumed = run(&artifact, folder.path(), Growth::Policies, None, Some(stopped.folder));
        assert_eq!(weights(&resumed), weights(&whole), "stopped after step {stop}");
        assert_eq!(resumed.growth, whole.growth, "stopped after step {stop}");
    }
}

#[test]
fn a_run_whose_seeds_left_before_they_counted_is_its_twin() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut artifact = example(&["epochs=40"]);
    // A gain test that nothing can pass.
    artifact.model.policies[0].accept.alpha = 1e-300;
    let grown = run(&artifact, folder.path(), Growth::Policies, None, None);
    let planted = grown.growth.log.iter().flat_map(|e| &e.changes).filter(|c| matches!(c, Change::Plant { .. })).count();
    assert!(planted >= 1 && grown.growth.fossilised() == 0, "{:#?}", grown.growth.log);
    let off = run(&artifact, folder.path(), Growth::Off, None, None);
    assert_eq!(weights(&grown), weights(&off));
}

#[test]
fn every_initialiser_starts_seeds_that_learn_and_a_resumed_run_starts_them_alike() {
    let folder = tempfile::tempdir().expect("a folder");
    let begins = [
        (Initialiser::Gradmax(Some(8)), "starts by gradmax(8): 8 of"),
        (Initialiser::Cascor(Some(6)), "starts by cascor(6): 6 of"),
        (Initialiser::Tiny(Some(8)), "of what it gives: there held-out loss is lowest"),
        (Initialiser::LoraGa(4), "starts by lora_ga(4): 4 of"),
        (Initialiser::Pair, "units and as many that cancel them"),
    ];
    for (initialiser, sentence) in begins {
        let mut artifact = example(&["epochs=36"]);
        artifact.model.policies[0].init = vec![initialiser];
        let whole = run(&artifact, folder.path(), Growth::Policies, None, None);
        let log = std::fs::read_to_string(whole.folder.join("metrics.jsonl")).expect("a log");
        assert!(log.contains(sentence), "{initialiser:?}: {log}");
        if let Initialiser::Gradmax(_) = initialiser {
            // Units with a fan-in of zero learn only because their relu has a slope there.
            assert!(whole.growth.fossilised() >= 1, "{:#?}", whole.growth.log);
        }
        let planted = whole.growth.log.iter().find(|e| e.changes.iter().any(|c| matches!(c, Change::Plant { .. }))).expect("a seed").step;
        // While it is being built, and just after it was born.
        for stop in [planted - 3, planted, planted + 2] {
            let stopped = run(&artifact, folder.path(), Growth::Policies, Some(stop), None);
            let resumed = run(&artifact, folder.path(), Growth::Policies, None, Some(stopped.folder));
            assert_eq!(weights(&resumed), weights(&whole), "{initialiser:?}, stopped after step {stop}");
        }
        let replayed = run(&artifact, folder.path(), Growth::Replay(whole.growth.log.clone()), None, None);
        assert_eq!(weights(&replayed), weights(&whole), "{initialiser:?}, replayed");
        // However they start, seeds that leave before they count have changed nothing.
        artifact.model.policies[0].accept.alpha = 1e-300;
        let refused = run(&artifact, folder.path(), Growth::Policies, None, None);
        let off = run(&artifact, folder.path(), Growth::Off, None, None);
        assert_eq!(weights(&refused), weights(&off), "{initialiser:?}, refused");
    }
}

#[test]
fn a_network_that_cannot_see_is_rescued() {
    let folder = tempfile::tempdir().expect("a folder");
    let artifact = named("rescue", &["seed=1"]);
    let grown = run(&artifact, folder.path(), Growth::Policies, None, None);
    let off = run(&artifact, folder.path(), Growth::Off, None, None);
    assert!(grown.growth.fossilised() >= 1, "{:#?}", grown.growth.log);
    assert!(accuracy(&grown) > accuracy(&off) + 0.2, "{} against {}", accuracy(&grown), accuracy(&off));
    // Within the budget: 77 at the start, and at most 304 more.
    let parameters = |outcome: &Outcome| outcome.growth.grown(&artifact.model).expect("a model").parameters;
    let count: usize = parameters(&grown).iter().map(|p| p.ty.elements().unwrap_or(0)).sum();
    assert!((78..=381).contains(&count), "{count}");
}

#[test]
fn growth_does_no_harm_where_there_is_little_to_gain() {
    let folder = tempfile::tempdir().expect("a folder");
    let artifact = named("digits_cnn_grow", &["epochs=10"]);
    let grown = run(&artifact, folder.path(), Growth::Policies, None, None);
    let planted = grown.growth.log.iter().flat_map(|e| &e.changes).filter(|c| matches!(c, Change::Plant { .. })).count();
    let off = run(&artifact, folder.path(), Growth::Off, None, None);
    assert!(
        planted >= 1 && accuracy(&grown) >= accuracy(&off) - 0.003,
        "{planted} planted: {} against {}",
        accuracy(&grown),
        accuracy(&off)
    );
}
