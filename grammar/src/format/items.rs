//! Items, bodies and their lines.
use super::Formatter;
use super::document::{self, *};
use crate::Comment;
use crate::ast::*;

/// What stands in a file or in a body: a comment on a line of its own, or the item or line with that index.
enum Entry<'s> {
    Comment(&'s Comment),
    Element(usize),
}

/// A line or an item: where it begins (its documentation included), where its own text begins, where it ends.
#[derive(Clone, Copy)]
struct Place {
    docs: usize,
    start: usize,
    end: usize,
}

impl Place {
    fn of(docs: &Docs, span: esper_diagnostics::Span) -> Place {
        let start = span.start as usize;
        Place { docs: docs.span.map_or(start, |d| d.start as usize), start, end: span.end as usize }
    }
}

impl<'s> Formatter<'s> {
    pub(super) fn file(&mut self, file: &File) -> Document {
        let mut parts = vec![];
        let mut from = 0;
        if let Some(span) = file.docs.span {
            for comment in self.take(span.start as usize) {
                parts.extend([text(&comment.text), hard_line(false)]);
            }
            parts.extend(self.docs(&file.docs, "//!"));
            from = span.end as usize;
        }
        let places: Vec<Place> = file.items.iter().map(|item| Place::of(&item.docs, item.span)).collect();
        // between items there is one empty line; only `use` lines and constants may stand together
        let together = |above: &ItemKind, below: &ItemKind| {
            matches!((above, below), (ItemKind::Use { .. }, ItemKind::Use { .. }) | (ItemKind::Const { .. }, ItemKind::Const { .. }))
        };
        let apart = |above: usize, below: usize| !together(&file.items[above].kind, &file.items[below].kind);
        let had_docs = !parts.is_empty();
        if had_docs {
            parts.pop();
        }
        let entries = self.sequence(from, self.source.len(), &places, had_docs, &apart, |f, index| {
            let item = &file.items[index];
            let mut parts = f.docs(&item.docs, "///");
            parts.push(f.item(item));
            concat(parts)
        });
        parts.push(entries);
        concat(parts)
    }

    /// Elements and the comments around them, each on its own line. `from` is the end of what stands before, `after` whether that needs
    /// a line end; `apart` says which neighbours an empty line separates whatever the source says.
    fn sequence(
        &mut self,
        from: usize,
        to: usize,
        places: &[Place],
        after: bool,
        apart: &dyn Fn(usize, usize) -> bool,
        mut print: impl FnMut(&mut Self, usize) -> Document,
    ) -> Document {
        let mut parts = vec![];
        let (mut end, mut first, mut above) = (from, !after, None);
        for index in 0..=places.len() {
            let place = places.get(index).copied().unwrap_or(Place { docs: to, start: to, end: to });
            let mut entries = vec![];
            for comment in self.take(place.start) {
                if comment.own_line || (first && parts.is_empty()) || !entries.is_empty() {
                    entries.push(Entry::Comment(comment));
                } else {
                    parts.push(self.trailing(comment));
                    end = end.max(comment.span.end as usize);
                }
            }
            if index < places.len() {
                entries.push(Entry::Element(index));
            }
            for entry in entries {
                let start = match &entry {
                    Entry::Comment(comment) => (comment.span.start as usize).min(place.docs),
                    Entry::Element(_) => place.docs,
                };
                let forced = above.is_some_and(|above| index < places.len() && apart(above, index));
                if !first {
                    // the first line of a body has no empty line above it
                    let opening = end == from && self.opens(from);
                    parts.push(hard_line((forced || self.blank(end, start)) && !opening));
                }
                first = false;
                match entry {
                    Entry::Comment(comment) => {
                        parts.push(text(&comment.text));
                        end = comment.span.end as usize;
                        above = None;
                    }
                    Entry::Element(index) => {
                        parts.push(print(self, index));
                        parts.push(self.stray(place.end));
                        end = place.end;
                        above = Some(index);
                    }
                }
            }
        }
        concat(parts)
    }

    /// Whether the brace of a body stands in front of a place.
    fn opens(&self, at: usize) -> bool {
        self.source[..at].ends_with('{')
    }

    fn item(&mut self, item: &Item) -> Document {
        match &item.kind {
            ItemKind::Use { path, alias, imports: None } => text(format!("use {}{}", joined(path), renamed(alias))),
            ItemKind::Use { path, imports: Some(imports), .. } => {
                let start = |import: &Import| import.name.span.start as usize;
                let names = self.list(("{", "}"), imports, start, item.span.end as usize, |_, import| {
                    text(format!("{}{}", import.name.text, renamed(&import.alias)))
                });
                concat(vec![text(format!("use {}.", joined(path))), names])
            }
            ItemKind::Const { name, ty, value } => {
                let mut parts = vec![text(format!("const {}", name.text))];
                parts.extend(self.typed(ty.as_ref()));
                parts.extend(self.assigned(" = ", Some(value)));
                concat(parts)
            }
            ItemKind::Fn { name, params, result, body } => {
                let head = self.head(&format!("fn {}", name.text), params, result);
                self.with_body(head, body)
            }
            ItemKind::Grad { name, args, body } => {
                let close = self.closer(name.span.end as usize, body.span.start as usize);
                let start = |name: &Name| name.span.start as usize;
                let args = self.list(("(", ")"), args, start, close, |_, name| text(&name.text));
                self.with_body(concat(vec![text(format!("grad {}", name.text)), args]), body)
            }
            ItemKind::Blueprint(definition) => self.definition("blueprint", definition),
            ItemKind::Optimizer(definition) => self.definition("optimizer", definition),
            ItemKind::Policy(derived) => self.derived("policy", derived),
            ItemKind::Train(derived) => self.derived("train", derived),
            ItemKind::Broken(_) => text(&self.source[item.span.start as usize..item.span.end as usize]),
        }
    }

    /// The place behind the last `)` between two places.
    fn closer(&self, from: usize, to: usize) -> usize {
        let mut end = to;
        // a bracket in a comment is none
        while let Some(at) = self.source[from..end].rfind(')') {
            let at = from + at;
            if self.find(")", at, at + 1) == at {
                return at + 1;
            }
            end = at;
        }
        to
    }

    fn head(&mut self, name: &str, params: &[Param], result: &Type) -> Document {
        let from = params.last().map_or(0, |p| p.span.end as usize);
        let params = self.params(params, self.closer(from.min(result.span.start as usize), result.span.start as usize));
        concat(vec![text(name), params, text(" -> "), self.ty(result)])
    }

    fn definition(&mut self, word: &str, definition: &Definition) -> Document {
        let mut head = vec![text(format!("{word} {}", definition.name.text))];
        if let Some(last) = definition.params.last() {
            let close = self.closer(last.span.end as usize, definition.body.span.start as usize);
            head.push(self.params(&definition.params, close));
        }
        self.with_body(concat(head), &definition.body)
    }

    fn derived(&mut self, word: &str, derived: &Derived) -> Document {
        let from = derived.from.as_ref().map_or(String::new(), |path| format!(" from {}", joined(path)));
        let head = text(format!("{word} {}{from} ", derived.name.text));
        let body = self.body(&derived.body, true);
        concat(vec![head, group(body)])
    }

    fn with_body(&mut self, head: Document, body: &Body) -> Document {
        let stray = self.stray(body.span.start as usize);
        let body = self.body(body, false);
        concat(vec![head, stray, text(" "), group(body)])
    }

    /// A body in braces, for a group: on one line where it was, otherwise a line for each of its lines. `aligned`: neighbouring fields have
    /// their `=` in one column.
    pub(super) fn body(&mut self, body: &Body, aligned: bool) -> Document {
        let (start, end) = (body.span.start as usize + 1, body.span.end as usize - 1);
        let places: Vec<Place> = body.lines.iter().map(|line| Place::of(&line.docs, line.span)).collect();
        let commented = self.comments.get(self.next).is_some_and(|c| (c.span.start as usize) < end);
        match &body.lines[..] {
            [] if !commented => return text("{}"),
            [only] if !commented && only.docs.span.is_none() && !self.line_ends(start, end) => {
                let only = self.line(only, 0);
                return concat(vec![text("{"), nest(concat(vec![line(), only])), line(), text("}")]);
            }
            _ => {}
        }
        let widths = if aligned { self.field_widths(&body.lines) } else { vec![0; body.lines.len()] };
        let lines = self.sequence(start, end, &places, true, &|_, _| false, |f, index| {
            let line = &body.lines[index];
            let mut parts = f.docs(&line.docs, "///");
            parts.push(f.line(line, widths[index]));
            concat(parts)
        });
        concat(vec![text("{"), nest(lines), hard_line(false), text("}")])
    }

    /// For each line the width of the widest target among the fields it stands together with; 0 where it is no field.
    fn field_widths(&self, lines: &[Line]) -> Vec<usize> {
        let width = |line: &Line| match &line.kind {
            LineKind::Set { target: Expr { kind: ExprKind::Name(name), .. }, .. } if line.docs.span.is_none() => name.chars().count(),
            _ => 0,
        };
        let mut widths: Vec<usize> = lines.iter().map(width).collect();
        let mut start = 0;
        while start < lines.len() {
            let mut end = start + 1;
            let adjacent = |next: usize| {
                let gap = &self.source[lines[next - 1].span.end as usize..lines[next].span.start as usize];
                gap.matches('\n').count() == 1
            };
            while end < lines.len() && widths[start] > 0 && widths[end] > 0 && adjacent(end) {
                end += 1;
            }
            let widest = widths[start..end].iter().copied().max().unwrap_or(0);
            widths[start..end].fill(widest);
            start = end;
        }
        widths
    }

    fn typed(&mut self, ty: Option<&Type>) -> Vec<Document> {
        ty.map_or(vec![], |ty| vec![text(": "), self.ty(ty)])
    }

    fn stored(&mut self, word: &str, stored: &Stored) -> Document {
        let mut parts = vec![text(format!("{word} {}: ", stored.name.text)), self.ty(&stored.ty)];
        parts.extend(self.assigned(" = ", stored.init.as_ref()));
        parts.extend(self.assigned(" if ", stored.condition.as_ref()));
        concat(parts)
    }

    fn method(&mut self, word: &str, method: &Method) -> Document {
        let head = self.head(word, &method.params, &method.result);
        self.with_body(head, &method.body)
    }

    /// A line without its documentation. `width`: what a field's target is padded to.
    fn line(&mut self, line: &Line, width: usize) -> Document {
        let mut parts = vec![];
        match &line.kind {
            LineKind::Param(stored) => return self.stored("param", stored),
            LineKind::State(stored) => return self.stored("state", stored),
            LineKind::Layer { name, recipe, condition } => {
                parts.extend([text(format!("layer {} = ", name.text)), self.expr(recipe)]);
                parts.extend(self.assigned(" if ", condition.as_ref()));
            }
            LineKind::Slot { name, ty } => {
                parts.push(text(format!("slot {}", name.text)));
                if let Some((reads, gives)) = ty {
                    parts.extend(self.typed(Some(reads)));
                    if let Some(gives) = gives {
                        parts.extend([text(" -> "), self.ty(gives)]);
                    }
                }
            }
            LineKind::Forward(method) => return self.method("forward", method),
            LineKind::Update(method) => return self.method("update", method),
            LineKind::Require { condition, message } => {
                parts.extend([text("require "), self.expr(condition)]);
                if let Some(message) = message {
                    let stray = self.stray(message.span.start as usize);
                    let message = self.expr(message);
                    parts.extend([text(","), stray, nest(concat(vec![document::line(), message]))]);
                }
                return group(concat(parts));
            }
            LineKind::Let { pattern, ty, value } => {
                parts.extend([text("let "), self.pattern(pattern)]);
                parts.extend(self.typed(ty.as_ref()));
                parts.extend(self.assigned(" = ", Some(value)));
            }
            LineKind::For { pattern, over, body } => {
                parts.extend([text("for "), self.pattern(pattern), text(" in "), self.expr(over)]);
                return self.with_body(concat(parts), body);
            }
            LineKind::Grow { slots, candidates, policy } => {
                for (index, slot) in slots.iter().enumerate() {
                    parts.extend([text(if index == 0 { "grow " } else { ", " }), self.expr(slot)]);
                }
                parts.extend([text(" from "), self.expr(candidates), text(" by "), self.expr(policy)]);
            }
            LineKind::Rule { verb, condition, duration } => {
                parts.extend([text(format!("{} when ", verb.text)), self.expr(condition)]);
                parts.extend(self.assigned(" for ", duration.as_ref()));
            }
            LineKind::Section { name, body } => return self.with_body(text(&name.text), body),
            LineKind::Set { target, value } => {
                let written = self.expr(target);
                let padding = match &target.kind {
                    ExprKind::Name(name) => width.saturating_sub(name.chars().count()),
                    _ => 0,
                };
                parts.extend([written, text(" ".repeat(padding))]);
                parts.extend(self.assigned(" = ", Some(value)));
            }
            LineKind::Assign { target, value } => {
                parts.push(self.expr(target));
                parts.extend(self.assigned(" := ", Some(value)));
            }
            LineKind::Expr(value) => return self.expr(value),
            LineKind::Broken(_) => return text(&self.source[line.span.start as usize..line.span.end as usize]),
        }
        concat(parts)
    }
}

fn joined(path: &Path) -> String {
    path.names.iter().map(|name| name.text.as_str()).collect::<Vec<_>>().join(".")
}

fn renamed(alias: &Option<Name>) -> String {
    alias.as_ref().map_or(String::new(), |alias| format!(" as {}", alias.text))
}
