//! The tests' own tests: what is no story is refused, and what differs is seen.
use super::Story;
use super::compare::{Processors, close, given};
use esper_ir::{DType, Dim, Graph, Op, OutputKind, Tensor, TensorType, Tolerance};

fn read(text: &str) -> Result<Story, String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("story.md");
    std::fs::write(&path, text).expect("written");
    Story::read(&path)
}

const GOOD: &str =
    "# A story\n\nWith some words that say why it is so.\n\n```blueprint\nconst N = 4\n```\n\n## problems\n\n```text\nold\n```\n";

#[test]
fn a_story_has_a_title_prose_a_blueprint_and_sections() {
    let story = read(GOOD).expect("a story");
    assert_eq!((story.blueprint.as_str(), story.sections[0].text.as_str()), ("const N = 4\n", "old"));
    assert_eq!(story.with(&["new\nlines".to_string()]), GOOD.replace("old", "new\nlines"));
    assert_eq!(story.with(&[String::new()]), GOOD.replace("old\n", ""));
    for (broken, why) in [
        (GOOD.replace("# A story", "A story"), "title"),
        (GOOD.replace("With some words that say why it is so.", ""), "prose"),
        (GOOD.replace("```blueprint", "```text"), "no section"),
        (GOOD.replace("## problems", "## opinions"), "`opinions` is no section"),
        (GOOD.replace("```text\nold\n```\n", ""), "has no block"),
        (GOOD.replace("old\n```\n", "old\n"), "no end"),
    ] {
        let error = read(&broken).expect_err(why);
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn differences_are_seen() {
    let tolerance = Tolerance { absolute: 1e-6, relative: 1e-6 };
    assert!(close(&[1.0, f64::NAN], &[1.000001, f64::NAN], tolerance, 0.0).is_ok());
    assert!(close(&[1.0], &[1.00001], tolerance, 0.0).is_err());
    assert!(close(&[1.0], &[f64::NAN], tolerance, 0.0).is_err());
    assert!(close(&[1.0], &[1.0, 1.0], tolerance, 0.0).is_err());
    assert!(close(&[0.0, 100.0], &[1e-4, 100.0], tolerance, 1e-5).is_ok());
    let wrong_answer = |values: &[f64]| close(&[f64::INFINITY, 1.0], values, Tolerance::EXACT, 0.0).is_err();
    assert!(wrong_answer(&[f64::NEG_INFINITY, 1.0]) && wrong_answer(&[f64::MAX, 1.0]) && !wrong_answer(&[f64::INFINITY, 1.0]));
}

#[test]
fn what_no_target_has_is_unsupported() {
    let mut graph = Graph::new();
    let x = given(&mut graph, 0, &TensorType::new(DType::F32, vec![Dim::from(3usize)]));
    let half = graph.unary(Op::Cast { to: DType::F16 }, x);
    let sum = graph.binary(Op::Add, half, half);
    graph.add_output(OutputKind::Value(0), sum);
    let result = Processors::default().compare(&graph, &[Tensor::new(DType::F32, vec![3], vec![1.0; 3])], Tolerance::EXACT, 0.0);
    assert!(matches!(result, Err(super::compare::Failure::Unsupported(_))), "{result:?}");
}
