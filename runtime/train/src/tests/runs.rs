//! Whole runs on the line device.
use super::line_device::{LOSS, Line, model};
use crate::finished_run::{evaluate_with, predict_with};
use crate::growth::Growth;
use crate::training::train_with;
use crate::{Checkpoint, FinishedRun, Outcome, Part, RunError, RunOptions};
use esper_ir::Model;
use esper_telemetry::{EpochRecord, Event, Observer};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// What a run is given beside its model.
struct Asked<'a> {
    rate: f32,
    stop_at_step: Option<u64>,
    resume: Option<PathBuf>,
    artifact: &'a [u8],
}

const PLAIN: Asked = Asked { rate: 0.05, stop_at_step: None, resume: None, artifact: b"model" };

fn run(folder: &Path, model: &Model, asked: Asked) -> Result<Outcome, RunError> {
    watched(folder, model, asked, &AtomicBool::new(false), &mut ())
}

fn watched(folder: &Path, model: &Model, asked: Asked, interrupt: &AtomicBool, observer: &mut dyn Observer) -> Result<Outcome, RunError> {
    let device = Line { rate: asked.rate };
    let options = RunOptions {
        runs: folder.join("runs"),
        data_folder: asked.resume.is_none().then(|| folder.to_path_buf()),
        resume: asked.resume,
        device: &device,
        artifact: asked.artifact,
        interrupt,
        log_every: 2,
        stop_at_step: asked.stop_at_step,
        growth: Growth::Off,
    };
    train_with(&device, model, &options, observer)
}

fn epochs(folder: &Path) -> Vec<EpochRecord> {
    let text = fs::read_to_string(folder.join("metrics.jsonl")).unwrap();
    text.lines()
        .filter_map(|line| match serde_json::from_str(line).unwrap() {
            Event::Epoch(record) => Some(record),
            _ => None,
        })
        .collect()
}

#[test]
fn a_run_learns_and_leaves_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let model = model(folder.path(), 50);
    let outcome = run(folder.path(), &model, PLAIN).unwrap();
    assert_eq!((outcome.step, outcome.epochs, outcome.interrupted), (30, 6, false));
    let epochs = epochs(&outcome.folder);
    assert_eq!(epochs.len(), 6);
    assert!(epochs[5].train.loss < 0.2 * epochs[0].train.loss, "{epochs:#?}");
    assert!(epochs[5].val.as_ref().unwrap().loss < 0.2, "{epochs:#?}");
    assert_eq!(outcome.last.as_ref(), epochs.last());
    let names = |path: &Path| {
        let mut names: Vec<_> = fs::read_dir(path).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    let all = ["checkpoints", "config.resolved.json", "metrics.csv", "metrics.jsonl", "model.espb", "report.html", "summary.txt"];
    assert_eq!(names(&outcome.folder), all);
    assert_eq!(names(&outcome.folder.join("checkpoints")), ["best", "last"]);
    let summary = fs::read_to_string(outcome.folder.join("summary.txt")).unwrap();
    for fact in [
        "50 rows: 35 for training, 10 for validation, 5 for the test",
        "8 rows; 5 steps an epoch (the last of 3 rows); 6 epochs, 30 steps; seed 3",
        "work      80 floating-point operations a step",
        "total                                       2\n",
    ] {
        assert!(summary.contains(fact), "{summary}");
    }
}

#[test]
fn an_interrupted_run_goes_on_to_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let model = model(folder.path(), 50);
    let whole = run(folder.path(), &model, PLAIN).unwrap().folder;
    // Steps 15 and 20 end epochs; 7 and 13 lie within one.
    for stop in [7, 13, 15, 20] {
        let stopped = run(folder.path(), &model, Asked { stop_at_step: Some(stop), ..PLAIN }).unwrap();
        assert_eq!((stopped.step, stopped.interrupted), (stop, true));
        // What a run that was killed later has written behind its checkpoint is forgotten.
        let log = stopped.folder.join("metrics.jsonl");
        fs::write(&log, [fs::read(&log).unwrap(), b"{\"event\":\"st".to_vec()].concat()).unwrap();
        let resume = Some(stopped.folder.clone());
        let resumed = run(folder.path(), &model, Asked { resume, ..PLAIN }).unwrap();
        assert_eq!((resumed.step, resumed.interrupted, &resumed.folder), (30, false, &stopped.folder));
        for file in ["metrics.jsonl", "metrics.csv", "summary.txt"] {
            assert_eq!(fs::read(whole.join(file)).unwrap(), fs::read(stopped.folder.join(file)).unwrap(), "{file} after {stop}");
        }
        for name in ["last", "best"] {
            for file in ["weights.safetensors", "manifest.json"] {
                let read = |run: &Path| fs::read(run.join("checkpoints").join(name).join(file)).unwrap();
                assert_eq!(read(&whole), read(&stopped.folder), "{name}/{file} after {stop}");
            }
        }
    }
}

#[test]
fn a_killed_run_goes_on_from_its_newest_checkpoint_to_the_same_bytes() {
    /// Dies after a step, as a process does that is killed: nothing more is written.
    struct Killer {
        step: u64,
        folder: PathBuf,
    }
    impl Observer for Killer {
        fn event(&mut self, event: &Event) {
            match event {
                Event::Started { folder, .. } => self.folder = folder.into(),
                Event::Step(step) if step.step == self.step => std::panic::resume_unwind(Box::new("killed")),
                _ => {}
            }
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let mut model = model(folder.path(), 50);
    model.settings.save_every = 2;
    let whole = run(folder.path(), &model, PLAIN).unwrap().folder;
    // Epochs have 5 steps: killed within the third, then within the fifth with an older `last` beside its checkpoints.
    for (step, interrupted) in [(12, None), (23, Some(6))] {
        let stopped = |stop| run(folder.path(), &model, Asked { stop_at_step: Some(stop), ..PLAIN }).unwrap().folder;
        let asked = Asked { resume: interrupted.map(stopped), ..PLAIN };
        let mut killer = Killer { step, folder: PathBuf::new() };
        let dying = || watched(folder.path(), &model, asked, &AtomicBool::new(false), &mut killer);
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(dying)).is_err());
        let killed = killer.folder;
        assert_eq!(killed.join("checkpoints/last").exists(), interrupted.is_some());
        let resumed = run(folder.path(), &model, Asked { resume: Some(killed.clone()), ..PLAIN }).unwrap();
        assert_eq!((resumed.step, &resumed.folder), (30, &killed));
        for file in ["metrics.jsonl", "metrics.csv", "checkpoints/last/manifest.json", "checkpoints/best/manifest.json"] {
            assert_eq!(fs::read(whole.join(file)).unwrap(), fs::read(killed.join(file)).unwrap(), "{file} after {step}");
        }
    }
}

#[test]
fn another_seed_is_another_run() {
    let folder = tempfile::tempdir().unwrap();
    let first = model(folder.path(), 50);
    let mut second = first.clone();
    second.settings.seed = 4;
    let (first, second) = (run(folder.path(), &first, PLAIN).unwrap(), run(folder.path(), &second, PLAIN).unwrap());
    assert_ne!(epochs(&first.folder), epochs(&second.folder));
}

#[test]
fn the_flag_stops_after_the_step_with_a_checkpoint() {
    struct Stopper<'a>(&'a AtomicBool, Vec<String>);
    impl Observer for Stopper<'_> {
        fn event(&mut self, event: &Event) {
            match event {
                Event::Step(step) if step.step == 4 => self.0.store(true, Ordering::Relaxed),
                Event::Step(step) => assert!(step.step < 4),
                Event::Checkpoint { name, step } => self.1.push(format!("{name} {step}")),
                Event::Interrupted { step } => self.1.push(format!("interrupted {step}")),
                _ => {}
            }
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let model = model(folder.path(), 50);
    let interrupt = AtomicBool::new(false);
    let mut observer = Stopper(&interrupt, vec![]);
    let outcome = watched(folder.path(), &model, PLAIN, &interrupt, &mut observer).unwrap();
    assert_eq!(observer.1, ["last 4", "interrupted 4"]);
    assert!(outcome.interrupted);
    assert_eq!(Checkpoint::load(&outcome.folder.join("checkpoints"), "last").unwrap().manifest.progress.batches, 4);
}

#[test]
fn scores_weigh_batches_by_their_rows() {
    let folder = tempfile::tempdir().unwrap();
    let mut model = model(folder.path(), 50);
    // Without learning, the scores of any division into batches are those of all rows at once.
    let loss = |batch: usize, model: &mut Model| {
        model.settings.batch = batch;
        let record = run(folder.path(), model, Asked { rate: 0.0, ..PLAIN }).unwrap().last.unwrap();
        (record.train.loss, record.train.metrics.get("distance").unwrap(), record.val.unwrap().loss)
    };
    let whole = loss(1000, &mut model);
    for batch in [1, 8, 34, 35] {
        let parts = loss(batch, &mut model);
        for (a, b) in [(whole.0, parts.0), (whole.1, parts.1), (whole.2, parts.2)] {
            assert!((a - b).abs() < 1e-5 * a, "{whole:?} {parts:?}");
        }
    }
}

#[test]
fn without_validation_the_training_loss_says_what_is_best() {
    let folder = tempfile::tempdir().unwrap();
    let mut model = model(folder.path(), 50);
    model.data.split = esper_ir::Split::Tail { val: 0.0, test: 0.0 };
    model.settings.save_every = 2;
    let outcome = run(folder.path(), &model, PLAIN).unwrap();
    let best = outcome.best.unwrap();
    assert_eq!(epochs(&outcome.folder)[best.epoch as usize - 1].train.loss, best.loss);
    for name in ["epoch-2", "epoch-4", "epoch-6"] {
        assert!(outcome.folder.join("checkpoints").join(name).join("manifest.json").exists());
    }
}

#[test]
fn a_loss_that_is_not_finite_stops_the_run_and_names_the_tensor() {
    let folder = tempfile::tempdir().unwrap();
    let model = model(folder.path(), 50);
    let error = run(folder.path(), &model, Asked { rate: 1e20, ..PLAIN }).unwrap_err();
    let diagnostic = error.diagnostic().unwrap();
    assert_eq!((&diagnostic.code[..], diagnostic.primary.span), ("D0201", LOSS));
    assert_eq!(diagnostic.message, "the loss is inf in step 2 (epoch 1)");
    assert_eq!(diagnostic.primary.text, "`loss` is the first tensor of the step that is not finite");
    assert!(diagnostic.notes[1].starts_with("the state after step 1 is saved as `last` in "), "{:?}", diagnostic.notes);
    let saved = Checkpoint::load(&folder.path().join("runs/line-1/checkpoints"), "last").unwrap();
    let progress = saved.manifest.progress;
    assert_eq!((progress.step, progress.sums.rows), (1, 8));
    assert!(progress.sums.metrics.get("distance").unwrap().is_finite());
}

#[test]
fn what_is_wrong_is_found_before_a_folder_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let mut model = model(folder.path(), 50);
    model.data.source = esper_ir::DataSource::Csv { path: "none.csv".into(), label: -1, header: false };
    let error = run(folder.path(), &model, PLAIN).unwrap_err();
    assert_eq!(error.diagnostic().unwrap().code, "D0101");
    assert!(!folder.path().join("runs").exists());
    model.settings.batch = 0;
    let device = Line { rate: 0.0 };
    let options = RunOptions {
        runs: folder.path().join("runs"),
        resume: None,
        data_folder: None,
        device: &device,
        artifact: b"",
        interrupt: &AtomicBool::new(false),
        log_every: 0,
        stop_at_step: None,
        growth: Growth::Off,
    };
    assert_eq!(crate::train(&model, &options, &mut ()).unwrap_err().diagnostic().unwrap().code, "D0113");
}

#[test]
fn checkpoints_that_do_not_belong_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let model = model(folder.path(), 50);
    let stopped = run(folder.path(), &model, Asked { stop_at_step: Some(5), ..PLAIN }).unwrap().folder;
    let resume = |model: &Model, artifact: &[u8]| {
        let asked = Asked { resume: Some(stopped.clone()), artifact, ..PLAIN };
        run(folder.path(), model, asked).unwrap_err().to_string()
    };
    let message = resume(&model, b"another");
    assert!(message.contains("it is of another model"), "{message}");
    let mut other = model.clone();
    other.settings.seed = 9;
    assert!(resume(&other, b"model").contains("it was made with seed 3, this run has seed 9"));
    let mut other = model.clone();
    other.parameters[0].path = "slope".into();
    let message = resume(&other, b"model");
    assert!(message.contains("it has no `optimizer/velocity/slope`, which the model has"), "{message}");
    super::line_device::model(folder.path(), 51);
    assert!(resume(&model, b"model").contains("the data files have changed"));
    fs::write(stopped.join("checkpoints/last/weights.safetensors"), b"").unwrap();
    assert!(resume(&model, b"model").contains("weights.safetensors was changed"));
    fs::remove_dir_all(stopped.join("checkpoints/last")).unwrap();
    assert!(resume(&model, b"model").contains("there is none yet: the run was stopped before it had written one"));
}

#[test]
fn a_finished_run_evaluates_its_parts() {
    let folder = tempfile::tempdir().unwrap();
    let mut model = model(folder.path(), 50);
    let outcome = run(folder.path(), &model, PLAIN).unwrap();
    let device = Line { rate: 0.0 };
    let run = FinishedRun::open(&outcome.folder, "last").unwrap();
    assert_eq!(run.artifact(), b"model");
    let val = evaluate_with(&device, &run, &model, &device, Part::Val).unwrap();
    assert_eq!((val.rows, val.epochs), (10, 6));
    assert_eq!(Some(val.scores), outcome.last.unwrap().val);
    let test = evaluate_with(&device, &run, &model, &device, Part::Test).unwrap();
    assert_eq!(test.rows, 5);
    assert!(test.scores.loss < 0.2);
    model.data.split = esper_ir::Split::Tail { val: 0.2, test: 0.0 };
    let error = evaluate_with(&device, &run, &model, &device, Part::Test).unwrap_err();
    assert_eq!(error.diagnostic().unwrap().message, "the run has no rows for `test`");
}

#[test]
fn a_finished_run_predicts_with_the_normalisation_of_its_training_rows() {
    let folder = tempfile::tempdir().unwrap();
    let model = model(folder.path(), 50);
    let outcome = run(folder.path(), &model, PLAIN).unwrap();
    let device = Line { rate: 0.0 };
    let run = FinishedRun::open(&outcome.folder, "best").unwrap();
    let file = folder.path().join("new.csv");
    fs::write(&file, "0.5,0.25\n".repeat(9) + "-1,1\n").unwrap();
    let mut out = vec![];
    assert_eq!(predict_with(&device, &run, &model, &device, &file, &mut out).unwrap(), 10);
    let text = String::from_utf8(out).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((lines.len(), lines[0]), (11, "row,output_0"));
    let normalisation = run.manifest().normalisation.clone().unwrap();
    let checkpoint = Checkpoint::load(&outcome.folder.join("checkpoints"), "best").unwrap();
    let weight = checkpoint.tensors.iter().find(|t| t.name == "weight").unwrap();
    let expected: f64 = [-1.0, 1.0]
        .iter()
        .enumerate()
        .map(|(i, x)| {
            let w = f32::from_le_bytes(weight.bytes[4 * i..4 * i + 4].try_into().unwrap());
            (x - normalisation.mean[i]) / normalisation.deviation[i] * f64::from(w)
        })
        .sum();
    let (row, value) = lines[10].split_once(',').unwrap();
    assert_eq!(row, "9");
    assert!((value.parse::<f64>().unwrap() - expected).abs() < 1e-5, "{value} {expected}");
}
