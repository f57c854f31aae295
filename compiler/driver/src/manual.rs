//! `esperc doc`: signatures and documentation of modules, items, functions of the language and operators.
use crate::load::{Loaded, Session};
use esper_check::experiment::{FIELDS, FieldInfo, WORDS, WordInfo, words_of};
use esper_check::names::{ItemClass, ItemInfo, Resolution, resolve};
use esper_diagnostics::{Sources, Span, nearest};
use esper_grammar::ast::{Body, ItemKind, LineKind, Param};
use std::path::Path;

/// What is documented under a name, as Markdown; `None` where nothing has that name.
///
/// A name is a module (`std.nn`), an item of one (`std.nn.Linear`), the bare name of an item of the standard library (`Linear`),
/// a function of the language (`mean`), `train`, one of its fields (`split`) or their words (`holdout`), or an operator of the table. `entry` adds the modules of a user's program.
pub fn document(session: &mut Session, name: &str, entry: Option<&Path>) -> Option<String> {
    let loaded = program(session, entry);
    let inputs = loaded.inputs();
    let resolution = resolve(&inputs);
    let mut pages: Vec<String> = vec![];
    if let Some(file) = loaded.files.iter().find(|f| f.module == name) {
        let items = resolution.items_of(file.id).filter(|i| !i.name.starts_with('_'));
        pages.push(module_page(name, &file.parsed.file.docs.text, items, &loaded.sources));
    }
    let shown = |info: &&ItemInfo| info.name == name || format!("{}.{}", info.module, info.name) == name;
    pages.extend(resolution.items.iter().filter(shown).map(|info| item_page(info, &resolution, &loaded.sources)));
    if let Some(builtin) = esper_check::builtins::BUILTINS.iter().find(|b| b.name == name) {
        let text =
            format!("# {}\n\nA function of the language.\n\n```blueprint\n{}\n```\n\n{}\n", builtin.name, builtin.signature, builtin.doc);
        pages.push(text);
    }
    if name == "train" {
        pages.push(train_page());
    }
    pages.extend(FIELDS.iter().filter(|f| f.name == name).map(field_page));
    pages.extend(WORDS.iter().filter(|w| w.name == name).map(word_page));
    if let Some(spec) = esper_ir::TABLE.iter().find(|spec| spec.name == name) {
        pages.push(format!("# {}\n\nAn operator of the graph, as `--emit graph` prints it.\n\n{}\n", spec.name, spec.doc));
    }
    (!pages.is_empty()).then(|| pages.join("\n"))
}

/// The text of a module (`std.nn`), or of every item of that name (`std.nn.Linear`, `Linear`) with its documentation and its `grad`;
/// `None` where no library or program has it in its own language.
pub fn source(session: &mut Session, name: &str, entry: Option<&Path>) -> Option<String> {
    let loaded = program(session, entry);
    if let Some(file) = loaded.files.iter().find(|f| f.module == name) {
        return Some(loaded.sources.file(file.id).text.clone());
    }
    let inputs = loaded.inputs();
    let resolution = resolve(&inputs);
    let named = resolution.items.iter().filter(|info| info.name == name || format!("{}.{}", info.module, info.name) == name);
    let texts: Vec<String> = named
        .map(|info| {
            let docs: String = info.docs.lines().map(|line| format!("/// {line}").trim_end().to_string() + "\n").collect();
            let item = |span: Span| format!("{}\n", loaded.sources.text(span).trim());
            let gradient = info.gradient.map(|g| format!("\n{}", item(g.span))).unwrap_or_default();
            format!("// {}\n{docs}{}{gradient}", info.module, item(info.item.span))
        })
        .collect();
    (!texts.is_empty()).then(|| texts.join("\n"))
}

/// What was probably meant by a name that nothing has: of all names that [`document`] knows.
pub fn nearest_name(session: &mut Session, name: &str, entry: Option<&Path>) -> Option<String> {
    let loaded = program(session, entry);
    let inputs = loaded.inputs();
    let resolution = resolve(&inputs);
    let modules = loaded.files.iter().map(|f| f.module.clone());
    let items = resolution.items.iter().flat_map(|info| [info.name.clone(), format!("{}.{}", info.module, info.name)]);
    let builtins = esper_check::builtins::BUILTINS.iter().map(|b| b.name.to_string());
    let operators = esper_ir::TABLE.iter().map(|spec| spec.name.to_string());
    let fields = FIELDS.iter().map(|f| f.name).chain(WORDS.iter().map(|w| w.name)).chain(["train"]).map(str::to_string);
    let known: Vec<String> = modules.chain(items).chain(builtins).chain(fields).chain(operators).filter(|n| !n.is_empty()).collect();
    nearest(name, known.iter().map(String::as_str)).map(str::to_string)
}

/// The list of what can be documented: modules with their first lines.
pub fn contents(session: &mut Session, entry: Option<&Path>) -> String {
    let loaded = program(session, entry);
    let mut text = String::from("# Modules\n\n");
    let mut files: Vec<_> = loaded.files.iter().filter(|f| f.path.is_some() || f.module.starts_with("std.")).collect();
    files.sort_by(|a, b| a.module.cmp(&b.module));
    for file in files {
        text.push_str(&format!("- `{}`: {}\n", file.module, first_line(&file.parsed.file.docs.text)));
    }
    text
}

fn train_page() -> String {
    let lines: String =
        FIELDS.iter().map(|f| format!("- `{}`{}: {}\n", f.name, if f.required { ", which must be said" } else { "" }, f.doc)).collect();
    format!("# train\n\nAn experiment, `train name {{ … }}`, has one line for each field:\n\n{lines}")
}

fn field_page(field: &FieldInfo) -> String {
    let words: String = words_of(field.name).map(|w| format!("\n- `{}`: {}", w.signature(), w.doc)).collect();
    let words = if words.is_empty() { words } else { format!("{words}\n") };
    format!("# {}\n\nA field of a `train`.\n\n```blueprint\n{}\n```\n\n{}\n{words}", field.name, field.example, field.doc)
}

fn word_page(word: &WordInfo) -> String {
    format!("# {}\n\nA word of the field `{}`.\n\n```blueprint\n{}\n```\n\n{}\n", word.name, word.field, word.signature(), word.doc)
}

/// A program that uses every module of the standard library, and the user's.
fn program(session: &mut Session, entry: Option<&Path>) -> Loaded {
    let mut loaded = match entry {
        Some(path) => session.load(path),
        None => session.load_text("", "", Path::new("")),
    };
    for module in esper_stdlib::modules() {
        session.add_library(&mut loaded, module);
    }
    loaded
}

fn first_line(docs: &str) -> &str {
    docs.lines().find(|l| !l.trim().is_empty()).unwrap_or("(not documented)").trim()
}

fn module_page<'i, 'a: 'i>(name: &str, docs: &str, items: impl Iterator<Item = &'i ItemInfo<'a>>, sources: &Sources) -> String {
    let mut text = format!("# {name}\n\n{docs}\n");
    for info in items {
        let docs = if info.docs.is_empty() { String::new() } else { format!(": {}", first_line(info.docs)) };
        let signature = signature(info, sources);
        text.push_str(&format!("\n- `{}`{docs}", signature.split_whitespace().collect::<Vec<_>>().join(" ")));
    }
    text.push('\n');
    text
}

fn item_page(info: &ItemInfo, resolution: &Resolution, sources: &Sources) -> String {
    let mut text = format!("# {}.{}\n\n```blueprint\n{}\n```\n", info.module, info.name, signature(info, sources));
    if !info.docs.is_empty() {
        text.push_str(&format!("\n{}\n", info.docs));
    }
    let (params, body): (&[Param], Option<&Body>) = match &info.item.kind {
        ItemKind::Fn { params, body, .. } => (params, Some(body)),
        ItemKind::Blueprint(d) | ItemKind::Optimizer(d) => (&d.params, Some(&d.body)),
        ItemKind::Policy(d) | ItemKind::Train(d) => (&[], Some(&d.body)),
        _ => (&[], None),
    };
    let documented: Vec<String> =
        params.iter().filter(|p| !p.docs.text.is_empty()).map(|p| format!("- `{}`: {}\n", p.name.text, p.docs.text)).collect();
    if !documented.is_empty() {
        text.push_str(&format!("\nParameters:\n\n{}", documented.concat()));
    }
    if matches!(info.kind, ItemClass::Blueprint | ItemClass::Optimizer) {
        let lines = body.into_iter().flat_map(|b| &b.lines);
        let members = lines.filter_map(|line| match &line.kind {
            LineKind::Param(_) | LineKind::State(_) | LineKind::Layer { .. } | LineKind::Slot { .. } | LineKind::Require { .. } => {
                Some(format!("    {}\n", sources.text(line.span).trim()))
            }
            LineKind::Forward(method) | LineKind::Update(method) => Some(format!("    {}\n", upto(line.span, &method.body, sources))),
            _ => None,
        });
        let members: String = members.collect();
        text.push_str(&format!("\nMembers:\n\n```blueprint\n{members}```\n"));
    }
    if info.gradient.is_some() {
        text.push_str("\nIts derivative is written by hand, in a `grad`.\n");
    }
    if info.kind == ItemClass::Const {
        return text;
    }
    let uses: Vec<String> =
        resolution.items.iter().filter(|i| i.name == info.name && i.id != info.id).map(|i| format!("`{}.{}`", i.module, i.name)).collect();
    if !uses.is_empty() {
        text.push_str(&format!("\nOf the same name: {}.\n", uses.join(", ")));
    }
    text
}

/// The item's text up to its body.
fn signature(info: &ItemInfo, sources: &Sources) -> String {
    match &info.item.kind {
        ItemKind::Fn { body, .. } => upto(info.item.span, body, sources),
        ItemKind::Blueprint(d) | ItemKind::Optimizer(d) => upto(info.item.span, &d.body, sources),
        ItemKind::Policy(d) | ItemKind::Train(d) => upto(info.item.span, &d.body, sources),
        _ => sources.text(info.item.span).trim().to_string(),
    }
}

fn upto(whole: Span, body: &Body, sources: &Sources) -> String {
    sources.text(Span { end: body.span.start, ..whole }).trim().to_string()
}
