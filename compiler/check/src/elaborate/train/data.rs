//! Data, split and normalisation of an experiment: words of their fields, checked here.
use super::fields::{Field, Fields};
use crate::elaborate::Engine;
use crate::elaborate::messages::closest;
use crate::elaborate::scope::Scope;
use crate::elaborate::value::{Kind, Value};
use crate::experiment::{WordInfo, words_of};
use esper_diagnostics::{Diagnostic, Span};
use esper_grammar::ast::*;
use esper_ir::{DataSource, DataSpec, Normalise, Split};

/// The share of the training rows that a growing run withholds for the gain test.
const GATE: f64 = 0.2;

/// Arguments of a word of a field, by name.
pub(crate) struct Words<'a> {
    given: Vec<(String, &'a Expr)>,
    span: Span,
}

impl<'a> Words<'a> {
    pub fn get(&self, name: &str) -> Option<&'a Expr> {
        self.given.iter().find(|(n, _)| n == name).map(|(_, e)| *e)
    }
}

impl<'a> Engine<'a> {
    /// The data of an experiment.
    pub(super) fn data(&mut self, fields: &Fields<'a>) -> Option<DataSpec> {
        let field = fields.get("data")?.clone();
        let mut s = Scope::new(field.file, 0);
        let (word, span, args) = self.field_word(&field, "a source of data")?;
        let name = word.name;
        let (source, words) = match name {
            "csv" => {
                let words = self.word_arguments(word, args, span)?;
                let path = self.text(&mut s, &words, name, "path")?;
                let label = self.integer(&mut s, &words, "label", Some(-1))?;
                let header = self.truth(&mut s, &words, "header")?;
                (DataSource::Csv { path, label, header }, words)
            }
            "idx" => {
                let words = self.word_arguments(word, args, span)?;
                let images = self.text(&mut s, &words, name, "images")?;
                let labels = self.text(&mut s, &words, name, "labels")?;
                (DataSource::Idx { images, labels }, words)
            }
            other => {
                self.report(
                    Diagnostic::error(
                        "E0603",
                        format!("`{other}` does not exist yet in this version of Esper"),
                        span,
                        "this source of data",
                    )
                    .help("`csv(…)` and `idx(…)` do"),
                );
                return None;
            }
        };
        let scale = match words.get("scale") {
            Some(e) => match self.field_value(&mut s, e, &Kind::Float, "`scale`") {
                Value::Float(x) if x.is_finite() => x,
                Value::Poison => return None,
                _ => {
                    self.report(Diagnostic::error("E0611", "`scale` is a finite number", e.span, "is none"));
                    return None;
                }
            },
            None => 1.0,
        };
        let shape = match words.get("shape") {
            Some(e) => Some(self.row_shape(&mut s, e)?),
            None => None,
        };
        let normalise = self.normalise(fields)?;
        let (split, split_span) = self.split_of(fields, field.value.span)?;
        // A growing run measures gains on rows that no seed has learned from.
        let gate = if fields.grow.is_empty() { 0.0 } else { GATE };
        Some(DataSpec { source, scale, shape, normalise, split, gate, span: field.value.span, split_span })
    }

    /// The file of weights that training starts from; `Some(None)` where it starts from initial values.
    pub(super) fn start(&mut self, fields: &Fields<'a>) -> Option<Option<String>> {
        let Some(field) = fields.get("start").cloned() else { return Some(None) };
        let mut s = Scope::new(field.file, 0);
        let (word, span, args) = self.field_word(&field, "a file of weights")?;
        let words = self.word_arguments(word, args, span)?;
        self.text(&mut s, &words, word.name, "path").map(Some)
    }

    fn row_shape(&mut self, s: &mut Scope, e: &'a Expr) -> Option<Vec<usize>> {
        match self.field_value(s, e, &Kind::List(Box::new(Kind::Dim)), "`shape`") {
            Value::List(list) => {
                let sizes: Option<Vec<usize>> = list
                    .iter()
                    .map(|v| match v {
                        Value::Size(d) => d.as_const().filter(|n| *n >= 1).and_then(|n| usize::try_from(n).ok()),
                        _ => None,
                    })
                    .collect();
                if sizes.is_none() {
                    self.report(Diagnostic::error(
                        "E0611",
                        "`shape` lists the sizes of one row, each at least 1",
                        e.span,
                        "one of these is no such size",
                    ));
                }
                sizes
            }
            _ => None,
        }
    }

    /// A field of a `train` whose value is one of the words that [`experiment`](crate::experiment) lists.
    pub(super) fn field_word(&mut self, field: &Field<'a>, what: &str) -> Option<(&'static WordInfo, Span, &'a [Arg])> {
        let known: Vec<&str> = words_of(field.name).map(|w| w.name).collect();
        let (name, span, args) = self.word_call(field, &known, what)?;
        words_of(field.name).find(|w| w.name == name).map(|word| (word, span, args))
    }

    /// The arguments of such a word.
    fn word_arguments(&mut self, word: &WordInfo, args: &'a [Arg], span: Span) -> Option<Words<'a>> {
        let known: Vec<&'static str> = word.parameters.iter().map(|(name, _)| *name).collect();
        self.words(word.name, args, span, &known)
    }

    /// A field whose value is a call of one of its words.
    pub(crate) fn word_call(&mut self, field: &Field<'a>, known: &[&'static str], what: &str) -> Option<(&'a str, Span, &'a [Arg])> {
        let (name, span, args): (&str, Span, &[Arg]) = match &field.value.kind {
            ExprKind::Call { callee, args } => match &callee.kind {
                ExprKind::Name(name) => (name, callee.span, args),
                _ => ("", callee.span, args),
            },
            ExprKind::Name(name) => (name, field.value.span, &[]),
            ExprKind::Error => return None,
            _ => ("", field.value.span, &[]),
        };
        if known.contains(&name) {
            return Some((name, if args.is_empty() { span } else { field.value.span }, args));
        }
        let problem =
            Diagnostic::error(field.code, format!("`{}` is {what}", field.name), span, format!("not one of {}", known.join(", ")));
        let problem = match closest(name, known.iter().copied()) {
            Some(close) => problem.edit(format!("replace by `{close}`"), span, close).certain(),
            None => problem,
        };
        self.report(problem);
        None
    }

    pub(crate) fn words(&mut self, name: &str, args: &'a [Arg], span: Span, known: &[&'static str]) -> Option<Words<'a>> {
        let mut given: Vec<(String, &'a Expr)> = vec![];
        let mut sound = true;
        for (i, arg) in args.iter().enumerate() {
            let key = match (&arg.name, known.get(i)) {
                (Some(n), _) => n.text.clone(),
                (None, Some(n)) => n.to_string(),
                (None, None) => {
                    self.report(Diagnostic::error(
                        "E0202",
                        format!("too many arguments for `{name}`"),
                        arg.value.span,
                        format!("it takes {}", known.len()),
                    ));
                    return None;
                }
            };
            let place = arg.name.as_ref().map_or(arg.value.span, |n| n.span);
            if !known.contains(&key.as_str()) {
                let problem = Diagnostic::error("E0202", format!("`{name}` has no parameter `{key}`"), place, "there is no such parameter");
                let problem = match closest(&key, known.iter().copied()) {
                    Some(close) => problem.edit(format!("replace by `{close}`"), place, close).certain(),
                    None => problem.help(format!("it has {}", known.join(", "))),
                };
                self.report(problem);
                sound = false;
            } else if given.iter().any(|(n, _)| *n == key) {
                self.report(Diagnostic::error("E0202", format!("`{key}` is given twice"), place, "given again"));
                sound = false;
            }
            given.push((key, &arg.value));
        }
        sound.then_some(Words { given, span })
    }

    fn text(&mut self, s: &mut Scope, words: &Words<'a>, function: &str, name: &str) -> Option<String> {
        let Some(e) = words.get(name) else {
            self.report(Diagnostic::error("E0202", format!("`{function}` needs `{name}`"), words.span, format!("`{name}` is not given")));
            return None;
        };
        match self.field_value(s, e, &Kind::Str, &format!("`{name}`")) {
            Value::Text(text) => Some(text.to_string()),
            _ => None,
        }
    }

    fn integer(&mut self, s: &mut Scope, words: &Words<'a>, name: &str, default: Option<i64>) -> Option<i64> {
        let Some(e) = words.get(name) else { return default };
        match self.field_value(s, e, &Kind::Int, &format!("`{name}`")) {
            Value::Size(d) => d.as_const(),
            _ => None,
        }
    }

    fn truth(&mut self, s: &mut Scope, words: &Words<'a>, name: &str) -> Option<bool> {
        let Some(e) = words.get(name) else { return Some(false) };
        match self.field_value(s, e, &Kind::Bool, &format!("`{name}`")) {
            Value::Bool(b) => Some(b),
            _ => None,
        }
    }

    fn normalise(&mut self, fields: &Fields<'a>) -> Option<Normalise> {
        let Some(field) = fields.get("normalise").cloned() else { return Some(Normalise::None) };
        let (word, _, args) = self.field_word(&field, "a way to normalise")?;
        let name = word.name;
        if let Some(arg) = args.first() {
            self.report(Diagnostic::error("E0202", format!("`{name}` takes no arguments"), arg.value.span, "nothing reads this"));
            return None;
        }
        Some(match name {
            "per_feature" => Normalise::PerFeature,
            "per_channel" => Normalise::PerChannel,
            "global" => Normalise::Global,
            _ => Normalise::None,
        })
    }

    fn split_of(&mut self, fields: &Fields<'a>, data: Span) -> Option<(Split, Span)> {
        let Some(field) = fields.get("split").cloned() else {
            return Some((Split::Holdout { val: 0.1, test: 0.0, seed: None }, data));
        };
        let mut s = Scope::new(field.file, 0);
        let (word, span, args) = self.field_word(&field, "a way to divide the rows")?;
        let name = word.name;
        let words = self.word_arguments(word, args, span)?;
        let mut share = |engine: &mut Self, name: &str| match words.get(name) {
            None => Some(0.0),
            Some(e) => match engine.field_value(&mut s, e, &Kind::Float, &format!("`{name}`")) {
                Value::Float(x) if (0.0..1.0).contains(&x) => Some(x),
                Value::Float(x) => {
                    engine.report(Diagnostic::error("E0611", "a share of the rows lies in [0, 1)", e.span, format!("is {x}")));
                    None
                }
                _ => None,
            },
        };
        let (val, test) = (share(self, "val")?, share(self, "test")?);
        if val + test >= 1.0 {
            self.report(Diagnostic::error("E0611", "no rows are left to train with", span, format!("takes {} of all rows", val + test)));
            return None;
        }
        let mut s = Scope::new(field.file, 0);
        let seed = match words.get("seed") {
            None => None,
            Some(e) => Some(self.seed_value(&mut s, e)?),
        };
        let split = if name == "holdout" { Split::Holdout { val, test, seed } } else { Split::Tail { val, test } };
        Some((split, field.value.span))
    }

    /// A seed: a whole number, not negative.
    pub(super) fn seed_value(&mut self, s: &mut Scope, e: &'a Expr) -> Option<u64> {
        match self.field_value(s, e, &Kind::Dim, "`seed`") {
            Value::Size(d) => d.as_const().and_then(|n| u64::try_from(n).ok()),
            _ => None,
        }
    }
}
