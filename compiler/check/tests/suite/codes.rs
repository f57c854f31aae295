//! Every code's example raises that code and nothing else; put right, it raises nothing.
use crate::harness::{short, with};
use esper_check::CODES;
use std::collections::BTreeSet;

fn problems(source: &str) -> (BTreeSet<String>, String) {
    with(source, &[], |resolution, sources| {
        let mut all = resolution.problems.clone();
        all.extend(esper_check::check(resolution));
        (all.iter().map(|p| p.code.clone()).collect(), all.iter().map(|p| short(p, sources)).collect())
    })
}

#[test]
fn examples_raise_their_code_and_put_right_nothing() {
    let mut wrong = vec![];
    for record in CODES.iter().filter(|r| !r.wrong.is_empty()) {
        let (codes, text) = problems(record.wrong);
        if codes != BTreeSet::from([record.code.to_string()]) {
            wrong.push(format!("{} wrong:\n{}\n{text}", record.code, record.wrong));
        }
        let (codes, text) = problems(record.right);
        if !codes.is_empty() {
            wrong.push(format!("{} right:\n{}\n{text}", record.code, record.right));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n----\n"));
}

#[test]
fn no_code_stands_twice() {
    let codes: BTreeSet<&str> = CODES.iter().chain(esper_check::names::CODES).map(|r| r.code).collect();
    assert_eq!(codes.len(), CODES.len() + esper_check::names::CODES.len());
}
