//! Names in expressions, and the order of arguments.
use super::code::Wanted;
use super::scope::{FrameKind, LocalKind};
use super::walk::Walker;
use esper_diagnostics::Diagnostic;
use esper_grammar::ast::{Arg, Elem, Expr, ExprKind, ItemKind, Param};

impl Walker<'_, '_> {
    /// Resolves the names in an expression that is a value.
    pub(super) fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Name(text) => self.value_name(text, expr.span),
            ExprKind::Int(_) | ExprKind::Float { .. } | ExprKind::Str(_) | ExprKind::Bool(_) => {}
            ExprKind::Error => self.found.unread = true,
            ExprKind::Unary(_, inner) | ExprKind::Paren(inner) => self.expr(inner),
            ExprKind::Binary { left, right, .. } => {
                self.expr(left);
                self.expr(right);
            }
            ExprKind::Pipe(value, into) => {
                self.expr(value);
                self.callee(into);
            }
            ExprKind::Call { callee, args } => {
                self.callee(callee);
                self.args(callee, args);
            }
            ExprKind::Index { base, elems } => {
                self.expr(base);
                elems.iter().for_each(|e| self.elem(e));
            }
            ExprKind::Dot { base, .. } => self.expr(base),
            ExprKind::Tuple(parts) => parts.iter().for_each(|p| self.expr(p)),
            ExprKind::List(elems) => elems.iter().for_each(|e| self.elem(e)),
            ExprKind::Repeat { value, count } => {
                self.expr(value);
                self.expr(count);
            }
            ExprKind::Each { value, pattern, over } => {
                self.expr(over);
                self.framed(FrameKind::Plain, |w| {
                    w.pattern(pattern, LocalKind::Turn, None, false);
                    w.expr(value);
                });
            }
            ExprKind::If { condition, then, otherwise } => {
                self.expr(condition);
                self.branch(then, Wanted::Value);
                match otherwise {
                    Some(body) => self.branch(body, Wanted::Value),
                    None => self.if_without_else(expr.span, then),
                }
            }
        }
    }

    /// What stands before `(` or behind `|>`.
    fn callee(&mut self, callee: &Expr) {
        match &callee.kind {
            ExprKind::Name(text) => self.callee_name(text, callee.span),
            ExprKind::Paren(inner) => self.callee(inner),
            _ => self.expr(callee),
        }
    }

    /// An element of a type's dims, a list or an index.
    pub(super) fn elem(&mut self, elem: &Elem) {
        match elem {
            Elem::Expr(expr) => self.expr(expr),
            Elem::Rest(Some(name), _) => self.value_name(&name.text, name.span),
            Elem::Rest(None, _) => {}
            Elem::Slice(from, to, _) => from.iter().chain(to).for_each(|e| self.expr(e)),
        }
    }

    /// The arguments of a call: their names and their order.
    pub(super) fn args(&mut self, callee: &Expr, args: &[Arg]) {
        let mut named: Option<&Arg> = None;
        let mut said = false;
        for (position, arg) in args.iter().enumerate() {
            self.expr(&arg.value);
            match (&arg.name, named) {
                (Some(_), _) => named = Some(arg),
                (None, Some(before)) if !said => {
                    said = true;
                    let problem = self.positional_after_named(callee, args, position, before);
                    self.say(problem);
                }
                _ => {}
            }
        }
    }

    fn positional_after_named(&self, callee: &Expr, args: &[Arg], position: usize, before: &Arg) -> Diagnostic {
        let arg = &args[position];
        let before_span = before.name.as_ref().map_or(before.value.span, |n| n.span.to(before.value.span));
        let problem = Diagnostic::error("E0203", "an argument by position after one by name", arg.value.span, "by position")
            .label(before_span, "after one by name");
        let Some(params) = self.parameters_of(callee) else {
            return problem.help("give it by name, or put it before the arguments by name");
        };
        let given = |name: &str| args.iter().any(|a| a.name.as_ref().is_some_and(|n| n.text == name));
        let same_name = match &arg.value.kind {
            ExprKind::Name(text) => params.iter().find(|p| p.name.text == *text),
            _ => None,
        };
        match same_name.or_else(|| params.get(position)).filter(|p| !given(&p.name.text)) {
            Some(param) => {
                problem.edit(format!("give it by name: `{}`", param.name.text), arg.value.span.before(), format!("{} = ", param.name.text))
            }
            None => problem.help("give it by name, or put it before the arguments by name"),
        }
    }

    /// The parameters of the item that an expression names, if it names one that has some.
    fn parameters_of(&self, callee: &Expr) -> Option<&[Param]> {
        let ExprKind::Name(text) = &callee.kind else { return None };
        if self.scope.find(text).is_some_and(|l| self.scope.get(l).kind.surely_callable()) {
            return None;
        }
        let id = self.resolution.lookup(self.file, text)?;
        match &self.resolution.item(id).item.kind {
            ItemKind::Fn { params, .. } => Some(params),
            ItemKind::Blueprint(d) | ItemKind::Optimizer(d) => Some(&d.params),
            _ => None,
        }
    }
}
