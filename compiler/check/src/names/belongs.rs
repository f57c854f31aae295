//! Lines that do not belong where they stand, with the reason and the way out.
use super::walk::Walker;
use esper_diagnostics::{Diagnostic, Span};
use esper_grammar::ast::{ExprKind, Line, LineKind};

/// What kind of body a line stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A function, `grad`, `forward`, `update`, or an `if` or `for` in them.
    Code,
    /// A blueprint.
    Blueprint,
    /// An optimizer.
    Optimizer,
    /// A policy.
    Policy,
    /// A `train`.
    Train,
    /// `sweep { … }` in a `train`.
    Sweep,
}

impl Place {
    fn noun(self) -> &'static str {
        match self {
            Place::Code => "a body of code",
            Place::Blueprint => "a blueprint",
            Place::Optimizer => "an optimizer",
            Place::Policy => "a policy",
            Place::Train => "a `train`",
            Place::Sweep => "a `sweep`",
        }
    }
}

impl Walker<'_, '_> {
    /// Says why a line does not belong in a body. Its names are not looked at, but what it declares is known, so that nothing follows from it.
    pub(super) fn does_not_belong(&mut self, line: &Line, place: Place) {
        let Some((code, word, at, why, help)) = misplaced(line, place) else { return };
        let problem = Diagnostic::error(code, format!("{word} does not belong in {}", place.noun()), at, why);
        self.say(problem.help(help));
        self.found.unread = true;
        match &line.kind {
            LineKind::Param(stored) | LineKind::State(stored) => self.silence(&stored.name.text),
            LineKind::Layer { name, .. } | LineKind::Slot { name, .. } => self.silence(&name.text),
            LineKind::Let { .. } => self.lenient = true,
            // A field where none belongs was meant to declare its name: `layer name = …` without its word.
            LineKind::Set { target, .. } => {
                if let ExprKind::Name(name) = &target.kind {
                    self.silence(name);
                }
            }
            _ => {}
        }
    }
}

type Misplaced = (&'static str, String, Span, &'static str, &'static str);

fn misplaced(line: &Line, place: Place) -> Option<Misplaced> {
    let head = |length: u32| Span { end: (line.span.start + length).min(line.span.end), ..line.span };
    let code_only = "statements stand in `forward`, `update` and functions";
    Some(match &line.kind {
        LineKind::Param(stored) => {
            let (why, help) = match place {
                Place::Code => (
                    "code makes no parameters: it is run again and again",
                    "declare it in the blueprint, beside `forward`; a function gets tensors as arguments",
                ),
                Place::Optimizer => {
                    ("an optimizer updates parameters and has none of its own", "what it remembers for each parameter is a `state`")
                }
                _ => ("only a blueprint has parameters", "declare it in the blueprint"),
            };
            ("E0420", "`param`".to_string(), head(5).to(stored.name.span), why, help)
        }
        LineKind::State(stored) => {
            let (why, help) = match place {
                Place::Code => {
                    ("code remembers nothing from one step to the next", "declare it in the blueprint or optimizer, or use `let`")
                }
                _ => ("only a blueprint or an optimizer has state", "declare it in the blueprint"),
            };
            ("E0420", "`state`".to_string(), head(5).to(stored.name.span), why, help)
        }
        LineKind::Layer { name, .. } => {
            let (why, help) = match place {
                Place::Code => (
                    "a layer made here would be a new one, with new weights, at every call",
                    "declare it in the blueprint, above `forward`, and call it here",
                ),
                _ => ("only a blueprint has layers", "declare it in the blueprint"),
            };
            ("E0420", "`layer`".to_string(), head(5).to(name.span), why, help)
        }
        LineKind::Slot { name, .. } => {
            let (why, help) = match place {
                Place::Code => {
                    ("a slot is a place of the network, not of one call", "declare it in the blueprint, above `forward`, and call it here")
                }
                _ => ("only a blueprint has slots", "declare it in the blueprint; `grow` in a `train` says what grows there"),
            };
            ("E0420", "`slot`".to_string(), head(4).to(name.span), why, help)
        }
        LineKind::Forward(method) => {
            let (why, help) = match place {
                Place::Optimizer => ("an optimizer has an `update`", "write `update(p: f32[..], g: f32[..], step: f32) -> f32[..] { … }`"),
                _ => ("only a blueprint has a `forward`", "a computation without parameters is a `fn`"),
            };
            ("E0420", "`forward`".to_string(), method.word, why, help)
        }
        LineKind::Update(method) => {
            let (why, help) = match place {
                Place::Blueprint => (
                    "a blueprint has a `forward`; only an optimizer has an `update`",
                    "state is assigned in `forward`, by `:=`, where `training`",
                ),
                _ => ("only an optimizer has an `update`", "write it in an `optimizer`"),
            };
            ("E0420", "`update`".to_string(), method.word, why, help)
        }
        LineKind::Require { .. } => (
            "E0421",
            "`require`".to_string(),
            head(7),
            "there is nothing here that it could check",
            "a blueprint, an optimizer or a function can require something",
        ),
        LineKind::Let { .. } => {
            let help = match place {
                Place::Blueprint | Place::Optimizer => {
                    "put it into the body below; what is fixed for all uses is a parameter with a default, or a `const`"
                }
                _ => "what is used several times is a `const`, above",
            };
            ("E0421", "`let`".to_string(), head(3), code_only, help)
        }
        LineKind::For { .. } => {
            let help = match place {
                Place::Blueprint => "several layers of one kind are an array: `layer blocks = [Block(i) for i in range(3)]`",
                Place::Train | Place::Policy | Place::Sweep => "several values of one setting are a `sweep { … }`",
                _ => "put it into the body below",
            };
            ("E0421", "`for`".to_string(), head(3), code_only, help)
        }
        LineKind::Assign { target, .. } => (
            "E0421",
            "`:=`".to_string(),
            target.span,
            "state is assigned in `forward` and `update`",
            "a value that state begins with stands behind its type: `state s: f32 = zeros`",
        ),
        LineKind::Expr(expr) => {
            let help = match place {
                Place::Blueprint => "what a blueprint computes stands in its `forward`",
                Place::Optimizer => "what an optimizer computes stands in its `update`",
                _ => "a line here is `field = value`",
            };
            ("E0421", "an expression".to_string(), expr.span, "nothing uses this value", help)
        }
        LineKind::Grow { .. } => {
            ("E0422", "`grow`".to_string(), head(4), "what grows in a slot is said by the experiment", "write it in a `train`")
        }
        LineKind::Rule { verb, .. } => {
            ("E0422", format!("the rule `{} when`", verb.text), verb.span, "rules say how a model grows", "write it in a `policy`")
        }
        LineKind::Section { name, .. } => {
            let (why, help) = match place {
                Place::Train => ("the only section of a `train` is `sweep`", "write `sweep { … }`, or `name = value` for a field"),
                _ => ("only a `train` has sections", "a body behind a word is a `sweep` in a `train`"),
            };
            ("E0422", format!("a section `{}`", name.text), name.span, why, help)
        }
        LineKind::Set { target, .. } => {
            let (why, help) = match place {
                Place::Blueprint => {
                    ("a blueprint has one field, `birth`", "a default of the blueprint is a parameter: `blueprint Name(width: dim = 16)`")
                }
                _ => ("an optimizer has no fields", "a default of the optimizer is a parameter: `optimizer Name(lr: f32 = 0.1)`"),
            };
            ("E0423", "a field".to_string(), target.span, why, help)
        }
        LineKind::Broken(_) => return None,
    })
}

/// Whether the target of a `name = value` line in a blueprint is its one field.
pub(super) fn is_birth(line: &Line) -> bool {
    matches!(&line.kind, LineKind::Set { target, .. } if matches!(&target.kind, ExprKind::Name(n) if n == "birth"))
}
