//! One JSON object a line: everything a program needs to show a message or apply a repair.
use super::region;
use crate::{Diagnostic, Sources, Span};
use serde::Serialize;

/// A place: bytes from 0, lines and columns (in characters) from 1, ends exclusive.
#[derive(Serialize)]
struct Place<'s> {
    file: &'s str,
    start: u32,
    end: u32,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
}

#[derive(Serialize)]
struct Label<'s> {
    #[serde(flatten)]
    place: Place<'s>,
    text: &'s str,
    primary: bool,
}

#[derive(Serialize)]
struct Change<'s> {
    #[serde(flatten)]
    place: Place<'s>,
    text: &'s str,
}

#[derive(Serialize)]
struct Edit<'s> {
    title: &'s str,
    certain: bool,
    changes: Vec<Change<'s>>,
}

#[derive(Serialize)]
struct Message<'s> {
    code: &'s str,
    severity: &'s str,
    message: &'s str,
    #[serde(flatten)]
    place: Place<'s>,
    labels: Vec<Label<'s>>,
    notes: &'s [String],
    helps: &'s [String],
    edits: Vec<Edit<'s>>,
}

fn place(sources: &Sources, span: Span) -> Place<'_> {
    let [(line, column), (end_line, end_column)] = region(sources, span);
    Place { file: &sources.file(span.file).name, start: span.start, end: span.end, line, column, end_line, end_column }
}

pub(super) fn render<'s>(diagnostic: &'s Diagnostic, sources: &'s Sources) -> String {
    let label = |primary| move |label: &'s crate::Label| Label { place: place(sources, label.span), text: &label.text, primary };
    let change = |(span, text): &'s (Span, String)| Change { place: place(sources, *span), text };
    let edit =
        |edit: &'s crate::Edit| Edit { title: &edit.title, certain: edit.certain, changes: edit.changes.iter().map(change).collect() };
    let message = Message {
        code: &diagnostic.code,
        severity: diagnostic.severity.word(),
        message: &diagnostic.message,
        place: place(sources, diagnostic.primary.span),
        labels: std::iter::once(&diagnostic.primary).map(label(true)).chain(diagnostic.secondary.iter().map(label(false))).collect(),
        notes: &diagnostic.notes,
        helps: &diagnostic.helps,
        edits: diagnostic.edits.iter().map(edit).collect(),
    };
    let mut line = serde_json::to_string(&message).expect("strings and numbers have a JSON form");
    line.push('\n');
    line
}
