//! Recipes of layers in which something grew: the same recipe of a blueprint that was written anew, element by element where an array's
//! elements grew differently.
use super::ExportError;
use super::writer::{Edits, Writer};
use esper_check::names::ItemClass;
use esper_grammar::ast::{Arg, Elem, Expr, ExprKind, Pattern};
use esper_grammar::{Node, visit_expr};

impl<'a> Writer<'a> {
    /// The recipe of the instance (or array of instances) at a path, with blueprints written anew where something grew in it.
    pub(super) fn recipe(&mut self, expr: &'a Expr, path: &str, edits: &Edits) -> Result<String, ExportError> {
        if !self.grew_in(path) {
            return self.text_with(expr, edits);
        }
        match &expr.kind {
            ExprKind::Paren(inner) => self.recipe(inner, path, edits),
            ExprKind::Name(_) | ExprKind::Call { .. } => self.one(expr, path, edits),
            ExprKind::Repeat { value, count } => {
                let elements = self.elements(value, path, |_| Some(edits.clone()))?;
                match &elements[..] {
                    [first, rest @ ..] if rest.iter().all(|e| e == first) => Ok(format!("[{first} ; {}]", self.text_with(count, edits)?)),
                    _ => Ok(format!("[{}]", elements.join(", "))),
                }
            }
            ExprKind::Each { value, pattern: Pattern::Name(name), over } => {
                let alike = self.elements(value, path, |_| Some(edits.clone()))?;
                if let [first, rest @ ..] = &alike[..]
                    && rest.iter().all(|e| e == first)
                {
                    return Ok(format!("[{first} for {} in {}]", name.text, self.text_with(over, edits)?));
                }
                let mut places = vec![];
                visit_expr(value, &mut |node| {
                    if let Node::Expr(Expr { kind: ExprKind::Name(text), span }) = node
                        && *text == name.text
                    {
                        places.push(*span);
                    }
                    true
                });
                let turns = self.turns(over, edits)?;
                let elements = self.elements(value, path, |i| {
                    let turn = turns(i)?;
                    Some(edits.iter().cloned().chain(places.iter().map(|span| (*span, turn.clone()))).collect())
                })?;
                Ok(format!("[{}]", elements.join(", ")))
            }
            ExprKind::List(elems) => {
                let mut written = vec![];
                for (i, elem) in elems.iter().enumerate() {
                    let Elem::Expr(element) = elem else { return Err(self.refuse(path, "its recipes are a part of another list")) };
                    written.push(self.recipe(element, &format!("{path}[{i}]"), edits)?);
                }
                Ok(format!("[{}]", written.join(", ")))
            }
            _ => {
                let written = self.text_with(expr, edits)?;
                Err(self.refuse(path, &format!("the recipe of `{path}` is computed: `{written}`")))
            }
        }
    }

    /// A recipe that is a blueprint's name, or a call of it.
    fn one(&mut self, expr: &'a Expr, path: &str, edits: &Edits) -> Result<String, ExportError> {
        let callee = if let ExprKind::Call { callee, .. } = &expr.kind { callee } else { expr };
        let id = self.item_at(callee.span).filter(|id| self.resolution.item(*id).kind == ItemClass::Blueprint);
        let Some(id) = id else {
            return Err(
                self.refuse(path, &format!("the recipe of `{path}` is not written there, but comes from `{}`", self.source(callee.span)))
            );
        };
        let name = self.grown(id, path)?;
        let edits: Edits = edits.iter().cloned().chain([(callee.span, name)]).collect();
        self.text_with(expr, &edits)
    }

    /// The recipe of each element of an array; `edits` says what changes in one.
    fn elements(&mut self, value: &'a Expr, path: &str, edits: impl Fn(usize) -> Option<Edits>) -> Result<Vec<String>, ExportError> {
        (0..self.count(path))
            .map(|i| {
                let edits =
                    edits(i).ok_or_else(|| self.refuse(path, "what its array goes over is not written as `range(…)` or as a list"))?;
                self.recipe(value, &format!("{path}[{i}]"), &edits)
            })
            .collect()
    }

    /// What the name of a comprehension is in each turn, as text.
    fn turns(&mut self, over: &'a Expr, edits: &Edits) -> Result<Box<dyn Fn(usize) -> Option<String>>, ExportError> {
        Ok(match &over.kind {
            ExprKind::Call { callee, args } if matches!(&callee.kind, ExprKind::Name(name) if name == "range") => match &args[..] {
                [Arg { name: None, .. }] => Box::new(|i| Some(i.to_string())),
                [Arg { name: None, value }, Arg { name: None, .. }] => {
                    let start = self.text_with(value, edits)?;
                    Box::new(move |i| Some(format!("({start} + {i})")))
                }
                _ => Box::new(|_| None),
            },
            ExprKind::List(elems) => {
                let written: Option<Vec<&Expr>> = elems.iter().map(|e| if let Elem::Expr(e) = e { Some(e) } else { None }).collect();
                let texts =
                    written.map(|all| all.into_iter().map(|e| self.text_with(e, edits)).collect::<Result<Vec<_>, _>>()).transpose()?;
                Box::new(move |i| Some(format!("({})", texts.as_ref()?.get(i)?)))
            }
            _ => Box::new(|_| None),
        })
    }
}
