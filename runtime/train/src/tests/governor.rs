//! Faults that are put into runs: what goes bad is taken back exactly, what caused it is taken out, and a resumed run does the same.
use super::grown_network::model;
use super::growth::{STEPS, effects, epochs, last, life, plant, ramp, run_with, weights};
use crate::growth::{Change, Effected, Growth};
use crate::programs::{Compiled, Pipeline, ProgramSource, Programs};
use crate::{Outcome, RunError};
use esper_diagnostics::Span;
use esper_ir::{DType, Graph, Input, Model, OnNonFinite, Op, OutputKind, Part, RampKind, TensorType};
use std::path::{Path, PathBuf};

const EPOCHS: usize = 10;

/// The compiler, with a network whose loss is not a number as soon as its first seed counts for more than a half.
struct BrokenSeed;

impl ProgramSource for BrokenSeed {
    fn programs<'m>(&self, model: &'m Model, host: &Model) -> Result<Box<dyn Programs + 'm>, RunError> {
        let broken = model.live.iter().position(|l| l.planting.id == 1 && l.planting.part == Part::Joined);
        let Some(number) = broken else { return Pipeline.programs(model, host) };
        let scalar = TensorType::scalar(DType::F32);
        let mut train = Graph::new();
        for (kind, node) in train.inline(&model.train, &|_| None).unwrap() {
            let node = if kind == OutputKind::Loss {
                let alpha = train.input(Input::Alpha(number), scalar.clone(), Span::default());
                let half = train.constant(0.5, scalar.clone());
                let much = train.binary(Op::Less, half, alpha);
                let negative = train.constant(-1.0, scalar.clone());
                let root = train.unary(Op::Sqrt, negative);
                train.select(much, root, node)
            } else {
                node
            };
            train.add_output(kind, node);
        }
        // It lives as long as the test.
        let model: &'static Model = Box::leak(Box::new(Model { train, ..model.clone() }));
        Ok(Box::new(Compiled::with_trials(model, host)?))
    }
}

fn run(folder: &Path, model: &Model, growth: Growth, stop: Option<u64>, resume: Option<PathBuf>) -> Result<Outcome, RunError> {
    run_with(&BrokenSeed, folder, model, growth, stop, resume)
}

fn governed(folder: &Path) -> Model {
    let mut model = model(folder, EPOCHS);
    model.settings.on_nonfinite = OnNonFinite::Rollback;
    model
}

/// Planted after two epochs, part of the network after four.
fn short_life() -> Growth {
    effects(&[(2, vec![plant(1)]), (4, vec![Change::Join { id: 1 }, ramp(1, 4, RampKind::Cosine)])])
}

#[test]
fn a_seed_with_which_the_network_is_no_number_is_taken_out_and_all_it_did_is_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let model = governed(folder.path());
    let grown = run(folder.path(), &model, short_life(), None, None).unwrap();
    let log = std::fs::read_to_string(grown.folder.join("metrics.jsonl")).unwrap();
    assert!(log.contains("the loss was not finite in step 38: the run went back to the last good state without the newest seed"), "{log}");
    assert!(log.contains("seed 1 is in quarantine"), "{log}");
    // To the bit, the states of the update rule included: as if the seed had been taken out at the validation before, and nothing had happened.
    let Growth::Replay(mut changes) = short_life() else { unreachable!("a log") };
    changes.push(Effected { step: 7 * STEPS, changes: vec![Change::Remove { id: 1 }] });
    let removed = run(folder.path(), &model, Growth::Replay(changes), None, None).unwrap();
    assert_eq!(weights(&grown), weights(&removed));
    assert_eq!(epochs(&grown).last(), epochs(&removed).last());
    assert!(last(&grown).manifest.growth.seeds.is_empty() && last(&grown).manifest.good.is_none());
    // From its log alone the same, without an alarm.
    let replayed = run(folder.path(), &model, Growth::Replay(grown.growth.log.clone()), None, None).unwrap();
    assert_eq!(weights(&replayed), weights(&grown));
}

#[test]
fn a_run_that_went_back_resumes_in_the_same_bytes_wherever_it_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let model = governed(folder.path());
    let whole = run(folder.path(), &model, short_life(), None, None).unwrap();
    for stop in [12, 20, 23, 35, 36, 37, 38, 42] {
        let stopped = run(folder.path(), &model, short_life(), Some(stop), None).unwrap();
        // What it would go back to is part of the checkpoint, unless that is the checkpoint itself.
        assert_eq!(last(&stopped).manifest.good.is_some(), !stop.is_multiple_of(STEPS), "stopped after step {stop}");
        let resumed = run(folder.path(), &model, short_life(), None, Some(stopped.folder)).unwrap();
        assert_eq!(weights(&resumed), weights(&whole), "stopped after step {stop}");
        assert_eq!(resumed.growth, whole.growth, "stopped after step {stop}");
    }
}

#[test]
fn without_leave_to_go_back_the_run_stops() {
    let folder = tempfile::tempdir().unwrap();
    let mut model = governed(folder.path());
    model.settings.on_nonfinite = OnNonFinite::Stop;
    let error = run(folder.path(), &model, short_life(), None, None).unwrap_err();
    assert!(error.to_string().contains("the loss is NaN in step 38"), "{error}");
}

#[test]
fn a_learning_rate_ten_thousand_times_too_high_is_halved_twice_and_then_the_run_stops() {
    let folder = tempfile::tempdir().unwrap();
    let mut model = governed(folder.path());
    let scalar = TensorType::scalar(DType::F32);
    let mut rate = Graph::new();
    let step = rate.input(Input::Step, scalar.clone(), Span::default());
    let late = rate.constant(100.0, scalar.clone());
    let (usual, high) = (rate.constant(2e-3, scalar.clone()), rate.constant(2e1, scalar.clone()));
    let is_late = rate.binary(Op::Less, late, step);
    let value = rate.select(is_late, high, usual);
    rate.add_output(OutputKind::Value(0), value);
    model.optimizer.scalars[0].graph = rate;
    // Enough losses for the running quantiles.
    model.settings.batch = 2;
    let error = run(folder.path(), &model, Growth::Off, None, None);
    let told = format!("{:?}", error.unwrap_err());
    assert!(told.contains("the loss was") && told.contains("had gone back 2 times within 100 steps"), "{told}");
}

#[test]
fn a_healthy_life_raises_no_alarm() {
    let folder = tempfile::tempdir().unwrap();
    let mut model = governed(folder.path());
    model.settings.epochs = 12;
    let governed = run_with(&Pipeline, folder.path(), &model, life(), None, None).unwrap();
    assert!(!std::fs::read_to_string(governed.folder.join("metrics.jsonl")).unwrap().contains("rollback"));
    model.settings.on_nonfinite = OnNonFinite::Stop;
    assert_eq!(weights(&governed), weights(&run_with(&Pipeline, folder.path(), &model, life(), None, None).unwrap()));
}
