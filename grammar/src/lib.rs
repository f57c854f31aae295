//! Text to tokens to syntax tree to formatted text. Nothing here knows shapes, operators or files on disk.
pub mod ast;
