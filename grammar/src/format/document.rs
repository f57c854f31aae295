//! A document that can be laid out in several ways, and the printer that chooses one: as flat as the width allows
//! (after Wadler, "A prettier printer", 2003, with the comments at line ends of Prettier).

/// A piece of formatted text.
pub(super) struct Document {
    kind: Kind,
    /// Holds a line end that is always one, so no group around it can be flat.
    breaks: bool,
}

enum Kind {
    Text(String),
    /// The text where the group is flat, a new line where it is broken.
    Line(&'static str),
    /// Always a new line; `true`: with an empty line above.
    HardLine(bool),
    /// Written only where the group around it is broken.
    IfBroken(&'static str),
    /// A comment that waits for the end of its line, and how far behind the line's indentation it stood.
    Comment(String, usize),
    Nest(Box<Document>),
    Group(Box<Document>),
    Concat(Vec<Document>),
}

/// Spaces of one level.
const INDENTATION: usize = 4;

pub(super) fn text(text: impl Into<String>) -> Document {
    Document { kind: Kind::Text(text.into()), breaks: false }
}

pub(super) fn line() -> Document {
    Document { kind: Kind::Line(" "), breaks: false }
}

pub(super) fn soft_line() -> Document {
    Document { kind: Kind::Line(""), breaks: false }
}

pub(super) fn hard_line(blank: bool) -> Document {
    Document { kind: Kind::HardLine(blank), breaks: true }
}

pub(super) fn if_broken(text: &'static str) -> Document {
    Document { kind: Kind::IfBroken(text), breaks: false }
}

/// A comment for the end of the line. `breaks`: a line end has to follow, so groups around it are broken.
pub(super) fn comment(text: &str, offset: usize, breaks: bool) -> Document {
    Document { kind: Kind::Comment(text.to_string(), offset), breaks }
}

/// One level further in.
pub(super) fn nest(inner: Document) -> Document {
    Document { breaks: inner.breaks, kind: Kind::Nest(Box::new(inner)) }
}

/// Flat where it fits, otherwise all its own lines are new lines.
pub(super) fn group(inner: Document) -> Document {
    Document { breaks: inner.breaks, kind: Kind::Group(Box::new(inner)) }
}

pub(super) fn concat(parts: Vec<Document>) -> Document {
    Document { breaks: parts.iter().any(|part| part.breaks), kind: Kind::Concat(parts) }
}

impl Document {
    /// The text on one line, where it has such a form of at most `width` characters.
    pub(super) fn flat(&self, width: usize) -> Option<String> {
        if self.breaks {
            return None;
        }
        let (mut flat, mut left, mut stack) = (String::new(), width, vec![self]);
        while let Some(document) = stack.pop() {
            let piece = match &document.kind {
                Kind::Text(text) => text,
                Kind::Line(text) => *text,
                Kind::IfBroken(_) => "",
                Kind::HardLine(_) | Kind::Comment(..) => return None,
                Kind::Nest(inner) | Kind::Group(inner) => {
                    stack.push(inner);
                    continue;
                }
                Kind::Concat(parts) => {
                    stack.extend(parts.iter().rev());
                    continue;
                }
            };
            left = left.checked_sub(piece.chars().count())?;
            flat.push_str(piece);
        }
        Some(flat)
    }

    /// The text in at most `width` columns where that is possible, without empty space at line ends.
    pub(super) fn print(&self, width: usize) -> String {
        let mut printer = Printer { out: String::new(), column: 0, indentation: 0, comments: vec![] };
        // what is still to be written, last first: indentation, whether lines are new lines, the document
        let mut rest: Vec<(usize, bool, &Document)> = vec![(0, true, self)];
        while let Some((indentation, broken, document)) = rest.pop() {
            match &document.kind {
                Kind::Text(text) => printer.write(text),
                Kind::Line(_) if broken => printer.new_line(indentation, false),
                Kind::Line(text) => printer.write(text),
                Kind::HardLine(blank) => printer.new_line(indentation, *blank),
                Kind::IfBroken(text) if broken => printer.write(text),
                Kind::IfBroken(_) => {}
                Kind::Comment(text, offset) => printer.comments.push((text, *offset)),
                Kind::Nest(inner) => rest.push((indentation + INDENTATION, broken, inner)),
                Kind::Concat(parts) => rest.extend(parts.iter().rev().map(|part| (indentation, broken, part))),
                Kind::Group(inner) => {
                    let broken = inner.breaks || !fits(inner, &rest, width.saturating_sub(printer.column.max(printer.indentation)));
                    rest.push((indentation, broken, inner));
                }
            }
        }
        printer.new_line(0, false);
        printer.out
    }
}

/// Whether a flat document, and what follows it up to the next place where a line may end, is at most `left` columns wide.
fn fits(document: &Document, rest: &[(usize, bool, &Document)], mut left: usize) -> bool {
    let mut stack = vec![(false, document)];
    let mut following = rest.iter().rev();
    loop {
        let Some((broken, document)) = stack.pop().or_else(|| following.next().map(|(_, broken, document)| (*broken, *document))) else {
            return true;
        };
        match &document.kind {
            Kind::Text(text) => match left.checked_sub(text.chars().count()) {
                Some(remaining) => left = remaining,
                None => return false,
            },
            Kind::Line(_) if broken => return true,
            Kind::Line(text) => match left.checked_sub(text.len()) {
                Some(remaining) => left = remaining,
                None => return false,
            },
            Kind::HardLine(_) => return true,
            Kind::IfBroken(_) | Kind::Comment(..) => {}
            Kind::Nest(inner) => stack.push((broken, inner)),
            // a group inside is as flat as what is around it, one further on may break by itself
            Kind::Group(inner) => stack.push((broken, inner)),
            Kind::Concat(parts) => stack.extend(parts.iter().rev().map(|part| (broken, part))),
        }
    }
}

struct Printer<'d> {
    out: String,
    column: usize,
    /// Of the current line.
    indentation: usize,
    /// Waiting for the end of the line.
    comments: Vec<(&'d str, usize)>,
}

impl Printer<'_> {
    fn write(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if self.column == 0 {
            self.out.extend(std::iter::repeat_n(' ', self.indentation));
            self.column = self.indentation;
        }
        self.out.push_str(text);
        self.column += text.chars().count();
    }

    fn new_line(&mut self, indentation: usize, blank: bool) {
        for (index, (text, offset)) in std::mem::take(&mut self.comments).into_iter().enumerate() {
            if index > 0 || self.column == 0 {
                self.end_line(indentation);
                self.write(text);
                continue;
            }
            self.trim();
            let gap = (self.indentation + offset).saturating_sub(self.column).max(1);
            self.out.extend(std::iter::repeat_n(' ', gap));
            self.column += gap;
            self.write(text);
        }
        self.end_line(indentation);
        if blank && !self.out.is_empty() && !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
    }

    /// Ends the current line where anything is on it.
    fn end_line(&mut self, indentation: usize) {
        self.trim();
        if self.column > 0 {
            self.out.push('\n');
        }
        (self.column, self.indentation) = (0, indentation);
    }

    fn trim(&mut self) {
        let length = self.out.trim_end_matches(' ').len();
        self.column -= self.out.len() - length;
        self.out.truncate(length);
    }
}
