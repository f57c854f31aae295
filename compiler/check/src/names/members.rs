//! Functions, blueprints and optimizers: their parameters, members and methods.
use super::belongs::{Place, is_birth};
use super::code::Wanted;
use super::scope::{FrameKind, LocalKind};
use super::walk::Walker;
use esper_diagnostics::Diagnostic;
use esper_grammar::ast::{Body, Definition, Line, LineKind, Method, Name, Param, Stored, Type, TypeKind};

/// What a parameter's type makes of it.
fn parameter_kind(ty: &Type) -> LocalKind {
    match &ty.kind {
        TypeKind::Named { name, dims: None } => match name.text.as_str() {
            "blueprint" | "fn" | "init" => LocalKind::Parameter { callable: true },
            "dim" | "int" | "float" | "str" | "time" | "axis" | "bool" => LocalKind::Parameter { callable: false },
            _ => LocalKind::Input,
        },
        TypeKind::Named { .. } | TypeKind::Tuple(_) => LocalKind::Input,
        TypeKind::List(inner) => parameter_kind(inner),
        TypeKind::Fn(_) => LocalKind::Parameter { callable: true },
    }
}

impl Walker<'_, '_> {
    /// Declares parameters, in a blueprint or optimizer with everything known to the compiler or given at run time alike.
    fn declare_params(&mut self, params: &[Param], all_are_parameters: bool) {
        for param in params {
            let kind = match parameter_kind(&param.ty) {
                LocalKind::Input if all_are_parameters => LocalKind::Parameter { callable: false },
                kind => kind,
            };
            self.declare(&param.name, kind);
        }
    }

    /// Resolves defaults: each sees the parameters to its left.
    fn defaults(&mut self, params: &[Param]) {
        for (i, param) in params.iter().enumerate() {
            let Some(default) = &param.default else { continue };
            let hidden: Vec<&Name> = params[i..].iter().map(|p| &p.name).collect();
            self.hiding(&hidden, |w| w.expr(default));
        }
    }

    /// Walks with some names reported as not yet declared.
    fn hiding(&mut self, names: &[&Name], inside: impl FnOnce(&mut Self)) {
        let hidden: Vec<usize> = names.iter().filter_map(|n| self.scope.find(&n.text)).collect();
        hidden.iter().for_each(|&local| self.scope.hide(local));
        inside(self);
        hidden.iter().for_each(|&local| self.scope.show(local));
    }

    /// `fn`: parameters, the dims of its inputs, defaults, body.
    pub(super) fn function(&mut self, params: &[Param], result: &Type, body: &Body) {
        self.declare_params(params, false);
        params.iter().for_each(|p| self.bind_dims(&p.ty));
        params.iter().for_each(|p| self.type_names(&p.ty));
        self.defaults(params);
        self.type_names(result);
        self.framed(FrameKind::Plain, |w| w.code(body, Wanted::Value));
    }

    /// `grad`: its own arguments, and the dims and compile-time parameters of its function.
    pub(super) fn gradient(&mut self, args: &[Name], body: &Body, of: Option<&[Param]>) {
        for arg in args {
            self.declare(arg, LocalKind::Input);
        }
        match of {
            Some(params) => {
                for param in params {
                    let kind = parameter_kind(&param.ty);
                    if kind != LocalKind::Input && self.scope.find(&param.name.text).is_none() {
                        let local = self.scope.declare(&param.name.text, param.name.span, kind);
                        self.scope.get_mut(local).used = true;
                    }
                }
                // The function's own walk speaks about its dims.
                let (problems, lenient) = (self.found.problems.len(), self.lenient);
                params.iter().for_each(|p| self.bind_dims(&p.ty));
                self.found.problems.truncate(problems);
                self.lenient = lenient;
            }
            None => self.lenient = true,
        }
        self.framed(FrameKind::Plain, |w| w.code(body, Wanted::Value));
    }

    /// A blueprint or an optimizer.
    pub(super) fn definition(&mut self, definition: &Definition, place: Place) {
        let lines = &definition.body.lines;
        self.declare_params(&definition.params, true);
        let methods = self.methods(definition, place);
        if methods.is_empty() {
            // Dims come from the inputs of a method: without one, what is unknown is no second mistake.
            self.lenient = true;
        }
        for line in lines {
            self.declare_member(line, place);
        }
        if let Some(method) = methods.first() {
            method.params.iter().for_each(|p| self.bind_dims(&p.ty));
        }
        definition.params.iter().for_each(|p| self.type_names(&p.ty));
        let dims = self
            .scope
            .visible()
            .filter(|l| matches!(l.kind, LocalKind::Dim | LocalKind::Dims))
            .map(|l| Name { text: l.name.clone(), span: l.span });
        let dims: Vec<Name> = dims.collect();
        self.hiding(&dims.iter().collect::<Vec<_>>(), |w| {
            let members: Vec<Name> = lines.iter().filter_map(member_name).cloned().collect();
            w.hiding(&members.iter().collect::<Vec<_>>(), |w| w.defaults(&definition.params));
        });
        for line in lines {
            self.member(line, place);
        }
        for method in methods {
            self.framed(FrameKind::Plain, |w| w.method(method));
        }
    }

    /// The methods that belong here; says where one is missing or there are two.
    fn methods<'m>(&mut self, definition: &'m Definition, place: Place) -> Vec<&'m Method> {
        let (word, signature) = match place {
            Place::Blueprint => ("forward", "forward(x: f32[b, d]) -> f32[b, d] { … }"),
            _ => ("update", "update(p: f32[..], g: f32[..], step: f32) -> f32[..] { … }"),
        };
        let of_line = |line: &'m Line| match (&line.kind, place) {
            (LineKind::Forward(m), Place::Blueprint) | (LineKind::Update(m), Place::Optimizer) => Some(m),
            _ => None,
        };
        let methods: Vec<&Method> = definition.body.lines.iter().filter_map(of_line).collect();
        let unread = definition.body.lines.iter().any(|l| matches!(l.kind, LineKind::Broken(_)));
        let misnamed = definition.body.lines.iter().any(|l| matches!(l.kind, LineKind::Forward(_) | LineKind::Update(_)));
        match methods[..] {
            [] if !unread && !misnamed => {
                let name = &definition.name;
                let says = format!("`{}` has no `{word}`", name.text);
                self.say(
                    Diagnostic::error("E0424", format!("{says}, so it computes nothing"), name.span, says)
                        .help(format!("add `{signature}`")),
                );
            }
            [first, second, ..] => self.say(
                Diagnostic::error("E0425", format!("two `{word}`s"), second.word, "a second one")
                    .label(first.word, "the first one")
                    .help(format!("exactly one `{word}` says what `{}` computes", definition.name.text)),
            ),
            _ => {}
        }
        methods.into_iter().take(1).collect()
    }

    fn declare_member(&mut self, line: &Line, place: Place) {
        let kind = match &line.kind {
            LineKind::Param(_) if place == Place::Blueprint => LocalKind::Trained,
            LineKind::State(_) => LocalKind::State,
            LineKind::Layer { .. } if place == Place::Blueprint => LocalKind::Layer,
            LineKind::Slot { .. } if place == Place::Blueprint => LocalKind::Slot,
            _ => return,
        };
        if let Some(local) = member_name(line).and_then(|name| self.declare(name, kind)) {
            self.scope.get_mut(local).line = Some(line.span);
        }
    }

    fn member(&mut self, line: &Line, place: Place) {
        match (&line.kind, place) {
            (LineKind::Param(stored), Place::Blueprint) | (LineKind::State(stored), _) => self.stored(stored),
            (LineKind::Layer { recipe, condition, .. }, Place::Blueprint) => {
                self.expr(recipe);
                condition.iter().for_each(|c| self.expr(c));
            }
            (LineKind::Slot { ty, .. }, Place::Blueprint) => {
                if let Some((reads, gives)) = ty {
                    self.type_names(reads);
                    gives.iter().for_each(|t| self.type_names(t));
                }
            }
            (LineKind::Require { condition, message }, _) => {
                self.expr(condition);
                message.iter().for_each(|m| self.expr(m));
            }
            (LineKind::Forward(_), Place::Blueprint) | (LineKind::Update(_), Place::Optimizer) | (LineKind::Broken(_), _) => {}
            (LineKind::Set { .. }, Place::Blueprint) if is_birth(line) => {}
            _ => self.does_not_belong(line, place),
        }
    }

    fn stored(&mut self, stored: &Stored) {
        self.type_names(&stored.ty);
        stored.init.iter().chain(&stored.condition).for_each(|e| self.expr(e));
    }

    fn method(&mut self, method: &Method) {
        self.declare_params(&method.params, false);
        method.params.iter().for_each(|p| self.type_names(&p.ty));
        self.defaults(&method.params);
        self.type_names(&method.result);
        self.code(&method.body, Wanted::Value);
    }
}

/// The name that a line declares in its blueprint or optimizer.
fn member_name(line: &Line) -> Option<&Name> {
    match &line.kind {
        LineKind::Param(stored) | LineKind::State(stored) => Some(&stored.name),
        LineKind::Layer { name, .. } | LineKind::Slot { name, .. } => Some(name),
        _ => None,
    }
}

/// Whether a line of a body, or of a body in it, could not be read.
pub(crate) fn has_unread_lines(body: &Body) -> bool {
    use esper_grammar::ast::{Expr, ExprKind};
    fn in_expr(expr: &Expr) -> bool {
        match &expr.kind {
            ExprKind::Error => true,
            ExprKind::If { then, otherwise, .. } => has_unread_lines(then) || otherwise.as_ref().is_some_and(has_unread_lines),
            _ => false,
        }
    }
    body.lines.iter().any(|line| match &line.kind {
        LineKind::Broken(_) => true,
        LineKind::For { body, .. } | LineKind::Section { body, .. } => has_unread_lines(body),
        LineKind::Forward(m) | LineKind::Update(m) => has_unread_lines(&m.body),
        LineKind::Expr(e) | LineKind::Let { value: e, .. } | LineKind::Set { value: e, .. } | LineKind::Assign { value: e, .. } => {
            in_expr(e)
        }
        LineKind::Layer { recipe, .. } => in_expr(recipe),
        _ => false,
    })
}
