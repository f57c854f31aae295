//! What common mistakes in a text look like to their author.
use esper_diagnostics::{Format, Sources, render};

/// The text with its messages below, as a reviewer reads them; repairs are applied one by one.
fn shown(text: &str) -> String {
    let mut sources = Sources::default();
    let file = sources.add("model.blueprint", text);
    let problems = crate::parse(file, text).problems;
    render(&problems, &sources, Format::Human, false)
}

/// One message for each text.
fn all(texts: &[&str]) -> String {
    texts.iter().map(|text| shown(text)).collect::<Vec<_>>().join("\n")
}

#[test]
fn brackets() {
    insta::assert_snapshot!(all(&[
        "blueprint Net(hidden: dim) {\n    layer first = Linear(hidden\n    layer last = Linear(10)\n}\n",
        "fn f(x: f32[b) -> f32 { x }\n",
        "blueprint Net {\n    layer first = Linear(10)\n\nconst A = 1\n",
        "const A = (1 + [2\n",
        "const A = 1)\n",
    ]));
}

#[test]
fn statements() {
    insta::assert_snapshot!(all(&[
        "fn f(x: f32) -> f32 {\n    let a = x; a + 1\n}\n",
        "fn f(x: f32) -> f32 {\n    a;\n    a b\n    return x\n    var h = 1\n}\n",
        "fn f(x: f32) -> f32\n",
        "fn f(x: f32) -> f32 {\n    if x\n    for i in x\n    1\n}\n",
        "let x = 1\ndef f(x) { x }\n",
        "blueprnt Net { }\n",
        "const A = 1\nB = 2\n",
        "const A = 1\n//! late\n/// nothing\n",
    ]));
}

#[test]
fn values() {
    assert_eq!(
        crate::tests::read("fn f() -> f32 {\n    f(\"open)\n    g(1)\n}\n").problems.len(),
        1,
        "the string took the bracket with it"
    );
    insta::assert_snapshot!(all(&[
        "fn f(p: f32) -> f32 {\n    require 0 <= p < 1\n    let y =\n    let z = x +\n    let layer = 3\n    let = 3\n    x ** 2\n    x && y\n    y += 1\n    if a = b { c }\n    f(a, , b)\n    z.\n    \"open\n    f(\"open)\n    1 +* 2\n    x[1; 2]\n}\n",
        "const A = 99999999999999999999\nconst B = 1e999\nconst C = \"a\\qb\"\nconst größe = 1\nconst D = #comment\n",
        "blueprint A(x dim) { param w f32[3] }\nfn f(x: 3) -> { x }\nuse a.{b c}\nuse 3\ngrad f(x: f32) { x }\ntrain { }\nfn g -> f32 { x }\n",
        "blueprint B {\n    slot 3\n    grow from x\n    grow a from b\n    param\n    forward x -> y { x }\n    for i range(3) { i }\n}\n",
    ]));
}

/// Every repair that is offered makes the message go away, and where it is certain makes the text right.
#[test]
fn repairs_repair() {
    let mut repairs = 0;
    let texts = crate::CODES.iter().map(|record| record.wrong).chain([
        "fn f(x: f32) -> f32 {\n    a;\n}\n",
        "fn f(x: f32) -> f32 {\n    let a = x; a + 1\n}\n",
        "fn f(x: f32) -> f32 {\n    return x\n}\n",
        "fn f(x: f32) -> f32 {\n    if a = b { c }\n}\n",
        "const A = 1 × 2\n",
        "const A = 1 && 2\n",
        "const A = \"open\\\n",
        "blueprnt Net { }\n",
        "blueprint Net {\n    layer first = f(10\n\nconst A = 1\n",
        "const A = (1 + [2\n",
        "const A = 1 //! late\n",
    ]);
    for text in texts {
        let problems = super::read(text).problems;
        for edit in problems.iter().flat_map(|p| &p.edits) {
            let repaired = esper_diagnostics::apply_edits(text, &edit.changes);
            let left = super::read(&repaired).problems;
            assert!(left.is_empty(), "{text}\n---- became\n{repaired}\n{left:?}");
            repairs += 1;
        }
    }
    assert!(repairs >= 15, "{repairs}");
}
