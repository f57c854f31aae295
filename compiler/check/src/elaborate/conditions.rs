//! Conditions: what holds inside a branch, as equations of sizes and as text that conditional members are compared with.
use super::Engine;
use super::scope::Scope;
use super::spelling::{spell, unwrapped};
use super::value::{Tensor, Value};
use esper_diagnostics::Diagnostic;
use esper_grammar::ast::*;
use std::collections::BTreeSet;

/// Stands among the conditions that hold for one that could not be understood: whatever depends on it stays silent.
const UNKNOWN: &str = "?";

impl<'a> Engine<'a> {
    /// Evaluates a branch under its condition (or, with `holds` false, under the opposite).
    pub fn under<T>(&mut self, s: &mut Scope, condition: &'a Expr, holds: bool, run: impl FnOnce(&mut Self, &mut Scope) -> T) -> T {
        let assumed = self.assumed.len();
        let facts = self.sizes.facts();
        if !self.concrete {
            self.assume_equations(s, condition, holds);
        }
        self.assumed.extend(conjuncts(condition, holds));
        if self.is_unknown(s, condition) {
            self.assumed.push(UNKNOWN.to_string());
        }
        let result = run(self, s);
        self.assumed.truncate(assumed);
        self.sizes.forget(facts);
        result
    }

    fn assume_equations(&mut self, s: &mut Scope, condition: &'a Expr, holds: bool) {
        match &condition.kind {
            ExprKind::Paren(inner) => self.assume_equations(s, inner, holds),
            ExprKind::Unary(UnaryOp::Not, inner) => self.assume_equations(s, inner, !holds),
            ExprKind::Binary { op, left, right, .. } => match (op, holds) {
                (BinaryOp::And, true) | (BinaryOp::Or, false) => {
                    self.assume_equations(s, left, holds);
                    self.assume_equations(s, right, holds);
                }
                (BinaryOp::Eq, true) | (BinaryOp::Ne, false) => {
                    let a = self.quietly(|engine| engine.expr(s, left));
                    let b = self.quietly(|engine| engine.expr(s, right));
                    if let (Value::Size(a), Value::Size(b)) = (a, b) {
                        self.sizes.assume(&a, &b);
                    }
                }
                _ => {}
            },
            _ => {}
        }
    }

    /// Whether the branch being evaluated is only taken where all these conditions hold.
    pub fn holds_here(&self, conditions: &[String]) -> bool {
        self.assumed.iter().any(|a| a == UNKNOWN) || conditions.iter().all(|c| self.assumed.contains(c))
    }

    /// Whether a condition names something that means nothing: it was reported where names are resolved, and may have been
    /// any condition.
    fn is_unknown(&self, s: &Scope, condition: &Expr) -> bool {
        let mut names = BTreeSet::new();
        super::instance::expr_names(condition, &mut names);
        names.iter().any(|name| match s.find(name) {
            Some(variable) => variable.value.is_poison(),
            None => {
                let member = s.instance.is_some_and(|i| self.instances[i].members.contains_key(name));
                let outside = matches!(name.as_str(), "training" | "inf")
                    || self.resolution.lookup(s.file, name).is_some()
                    || esper_ir::DType::from_name(name).is_some()
                    || crate::builtins::position(name).is_some();
                !member && !outside
            }
        })
    }

    /// `if` on a tensor: the value is known only when the program runs.
    pub fn condition_on_tensor(&mut self, condition: &'a Expr, t: &Tensor, then: &'a Body, otherwise: Option<&'a Body>) -> Value {
        let shown = self.show(t);
        let label = if t.ty.rank() == 0 {
            format!("{shown}: known only when the program runs")
        } else {
            format!("{shown}: known only when the program runs, and different for each element")
        };
        let mut problem = Diagnostic::error("E0406", "an `if` on a tensor", condition.span, label);
        let single = |b: &Body| match &b.lines[..] {
            [Line { kind: LineKind::Expr(e), .. }] => Some(spell(e)),
            _ => None,
        };
        if let Some((a, (b, body))) = single(then).zip(otherwise.and_then(|b| Some((single(b)?, b)))) {
            let text = format!("where({}, {a}, {b})", spell(condition));
            // From the word `if`, three bytes before the condition, to the end of the other branch.
            let mut span = condition.span.to(body.span);
            span.start = span.start.saturating_sub(3);
            problem = problem.edit(format!("replace by `{text}`"), span, text);
        } else {
            problem = problem.help("between tensors it is `where(condition, a, b)`");
        }
        self.report(problem)
    }
}

/// The conditions that hold where this one does (or does not), each in a form that does not depend on how it is written.
pub(crate) fn conjuncts(e: &Expr, holds: bool) -> Vec<String> {
    let e = unwrapped(e);
    match &e.kind {
        ExprKind::Unary(UnaryOp::Not, inner) => conjuncts(inner, !holds),
        ExprKind::Binary { op: BinaryOp::And, left, right, .. } if holds => both(left, right, holds),
        ExprKind::Binary { op: BinaryOp::Or, left, right, .. } if !holds => both(left, right, holds),
        _ => vec![canonical(e, holds)],
    }
}

fn both(left: &Expr, right: &Expr, holds: bool) -> Vec<String> {
    let mut all = conjuncts(left, holds);
    all.extend(conjuncts(right, holds));
    all
}

fn canonical(e: &Expr, holds: bool) -> String {
    let e = unwrapped(e);
    match &e.kind {
        ExprKind::Unary(UnaryOp::Not, inner) => canonical(inner, !holds),
        ExprKind::Bool(b) => (*b == holds).to_string(),
        ExprKind::Binary { op: op @ (BinaryOp::And | BinaryOp::Or), left, right, .. } => {
            let is_or = (*op == BinaryOp::Or) == holds;
            let mut sides = [canonical(left, holds), canonical(right, holds)];
            sides.sort();
            format!("({} {} {})", sides[0], if is_or { "or" } else { "and" }, sides[1])
        }
        ExprKind::Binary { op, left, right, .. } => {
            let (a, b) = (canonical(left, true), canonical(right, true));
            let flipped = |op| match op {
                BinaryOp::Eq => BinaryOp::Ne,
                BinaryOp::Ne => BinaryOp::Eq,
                BinaryOp::Lt => BinaryOp::Ge,
                BinaryOp::Ge => BinaryOp::Lt,
                BinaryOp::Gt => BinaryOp::Le,
                BinaryOp::Le => BinaryOp::Gt,
                other => other,
            };
            let op = if holds { *op } else { flipped(*op) };
            match op {
                BinaryOp::Gt => format!("({b} < {a})"),
                BinaryOp::Ge => format!("({b} <= {a})"),
                BinaryOp::Eq | BinaryOp::Ne => {
                    let (a, b) = if a <= b { (a, b) } else { (b, a) };
                    format!("({a} {} {b})", op.text())
                }
                op => format!("({a} {} {b})", op.text()),
            }
        }
        _ if holds => spell(e),
        _ => format!("not {}", spell(e)),
    }
}
