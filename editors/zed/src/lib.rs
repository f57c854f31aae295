//! The Zed extension: tells Zed how the language server of blueprints is started.
use zed_extension_api::{self as zed, settings::LspSettings, Command, LanguageServerId, Result, Worktree};

struct Blueprint;

impl zed::Extension for Blueprint {
    fn new() -> Self {
        Blueprint
    }

    /// The `esperc` of the settings (`lsp.esperc.binary.path`), else the one on `PATH`.
    fn language_server_command(&mut self, server: &LanguageServerId, worktree: &Worktree) -> Result<Command> {
        let binary = LspSettings::for_worktree(server.as_ref(), worktree)?.binary;
        let configured = binary.as_ref().and_then(|binary| binary.path.clone());
        let command = configured
            .or_else(|| worktree.which("esperc"))
            .ok_or("there is no esperc on PATH: build it with `cargo install --path compiler/esperc` in the Esper project")?;
        let args = binary.and_then(|binary| binary.arguments).unwrap_or_else(|| vec!["lsp".to_string()]);
        Ok(Command { command, args, env: worktree.shell_env() })
    }
}

zed::register_extension!(Blueprint);
