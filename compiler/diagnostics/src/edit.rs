//! Repairs applied to a text.
use crate::Span;

/// The text with each span replaced. Of spans that overlap the first in the text wins; spans outside the text, or inside a character,
/// change nothing.
pub fn apply_edits(text: &str, changes: &[(Span, String)]) -> String {
    let mut ordered: Vec<&(Span, String)> = changes.iter().collect();
    ordered.sort_by_key(|(span, _)| (span.start, span.end));
    let (mut edited, mut copied) = (String::with_capacity(text.len()), 0);
    for (span, replacement) in ordered {
        let (start, end) = (span.start as usize, span.end as usize);
        if start < copied || text.get(start..end).is_none() {
            continue;
        }
        edited.push_str(&text[copied..start]);
        edited.push_str(replacement);
        copied = end;
    }
    edited.push_str(&text[copied..]);
    edited
}

#[cfg(test)]
mod tests {
    use super::apply_edits;
    use crate::{FileId, Span};

    #[test]
    fn changes_are_applied_in_the_order_of_the_text() {
        let at = |start, end, text: &str| (Span::new(FileId(0), start, end), text.to_string());
        assert_eq!(apply_edits("abcdef", &[at(4, 5, "E"), at(0, 1, "A"), at(2, 2, "-")]), "Ab-cdEf");
        assert_eq!(apply_edits("abc", &[at(0, 2, "x"), at(1, 3, "y")]), "xc", "the second overlaps");
        assert_eq!(apply_edits("é", &[at(1, 2, "x"), at(5, 9, "y")]), "é");
        assert_eq!(apply_edits("", &[at(0, 0, "a"), at(0, 0, "b")]), "ab");
    }
}
