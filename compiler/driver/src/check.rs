//! Checking a loaded program: syntax, names, kinds and shapes, with the problems in the order of the text and each once.
use crate::load::{Loaded, Session};
use crate::memory::{Learned, Memory, Remembering};
use esper_check::Interrupt;
use esper_check::names::{ProgramNames, resolve};
use esper_diagnostics::{Diagnostic, Severity, Sources};
use std::path::Path;

/// A program with everything that is to be said about it.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// Its files.
    pub loaded: Loaded,
    /// All problems, by file and place, each once.
    pub problems: Vec<Diagnostic>,
}

impl Checked {
    /// The texts.
    pub fn sources(&self) -> &Sources {
        &self.loaded.sources
    }
    /// Whether the program cannot be used as it is.
    pub fn has_errors(&self) -> bool {
        has_errors(&self.problems)
    }
}

pub(crate) fn has_errors(problems: &[Diagnostic]) -> bool {
    problems.iter().any(|p| p.severity == Severity::Error)
}

impl Session {
    /// Checks the program whose entry is a file.
    pub fn check(&mut self, entry: &Path) -> Checked {
        let loaded = self.load(entry);
        self.check_loaded(loaded)
    }

    /// Checks the program whose entry is a text, such as standard input; `use` looks in `folder`.
    pub fn check_text(&mut self, name: &str, text: &str, folder: &Path) -> Checked {
        let loaded = self.load_text(name, text, folder);
        self.check_loaded(loaded)
    }

    /// Checks a program that was loaded.
    pub fn check_loaded(&mut self, loaded: Loaded) -> Checked {
        self.check_by(loaded, &mut problems_of)
    }

    /// The same with what earlier checks found; gives also what was learned of items. Experiments that are not known are elaborated only
    /// where that is asked for. A check that is interrupted unwinds; what it found so far is remembered.
    pub fn check_remembering(
        &mut self,
        loaded: Loaded,
        memory: &mut Memory,
        elaborates: bool,
        interrupt: Interrupt<'_>,
    ) -> (Checked, Learned) {
        let mut learned = Learned::default();
        let checked = self.check_by(loaded, &mut |loaded| {
            learned = Learned::default();
            if loaded.entry_error.is_some() {
                return problems_of(loaded);
            }
            let inputs = loaded.inputs();
            let mut resolution = resolve(&inputs);
            resolution.interrupt = interrupt;
            let mut remembering = Remembering::new(memory, loaded, &resolution, elaborates);
            let problems = esper_check::problems_with(&loaded.problems, &resolution, &mut |work| remembering.run(work));
            learned = remembering.learned;
            learned.names = Some(ProgramNames::of(resolution));
            problems
        });
        memory.forget_old();
        (checked, learned)
    }

    fn check_by(&mut self, mut loaded: Loaded, problems_of: &mut dyn FnMut(&Loaded) -> Vec<Diagnostic>) -> Checked {
        let mut problems = problems_of(&loaded);
        if problems.iter().any(|p| p.code == "E0101" && p.edits.is_empty()) {
            // Nothing near by has that name: the whole library is looked at, so that the error can say which `use` is missing.
            let known = loaded.files.len();
            esper_stdlib::modules().for_each(|module| self.add_library(&mut loaded, module));
            if loaded.files.len() > known {
                problems = problems_of(&loaded);
            }
        }
        Checked { loaded, problems }
    }
}

/// All problems of a program, in order.
pub(crate) fn problems_of(loaded: &Loaded) -> Vec<Diagnostic> {
    if loaded.entry_error.is_some() {
        return in_order(loaded.problems.clone());
    }
    let inputs = loaded.inputs();
    esper_check::problems(&loaded.problems, &resolve(&inputs))
}

/// By file and place; what is said twice is said once.
pub(crate) fn in_order(mut problems: Vec<Diagnostic>) -> Vec<Diagnostic> {
    problems.sort_by(|a, b| (a.primary.span, &a.code, &a.message).cmp(&(b.primary.span, &b.code, &b.message)));
    problems.dedup();
    problems
}
