//! Sources to findings and experiments, with the standard library's text beside them.
#![allow(dead_code)]
use esper_check::names::{FileInput, Resolution, imports_of, resolve};
use esper_diagnostics::{Diagnostic, Sources, Span};
use esper_grammar::parse;

/// The text of a module of the standard library.
fn library(module: &str) -> Option<String> {
    let name = module.strip_prefix("std.")?;
    std::fs::read_to_string(format!("{}/../../stdlib/{name}.blueprint", env!("CARGO_MANIFEST_DIR"))).ok()
}

/// Runs something on the resolved source and the modules it needs; all of them parse.
pub fn with<T>(source: &str, others: &[(&str, &str)], run: impl FnOnce(&Resolution, &Sources) -> T) -> T {
    with_syntax(source, others, |syntax, resolution, sources| {
        assert!(syntax.is_empty(), "does not parse: {syntax:#?}");
        run(resolution, sources)
    })
}

/// All problems of a source, syntax errors among them.
pub fn problems(source: &str, others: &[(&str, &str)]) -> (Vec<Diagnostic>, Sources) {
    with_syntax(source, others, |syntax, resolution, sources| (esper_check::problems(syntax, resolution), sources.clone()))
}

/// [`with`] the syntax errors.
fn with_syntax<T>(source: &str, others: &[(&str, &str)], run: impl FnOnce(&[Diagnostic], &Resolution, &Sources) -> T) -> T {
    let mut syntax = vec![];
    let mut sources = Sources::default();
    let mut files = vec![];
    let mut wanted = vec![("main".to_string(), Some(source.to_string()))];
    let mut known: Vec<String> = vec![];
    while let Some((module, text)) = wanted.pop() {
        if known.contains(&module) {
            continue;
        }
        known.push(module.clone());
        let given = others.iter().find(|(name, _)| *name == module).map(|(_, text)| text.to_string());
        let Some(text) = text.or(given).or_else(|| library(&module)) else { continue };
        let id = sources.add(if module == "main" { "main.blueprint".to_string() } else { module.clone() }, text.clone());
        let parsed = parse(id, &text);
        syntax.extend(parsed.problems);
        for (name, _) in imports_of(&parsed.file) {
            wanted.push((name, None));
        }
        files.push((id, module, parsed.file));
    }
    let inputs: Vec<FileInput> = files.iter().map(|(id, module, file)| FileInput { id: *id, module: module.clone(), file }).collect();
    let resolution = resolve(&inputs);
    run(&syntax, &resolution, &sources)
}

/// What the check of types says, one line a label: the code, the text under the label, and what is said there.
pub fn check(source: &str) -> String {
    check_with(source, &[])
}

/// [`check`] with further modules.
pub fn check_with(source: &str, others: &[(&str, &str)]) -> String {
    with(source, others, |resolution, sources| {
        let problems = esper_check::check(resolution);
        problems.iter().map(|p| short(p, sources)).collect::<Vec<_>>().join("")
    })
}

/// A finding as text.
pub fn short(p: &Diagnostic, sources: &Sources) -> String {
    let place = |span: Span| format!("{} `{}`", sources.line_column(span).0, sources.text(span).replace('\n', "⏎"));
    let mut out = format!("{} {}\n  ^ {}: {}\n", p.code, p.message, place(p.primary.span), p.primary.text);
    for l in &p.secondary {
        out += &format!("  - {}: {}\n", place(l.span), l.text);
    }
    p.notes.iter().for_each(|n| out += &format!("  note: {n}\n"));
    p.helps.iter().for_each(|n| out += &format!("  help: {n}\n"));
    for e in &p.edits {
        out += &format!("  edit: {}\n", applied(e, sources, p.primary.span));
    }
    out
}

/// The lines that an edit changes, as they are afterwards.
fn applied(edit: &esper_diagnostics::Edit, sources: &Sources, place: Span) -> String {
    let file = edit.changes.first().map_or(place.file, |(s, _)| s.file);
    let mut text = sources.file(file).text.clone();
    let mut changes = edit.changes.clone();
    changes.sort_by_key(|(s, _)| std::cmp::Reverse(s.start));
    let before: Vec<String> = text.lines().map(str::to_string).collect();
    for (span, new) in changes {
        text.replace_range(span.start as usize..span.end as usize, &new);
    }
    text.lines().filter(|l| !before.iter().any(|b| b == l)).map(str::trim).collect::<Vec<_>>().join(" ⏎ ")
}
