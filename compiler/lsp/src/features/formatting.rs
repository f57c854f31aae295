//! The standard layout as small changes of a text, so that cursors and folds stay where they are.
use std::fmt;
use std::ops::Range;

/// Bytes and what replaces them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The bytes.
    pub bytes: Range<usize>,
    /// The new text.
    pub text: String,
}

/// Why a text was not formatted: its first syntax error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable(String);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a text with syntax errors is not formatted: {}", self.0)
    }
}

/// The changes that give a text the standard layout.
pub fn format(text: &str) -> Result<Vec<Change>, Unreadable> {
    let formatted =
        esper_grammar::format(text).map_err(|problems| Unreadable(problems.first().map(|p| p.message.clone()).unwrap_or_default()))?;
    Ok(changes(text, &formatted))
}

/// Those of the changes that touch lines of a range.
pub fn format_range(text: &str, range: Range<usize>) -> Result<Vec<Change>, Unreadable> {
    let start = text[..range.start].rfind('\n').map_or(0, |at| at + 1);
    let end = text[range.end..].find('\n').map_or(text.len(), |at| range.end + at + 1);
    Ok(format(text)?
        .into_iter()
        .filter(|c| c.bytes.start < end && start <= c.bytes.end && !(c.bytes.end == start && c.bytes.start < start))
        .collect())
}

/// The line-by-line difference of two texts.
fn changes(old: &str, new: &str) -> Vec<Change> {
    let (before, after): (Vec<&str>, Vec<&str>) = (old.split_inclusive('\n').collect(), new.split_inclusive('\n').collect());
    let starts: Vec<usize> = std::iter::once(0)
        .chain(before.iter().scan(0, |at, line| {
            *at += line.len();
            Some(*at)
        }))
        .collect();
    let operations = similar::capture_diff_slices(similar::Algorithm::Myers, &before, &after);
    let changed = operations.into_iter().filter(|op| !matches!(op, similar::DiffOp::Equal { .. }));
    changed
        .map(|op| {
            let (lines, replacement) = (op.old_range(), op.new_range());
            Change { bytes: starts[lines.start]..starts[lines.end], text: after[replacement].concat() }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(text: &str, changes: &[Change]) -> String {
        let mut text = text.to_string();
        changes.iter().rev().for_each(|c| text.replace_range(c.bytes.clone(), &c.text));
        text
    }

    #[test]
    fn changes_lead_to_the_formatted_text_and_leave_the_rest_alone() {
        let text = "fn f(x: f32[n]) -> f32[n] { x }\nfn  g(x:f32[n])->f32[n]{x+1}\n\n\n\nfn h(x: f32[n]) -> f32[n] { x }\n";
        let changes = format(text).expect("readable");
        assert_eq!(applied(text, &changes), esper_grammar::format(text).expect("readable"));
        assert!(changes.iter().all(|c| c.bytes.start > 20), "the first line is as it should be: {changes:?}");
        assert_eq!(format(&applied(text, &changes)), Ok(vec![]));
    }

    #[test]
    fn a_range_changes_only_its_lines() {
        let text = "fn  f(x: f32[n]) -> f32[n] { x }\n\nfn  g(x: f32[n]) -> f32[n] { x }\n";
        let second = text.rfind("fn").expect("there");
        let changes = format_range(text, second..second + 2).expect("readable");
        assert_eq!(applied(text, &changes), "fn  f(x: f32[n]) -> f32[n] { x }\n\nfn g(x: f32[n]) -> f32[n] { x }\n");
    }

    #[test]
    fn what_cannot_be_read_is_left_alone_and_says_why() {
        assert!(format("fn f( {").is_err());
    }
}
