//! `esperc lsp`: the language server on standard input and output. It touches no device.
use crate::exit::Failure;
use esper_lsp::Outcome;

/// Serves until the client says `exit`; a client that is gone without `shutdown` makes the exit code 1, as the protocol asks.
pub fn serve() -> Result<(), Failure> {
    match esper_lsp::serve_stdio() {
        Ok(Outcome::Done) => Ok(()),
        Ok(Outcome::Abandoned) => Err(Failure::Program),
        Err(why) => Err(Failure::Run(why)),
    }
}
