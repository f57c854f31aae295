//! The server over its protocol, in this process: each feature asked as an editor asks it.
mod actions;
mod calls;
mod client;
mod completion;
mod diagnostics;
mod hints;
mod hover;
mod lifecycle;
mod navigation;
mod robustness;
mod same_diagnostics;
mod schema;
mod signatures;
mod structure;
mod symbols;
mod synchronisation;
mod tokens;
