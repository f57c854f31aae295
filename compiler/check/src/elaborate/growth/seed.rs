//! Seeds: a candidate's blueprint elaborated for the types of a slot.
use super::alive;
use super::birth::{Known, of_function};
use super::slot::argument;
use crate::elaborate::call::Given;
use crate::elaborate::value::{Recipe, Value};
use crate::elaborate::{Engine, Recorder};
use crate::hir;
use esper_diagnostics::{Diagnostic, Span};
use esper_grammar::ast::*;
use esper_ir::{Birth, OutputKind, Slot};

impl<'a> Engine<'a> {
    /// The seed that a recipe is in a slot. `None` where it does not fit, which is reported as for any layer.
    pub(super) fn seed(&mut self, recipe: &Recipe, span: Span, slot: &Slot) -> Option<hir::Seed> {
        let name = self.resolution.item(recipe.item).name.clone();
        // The seed's parameters, states and layers are its own: numbered from 0, with paths that begin at it.
        let outer = (std::mem::take(&mut self.parameters), std::mem::take(&mut self.states), std::mem::take(&mut self.layers));
        let open: Vec<String> = self.sizes.open.keys().cloned().collect();
        let seed = self.seed_programs(recipe, &name, span, slot);
        let (parameters, states) = (std::mem::take(&mut self.parameters), std::mem::take(&mut self.states));
        (self.parameters, self.states, self.layers) = outer;
        self.settle_deferred();
        if seed.is_some() {
            self.report_open();
        }
        // What a candidate leaves open is no concern of the next.
        self.sizes.open.retain(|name, _| open.contains(name));
        let (instance, train, eval) = seed?;
        let definition = self.instances[instance].definition;
        let seed = hir::Seed {
            text: recipe.text.clone(),
            blueprint: name,
            birth: self.said_birth(definition)?,
            parameters: parameters.into_iter().map(|p| self.settled_stored(p)).collect(),
            states: states.into_iter().map(|p| self.settled_stored(p)).collect(),
            train: self.settled(train),
            eval: self.settled(eval),
            span,
            recipe: recipe.span,
        };
        (self.prove_birth(&seed, definition) && self.prove_alive(&seed, definition)).then_some(seed)
    }

    fn seed_programs(&mut self, recipe: &Recipe, name: &str, span: Span, slot: &Slot) -> Option<(usize, hir::Function, hir::Function)> {
        let Value::Layer(instance) = self.make_instance(recipe, String::new(), name, span) else { return None };
        let mut programs = vec![];
        for training in [true, false] {
            self.training = Some(training);
            self.recorders.push(Recorder { stream: "seed ".into(), ..Recorder::default() });
            let source = argument(self, &slot.source, slot.span);
            let given = Given::value(Value::Tensor(source), slot.span);
            let value = self.call_instance(instance, vec![given], span, span);
            let mut recorder = self.recorders.pop()?;
            let Value::Tensor(result) = value else {
                if !value.is_poison() {
                    let told = format!("gives {}", value.words());
                    self.report(Diagnostic::error("E0503", "a seed gives one tensor", span, told));
                }
                return None;
            };
            let (gives, wanted) = (self.sizes.settle_type(&result.ty), &slot.target);
            // Sizes that the recipe leaves out come from the slot.
            let fits = gives.dtype == wanted.dtype
                && gives.rank() == wanted.rank()
                && gives.shape.iter().zip(&wanted.shape).all(|(a, b)| self.sizes.unify(a, b));
            if !fits {
                let told = format!("gives {gives}, wanted is {wanted}");
                self.report(Diagnostic::error("E0503", format!("`{}` gives another type than its slot", recipe.text), span, told));
                return None;
            }
            recorder.function.outputs = vec![(OutputKind::Value(0), result.value)];
            if training {
                recorder.function.outputs.extend(recorder.states.iter().map(|(i, v)| (OutputKind::State(*i), *v)));
            }
            if !recorder.slots.is_empty() {
                // Slots inside a seed are shut until it is part of the network: then the exported source has them again.
                recorder.function.shut_slots();
            }
            programs.push(crate::elaborate::initialiser::pruned(recorder.function));
        }
        let eval = programs.pop()?;
        Some((instance, programs.pop()?, eval))
    }

    /// `birth = zero`, `birth = same`, or nothing.
    fn said_birth(&mut self, definition: &'a Definition) -> Option<Birth> {
        for line in &definition.body.lines {
            let LineKind::Set { target: Expr { kind: ExprKind::Name(name), .. }, value } = &line.kind else { continue };
            if name != "birth" {
                continue;
            }
            return match &value.kind {
                ExprKind::Name(word) if word == "zero" => Some(Birth::Zero),
                ExprKind::Name(word) if word == "same" => Some(Birth::Same),
                _ => {
                    let problem = Diagnostic::error("E0501", "a birth that does not exist", value.span, "is neither `zero` nor `same`");
                    self.report(
                        problem.help("`zero`: what it computes is added and is 0 at first; `same`: it takes the slot's place unchanged"),
                    );
                    None
                }
            };
        }
        Some(Birth::Unsaid)
    }

    /// Whether a gradient can reach every parameter, at birth or later.
    fn prove_alive(&mut self, seed: &hir::Seed, definition: &Definition) -> bool {
        let initial: Vec<Known> = seed.parameters.iter().map(|p| of_function(&p.init, &[], &[]).value).collect();
        let Some(dead) = alive::dead(&seed.train, &seed.parameters, &initial, seed.states.len()) else { return true };
        let parameter = &seed.parameters[dead.parameter];
        let first = parameter.path.split(['.', '[']).next().unwrap_or_default();
        let declared = definition.body.lines.iter().find_map(|l| match &l.kind {
            LineKind::Layer { name, .. } if name.text == first => Some(name.span),
            LineKind::Param(stored) if stored.name.text == first => Some(stored.name.span),
            _ => None,
        });
        let message = format!("`{}` of the seed `{}` can never learn", parameter.path, seed.blueprint);
        let place = declared.unwrap_or(parameter.span);
        let mut problem = Diagnostic::error("E0508", message, place, format!("no gradient ever reaches `{}`", parameter.path));
        if let Some(blocked) = dead.blocked {
            problem = problem.label(blocked, "here it ends: at birth this passes nothing on, and nothing changes that");
        }
        self.report(problem.help("let the layer that is zero stand last: `x |> norm |> relu |> conv`"));
        false
    }

    /// Whether the seed is born as its blueprint says, in training and in evaluation; where the proof ends it is reported.
    fn prove_birth(&mut self, seed: &hir::Seed, definition: &Definition) -> bool {
        let (wanted, what) = match seed.birth {
            Birth::Unsaid => return true,
            Birth::Zero => (Known::Constant(0.0), "zero"),
            Birth::Same => (Known::Input, "its input"),
        };
        let initial = |stored: &hir::Stored| of_function(&stored.init, &[], &[]).value;
        let (parameters, states): (Vec<Known>, Vec<Known>) =
            (seed.parameters.iter().map(initial).collect(), seed.states.iter().map(initial).collect());
        for function in [&seed.train, &seed.eval] {
            let found = of_function(function, &parameters, &states);
            if found.value == wanted {
                continue;
            }
            let message = format!("`{}` is not born as it says", seed.blueprint);
            let told = match &found.value {
                Known::Constant(x) => format!("this is {x} at birth"),
                Known::Input => "this is the seed's input at birth".to_string(),
                Known::Unknown => format!("from here on it is not known to be {what}"),
            };
            let said = definition
                .body
                .lines
                .iter()
                .find(|l| matches!(&l.kind, LineKind::Set { target: Expr { kind: ExprKind::Name(n), .. }, .. } if n == "birth"));
            let mut problem = Diagnostic::error("E0507", message, found.ends, told);
            if let Some(line) = said {
                problem = problem.label(line.span, format!("says that it gives {what} at birth"));
            }
            self.report(problem.help("initialise the last layer with zeros: `Linear(d, use_bias = false, weight_init = zeros)`"));
            return false;
        }
        true
    }
}
