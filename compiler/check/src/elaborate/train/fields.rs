//! The lines of a `train`: which fields there are, inherited and replaced, and what this version refuses.
use crate::elaborate::messages::closest;
use crate::experiment::{FIELDS, FieldInfo, field_named};
use crate::names::{ItemClass, ItemInfo, Resolution, has_unread_lines};
use esper_diagnostics::{Diagnostic, FileId, Span};
use esper_grammar::ast::*;

/// One field.
#[derive(Clone, Debug)]
pub(crate) struct Field<'a> {
    /// Its name.
    pub name: &'a str,
    /// Where the name stands.
    pub name_span: Span,
    /// Its value.
    pub value: &'a Expr,
    /// The file whose names the value sees.
    pub file: FileId,
    /// The code of what is wrong with its words.
    pub code: &'static str,
}

/// The fields of an experiment with those of the one it is derived from.
#[derive(Clone, Debug)]
pub(crate) struct Fields<'a> {
    /// In the order first written.
    pub all: Vec<Field<'a>>,
    /// Its `grow` lines, inherited ones first.
    pub grow: Vec<GrowLine<'a>>,
    /// The experiment's name.
    pub name_span: Span,
}

/// A `grow` line.
#[derive(Clone, Debug)]
pub(crate) struct GrowLine<'a> {
    /// The slots' paths.
    pub slots: &'a [Expr],
    /// The candidates.
    pub candidates: &'a Expr,
    /// The policy.
    pub policy: &'a Expr,
    /// The file whose names it sees.
    pub file: FileId,
    /// Whether it is of the experiment that this one is derived from: it gives way to a line for the same slot.
    pub inherited: bool,
}

impl<'a> Fields<'a> {
    /// A field.
    pub fn get(&self, name: &str) -> Option<&Field<'a>> {
        self.all.iter().find(|f| f.name == name)
    }
}

/// The fields of an experiment and what is wrong with its lines.
pub(crate) fn of<'a>(resolution: &Resolution<'a>, info: &ItemInfo<'a>) -> (Fields<'a>, Vec<Diagnostic>) {
    let mut fields = Fields { all: vec![], grow: vec![], name_span: info.name_span };
    let mut problems = vec![];
    let mut lineage = vec![info];
    let mut ids = vec![info.id];
    while let ItemKind::Train(Derived { from: Some(path), .. }) = &lineage[lineage.len() - 1].item.kind {
        let file = lineage[lineage.len() - 1].file;
        let Some(id) = resolution.lookup_path(file, path) else { break };
        // An experiment derived from itself is a problem of names.
        if ids.contains(&id) || resolution.item(id).kind != ItemClass::Train {
            break;
        }
        ids.push(id);
        lineage.push(resolution.item(id));
    }
    let own = lineage.len() - 1;
    for (depth, item) in lineage.iter().rev().enumerate() {
        let ItemKind::Train(derived) = &item.item.kind else { continue };
        // Lines of what it is derived from are reported there.
        let report = depth == own;
        let mut seen: Vec<&str> = vec![];
        for line in &derived.body.lines {
            if let Some(problem) = add_line(&mut fields, line, item.file, report, &mut seen) {
                problems.push(problem);
            }
        }
    }
    for field in FIELDS.iter().filter(|f| f.required) {
        let broken = lineage.iter().any(|i| matches!(&i.item.kind, ItemKind::Train(d) if has_unread_lines(&d.body)));
        if fields.get(field.name).is_none() && !broken && !problems.iter().any(|p: &Diagnostic| p.code == "E0604") {
            problems.push(missing(info, field));
        }
    }
    (fields, problems)
}

fn missing(info: &ItemInfo, field: &FieldInfo) -> Diagnostic {
    let FieldInfo { name, example, .. } = field;
    Diagnostic::error("E0606", format!("the experiment does not say its `{name}`"), info.name_span, format!("needs `{name} = …`"))
        .help(format!("such as `{example}`"))
}

fn add_line<'a>(fields: &mut Fields<'a>, line: &'a Line, file: FileId, report: bool, seen: &mut Vec<&'a str>) -> Option<Diagnostic> {
    match &line.kind {
        LineKind::Set { target: Expr { kind: ExprKind::Name(name), span }, value } => {
            if field_named(name).is_none() {
                return report.then(|| unknown(name, *span));
            }
            let field = Field { name, name_span: *span, value, file, code: "E0611" };
            match fields.all.iter_mut().find(|f| f.name == name) {
                Some(old) => {
                    let twice = report && seen.contains(&name.as_str());
                    let first = old.name_span;
                    *old = field;
                    if twice {
                        let problem = Diagnostic::error("E0607", format!("`{name}` is said twice"), *span, "said again");
                        return Some(problem.label(first, "said here"));
                    }
                }
                None => fields.all.push(field),
            }
            seen.push(name);
            None
        }
        LineKind::Grow { slots, candidates, policy } => {
            fields.grow.push(GrowLine { slots, candidates, policy, file, inherited: !report });
            None
        }
        LineKind::Section { name, .. } if name.text == "sweep" => {
            let problem =
                Diagnostic::error("E0603", "sweeps do not exist yet in this version of Esper", name.span, "this experiment asks for one");
            Some(problem.help("run it once for each value: `esperc run FILE --set seed=1`"))
        }
        LineKind::Section { name, .. } => report.then(|| unknown(&name.text, name.span)),
        _ => None,
    }
}

fn unknown(name: &str, span: Span) -> Diagnostic {
    let problem = Diagnostic::error("E0604", "a field that does not exist", span, "`train` has no field of this name");
    let names = || FIELDS.iter().map(|f| f.name);
    match closest(name, names()) {
        Some(close) => problem.edit(format!("replace by `{close}`"), span, close).certain(),
        None => problem.help(format!("its fields are {}", names().collect::<Vec<_>>().join(", "))),
    }
}
