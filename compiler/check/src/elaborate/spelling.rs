//! Expressions as text on one line, for messages and edits.
use esper_grammar::ast::*;

/// The expression as a user would write it.
pub(crate) fn spell(e: &Expr) -> String {
    match &e.kind {
        ExprKind::Name(name) => name.clone(),
        ExprKind::Int(n) => n.to_string(),
        ExprKind::Float { text, .. } => text.clone(),
        ExprKind::Str(text) => format!("{text:?}"),
        ExprKind::Bool(b) => b.to_string(),
        ExprKind::Unary(UnaryOp::Neg, x) => format!("-{}", spell(x)),
        ExprKind::Unary(UnaryOp::Not, x) => format!("not {}", spell(x)),
        ExprKind::Binary { op, op_span, left, right } => {
            // As close together as written: `1/16`, `2^i`, `d / 2`.
            let close = left.span.end == op_span.start;
            let gap = if close { "" } else { " " };
            format!("{}{gap}{}{gap}{}", spell(left), op.text(), spell(right))
        }
        ExprKind::Pipe(x, f) => format!("{} |> {}", spell(x), spell(f)),
        ExprKind::Call { callee, args } => format!("{}({})", spell(callee), args.iter().map(argument).collect::<Vec<_>>().join(", ")),
        ExprKind::Index { base, elems } => format!("{}[{}]", spell(base), elements(elems)),
        ExprKind::Dot { base, name } => format!("{}.{}", spell(base), name.text),
        ExprKind::Tuple(values) => format!("({})", values.iter().map(spell).collect::<Vec<_>>().join(", ")),
        ExprKind::Paren(x) => format!("({})", spell(x)),
        ExprKind::List(elems) => format!("[{}]", elements(elems)),
        ExprKind::Repeat { value, count } => format!("[{} ; {}]", spell(value), spell(count)),
        ExprKind::Each { value, pattern, over } => format!("[{} for {} in {}]", spell(value), pattern_text(pattern), spell(over)),
        ExprKind::If { condition, then, otherwise } => {
            let otherwise = otherwise.as_ref().map(|b| format!(" else {}", body(b))).unwrap_or_default();
            format!("if {} {}{otherwise}", spell(condition), body(then))
        }
        ExprKind::Error => "…".into(),
    }
}

/// One argument as written.
pub(crate) fn argument(arg: &Arg) -> String {
    match &arg.name {
        Some(name) => format!("{} = {}", name.text, spell(&arg.value)),
        None => spell(&arg.value),
    }
}

fn body(b: &Body) -> String {
    match &b.lines[..] {
        [Line { kind: LineKind::Expr(e), .. }] => format!("{{ {} }}", spell(e)),
        _ => "{ … }".into(),
    }
}

fn pattern_text(p: &Pattern) -> String {
    match p {
        Pattern::Name(name) => name.text.clone(),
        Pattern::Tuple(parts, _) => format!("({})", parts.iter().map(pattern_text).collect::<Vec<_>>().join(", ")),
    }
}

fn elements(elems: &[Elem]) -> String {
    elems.iter().map(element).collect::<Vec<_>>().join(", ")
}

/// One element of a type's dims, a list or an index.
pub(crate) fn element(elem: &Elem) -> String {
    let side = |e: &Option<Expr>| e.as_ref().map(spell).unwrap_or_default();
    match elem {
        Elem::Expr(e) => spell(e),
        Elem::Rest(name, _) => format!("..{}", name.as_ref().map(|n| n.text.as_str()).unwrap_or_default()),
        Elem::Slice(a, b, _) => format!("{}:{}", side(a), side(b)),
    }
}

/// An expression without the brackets around it.
pub(crate) fn unwrapped(e: &Expr) -> &Expr {
    match &e.kind {
        ExprKind::Paren(inner) => unwrapped(inner),
        _ => e,
    }
}
