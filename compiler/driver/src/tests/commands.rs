//! Codes, repairs, documentation and stages.
use crate::{Session, codes, document, emit, explain, fix};
use std::path::Path;

fn check_text(text: &str) -> Vec<String> {
    Session::new().check_text("main.blueprint", text, Path::new("")).problems.iter().map(|p| p.code.clone()).collect()
}

#[test]
fn codes_are_unique() {
    let all = codes();
    for pair in all.windows(2) {
        assert_ne!(pair[0].code, pair[1].code);
    }
    assert!(all.len() > 40);
    assert_eq!(explain("e0101").map(|r| r.code), Some("E0101"));
    assert!(explain("E9999").is_none());
}

#[test]
fn every_wrong_file_raises_exactly_its_code_and_every_right_one_nothing() {
    let mut failures = String::new();
    for record in codes().into_iter().filter(|r| !r.wrong.is_empty()) {
        let (wrong, right) = (check_text(record.wrong), check_text(record.right));
        if wrong != [record.code] || !right.is_empty() {
            failures.push_str(&format!("{}: wrong raises {wrong:?}, right raises {right:?}\n", record.code));
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

/// Every code that the source text of the compiler mentions in quotes has a record.
#[test]
fn every_raised_code_is_explained() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut unexplained = vec![];
    for folder in ["grammar/src", "compiler/check/src", "compiler/driver/src", "compiler/diagnostics/src"] {
        visit(&root.join(folder), &mut |text| {
            for piece in text.split('"').skip(1).step_by(2) {
                let is_code = piece.len() == 5
                    && (piece.starts_with('E') || piece.starts_with('W'))
                    && piece[1..].bytes().all(|b| b.is_ascii_digit());
                if is_code && piece != "E9999" && explain(piece).is_none() && !unexplained.contains(&piece.to_string()) {
                    unexplained.push(piece.to_string());
                }
            }
        });
    }
    assert!(unexplained.is_empty(), "{unexplained:?}");
}

fn visit(folder: &Path, read: &mut impl FnMut(&str)) {
    for entry in std::fs::read_dir(folder).expect("a folder of sources").flatten() {
        let path = entry.path();
        if path.is_dir() {
            visit(&path, read);
        } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("tests.rs") {
            // Quotes are counted line by line, so that one in a character or a comment costs at most its line.
            std::fs::read_to_string(&path).expect("a source file").lines().for_each(&mut *read);
        }
    }
}

#[test]
fn certain_repairs_are_applied_until_none_is_left() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("main.blueprint");
    std::fs::write(&path, "fn f(x: f32[n]) -> f32[n] {\n    let h = x\n    for i in range(3) {\n        let h = h * i\n    }\n    h\n}\n")
        .expect("written");
    let fixed = fix(&path).expect("fixed");
    assert_eq!((fixed.repairs, &fixed.files[..]), (1, &[path.clone()][..]));
    assert!(std::fs::read_to_string(&path).expect("a file").contains("\n        h = h * i\n"));
    assert_eq!(fix(&path).expect("fixed").repairs, 0);
}

#[test]
fn modules_items_and_functions_of_the_language_are_documented() {
    let page = |name| document(&mut Session::new(), name, None);
    let linear = page("std.nn.Linear").expect("documented");
    assert!(linear.contains("blueprint Linear(") && linear.contains("param weight") && linear.contains("forward("), "{linear}");
    assert!(page("std.nn").expect("documented").contains("softmax"));
    assert!(page("mean").expect("documented").contains("function of the language"));
    assert!(page("nothing_at_all").is_none());
}

#[test]
fn every_field_of_an_experiment_and_every_word_is_documented() {
    use esper_check::experiment::{FIELDS, WORDS};
    let page = |name| document(&mut Session::new(), name, None).unwrap_or_else(|| panic!("{name} has no page"));
    let reference = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/language.md")).expect("the reference");
    let experiments = reference.split("\n## An experiment\n").nth(1).and_then(|rest| rest.split("\n## ").next()).expect("its section");
    for field in FIELDS {
        assert!(page("train").contains(&format!("- `{}`", field.name)) && page(field.name).contains(field.example), "{}", field.name);
        assert!(experiments.contains(&format!("`{}`", field.name)), "docs/language.md says nothing of `{}`", field.name);
    }
    for word in WORDS {
        assert!(page(word.field).contains(&word.signature()) && page(word.name).contains(word.doc), "{}", word.name);
        let written = [format!("`{}`", word.name), format!("`{}(", word.name)];
        assert!(written.iter().any(|w| experiments.contains(w)), "docs/language.md says nothing of `{}`", word.name);
    }
}

#[test]
fn the_stages_of_a_program_are_printed() {
    let loaded = Session::new().load_text("main.blueprint", "fn f(x: f32[n]) -> f32[n] {\n    x\n}\n", Path::new(""));
    let tokens = emit::tokens(&loaded);
    assert!(tokens.starts_with("1:1 Word fn\n1:4 Name f\n1:5 Sign (\n") && tokens.contains("\n2:5 Name x\n"), "{tokens}");
    assert!(emit::ast(&loaded).contains("fn f"), "{}", emit::ast(&loaded));
    let digits = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/digits.blueprint");
    let elaborated = Session::new().elaborate(&digits, None, &[]).expect("the example checks");
    assert!(emit::hir(&elaborated.experiment).contains("Prediction = %"));
    let model = elaborated.lower().expect("the example lowers").model;
    assert!(emit::graph(&model).contains("// train\n") && emit::graph_dot(&model).contains("digraph"));
}
