//! SARIF 2.1.0, the format of code-scanning services. Same diagnostics, same bytes.
use super::region;
use crate::{CodeRecord, Diagnostic, Edit, Label, Sources, Span};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// One SARIF document. `records` are all codes the compiler knows: declaring also those that did not fire lets a service close old alerts.
pub fn render_sarif(diagnostics: &[Diagnostic], sources: &Sources, records: &[CodeRecord]) -> String {
    let mut rules: BTreeMap<&str, Value> = diagnostics.iter().map(|d| (d.code.as_str(), json!({ "id": d.code }))).collect();
    rules.extend(records.iter().map(|record| {
        let help = json!({ "text": record.explanation, "markdown": record.explanation });
        (record.code, json!({ "id": record.code, "shortDescription": { "text": record.title }, "help": help }))
    }));
    let results: Vec<Value> = diagnostics.iter().map(|d| result(d, sources)).collect();
    let driver = json!({ "name": "esperc", "version": env!("CARGO_PKG_VERSION"), "rules": rules.into_values().collect::<Vec<_>>() });
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{ "tool": { "driver": driver }, "columnKind": "unicodeCodePoints", "results": results }],
    });
    let mut text = serde_json::to_string_pretty(&document).expect("strings and numbers have a JSON form");
    text.push('\n');
    text
}

fn result(diagnostic: &Diagnostic, sources: &Sources) -> Value {
    let mut text = diagnostic.message.clone();
    if !diagnostic.primary.text.is_empty() && diagnostic.primary.text != diagnostic.message {
        text.push_str(": ");
        text.push_str(&diagnostic.primary.text);
    }
    for remark in diagnostic.notes.iter().chain(&diagnostic.helps) {
        text.push('\n');
        text.push_str(remark);
    }
    let mut result = json!({
        "ruleId": diagnostic.code,
        "level": diagnostic.severity.word(),
        "message": { "text": text },
        "locations": [location(sources, &Label { span: diagnostic.primary.span, text: String::new() })],
    });
    if !diagnostic.secondary.is_empty() {
        result["relatedLocations"] = diagnostic.secondary.iter().map(|label| location(sources, label)).collect();
    }
    if !diagnostic.edits.is_empty() {
        result["fixes"] = diagnostic.edits.iter().map(|edit| fix(sources, edit)).collect();
    }
    result
}

fn place(sources: &Sources, span: Span) -> Value {
    let [(line, column), (end_line, end_column)] = region(sources, span);
    json!({ "startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column })
}

fn location(sources: &Sources, label: &Label) -> Value {
    let file = &sources.file(label.span.file).name;
    let mut location = json!({ "physicalLocation": { "artifactLocation": { "uri": file }, "region": place(sources, label.span) } });
    if !label.text.is_empty() {
        location["message"] = json!({ "text": label.text });
    }
    location
}

fn fix(sources: &Sources, edit: &Edit) -> Value {
    // one artifact change for each file, in the order of the edit
    let mut files: Vec<(&str, Vec<Value>)> = vec![];
    for (span, text) in &edit.changes {
        let file = sources.file(span.file).name.as_str();
        let replacement = json!({ "deletedRegion": place(sources, *span), "insertedContent": { "text": text } });
        match files.iter_mut().find(|(name, _)| *name == file) {
            Some((_, replacements)) => replacements.push(replacement),
            None => files.push((file, vec![replacement])),
        }
    }
    let change = |(file, replacements)| json!({ "artifactLocation": { "uri": file }, "replacements": replacements });
    json!({ "description": { "text": edit.title }, "artifactChanges": files.into_iter().map(change).collect::<Vec<_>>() })
}
