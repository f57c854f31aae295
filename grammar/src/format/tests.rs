//! The formatter's promises: the result is stable, means the same, and keeps every comment.
use super::{format, same_meaning};
use crate::tests::{examples, read};

/// Formats, and checks every promise on the way.
fn checked(text: &str) -> String {
    let formatted = format(text).unwrap_or_else(|errors| panic!("{text}\n{errors:?}"));
    let (before, after) = (read(text), read(&formatted));
    assert!(after.problems.is_empty(), "{text}\n---- became\n{formatted}\n{:?}", after.problems);
    assert!(same_meaning(&before.file, &after.file), "{text}\n---- became\n{formatted}");
    let comments = |parsed: &crate::Parsed| {
        let mut texts: Vec<String> = parsed.comments.iter().map(|c| c.text.clone()).collect();
        texts.sort();
        texts
    };
    assert_eq!(comments(&before), comments(&after), "{text}\n---- became\n{formatted}");
    let again = format(&formatted).expect("it was read above");
    assert_eq!(formatted, again, "not stable:\n{text}");
    formatted
}

#[test]
fn examples_keep_every_promise() {
    for (name, text) in examples() {
        println!("{name}");
        checked(&text);
    }
}
