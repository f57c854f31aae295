//! The server over its protocol, in this process: each feature asked as an editor asks it.
mod client;
mod diagnostics;
mod lifecycle;
mod synchronisation;
