//! Names that are known everywhere: element types, kinds, values and functions of the language itself.

/// Element types; in expressions they stand as arguments: `cast(x, bf16)`.
pub(super) const ELEMENT_TYPES: [&str; 6] = ["f32", "f16", "bf16", "i32", "u8", "bool"];

/// Kinds of compile-time parameters (`bool` is an element type and a kind).
pub(super) const KINDS: [&str; 9] = ["dim", "int", "float", "str", "time", "axis", "fn", "init", "blueprint"];

/// Values and functions that need no `use`.
pub(super) fn builtins() -> impl Iterator<Item = &'static str> {
    const WORDS: [&str; 2] = ["inf", "training"];
    WORDS.into_iter().chain(crate::builtins::names())
}

/// Whether a name is known everywhere in expressions.
pub(super) fn is_builtin(name: &str) -> bool {
    ELEMENT_TYPES.contains(&name) || builtins().any(|b| b == name)
}
