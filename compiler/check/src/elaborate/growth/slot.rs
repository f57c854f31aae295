//! Slots: found where the host calls them, and the `grow` lines that name them.
use crate::elaborate::Engine;
use crate::elaborate::call::{Given, widened};
use crate::elaborate::messages::closest;
use crate::elaborate::scope::Scope;
use crate::elaborate::spelling::spell;
use crate::elaborate::train::GrowLine;
use crate::elaborate::value::{Recipe, Tensor, Value};
use crate::hir::{self, Builtin};
use crate::names::{ItemClass, ItemId};
use esper_diagnostics::{Diagnostic, Severity, Span};
use esper_grammar::ast::*;
use esper_ir::{Slot, TensorType};
use std::rc::Rc;

/// A slot that a call was found of.
#[derive(Clone, Debug)]
pub(crate) struct FoundSlot {
    /// `blocks[3].mid`.
    pub path: String,
    /// What seeds read.
    pub source: TensorType,
    /// What seeds give.
    pub target: TensorType,
    /// Its call.
    pub span: Span,
}

/// What the `grow` lines of an experiment come to.
#[derive(Default)]
pub(crate) struct Grown {
    pub slots: Vec<Slot>,
    pub seeds: Vec<hir::Seed>,
    pub policies: Vec<esper_ir::Policy>,
}

impl<'a> Engine<'a> {
    /// A slot called: what it is given, as a place where seeds may read `from` (or what it is given) and add to it.
    pub(crate) fn call_slot(&mut self, name: &str, given: Vec<Given<'a>>, span: Span) -> Value {
        let (sources, inputs): (Vec<Given>, Vec<Given>) = given.into_iter().partition(|g| g.name.as_deref() == Some("from"));
        if let Some(other) = inputs.iter().find(|g| g.name.is_some()) {
            let key = other.name.clone().unwrap_or_default();
            let problem = Diagnostic::error("E0202", format!("a slot has no parameter `{key}`"), other.span, "there is no such parameter");
            return self.report(problem.help("a slot takes one input, and `from = …` where seeds read something else"));
        }
        let [input] = &inputs[..] else {
            let gets = if inputs.is_empty() { "gets none".to_string() } else { format!("gets {}", inputs.len()) };
            return self.report(Diagnostic::error("E0202", "a slot takes one input", span, gets));
        };
        let target = match input.value.clone() {
            Value::Tensor(t) => t,
            Value::Poison => return Value::Poison,
            other => return widened(other, span),
        };
        let source = match sources.first().map(|g| g.value.clone()) {
            None => target.clone(),
            Some(Value::Tensor(t)) => t,
            Some(Value::Poison) => return Value::Poison,
            Some(other) => {
                let told = format!("this is {}", other.words());
                return self.report(Diagnostic::error("E0205", "seeds of a slot read a tensor", sources[0].span, told));
            }
        };
        if !self.concrete || self.recorders.is_empty() {
            return widened(Value::Tensor(target), span);
        }
        let path = match self.path() {
            path if path.is_empty() => name.to_string(),
            path => format!("{path}.{name}"),
        };
        let number = match self.slots.iter().position(|s| s.path == path) {
            Some(number) => number,
            None => {
                self.slots.push(FoundSlot { path: path.clone(), source: source.ty.clone(), target: target.ty.clone(), span });
                self.slots.len() - 1
            }
        };
        let called = self.recorders.last_mut().and_then(|r| r.slots.insert(number, span));
        if let Some(first) = called {
            let problem = Diagnostic::error("E0506", "a slot that is called twice", span, "called again, counted after unrolling");
            return self
                .report(problem.label(first, "called here").help("what grows in it would have to fit both places: declare two slots"));
        }
        let ty = target.ty.clone();
        widened(Value::Tensor(self.emit_tensor(Builtin::Slot { slot: number }, &[&target, &source], ty, span)), span)
    }

    /// The slots of the host with what may grow in them.
    pub(crate) fn grown(&mut self, lines: &[GrowLine<'a>]) -> Option<Grown> {
        let found = std::mem::take(&mut self.slots);
        let settled = |engine: &Self, ty: &TensorType| engine.sizes.settle_type(ty);
        let mut grown = Grown::default();
        for slot in &found {
            grown.slots.push(Slot {
                path: slot.path.clone(),
                source: settled(self, &slot.source),
                target: settled(self, &slot.target),
                span: slot.span,
                policy: None,
                seeds: vec![],
            });
        }
        let mut policies: Vec<(ItemId, usize)> = vec![];
        // Which line a slot belongs to: of this experiment, each once; what it inherits gives way.
        let mut owner: Vec<Option<(usize, Span)>> = vec![None; found.len()];
        let mut sound = true;
        for (number, line) in lines.iter().enumerate() {
            for expr in line.slots {
                let Some(named) = self.named_slots(expr, line, &found) else {
                    sound = false;
                    continue;
                };
                for slot in named {
                    match owner[slot] {
                        Some((other, place)) if !lines[other].inherited && !line.inherited => {
                            let message = format!("`{}` is in two `grow` lines", found[slot].path);
                            let problem = Diagnostic::error("E0505", message, expr.span, "named again");
                            self.report(problem.label(place, "named here"));
                            sound = false;
                        }
                        Some((other, _)) if !lines[other].inherited => {}
                        _ => owner[slot] = Some((number, expr.span)),
                    }
                }
            }
        }
        for (number, line) in lines.iter().enumerate() {
            let slots: Vec<usize> = (0..found.len()).filter(|s| owner[*s].is_some_and(|(n, _)| n == number)).collect();
            if slots.is_empty() {
                continue;
            }
            let (policy, candidates) = (self.policy_named(line), self.candidates(line));
            let (Some((id, policy)), Some(candidates)) = (policy, candidates) else {
                sound = false;
                continue;
            };
            let policy = match policies.iter().find(|(known, _)| *known == id) {
                Some((_, at)) => *at,
                None => {
                    grown.policies.push(policy);
                    policies.push((id, grown.policies.len() - 1));
                    grown.policies.len() - 1
                }
            };
            for slot in slots {
                grown.slots[slot].policy = Some(policy);
                sound &= self.fill_slot(line, slot, &candidates, &mut grown);
            }
        }
        sound.then_some(grown)
    }

    /// Elaborates every candidate for a slot; those that do not fit are told, and it is an error when none is left.
    fn fill_slot(&mut self, line: &GrowLine<'a>, slot: usize, candidates: &[(Rc<Recipe>, Span)], grown: &mut Grown) -> bool {
        let mut misfits = vec![];
        for (recipe, span) in candidates {
            let before = self.problems.len();
            let seed = self.seed(recipe, *span, &grown.slots[slot]);
            let found: Vec<Diagnostic> = self.problems.split_off(before);
            match seed {
                Some(seed) if !found.iter().any(|p| p.severity == Severity::Error) => {
                    self.problems.extend(found);
                    grown.slots[slot].seeds.push(grown.seeds.len());
                    grown.seeds.push(seed);
                }
                _ => misfits.push((recipe.text.clone(), *span, found)),
            }
        }
        let target = &grown.slots[slot];
        let described = match target.source == target.target {
            true => format!("`{}` is {}", target.path, target.source),
            false => format!("`{}` reads {} and gives {}", target.path, target.source, target.target),
        };
        let none_left = target.seeds.is_empty();
        if none_left && misfits.is_empty() {
            let problem =
                Diagnostic::error("E0504", format!("nothing may grow in `{}`", target.path), line.candidates.span, "lists no candidate");
            self.report(problem.label(target.span, described));
            return false;
        }
        let mut sound = true;
        for (text, span, found) in misfits {
            // Births and dead parameters are mistakes of the seed itself, whatever else is there to choose.
            if let Some(own) = found.iter().find(|p| matches!(p.code.as_str(), "E0507" | "E0508")) {
                self.report(own.clone());
                sound = false;
                continue;
            }
            let message = format!("`{text}` does not fit `{}`", grown.slots[slot].path);
            let mut problem = match none_left {
                true => Diagnostic::error("E0503", message, span, "does not fit"),
                false => Diagnostic::warning("W0501", message, span, "left out for this slot"),
            };
            problem = problem.label(grown.slots[slot].span, described.clone());
            if let Some(why) = found.iter().find(|p| p.severity == Severity::Error) {
                problem = problem.note(why.message.clone()).label(why.primary.span, why.primary.text.clone());
            }
            sound &= !none_left;
            self.report(problem);
        }
        sound
    }

    /// The slots that a path of a `grow` line names: `mid`, `blocks.mid` (in every block), `blocks[2:].mid`.
    fn named_slots(&mut self, expr: &'a Expr, line: &GrowLine<'a>, found: &[FoundSlot]) -> Option<Vec<usize>> {
        let mut s = Scope::new(line.file, 0);
        let pattern = self.slot_pattern(&mut s, expr)?;
        let named: Vec<usize> = (0..found.len()).filter(|i| matches_path(&pattern, &found[*i].path)).collect();
        if named.is_empty() {
            let paths: Vec<&str> = found.iter().map(|f| f.path.as_str()).collect();
            let told = if paths.is_empty() { "the model has no slots" } else { "the model has no such slot" };
            let mut problem = Diagnostic::error("E0502", format!("there is no slot `{}`", spell(expr)), expr.span, told);
            problem = match closest(&spell(expr), paths.iter().copied()) {
                Some(close) => problem.edit(format!("replace by `{close}`"), expr.span, close).certain(),
                None if paths.is_empty() => problem.help("a blueprint declares one with `slot mid` and calls it once: `h |> mid`"),
                None => problem.help(format!("it has {}", paths.join(", "))),
            };
            self.report(problem);
            return None;
        }
        Some(named)
    }

    fn slot_pattern(&mut self, s: &mut Scope, expr: &'a Expr) -> Option<Vec<Part>> {
        match &expr.kind {
            ExprKind::Name(name) => Some(vec![Part { name: name.clone(), which: None }]),
            ExprKind::Dot { base, name } => {
                let mut parts = self.slot_pattern(s, base)?;
                parts.push(Part { name: name.text.clone(), which: None });
                Some(parts)
            }
            ExprKind::Index { base, elems } => {
                let mut parts = self.slot_pattern(s, base)?;
                let mut bound =
                    |engine: &mut Self, e: &'a Expr| match engine.field_value(s, e, &crate::elaborate::value::Kind::Int, "a place") {
                        Value::Size(d) => d.as_const(),
                        _ => None,
                    };
                let [elem] = &elems[..] else { return None };
                let which = match elem {
                    Elem::Expr(e) => bound(self, e).map(|n| (n, Some(n + 1)))?,
                    Elem::Slice(from, to, _) => {
                        let from = from.as_ref().map_or(Some(0), |e| bound(self, e))?;
                        let to = match to {
                            Some(e) => Some(bound(self, e)?),
                            None => None,
                        };
                        (from, to)
                    }
                    Elem::Rest(..) => (0, None),
                };
                parts.last_mut()?.which = Some(which);
                Some(parts)
            }
            _ => None,
        }
    }

    /// The candidates of a line: recipes, each with its place.
    fn candidates(&mut self, line: &GrowLine<'a>) -> Option<Vec<(Rc<Recipe>, Span)>> {
        let mut s = Scope::new(line.file, 0);
        let value = self.expr(&mut s, line.candidates);
        let listed = match value {
            Value::List(list) => list.to_vec(),
            Value::Poison => return None,
            single => vec![single],
        };
        let mut recipes = vec![];
        for value in listed {
            match value {
                Value::Recipe(recipe) if self.resolution.item(recipe.item).kind == ItemClass::Blueprint => {
                    // A constant's list has its places elsewhere: the line is where this one is told about.
                    let span = if recipe.span.file == line.candidates.span.file { recipe.span } else { line.candidates.span };
                    recipes.push((recipe, span));
                }
                Value::Poison => return None,
                other => {
                    let told = format!("this has {}", other.words());
                    self.report(Diagnostic::error("E0205", "candidates are recipes of seeds", line.candidates.span, told));
                    return None;
                }
            }
        }
        Some(recipes)
    }

    fn policy_named(&mut self, line: &GrowLine<'a>) -> Option<(ItemId, esper_ir::Policy)> {
        let id = match &line.policy.kind {
            ExprKind::Name(name) => self.resolution.lookup(line.file, name),
            _ => None,
        };
        match id {
            Some(id) if self.resolution.item(id).kind == ItemClass::Policy => Some((id, self.policy(id)?)),
            Some(_) | None => {
                let told = "this is no policy";
                self.report(Diagnostic::error("E0205", "what grows is decided by a policy", line.policy.span, told));
                None
            }
        }
    }
}

/// One step of a slot's path; `which` of an array, where it is said.
struct Part {
    name: String,
    which: Option<(i64, Option<i64>)>,
}

/// Whether a path such as `blocks[3].mid` is meant by a pattern.
fn matches_path(pattern: &[Part], path: &str) -> bool {
    let steps: Vec<&str> = path.split('.').collect();
    steps.len() == pattern.len()
        && steps.iter().zip(pattern).all(|(step, part)| {
            let (name, index) = match step.split_once('[') {
                Some((name, index)) => (name, index.trim_end_matches(']').parse::<i64>().ok()),
                None => (*step, None),
            };
            let inside = match (index, part.which) {
                (Some(i), Some((from, to))) => i >= from && to.is_none_or(|to| i < to),
                (None, Some(_)) => false,
                (_, None) => true,
            };
            name == part.name && inside
        })
}

/// A tensor that a seed reads.
pub(super) fn argument(engine: &mut Engine, ty: &TensorType, span: Span) -> Tensor {
    engine.input(esper_ir::Input::Argument(0), ty.clone(), span)
}
