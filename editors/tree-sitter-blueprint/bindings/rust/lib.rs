//! The grammar of `.blueprint` files for tools that highlight, fold and outline text: the generated tree-sitter parser and its queries.
use tree_sitter_language::LanguageFn;

unsafe extern "C" {
    // SAFETY: this is the signature of the function that tree-sitter generates into src/parser.c.
    fn tree_sitter_blueprint() -> *const ();
}

/// The language, for `tree_sitter::Parser::set_language`.
// SAFETY: the function gives the generated, static language table, which lives as long as the program.
pub const LANGUAGE: LanguageFn = unsafe { LanguageFn::from_raw(tree_sitter_blueprint) };
