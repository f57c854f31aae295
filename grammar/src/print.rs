//! The syntax tree as text, for `--emit ast`: one line for each item and line, expressions in prefix form.
use crate::ast::*;

/// The tree as indented text. Places are left out, so texts that mean the same print the same.
pub fn print_tree(file: &File) -> String {
    let mut printer = Printer { text: String::from("file\n"), depth: 1 };
    printer.docs(&file.docs);
    for item in &file.items {
        printer.docs(&item.docs);
        printer.item(&item.kind);
    }
    printer.text
}

struct Printer {
    text: String,
    depth: usize,
}

impl Printer {
    fn put(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    fn indent(&mut self) {
        for _ in 0..self.depth {
            self.text.push_str("  ");
        }
    }

    fn docs(&mut self, docs: &Docs) {
        if docs.span.is_some() {
            self.indent();
            self.put(&format!("docs {:?}\n", docs.text));
        }
    }

    fn item(&mut self, item: &ItemKind) {
        self.indent();
        match item {
            ItemKind::Use { path, alias, imports } => {
                self.put("use ").path(path);
                self.alias(alias);
                if let Some(imports) = imports {
                    self.put(".{");
                    self.list(imports, |p, import| {
                        p.put(&import.name.text);
                        p.alias(&import.alias);
                    });
                    self.put("}");
                }
                self.put("\n");
            }
            ItemKind::Const { name, ty, value } => {
                self.put("const ").put(&name.text);
                self.typed(ty.as_ref());
                self.put(" = ").expr(value);
                self.put("\n");
            }
            ItemKind::Fn { name, params, result, body } => {
                self.put("fn ").put(&name.text).head(params, Some(result));
                self.body(body);
            }
            ItemKind::Grad { name, args, body } => {
                self.put("grad ").put(&name.text).put("(");
                self.list(args, |p, name| {
                    p.put(&name.text);
                });
                self.put(")").body(body);
            }
            ItemKind::Blueprint(definition) => self.definition("blueprint ", definition),
            ItemKind::Optimizer(definition) => self.definition("optimizer ", definition),
            ItemKind::Policy(derived) => self.derived("policy ", derived),
            ItemKind::Train(derived) => self.derived("train ", derived),
            ItemKind::Broken(body) => self.broken(body.as_ref()),
        }
    }

    fn definition(&mut self, word: &str, definition: &Definition) {
        self.put(word).put(&definition.name.text).head(&definition.params, None);
        self.body(&definition.body);
    }

    fn derived(&mut self, word: &str, derived: &Derived) {
        self.put(word).put(&derived.name.text);
        if let Some(from) = &derived.from {
            self.put(" from ").path(from);
        }
        self.body(&derived.body);
    }

    fn broken(&mut self, body: Option<&Body>) {
        self.put("broken");
        match body {
            Some(body) => self.body(body),
            None => {
                self.put("\n");
            }
        }
    }

    fn alias(&mut self, alias: &Option<Name>) {
        if let Some(alias) = alias {
            self.put(" as ").put(&alias.text);
        }
    }

    fn path(&mut self, path: &Path) {
        for (index, name) in path.names.iter().enumerate() {
            self.put(if index == 0 { "" } else { "." }).put(&name.text);
        }
    }

    fn list<T>(&mut self, items: &[T], print: impl Fn(&mut Printer, &T)) {
        for (index, item) in items.iter().enumerate() {
            self.put(if index == 0 { "" } else { ", " });
            print(self, item);
        }
    }

    fn head(&mut self, params: &[Param], result: Option<&Type>) {
        self.put("(");
        self.list(params, |p, param| {
            if param.docs.span.is_some() {
                p.put(&format!("docs {:?} ", param.docs.text));
            }
            p.put(&param.name.text).put(": ").ty(&param.ty);
            p.assigned(param.default.as_ref());
        });
        self.put(")");
        if let Some(result) = result {
            self.put(" -> ").ty(result);
        }
    }

    fn typed(&mut self, ty: Option<&Type>) {
        if let Some(ty) = ty {
            self.put(": ").ty(ty);
        }
    }

    fn assigned(&mut self, value: Option<&Expr>) {
        if let Some(value) = value {
            self.put(" = ").expr(value);
        }
    }

    fn conditional(&mut self, condition: Option<&Expr>) {
        if let Some(condition) = condition {
            self.put(" if ").expr(condition);
        }
    }

    fn ty(&mut self, ty: &Type) {
        match &ty.kind {
            TypeKind::Named { name, dims } => {
                self.put(&name.text);
                if let Some(dims) = dims {
                    self.put("[");
                    self.list(dims, Printer::elem);
                    self.put("]");
                }
            }
            TypeKind::Tuple(types) => {
                self.put("(").list(types, Printer::ty);
                self.put(")");
            }
            TypeKind::List(element) => {
                self.put("[").ty(element);
                self.put("]");
            }
            TypeKind::Fn(None) => {
                self.put("fn");
            }
            TypeKind::Fn(Some((params, result))) => {
                self.put("fn(").list(params, Printer::ty);
                self.put(") -> ").ty(result);
            }
        }
    }

    /// The lines of a body, one level deeper.
    fn body(&mut self, body: &Body) {
        self.put("\n");
        self.depth += 1;
        for line in &body.lines {
            self.docs(&line.docs);
            self.line(&line.kind);
        }
        self.depth -= 1;
    }

    fn stored(&mut self, word: &str, stored: &Stored) {
        self.put(word).put(&stored.name.text).put(": ").ty(&stored.ty);
        self.assigned(stored.init.as_ref());
        self.conditional(stored.condition.as_ref());
        self.put("\n");
    }

    fn line(&mut self, line: &LineKind) {
        self.indent();
        match line {
            LineKind::Param(stored) => return self.stored("param ", stored),
            LineKind::State(stored) => return self.stored("state ", stored),
            LineKind::Forward(method) | LineKind::Update(method) => {
                self.put(if matches!(line, LineKind::Forward(_)) { "forward" } else { "update" })
                    .head(&method.params, Some(&method.result));
                return self.body(&method.body);
            }
            LineKind::For { pattern, over, body } => {
                self.put("for ").pattern(pattern);
                self.put(" in ").expr(over);
                return self.body(body);
            }
            LineKind::Section { name, body } => {
                self.put("section ").put(&name.text);
                return self.body(body);
            }
            LineKind::Broken(body) => return self.broken(body.as_ref()),
            LineKind::Layer { name, recipe, condition } => {
                self.put("layer ").put(&name.text).put(" = ").expr(recipe);
                self.conditional(condition.as_ref());
            }
            LineKind::Slot { name, ty } => {
                self.put("slot ").put(&name.text);
                if let Some((reads, gives)) = ty {
                    self.put(": ").ty(reads);
                    if let Some(gives) = gives {
                        self.put(" -> ").ty(gives);
                    }
                }
            }
            LineKind::Require { condition, message } => {
                self.put("require ").expr(condition);
                if let Some(message) = message {
                    self.put(", ").expr(message);
                }
            }
            LineKind::Let { pattern, ty, value } => {
                self.put("let ").pattern(pattern);
                self.typed(ty.as_ref());
                self.put(" = ").expr(value);
            }
            LineKind::Grow { slots, candidates, policy } => {
                self.put("grow ").list(slots, Printer::expr);
                self.put(" from ").expr(candidates);
                self.put(" by ").expr(policy);
            }
            LineKind::Rule { verb, condition, duration } => {
                self.put("rule ").put(&verb.text).put(" when ").expr(condition);
                if let Some(duration) = duration {
                    self.put(" for ").expr(duration);
                }
            }
            LineKind::Set { target, value } => {
                self.put("set ").expr(target);
                self.put(" = ").expr(value);
            }
            LineKind::Assign { target, value } => {
                self.put("assign ").expr(target);
                self.put(" := ").expr(value);
            }
            LineKind::Expr(value) => self.expr(value),
        }
        self.put("\n");
    }

    fn pattern(&mut self, pattern: &Pattern) {
        match pattern {
            Pattern::Name(name) => {
                self.put(&name.text);
            }
            Pattern::Tuple(patterns, _) => {
                self.put("(").list(patterns, Printer::pattern);
                self.put(")");
            }
        }
    }

    fn elem(&mut self, elem: &Elem) {
        match elem {
            Elem::Expr(value) => self.expr(value),
            Elem::Rest(name, _) => {
                self.put("..").put(name.as_ref().map_or("", |n| n.text.as_str()));
            }
            Elem::Slice(from, to, _) => {
                for (bound, mark) in [(from, ":"), (to, "")] {
                    if let Some(bound) = bound {
                        self.expr(bound);
                    }
                    self.put(mark);
                }
            }
        }
    }

    /// `(operator operand …)`.
    fn prefix(&mut self, operator: &str, operands: &[&Expr]) {
        self.put("(").put(operator);
        for operand in operands {
            self.put(" ").expr(operand);
        }
        self.put(")");
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Name(name) => {
                self.put(name);
            }
            ExprKind::Int(value) => {
                self.put(&value.to_string());
            }
            ExprKind::Float { value, .. } => {
                self.put(&format!("{value:?}"));
            }
            ExprKind::Str(value) => {
                self.put(&format!("{value:?}"));
            }
            ExprKind::Bool(value) => {
                self.put(if *value { "true" } else { "false" });
            }
            ExprKind::Unary(op, operand) => self.prefix(op.text(), &[operand]),
            ExprKind::Binary { op, left, right, .. } => self.prefix(op.text(), &[left, right]),
            ExprKind::Pipe(value, stage) => self.prefix("|>", &[value, stage]),
            ExprKind::Call { callee, args } => {
                self.put("(call ").expr(callee);
                for arg in args {
                    self.put(" ");
                    if let Some(name) = &arg.name {
                        self.put(&name.text).put(" = ");
                    }
                    self.expr(&arg.value);
                }
                self.put(")");
            }
            ExprKind::Index { base, elems } => {
                self.put("(index ").expr(base);
                for elem in elems {
                    self.put(" ").elem(elem);
                }
                self.put(")");
            }
            ExprKind::Dot { base, name } => {
                self.put("(. ").expr(base);
                self.put(" ").put(&name.text).put(")");
            }
            ExprKind::Tuple(parts) => {
                let parts: Vec<&Expr> = parts.iter().collect();
                self.prefix("tuple", &parts);
            }
            ExprKind::Paren(inner) => self.prefix("paren", &[inner]),
            ExprKind::List(elems) => {
                self.put("[").list(elems, Printer::elem);
                self.put("]");
            }
            ExprKind::Repeat { value, count } => self.prefix("repeat", &[value, count]),
            ExprKind::Each { value, pattern, over } => {
                self.put("(each ").expr(value);
                self.put(" ").pattern(pattern);
                self.put(" ").expr(over);
                self.put(")");
            }
            ExprKind::If { condition, then, otherwise } => {
                self.put("(if ").expr(condition);
                self.depth += 1;
                self.body(then);
                if let Some(otherwise) = otherwise {
                    self.depth -= 1;
                    self.indent();
                    self.depth += 1;
                    self.put("else").body(otherwise);
                }
                self.depth -= 1;
                self.indent();
                self.put(")");
            }
            ExprKind::Error => {
                self.put("error");
            }
        }
    }
}
