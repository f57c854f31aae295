//! Patterns of `einsum` and `rearrange`, read and checked with places inside the string, and the matrix product.
use super::Engine;
use super::builtins::Args;
use super::sizes::{has_rest, written};
use super::value::{Kind, Tensor, Value};
use crate::hir::Builtin;
use esper_diagnostics::{Diagnostic, Span};
use esper_ir::{DType, Dim, TensorType};
use std::collections::BTreeMap;

/// One letter (or word) of a pattern with its place.
#[derive(Clone, Debug, PartialEq)]
struct Letter {
    name: String,
    span: Span,
}

/// One axis of a side: letters of a group, or `..`.
#[derive(Clone, Debug)]
enum Axis {
    Letters(Vec<Letter>, Span),
    Rest(Span),
}

/// One operand's or the result's axes.
type Side = Vec<Axis>;

/// Reads a pattern; the error is its place and what is wrong.
fn read(text: &str, start: Span) -> Result<(Vec<Side>, Side), (Span, String)> {
    let at = |from: usize, to: usize| Span { file: start.file, start: start.start + from as u32, end: start.start + to as u32 };
    let Some(arrow) = text.find("->") else {
        return Err((at(0, text.len()), "a pattern has two sides with `->` between them".into()));
    };
    let mut operands = vec![];
    let mut from = 0;
    for part in text[..arrow].split(',') {
        operands.push(read_side(part, from, &at)?);
        from += part.len() + 1;
    }
    let result = read_side(&text[arrow + 2..], arrow + 2, &at)?;
    Ok((operands, result))
}

fn read_side(text: &str, offset: usize, at: &dyn Fn(usize, usize) -> Span) -> Result<Side, (Span, String)> {
    let mut side = vec![];
    let mut group: Option<(usize, Vec<Letter>)> = None;
    let mut rests = 0;
    let mut letters = text.char_indices().peekable();
    while let Some((i, c)) = letters.next() {
        let place = |n: usize| at(offset + i, offset + i + n);
        match c {
            ' ' => {}
            '.' if text[i..].starts_with("..") => {
                letters.next();
                rests += 1;
                if rests > 1 || group.is_some() {
                    return Err((place(2), "`..` stands once on a side, outside of groups".into()));
                }
                side.push(Axis::Rest(place(2)));
            }
            '(' if group.is_none() => group = Some((i, vec![])),
            ')' => match group.take() {
                Some((open, members)) => side.push(Axis::Letters(members, at(offset + open, offset + i + 1))),
                None => return Err((place(1), "no `(` is open here".into())),
            },
            c if c.is_alphanumeric() || c == '_' => {
                let mut end = i + c.len_utf8();
                while let Some((j, d)) = letters.next_if(|(_, d)| d.is_alphanumeric() || *d == '_') {
                    end = j + d.len_utf8();
                }
                let letter = Letter { name: text[i..end].to_string(), span: at(offset + i, offset + end) };
                match &mut group {
                    Some((_, members)) => members.push(letter),
                    None => {
                        let span = letter.span;
                        side.push(Axis::Letters(vec![letter], span));
                    }
                }
            }
            c => return Err((place(c.len_utf8()), format!("`{c}` has no meaning in a pattern"))),
        }
    }
    match group {
        Some((open, _)) => Err((at(offset + open, offset + open + 1), "this `(` is never closed".into())),
        None => Ok(side),
    }
}

fn letters(side: &Side) -> impl Iterator<Item = &Letter> {
    side.iter().flat_map(|a| match a {
        Axis::Letters(list, _) => list.as_slice(),
        Axis::Rest(_) => &[],
    })
}

impl<'a> Engine<'a> {
    fn wrong_pattern(&mut self, span: Span, told: String) -> Value {
        self.report(Diagnostic::error("E0311", "a pattern that does not fit", span, told))
    }

    /// The text of a pattern and where it begins, behind the quote.
    fn pattern_text(&mut self, args: &Args<'a>) -> Option<(std::rc::Rc<str>, Span)> {
        match args.value("pattern") {
            Value::Text(text) => {
                let span = args.place("pattern");
                Some((text, Span { start: span.start + 1, ..span }))
            }
            Value::Poison | Value::Unknown(_) => None,
            other => {
                let problem =
                    Diagnostic::error("E0205", "a pattern is a text", args.place("pattern"), format!("this is {}", other.words()));
                self.report(problem);
                None
            }
        }
    }

    /// `rearrange(x, "b t (h d) -> b h t d", h = heads)`.
    pub fn rearrange(&mut self, args: &Args<'a>) -> Value {
        let Some((text, start)) = self.pattern_text(args) else { return Value::Poison };
        let Value::Tensor(x) = args.value("x") else {
            let other = args.value("x").words();
            return self.report(Diagnostic::error("E0205", "`rearrange` is of a tensor", args.place("x"), format!("this is {other}")));
        };
        let (left, right) = match read(&text, start) {
            Ok((sides, right)) if sides.len() == 1 => (sides.into_iter().next().unwrap_or_default(), right),
            Ok(_) => return self.wrong_pattern(args.place("pattern"), "`rearrange` has one operand".into()),
            Err((span, told)) => return self.wrong_pattern(span, told),
        };
        if let Some(problem) = self.sides_match(&left, &right) {
            return self.report(problem);
        }
        let mut sizes: BTreeMap<String, Dim> = BTreeMap::new();
        for g in &args.further {
            let Some(name) = &g.name else {
                return self.report(Diagnostic::error("E0202", "sizes of letters are given by name", g.span, "for which letter?"));
            };
            if !letters(&left).any(|l| l.name == *name) {
                return self.wrong_pattern(g.span, format!("`{name}` is no letter of the pattern"));
            }
            match self.coerce(g.value.clone(), &Kind::Dim, g.expr.map_or(g.span, |e| e.span), g.expr, &format!("`{name}`")) {
                Value::Size(d) => {
                    sizes.insert(name.clone(), d);
                }
                _ => return Value::Poison,
            }
        }
        let Some(axes) = self.spread_rest(&left, &x, args.place("x")) else { return Value::Poison };
        let mut from = vec![];
        for (axis, d) in axes.iter().zip(x.ty.shape.clone()) {
            if self.size_letters(axis, &d, &mut sizes, &x).is_none() {
                return Value::Poison;
            }
            from.push(axis.iter().map(|l| l.name.clone()).collect::<Vec<_>>());
        }
        let mut to = vec![];
        let mut shape = vec![];
        for axis in &right {
            match axis {
                Axis::Letters(list, _) => {
                    let parts: Vec<Dim> = list.iter().filter_map(|l| sizes.get(&l.name).cloned()).collect();
                    let Some(size) = self.product(&parts, args.span) else { return Value::Poison };
                    shape.push(size);
                    to.push(list.iter().map(|l| l.name.clone()).collect());
                }
                Axis::Rest(_) => {
                    for axis in axes.iter().filter(|a| a.first().is_some_and(|l| l.name.starts_with(".."))) {
                        shape.push(sizes[&axis[0].name].clone());
                        to.push(vec![axis[0].name.clone()]);
                    }
                }
            }
        }
        let sizes = sizes.into_iter().map(|(name, d)| (name, self.sizes.settle(&d))).collect();
        self.emit(Builtin::Rearrange { from, to, sizes }, &[&x], TensorType::new(x.ty.dtype, shape), args.span)
    }

    /// Both sides have the same letters, each once.
    fn sides_match(&self, left: &Side, right: &Side) -> Option<Diagnostic> {
        let wrong = |span: Span, told: String| Diagnostic::error("E0311", "a pattern that does not fit", span, told);
        for side in [left, right] {
            let all: Vec<&Letter> = letters(side).collect();
            for (i, l) in all.iter().enumerate() {
                if let Some(first) = all[..i].iter().find(|f| f.name == l.name) {
                    return Some(wrong(l.span, format!("`{}` stands twice on this side", l.name)).label(first.span, "here first"));
                }
            }
        }
        let rest = |side: &Side| {
            side.iter().find_map(|a| match a {
                Axis::Rest(span) => Some(*span),
                _ => None,
            })
        };
        match (rest(left), rest(right)) {
            (Some(span), None) => return Some(wrong(span, "`..` is lost".into())),
            (None, Some(span)) => return Some(wrong(span, "`..` is not on the left".into())),
            _ => {}
        }
        let lost = letters(left).find(|l| !letters(right).any(|r| r.name == l.name));
        let extra = letters(right).find(|r| !letters(left).any(|l| l.name == r.name));
        match (lost, extra) {
            (Some(lost), Some(extra)) => Some(
                wrong(extra.span, format!("`{}` is not on the left", extra.name))
                    .label(lost.span, format!("`{}` is lost", lost.name))
                    .edit(format!("replace `{}` by `{}`", extra.name, lost.name), extra.span, lost.name.clone()),
            ),
            (Some(lost), None) => Some(wrong(lost.span, format!("`{}` is lost", lost.name))),
            (None, Some(extra)) => Some(wrong(extra.span, format!("`{}` is not on the left", extra.name))),
            (None, None) => None,
        }
    }

    /// The letters of each axis of a tensor, `..` spread out into letters of its own.
    fn spread_rest(&mut self, side: &Side, x: &Tensor, place: Span) -> Option<Vec<Vec<Letter>>> {
        let rank = x.ty.rank();
        let rest = side.iter().position(|a| matches!(a, Axis::Rest(_)));
        let fixed = side.len() - usize::from(rest.is_some());
        let shape = self.sizes.settle_type(&x.ty).shape;
        if (rest.is_none() && fixed != rank) || fixed > rank {
            if has_rest(&shape) {
                return None;
            }
            let span = side.iter().fold(None, |s: Option<Span>, a| {
                let own = match a {
                    Axis::Letters(_, span) | Axis::Rest(span) => *span,
                };
                Some(s.map_or(own, |s| s.to(own)))
            });
            let shown = self.show(x);
            let problem = Diagnostic::error("E0311", "a pattern that does not fit", span.unwrap_or(place), format!("{fixed} axes here"))
                .label(place, format!("is {shown}, with {rank} axes"));
            self.report(problem);
            return None;
        }
        let mut axes = vec![];
        for axis in side {
            match axis {
                Axis::Letters(list, _) => axes.push(list.clone()),
                Axis::Rest(span) => {
                    (0..rank - fixed).for_each(|k| axes.push(vec![Letter { name: format!("..{k}"), span: *span }]));
                }
            }
        }
        Some(axes)
    }

    /// The sizes of an axis' letters: all are known but one, which is the quotient.
    fn size_letters(&mut self, axis: &[Letter], whole: &Dim, sizes: &mut BTreeMap<String, Dim>, x: &Tensor) -> Option<()> {
        let unknown: Vec<&Letter> = axis.iter().filter(|l| !sizes.contains_key(&l.name)).collect();
        let known: Vec<Dim> = axis.iter().filter_map(|l| sizes.get(&l.name).cloned()).collect();
        let span = axis.first().map(|l| l.span)?.to(axis.last()?.span);
        let product = self.product(&known, span)?;
        match unknown[..] {
            [] => {
                if !self.sizes.unify(&product, whole) {
                    let (a, b) = (written(&self.sizes.settle(&product)), written(&self.sizes.settle(whole)));
                    let shown = self.show(x);
                    let names = axis.iter().map(|l| l.name.as_str()).collect::<Vec<_>>().join("·");
                    let problem =
                        Diagnostic::error("E0311", "a pattern that does not fit", span, format!("{names} is {a}, but this axis has {b}"))
                            .label(x.span, format!("is {shown}"));
                    self.report(problem);
                    return None;
                }
            }
            [letter] => {
                let (name, place) = (letter.name.clone(), letter.span);
                let quotient = whole.divide(&product).ok()?;
                let settled = self.sizes.settle(whole).divide(&self.sizes.settle(&product)).ok()?;
                if settled.is_whole() == Some(false) {
                    self.group_not_exact(whole, &product, span);
                    return None;
                }
                if settled.is_whole().is_none() && self.concrete {
                    self.deferred.push(super::coercion::Deferred { dividend: whole.clone(), divisor: product, span: place });
                }
                sizes.insert(name, quotient);
            }
            [first, second, ..] => {
                let told = format!("the sizes of `{}` and `{}` are both unknown: give one, `{} = …`", first.name, second.name, first.name);
                let span = first.span.to(second.span);
                self.report(Diagnostic::error("E0311", "a pattern that does not fit", span, told));
                return None;
            }
        }
        Some(())
    }

    /// `einsum("b i, o i -> b o", x, w)`.
    pub fn einsum(&mut self, args: &Args<'a>) -> Value {
        let Some((text, start)) = self.pattern_text(args) else { return Value::Poison };
        let (sides, right) = match read(&text, start) {
            Ok(both) => both,
            Err((span, told)) => return self.wrong_pattern(span, told),
        };
        let mut tensors: Vec<Tensor> = vec![];
        for g in &args.further {
            match g.value.clone() {
                Value::Tensor(t) => tensors.push(Tensor { span: g.expr.map_or(g.span, |e| e.span), ..t }),
                Value::Poison | Value::Unknown(_) => return Value::Poison,
                other => {
                    let told = format!("this is {}", other.words());
                    return self.report(Diagnostic::error("E0205", "operands of `einsum` are tensors", g.span, told));
                }
            }
        }
        if tensors.len() != sides.len() {
            let told = format!("{} operands here, {} given", sides.len(), tensors.len());
            return self.wrong_pattern(args.place("pattern"), told);
        }
        if tensors.iter().any(|t| has_rest(&self.sizes.settle_type(&t.ty).shape))
            && !sides.iter().any(|s| s.iter().any(|a| matches!(a, Axis::Rest(_))))
        {
            return Value::Poison;
        }
        let mut sizes: BTreeMap<String, (Dim, Span, usize)> = BTreeMap::new();
        let mut operands = vec![];
        let mut rests = 0;
        for (i, (side, t)) in sides.iter().zip(&tensors).enumerate() {
            if let Some(Axis::Letters(_, span)) = side.iter().find(|a| matches!(a, Axis::Letters(l, _) if l.len() != 1)) {
                return self.wrong_pattern(*span, "groups have a meaning in `rearrange` only".into());
            }
            if t.ty.dtype != tensors[0].ty.dtype {
                return self.elements_differ(&tensors[0], t);
            }
            let Some(axes) = self.spread_rest(side, t, t.span) else { return Value::Poison };
            let count = axes.iter().filter(|a| a[0].name.starts_with("..")).count();
            // `..` of operands with fewer such axes stands for the last of them.
            let mut named = vec![];
            for axis in axes {
                let mut letter = axis[0].clone();
                if let Some(k) = letter.name.strip_prefix("..").and_then(|k| k.parse::<usize>().ok()) {
                    letter.name = format!("..{}", count - k);
                }
                named.push(letter);
            }
            rests = rests.max(count);
            for (axis, letter) in named.iter().enumerate() {
                let d = t.ty.shape[axis].clone();
                match sizes.get(&letter.name).cloned() {
                    None => {
                        sizes.insert(letter.name.clone(), (d, letter.span, i));
                    }
                    Some((first, place, owner)) => {
                        if !self.sizes.unify(&first, &d) {
                            let (a, b) = (written(&self.sizes.settle(&first)), written(&self.sizes.settle(&d)));
                            let (x, y) = (self.show(&tensors[owner]), self.show(t));
                            let problem = Diagnostic::error(
                                "E0311",
                                "a pattern that does not fit",
                                letter.span,
                                format!("`{}` is {b} here, but {a} before", letter.name),
                            )
                            .label(place, format!("{a} here"))
                            .label(tensors[owner].span, format!("is {x}"))
                            .label(t.span, format!("is {y}"));
                            return self.report(problem);
                        }
                    }
                }
            }
            operands.push(named.into_iter().map(|l| l.name).collect::<Vec<_>>());
        }
        let mut result = vec![];
        for axis in &right {
            match axis {
                Axis::Rest(_) => result.extend((0..rests).map(|k| format!("..{}", rests - k))),
                Axis::Letters(list, span) => match &list[..] {
                    [letter] if sizes.contains_key(&letter.name) => result.push(letter.name.clone()),
                    [letter] => return self.wrong_pattern(letter.span, format!("`{}` is not on the left", letter.name)),
                    _ => return self.wrong_pattern(*span, "groups have a meaning in `rearrange` only".into()),
                },
            }
        }
        if let Some(twice) = letters(&right).enumerate().find(|(i, l)| letters(&right).take(*i).any(|m| m.name == l.name)).map(|(_, l)| l) {
            return self.wrong_pattern(twice.span, format!("`{}` stands twice in the result", twice.name));
        }
        let shape = result.iter().map(|l| sizes[l].0.clone()).collect();
        let all: Vec<&Tensor> = tensors.iter().collect();
        let ty = TensorType::new(tensors[0].ty.dtype, shape);
        self.emit(Builtin::Einsum { operands, result }, &all, ty, args.span)
    }

    /// `x @ y`: the matrix product of the last two axes; leading axes broadcast.
    pub fn matmul(&mut self, x: Value, y: Value, places: (Span, Span), span: Span) -> Value {
        let (x, y) = match (x, y) {
            (Value::Tensor(x), Value::Tensor(y)) => (Tensor { span: places.0, ..x }, Tensor { span: places.1, ..y }),
            (Value::Tensor(_), other) => {
                return self.report(Diagnostic::error("E0205", "`@` is of two tensors", places.1, format!("this is {}", other.words())));
            }
            (other, _) => {
                return self.report(Diagnostic::error("E0205", "`@` is of two tensors", places.0, format!("this is {}", other.words())));
            }
        };
        if x.ty.dtype != y.ty.dtype {
            return self.elements_differ(&x, &y);
        }
        if x.ty.dtype == DType::Bool {
            let shown = self.show(&x);
            return self.report(Diagnostic::error("E0208", "`@` is of numbers", x.span, format!("is {shown}")));
        }
        for t in [&x, &y] {
            if t.ty.rank() == 0 {
                let shown = self.show(t);
                let problem = Diagnostic::error("E0302", "`@` needs axes to sum over", t.span, format!("is {shown}, a scalar"));
                return self.report(problem.help("with a scalar it is `*`"));
            }
        }
        let (rx, ry) = (x.ty.rank(), y.ty.rank());
        let inner_x = x.ty.shape[rx - 1].clone();
        let inner_y = y.ty.shape[ry.saturating_sub(2)].clone();
        if !self.sizes.unify(&inner_x, &inner_y) {
            return self.inner_sizes_differ(&x, &y, &inner_x, &inner_y);
        }
        let lead_x = &x.ty.shape[..rx.saturating_sub(2)];
        let lead_y = &y.ty.shape[..ry.saturating_sub(2)];
        let mut shape = match self.broadcast_shapes(&lead_x.to_vec(), &lead_y.to_vec()) {
            Ok(shape) => shape,
            Err(back) => return self.do_not_broadcast(&x, &y, back + 2, span),
        };
        if rx >= 2 {
            shape.push(x.ty.shape[rx - 2].clone());
        }
        if ry >= 2 {
            shape.push(y.ty.shape[ry - 1].clone());
        }
        self.emit(Builtin::MatMul, &[&x, &y], TensorType::new(x.ty.dtype, shape), span)
    }
}
