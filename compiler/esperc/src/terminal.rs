//! What is written where: products on standard output, everything else on standard error; colours only where they are wanted.
use crate::arguments::{Color, MessageFormat};
use crate::exit::Failure;
use esper_diagnostics::{Diagnostic, Format, Severity, Sources, render, summary};
use std::io::{IsTerminal, Write};

/// How this call of the command writes.
#[derive(Clone, Copy, Debug)]
pub struct Terminal {
    /// How diagnostics are written.
    pub format: Format,
    /// Whether standard error gets colours.
    pub color: bool,
}

impl Terminal {
    /// From the arguments and the environment: `NO_COLOR`, `CLICOLOR_FORCE`, `TERM=dumb`, and whether standard error is a terminal.
    pub fn new(format: MessageFormat, color: Color) -> Terminal {
        let set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty() && v != "0");
        let dumb = std::env::var_os("TERM").is_some_and(|t| t == "dumb");
        let color = match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => !set("NO_COLOR") && (set("CLICOLOR_FORCE") || (std::io::stderr().is_terminal() && !dumb)),
        };
        let format = match format {
            MessageFormat::Human => Format::Human,
            MessageFormat::Short => Format::Short,
            MessageFormat::Json => Format::Json,
            MessageFormat::Sarif => Format::Sarif,
        };
        Terminal { format, color }
    }

    /// Whether a person reads along.
    pub fn is_for_people(&self) -> bool {
        self.format == Format::Human
    }

    /// Writes diagnostics (machine formats to standard output, for people to standard error); an error among them fails the command.
    pub fn report(&self, problems: &[Diagnostic], sources: &Sources) -> Result<(), Failure> {
        let text = render(problems, sources, self.format, self.color);
        match self.format {
            Format::Human | Format::Short => {
                eprint!("{text}");
                if let Some(line) = summary(problems).filter(|_| self.format == Format::Human) {
                    eprintln!("{line}");
                }
            }
            Format::Json | Format::Sarif => print(&text)?,
        }
        if problems.iter().any(|p| p.severity == Severity::Error) { Err(Failure::Program) } else { Ok(()) }
    }
}

/// Writes to standard output. A reader that went away (`esperc … | head`) ends the command quietly.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        other => other.map_err(Failure::from),
    }
}
