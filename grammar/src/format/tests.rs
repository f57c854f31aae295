//! The formatter's promises: the result is stable, means the same, and keeps every comment.
use super::{format, same_meaning};
use crate::Parsed;
use crate::tests::{examples, read};

/// Formats, and checks every promise on the way.
fn checked(text: &str) -> String {
    let formatted = format(text).unwrap_or_else(|errors| panic!("{text}\n{errors:?}"));
    let (before, after) = (read(text), read(&formatted));
    assert!(after.problems.is_empty(), "{text}\n---- became\n{formatted}\n{:?}", after.problems);
    assert!(same_meaning(&before.file, &after.file), "{text}\n---- became\n{formatted}");
    let comments = |parsed: &Parsed| {
        let mut texts: Vec<String> = parsed.comments.iter().map(|c| c.text.clone()).collect();
        texts.sort();
        texts
    };
    assert_eq!(comments(&before), comments(&after), "comments of\n{text}\n---- became\n{formatted}");
    let again = format(&formatted).expect("it was read above");
    let differing = formatted.lines().zip(again.lines()).find(|(one, other)| one != other);
    assert!(formatted == again, "not stable: {differing:?}\n{text:.4000}\n---- became\n{formatted:.4000}");
    formatted
}

#[test]
fn examples_keep_every_promise() {
    for (_, text) in examples() {
        checked(&text);
    }
}

#[test]
fn what_is_in_the_standard_layout_stays() {
    for text in [include_str!("../tests/programs/layout.blueprint"), include_str!("../tests/programs/experiment.blueprint")] {
        assert_eq!(checked(text), text);
    }
}

#[test]
fn spaces_lines_and_commas_are_normalised() {
    let becomes = |text: &str, formatted: &str| assert_eq!(checked(text), formatted);
    becomes("", "");
    becomes("\u{feff}const   A=1+2*-x^2\r\n\r\n\r\n\r\nconst B=[1,2,]", "const A = 1 + 2 * -x ^ 2\n\nconst B = [1, 2]\n");
    becomes("blueprint A(){}\nfn f(x:f32[..,])->f32[..]{x}", "blueprint A {}\n\nfn f(x: f32[..]) -> f32[..] { x }\n");
    becomes("fn f(x: f32) -> f32 {\n\n\n  x\n\n\n\n  -y\n\n}", "fn f(x: f32) -> f32 {\n    x\n\n    -y\n}\n");
    becomes("fn f(x: f32) -> f32 {\n}", "fn f(x: f32) -> f32 {}\n");
    becomes("fn f(x: f32) -> f32 {\nx + y\n + z\n - (w,)\n}", "fn f(x: f32) -> f32 {\n    x + y + z - (w)\n}\n");
    becomes("const A = 1/16\nconst C = 1 /16\nconst D = a/b", "const A = 1/16\nconst C = 1 / 16\nconst D = a / b\n");
    becomes("///a\n///\n///  b\nconst A = 1", "/// a\n///\n///  b\nconst A = 1\n");
    becomes("//! a\n\n\n//! b\nuse a.b\nuse a.c\n\n\nuse a.d", "//! a\n//! b\nuse a.b\nuse a.c\n\nuse a.d\n");
    becomes("train t {\na = 1\nlonger = 2\n\nb = 3\n}", "train t {\n    a      = 1\n    longer = 2\n\n    b = 3\n}\n");
    becomes(
        "fn f(x: f32) -> f32 { if a {\n x } else { y } }",
        "fn f(x: f32) -> f32 {\n    if a {\n        x\n    } else {\n        y\n    }\n}\n",
    );
}

#[test]
fn too_long_lines_are_broken() {
    let long = |name: &str, count: usize| (0..count).map(|i| format!("{name}_number_{i}")).collect::<Vec<_>>();
    insta::assert_snapshot!(checked(&format!(
        "use std.nn.{{{}}}\nconst SUM = {}\nconst LIST = [{}]\nfn f({}: f32) -> f32[b, c] {{ g({}) }}\nblueprint B {{\n layer x = Linear(a({}), 3)\n forward(x: f32) -> f32 {{ x |> {} }}\n require {}, \"the message\"\n}}",
        long("Layer", 9).join(", "),
        long("value", 9).join(" + "),
        long("element", 9).join(", "),
        long("parameter", 6).join(": f32 = 1, "),
        long("argument", 5).join(", "),
        long("argument", 7).join(", "),
        long("stage", 8).join(" |> "),
        long("condition", 6).join(" and "),
    )));
}

#[test]
fn comments_stay_where_they_can() {
    insta::assert_snapshot!(checked(
        "// top\n//! file\n// under\nuse a.{ // open\n b, // b\n // own\n c }\n/// doc\n// between\nconst A = // value\n 1 + // plus\n 2 // two\n * 3\nfn f( // params\n x: f32 // x\n , y: f32) -> f32 { // body\n\n // own\n x // pipe\n  // own pipe\n  |> f( // call\n ) |> g(a, // a\n b) // end\n // last\n} // after\n// bottom\n"
    ));
    // a comment in every second gap between tokens, at the end of a line and on its own
    let text = include_str!("../tests/programs/layout.blueprint");
    let bare: String = text.lines().map(|line| line.split(" // ").next().unwrap_or(line)).map(|line| format!("{line}\n")).collect();
    let (mut tried, mut read_well) = (0, 0);
    for (range, _) in crate::tokens(&bare).into_iter().step_by(2) {
        for comment in [" // here\n", "\n// here\n"] {
            let commented = format!("{}{comment}{}", &bare[..range.start], &bare[range.start..]);
            tried += 1;
            if read(&commented).problems.is_empty() {
                read_well += 1;
                checked(&commented);
            }
        }
    }
    assert!(read_well * 2 > tried, "{read_well} of {tried} gaps can hold a comment");
}

#[test]
fn broken_text_is_not_formatted() {
    let errors = format("const A =\n").unwrap_err();
    assert_eq!(errors[0].code, "E0004");
}

#[test]
fn deep_and_long_programs_are_formatted() {
    let n = 900;
    checked(&format!("const A = {}1{}", "(".repeat(n), ")".repeat(n)));
    checked(&format!("const A = {}1", "1 + ".repeat(n)));
    checked(&format!("const A = {}1", "-".repeat(n)));
    checked(&format!("const A = a{}", "(1)".repeat(n)));
    checked(&format!("const A = {}1{}", "[f(".repeat(n / 2), ")]".repeat(n / 2)));
    checked(&format!("fn f(x: f32) -> f32 {{ {} x {}", "if a { ".repeat(n / 3), "}".repeat(n / 3 + 1)));
    checked(&format!("fn f(x: f32) -> f32 {{ {} y }} }}", "if a { x } else ".repeat(n / 4) + "if a { x } else {"));
    checked(&"fn f(x: f32[..]) -> f32[..] {\n    let a = x + 1\n    a |> relu\n}\n\n".repeat(1_000));
    checked(&format!("const A = [{}]\n", "1, ".repeat(20_000)));
}
