//! Messages that several places give: both halves of a contradiction, with the edits that repair it.
use super::Engine;
use super::scope::Scope;
use super::signature::{Misfit, Passed};
use super::sizes::{has_rest, written, written_type};
use super::spelling::spell;
use super::value::{Recipe, Tensor, Value};
use esper_diagnostics::{Diagnostic, Span};
use esper_grammar::ast::*;
use esper_ir::{DType, Dim};

impl<'a> Engine<'a> {
    /// E0208: tensors of two element types.
    pub fn elements_differ(&mut self, a: &Tensor, b: &Tensor) -> Value {
        let (first, second) = (self.show(a), self.show(b));
        let (float, other) = if a.ty.dtype.is_float() { (a, b) } else { (b, a) };
        let wanted = if float.ty.dtype.is_float() { float.ty.dtype } else { a.ty.dtype };
        let mut problem =
            Diagnostic::error("E0208", "two element types", b.span, format!("{second}: element types are never converted silently"))
                .label(a.span, first);
        problem = problem.edits(
            format!("cast to {}", wanted.name()),
            vec![(other.span.before(), "cast(".to_string()), (other.span.after(), format!(", {})", wanted.name()))],
        );
        // Class numbers beside scores: `one_hot` was probably meant.
        if other.ty.dtype == DType::I32 && float.ty.rank() == other.ty.rank() + 1 {
            let classes = float.ty.shape.last().map(|d| written(&self.sizes.settle(d))).unwrap_or_default();
            let name = self.name_of(other).unwrap_or_else(|| "…".to_string());
            problem = problem.help(format!("did you mean `one_hot({name}, {classes})`?"));
        }
        self.report(problem)
    }

    /// E0303: two sizes that nothing says are equal; `back` counts axes from the end.
    pub fn do_not_broadcast(&mut self, a: &Tensor, b: &Tensor, back: usize, _span: Span) -> Value {
        if self.rank_hides(a, back) || self.rank_hides(b, back) {
            return Value::Poison;
        }
        let (shown_a, shown_b) = (self.show(a), self.show(b));
        let axis_of = |t: &Tensor| written(&self.sizes.settle(&t.ty.shape[t.ty.rank() - back]));
        let (size_a, size_b) = (axis_of(a), axis_of(b));
        let place = match back {
            1 => "the last axis".to_string(),
            2 => "the last axis but one".to_string(),
            n => format!("axis -{n}"),
        };
        let (big, small) = if a.ty.rank() >= b.ty.rank() { (a, b) } else { (b, a) };
        let unknown = size_a.parse::<i64>().is_err() || size_b.parse::<i64>().is_err();
        let message = if unknown { "two sizes that nothing says are equal" } else { "two sizes that are not equal" };
        let told = if unknown {
            format!("its {} would meet {size_a}, and nothing says that {size_b} is {size_a}", place.trim_start_matches("the "))
        } else {
            format!("its {} has {size_b}, and would meet {size_a}", place.trim_start_matches("the "))
        };
        let mut problem = Diagnostic::error("E0303", message, b.span, format!("{shown_b}: {told}"))
            .label(a.span, format!("{shown_a}: {place} is {size_a}"));
        let one_home = small.ty.shape.iter().all(|d| big.ty.shape.iter().filter(|e| *e == d || self.sizes.same(d, e)).count() == 1);
        if small.ty.rank() < big.ty.rank() && small.ty.rank() > 0 && one_home {
            if let Some(name) = self.name_of(big) {
                problem = problem.edits(
                    format!("stand it on its axis of `{name}`: `align(…, {name})`"),
                    vec![(small.span.before(), "align(".to_string()), (small.span.after(), format!(", {name})"))],
                );
            } else {
                problem = problem.help("`align(a, b)` stands the axes of `a` on the axes of `b` that they are");
            }
        }
        self.report(problem)
    }

    /// Whether axes of unknown number stand at or behind this axis.
    fn rank_hides(&self, t: &Tensor, back: usize) -> bool {
        let shape = self.sizes.settle_type(&t.ty).shape;
        has_rest(&shape) && !shape.iter().rev().take(back).all(|d| !has_rest(std::slice::from_ref(d)))
    }

    /// The text of a tensor's expression, where that is a name.
    fn name_of(&self, t: &Tensor) -> Option<String> {
        self.names.get(&t.span).cloned()
    }

    /// E0308: a matrix product whose inner sizes differ.
    pub fn inner_sizes_differ(&mut self, x: &Tensor, y: &Tensor, a: &Dim, b: &Dim) -> Value {
        if self.rank_hides(x, 1) || self.rank_hides(y, 2.min(y.ty.rank())) {
            return Value::Poison;
        }
        let (sx, sy) = (self.show(x), self.show(y));
        let (a, b) = (written(&self.sizes.settle(a)), written(&self.sizes.settle(b)));
        let mut problem =
            Diagnostic::error("E0308", "the inner sizes of the product differ", y.span, format!("{sy}: {b} rows meet {a} columns"))
                .label(x.span, format!("{sx}: the last axis is {a}"));
        let transposed = y.ty.rank() >= 2 && written(&self.sizes.settle(&y.ty.shape[y.ty.rank() - 1])) == a;
        if transposed {
            problem = problem
                .edits("transpose the right side", vec![(y.span.before(), "transpose(".to_string()), (y.span.after(), ")".to_string())]);
        }
        self.report(problem)
    }

    /// What is passed to a function does not fit.
    pub fn function_misfit(&mut self, s: &mut Scope, name: &str, passed: &[Passed<'a>], misfit: Misfit, _span: Span) -> Value {
        let input = match misfit {
            Misfit::Silent => return Value::Poison,
            Misfit::Rank { input } | Misfit::Element { input, .. } | Misfit::Axis { input, .. } => input,
        };
        let p = &passed[input];
        let got = self.show(&p.tensor);
        let wanted = self.wanted_type(s, &p.param.ty);
        let problem = match misfit {
            Misfit::Rank { .. } => Diagnostic::error(
                "E0302",
                format!("`{name}` takes another number of axes"),
                p.span,
                format!("gets {got}, but takes {wanted}"),
            ),
            Misfit::Element { wanted: element, .. } => {
                let problem = Diagnostic::error(
                    "E0208",
                    "two element types",
                    p.span,
                    format!("{got}: `{name}` takes {wanted}, and element types are never converted silently"),
                );
                problem.edits(
                    format!("cast to {}", element.name()),
                    vec![(p.span.before(), "cast(".to_string()), (p.span.after(), format!(", {})", element.name()))],
                )
            }
            _ => {
                let mut problem =
                    Diagnostic::error("E0312", format!("`{name}` takes another size"), p.span, format!("gets {got}, but takes {wanted}"));
                // The other inputs bound the size that is wanted.
                for other in passed.iter().enumerate().filter(|(i, _)| *i != input).map(|(_, p)| p) {
                    let shown = self.show(&other.tensor);
                    problem = problem.label(other.span, shown);
                }
                problem
            }
        };
        self.report(problem.label(p.param.span, "declared here"))
    }

    /// What is passed to a layer does not fit.
    pub fn layer_misfit(&mut self, s: &mut Scope, index: usize, passed: &[Passed<'a>], misfit: Misfit, name_span: Span) -> Value {
        let input = match misfit {
            Misfit::Silent => return Value::Poison,
            Misfit::Rank { input } | Misfit::Element { input, .. } | Misfit::Axis { input, .. } => input,
        };
        let p = &passed[input];
        let got = self.show(&p.tensor);
        let wanted = self.wanted_type(s, &p.param.ty);
        let instance = &self.instances[index];
        let (layer_span, first, text) = (instance.span, instance.first_call.clone(), instance.text.clone());
        let label = format!("gets {got}, but takes {wanted}");
        let problem = match misfit {
            Misfit::Rank { .. } => {
                Diagnostic::error("E0302", "a layer gets another number of axes", name_span, label).label(layer_span, "this layer")
            }
            Misfit::Element { wanted: element, .. } => {
                let problem =
                    Diagnostic::error("E0208", "two element types", p.span, format!("{got}: element types are never converted silently"))
                        .label(layer_span, format!("this layer takes {wanted}"));
                problem.edits(
                    format!("cast to {}", element.name()),
                    vec![(p.span.before(), "cast(".to_string()), (p.span.after(), format!(", {})", element.name()))],
                )
            }
            Misfit::Axis { axis, wanted: size, .. } => {
                let number = written(&self.sizes.settle(&size));
                let second_call = first.as_ref().filter(|(place, _)| *place != name_span && !place.eq(&Span::default()));
                let from_first = second_call.and_then(|(place, types)| types.get(input).map(|t| (*place, t.clone())));
                match from_first.filter(|(_, t)| t.shape.get(axis).is_some() || t.rank() > 0) {
                    Some((place, first_type)) if place != name_span && !self.is_same_call(index, name_span) => {
                        let shown = written_type(&self.sizes.settle_type(&first_type));
                        Diagnostic::error("E0301", "a layer gets the wrong width", name_span, label)
                            .label(place, format!("{number} comes from here: the input of its first call, {shown}"))
                            .label(layer_span, "one layer, so one size for both calls")
                            .edits(
                                format!("a layer of its own: `layer second = {text}`"),
                                vec![
                                    (self.instances[index].recipe_span.after(), format!("\n    layer second = {text}")),
                                    (name_span, "second".to_string()),
                                ],
                            )
                    }
                    _ => Diagnostic::error("E0312", "a layer gets another size than it takes", name_span, label)
                        .label(layer_span, "this layer")
                        .label(p.param.span, "declared here"),
                }
            }
            Misfit::Silent => return Value::Poison,
        };
        self.report(problem)
    }

    fn is_same_call(&self, index: usize, name_span: Span) -> bool {
        // The call that just failed may itself have been the first one.
        self.instances[index]
            .first_call
            .as_ref()
            .is_some_and(|(place, _)| *place == name_span || place.start <= name_span.start && name_span.end <= place.end)
    }

    /// E0201 (E0307 for a padding): a default that an argument makes not whole.
    pub fn default_not_exact(&mut self, s: &mut Scope, p: &'a Param, default: &'a Expr, recipe: &Recipe, a: &Dim, b: &Dim) {
        let text = spell(default);
        let (numerator, denominator) = (written(&self.sizes.settle(a)), written(&self.sizes.settle(b)));
        let used = recipe.args.iter().find(|arg| contains_word(&text, &arg.name));
        let span = used.map_or(recipe.span, |arg| arg.span);
        let label = format!("the default {}, {text}, is {numerator}/{denominator}", p.name.text);
        let is_padding = p.name.text == "padding" && used.is_some_and(|u| u.name == "kernel");
        let problem = if is_padding {
            let mut problem = Diagnostic::error("E0307", "an even kernel has no same padding", span, label)
                .note("no symmetric padding keeps the size under an even kernel");
            let size = |name: &str| s.find(name).and_then(|v| self.known_number(&v.value));
            if let (Some(used), Some(n), Some(d)) = (used, self.sizes.settle(a).as_const(), self.sizes.settle(b).as_const()) {
                let kernel = size("kernel").unwrap_or_default();
                let dilation = size("dilation").unwrap_or(1.0);
                let argument = if used.text.contains('=') { used.text.clone() } else { format!("kernel = {}", used.text) };
                for padding in [n.div_euclid(d), n.div_euclid(d) + 1] {
                    let change = 2 * padding - (dilation * (kernel - 1.0)) as i64;
                    let sign = if change < 0 { "-" } else { "+" };
                    let title = format!("`{argument}, padding = {padding}` (h → h {sign} {})", change.abs());
                    problem = problem.edit(title, used.span, format!("{argument}, padding = {padding}"));
                }
            }
            problem
        } else {
            Diagnostic::error("E0201", "a division of whole numbers that leaves a remainder", span, label)
                .note("`/` between integers never rounds")
        };
        self.report(if is_padding { problem } else { problem.label(default.span, "the default") });
    }

    /// Adds where a stride comes from that made a promised size smaller.
    pub fn explain_stride(&mut self, problem: Diagnostic, sizes: Option<(&Dim, &Dim)>) -> Diagnostic {
        let Some((got, wanted)) = sizes else { return problem };
        let (got, wanted) = (self.sizes.settle(got), self.sizes.settle(wanted));
        let found = self.instances.iter().filter(|i| i.first_call.is_some()).find_map(|i| {
            let arg = i.args.iter().find(|a| a.name == "stride")?;
            let Value::Size(d) = &arg.value else { return None };
            let n = self.sizes.settle(d).as_const().filter(|n| *n > 1)?;
            let made_here =
                wanted.ceil_div(&Dim::constant(n)).is_ok_and(|w| w == got) || wanted.floor_div(&Dim::constant(n)).is_ok_and(|w| w == got);
            made_here.then(|| (arg.span, n, i.recipe_span))
        });
        match found {
            Some((span, n, recipe)) => {
                let told = if n == 2 { "halved here".to_string() } else { format!("divided by {n} here") };
                let mut removed = span;
                // The comma and space in front of it go with it.
                removed.start = removed.start.saturating_sub(2).max(recipe.start);
                problem.label(span, told).edit("remove the stride", removed, "")
            }
            None => problem,
        }
    }

    /// The group of a pattern does not divide.
    pub fn group_not_exact(&mut self, whole: &Dim, product: &Dim, span: Span) {
        let (d, n) = (written(whole), written(product));
        let (dv, nv) = (written(&self.sizes.settle(whole)), written(&self.sizes.settle(product)));
        let label = if d == dv && n == nv { format!("{dv} / {nv} must divide") } else { format!("{d} / {n} must divide: {dv} / {nv}") };
        let mut problem = Diagnostic::error("E0309", "an axis that cannot be taken apart evenly", span, label);
        if let Ok(whole) = dv.parse::<i64>() {
            if let Some((name, place)) = self.source_of(whole) {
                problem = problem.label(place, format!("{name} = {whole} comes from here"));
            }
            if let Ok(n) = nv.parse::<i64>()
                && n > 1
            {
                let below = whole - whole.rem_euclid(n);
                let fits =
                    if below > 0 { format!("{below} and {} divide by {n}", below + n) } else { format!("{} divides by {n}", below + n) };
                problem = problem.help(fits);
            }
        }
        self.report(problem);
    }

    /// The outermost argument that is a number: where a size that went wrong was written.
    pub fn source_of(&self, number: i64) -> Option<(String, Span)> {
        self.chain
            .iter()
            .flat_map(|l| &l.numbers)
            .find_map(|(name, d, span)| (self.sizes.settle(d).as_const() == Some(number)).then(|| (name.clone(), *span)))
    }

    /// E0206: left-out sizes that nothing fixed.
    pub fn report_open(&mut self) {
        let open: Vec<super::sizes::Open> = self.sizes.open.values().filter(|o| !o.name.is_empty()).cloned().collect();
        for o in open {
            let uses = o.layer.as_ref().map_or_else(|| "it".to_string(), |l| format!("`{l}`"));
            let mut problem = Diagnostic::error(
                "E0206",
                "a dim that nothing determines",
                o.span,
                format!("`{}` is left out here, and nothing that uses {uses} fixes it", o.name),
            );
            let used = self.instances.iter().find(|i| i.recipe_span == o.span).and_then(|i| i.first_call.as_ref().map(|(place, _)| *place));
            if let Some(place) = used {
                problem = problem.label(place, "used here, where any size would do");
            }
            problem = problem.edit(format!("`{}({} = ?)`", o.owner, o.name), o.span, format!("{}({} = ?)", o.owner, o.name));
            self.report(problem);
        }
    }

    /// E0402 and E0403: a member that may not exist.
    pub fn may_not_exist(
        &mut self,
        name: &str,
        member: &super::instance::Member<'a>,
        existence: &super::instance::Existence,
        span: Span,
    ) -> Value {
        let (code, what) = match member {
            super::instance::Member::Stored { is_state: true, .. } => ("E0403", "a state that may not exist"),
            super::instance::Member::Stored { .. } => ("E0402", "a parameter that may not exist"),
            _ => ("E0402", "a layer that may not exist"),
        };
        let label = if existence.text.chars().all(|c| c.is_alphanumeric() || c == '_') {
            format!("used whatever `{}` is", existence.text)
        } else {
            format!("used whether or not `{}`", existence.text)
        };
        let problem = Diagnostic::error(code, what, span, label).label(existence.span, "exists only under this condition");
        let forward = self.inside.last().and_then(|i| super::instance::forward_of(self.instances[*i].definition));
        let last = forward.and_then(|f| f.body.lines.last()).map(|l| &l.kind);
        let problem = match last {
            // `something + bias` at the end of the body: with and without it, side by side.
            Some(LineKind::Expr(e)) if matches!(&e.kind, ExprKind::Binary { right, .. } if right.span == span) => {
                let ExprKind::Binary { op, left, .. } = &e.kind else { return Value::Poison };
                let choice = format!("if {} {{ y {} {name} }} else {{ y }}", existence.text, op.text());
                problem.edit(format!("`{choice}`"), e.span, format!("let y = {}\n        {choice}", spell(left)))
            }
            _ => problem.help(format!("use `{name}` inside `if {} {{ … }}`", existence.text)),
        };
        self.report(problem)
    }
}

/// The place of a body's value: its last expression.
pub(crate) fn result_span(body: &Body) -> Span {
    match body.lines.last() {
        Some(Line { kind: LineKind::Expr(e), .. }) => e.span,
        _ => body.span,
    }
}

/// A product as mathematics writes it: `2·d`.
pub(crate) fn dotted(text: &str) -> String {
    text.replace('*', "·")
}

/// Names as a list in a sentence.
pub(crate) fn listed(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => format!("`{one}`"),
        [all @ .., last] => format!("{} and `{last}`", all.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ")),
    }
}

/// The closest name, where one is close enough to be meant.
pub(crate) fn closest<'n>(name: &str, among: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let limit = (name.chars().count() / 3).max(1);
    among.map(|n| (distance(name, n), n)).filter(|(d, _)| *d <= limit).min().map(|(_, n)| n)
}

/// Damerau and Levenshtein's distance (adjacent letters exchanged count once).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(64).collect(), b.chars().take(64).collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let cost = usize::from(a[i - 1] != b[j - 1]);
                let mut best = (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(rows[i - 1][j - 1] + cost);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    best = best.min(rows[i - 2][j - 2] + 1);
                }
                best
            };
        }
    }
    rows[a.len()][b.len()]
}

fn contains_word(text: &str, word: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|w| w == word)
}
