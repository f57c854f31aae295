//! `--set path=value`: changes of an experiment from the command line, made in its tree before it is checked.
//!
//! A value is an expression of the language. It gets a source of its own, [`COMMAND_LINE`], so that what is wrong with it is shown at the words
//! on the command line.
use esper_check::experiment::{FIELDS, field_named};
use esper_check::names::{ItemClass, ItemId, Resolution};
use esper_diagnostics::{Diagnostic, FileId, Sources, Span, nearest};
use esper_grammar::ast::{Arg, Derived, Docs, Expr, ExprKind, File, Item, ItemKind, Line, LineKind, Name, Param, TypeKind};
use esper_grammar::parse;
use std::collections::BTreeMap;

/// How the words of `--set` are named as a source.
pub const COMMAND_LINE: &str = "the command line";

/// One change: `lr=1e-3`, `optimizer.lr.peak=3e-3`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// As written before `=`.
    pub path: String,
    /// As written behind it.
    pub value: String,
}

impl std::str::FromStr for Override {
    type Err = String;
    fn from_str(text: &str) -> Result<Override, String> {
        let (path, value) = text.split_once('=').ok_or_else(|| format!("`{text}` is not of the form path=value"))?;
        let (path, value) = (path.trim(), value.trim());
        let is_name =
            |n: &str| n.starts_with(|c: char| c.is_alphabetic() || c == '_') && n.chars().all(|c| c.is_alphanumeric() || c == '_');
        if path.is_empty() || value.is_empty() || !path.split('.').all(is_name) {
            return Err(format!("`{text}` is not of the form path=value, such as optimizer.lr=1e-3"));
        }
        Ok(Override { path: path.to_string(), value: value.to_string() })
    }
}

/// The changed tree of the file that holds the experiment, or what is wrong with the changes.
pub(crate) fn apply(
    changes: &[Override],
    train: ItemId,
    resolution: &Resolution,
    file: &File,
    sources: &mut Sources,
) -> Result<File, Vec<Diagnostic>> {
    let mut fields = fields_of(train, resolution, 0);
    let mut problems = vec![];
    let mut changed: BTreeMap<String, Expr> = BTreeMap::new();
    for change in changes {
        // A constant of as many bytes in the place of the path makes the text a whole file whose value stands where the user reads it.
        let id = sources.add(COMMAND_LINE, format!("--set {} = {}\n", change.path, change.value));
        let path_span = Span::new(id, "--set ".len(), "--set ".len() + change.path.len());
        let parsed = parse(id, &format!("const {} = {}\n", "X".repeat(change.path.len()), change.value));
        if !parsed.problems.is_empty() {
            problems.extend(parsed.problems);
            continue;
        }
        let Some(Item { kind: ItemKind::Const { value, .. }, .. }) = parsed.file.items.into_iter().next() else { continue };
        let path = match full_path(&change.path, &fields, resolution, resolution.item(train).file) {
            Ok(path) => path,
            Err((message, help)) => {
                let problem = Diagnostic::error("E0095", message, path_span, "");
                problems.push(match help {
                    Some(help) => problem.help(help),
                    None => problem,
                });
                continue;
            }
        };
        let (field, rest) = (&path[0], &path[1..]);
        if rest.is_empty() {
            fields.insert(field.clone(), value.clone());
        } else if let Some(whole) = fields.get_mut(field) {
            set_argument(whole, rest, value, path_span, &|callee| parameters(callee, resolution, resolution.item(train).file));
        }
        if let Some(whole) = fields.get(field) {
            changed.insert(field.clone(), whole.clone());
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let mut file = file.clone();
    let place = resolution.item(train).name_span;
    for item in &mut file.items {
        if let ItemKind::Train(derived) = &mut item.kind
            && derived.name.span == place
        {
            changed.into_iter().for_each(|(field, value)| set_field(derived, field, value));
            break;
        }
    }
    Ok(file)
}

/// The fields of an experiment with those it takes from the one it is derived from.
pub(crate) fn fields_of(train: ItemId, resolution: &Resolution, depth: usize) -> BTreeMap<String, Expr> {
    let info = resolution.item(train);
    let ItemKind::Train(derived) = &info.item.kind else { return BTreeMap::new() };
    let base = derived.from.as_ref().and_then(|path| resolution.lookup_path(info.file, path)).filter(|_| depth < 100);
    let mut fields = base.map_or_else(BTreeMap::new, |base| fields_of(base, resolution, depth + 1));
    for line in &derived.body.lines {
        if let LineKind::Set { target, value } = &line.kind
            && let ExprKind::Name(name) = &target.kind
        {
            fields.insert(name.clone(), value.clone());
        }
    }
    fields
}

/// The path that a whole path or its last word means.
fn full_path(
    written: &str,
    fields: &BTreeMap<String, Expr>,
    resolution: &Resolution,
    file: FileId,
) -> Result<Vec<String>, (String, Option<String>)> {
    // Those that the experiment does not say are settings too.
    let mut all: Vec<Vec<String>> = FIELDS.iter().map(|f| vec![f.name.to_string()]).collect();
    all.extend(fields.keys().filter(|f| field_named(f).is_none()).map(|f| vec![f.clone()]));
    for (field, value) in fields {
        arguments_of(value, &mut vec![field.clone()], resolution, file, &mut all);
    }
    let names: Vec<&str> = written.split('.').collect();
    let exact = all.iter().find(|path| **path == names);
    if let Some(path) = exact {
        return Ok(path.clone());
    }
    let ending: Vec<&Vec<String>> =
        all.iter().filter(|path| path.len() > names.len() && path[path.len() - names.len()..] == names).collect();
    let listed = |paths: &[&Vec<String>]| paths.iter().map(|p| format!("`{}`", p.join("."))).collect::<Vec<_>>().join(", ");
    match ending[..] {
        [path] => Ok(path.clone()),
        [] => {
            let whole = all.iter().map(|p| p.join("."));
            let last = all.iter().filter_map(|p| p.last().cloned());
            let candidates: Vec<String> = whole.chain(last).collect();
            let near = nearest(written, candidates.iter().map(String::as_str));
            Err((format!("the experiment has no setting `{written}`"), near.map(|n| format!("did you mean `{n}`?"))))
        }
        _ => Err((format!("`{written}` could be several settings"), Some(format!("say which: {}", listed(&ending))))),
    }
}

/// The paths of the arguments of a call, those that are not given included.
fn arguments_of(value: &Expr, path: &mut Vec<String>, resolution: &Resolution, file: FileId, all: &mut Vec<Vec<String>>) {
    let (callee, args): (&Expr, &[Arg]) = match &value.kind {
        ExprKind::Call { callee, args } => (callee, args),
        ExprKind::Name(_) => (value, &[]),
        ExprKind::Paren(inner) => return arguments_of(inner, path, resolution, file, all),
        _ => return,
    };
    let params = parameters(callee, resolution, file);
    for arg in args {
        let Some(name) = &arg.name else { continue };
        path.push(name.text.clone());
        all.push(path.clone());
        arguments_of(&arg.value, path, resolution, file, all);
        path.pop();
    }
    for param in params.iter().filter(|p| !args.iter().any(|a| a.name.as_ref().is_some_and(|n| n.text == p.name.text))) {
        all.push([&path[..], std::slice::from_ref(&param.name.text)].concat());
    }
}

/// The parameters of the item that is called, without a function's tensor inputs.
fn parameters<'a>(callee: &Expr, resolution: &Resolution<'a>, file: FileId) -> Vec<&'a Param> {
    let ExprKind::Name(name) = &callee.kind else { return vec![] };
    let Some(info) = resolution.lookup(file, name).map(|id| resolution.item(id)) else { return vec![] };
    let is_kind = |p: &&Param| !matches!(&p.ty.kind, TypeKind::Named { name, dims } if dims.is_some() || name.text == "f32");
    match (&info.item.kind, info.kind) {
        (ItemKind::Fn { params, .. }, ItemClass::Fn) => params.iter().filter(is_kind).collect(),
        (ItemKind::Blueprint(d) | ItemKind::Optimizer(d), _) => d.params.iter().collect(),
        _ => vec![],
    }
}

/// Gives an argument, and makes a call of what is none.
fn set_argument<'a>(value: &mut Expr, path: &[String], new: Expr, at: Span, params: &dyn Fn(&Expr) -> Vec<&'a Param>) {
    if let ExprKind::Paren(inner) = &mut value.kind {
        return set_argument(inner, path, new, at, params);
    }
    if !matches!(value.kind, ExprKind::Call { .. }) {
        let span = value.span;
        let callee = std::mem::replace(value, Expr { kind: ExprKind::Error, span });
        value.kind = ExprKind::Call { callee: Box::new(callee), args: vec![] };
    }
    let (ExprKind::Call { callee, args }, [name, rest @ ..]) = (&mut value.kind, path) else { return };
    // A function's positions count its inputs, which the call leaves out, so its settings are given by name alone.
    let counts = matches!(&callee.kind, ExprKind::Name(n) if n.starts_with(char::is_uppercase));
    let position = params(callee).iter().position(|p| p.name.text == *name);
    let by_position = position.filter(|i| counts && args.get(*i).is_some_and(|a| a.name.is_none()));
    let by_name = args.iter().position(|a| a.name.as_ref().is_some_and(|n| n.text == *name));
    let given = by_name.or(by_position).map(|i| &mut args[i]);
    match given {
        Some(arg) if rest.is_empty() => arg.value = new,
        Some(arg) => set_argument(&mut arg.value, rest, new, at, params),
        None => args.push(Arg { name: Some(Name { text: name.clone(), span: at }), value: new }),
    }
}

fn set_field(derived: &mut Derived, field: String, value: Expr) {
    for line in &mut derived.body.lines {
        if let LineKind::Set { target, value: old } = &mut line.kind
            && matches!(&target.kind, ExprKind::Name(name) if *name == field)
        {
            *old = value;
            return;
        }
    }
    let span = value.span;
    let target = Expr { kind: ExprKind::Name(field), span };
    derived.body.lines.push(Line { docs: Docs::default(), kind: LineKind::Set { target, value }, span });
}
