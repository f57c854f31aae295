//! What the text form says of itself, and what is not one.
use crate::parse;

#[test]
fn mistakes_name_their_line() {
    let wrong = |text: &str, expected: &str| {
        let message = parse(text).expect_err(text);
        assert!(message.contains(expected), "{message}");
    };
    let x = "%0 = input() {from = feature 0} : f32[2]\n";
    wrong("hello", "line 1: a node is");
    wrong(&format!("{x}%1 = exp(%2) : f32[2]"), "line 2: `%2` is no node above");
    wrong(&format!("{x}%1 = exp(%0) : f32[3]"), "line 2: typed `f32[3]` where the shape rule gives `f32[2]`");
    wrong(&format!("{x}%1 = explode(%0) : f32[2]"), "there is no operator `explode`");
    wrong(&format!("{x}%1 = sum(%0) : f32"), "the attribute `axes` is missing");
    wrong(&format!("{x}%0 = exp(%0) : f32[2]"), "line 2: %0 is there twice");
    wrong(&format!("{x}output loss = %0\noutput loss = %0"), "line 3");
    wrong(&format!("{x}}}"), "line 2: unexpected `}`");
    wrong("rule 0 of 1 {\n", "does not end");
    wrong("%0 = input() {from = feature} : f32[2]", "no input");
    wrong("%0 = iota() {axis = 3} : i32[2]", "does not fit its type");
}

#[test]
fn equal_lines_are_one_node_and_comments_are_skipped() {
    let graph = parse(
        "// a picture\n%0 = input() {from = target} : i32[\"a,b]\"]\n\n%5 = input() {from = target} : i32[\"a,b]\"]\noutput value 0 = %5",
    )
    .unwrap();
    assert_eq!(graph.len(), 1);
    assert!(graph.ty(crate::NodeId(0)).shape[0].symbols().contains("a,b]"));
}
