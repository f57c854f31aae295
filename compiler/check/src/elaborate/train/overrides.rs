//! `--set path=value`: a field or an argument somewhere in a field replaced before anything is elaborated.
use super::NO_FILE;
use super::fields::{FIELDS, Field, Fields};
use crate::elaborate::messages::closest;
use crate::names::Resolution;
use esper_diagnostics::{Diagnostic, FileId, Span};
use esper_grammar::ast::*;

/// Fields with trees of their own.
pub(crate) struct Owned {
    fields: Vec<(String, Span, Expr, FileId)>,
    name_span: Span,
    file: FileId,
}

impl Owned {
    /// The fields, borrowed.
    pub fn fields(&self) -> Fields<'_> {
        let all = self.fields.iter().map(|(name, span, value, file)| Field { name, name_span: *span, value, file: *file }).collect();
        Fields { all, name_span: self.name_span, file: self.file }
    }
}

/// The fields with every override applied.
pub(crate) fn apply(resolution: &Resolution, fields: Fields, overrides: &[(String, String)]) -> Result<Owned, Diagnostic> {
    let mut owned = Owned {
        fields: fields.all.iter().map(|f| (f.name.to_string(), f.name_span, f.value.clone(), f.file)).collect(),
        name_span: fields.name_span,
        file: fields.file,
    };
    for (path, text) in overrides {
        let place = owned.name_span;
        let place_problem = |mut problem: Diagnostic| {
            problem.primary.span = place;
            problem
        };
        let mut value = parsed(path, text).map_err(place_problem)?;
        if !respan(&mut value, place) {
            return Err(place_problem(refused(path, format!("`{text}` is too complicated for the command line"))));
        }
        set(resolution, &mut owned, path, value).map_err(place_problem)?;
    }
    Ok(owned)
}

fn refused(path: &str, told: String) -> Diagnostic {
    Diagnostic::error("E0608", format!("`--set {path}=…` cannot be applied"), Span::default(), told)
}

fn parsed(path: &str, text: &str) -> Result<Expr, Diagnostic> {
    let parsed = esper_grammar::parse(NO_FILE, &format!("const VALUE = {text}"));
    let wrong = || refused(path, format!("`{text}` is no value"));
    if !parsed.problems.is_empty() {
        return Err(wrong());
    }
    match parsed.file.items.into_iter().next().map(|i| i.kind) {
        Some(ItemKind::Const { value, .. }) => Ok(value),
        _ => Err(wrong()),
    }
}

/// Gives a tree from the command line the place of what it replaces; false where it holds more than an expression.
fn respan(e: &mut Expr, place: Span) -> bool {
    e.span = place;
    let elem = |elem: &mut Elem| match elem {
        Elem::Expr(e) => respan(e, place),
        Elem::Rest(..) | Elem::Slice(..) => false,
    };
    match &mut e.kind {
        ExprKind::Name(_) | ExprKind::Int(_) | ExprKind::Float { .. } | ExprKind::Str(_) | ExprKind::Bool(_) => true,
        ExprKind::Unary(_, x) | ExprKind::Paren(x) => respan(x, place),
        ExprKind::Binary { left, right, op_span, .. } => {
            *op_span = place;
            respan(left, place) && respan(right, place)
        }
        ExprKind::Call { callee, args } => {
            respan(callee, place)
                && args.iter_mut().all(|a| {
                    if let Some(name) = &mut a.name {
                        name.span = place;
                    }
                    respan(&mut a.value, place)
                })
        }
        ExprKind::Tuple(parts) => parts.iter_mut().all(|p| respan(p, place)),
        ExprKind::List(elems) => elems.iter_mut().all(elem),
        ExprKind::Repeat { value, count } => respan(value, place) && respan(count, place),
        _ => false,
    }
}

fn set(resolution: &Resolution, owned: &mut Owned, path: &str, value: Expr) -> Result<(), Diagnostic> {
    let words: Vec<&str> = path.split('.').collect();
    let (first, rest) = (words[0], &words[1..]);
    if FIELDS.contains(&first) {
        let file = owned.file;
        let Some((_, _, field, owner)) = owned.fields.iter_mut().find(|(name, ..)| name == first) else {
            if !rest.is_empty() {
                return Err(refused(path, format!("the experiment does not say its `{first}`")));
            }
            owned.fields.push((first.to_string(), value.span, value, file));
            return Ok(());
        };
        if rest.is_empty() {
            // The place stays the field's own: that is where a user can see what was replaced.
            let place = field.span;
            *field = value;
            field.span = place;
            return Ok(());
        }
        let owner = *owner;
        return set_argument(resolution, field, owner, rest, value).map_err(|told| refused(path, told));
    }
    if rest.is_empty() {
        return set_last_word(resolution, owned, first, value);
    }
    let told = match closest(first, FIELDS.into_iter()) {
        Some(close) => format!("there is no field `{first}`; did you mean `{close}`?"),
        None => format!("there is no field `{first}`"),
    };
    Err(refused(path, told))
}

/// Replaces or adds an argument of the call that a field's value is.
fn set_argument(resolution: &Resolution, e: &mut Expr, file: FileId, path: &[&str], value: Expr) -> Result<(), String> {
    let Some((word, rest)) = path.split_first() else { return Ok(()) };
    if let ExprKind::Paren(inner) = &mut e.kind {
        return set_argument(resolution, inner, file, path, value);
    }
    if let ExprKind::Name(_) = &e.kind {
        let callee = Box::new(e.clone());
        e.kind = ExprKind::Call { callee, args: vec![] };
    }
    let span = e.span;
    let ExprKind::Call { callee, args } = &mut e.kind else { return Err(format!("there is nothing called with `{word}`")) };
    let params = match &callee.kind {
        ExprKind::Name(name) => parameters(resolution, file, name),
        _ => vec![],
    };
    let place = args.iter().position(|a| a.name.as_ref().is_some_and(|n| n.text == *word));
    let place = place.or_else(|| {
        let i = params.iter().position(|p| p == word)?;
        (args.get(i).is_some_and(|a| a.name.is_none())).then_some(i)
    });
    if place.is_none() && !params.is_empty() && !params.iter().any(|p| p == word) {
        let close = closest(word, params.iter().map(String::as_str)).map(|c| format!("; did you mean `{c}`?")).unwrap_or_default();
        return Err(format!("there is no parameter `{word}`{close}"));
    }
    match (place, rest.is_empty()) {
        (Some(i), true) => {
            let place = args[i].value.span;
            args[i].value = Expr { span: place, ..value };
            Ok(())
        }
        (Some(i), false) => set_argument(resolution, &mut args[i].value, file, rest, value),
        (None, true) => {
            args.push(Arg { name: Some(Name { text: word.to_string(), span }), value: Expr { span, ..value } });
            Ok(())
        }
        (None, false) => Err(format!("`{word}` is not given here, so nothing in it can be set")),
    }
}

fn parameters(resolution: &Resolution, file: FileId, name: &str) -> Vec<String> {
    let Some(id) = resolution.lookup(file, name) else { return vec![] };
    match &resolution.item(id).item.kind {
        ItemKind::Blueprint(d) | ItemKind::Optimizer(d) => d.params.iter().map(|p| p.name.text.clone()).collect(),
        ItemKind::Fn { params, .. } => params.iter().map(|p| p.name.text.clone()).collect(),
        _ => vec![],
    }
}

/// A last word that only one place has.
fn set_last_word(resolution: &Resolution, owned: &mut Owned, word: &str, value: Expr) -> Result<(), Diagnostic> {
    let mut found: Vec<String> = vec![];
    for (name, _, e, file) in &owned.fields {
        places(resolution, e, *file, name, word, &mut found);
    }
    match &found[..] {
        [path] => {
            let path = path.clone();
            set(resolution, owned, &path, value)
        }
        [] => {
            let close = closest(word, FIELDS.into_iter()).map(|c| format!("; did you mean `{c}`?")).unwrap_or_default();
            Err(refused(word, format!("nothing is called `{word}` in this experiment{close}")))
        }
        several => Err(refused(word, format!("it could be {}: say which", several.join(" or ")))),
    }
}

/// All paths in an expression whose last word is `word`, given or a parameter that could be.
fn places(resolution: &Resolution, e: &Expr, file: FileId, path: &str, word: &str, found: &mut Vec<String>) {
    let (callee, args): (&Expr, &[Arg]) = match &e.kind {
        ExprKind::Paren(inner) => return places(resolution, inner, file, path, word, found),
        ExprKind::Call { callee, args } => (callee, args),
        ExprKind::Name(_) => (e, &[]),
        _ => return,
    };
    let ExprKind::Name(name) = &callee.kind else { return };
    let params = parameters(resolution, file, name);
    let given = args.iter().any(|a| a.name.as_ref().is_some_and(|n| n.text == word));
    if given || params.iter().any(|p| p == word) {
        found.push(format!("{path}.{word}"));
    }
    for (i, arg) in args.iter().enumerate() {
        let own = arg.name.as_ref().map(|n| n.text.as_str()).or(params.get(i).map(String::as_str));
        if let Some(own) = own {
            places(resolution, &arg.value, file, &format!("{path}.{own}"), word, found);
        }
    }
}
