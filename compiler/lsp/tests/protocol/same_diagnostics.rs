//! `esperc check` and the server say the same of every program of the project: the suite's stories, the examples, the library.
use crate::client::{Client, short_range, usual};
use esper_driver::Session;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join(folder)).expect("a folder of the project");
    let mut found: Vec<PathBuf> = entries.flatten().map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == extension)).collect();
    found.sort();
    found
}

/// Every program with its name: whole, and with one word misspelt so that there is something to say.
fn programs() -> Vec<(String, String)> {
    let mut programs = vec![];
    for path in files("tests/suite", "md") {
        let story = std::fs::read_to_string(&path).expect("readable");
        let blueprint = story.split("```blueprint\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a story has a blueprint");
        programs.push((path.display().to_string(), blueprint.to_string()));
    }
    for path in files("examples", "blueprint").into_iter().chain(files("stdlib", "blueprint")) {
        programs.push((path.display().to_string(), std::fs::read_to_string(&path).expect("readable")));
    }
    let misspelt: Vec<(String, String)> = programs
        .iter()
        .filter_map(|(name, text)| {
            let at = text.rfind("layer ").map(|at| at + 6).or_else(|| text.rfind("let ").map(|at| at + 4))?;
            Some((format!("{name}, misspelt"), format!("{}q{}", &text[..at], &text[at..])))
        })
        .collect();
    programs.into_iter().chain(misspelt).collect()
}

#[test]
fn the_server_says_what_check_says() {
    let mut abilities = usual();
    abilities["general"]["positionEncodings"] = json!(["utf-8"]);
    abilities["textDocument"]["diagnostic"] = json!({});
    let mut client = Client::offering(abilities, &[]);
    let folder = client.folder.path().to_path_buf();
    let mut said = 0;
    for (number, (name, text)) in programs().into_iter().enumerate() {
        let file = format!("p{number}.blueprint");
        let checked = Session::new().check_text(&folder.join(&file).display().to_string(), &text, &folder);
        let place = |offset: u32| {
            let before = &text[..offset as usize];
            json!({ "line": before.matches('\n').count(), "character": before.len() - before.rfind('\n').map_or(0, |n| n + 1) })
        };
        let expected: Vec<String> = checked
            .problems
            .iter()
            .filter(|p| p.primary.span.file.0 == 0)
            .map(|p| {
                let range = json!({ "start": place(p.primary.span.start), "end": place(p.primary.span.end) });
                format!("{} {} {}", p.code, short_range(&range), p.message)
            })
            .collect();
        client.open(&file, &text);
        let report = client.ask("textDocument/diagnostic", client.document(&file));
        let one = |p: &Value| {
            let message = p["message"].as_str().unwrap_or_default();
            format!(
                "{} {} {}",
                p["code"].as_str().unwrap_or_default(),
                short_range(&p["range"]),
                message.lines().next().unwrap_or_default()
            )
        };
        let found: Vec<String> = report["items"].as_array().expect("a report").iter().map(one).collect();
        assert_eq!(found, expected, "{name}");
        said += found.len();
        let uri = client.uri(&file);
        client.tell("textDocument/didClose", json!({ "textDocument": { "uri": uri } }));
    }
    assert!(said > 40, "the programs have something wrong: {said}");
    client.end();
}
