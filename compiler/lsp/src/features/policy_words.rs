//! Policies: which of the words of the checker's table may stand at a place, and what is said of one.
use super::surroundings::call_at;
use esper_check::experiment::WordInfo;
use esper_check::policy::{FIELDS, PolicyField, field_named, words_of};

/// What a line of a policy sets: the name before its first `=`.
fn field_of_line(text: &str, offset: usize) -> Option<&'static PolicyField> {
    let start = text[..offset].rfind('\n').map_or(0, |at| at + 1);
    let (name, _) = text[start..offset].split_once('=')?;
    field_named(name.trim())
}

/// The words that may stand as a value at a byte: those of the parameter that is being given, or of the line's field.
pub fn words_at(text: &str, offset: usize) -> Vec<&'static WordInfo> {
    let Some(field) = field_of_line(text, offset) else { return vec![] };
    match call_at(text, offset).map(|call| call.named) {
        None => words_of(field.name).collect(),
        Some(named) => words_of(named.as_deref().unwrap_or_default()).collect(),
    }
}

/// The parameters of the word in whose brackets a byte stands that are not given yet, with what holds without them.
pub fn parameters_at(text: &str, offset: usize) -> Vec<(&'static str, &'static str)> {
    let Some((call, word)) = call_at(text, offset).and_then(|call| {
        let word = word_named(text, offset, &text[call.callee.clone()])?;
        Some((call, word))
    }) else {
        return vec![];
    };
    let is_open = |(name, _): &(&str, _)| call.named.is_none() && !call.given.iter().any(|given| given == name);
    word.parameters.iter().map(|(name, default)| (*name, default.unwrap_or_default())).filter(is_open).collect()
}

/// The word of that name: of the line's field, or of a parameter of it.
fn word_named(text: &str, offset: usize, name: &str) -> Option<&'static WordInfo> {
    let field = field_of_line(text, offset)?;
    let parameters = words_of(field.name).flat_map(|word| word.parameters).flat_map(|(parameter, _)| words_of(parameter));
    words_of(field.name).chain(parameters).find(|word| word.name == name)
}

/// What is said of a name in a policy: the code that shows it, and its documentation.
pub fn said_of(text: &str, offset: usize, name: &str) -> Option<(String, &'static str)> {
    if field_of_line(text, offset).is_none() {
        let line = text[offset..].find('\n').map_or(text.len(), |at| offset + at);
        let field = field_of_line(text, line).filter(|field| field.name == name)?;
        return Some((field.example.to_string(), field.doc));
    }
    word_named(text, offset, name).map(|word| (word.signature(), word.doc))
}

/// The fields that a policy's text does not set yet; `body` is its text.
pub fn fields_left(body: &str) -> impl Iterator<Item = &'static PolicyField> {
    let given: Vec<String> = body.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name.trim().to_string()).collect();
    FIELDS.iter().filter(move |field| !given.iter().any(|name| name == field.name))
}
