//! Real editors against the real language server: runs tests/editors/run, which says what it skips and why.
#![cfg(unix)]
use std::path::Path;
use std::process::Command;

#[test]
fn editors_work_with_the_server() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/editors/run");
    // the script's own output: it is not captured, so that what was skipped is seen when the test passes too
    let status = Command::new(script).arg(env!("CARGO_BIN_EXE_esperc")).status().expect("bash runs");
    assert!(status.success(), "an editor failed: see the lines above that begin with FAILED");
}
