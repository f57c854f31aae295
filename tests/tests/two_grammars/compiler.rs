//! The compiler's syntax tree, told in the words of the editors' grammar.
use crate::Tree;
use esper_diagnostics::Span;
use esper_grammar::ast::*;

/// The tree of a file in the common form.
pub fn tree(file: &File, text: &str) -> Tree {
    let mut root = Tree { label: "source_file".into(), range: None, children: vec![] };
    documentation(&mut root, &file.docs, "file_documentation", text);
    for item in &file.items {
        documentation(&mut root, &item.docs, "documentation", text);
        root.children.push(self::item(item, text));
    }
    root
}

fn new(kind: &str, span: Span) -> Tree {
    Tree { label: kind.into(), range: Some(span.start as usize..span.end as usize), children: vec![] }
}

fn placeless(kind: &str, children: Vec<Tree>) -> Tree {
    Tree { label: kind.into(), range: None, children }
}

impl Tree {
    fn with(mut self, child: Tree) -> Tree {
        self.children.push(child);
        self
    }

    fn field(self, name: &str, mut child: Tree) -> Tree {
        child.label = format!("{name}: {}", child.label);
        self.with(child)
    }

    fn maybe(self, name: &str, child: Option<Tree>) -> Tree {
        match child {
            Some(child) => self.field(name, child),
            None => self,
        }
    }
}

/// One node for each line of documentation, found in the text again.
fn documentation(parent: &mut Tree, docs: &Docs, kind: &str, text: &str) {
    let Some(span) = docs.span else { return };
    let mut at = span.start as usize;
    for line in text[at..span.end as usize].split('\n') {
        let start = at + (line.len() - line.trim_start().len());
        // a comment of nobody may stand between
        if line.trim_start().starts_with("//!") || line.trim_start().starts_with("///") && !line.trim_start().starts_with("////") {
            parent.children.push(Tree { label: kind.into(), range: Some(start..at + line.len()), children: vec![] });
        }
        at += line.len() + 1;
    }
}

fn name(name: &Name) -> Tree {
    new(&format!("identifier {}", name.text), name.span)
}

fn path(path: &Path) -> Tree {
    let names: Vec<&str> = path.names.iter().map(|n| n.text.as_str()).collect();
    new(&format!("path {}", names.join(".")), path.span)
}

fn item(item: &Item, text: &str) -> Tree {
    let at = |kind: &str| new(kind, item.span);
    match &item.kind {
        ItemKind::Use { path: from, alias, imports } => {
            let names = imports.as_ref().map(|imports| {
                let import =
                    |i: &Import| placeless("import", vec![]).field("name", name(&i.name)).maybe("alias", i.alias.as_ref().map(name));
                placeless("imports", imports.iter().map(import).collect())
            });
            at("use_item").field("path", path(from)).maybe("alias", alias.as_ref().map(name)).maybe("imports", names)
        }
        ItemKind::Const { name: own, ty, value } => at("const_item")
            .field("name", name(own))
            .maybe("type", ty.as_ref().map(|t| self::ty(t, text)))
            .field("value", expression(value, text)),
        ItemKind::Fn { name: own, params, result, body } => at("function_item")
            .field("name", name(own))
            .field("parameters", parameters(params, text))
            .field("result", ty(result, text))
            .field("body", self::body(body, text)),
        ItemKind::Grad { name: own, args, body } => {
            let head = at("gradient_item").field("name", name(own));
            args.iter().fold(head, |tree, arg| tree.field("argument", name(arg))).field("body", self::body(body, text))
        }
        ItemKind::Blueprint(d) => definition(at("blueprint_item"), d, text),
        ItemKind::Optimizer(d) => definition(at("optimizer_item"), d, text),
        ItemKind::Policy(d) => derived(at("policy_item"), d, text),
        ItemKind::Train(d) => derived(at("train_item"), d, text),
        ItemKind::Broken(_) => at("ERROR"),
    }
}

fn definition(tree: Tree, definition: &Definition, text: &str) -> Tree {
    let after_name = definition.name.span.end as usize;
    let written = text[after_name..definition.body.span.start as usize].contains('(');
    tree.field("name", name(&definition.name))
        .maybe("parameters", written.then(|| parameters(&definition.params, text)))
        .field("body", body(&definition.body, text))
}

fn derived(tree: Tree, derived: &Derived, text: &str) -> Tree {
    tree.field("name", name(&derived.name)).maybe("from", derived.from.as_ref().map(path)).field("body", body(&derived.body, text))
}

fn parameters(params: &[Param], text: &str) -> Tree {
    let mut tree = placeless("parameters", vec![]);
    for param in params {
        documentation(&mut tree, &param.docs, "documentation", text);
        // its span begins at its name, its documentation lies before
        let own = Span { start: param.name.span.start, ..param.span };
        let default = param.default.as_ref().map(|d| expression(d, text));
        tree =
            tree.with(new("parameter", own).field("name", name(&param.name)).field("type", ty(&param.ty, text)).maybe("default", default));
    }
    tree
}

fn ty(ty: &Type, text: &str) -> Tree {
    let at = |kind: &str| new(kind, ty.span);
    match &ty.kind {
        TypeKind::Named { name: own, dims } => {
            at("named_type").field("name", name(own)).maybe("dims", dims.as_ref().map(|dims| elements(dims, text)))
        }
        TypeKind::Tuple(parts) => parts.iter().fold(at("tuple_type"), |tree, part| tree.with(self::ty(part, text))),
        TypeKind::List(part) => at("list_type").with(self::ty(part, text)),
        TypeKind::Fn(None) => at("function_type"),
        TypeKind::Fn(Some((inputs, result))) => inputs
            .iter()
            .fold(at("function_type"), |tree, input| tree.field("input", self::ty(input, text)))
            .field("result", self::ty(result, text)),
    }
}

fn body(body: &Body, text: &str) -> Tree {
    let mut tree = new("body", body.span);
    for line in &body.lines {
        documentation(&mut tree, &line.docs, "documentation", text);
        tree = tree.with(self::line(line, text));
    }
    tree
}

fn line(line: &Line, text: &str) -> Tree {
    let at = |kind: &str| new(kind, line.span);
    let value = |e: &Expr| expression(e, text);
    let optional = |e: &Option<Expr>| e.as_ref().map(|e| expression(e, text));
    match &line.kind {
        LineKind::Param(stored) => self::stored(at("param_line"), stored, text),
        LineKind::State(stored) => self::stored(at("state_line"), stored, text),
        LineKind::Layer { name: own, recipe, condition } => {
            at("layer_line").field("name", name(own)).field("value", value(recipe)).maybe("condition", optional(condition))
        }
        LineKind::Slot { name: own, ty: types } => at("slot_line")
            .field("name", name(own))
            .maybe("input", types.as_ref().map(|(input, _)| ty(input, text)))
            .maybe("result", types.as_ref().and_then(|(_, result)| result.as_ref()).map(|result| ty(result, text))),
        LineKind::Forward(method) => self::method(at("forward_line"), method, text),
        LineKind::Update(method) => self::method(at("update_line"), method, text),
        LineKind::Require { condition, message } => {
            at("require_line").field("condition", value(condition)).maybe("message", optional(message))
        }
        LineKind::Let { pattern, ty: written, value: given } => at("let_line")
            .field("pattern", self::pattern(pattern))
            .maybe("type", written.as_ref().map(|t| ty(t, text)))
            .field("value", value(given)),
        LineKind::For { pattern, over, body } => {
            at("for_line").field("pattern", self::pattern(pattern)).field("over", value(over)).field("body", self::body(body, text))
        }
        LineKind::Grow { slots, candidates, policy } => slots
            .iter()
            .fold(at("grow_line"), |tree, slot| tree.field("slot", value(slot)))
            .field("candidates", value(candidates))
            .field("policy", value(policy)),
        LineKind::Rule { verb, condition, duration } => {
            at("rule_line").field("verb", name(verb)).field("condition", value(condition)).maybe("duration", optional(duration))
        }
        LineKind::Section { name: own, body } => at("section_line").field("name", name(own)).field("body", self::body(body, text)),
        LineKind::Set { target, value: given } => at("set_line").field("target", value(target)).field("value", value(given)),
        LineKind::Assign { target, value: given } => at("assign_line").field("target", value(target)).field("value", value(given)),
        LineKind::Expr(expression) => at("expression_line").with(value(expression)),
        LineKind::Broken(_) => at("ERROR"),
    }
}

fn stored(tree: Tree, stored: &Stored, text: &str) -> Tree {
    let optional = |e: &Option<Expr>| e.as_ref().map(|e| expression(e, text));
    tree.field("name", name(&stored.name))
        .field("type", ty(&stored.ty, text))
        .maybe("value", optional(&stored.init))
        .maybe("condition", optional(&stored.condition))
}

fn method(tree: Tree, method: &Method, text: &str) -> Tree {
    tree.field("parameters", parameters(&method.params, text))
        .field("result", ty(&method.result, text))
        .field("body", body(&method.body, text))
}

fn pattern(pattern: &Pattern) -> Tree {
    match pattern {
        Pattern::Name(own) => name(own),
        Pattern::Tuple(parts, span) => parts.iter().fold(new("tuple_pattern", *span), |tree, part| tree.with(self::pattern(part))),
    }
}

fn elements(elements: &[Elem], text: &str) -> Tree {
    let value = |e: &Expr| expression(e, text);
    let element = |element: &Elem| match element {
        Elem::Expr(e) => value(e),
        Elem::Rest(own, span) => new("rest", *span).maybe("name", own.as_ref().map(name)),
        Elem::Slice(start, end, span) => {
            new("slice", *span).maybe("start", start.as_ref().map(value)).maybe("end", end.as_ref().map(value))
        }
    };
    placeless("elements", elements.iter().map(element).collect())
}

fn expression(expr: &Expr, text: &str) -> Tree {
    let at = |kind: &str| new(kind, expr.span);
    let value = |e: &Expr| expression(e, text);
    match &expr.kind {
        ExprKind::Name(own) => at(&format!("identifier {own}")),
        ExprKind::Int(number) => at(&match number {
            0 => "integer".to_string(),
            number => format!("integer {number}"),
        }),
        ExprKind::Float { text, .. } => at(&format!("float {text}")),
        ExprKind::Str(_) => at("string"),
        ExprKind::Bool(b) => at(&format!("boolean {b}")),
        ExprKind::Unary(op, operand) => {
            let word = expr.span.start as usize..expr.span.start as usize + op.text().len();
            let operator = Tree { label: format!("operator: {}", op.text()), range: Some(word), children: vec![] };
            at("unary_expression").with(operator).field("operand", value(operand))
        }
        ExprKind::Binary { op, op_span, left, right } => at("binary_expression")
            .field("left", value(left))
            .with(new(&format!("operator: {}", op.text()), *op_span))
            .field("right", value(right)),
        ExprKind::Pipe(left, right) => {
            let between = left.span.end as usize..right.span.start as usize;
            let sign = between.start + sign(&text[between]);
            let operator = Tree { label: "operator: |>".into(), range: Some(sign..sign + 2), children: vec![] };
            at("pipe_expression").field("left", value(left)).with(operator).field("right", value(right))
        }
        ExprKind::Call { callee, args } => {
            let argument = |arg: &Arg| match &arg.name {
                Some(own) => placeless("named_argument", vec![]).field("name", name(own)).field("value", value(&arg.value)),
                None => value(&arg.value),
            };
            let arguments = placeless("arguments", args.iter().map(argument).collect());
            at("call_expression").field("callee", value(callee)).field("arguments", arguments)
        }
        ExprKind::Index { base, elems } => at("index_expression").field("base", value(base)).field("elements", elements(elems, text)),
        ExprKind::Dot { base, name: own } => at("member_expression").field("base", value(base)).field("member", name(own)),
        ExprKind::Tuple(parts) => parts.iter().fold(at("tuple_expression"), |tree, part| tree.with(value(part))),
        ExprKind::Paren(inner) => at("parenthesised_expression").with(value(inner)),
        ExprKind::List(parts) => placeless("list_expression", vec![elements(parts, text)]),
        ExprKind::Repeat { value: each, count } => at("repeat_expression").field("value", value(each)).field("count", value(count)),
        ExprKind::Each { value: each, pattern, over } => {
            at("each_expression").field("value", value(each)).field("pattern", self::pattern(pattern)).field("over", value(over))
        }
        ExprKind::If { condition, then, otherwise } => at("if_expression")
            .field("condition", value(condition))
            .field("then", body(then, text))
            .maybe("otherwise", otherwise.as_ref().map(|body| otherwise_clause(body, text))),
        ExprKind::Error => at("ERROR"),
    }
}

/// `else { … }`, or `else if …`, which the compiler keeps as a body without braces.
fn otherwise_clause(otherwise: &Body, text: &str) -> Tree {
    let braced = text[otherwise.span.start as usize..].starts_with('{');
    match &otherwise.lines[..] {
        [Line { kind: LineKind::Expr(nested), .. }] if !braced => placeless("else_clause", vec![expression(nested, text)]),
        _ => placeless("else_clause", vec![body(otherwise, text)]),
    }
}

/// Where `|>` stands in a text of spaces and comments.
fn sign(between: &str) -> usize {
    let mut at = 0;
    for line in between.split('\n') {
        let code = line.split("//").next().unwrap_or("");
        if let Some(found) = code.find("|>") {
            return at + found;
        }
        at += line.len() + 1;
    }
    panic!("no |> in {between:?}")
}
