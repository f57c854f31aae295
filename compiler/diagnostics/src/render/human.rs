//! Messages for people: the source lines with every label at its place (drawn by ariadne), then notes, helps and repairs.
use crate::{Diagnostic, Edit, FileId, Label, Severity, Sources, Span};
use ariadne::{Cache, Color, Config, Fmt, IndexType, Report, ReportKind, Source};
use std::fmt::Write;

/// Longer lines are not drawn; their labels are listed.
const LONGEST_LINE: usize = 400;

/// Files as ariadne wants them; each is split into lines once.
struct Drawings<'s> {
    sources: &'s Sources,
    files: Vec<Option<Source<&'s str>>>,
}

impl<'s> Cache<FileId> for Drawings<'s> {
    type Storage = &'s str;

    fn fetch(&mut self, id: &FileId) -> Result<&Source<&'s str>, impl std::fmt::Debug> {
        let text = self.sources.file(*id).text.as_str();
        Ok::<_, std::convert::Infallible>(self.files[id.0 as usize].get_or_insert_with(|| Source::from(text)))
    }

    fn display<'a>(&self, id: &'a FileId) -> Option<impl std::fmt::Display + 'a> {
        Some(self.sources.file(*id).name.clone())
    }
}

pub(super) fn render(diagnostics: &[Diagnostic], sources: &Sources, color: bool) -> String {
    let mut drawings = Drawings { sources, files: sources.iter().map(|_| None).collect() };
    let mut text = String::new();
    for (index, diagnostic) in diagnostics.iter().enumerate() {
        if index > 0 {
            text.push('\n');
        }
        one(&mut text, diagnostic, &mut drawings, color);
    }
    text
}

fn one(text: &mut String, diagnostic: &Diagnostic, drawings: &mut Drawings, color: bool) {
    let sources = drawings.sources;
    let loud = if diagnostic.severity == Severity::Error { Color::Red } else { Color::Yellow };
    let head = format!("{}[{}]", diagnostic.severity.word(), diagnostic.code);
    let _ = writeln!(text, "{}: {}", paint(&head, loud, color), diagnostic.message);
    // ariadne begins a new frame where the next label is not further down, so labels go in the order of the text;
    // the user's files come before the library's, because there the repair belongs
    let mut labels: Vec<(bool, &Label)> =
        std::iter::once((true, &diagnostic.primary)).chain(diagnostic.secondary.iter().map(|label| (false, label))).collect();
    let file_order = |span: Span| (sources.file(span.file).name.starts_with("std."), span.file != diagnostic.primary.span.file, span.file);
    labels.sort_by_key(|(_, label)| (file_order(label.span), label.span.end));
    if labels.iter().all(|(_, label)| line_length(sources, label.span) <= LONGEST_LINE) {
        let config = Config::new().with_index_type(IndexType::Char).with_color(color).with_tab_width(4);
        let kind = ReportKind::Custom(&head, loud);
        let mut report = Report::build(kind, place(sources, diagnostic.primary.span)).with_config(config);
        for (order, (primary, label)) in labels.into_iter().enumerate() {
            let drawn = ariadne::Label::new(place(sources, label.span)).with_order(order as i32);
            let drawn = drawn.with_color(if primary { loud } else { Color::Blue });
            // an empty text would draw an arrow to nothing
            report = report.with_label(if label.text.is_empty() { drawn } else { drawn.with_message(&label.text) });
        }
        let mut bytes = Vec::new();
        report.finish().write(&mut *drawings, &mut bytes).expect("memory can be written");
        // its first line says what the line above says, in colours that cannot be switched off
        for line in String::from_utf8_lossy(&bytes).lines().skip(1) {
            text.push_str(line.trim_end());
            text.push('\n');
        }
    } else {
        for (_, label) in labels {
            let (line, column) = sources.line_column(label.span);
            let _ = writeln!(text, "  {}:{line}:{column}: {}", sources.file(label.span.file).name, label.text);
        }
    }
    for note in &diagnostic.notes {
        remark(text, "note", note, color);
    }
    for help in &diagnostic.helps {
        remark(text, "help", help, color);
    }
    for edit in &diagnostic.edits {
        remark(text, "help", &repair(edit, diagnostic, sources), color);
    }
}

/// `  note: text`; further lines stand under the first.
fn remark(text: &mut String, kind: &str, remark: &str, color: bool) {
    for (index, line) in remark.lines().enumerate() {
        if index == 0 {
            let _ = writeln!(text, "  {}: {line}", paint(kind, Color::Cyan, color));
        } else {
            let _ = writeln!(text, "{:width$}{}", "", line, width = kind.len() + 4);
        }
    }
}

/// What a repair does, with the place where that is another line than the message's own.
fn repair(edit: &Edit, diagnostic: &Diagnostic, sources: &Sources) -> String {
    match &edit.changes[..] {
        [(span, _)] => match sources.line_column(*span) {
            (line, _) if line == sources.line_column(diagnostic.primary.span).0 => edit.title.clone(),
            (line, _) => format!("{} (line {line})", edit.title),
        },
        _ => edit.title.clone(),
    }
}

fn paint(text: &str, with: Color, color: bool) -> String {
    if color { text.fg(with).to_string() } else { text.to_string() }
}

/// A span inside its file's text, in bytes, that ends with no line end: ariadne cannot draw one.
fn inside(sources: &Sources, span: Span) -> std::ops::Range<usize> {
    let text = &sources.file(span.file).text;
    let end = (span.end as usize).min(text.len());
    let start = (span.start as usize).min(end);
    start..start + text[start..end].trim_end().len()
}

/// The same in characters. ariadne 0.6 can count in bytes, but then takes the place of a second file's first label in characters for one in
/// bytes: it shows a wrong column, or panics within a character of several bytes.
fn place(sources: &Sources, span: Span) -> (FileId, std::ops::Range<usize>) {
    let (text, bytes) = (&sources.file(span.file).text, inside(sources, span));
    let start = text[..bytes.start].chars().count();
    (span.file, start..start + text[bytes].chars().count())
}

/// The length of the longest line that a span touches.
fn line_length(sources: &Sources, span: Span) -> usize {
    let text = &sources.file(span.file).text.as_bytes();
    let range = inside(sources, span);
    let start = text[..range.start].iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
    let end = text[range.end..].iter().position(|b| *b == b'\n').map_or(text.len(), |at| range.end + at);
    text[start..end].split(|b| *b == b'\n').map(<[u8]>::len).max().unwrap_or(0)
}
