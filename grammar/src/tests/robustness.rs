//! No text is too deep, too long or too strange.
use super::{count, examples, read};
use crate::{format, same_meaning};

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
    assert_eq!(count(&format!("const A = [{}]\n", "1 + 2 * (3 + 4), ".repeat(n / 10))), (1, 0));
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
        read(&piece.repeat(60_000 / piece.len()));
        read(&format!("fn f() -> f32 {{ {}", piece.repeat(60_000 / piece.len())));
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
    assert_eq!(count(&format!("const A = [{}]", "1, ".repeat(100_000))), (1, 0));
}

/// A generator of numbers that are the same in every run (Steele, Lea and Flood, SplitMix, 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound.max(1) as u64) as usize
    }
}

/// What every text must stand: it is parsed and printed, and where it has no errors it is formatted, stably and with its meaning kept.
fn stand(text: &str) {
    let parsed = read(text);
    crate::print_tree(&parsed.file);
    let mut lines: Vec<usize> = parsed.problems.iter().map(|p| text[..p.primary.span.start as usize].matches('\n').count()).collect();
    let problems = lines.len();
    lines.dedup();
    assert_eq!(lines.len(), problems, "two problems on a line of {text:?}: {:#?}", parsed.problems);
    match format(text) {
        Ok(formatted) => {
            let again = read(&formatted);
            assert!(same_meaning(&parsed.file, &again.file), "{text}\n---- became\n{formatted}");
            assert_eq!(parsed.comments.len(), again.comments.len(), "{text}\n---- became\n{formatted}");
            assert_eq!(format(&formatted).as_ref(), Ok(&formatted), "not stable: {text}");
        }
        Err(errors) => assert_eq!(errors.len(), problems),
    }
}

/// Examples with pieces cut, doubled, moved and replaced.
#[test]
fn mutated_programs_do_no_harm() {
    const PIECES: [&str; 24] = [
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "\n",
        " ",
        "// c\n",
        "/// d\n",
        "\"",
        ",",
        "=",
        "-",
        "|>",
        ".",
        "..",
        "if a { b } else { c }",
        "let",
        "§",
        ";",
        "é",
        "\r\n",
        "x",
    ];
    let programs: Vec<String> = examples().into_iter().map(|(_, text)| text).collect();
    let mut random = Random(1);
    for _ in 0..1500 {
        let program = &programs[random.below(programs.len())];
        // a window keeps each case small
        let boundary = |at: usize| program.floor_char_boundary(at);
        let start = boundary(random.below(program.len()));
        let mut text = program[start..boundary(start + random.below(900))].to_string();
        for _ in 0..=random.below(3) {
            let at = text.floor_char_boundary(random.below(text.len() + 1));
            let end = text.floor_char_boundary(at + random.below(12));
            match random.below(4) {
                0 => text.replace_range(at..end, ""),
                1 => text.insert_str(at, PIECES[random.below(PIECES.len())]),
                2 => text.replace_range(at..end, PIECES[random.below(PIECES.len())]),
                _ => {
                    let piece = text[at..end].to_string();
                    let to = text.floor_char_boundary(random.below(text.len() + 1));
                    text.insert_str(to, &piece);
                }
            }
        }
        stand(&text);
    }
}

/// Single lines of the language, put together at random with comments between, so that most texts can be formatted.
#[test]
fn random_tokens_do_no_harm() {
    const TOKENS: [&str; 40] = [
        "a", "b", "1", "2.5", "\"s\"", "+", "-", "*", "/", "^", "@", "==", "<", "and", "or", "not", "(", ")", "[", "]", "{", "}", ",", ":",
        ";", "..", ".", "|>", "=", ":=", "if", "else", "for", "in", "let", "\n", "\n\n", " // c\n", "true", "f(",
    ];
    let mut random = Random(2);
    for _ in 0..4000 {
        let mut text = String::from("fn f(x: f32) -> f32 {\n");
        for _ in 0..random.below(14) {
            text.push_str(TOKENS[random.below(TOKENS.len())]);
            text.push_str(if random.below(3) == 0 { "" } else { " " });
        }
        text.push_str("\n}\n");
        stand(&text);
    }
}

/// Random expressions that can be read, with line ends and comments wherever these may stand.
#[test]
fn random_expressions_are_formatted() {
    fn expression(random: &mut Random, depth: usize, out: &mut String) {
        let gap = |random: &mut Random, out: &mut String| out.push_str(["", " ", " ", "\n", " // c\n", "\n// own\n"][random.below(6)]);
        if depth == 0 {
            return out.push_str(["a", "b.c", "12", "\"s\"", "x[0:n, ..]"][random.below(5)]);
        }
        match random.below(9) {
            0 | 1 => {
                expression(random, depth - 1, out);
                out.push_str(
                    [" + ", " - ", "*", " / ", " and ", " @ ", " |> ", "\n + ", " // c\n - ", "\n // own\n |> "][random.below(10)],
                );
                expression(random, depth - 1, out);
            }
            2 => {
                out.push_str(["-", "not "][random.below(2)]);
                expression(random, depth - 1, out);
            }
            3 => {
                out.push_str("if a {");
                gap(random, out);
                expression(random, depth - 1, out);
                out.push_str("} else { b }");
            }
            kind => {
                let (open, close) = [("(", ")"), ("f(", ")"), ("[", "]"), ("long_name_of_a_function(", ")"), ("[x ; ", "]")][kind - 4];
                out.push_str(open);
                gap(random, out);
                expression(random, depth - 1, out);
                if close == ")" && random.below(2) == 0 {
                    gap(random, out);
                    out.push(',');
                    gap(random, out);
                    expression(random, depth - 1, out);
                }
                gap(random, out);
                out.push_str(close);
            }
        }
    }
    let (mut random, mut formatted) = (Random(3), 0);
    for _ in 0..3000 {
        let mut text = String::from("fn f(x: f32) -> f32 {\n    let y = ");
        let depth = random.below(6);
        expression(&mut random, depth, &mut text);
        text.push_str("\n    y\n}\n");
        formatted += usize::from(format(&text).is_ok());
        stand(&text);
    }
    assert!(formatted > 1000, "only {formatted} could be read");
}
