//! Every repair that a diagnostic offers, on every code's own example and every story: applied, it takes its problem away.
use esper_diagnostics::{Diagnostic, apply_edits};
use esper_driver::{Session, codes};
use esper_tests::suite::stories;
use std::path::Path;

/// Codes whose repair leaves a `?` to be filled in by hand.
const TO_BE_FILLED_IN: &[&str] = &["E0206"];

fn problems(text: &str) -> Vec<Diagnostic> {
    Session::new().check_text("repaired.blueprint", text, Path::new(".")).problems
}

#[test]
fn every_repair_takes_its_problem_away() {
    let wrong = codes().into_iter().filter(|r| !r.wrong.is_empty()).map(|r| (r.code.to_string(), r.wrong.to_string()));
    let told = stories().into_iter().map(|s| (s.path.display().to_string(), s.blueprint));
    let (mut repairs, mut failures) = (0, String::new());
    for (name, text) in wrong.chain(told) {
        let before = problems(&text);
        for problem in &before {
            for edit in &problem.edits {
                repairs += 1;
                let repaired = apply_edits(&text, &edit.changes);
                let after = problems(&repaired);
                if TO_BE_FILLED_IN.contains(&problem.code.as_str()) {
                    assert!(repaired.contains('?'), "{}: `{}` has nothing to be filled in", problem.code, edit.title);
                    continue;
                }
                let same = |p: &&Diagnostic| p.code == problem.code && p.message == problem.message;
                let fewer = after.iter().filter(same).count() < before.iter().filter(same).count();
                let unread = after.iter().any(|p| p.code.starts_with("E00")) && !problem.code.starts_with("E00");
                if !fewer || unread {
                    let codes: Vec<&str> = after.iter().map(|p| p.code.as_str()).collect();
                    failures.push_str(&format!("---- {name}, {}: `{}` leaves {codes:?}:\n{repaired}\n", problem.code, edit.title));
                }
            }
        }
    }
    println!("{repairs} repairs applied");
    assert!(failures.is_empty(), "{failures}");
    assert!(repairs >= 30, "only {repairs} repairs are offered");
}
