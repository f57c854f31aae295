//! Names that are not known: what was probably meant, where it is declared, and the edit.
use super::items::ItemInfo;
use super::known;
use super::resolve::Resolution;
use super::scope::{LocalKind, Scope};
use esper_diagnostics::{Diagnostic, FileId, Span};
use esper_grammar::ast::{File, ItemKind};
use std::cell::Cell;

/// How many letters differ: insertions, removals, replacements and swaps of neighbours (optimal string alignment).
pub(super) fn distance(left: &str, right: &str) -> usize {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    let mut before: Vec<usize> = vec![];
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for i in 1..=left.len() {
        let mut row = vec![i];
        for j in 1..=right.len() {
            let same = left[i - 1] == right[j - 1];
            let mut best = (above[j - 1] + usize::from(!same)).min(above[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[right.len()]
}

/// The candidate that a misspelt name most probably meant: the nearest, the first of equals, if few enough letters differ.
pub(super) fn nearest<T>(name: &str, candidates: impl IntoIterator<Item = (String, T)>) -> Option<(String, T)> {
    let length = name.chars().count();
    if length > 64 {
        return None;
    }
    let allowed = match length {
        0..=1 => 0,
        2..=5 => 1,
        6..=8 => 2,
        _ => 3,
    };
    let mut best: Option<(usize, String, T)> = None;
    for (candidate, what) in candidates {
        if candidate == name || candidate.chars().count().abs_diff(length) > allowed || candidate == "_" {
            continue;
        }
        let same_but_case = candidate.to_lowercase() == name.to_lowercase();
        let far = if same_but_case { 0 } else { distance(name, &candidate) };
        let short = candidate.chars().count() < 2;
        if (same_but_case || (far <= allowed && !short)) && best.as_ref().is_none_or(|(d, _, _)| far < *d) {
            best = Some((far, candidate, what));
        }
    }
    best.map(|(_, candidate, what)| (candidate, what))
}

/// How many more suggestions are looked for. Each looks at every name in sight, so a huge file full of unknown names must not get one for each.
#[derive(Debug)]
pub(super) struct Budget(Cell<u32>);

impl Budget {
    pub(super) fn new() -> Budget {
        Budget(Cell::new(1_000))
    }
    /// Whether one more may be looked for.
    pub(super) fn take(&self) -> bool {
        let left = self.0.get();
        self.0.set(left.saturating_sub(1));
        left > 0
    }
}

/// What a suggestion is.
enum Meant {
    Local(Span, LocalKind),
    Item(Span, &'static str),
    Builtin,
}

/// Where a file takes names from other files, for edits that take one more.
#[derive(Clone, Debug, Default)]
pub(super) struct UseSites {
    /// Modules with braces and the place behind the last name in them.
    modules: Vec<(String, Span)>,
    /// The place of a new `use` line.
    top: Option<Span>,
}

impl UseSites {
    pub(super) fn of(file: &File) -> UseSites {
        let mut sites = UseSites::default();
        for item in &file.items {
            if let ItemKind::Use { path, imports: Some(imports), .. } = &item.kind
                && let Some(last) = imports.last()
            {
                let module = super::resolve::joined(path.names.iter().map(|n| n.text.as_str()));
                sites.modules.push((module, last.alias.as_ref().unwrap_or(&last.name).span.after()));
            }
        }
        sites.top = file.items.first().map(|item| item.docs.span.unwrap_or(item.span).before());
        sites
    }
    /// The edit that takes an item from a module.
    fn edit(&self, problem: Diagnostic, module: &str, name: &str) -> Diagnostic {
        let title = format!("take it from `{module}`");
        match (self.modules.iter().find(|(m, _)| m == module), self.top) {
            (Some((_, at)), _) => problem.edit(title, *at, format!(", {name}")),
            (None, Some(top)) => problem.edit(title, top, format!("use {module}.{{{name}}}\n")),
            (None, None) => problem,
        }
    }
}

/// The error for a name that nothing in sight has.
pub(super) fn unknown_name(name: &str, span: Span, called: bool, scope: &Scope, file: FileId, resolution: &Resolution) -> Diagnostic {
    let mut problem = unknown_without_suggestion(name, span);
    if name == "_" {
        return problem.help("`_` stands for what is not needed and has no value");
    }
    let elsewhere = resolution.items.iter().filter(|i| i.name == name && i.file != file && !name.starts_with('_') && resolution.is_own(i));
    let elsewhere: Vec<&ItemInfo> = elsewhere.collect();
    if let [first, ..] = elsewhere[..] {
        problem = problem.help(format!("{} declares a {} of this name", listed(&elsewhere), first.kind.noun()));
        return elsewhere.iter().fold(problem, |p, info| resolution.use_sites(file).edit(p, &info.module, name));
    }
    let locals = scope.visible().filter(|l| !called || l.kind.surely_callable() || l.kind == LocalKind::Let);
    let locals = locals.map(|l| (l.name.clone(), Meant::Local(l.span, l.kind)));
    let items = resolution.table(file).map(|(n, info)| (n.clone(), Meant::Item(info.name_span, info.kind.noun())));
    let builtins = known::builtins().map(|b| (b.to_string(), Meant::Builtin));
    match nearest(name, locals.chain(items).chain(builtins)) {
        Some((meant, what)) => {
            problem = match what {
                Meant::Local(at, kind) => problem.label(at, format!("did you mean this {}?", kind.bare_noun())),
                Meant::Item(at, noun) => problem.label(at, format!("did you mean this {noun}?")),
                Meant::Builtin => problem.help(format!("did you mean `{meant}`, which the language itself provides?")),
            };
            problem.edit(format!("replace by `{meant}`"), span, meant)
        }
        None => match scope.elsewhere(name) {
            Some(local) => problem.label(local.span, elsewhere_label(local.span, span)),
            None => problem,
        },
    }
}

/// The error alone.
pub(super) fn unknown_without_suggestion(name: &str, span: Span) -> Diagnostic {
    Diagnostic::error("E0101", format!("unknown name `{name}`"), span, format!("nothing is called `{name}` here"))
}

fn listed(items: &[&ItemInfo]) -> String {
    items.iter().map(|i| format!("`{}`", i.module)).collect::<Vec<_>>().join(" and ")
}

fn elsewhere_label(declared: Span, used: Span) -> &'static str {
    if declared.start > used.start { "declared only here, further down" } else { "this one ended with the body it was declared in" }
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest};

    #[test]
    fn swapped_letters_are_one_mistake() {
        assert_eq!(distance("frist", "first"), 1);
        assert_eq!(distance("hiden", "hidden"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("relu", "gelu"), 1);
    }

    #[test]
    fn far_names_and_single_letters_are_not_suggested() {
        let among = |name: &str, list: &[&str]| nearest(name, list.iter().map(|c| (c.to_string(), ()))).map(|(n, ())| n);
        assert_eq!(among("frist", &["last", "first"]), Some("first".to_string()));
        assert_eq!(among("x", &["y"]), None);
        assert_eq!(among("qkv", &["first"]), None);
        assert_eq!(among("linear", &["Linear"]), Some("Linear".to_string()));
        assert_eq!(among(&"a".repeat(100_000), &["aaaa"]), None);
    }
}
