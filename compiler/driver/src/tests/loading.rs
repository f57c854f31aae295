//! Loading: files that use each other, files that are not there or are no text, and the cache.
use crate::{ReadError, Session};
use esper_diagnostics::Sources;
use std::path::Path;
use std::sync::Arc;

fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, bytes) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("inside the folder")).expect("a folder");
        std::fs::write(path, bytes).expect("a file");
    }
    folder
}

fn codes(path: &Path) -> Vec<String> {
    Session::new().check(path).problems.iter().map(|p| p.code.clone()).collect()
}

fn at<'s>(sources: &'s Sources, problem: &esper_diagnostics::Diagnostic) -> &'s str {
    sources.text(problem.primary.span)
}

#[test]
fn files_are_found_from_the_entrys_folder_also_for_files_in_folders() {
    let folder = folder(&[
        ("main.blueprint", b"use layers.scale.{Scale}\nuse seeds.{twice}\nblueprint A {\n    layer s = Scale()\n    forward(x: f32[b, d]) -> f32[b, d] { twice(s(x)) }\n}\n"),
        ("layers/scale.blueprint", b"use seeds.{twice}\nblueprint Scale {\n    param p: f32[d] = ones\n    forward(x: f32[b, d]) -> f32[b, d] { twice(x * p) }\n}\n"),
        ("seeds.blueprint", b"fn twice(x: f32[..]) -> f32[..] { x + x }\n"),
    ]);
    let loaded = Session::new().load(&folder.path().join("main.blueprint"));
    let modules: Vec<&str> = loaded.files.iter().map(|f| f.module.as_str()).collect();
    assert_eq!(modules, ["main", "layers.scale", "seeds"]);
    assert_eq!(codes(&folder.path().join("main.blueprint")), Vec::<String>::new());
}

#[test]
fn files_that_use_each_other_are_loaded_once() {
    let folder = folder(&[
        ("a.blueprint", b"use b.{two}\nfn one(x: f32[n]) -> f32[n] { x }\nfn three(x: f32[n]) -> f32[n] { two(x) }\n"),
        ("b.blueprint", b"use a.{one}\nfn two(x: f32[n]) -> f32[n] { one(x) }\n"),
    ]);
    let loaded = Session::new().load(&folder.path().join("a.blueprint"));
    assert_eq!(loaded.files.len(), 2);
    assert_eq!(codes(&folder.path().join("a.blueprint")), Vec::<String>::new());
}

#[test]
fn an_entry_that_cannot_be_read_says_why() {
    let folder = folder(&[("latin.blueprint", b"// caf\xe9\n"), ("inner/x.blueprint", b"")]);
    for (name, error, code) in [
        ("none.blueprint", ReadError::Missing, "E0090"),
        ("inner", ReadError::Directory, "E0091"),
        ("latin.blueprint", ReadError::NotText { byte: 6, line: 1 }, "E0092"),
    ] {
        let path = folder.path().join(name);
        let loaded = Session::new().load(&path);
        assert_eq!(loaded.entry_error, Some(error));
        assert_eq!(codes(&path), [code]);
    }
}

#[test]
fn a_file_beyond_sixteen_megabytes_is_refused() {
    let folder = folder(&[("large.blueprint", b"")]);
    let path = folder.path().join("large.blueprint");
    std::fs::File::options().write(true).open(&path).and_then(|f| f.set_len(crate::LARGEST_FILE + 1)).expect("a large file");
    assert_eq!(codes(&path), ["E0093"]);
}

#[test]
#[cfg(unix)]
fn a_source_without_end_is_given_up() {
    assert_eq!(codes(Path::new("/dev/zero")), ["E0093"]);
}

#[test]
fn a_module_that_cannot_be_read_is_one_error_at_its_use() {
    let folder = folder(&[
        ("main.blueprint", b"use inner.{X}\nuse latin.{Y}\nuse sedes.{Z}\nblueprint A {\n    layer x = X()\n    layer y = Y()\n    layer z = Z()\n    forward(a: f32[b, d]) -> f32[b, d] { a |> x |> y |> z }\n}\n"),
        ("inner.blueprint/x", b""),
        ("latin.blueprint", b"\xff"),
        ("seeds.blueprint", b""),
    ]);
    let path = folder.path().join("main.blueprint");
    let checked = Session::new().check(&path);
    let said: Vec<(&str, &str)> = checked.problems.iter().map(|p| (p.code.as_str(), at(&checked.loaded.sources, p))).collect();
    assert_eq!(said, [("E0091", "inner"), ("E0092", "latin"), ("E0102", "sedes")]);
    assert_eq!(checked.problems[2].helps, ["did you mean `seeds`?"]);
}

#[test]
fn an_open_text_stands_for_the_file() {
    let folder = folder(&[("main.blueprint", b"fn f(x: f32[n]) -> f32[n] { y }\n")]);
    let path = folder.path().join("main.blueprint");
    let mut session = Session::new();
    assert_eq!(session.check(&path).problems.len(), 1);
    session.files.open(&path, "fn f(x: f32[n]) -> f32[n] { x }\n");
    assert_eq!(session.check(&path).problems, []);
    session.files.close(&path);
    assert_eq!(session.check(&path).problems.len(), 1);
}

#[test]
fn a_file_that_did_not_change_is_not_parsed_again() {
    let folder = folder(&[("main.blueprint", b"use std.nn.{relu}\nfn f(x: f32[n]) -> f32[n] { relu(x) }\n")]);
    let path = folder.path().join("main.blueprint");
    let mut session = Session::new();
    let first = session.load(&path);
    session.files.open(&path, "use std.nn.{relu}\nfn f(x: f32[n]) -> f32[n] { relu(relu(x)) }\n");
    let second = session.load(&path);
    assert!(!Arc::ptr_eq(&first.files[0].parsed, &second.files[0].parsed));
    assert!(Arc::ptr_eq(&first.files[1].parsed, &second.files[1].parsed));
}

#[test]
fn a_name_of_the_library_that_is_not_imported_gets_its_use_line() {
    let folder = folder(&[("main.blueprint", b"fn f(x: f32[n]) -> f32[n] { relu(x) }\n")]);
    let checked = Session::new().check(&folder.path().join("main.blueprint"));
    let edit = &checked.problems[0].edits[0];
    assert_eq!(edit.changes[0].1, "use std.nn.{relu}\n");
}
