//! Rendered messages, with the text above them as a reviewer reads them.
use super::{Format, render, summary};
use crate::{Diagnostic, FileId, Sources, Span};

const TEXT: &str = "blueprint Classifier {\n    layer first = Linear(16)\n    // größer\n    forward(x: f32[b, 64]) -> f32[b, 10] { x |> frist |> relu }\n}\n";

fn sources() -> Sources {
    let mut sources = Sources::default();
    sources.add("digits.blueprint", TEXT);
    sources.add("std.nn", "fn split_heads(x: f32[b, t, d]) -> f32[b] {\n    rearrange(x, \"b t (n e) -> b n t e\", n = heads)\n}\n");
    sources
}

fn at(file: u32, text: &str, word: &str) -> Span {
    let start = text.find(word).unwrap();
    Span::new(FileId(file), start, start + word.len())
}

fn samples() -> Vec<Diagnostic> {
    let sources = sources();
    let library = &sources.file(FileId(1)).text;
    vec![
        Diagnostic::error("E0101", "nothing is called `frist` here", at(0, TEXT, "frist"), "no such name")
            .label(at(0, TEXT, "first"), "did you mean this layer?")
            .edit("replace by `first`", at(0, TEXT, "frist"), "first")
            .certain(),
        Diagnostic::error("E0309", "a dim that is not exact", at(1, library, "(n e)"), "d / heads must divide: 130 / 4")
            .label(at(0, TEXT, "16"), "d = 130 comes from here")
            .note("blocks[0] = Block(heads = 4)\nblocks[0].attention = MultiHeadAttention(heads = 4)")
            .help("128 and 132 divide by 4"),
        Diagnostic::warning("W0107", "an empty place", at(0, TEXT, "}\n").after(), ""),
    ]
}

fn shown(format: Format) -> String {
    render(&samples(), &sources(), format, false)
}

#[test]
fn for_people() {
    insta::assert_snapshot!(shown(Format::Human));
}

#[test]
fn in_short() {
    insta::assert_snapshot!(shown(Format::Short));
}

#[test]
fn as_json() {
    let text = shown(Format::Json);
    assert_eq!(text.lines().count(), 3);
    for line in text.lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
    insta::assert_snapshot!(text);
}

#[test]
fn as_sarif() {
    let text = shown(Format::Sarif);
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["runs"][0]["results"].as_array().unwrap().len(), 3);
    insta::assert_snapshot!(text);
}

#[test]
fn colors_only_where_they_are_wanted() {
    assert!(render(&samples(), &sources(), Format::Human, true).contains('\u{1b}'));
    assert!(!shown(Format::Human).contains('\u{1b}'));
}

#[test]
fn the_last_line_counts() {
    assert_eq!(summary(&samples()).as_deref(), Some("error: 2 errors; 1 warning"));
    assert_eq!(summary(&samples()[..1]).as_deref(), Some("error: 1 error"));
    assert_eq!(summary(&samples()[2..]).as_deref(), Some("warning: 1 warning"));
    assert_eq!(summary(&[]), None);
}

#[test]
fn every_place_can_be_drawn() {
    let texts = ["", "\n", "x", "é\r\n\tü\r\n", "a\n\n\nb", &"x ".repeat(500_000), "\u{2028}a\u{85}b"];
    for text in texts {
        let mut sources = Sources::default();
        let file = sources.add("a", text);
        let places: Vec<usize> = (0..=text.len()).filter(|at| text.is_char_boundary(*at) && (*at < 40 || *at + 3 > text.len())).collect();
        for start in &places {
            for end in places.iter().filter(|end| *end >= start) {
                let diagnostic =
                    Diagnostic::error("E0004", "m", Span::new(file, *start, *end), "l").label(Span::new(file, *end, *end), "e");
                if text.len() > 1000 && *start > 2 {
                    continue;
                }
                let shown = render(&[diagnostic], &sources, Format::Human, false);
                assert!(shown.starts_with("error[E0004]: m\n") && shown.len() < 5000, "{shown}");
            }
        }
    }
}

#[test]
fn a_label_in_another_file_behind_characters_of_several_bytes_is_drawn() {
    let mut sources = Sources::default();
    let first = sources.add("main.blueprint", "use seeds.{Small}\n");
    let text = "/// Parameters: 3·e·d² + 2·e·d + 2·d.\nblueprint Small {\n}\n";
    let second = sources.add("seeds.blueprint", text);
    for (start, end) in [(0, 0), (16, 19), (text.find("Small").unwrap(), text.find("Small").unwrap() + 5)] {
        let problem =
            Diagnostic::error("E0001", "message", Span::new(first, 11, 16), "here").label(Span::new(second, start, end), "and there");
        let drawn = render(&[problem], &sources, Format::Human, false);
        assert!(drawn.contains("seeds.blueprint:") && drawn.contains("and there"), "{drawn}");
    }
    let small = Span::new(second, text.find("Small").unwrap(), text.find("Small").unwrap() + 5);
    let drawn = render(
        &[Diagnostic::error("E0001", "message", Span::new(first, 11, 16), "here").label(small, "there")],
        &sources,
        Format::Human,
        false,
    );
    assert!(drawn.contains("[ seeds.blueprint:2:11 ]"), "{drawn}");
}
