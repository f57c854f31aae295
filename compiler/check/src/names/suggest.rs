//! Names that are not known: what was probably meant, where it is declared, and the edit.
use super::items::ItemInfo;
use super::known;
use super::resolve::Resolution;
use super::scope::{LocalKind, Scope};
use esper_diagnostics::{Diagnostic, FileId, Span};
use esper_grammar::ast::{File, ItemKind};
use std::cell::Cell;
use std::cmp::Ordering;

/// The candidate that a misspelt name most probably meant, with what is known of it.
pub(super) fn nearest<T>(name: &str, candidates: impl IntoIterator<Item = (String, T)>) -> Option<(String, T)> {
    let mut candidates: Vec<(String, T)> = candidates.into_iter().collect();
    let near = esper_diagnostics::nearest(name, candidates.iter().map(|(c, _)| c.as_str()))?;
    let position = candidates.iter().position(|(c, _)| c == near)?;
    Some(candidates.swap_remove(position))
}

/// Whether two names of at least four letters differ by one letter: one more, another, or two swapped.
pub(super) fn one_letter_apart(left: &str, right: &str) -> bool {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    if left == right || left.len().min(right.len()) < 4 || left.len().abs_diff(right.len()) > 1 {
        return false;
    }
    let front = left.iter().zip(&right).take_while(|(a, b)| a == b).count();
    let (left, right) = (&left[front..], &right[front..]);
    match left.len().cmp(&right.len()) {
        Ordering::Less => *left == right[1..],
        Ordering::Greater => left[1..] == *right,
        Ordering::Equal => {
            left[1..] == right[1..] || (left.len() > 1 && left[0] == right[1] && left[1] == right[0] && left[2..] == right[2..])
        }
    }
}

/// How many more suggestions are looked for. Each looks at every name in sight, so a huge file full of unknown names must not get one for each.
#[derive(Debug)]
pub(super) struct Budget(Cell<u32>);

impl Budget {
    pub(super) fn new() -> Budget {
        Budget(Cell::new(200))
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
    let module = resolution.modules.keys().find(|m| m.as_str() == name || m.rsplit_once('.').is_some_and(|(_, last)| last == name));
    if let Some(module) = module.filter(|_| !called) {
        return problem.help(format!("`{module}` is a module; a `use` at the top takes names from it: `use {module}.{{…}}`"));
    }
    let locals = scope.visible().filter(|l| !called || l.kind.surely_callable() || l.kind == LocalKind::Let);
    let locals = locals.map(|l| (l.name.clone(), Meant::Local(l.span, l.kind)));
    let items = resolution.table(file).map(|(n, info)| (n.clone(), Meant::Item(info.name_span, info.kind.noun())));
    let builtins = known::builtins().chain(["true", "false"]).map(|b| (b.to_string(), Meant::Builtin));
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
    use super::one_letter_apart;

    #[test]
    fn one_letter_more_or_other_or_two_swapped() {
        for (left, right) in
            [("hiden", "hidden"), ("hidden", "hiden"), ("haeds", "heads"), ("depth", "deptn"), ("head", "heads"), ("width", "wigth")]
        {
            assert!(one_letter_apart(left, right), "{left} {right}");
        }
        for (left, right) in
            [("in", "out"), ("h", "w"), ("heads", "heads"), ("hidden", "hiddenly"), ("abcd", "badc"), ("channels", "classes")]
        {
            assert!(!one_letter_apart(left, right), "{left} {right}");
        }
    }
}
