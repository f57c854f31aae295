//! A walk over every part of a tree, outermost first, in the order of the text.
use crate::ast::*;
use esper_diagnostics::Span;

/// A part of a tree.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub enum Node<'a> {
    Item(&'a Item),
    Path(&'a Path),
    Import(&'a Import),
    Param(&'a Param),
    Type(&'a Type),
    Body(&'a Body),
    Line(&'a Line),
    Method(&'a Method),
    Pattern(&'a Pattern),
    Expr(&'a Expr),
    Arg(&'a Arg),
    Elem(&'a Elem),
}

impl Node<'_> {
    /// Where it stands.
    pub fn span(&self) -> Span {
        match self {
            Node::Item(item) => item.span,
            Node::Path(path) => path.span,
            Node::Import(import) => import.alias.as_ref().map_or(import.name.span, |alias| import.name.span.to(alias.span)),
            Node::Param(param) => param.span,
            Node::Type(ty) => ty.span,
            Node::Body(body) => body.span,
            Node::Line(line) => line.span,
            Node::Method(method) => method.word.to(method.body.span),
            Node::Pattern(Pattern::Name(name)) => name.span,
            Node::Pattern(Pattern::Tuple(_, span)) => *span,
            Node::Expr(expr) => expr.span,
            Node::Arg(arg) => arg.name.as_ref().map_or(arg.value.span, |name| name.span.to(arg.value.span)),
            Node::Elem(Elem::Expr(expr)) => expr.span,
            Node::Elem(Elem::Rest(_, span) | Elem::Slice(_, _, span)) => *span,
        }
    }
}

/// Visits every part of a file. `visit` says whether the parts of a part are visited too.
pub fn visit_file<'a>(file: &'a File, visit: &mut dyn FnMut(Node<'a>) -> bool) {
    file.items.iter().for_each(|item| visit_item(item, visit));
}

/// Visits an item and its parts.
pub fn visit_item<'a>(item: &'a Item, visit: &mut dyn FnMut(Node<'a>) -> bool) {
    if !visit(Node::Item(item)) {
        return;
    }
    match &item.kind {
        ItemKind::Use { path, imports, .. } => {
            visit(Node::Path(path));
            imports.iter().flatten().for_each(|import| {
                visit(Node::Import(import));
            });
        }
        ItemKind::Const { ty, value, .. } => {
            ty.iter().for_each(|t| visit_type(t, visit));
            visit_expr(value, visit);
        }
        ItemKind::Fn { params, result, body, .. } => {
            params.iter().for_each(|p| visit_param(p, visit));
            visit_type(result, visit);
            visit_body(body, visit);
        }
        ItemKind::Grad { body, .. } => visit_body(body, visit),
        ItemKind::Blueprint(d) | ItemKind::Optimizer(d) => {
            d.params.iter().for_each(|p| visit_param(p, visit));
            visit_body(&d.body, visit);
        }
        ItemKind::Policy(d) | ItemKind::Train(d) => {
            d.from.iter().for_each(|path| {
                visit(Node::Path(path));
            });
            visit_body(&d.body, visit);
        }
        ItemKind::Broken(body) => body.iter().for_each(|b| visit_body(b, visit)),
    }
}

fn visit_param<'a>(param: &'a Param, visit: &mut dyn FnMut(Node<'a>) -> bool) {
    if visit(Node::Param(param)) {
        visit_type(&param.ty, visit);
        param.default.iter().for_each(|e| visit_expr(e, visit));
    }
}

fn visit_type<'a>(ty: &'a Type, visit: &mut dyn FnMut(Node<'a>) -> bool) {
    if !visit(Node::Type(ty)) {
        return;
    }
    match &ty.kind {
        TypeKind::Named { dims, .. } => dims.iter().flatten().for_each(|e| visit_elem(e, visit)),
        TypeKind::Tuple(types) => types.iter().for_each(|t| visit_type(t, visit)),
        TypeKind::List(inner) => visit_type(inner, visit),
        TypeKind::Fn(signature) => signature.iter().for_each(|(inputs, result)| {
            inputs.iter().for_each(|t| visit_type(t, visit));
            visit_type(result, visit);
        }),
    }
}

fn visit_body<'a>(body: &'a Body, visit: &mut dyn FnMut(Node<'a>) -> bool) {
    if visit(Node::Body(body)) {
        body.lines.iter().for_each(|line| visit_line(line, visit));
    }
}

fn visit_line<'a>(line: &'a Line, visit: &mut dyn FnMut(Node<'a>) -> bool) {
    if !visit(Node::Line(line)) {
        return;
    }
    match &line.kind {
        LineKind::Param(stored) | LineKind::State(stored) => {
            visit_type(&stored.ty, visit);
            stored.init.iter().chain(&stored.condition).for_each(|e| visit_expr(e, visit));
        }
        LineKind::Layer { recipe, condition, .. } => {
            visit_expr(recipe, visit);
            condition.iter().for_each(|e| visit_expr(e, visit));
        }
        LineKind::Slot { ty, .. } => ty.iter().for_each(|(reads, gives)| {
            visit_type(reads, visit);
            gives.iter().for_each(|t| visit_type(t, visit));
        }),
        LineKind::Forward(method) | LineKind::Update(method) => {
            if visit(Node::Method(method)) {
                method.params.iter().for_each(|p| visit_param(p, visit));
                visit_type(&method.result, visit);
                visit_body(&method.body, visit);
            }
        }
        LineKind::Require { condition, message } => {
            visit_expr(condition, visit);
            message.iter().for_each(|e| visit_expr(e, visit));
        }
        LineKind::Let { pattern, ty, value } => {
            visit_pattern(pattern, visit);
            ty.iter().for_each(|t| visit_type(t, visit));
            visit_expr(value, visit);
        }
        LineKind::For { pattern, over, body } => {
            visit_pattern(pattern, visit);
            visit_expr(over, visit);
            visit_body(body, visit);
        }
        LineKind::Grow { slots, candidates, policy } => {
            slots.iter().for_each(|e| visit_expr(e, visit));
            visit_expr(candidates, visit);
            visit_expr(policy, visit);
        }
        LineKind::Rule { condition, duration, .. } => {
            visit_expr(condition, visit);
            duration.iter().for_each(|e| visit_expr(e, visit));
        }
        LineKind::Section { body, .. } => visit_body(body, visit),
        LineKind::Set { target, value } | LineKind::Assign { target, value } => {
            visit_expr(target, visit);
            visit_expr(value, visit);
        }
        LineKind::Expr(e) => visit_expr(e, visit),
        LineKind::Broken(body) => body.iter().for_each(|b| visit_body(b, visit)),
    }
}

fn visit_pattern<'a>(pattern: &'a Pattern, visit: &mut dyn FnMut(Node<'a>) -> bool) {
    if visit(Node::Pattern(pattern))
        && let Pattern::Tuple(parts, _) = pattern
    {
        parts.iter().for_each(|p| visit_pattern(p, visit));
    }
}

fn visit_elem<'a>(elem: &'a Elem, visit: &mut dyn FnMut(Node<'a>) -> bool) {
    if !visit(Node::Elem(elem)) {
        return;
    }
    match elem {
        Elem::Expr(e) => visit_expr(e, visit),
        Elem::Rest(..) => {}
        Elem::Slice(from, to, _) => from.iter().chain(to).for_each(|e| visit_expr(e, visit)),
    }
}

/// Visits an expression and its parts.
pub fn visit_expr<'a>(expr: &'a Expr, visit: &mut dyn FnMut(Node<'a>) -> bool) {
    if !visit(Node::Expr(expr)) {
        return;
    }
    match &expr.kind {
        ExprKind::Name(_) | ExprKind::Int(_) | ExprKind::Float { .. } | ExprKind::Str(_) | ExprKind::Bool(_) | ExprKind::Error => {}
        ExprKind::Unary(_, inner) | ExprKind::Paren(inner) => visit_expr(inner, visit),
        ExprKind::Binary { left, right, .. } | ExprKind::Pipe(left, right) => {
            visit_expr(left, visit);
            visit_expr(right, visit);
        }
        ExprKind::Call { callee, args } => {
            visit_expr(callee, visit);
            for arg in args {
                if visit(Node::Arg(arg)) {
                    visit_expr(&arg.value, visit);
                }
            }
        }
        ExprKind::Index { base, elems } => {
            visit_expr(base, visit);
            elems.iter().for_each(|e| visit_elem(e, visit));
        }
        ExprKind::Dot { base, .. } => visit_expr(base, visit),
        ExprKind::Tuple(parts) => parts.iter().for_each(|p| visit_expr(p, visit)),
        ExprKind::List(elems) => elems.iter().for_each(|e| visit_elem(e, visit)),
        ExprKind::Repeat { value, count } => {
            visit_expr(value, visit);
            visit_expr(count, visit);
        }
        ExprKind::Each { value, pattern, over } => {
            visit_expr(value, visit);
            visit_pattern(pattern, visit);
            visit_expr(over, visit);
        }
        ExprKind::If { condition, then, otherwise } => {
            visit_expr(condition, visit);
            visit_body(then, visit);
            otherwise.iter().for_each(|b| visit_body(b, visit));
        }
    }
}
