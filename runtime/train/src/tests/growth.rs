//! Growth in whole runs on the processor: what stays the same bytes, what is continuous, and what a resumed run does.
use super::grown_network::model;
use crate::growth::{Boost, Change, Effected, Growth};
use crate::programs::{Pipeline, ProgramSource};
use crate::training::train_with;
use crate::{Checkpoint, Outcome, RunError, RunOptions};
use esper_ir::{Initialiser, Join, Model, Part, Planting, RampKind};
use esper_policy::Ramp;
use esper_telemetry::{EpochRecord, Event};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

const EPOCHS: usize = 12;
/// 48 training rows in batches of 10.
pub const STEPS: u64 = 5;

fn run(folder: &Path, model: &Model, growth: Growth, stop: Option<u64>, resume: Option<PathBuf>) -> Result<Outcome, RunError> {
    run_with(&Pipeline, folder, model, growth, stop, resume)
}

/// A run with programs from somewhere else.
pub fn run_with(
    source: &dyn ProgramSource,
    folder: &Path,
    model: &Model,
    growth: Growth,
    stop: Option<u64>,
    resume: Option<PathBuf>,
) -> Result<Outcome, RunError> {
    let device = esper_device::open("cpu:1").unwrap();
    let options = RunOptions {
        runs: folder.join("runs"),
        data_folder: resume.is_none().then(|| folder.to_path_buf()),
        resume,
        device: &*device,
        artifact: b"model",
        interrupt: &AtomicBool::new(false),
        log_every: 1,
        stop_at_step: stop,
        growth,
    };
    train_with(source, model, &options, &mut ())
}

pub fn last(outcome: &Outcome) -> Checkpoint {
    Checkpoint::load(&outcome.folder.join("checkpoints"), "last").unwrap()
}

/// Every tensor that lasts by its name, with a digest of its bytes.
pub fn weights(outcome: &Outcome) -> BTreeMap<String, String> {
    last(outcome).tensors.into_iter().map(|t| (t.name, blake3::hash(&t.bytes).to_hex().to_string())).collect()
}

pub fn plant(id: u32) -> Change {
    let planting = Planting { id, slot: 0, seed: 0, part: Part::Shadow, join: Join::Add, opened: false };
    Change::Plant { planting, boost: Boost { rate: 3.0, decay: 20.0 }, zeroed: vec![], initialiser: Initialiser::ZeroLast }
}

/// α goes to 1 in eight steps or more, from the end of an epoch on.
pub fn ramp(id: u32, epoch: u64, curve: RampKind) -> Change {
    Change::Ramp { id, ramp: Ramp::new(0.0, 1.0, epoch * STEPS, 8, curve) }
}

pub fn effects(list: &[(u64, Vec<Change>)]) -> Growth {
    Growth::Replay(list.iter().map(|(epoch, changes)| Effected { step: epoch * STEPS, changes: changes.clone() }).collect())
}

/// A whole life: germinates, is joined, counts fully, fossilises; a second one comes and goes.
pub fn life() -> Growth {
    effects(&[
        (2, vec![plant(1)]),
        (4, vec![Change::Join { id: 1 }, ramp(1, 4, RampKind::Cosine)]),
        (9, vec![Change::Integrate { id: 1, alpha: 1.0, born: 2 * STEPS }]),
        (10, vec![plant(2)]),
        (11, vec![Change::Remove { id: 2 }]),
    ])
}

pub fn epochs(outcome: &Outcome) -> Vec<EpochRecord> {
    let text = std::fs::read_to_string(outcome.folder.join("metrics.jsonl")).unwrap();
    text.lines().filter_map(|l| if let Event::Epoch(r) = serde_json::from_str(l).unwrap() { Some(r) } else { None }).collect()
}

#[test]
fn a_seed_that_leaves_before_it_counts_has_changed_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for clip in [None, Some(0.5)] {
        let mut model = model(folder.path(), EPOCHS);
        model.settings.clip = clip;
        let off = run(folder.path(), &model, Growth::Off, None, None).unwrap();
        let growth = effects(&[
            (2, vec![plant(1)]),
            (4, vec![Change::Join { id: 1 }, plant(2)]),
            (7, vec![Change::Remove { id: 1 }]),
            (9, vec![Change::Remove { id: 2 }]),
        ]);
        let grown = run(folder.path(), &model, growth, None, None).unwrap();
        assert_eq!(last(&grown).manifest.growth.log.len(), 4);
        // Weights, states of the update rule, losses of every step: the same bytes.
        assert_eq!(weights(&grown), weights(&off));
        for (grown, off) in epochs(&grown).iter().zip(&epochs(&off)) {
            assert_eq!(grown, off);
        }
    }
}

#[test]
fn a_seed_that_counts_helps_and_nothing_jumps() {
    let folder = tempfile::tempdir().unwrap();
    let model = model(folder.path(), EPOCHS);
    let off = run(folder.path(), &model, Growth::Off, None, None).unwrap();
    let grown = run(folder.path(), &model, life(), None, None).unwrap();
    let names = weights(&grown);
    assert_eq!(
        names.keys().map(String::as_str).collect::<Vec<_>>(),
        [
            "first",
            "last",
            "mid#1.down",
            "mid#1.up",
            "optimizer/m/first",
            "optimizer/m/last",
            "optimizer/m/mid#1.down",
            "optimizer/m/mid#1.up",
            "optimizer/v/first",
            "optimizer/v/last",
            "optimizer/v/mid#1.down",
            "optimizer/v/mid#1.up"
        ]
    );
    let loss = |outcome: &Outcome, epoch: usize| epochs(outcome)[epoch - 1].val.as_ref().unwrap().loss;
    // Until it counts, validation does not see it.
    (1..=4).for_each(|epoch| assert_eq!(loss(&grown, epoch), loss(&off, epoch)));
    assert!(loss(&grown, 12) < loss(&off, 12), "{} against {}", loss(&grown, 12), loss(&off, 12));
    // A finished run is used as it has grown.
    let finished = crate::FinishedRun::open(&grown.folder, "last").unwrap();
    assert_eq!(finished.grown(&model).unwrap().parameters.len(), 4);
}

#[test]
fn a_growing_run_resumes_in_the_same_bytes_wherever_it_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let model = model(folder.path(), EPOCHS);
    let whole = run(folder.path(), &model, life(), None, None).unwrap();
    let log = std::fs::read(whole.folder.join("metrics.jsonl")).unwrap();
    for stop in [3, 9, 10, 11, 17, 20, 22, 27, 44, 45, 48, 50, 53, 55, 57] {
        let stopped = run(folder.path(), &model, life(), Some(stop), None).unwrap();
        assert!(stopped.interrupted);
        let resumed = run(folder.path(), &model, life(), None, Some(stopped.folder)).unwrap();
        assert_eq!(weights(&resumed), weights(&whole), "stopped after step {stop}");
        assert_eq!(std::fs::read(resumed.folder.join("metrics.jsonl")).unwrap(), log, "stopped after step {stop}");
    }
}

#[test]
fn an_integrated_seed_goes_on_as_the_live_one_did() {
    // The same life, with fossilisation at two moments: what is computed is the same, so the training is nearly the same.
    let folder = tempfile::tempdir().unwrap();
    let model = model(folder.path(), 8);
    let joined = vec![Change::Join { id: 1 }, ramp(1, 2, RampKind::Linear)];
    let no_boost = |change| match change {
        Change::Plant { planting, .. } => {
            Change::Plant { planting, boost: Boost::NONE, zeroed: vec![], initialiser: Initialiser::ZeroLast }
        }
        other => other,
    };
    let until = |epoch: u64| {
        let integrated = vec![Change::Integrate { id: 1, alpha: 1.0, born: STEPS }];
        effects(&[(1, vec![no_boost(plant(1))]), (2, joined.clone()), (epoch, integrated)])
    };
    let (early, late) =
        (run(folder.path(), &model, until(6), None, None).unwrap(), run(folder.path(), &model, until(7), None, None).unwrap());
    let (early, late) = (epochs(&early), epochs(&late));
    for (a, b) in early.iter().zip(&late) {
        assert!((a.train.loss - b.train.loss).abs() <= 1e-6 * a.train.loss, "epoch {}: {} and {}", a.epoch, a.train.loss, b.train.loss);
    }
}
