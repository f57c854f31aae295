//! Broken programs: whatever stands in a file, the check ends and says something or nothing, and never panics.
use esper_check::names::{FileInput, resolve};
use esper_diagnostics::Sources;
use esper_grammar::parse;

/// A small generator of numbers (Lehmer, modulus 2^31 - 1).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0 * 48271 % 2_147_483_647;
        self.0 as usize % n
    }
}

/// Words of a text with what stands between them.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces: Vec<String> = vec![];
    for c in text.chars() {
        let word = |c: char| c.is_alphanumeric() || c == '_';
        match pieces.last_mut() {
            Some(last) if word(c) && last.chars().all(word) => last.push(c),
            _ => pieces.push(c.to_string()),
        }
    }
    pieces
}

fn check_files(files: &[(&str, String)]) {
    let mut sources = Sources::default();
    let parsed: Vec<_> = files
        .iter()
        .map(|(module, text)| {
            let id = sources.add(*module, text.clone());
            (id, module.to_string(), parse(id, text).file)
        })
        .collect();
    let inputs: Vec<FileInput> = parsed.iter().map(|(id, module, file)| FileInput { id: *id, module: module.clone(), file }).collect();
    let resolution = resolve(&inputs);
    for problem in esper_check::check(&resolution) {
        let spans = problem.secondary.iter().map(|l| l.span).chain([problem.primary.span]);
        for span in spans.chain(problem.edits.iter().flat_map(|e| e.changes.iter().map(|c| c.0))) {
            let text = &sources.file(span.file).text;
            assert!(text.get(span.start as usize..span.end as usize).is_some(), "{problem:?}");
        }
    }
    for train in esper_check::trains(&resolution) {
        let _ = esper_check::elaborate(&resolution, &train);
    }
}

#[test]
fn random_changes_never_panic() {
    let library = |name: &str| std::fs::read_to_string(format!("{}/../../stdlib/{name}.blueprint", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let fixed: Vec<(&str, String)> = vec![
        ("std.init", library("init")),
        ("std.losses", library("losses")),
        ("std.optim", library("optim")),
        ("std.hosts", library("hosts")),
    ];
    let texts = [library("nn"), include_str!("seeds.blueprint").to_string(), crate::programs::residual(), crate::programs::decoder()];
    let mut numbers = Numbers(20261123);
    let rounds = std::env::var("ESPER_FUZZ_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(60);
    for round in 0..rounds {
        let mut words = pieces(&texts[round % texts.len()]);
        for _ in 0..1 + numbers.below(3) {
            let (a, b) = (numbers.below(words.len()), numbers.below(words.len()));
            match numbers.below(4) {
                0 => drop(words.remove(a)),
                1 => words.swap(a, b),
                2 => words[a] = words[b].clone(),
                _ => {
                    words[a] = ["0", "-1", "9223372036854775807", "true", "x", "..", "(1, 2)", "[1]", "1e308"][numbers.below(9)].to_string()
                }
            }
        }
        let mut files = fixed.clone();
        if round % texts.len() != 0 {
            files.push(("std.nn", texts[0].clone()));
        }
        files.push((if round % texts.len() == 0 { "std.nn" } else { "main" }, words.concat()));
        check_files(&files);
    }
}
