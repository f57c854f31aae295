//! `esperc knowledge` as its users meet it: listed, exported, forgotten, and what is said of a damaged file.
use esper_store::{Knowledge, Trial};
use std::path::Path;
use std::process::Command;

/// Standard output, standard error and the exit code.
fn said(folder: &Path, words: &[&str]) -> (String, String, i32) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_esperc")).arg("knowledge").args(words).env("ESPER_DATA", folder).output().expect("esperc runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr), output.status.code().expect("a code"))
}

#[test]
fn knowledge_is_listed_exported_and_forgotten() {
    let folder = tempfile::tempdir().expect("a folder");
    assert!(said(folder.path(), &["list"]).0.starts_with("nothing is known in "));
    let trial = |blueprint: &str, reward| Trial {
        blueprint: blueprint.into(),
        slot: "f32[b, 8] -> f32[b, 8]".into(),
        initialiser: "zero_last".into(),
        reward,
    };
    let knowledge = Knowledge::in_folder(folder.path());
    knowledge.learn("digits", &[trial("aa", 0.5), trial("aa", 0.75), trial("bb", 0.25)]).expect("learnt");
    let (list, _, code) = said(folder.path(), &["list"]);
    assert!(code == 0 && list.lines().count() == 3 && list.contains("0.625") && list.contains("f32[b, 8] -> f32[b, 8]"), "{list}");
    let exported: serde_json::Value = serde_json::from_str(&said(folder.path(), &["export", "--blueprint", "bb"]).0).expect("JSON");
    assert_eq!(exported[0]["trials"][0], serde_json::json!(["zero_last", 0.25]));
    let (_, error, code) = said(folder.path(), &["forget"]);
    assert!(code == 2 && error.contains("--all"), "{error}");
    assert_eq!(said(folder.path(), &["forget", "--blueprint", "bb"]).0, "1 entry is forgotten\n");
    assert_eq!(said(folder.path(), &["list"]).0.lines().count(), 2);
    std::fs::write(knowledge.path(), [7; 5000]).expect("written");
    let (_, error, code) = said(folder.path(), &["list"]);
    assert!(code == 3 && error.contains("esperc knowledge forget --all"), "{error}");
    assert_eq!(said(folder.path(), &["forget", "--all"]).2, 0);
    assert!(said(folder.path(), &["list"]).0.starts_with("nothing is known in "));
}
