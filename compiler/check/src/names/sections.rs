//! Policies and experiments: which of their lines hold names of the program, and which hold words of the field.
use super::belongs::Place;
use super::items::ItemClass;
use super::suggest;
use super::walk::{Walker, Words};
use crate::experiment::{Holds, field_named};
use esper_diagnostics::Diagnostic;
use esper_grammar::ast::{Derived, Expr, ExprKind, Line, LineKind, Path};

impl Walker<'_, '_> {
    /// A policy.
    pub(super) fn policy(&mut self, derived: &Derived) {
        self.derived_from(derived, ItemClass::Policy);
        self.words = Words::Field;
        for line in &derived.body.lines {
            match &line.kind {
                LineKind::Set { value, .. } => self.expr(value),
                LineKind::Rule { condition, duration, .. } => {
                    self.expr(condition);
                    duration.iter().for_each(|d| self.expr(d));
                }
                LineKind::Broken(_) => {}
                _ => self.does_not_belong(line, Place::Policy),
            }
        }
    }

    /// A `train`.
    pub(super) fn experiment(&mut self, derived: &Derived) {
        self.derived_from(derived, ItemClass::Train);
        for line in &derived.body.lines {
            match &line.kind {
                LineKind::Set { target, value } => self.field(target, value),
                LineKind::Grow { slots, candidates, policy } => {
                    self.words = Words::Field;
                    slots.iter().for_each(|s| self.slot_path(s));
                    self.words = Words::Names;
                    self.expr(candidates);
                    self.expr(policy);
                }
                LineKind::Section { name, body } if name.text == "sweep" => body.lines.iter().for_each(|l| self.sweep_line(l)),
                LineKind::Broken(_) => {}
                _ => self.does_not_belong(line, Place::Train),
            }
        }
    }

    fn sweep_line(&mut self, line: &Line) {
        match &line.kind {
            LineKind::Set { target, value } => self.field(target, value),
            LineKind::Broken(_) => {}
            _ => self.does_not_belong(line, Place::Sweep),
        }
    }

    fn field(&mut self, target: &Expr, value: &Expr) {
        let holds = match &target.kind {
            ExprKind::Name(name) => field_named(name).map(|f| f.holds),
            _ => None,
        };
        match &value.kind {
            ExprKind::Call { callee, args } if holds == Some(Holds::Word) => self.args(callee, args),
            _ => {
                self.words = if holds == Some(Holds::Value) { Words::Names } else { Words::Field };
                self.expr(value);
                self.words = Words::Names;
            }
        }
    }

    /// A slot's path: its names are members of the model; only what stands in brackets is looked up.
    fn slot_path(&mut self, slot: &Expr) {
        match &slot.kind {
            ExprKind::Index { base, elems } => {
                self.slot_path(base);
                elems.iter().for_each(|e| self.elem(e));
            }
            ExprKind::Dot { base, .. } => self.slot_path(base),
            _ => {}
        }
    }

    fn derived_from(&mut self, derived: &Derived, class: ItemClass) {
        let Some(path) = &derived.from else { return };
        let [name] = &path.names[..] else { return self.path(path, class) };
        match self.resolution.lookup(self.file, &name.text) {
            None if self.poisoned.contains(&name.text) => {}
            None => {
                let table = self.resolution.table(self.file).filter(|(_, info)| info.kind == class);
                let candidates: Vec<_> = table.map(|(n, info)| (n.clone(), info.name_span)).collect();
                let problem = Diagnostic::error(
                    "E0101",
                    format!("unknown name `{}`", name.text),
                    name.span,
                    format!("no {} is called `{}`", class.noun(), name.text),
                );
                self.say(match suggest::nearest(&name.text, candidates) {
                    Some((meant, at)) => problem.label(at, format!("did you mean this {}?", class.noun())).edit(
                        format!("replace by `{meant}`"),
                        name.span,
                        meant,
                    ),
                    None => problem,
                });
            }
            Some(_) => self.path(path, class),
        }
    }

    fn path(&mut self, path: &Path, class: ItemClass) {
        let Some(id) = self.resolution.lookup_path(self.file, path) else { return };
        self.found.references.push((id, path.span));
        if let [name] = &path.names[..] {
            self.found.top_names.insert(name.text.clone());
        }
        let info = self.resolution.item(id);
        if info.kind != class {
            let (noun, other, at) = (class.noun(), info.kind.noun(), info.name_span);
            let problem = Diagnostic::error(
                "E0116",
                format!("`{}` is not a {noun}", info.name),
                path.span,
                format!("what is derived here needs a {noun}"),
            );
            self.say(problem.label(at, format!("this is a {other}")));
        }
    }
}
