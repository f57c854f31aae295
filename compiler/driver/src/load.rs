//! Loading a program: the entry file and everything it needs by `use`, each read and parsed once.
use crate::read::{Files, ReadError, standard_input};
use esper_check::names::{FileInput, imports_of, unknown_module, use_of_nothing};
use esper_diagnostics::{Diagnostic, FileId, Sources, Span};
use esper_grammar::ast;
use esper_grammar::{Parsed, parse};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One file of a program.
#[derive(Clone, Debug)]
pub struct LoadedFile {
    /// Its id in the sources.
    pub id: FileId,
    /// How `use` names it.
    pub module: String,
    /// Where it is on disk; `None` for the standard library and for standard input.
    pub path: Option<PathBuf>,
    /// Its tree and its syntax errors.
    pub parsed: Arc<Parsed>,
}

/// A program as read: its files with their trees, and what is wrong so far.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// The texts.
    pub sources: Sources,
    /// The files; the first is the entry.
    pub files: Vec<LoadedFile>,
    /// Files that could not be read, and syntax errors.
    pub problems: Vec<Diagnostic>,
    /// Why the entry file itself could not be read, if it could not.
    pub entry_error: Option<ReadError>,
}

impl Loaded {
    /// The files as the check takes them.
    pub fn inputs(&self) -> Vec<FileInput<'_>> {
        self.files.iter().map(|f| FileInput { id: f.id, module: f.module.clone(), file: &f.parsed.file }).collect()
    }
}

/// Loads programs and remembers parsed files, so that a file which did not change is not parsed again.
#[derive(Clone, Debug, Default)]
pub struct Session {
    /// Where files come from.
    pub files: Files,
    /// By file number and hash of the text (spans hold the number).
    parsed: BTreeMap<(FileId, [u8; 32]), Arc<Parsed>>,
}

impl Session {
    /// A session that reads from disk.
    pub fn new() -> Session {
        Session::default()
    }

    /// Loads the program whose entry is a file; `-` is standard input, whose `use` looks in the working folder.
    pub fn load(&mut self, entry: &Path) -> Loaded {
        if entry == Path::new("-") {
            return self.load_entry("standard input", None, standard_input(), Path::new(""));
        }
        let folder = entry.parent().unwrap_or(Path::new("")).to_path_buf();
        let text = self.files.read(entry);
        self.load_entry(&entry.display().to_string(), Some(entry.to_path_buf()), text, &folder)
    }

    /// Loads a file as a module of the program that begins in `folder`: `use` looks there, as it does for the whole program.
    pub fn load_in(&mut self, file: &Path, folder: &Path) -> Loaded {
        let text = self.files.read(file);
        let module = file.strip_prefix(folder).unwrap_or(file).with_extension("").to_string_lossy().replace(['/', '\\'], ".");
        self.load_module_as_entry(&file.display().to_string(), module, Some(file.to_path_buf()), text, folder)
    }

    /// Loads a module of the standard library with what it uses; empty where there is none of that name.
    pub fn load_library(&mut self, module: &str) -> Loaded {
        match esper_stdlib::module(module) {
            Some(text) => self.load_module_as_entry(module, module.to_string(), None, Ok(text.to_string()), Path::new("")),
            None => Loaded::default(),
        }
    }

    /// Loads the program whose entry is a text, such as standard input; `use` looks in `folder`.
    pub fn load_text(&mut self, name: &str, text: &str, folder: &Path) -> Loaded {
        self.load_entry(name, None, Ok(text.to_string()), folder)
    }

    /// A text parsed as the entry of a program: loading a program that begins with it does not parse it again.
    pub fn parse_entry(&mut self, text: &str) -> Arc<Parsed> {
        self.parse(FileId(0), text)
    }

    fn parse(&mut self, id: FileId, text: &str) -> Arc<Parsed> {
        let hash = *blake3::hash(text.as_bytes()).as_bytes();
        self.parsed.entry((id, hash)).or_insert_with(|| Arc::new(parse(id, text))).clone()
    }

    fn load_entry(&mut self, name: &str, path: Option<PathBuf>, text: Result<String, ReadError>, folder: &Path) -> Loaded {
        let module = Path::new(name).file_stem().map_or_else(|| name.to_string(), |s| s.to_string_lossy().into_owned());
        self.load_module_as_entry(name, module, path, text, folder)
    }

    fn load_module_as_entry(
        &mut self,
        name: &str,
        module: String,
        path: Option<PathBuf>,
        text: Result<String, ReadError>,
        folder: &Path,
    ) -> Loaded {
        let mut loaded = Loaded::default();
        match text {
            Ok(text) => self.add(&mut loaded, name, module, path, text),
            Err(error) => {
                let id = loaded.sources.add(name, "");
                loaded.problems.push(unreadable(&error, name, Span::new(id, 0, 0)));
                loaded.entry_error = Some(error);
                return loaded;
            }
        }
        let mut next = 0;
        let mut seen: BTreeSet<String> = loaded.files.iter().map(|f| f.module.clone()).collect();
        while let Some(file) = loaded.files.get(next) {
            next += 1;
            for (module, span) in imports_of(&file.parsed.clone().file) {
                if seen.insert(module.clone()) {
                    self.load_module(&mut loaded, &module, span, folder);
                }
            }
        }
        // Only what this program needs stays: an editor that types for hours keeps one version of each file.
        let kept: BTreeSet<*const Parsed> = loaded.files.iter().map(|f| Arc::as_ptr(&f.parsed)).collect();
        self.parsed.retain(|_, parsed| kept.contains(&Arc::as_ptr(parsed)));
        loaded
    }

    fn load_module(&mut self, loaded: &mut Loaded, module: &str, span: Span, folder: &Path) {
        if module == "std" || module.starts_with("std.") {
            match esper_stdlib::module(module) {
                Some(text) => return self.add(loaded, module, module.to_string(), None, text.to_string()),
                None => {
                    let problem = self.no_module(loaded, module, span, folder);
                    loaded.problems.push(problem);
                }
            }
        } else {
            let path = folder.join(module.replace('.', "/")).with_extension("blueprint");
            match self.files.read(&path) {
                Ok(text) => {
                    let name = path.display().to_string();
                    return self.add(loaded, &name, module.to_string(), Some(path), text);
                }
                Err(ReadError::Missing) => {
                    let problem = self.no_module(loaded, module, span, folder);
                    loaded.problems.push(problem);
                }
                Err(error) => loaded.problems.push(unreadable(&error, &path.display().to_string(), span)),
            }
        }
        // Nothing more is said about what this file might have declared.
        let item = ast::Item { docs: ast::Docs::default(), kind: ast::ItemKind::Broken(None), span };
        let file = ast::File { docs: ast::Docs::default(), items: vec![item] };
        let id = loaded.sources.add(module, "");
        loaded.files.push(LoadedFile {
            id,
            module: module.to_string(),
            path: None,
            parsed: Arc::new(Parsed { file, ..Parsed::default() }),
        });
    }

    /// Adds a module of the standard library, if it is not there yet.
    pub(crate) fn add_library(&mut self, loaded: &mut Loaded, module: &str) {
        if loaded.files.iter().all(|f| f.module != module)
            && let Some(text) = esper_stdlib::module(module)
        {
            self.add(loaded, module, module.to_string(), None, text.to_string());
        }
    }

    fn no_module(&self, loaded: &Loaded, module: &str, span: Span, folder: &Path) -> Diagnostic {
        let mut known: Vec<String> = esper_stdlib::modules().map(str::to_string).collect();
        known.extend(self.files.modules_in(folder));
        let written = loaded.sources.text(span);
        if written != module && known.iter().any(|k| k == written) {
            return use_of_nothing(written, span);
        }
        unknown_module(module, span, known.iter().map(String::as_str))
    }

    fn add(&mut self, loaded: &mut Loaded, name: &str, module: String, path: Option<PathBuf>, text: String) {
        let id = loaded.sources.add(name, text);
        let parsed = self.parse(id, &loaded.sources.file(id).text);
        loaded.problems.extend(parsed.problems.iter().cloned());
        loaded.files.push(LoadedFile { id, module, path, parsed });
    }
}

fn unreadable(error: &ReadError, name: &str, span: Span) -> Diagnostic {
    Diagnostic::error(error.code(), format!("`{name}` cannot be read: {error}"), span, "")
}
