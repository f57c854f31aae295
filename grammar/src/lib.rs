//! Text to tokens to syntax tree to formatted text. Nothing here knows shapes, operators or files on disk.
pub mod ast;
mod construct;
mod layout;
mod parse;
mod print;
mod syntax_error;
mod token;
#[cfg(test)]
mod tests;

pub use parse::{Comment, Parsed, parse};
pub use print::print_tree;
