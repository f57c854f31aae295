//! No text panics or hangs the compiler: a minute of broken programs through parse, format and check. Set ESPER_FUZZ_SECONDS for longer,
//! ESPER_FUZZ_FROM to begin with another mutation.
//!
//! What is worth keeping lies in `tests/corpus/`, is mutated like every program of the project, and runs in a test of its own: texts that
//! once broke something, and for every code that mutations reach the first text that did. ESPER_FUZZ_KEEP=1 writes new ones there.
use esper_driver::Session;
use esper_tests::mutate::{Random, mutate};
use esper_tests::{files, root};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

/// The slowest that any of these texts may take before it counts as hanging: several times what a quiet machine needs.
const HANG: Duration = Duration::from_secs(60);

/// Gives the codes of what is wrong with the text.
fn survive(text: &str, origin: &str) -> BTreeSet<String> {
    let start = Instant::now();
    let formatted = esper_grammar::format(text);
    if let Ok(formatted) = formatted {
        assert_eq!(esper_grammar::format(&formatted).as_deref(), Ok(formatted.as_str()), "not idempotent: {origin}\n{text}");
    }
    let mut session = Session::new();
    let loaded = session.load_text("fuzz.blueprint", text, Path::new("/nowhere"));
    let inputs = loaded.inputs();
    let resolution = esper_check::names::resolve(&inputs);
    let mut problems = loaded.problems.clone();
    problems.extend(resolution.problems.iter().cloned());
    problems.extend(esper_check::check(&resolution));
    for problem in &problems {
        for label in std::iter::once(&problem.primary).chain(&problem.secondary) {
            let text = &loaded.sources.file(label.span.file).text;
            let inside = label.span.start <= label.span.end && label.span.end as usize <= text.len();
            assert!(
                inside && text.is_char_boundary(label.span.start as usize) && text.is_char_boundary(label.span.end as usize),
                "{problem:?}"
            );
        }
    }
    // rendering walks every label
    for format in [esper_diagnostics::Format::Human, esper_diagnostics::Format::Json] {
        esper_diagnostics::render(&problems, &loaded.sources, format, false);
    }
    assert!(start.elapsed() < HANG, "{origin} took {:?}:\n{text}", start.elapsed());
    problems.into_iter().map(|p| p.code).collect()
}

fn seeds() -> Vec<(String, String)> {
    let texts = files(&[".blueprint"]);
    texts.iter().map(|p| (p.display().to_string(), std::fs::read_to_string(p).expect("readable"))).collect()
}

fn on_a_deep_stack(work: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(256 << 20).spawn(work).expect("a thread");
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

#[test]
fn no_mutation_panics_or_hangs() {
    let number = |name: &str| std::env::var(name).ok().and_then(|s| s.parse().ok());
    let (seconds, from) = (number("ESPER_FUZZ_SECONDS").unwrap_or(60), number("ESPER_FUZZ_FROM").unwrap_or(0u64));
    let keep = std::env::var_os("ESPER_FUZZ_KEEP").is_some();
    on_a_deep_stack(move || {
        let seeds = seeds();
        let mut reached: BTreeSet<String> = seeds.iter().flat_map(|(name, text)| survive(text, name)).collect();
        let start = Instant::now();
        let mut count = 0u64;
        while start.elapsed() < Duration::from_secs(seconds) {
            let mut random = Random(from + count);
            let (name, text) = &seeds[random.below(seeds.len())];
            let text = mutate(text, &mut random);
            let written = std::env::temp_dir().join(format!("esper-fuzz-{}.blueprint", std::process::id()));
            // a hang or an abort leaves the text behind
            std::fs::write(&written, &text).expect("a temporary file");
            for code in survive(&text, &format!("{name}, mutation {}", from + count)) {
                if reached.insert(code.clone()) && keep {
                    let corpus = root().join("tests/corpus");
                    std::fs::create_dir_all(&corpus).expect("a folder");
                    std::fs::write(corpus.join(format!("{code}.blueprint")), &text).expect("kept");
                }
            }
            std::fs::remove_file(written).expect("ours");
            count += 1;
        }
        println!("{count} mutations survived, {} codes reached", reached.len());
    });
}

#[test]
fn odd_files_get_an_answer() {
    on_a_deep_stack(|| {
        let n = 200_000;
        let odd = [
            String::new(),
            "\u{feff}".into(),
            "\0\0\0".into(),
            "x".repeat(2 << 20),
            " ".repeat(2 << 20),
            format!("const A = {}1{}", "(".repeat(n), ")".repeat(n)),
            format!("const A = {}", "-".repeat(n)),
            format!("fn f(x: f32[{}]) -> f32 {{ 0 }}", "b, ".repeat(n)),
            format!("const A = [{}]", "1, ".repeat(n)),
            "{".repeat(n),
            "blueprint B(\n".repeat(20_000),
            "const A = 9223372036854775807 * 9223372036854775807 ^ 9223372036854775807\n".into(),
            "const A = [0 for i in range(1000000000000)]\n".into(),
            "fn f(x: f32[9223372036854775807, 9223372036854775807]) -> f32 { sum(x * x) }\n".into(),
        ];
        for (i, text) in odd.iter().enumerate() {
            survive(text, &format!("odd text {i}"));
        }
    });
}

#[test]
fn the_corpus_survives() {
    on_a_deep_stack(|| {
        let corpus: Vec<_> = files(&[".blueprint"]).into_iter().filter(|p| p.starts_with(root().join("tests/corpus"))).collect();
        assert!(corpus.len() >= 20, "the corpus has only {} texts", corpus.len());
        for path in corpus {
            survive(&std::fs::read_to_string(&path).expect("readable"), &path.display().to_string());
        }
    });
}
