//! Building: which experiment, with which changes, and what is said where there is none.
use crate::{BuildError, Checked, Override, Session};
use std::path::{Path, PathBuf};

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name)
}

fn refused(result: Result<crate::Elaborated, BuildError>) -> Box<Checked> {
    match result {
        Err(BuildError::Program(checked)) => checked,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("an experiment"),
    }
}

fn changes(of: &[&str]) -> Vec<Override> {
    of.iter().map(|c| c.parse().expect("path=value")).collect()
}

#[test]
fn settings_and_shapes_are_changed_from_the_command_line() {
    let elaborated =
        Session::new().elaborate(&example("digits.blueprint"), None, &changes(&["epochs=3", "seed=11", "batch=16"])).expect("elaborated");
    let settings = &elaborated.experiment.settings;
    assert_eq!((settings.epochs, settings.seed, settings.batch), (3, 11, 16));
}

#[test]
fn a_wrong_value_is_shown_at_the_words_of_the_command_line() {
    let checked = refused(Session::new().elaborate(&example("digits.blueprint"), None, &changes(&["loss=cross_entrpy"])));
    let problem = &checked.problems[0];
    assert_eq!((problem.code.as_str(), checked.sources().text(problem.primary.span)), ("E0101", "cross_entrpy"));
    let source = checked.sources().file(problem.primary.span.file);
    assert_eq!((source.name.as_str(), source.text.as_str()), (crate::COMMAND_LINE, "--set loss = cross_entrpy\n"));
}

#[test]
fn the_experiment_must_be_clear() {
    let none = refused(Session::new().elaborate_text("main", "const A = 1\n", Path::new(""), None, &[]));
    assert_eq!((none.problems.len(), none.problems[0].code.as_str()), (1, "E0096"));
    let misspelt = refused(Session::new().elaborate(&example("digits.blueprint"), Some("digist"), &[]));
    assert_eq!(misspelt.problems[0].helps, ["did you mean `digits`?"]);
}

#[test]
fn a_program_with_errors_is_refused_with_all_of_them() {
    let checked = refused(Session::new().elaborate_text(
        "main",
        "fn f(x: f32[n]) -> f32[n] { y }\nfn g(x: f32[n]) -> f32[n] { z }\n",
        Path::new(""),
        None,
        &[],
    ));
    assert_eq!(checked.problems.len(), 2);
}

#[test]
fn the_same_source_gives_the_same_bytes() {
    let bytes = || Session::new().build(&example("digits.blueprint"), None, &[]).expect("built").to_bytes().expect("bytes");
    assert_eq!(bytes(), bytes());
}
