//! What a newcomer gets: the examples train from the command line and reach the accuracy that PyTorch reaches on the same splits.
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the project's root")
}

/// The last validation accuracy of a run with a seed.
fn accuracy(example: &str, seed: usize, runs: &Path) -> f64 {
    let output = Command::new(env!("CARGO_BIN_EXE_esperc"))
        .args(["run", &format!("examples/{example}.blueprint"), "--quiet", "--set", &format!("seed={seed}"), "--runs"])
        .arg(runs)
        .current_dir(root())
        .output()
        .expect("esperc runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    let log = std::fs::read_to_string(folder.join("metrics.csv")).expect("the run has metrics.csv");
    let mut lines = log.lines();
    let column = lines.next().expect("a header").split(',').position(|c| c == "val_accuracy").expect("a column val_accuracy");
    let value = lines.next_back().expect("an epoch").split(',').nth(column).expect("a value").parse().expect("a number");
    assert!(folder.join("report.html").exists() && folder.join("summary.txt").exists());
    value
}

fn reaches(example: &str, mean_at_least: f64, each_at_least: f64) {
    let runs = tempfile::tempdir().expect("a folder");
    let found: Vec<f64> = (0..5).map(|seed| accuracy(example, seed, runs.path())).collect();
    let mean = found.iter().sum::<f64>() / 5.0;
    let recorded = std::fs::read_to_string(root().join("tests/reference/accuracy.json")).expect("recorded by accuracy.py");
    let recorded: serde_json::Value = serde_json::from_str(&recorded).expect("JSON");
    let theirs = recorded[example]["mean"].as_f64().expect("a mean");
    println!("{example}: {found:?}, mean {mean:.4}; PyTorch on the same splits {theirs:.4}");
    assert!(mean >= mean_at_least, "{example}: mean {mean}");
    assert!(found.iter().all(|a| *a >= each_at_least), "{example}: {found:?}");
    assert!((mean - theirs).abs() <= 0.005, "{example}: {mean} here, {theirs} in PyTorch");
}

#[test]
fn the_mlp_reaches_97_percent() {
    reaches("digits", 0.97, 0.955);
}

#[test]
fn the_cnn_reaches_98_percent() {
    reaches("digits_cnn", 0.98, 0.0);
}
