//! The language server: what `esperc check` says, and what editors ask for while somebody writes a blueprint.
mod capabilities;
mod client;
mod convert;
mod dispatch;
mod features;
mod handlers;
mod incoming;
mod library;
mod position;
mod server;
mod snapshot;
mod uri;
mod watchdog;
mod workspace;

pub use server::{Outcome, serve};

use lsp_server::Connection;

/// Serves a client on standard input and output until it says `exit`, closes its end, or its process is gone.
pub fn serve_stdio() -> Result<Outcome, String> {
    let (connection, threads) = Connection::stdio();
    let outcome = serve(connection, watchdog::watch)?;
    // The thread that reads ends with the input; the one that writes once everything is written.
    threads.join().map_err(|e| e.to_string())?;
    Ok(outcome)
}
