//! Facts for editors: noted while an item is checked, written out once all its sizes are settled.
use super::Engine;
use super::scope::Scope;
use super::sizes::{written, written_type};
use super::value::Value;
use crate::facts::{Fact, FactKind};
use esper_diagnostics::Span;
use esper_ir::Dim;
use std::collections::BTreeMap;

/// What was noted of a place.
#[derive(Clone, Debug)]
enum Note {
    /// What was seen there.
    Value(Value),
    /// Different things were seen there, so nothing is said.
    Several,
    /// A left-out parameter: its name, its symbol, its declaration.
    LeftOut(String, String, Span),
}

/// The notes of one item's check.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    notes: BTreeMap<(Span, FactKind), Note>,
}

impl<'a> Engine<'a> {
    /// Notes what a place gives. Only the item that is checked is noted, not what it calls.
    pub fn learn(&mut self, s: &Scope, kind: FactKind, span: Span, value: &Value) {
        if s.frame != 0 || self.quiet > 0 || self.concrete || value.is_poison() {
            return;
        }
        let Some(notes) = &mut self.facts else { return };
        match notes.notes.get(&(span, kind)) {
            None => {
                notes.notes.insert((span, kind), Note::Value(value.clone()));
            }
            // A loop that is unrolled comes by several times.
            Some(Note::Value(before)) => {
                let before = before.clone();
                if self.described(&before) != self.described(value)
                    && let Some(notes) = &mut self.facts
                {
                    notes.notes.insert((span, kind), Note::Several);
                }
            }
            Some(_) => {}
        }
    }

    /// Notes a `dim` parameter that was left out and waits for an equation.
    pub fn learn_left_out(&mut self, recipe: Span, name: &str, symbol: &str, declared: Span) {
        if self.quiet > 0 || self.concrete || self.inside.len() > 1 {
            return;
        }
        let Some(notes) = &mut self.facts else { return };
        notes.notes.entry((recipe, FactKind::LeftOut)).or_insert_with(|| Note::LeftOut(name.into(), symbol.into(), declared));
    }

    /// Writes the notes out.
    pub fn facts(&mut self) -> Vec<Fact> {
        let notes = self.facts.take().unwrap_or_default().notes;
        let fact = |((span, kind), note): ((Span, FactKind), Note)| {
            let (text, about) = match note {
                Note::Several => return None,
                Note::Value(value) => (self.described(&value)?, None),
                Note::LeftOut(name, symbol, declared) => {
                    let size = self.sizes.settle(&Dim::symbol(&symbol));
                    if self.sizes.waits(&size) {
                        return None;
                    }
                    (format!("{name} = {}", written(&size)), Some(declared))
                }
            };
            Some(Fact { span, kind, text, about })
        };
        notes.into_iter().filter_map(fact).collect()
    }

    /// A tensor's type, or a value that the compiler knows, as the language writes it.
    fn described(&self, value: &Value) -> Option<String> {
        Some(match value {
            Value::Tensor(t) => written_type(&self.sizes.settle_type(&t.ty)),
            Value::Tuple(values) => {
                let parts: Option<Vec<String>> = values.iter().map(|v| self.described(v)).collect();
                format!("({})", parts?.join(", "))
            }
            Value::Size(d) => written(&self.sizes.settle(d)),
            Value::Float(x) => x.to_string(),
            Value::Bool(b) => b.to_string(),
            _ => return None,
        })
    }
}
