//! The grammar of the compiler and the grammar of the editors are one language: every program gets the same tree from both.
//!
//! Programs: the library, the examples, the stories, the programs of the grammar's own tests, and mutants of them that still parse.
mod compiler;
mod editor;
mod queries;

use esper_diagnostics::FileId;
use esper_tests::mutate::{Random, mutate};
use esper_tests::suite::Story;
use esper_tests::{files, root};
use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

/// A syntax tree as both parsers can tell it.
#[derive(Debug, PartialEq)]
struct Tree {
    /// The part of its parent that it is, its kind, and for leaves the text.
    label: String,
    /// The bytes it covers; `None` for kinds whose place the compiler does not keep.
    range: Option<Range<usize>>,
    /// Its parts in the order of the text.
    children: Vec<Tree>,
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn write(tree: &Tree, depth: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let range = tree.range.as_ref().map_or(String::new(), |r| format!(" {}..{}", r.start, r.end));
            writeln!(f, "{:1$}{2}{range}", "", depth * 2, tree.label)?;
            tree.children.iter().try_for_each(|child| write(child, depth + 1, f))
        }
        write(self, 0, f)
    }
}

/// Every program of the project with a name to find it by.
fn programs() -> Vec<(PathBuf, String)> {
    let mut programs: Vec<(PathBuf, String)> =
        files(&[".blueprint"]).into_iter().map(|path| (path.clone(), std::fs::read_to_string(path).expect("readable"))).collect();
    // the programs of the design, where they are present
    for entry in std::fs::read_dir(root().join("../shared/design/examples")).into_iter().flatten().flatten() {
        if entry.path().extension().is_some_and(|e| e == "blueprint") {
            programs.push((entry.path(), std::fs::read_to_string(entry.path()).expect("readable")));
        }
    }
    let stories = files(&[".md"]).into_iter().filter(|path| path.starts_with(root().join("tests/suite")));
    programs.extend(stories.map(|path| (path.clone(), Story::read(&path).expect("a story").blueprint)));
    programs
}

/// What the two parsers disagree about; `None` where they agree, or where the compiler refuses the text.
fn disagreement(text: &str) -> Option<String> {
    let parsed = esper_grammar::parse(FileId(0), text);
    if !parsed.problems.is_empty() {
        return None;
    }
    let tree = editor::parse(text);
    if tree.root_node().has_error() {
        return Some(format!("the editors' grammar sees an error: {}", tree.root_node().to_sexp()));
    }
    let (ours, theirs) = (compiler::tree(&parsed.file, text), editor::tree(&tree, text));
    if ours == theirs {
        return None;
    }
    let (ours, theirs) = (ours.to_string(), theirs.to_string());
    let line = ours.lines().zip(theirs.lines()).position(|(a, b)| a != b).unwrap_or(0);
    let part = |tree: &str| tree.lines().skip(line.saturating_sub(6)).take(14).collect::<Vec<_>>().join("\n");
    Some(format!("the compiler's tree:\n{}\nthe editors' tree:\n{}", part(&ours), part(&theirs)))
}

#[test]
fn both_grammars_read_every_program_alike() {
    let mut read = 0;
    for (path, text) in programs() {
        if let Some(difference) = disagreement(&text) {
            panic!("{}: {difference}", path.display());
        }
        read += usize::from(esper_grammar::parse(FileId(0), &text).problems.is_empty());
    }
    assert!(read >= 40, "only {read} programs were compared");
}

#[test]
fn both_grammars_read_changed_programs_alike() {
    let mut random = Random(11);
    let programs = programs();
    let mut compared = 0;
    for round in 0..8000 {
        let (path, text) = &programs[round % programs.len()];
        let text = mutate(text, &mut random);
        if let Some(difference) = disagreement(&text) {
            panic!("a mutant of {}: {difference}\n{text}", path.display());
        }
        compared += usize::from(esper_grammar::parse(FileId(0), &text).problems.is_empty());
    }
    assert!(compared >= 100, "only {compared} mutants parse");
}

#[test]
fn what_is_no_program_is_an_error_in_both() {
    let broken = [
        "blueprint A {",
        "fn f(x: f32 -> f32 { x }",
        "const A =",
        "fn f() -> f32 { let = 1 }",
        "fn f() -> f32 { a b }",
        "fn f() -> f32 { (a\n b) }",
        "fn f() -> f32 { a ; b }",
        "fn f() -> f32 { x[1 2] }",
        "use a.{b c}",
        "train t { a = \"open }",
        "const A = 1 const B = 2",
        "const A = 1 /// behind",
        "fn f() -> f32 { 1 } //! not here",
    ];
    for text in broken {
        assert!(!esper_grammar::parse(FileId(0), text).problems.is_empty(), "the compiler reads {text:?}");
        assert!(editor::parse(text).root_node().has_error(), "the editors' grammar reads {text:?}");
    }
}
