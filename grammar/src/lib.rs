//! Text to tokens to syntax tree to formatted text. Nothing here knows shapes, operators or files on disk.
pub mod ast;
mod codes;
mod construct;
mod dump;
mod format;
mod layout;
mod parse;
mod print;
mod syntax_error;
#[cfg(test)]
mod tests;
mod token;
mod visit;

pub use codes::CODES;
pub use dump::{TokenKind, tokens};
pub use format::{format, same_meaning};
pub use parse::{Comment, Parsed, parse};
pub use print::print_tree;
pub use visit::{Node, visit_expr, visit_file, visit_item};
