//! What is written where: products on standard output, everything else on standard error; colours only where they are wanted.
use crate::arguments::{Color, MessageFormat};
use crate::exit::Failure;
use esper_diagnostics::{CodeRecord, Diagnostic, Format, Severity, Sources, render, render_sarif, summary};
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
        let text = match self.format {
            Format::Human => people(problems, sources, self.color),
            Format::Sarif => render_sarif(problems, sources, &rules()),
            other => render(problems, sources, other, false),
        };
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

/// Messages for people. A problem that has no line to show (a file that cannot be read, a text without a `train`) is one without a frame.
fn people(problems: &[Diagnostic], sources: &Sources, color: bool) -> String {
    let framed = |p: &Diagnostic| p.primary.span.start < p.primary.span.end || !p.primary.text.is_empty() || !p.secondary.is_empty();
    let mut text = String::new();
    for group in problems.chunk_by(|a, b| framed(a) && framed(b)) {
        match group {
            [bare] if !framed(bare) => {
                text.push_str(&format!("{}[{}]: {}\n", bare.severity.word(), bare.code, bare.message));
                bare.notes.iter().for_each(|note| text.push_str(&format!("  note: {note}\n")));
                bare.helps.iter().for_each(|help| text.push_str(&format!("  help: {help}\n")));
            }
            group => text.push_str(&render(group, sources, Format::Human, color)),
        }
    }
    text
}

/// What every code means, those of data and runs included: the rules of SARIF and the pages of `esperc explain`.
pub fn rules() -> Vec<CodeRecord> {
    esper_driver::codes().into_iter().chain(esper_train::CODES).copied().collect()
}

/// Writes to standard output. A reader that went away (`esperc … | head`) ends the command quietly.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        other => other.map_err(Failure::from),
    }
}
