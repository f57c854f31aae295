//! The structure, as a test: layers, quarantined vendors, first lines, names, unfinished work, unsafe code, long files.
use esper_tests::{files, root};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Every crate with its layer and the crates of ours it may depend on directly; `diagnostics` and `ir` are open from layer 2 up.
const LAYERS: &[(&str, u8, &[&str])] = &[
    ("esper-diagnostics", 0, &[]),
    ("esper-kernels", 0, &[]),
    ("esper-stdlib", 0, &[]),
    ("esper-grammar", 1, &["esper-diagnostics"]),
    ("esper-ir", 1, &["esper-diagnostics"]),
    ("esper-check", 2, &["esper-grammar"]),
    ("esper-passes", 2, &[]),
    ("esper-codegen", 2, &["esper-kernels"]),
    ("esper-lower", 3, &["esper-check"]),
    ("esper-pipeline", 3, &["esper-passes", "esper-codegen"]),
    ("esper-device", 3, &["esper-codegen"]),
    ("esper-telemetry", 3, &[]),
    ("esper-policy", 3, &[]),
    ("esper-store", 3, &[]),
    ("esper-driver", 4, &["esper-grammar", "esper-check", "esper-lower", "esper-pipeline", "esper-codegen", "esper-stdlib"]),
    ("esper-forge", 4, &[]),
    ("esper-train", 5, &["esper-pipeline", "esper-codegen", "esper-device", "esper-telemetry", "esper-forge", "esper-policy"]),
    ("esper-lsp", 5, &["esper-driver", "esper-check", "esper-grammar", "esper-stdlib"]),
    ("esperc", 6, &["*"]),
    ("esper-tests", 7, &["*"]),
    ("tree-sitter-blueprint", 0, &[]),
];

/// Crates of others that only one place may name: (crate's prefix, the one crate of ours, or several where the crate splits in parts).
const QUARANTINE: &[(&str, &[&str])] = &[
    ("logos", &["esper-grammar"]),
    ("lalrpop", &["esper-grammar"]),
    ("ariadne", &["esper-diagnostics"]),
    ("cranelift-codegen", &["esper-codegen", "esper-device"]),
    ("cranelift-frontend", &["esper-codegen"]),
    ("cranelift-jit", &["esper-device"]),
    ("cranelift-module", &["esper-device"]),
    ("cranelift-native", &["esper-device"]),
    ("petgraph", &["esper-ir"]),
    ("indicatif", &["esper-telemetry"]),
    ("nalgebra", &["esper-policy"]),
    ("redb", &["esper-store"]),
    ("csv", &["esper-train"]),
    ("flate2", &["esper-train"]),
    ("safetensors", &["esper-train"]),
    ("clap", &["esperc"]),
    ("thread-priority", &["esper-forge"]),
    ("lsp-server", &["esper-lsp"]),
    ("gen-lsp-types", &["esper-lsp"]),
];

/// Files past 600 lines, each with the reason why it is one thing.
const LONG_FILES: &[(&str, &str)] = &[];

fn packages() -> BTreeMap<String, Vec<String>> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    let text = |v: &serde_json::Value| v.as_str().unwrap_or_default().to_string();
    let normal = |d: &&serde_json::Value| d["kind"].is_null() || d["kind"] == "build";
    metadata["packages"]
        .as_array()
        .expect("packages")
        .iter()
        .map(|p| {
            (
                text(&p["name"]),
                p["dependencies"].as_array().expect("dependencies").iter().filter(normal).map(|d| text(&d["name"])).collect(),
            )
        })
        .collect()
}

#[test]
fn every_crate_depends_only_on_what_its_layer_may_use() {
    let packages = packages();
    let layer = |name: &str| LAYERS.iter().find(|(n, ..)| *n == name);
    for (name, dependencies) in &packages {
        let (_, own, allowed) = layer(name).unwrap_or_else(|| panic!("{name} has no row in LAYERS"));
        for dependency in dependencies {
            let Some((_, below, _)) = layer(dependency) else { continue };
            let open = *own >= 2 && ["esper-diagnostics", "esper-ir"].contains(&dependency.as_str());
            assert!(below < own, "{name} (layer {own}) depends on {dependency} (layer {below})");
            assert!(open || allowed.contains(&"*") || allowed.contains(&dependency.as_str()), "{name} must not depend on {dependency}");
        }
    }
    for (name, ..) in LAYERS {
        assert!(packages.contains_key(*name), "{name} is in LAYERS but is no crate");
    }
}

#[test]
fn crates_of_others_stay_in_their_place() {
    for (name, dependencies) in packages() {
        for (vendor, homes) in QUARANTINE {
            let uses = dependencies.iter().any(|d| d == vendor);
            assert!(!uses || homes.contains(&name.as_str()), "{name} uses {vendor}, whose place is {homes:?}");
        }
    }
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).expect("inside the project").to_string_lossy().replace('\\', "/")
}

/// What a line holds besides a comment.
fn code(line: &str) -> &str {
    line.split("//").next().unwrap_or("")
}

#[test]
fn every_file_says_first_what_it_is_for() {
    let mut silent = Vec::new();
    for path in files(&[".rs", ".lalrpop", ".blueprint", ".py", ".wgsl", ".cu"]) {
        let name = relative(&path);
        if name.starts_with("tests/corpus/") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("readable");
        let first = text.lines().next().unwrap_or("");
        let comment = if name.ends_with(".py") {
            "\"\"\""
        } else if name.ends_with(".rs") || name.ends_with(".blueprint") {
            "//!"
        } else {
            "//"
        };
        if !first.starts_with(comment) || first.len() < 15 {
            silent.push(format!("{name}: {first:?}"));
        }
    }
    assert!(silent.is_empty(), "the first line says what the file is for: {silent:#?}");
}

#[test]
fn no_file_is_named_after_nothing() {
    for path in files(&[".rs"]) {
        let stem = path.file_stem().expect("a name").to_string_lossy().to_string();
        assert!(!["utils", "util", "common", "helpers", "helper", "misc"].contains(&stem.as_str()), "{} says nothing", relative(&path));
    }
}

#[test]
fn nothing_is_left_unfinished() {
    // put together here so that this file does not find itself
    let marks = ["todo", "unimplemented", "dbg"].map(|m| format!("{m}!"));
    let ignored = format!("#[{}", "ignore");
    for path in files(&[".rs"]) {
        for (i, line) in std::fs::read_to_string(&path).expect("readable").lines().enumerate() {
            let found = marks.iter().any(|m| code(line).contains(m.as_str())) || code(line).contains(&ignored);
            assert!(!found, "{}:{}: {line}", relative(&path), i + 1);
        }
    }
}

#[test]
fn unsafe_code_lives_in_the_devices_and_says_why_it_is_sound() {
    let mut found = Vec::new();
    for path in files(&[".rs"]) {
        let name = relative(&path);
        let text = std::fs::read_to_string(&path).expect("readable");
        let lines: Vec<&str> = text.lines().collect();
        for (i, line) in lines.iter().enumerate() {
            let words = code(line);
            let uses = words.contains("unsafe {")
                || words.contains("unsafe impl")
                || words.contains("unsafe fn")
                || words.contains("unsafe extern");
            if !uses || words.contains('"') {
                continue;
            }
            if !["runtime/device/", "tests/", "editors/tree-sitter-blueprint/"].iter().any(|place| name.starts_with(place)) {
                found.push(format!("{name}:{}: outside the devices", i + 1));
            }
            // The reason stands in the comment above, in the documentation of an unsafe function, or once for a whole unsafe function.
            let reason = |l: &&str| l.contains("SAFETY") || l.contains("# Safety");
            let paragraph = lines[..=i].iter().rev().take(40).take_while(|l| !l.trim().is_empty()).any(|l| reason(&l));
            if !paragraph {
                found.push(format!("{name}:{}: {}", i + 1, line.trim()));
            }
        }
    }
    assert!(found.is_empty(), "unsafe code without its reason: {found:#?}");
}

#[test]
fn files_are_short_or_say_why_not() {
    let mut long = Vec::new();
    for path in files(&[".rs"]) {
        let name = relative(&path);
        let lines = std::fs::read_to_string(&path).expect("readable").lines().count();
        if lines > 600 && !LONG_FILES.iter().any(|(n, _)| *n == name) {
            long.push(format!("{name}: {lines} lines"));
        }
    }
    assert!(long.is_empty(), "past 600 lines, split by thing: {long:#?}");
}
