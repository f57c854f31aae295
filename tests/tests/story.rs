//! The story of a run, told from a recorded log: the log of the example that grows, shortened.
use esper_driver::{Artifact, Session};
use esper_ir::Model;
use esper_tests::root;
use esper_train::growth::{Change, Effected, Growth};
use esper_train::story::Story;
use esper_train::{Outcome, RunError, RunFolder, RunOptions, train};
use std::path::Path;
use std::sync::atomic::AtomicBool;

fn model() -> Model {
    Session::new().build(&root().join("examples/digits_grow.blueprint"), None, &[]).unwrap_or_else(|e| panic!("{e}")).model
}

fn recorded() -> String {
    std::fs::read_to_string(root().join("tests/corpus/story/metrics.jsonl")).expect("a recorded log")
}

/// A run's folder with a log in it, said to be of a version.
fn folder(runs: &Path, log: &str, version: u32) -> RunFolder {
    let model = model();
    let folder = RunFolder::create(runs, "digits").expect("a folder");
    let configuration = serde_json::json!({
        "esper": "9.8.7", "name": "digits", "model": model.host, "loss": "cross_entropy", "metrics": ["accuracy"], "optimizer": "AdamW",
        "settings": model.settings, "data": model.data, "data_folder": "examples", "device": "cpu", "log": version,
    });
    folder.write("config.resolved.json", configuration.to_string().as_bytes()).expect("written");
    folder.write("metrics.jsonl", log.as_bytes()).expect("written");
    folder
}

fn told(log: &str, version: u32) -> Result<Story, RunError> {
    let runs = tempfile::tempdir().expect("a folder");
    Story::read(&folder(runs.path(), log, version), &model())
}

#[test]
fn a_run_is_told_from_its_log() {
    insta::assert_snapshot!(told(&recorded(), 1).unwrap_or_else(|e| panic!("{e}")).text());
}

#[test]
fn a_story_holds_every_stage_and_every_number_for_programs() {
    let story = told(&recorded(), 1).unwrap_or_else(|e| panic!("{e}"));
    let [seed] = &story.seeds[..] else { panic!("{:?}", story.seeds) };
    assert_eq!(
        seed.stages.iter().map(|(step, stage)| format!("{step} {stage}")).collect::<Vec<_>>().join(", "),
        "288 GERMINATED, 304 TRAINING, 368 BLENDING, 416 HOLDING, 512 FOSSILIZED"
    );
    assert_eq!((story.parameters_before, story.parameters_after, seed.parameters), (310, 1510, 1200));
    // α goes up along its ramp and stays.
    for (step, alpha) in [(300, 0.0), (384, 0.0), (400, 0.5), (960, 1.0)] {
        assert!((seed.alpha(step) - alpha).abs() < 1e-12, "{} after step {step}", seed.alpha(step));
    }
    let (evidence, threshold) = seed.evidence.expect("it was tested");
    assert!(evidence >= threshold && seed.gain.is_some_and(|g| g > 0.0));
    let json = serde_json::to_value(&story).expect("JSON");
    assert_eq!(json["seeds"][0]["stages"][4][1], "Fossilized");
    assert_eq!(json["entries"].as_array().map(Vec::len), Some(story.entries.len()));
}

#[test]
fn a_log_that_a_crash_cut_off_is_told_as_far_as_it_goes() {
    let log = recorded();
    let story = told(&log[..log.len() - 40], 1).unwrap_or_else(|e| panic!("{e}"));
    let whole = log.lines().count();
    assert_eq!(story.notes, [format!("the last line of the log (line {whole}) was cut off and is left out: the run ended in a crash")]);
    // Half a line in the middle is no crash.
    let half = log.replacen("\"event\":\"epoch\"", "\"event\":\"epo\n", 1);
    let error = told(&half, 1).expect_err("damaged").to_string();
    assert!(error.contains("line 1 is no event of a run"), "{error}");
}

#[test]
fn what_a_run_took_back_did_not_happen_to_the_network() {
    let log = recorded();
    let effects: Vec<&str> = log.lines().filter(|l| l.contains("\"kind\":\"effect\"") && l.contains("\"step\":304,")).collect();
    let last = effects.last().expect("a planting");
    let back = r#"{"event":"growth","step":288,"epoch":18,"kind":"rollback","text":"the run went back","data":{"at":310}}"#;
    let twice = log.replacen(last, &format!("{last}\n{back}\n{}", effects.join("\n")), 1);
    let story = told(&twice, 1).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!((story.seeds.len(), story.parameters_after), (1, 1510));
    assert!(story.text().contains("the run went back"), "{}", story.text());
}

#[test]
fn logs_of_other_versions_are_refused_with_who_wrote_them() {
    for (version, words) in [(0, "an older one; train again"), (2, "use that or a newer one")] {
        let error = told(&recorded(), version).expect_err("another version").to_string();
        assert!(error.contains(words) && error.contains(&format!("version {version}")) && error.contains("esperc 9.8.7"), "{error}");
    }
}

#[test]
fn a_run_that_has_just_begun_has_a_story() {
    let story = told("", 1).unwrap_or_else(|e| panic!("{e}"));
    assert!(story.text().contains("not finished: 0 of 60 epochs") && story.text().contains("nothing was decided"), "{}", story.text());
}

fn run(artifact: &Artifact, runs: &Path, growth: Growth) -> Outcome {
    let device = esper_device::open("cpu:1").expect("a processor");
    let options = RunOptions {
        runs: runs.to_path_buf(),
        resume: None,
        data_folder: Some(root().join("examples")),
        device: &*device,
        artifact: &artifact.to_bytes().expect("an artifact"),
        interrupt: &AtomicBool::new(false),
        log_every: 0,
        stop_at_step: None,
        growth,
    };
    train(&artifact.model, &options, &mut ()).unwrap_or_else(|e| panic!("{e}"))
}

/// The same changes for the next seed, so many steps later.
fn later(effected: &Effected, steps: u64) -> Effected {
    let mut changes = effected.changes.clone();
    for change in &mut changes {
        match change {
            Change::Plant { planting, .. } => planting.id += 1,
            Change::Ramp { id, ramp } => (*id, ramp.start) = (*id + 1, ramp.start + steps),
            Change::Integrate { id, born, .. } => (*id, *born) = (*id + 1, *born + steps),
            Change::Join { id } | Change::Restore { id } | Change::Remove { id } | Change::Quarantine { id } => *id += 1,
            Change::HalveRate => {}
        }
    }
    Effected { step: effected.step + steps, changes }
}

#[test]
fn fossils_share_what_they_lower_validation_loss_by() {
    let runs = tempfile::tempdir().expect("a folder");
    let artifact = Session::new().build(&root().join("examples/digits_grow.blueprint"), None, &[]).unwrap_or_else(|e| panic!("{e}"));
    let told = |outcome: &Outcome| {
        let story = Story::read(&RunFolder::open(&outcome.folder).expect("a run"), &artifact.model).unwrap_or_else(|e| panic!("{e}"));
        (story.contributions.clone().expect("contributions"), story)
    };
    let grown = run(&artifact, runs.path(), Growth::Policies);
    let (one, story) = told(&grown);
    let loss = |outcome: &Outcome| outcome.last.as_ref().and_then(|e| e.val.as_ref()).expect("a validation").loss;
    assert_eq!((one.shares.len(), one.settings, one.exact, one.shares[0].0.as_str()), (1, 2, true, "wide#1"));
    // As it is, the network is the one that was validated.
    assert!((one.with - loss(&grown)).abs() < 1e-9 && one.shares[0].1 > 0.1, "{one:?}");
    assert!(story.text().contains("What each fossil lowers validation loss by: wide#1 "), "{}", story.text());
    // A second seed lives the same life behind the first.
    let first = grown.growth.log.clone();
    let after = first.last().map_or(0, |e| e.step);
    let start = first.first().map_or(0, |e| e.step);
    let second = first.iter().map(|e| later(e, after + 32 - start));
    let both = run(&artifact, runs.path(), Growth::Replay(first.iter().cloned().chain(second).collect()));
    let (two, story) = told(&both);
    assert_eq!((two.shares.len(), two.settings, two.exact), (2, 4, true), "{two:?}");
    let sum: f64 = two.shares.iter().map(|(_, share)| share).sum();
    assert!((sum - (two.without - two.with)).abs() < 1e-9 && (two.with - loss(&both)).abs() < 1e-9, "{two:?}");
    assert!(two.shares[0].1 != two.shares[1].1);
    assert_eq!(story.seeds.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(), ["wide#1", "wide#2"]);
}
