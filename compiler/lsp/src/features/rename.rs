//! Renaming: what may be renamed, to what, and which places change.
use super::navigation::named;
use crate::snapshot::Snapshot;
use esper_check::names::{DefinitionKind, ItemClass};
use esper_diagnostics::Span;

/// What a rename is about: the name's place and the name; or why it cannot be renamed.
pub fn prepare(snapshot: &Snapshot, offset: usize) -> Result<(Span, String), String> {
    let Some((occurrence, definition)) = named(snapshot, offset) else {
        return Err("nothing here has a name that can be changed".to_string());
    };
    let file = snapshot.file(definition.span.file);
    if file.is_none_or(|f| f.module == "std" || f.module.starts_with("std.")) {
        return Err(format!("`{}` belongs to the standard library", definition.name));
    }
    let written = snapshot.text_at(occurrence.span);
    Ok((occurrence.span, written.to_string()))
}

/// Whether a name is possible for what stands at a place; says why not.
pub fn check(snapshot: &Snapshot, offset: usize, new: &str) -> Result<(), String> {
    let (_, old) = prepare(snapshot, offset)?;
    let Some((_, definition)) = named(snapshot, offset) else { return Err(String::new()) };
    let mut letters = new.chars();
    let begins = letters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    if !begins || !letters.all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(format!("`{new}` is no name: a name is made of letters, digits and `_`, and does not begin with a digit"));
    }
    let tokens = esper_grammar::tokens(new);
    if tokens.iter().any(|(_, kind)| *kind == esper_grammar::TokenKind::Word) {
        return Err(format!("`{new}` is a word of the language"));
    }
    let letters: String = new.chars().filter(char::is_ascii_alphabetic).collect();
    let upper = letters.starts_with(|c: char| c.is_ascii_uppercase());
    let wrong = match definition.kind {
        DefinitionKind::Item(ItemClass::Const) => {
            (letters != letters.to_ascii_uppercase()).then_some("constants are written in upper case")
        }
        DefinitionKind::Item(ItemClass::Blueprint | ItemClass::Optimizer | ItemClass::Policy) => {
            (!upper).then_some("blueprints, optimizers and policies begin with an upper-case letter")
        }
        _ => upper.then_some("this is written in lower case"),
    };
    if let Some(wrong) = wrong {
        return Err(format!("`{new}`: {wrong}"));
    }
    let same_item = |d: &esper_check::names::Definition| d.span.file == definition.span.file && d.item == definition.item;
    let taken = snapshot.index().definitions().find(|(_, d)| {
        d.name == new
            && d.span != definition.span
            && match (d.kind, definition.kind) {
                (DefinitionKind::Item(_), DefinitionKind::Item(_)) => d.span.file == definition.span.file,
                (DefinitionKind::Local(_), DefinitionKind::Local(_)) => same_item(d),
                _ => false,
            }
    });
    match taken {
        Some((_, other)) if old != new => Err(format!("`{new}` is a {} here already", other.kind.noun())),
        _ => Ok(()),
    }
}
