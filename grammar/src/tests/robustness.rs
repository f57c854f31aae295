//! No text is too deep, too long or too strange.
use super::{count, read};

#[test]
fn no_input_is_too_deep_or_too_long() {
    let n = 100_000;
    let deep = [
        format!("const A = {}1{}", "(".repeat(n), ")".repeat(n)),
        format!("const A = {}1", "1+".repeat(n)),
        format!("const A = {}1", "-".repeat(n)),
        format!("const A = a{}", "(1)".repeat(n)),
        format!("const A = a{}", ".b".repeat(n)),
        format!("const A = {}", "if ".repeat(n)),
        format!("fn f(x: {}f32{}) -> f32 {{ x }}", "[".repeat(n), "]".repeat(n)),
        format!("fn f(x: f32) -> f32 {{ {} x }}", "if a { x } else ".repeat(n)),
        format!("fn f(x: f32) -> f32 {{ {}", "for i in x { ".repeat(n)),
        format!("const A = {}", "({[".repeat(n)),
    ];
    for text in deep {
        let (items, problems) = count(&format!("{text}\nconst B = 2\n"));
        assert!(items >= 1 && (1..=2).contains(&problems), "{}…: {items} items, {problems} problems", &text[..40]);
    }
    assert_eq!(count(&format!("const A = [{}]\n", "1 + 2 * (3 + 4), ".repeat(n))), (1, 0));
}

#[test]
fn the_time_is_linear() {
    let text = "fn f(x: f32[..]) -> f32[..] {\n    let a = x + 1\n    a |> relu\n}\n".repeat(20_000);
    assert_eq!(count(&text), (20_000, 0));
    // each of these would be quadratic in a careless lexer, layout step or error path
    for piece in [
        "/// doc\n",
        "//! doc\n",
        "// comment\n",
        "}",
        "(",
        ")(",
        "\"",
        "let x = \n",
        "§ ",
        "a b ",
        "\n",
        "x < ",
        "if a { ",
        "[;",
        "fn f\n",
    ] {
        read(&piece.repeat(300_000 / piece.len()));
        read(&format!("fn f() -> f32 {{ {}", piece.repeat(300_000 / piece.len())));
    }
}

#[test]
fn bytes_of_every_kind() {
    assert_eq!(count("\u{feff}const A = 1\r\nconst B = 2\r\n"), (2, 0));
    assert_eq!(count("const A = 1\r\nfn f(x: f32) -> f32 {\r\n    x\r\n        |> relu\r\n}\r\n"), (2, 0));
    assert_eq!(read("/// doc \r\nconst A = 1").file.items[0].docs.text, "doc");
    for text in
        ["const Ä = 1", "const A = \"äöü🦀\"", "const A = 🦀", "é", "\"é", "\"\\é\"", "\u{0}", "a\u{feff}b", "\"\\", "const A = \"\\"]
    {
        let parsed = read(text);
        for problem in &parsed.problems {
            let span = problem.primary.span;
            assert!(text.get(span.start as usize..span.end as usize).is_some(), "{text:?}: {span:?} cuts a character");
        }
    }
    assert_eq!(count("const A = \"äöü🦀\""), (1, 0));
    assert_eq!(count(&format!("const A = \"{}\"", "ä".repeat(1_000_000))), (1, 0));
    assert_eq!(count(&format!("const A = [{}]", "1, ".repeat(400_000))), (1, 0));
}
