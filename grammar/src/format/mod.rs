//! The formatter: one way to write every program. It keeps the meaning, every comment, and where the author broke a pipe.
mod document;
mod expressions;
mod items;
#[cfg(test)]
mod tests;

use crate::ast::File;
use crate::{Comment, parse, print_tree};
use document::{Document, concat, hard_line, text};
use esper_diagnostics::{Diagnostic, FileId, Severity};

/// Lines are at most this wide where that is possible.
const WIDTH: usize = 100;

/// The text in the standard layout: four spaces a level, one empty line between items, at most one elsewhere, fields of policies and
/// experiments aligned. Formatting the result changes nothing. Gives the errors (as of file 0) of a text that cannot be read.
pub fn format(text: &str) -> Result<String, Vec<Diagnostic>> {
    let parsed = parse(FileId(0), text);
    let errors: Vec<Diagnostic> = parsed.problems.into_iter().filter(|p| p.severity == Severity::Error).collect();
    if !errors.is_empty() {
        return Err(errors);
    }
    let mut formatter = Formatter { source: text, comments: &parsed.comments, next: 0 };
    Ok(formatter.file(&parsed.file).print(WIDTH))
}

/// Whether two trees differ in places only.
pub fn same_meaning(one: &File, other: &File) -> bool {
    print_tree(one) == print_tree(other)
}

/// Builds the document of a file; comments are taken from the side table in the order of the text.
struct Formatter<'s> {
    source: &'s str,
    comments: &'s [Comment],
    /// The first comment that is not in the document yet.
    next: usize,
}

impl<'s> Formatter<'s> {
    /// The comments in front of a place that are not in the document yet.
    fn take(&mut self, before: usize) -> &'s [Comment] {
        let start = self.next;
        while self.comments.get(self.next).is_some_and(|c| (c.span.start as usize) < before) {
            self.next += 1;
        }
        &self.comments[start..self.next]
    }

    /// Comments in front of a place where a line may end: each stands where it stood, at a line's end or on its own line.
    fn between(&mut self, before: usize) -> Document {
        let mut parts = vec![];
        for comment in self.take(before) {
            // behind a comment on its own line there is no line left whose end it could stand at
            if comment.own_line || !parts.is_empty() {
                parts.extend([hard_line(false), text(&comment.text)]);
            } else {
                parts.push(self.trailing(comment));
            }
        }
        concat(parts)
    }

    /// Comments in front of a place where no line may end: they go to the end of the line.
    fn stray(&mut self, before: usize) -> Document {
        concat(self.take(before).iter().map(|c| document::comment(&c.text, 0, false)).collect())
    }

    /// A comment at the end of a line, as far behind the line's indentation as it stood.
    fn trailing(&self, comment: &Comment) -> Document {
        let start = comment.span.start as usize;
        let line = &self.source[self.source[..start].rfind('\n').map_or(0, |end| end + 1)..start];
        let indentation = line.len() - line.trim_start_matches([' ', '\t', '\u{feff}']).len();
        document::comment(&comment.text, line[indentation..].chars().count(), true)
    }

    /// Whether an empty line stands between two places.
    fn blank(&self, from: usize, to: usize) -> bool {
        let Some(gap) = self.source.get(from..to) else { return false };
        let lines: Vec<&str> = gap.split('\n').collect();
        // the first and the last are parts of lines
        lines.len() > 2 && lines[1..lines.len() - 1].iter().any(|line| line.trim().is_empty())
    }

    /// Whether a line ends between two places.
    fn line_ends(&self, from: usize, to: usize) -> bool {
        self.source.get(from..to).is_some_and(|gap| gap.contains('\n'))
    }

    /// Where a sign stands between two places, outside of comments.
    fn find(&self, sign: &str, from: usize, to: usize) -> usize {
        let inside = |at: usize| {
            let following = self.comments.partition_point(|c| c.span.start as usize <= at);
            following > 0 && at < self.comments[following - 1].span.end as usize
        };
        let found = self.source[from..to].match_indices(sign).map(|(at, _)| from + at).find(|at| !inside(*at));
        found.unwrap_or(to)
    }
}
