//! The queries of every editor fit the grammar, and every word and value of every program gets a colour.
use crate::{editor, programs};
use esper_tests::{files, root};
use std::collections::{BTreeMap, BTreeSet};
use tree_sitter::{Language, Node, Query, QueryCursor, StreamingIterator};

fn language() -> Language {
    tree_sitter_blueprint::LANGUAGE.into()
}

#[test]
fn every_query_fits_the_grammar() {
    let paths: Vec<_> = files(&[".scm"]).into_iter().filter(|path| path.starts_with(root().join("editors"))).collect();
    assert!(paths.len() >= 12, "{paths:?}");
    for path in paths {
        let text = std::fs::read_to_string(&path).expect("readable");
        let query = Query::new(&language(), &text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert!(query.pattern_count() > 0, "{} is empty", path.display());
    }
}

/// The capture of every coloured node by its first byte and kind; of several the last pattern counts.
fn colours(query: &Query, text: &str) -> BTreeMap<(usize, String), String> {
    let parsed = editor::parse(text);
    let mut cursor = QueryCursor::new();
    let mut matches = cursor.matches(query, parsed.root_node(), text.as_bytes());
    let mut found: BTreeMap<(usize, String), (usize, String)> = BTreeMap::new();
    while let Some(one) = matches.next() {
        for capture in one.captures() {
            let name = query.capture_names()[capture.index as usize];
            if name == "spell" {
                continue;
            }
            let place = (capture.node.start_byte(), capture.node.kind().to_string());
            if found.get(&place).is_none_or(|(pattern, _)| *pattern <= one.pattern_index) {
                found.insert(place, (one.pattern_index, name.to_string()));
            }
        }
    }
    found.into_iter().map(|(place, (_, name))| (place, name)).collect()
}

fn each(node: Node, visit: &mut dyn FnMut(Node)) {
    visit(node);
    for i in 0..node.child_count() as u32 {
        each(node.child(i).expect("a child"), visit);
    }
}

#[test]
fn every_word_sign_value_and_comment_is_coloured_in_every_editor() {
    let mut words = BTreeSet::new();
    for path in ["tree-sitter-blueprint/queries", "helix/queries", "zed/languages/blueprint"] {
        let text = std::fs::read_to_string(root().join("editors").join(path).join("highlights.scm")).expect("readable");
        let query = Query::new(&language(), &text).expect("a query");
        for (program, text) in programs() {
            let parsed = editor::parse(&text);
            if parsed.root_node().has_error() {
                continue;
            }
            let colours = colours(&query, &text);
            each(parsed.root_node(), &mut |node| {
                let kind = node.kind();
                let value = ["comment", "documentation", "file_documentation", "integer", "float", "boolean", "string", "escape"];
                let part_of_value = node.parent().is_some_and(|p| ["string", "boolean"].contains(&p.kind()));
                if value.contains(&kind) || !node.is_named() && !part_of_value && !node.byte_range().is_empty() {
                    words.insert(kind.to_string());
                    assert!(
                        colours.contains_key(&(node.start_byte(), kind.to_string())),
                        "{path}, {}: `{kind}` has no colour",
                        program.display()
                    );
                }
            });
        }
    }
    for word in ["use", "fn", "grad", "blueprint", "optimizer", "policy", "train", "grow", "slot", "for", "escape"] {
        assert!(words.contains(word), "no program has `{word}`");
    }
}

#[test]
fn names_are_coloured_by_what_they_are() {
    let text = std::fs::read_to_string(root().join("editors/tree-sitter-blueprint/queries/highlights.scm")).expect("readable");
    let query = Query::new(&language(), &text).expect("a query");
    let program = "use std.nn.{Linear}\nconst WIDTH = 4\nblueprint Net(in: dim) {\n    layer first = Linear(out = WIDTH)\n    \
                   forward(x: f32[b, in]) -> f32[b, 4] { x |> first |> relu(0.5) }\n}\ntrain by { when = off }\n";
    let colours = colours(&query, program);
    let colour = |text: &str, nth: usize| {
        let at = program.match_indices(text).nth(nth).expect("in the program").0;
        colours.get(&(at, "identifier".to_string())).map_or("none", String::as_str)
    };
    let expected = [
        ("std", 0, "module"),
        ("Linear", 0, "type"),
        ("WIDTH", 0, "constant"),
        ("Net", 0, "type.definition"),
        ("in:", 0, "variable.parameter"),
        ("dim", 0, "type.builtin"),
        ("first", 0, "variable.member"),
        ("Linear", 1, "constructor"),
        ("out", 0, "variable.parameter"),
        ("WIDTH", 1, "constant"),
        ("in]", 0, "variable"),
        ("first", 1, "function.call"),
        ("relu", 0, "function.call"),
        ("by", 0, "label"),
        ("when", 0, "property"),
        ("off", 0, "variable"),
    ];
    for (text, nth, name) in expected {
        assert_eq!(colour(text, nth), name, "`{text}`");
    }
}
