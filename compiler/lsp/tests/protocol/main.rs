//! The server over its protocol, in this process: each feature asked as an editor asks it.
mod actions;
mod client;
mod diagnostics;
mod lifecycle;
mod navigation;
mod synchronisation;
