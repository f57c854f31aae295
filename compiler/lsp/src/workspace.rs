//! The open documents, the files beside them, and the programs they are part of, each checked at most once a change.
use crate::features::cost::Cost;
use crate::incoming::Incoming;
use crate::library::Library;
use crate::snapshot::Snapshot;
use crate::uri::{Place, uri_of};
use esper_check::Interrupt;
use esper_check::hir::Experiment;
use esper_check::names::imports_of;
use esper_diagnostics::Diagnostic;
use esper_driver::{Checked, Files, Learned, Loaded, Memory, Session};
use gen_lsp_types::Uri;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

/// How many programs of files that are not open are kept.
const MOST_CLOSED: usize = 256;
/// How deep folders are searched for blueprints.
const DEEPEST_FOLDER: usize = 12;

/// A text that the client holds.
#[derive(Clone, Debug)]
pub struct Document {
    /// Its address as the client writes it.
    pub uri: Uri,
    /// The client's number of this text.
    pub version: i32,
    /// The text.
    pub text: Arc<str>,
}

/// A program by its entry.
#[derive(Debug, Default)]
struct Program {
    session: Session,
    snapshot: Option<Rc<Snapshot>>,
    analysis: Option<Rc<Analysis>>,
}

/// What a check says of a program.
#[derive(Debug)]
pub struct Analysis {
    /// The program; all places are in it.
    pub snapshot: Rc<Snapshot>,
    /// Everything that is wrong, by file and place.
    pub problems: Vec<Diagnostic>,
    /// What was learned of items and experiments.
    pub learned: Learned,
}

impl Program {
    fn forget(&mut self) {
        self.snapshot = None;
        self.analysis = None;
    }
}

/// Everything the server knows of the user's files.
#[derive(Debug)]
pub struct Workspace {
    /// The folders that are open in the client.
    pub roots: Vec<PathBuf>,
    /// The standard library's documents.
    pub library: Library,
    /// What the client sends meanwhile, which may make a check pointless.
    incoming: Rc<Incoming>,
    files: Files,
    documents: BTreeMap<Place, Document>,
    programs: BTreeMap<Place, Program>,
    /// Blueprints in the roots, where they were looked for since the last change on disk.
    found: Option<Vec<PathBuf>>,
    /// Open documents that are to be checked.
    waiting: Vec<Place>,
    /// Those of them whose experiments are to be elaborated when there is nothing else to do.
    deferred: Vec<Place>,
    memory: Memory,
    /// A program that uses every module of the standard library, made at the first use.
    whole_library: Option<Rc<Snapshot>>,
    /// What experiments cost, by the experiment as elaborated.
    costs: Vec<(Rc<Experiment>, Cost)>,
}

impl Workspace {
    /// A workspace without documents.
    pub fn new(roots: Vec<PathBuf>, library: Library, incoming: Rc<Incoming>) -> Workspace {
        let (files, documents, programs) = (Files::default(), BTreeMap::new(), BTreeMap::new());
        Workspace {
            roots,
            library,
            incoming,
            files,
            documents,
            programs,
            found: None,
            waiting: vec![],
            deferred: vec![],
            memory: Memory::default(),
            whole_library: None,
            costs: vec![],
        }
    }
    /// What a document of the client is.
    pub fn place(&self, uri: &Uri) -> Place {
        self.library.place(&uri.0)
    }
    /// An open document.
    pub fn document(&self, place: &Place) -> Option<&Document> {
        self.documents.get(place)
    }
    /// The address of a document: as the client writes it, where it is open.
    pub fn uri(&mut self, place: &Place) -> Option<Uri> {
        if let Some(document) = self.documents.get(place) {
            return Some(document.uri.clone());
        }
        match place {
            Place::File(path) => uri_of(path),
            Place::Library(module) => self.library.module_uri(module),
            Place::Unsaved(uri) => Some(Uri(uri.clone())),
        }
    }
    /// A document's text from now on.
    pub fn set(&mut self, place: Place, document: Document) {
        if let Place::File(path) = &place {
            self.files.open(path.clone(), document.text.clone());
            if !self.documents.contains_key(&place) {
                self.found = None;
            }
        }
        self.documents.insert(place.clone(), document);
        self.forget(&place);
    }
    /// The client holds the document no longer: its file is what is on disk.
    pub fn close(&mut self, place: &Place) -> Option<Document> {
        if let Place::File(path) = place {
            self.files.close(path);
        }
        let document = self.documents.remove(place);
        self.forget(place);
        self.programs.remove(place);
        document
    }
    /// A file changed on disk, appeared or is gone.
    pub fn changed_on_disk(&mut self, path: &Path) {
        self.found = None;
        self.forget(&Place::File(path.to_path_buf()));
    }
    fn forget(&mut self, place: &Place) {
        for (entry, program) in &mut self.programs {
            let stale = match (place, &program.snapshot) {
                (Place::File(path), Some(snapshot)) => entry == place || snapshot.depends_on(path),
                _ => entry == place,
            };
            if stale {
                program.forget();
                if entry != place && self.documents.contains_key(entry) && !self.waiting.contains(entry) {
                    self.waiting.push(entry.clone());
                }
            }
        }
        self.waiting.retain(|waiting| waiting != place);
        self.deferred.retain(|waiting| waiting != place);
        if self.documents.contains_key(place) {
            self.waiting.insert(0, place.clone());
        }
    }
    /// Whether the program of an open document changed since it was checked.
    pub fn has_unchecked(&self) -> bool {
        !self.waiting.is_empty() || !self.deferred.is_empty()
    }
    /// The next document to check, and whether to elaborate its experiments: the one that was edited last before those that use
    /// it, and what is quick of all of them first.
    pub fn next_unchecked(&self) -> Option<(Place, bool)> {
        let quick = self.waiting.first().map(|place| (place.clone(), false));
        quick.or_else(|| self.deferred.first().map(|place| (place.clone(), true)))
    }
    /// A document need not be checked again until it changes.
    pub fn is_checked(&mut self, place: &Place, elaborates: bool) {
        let list = if elaborates { &mut self.deferred } else { &mut self.waiting };
        list.retain(|waiting| waiting != place);
    }
    /// Folders that the client opened and closed.
    pub fn change_roots(&mut self, added: &[PathBuf], removed: &[PathBuf]) {
        self.roots.retain(|root| !removed.contains(root));
        let new: Vec<PathBuf> = added.iter().filter(|root| !self.roots.contains(root)).cloned().collect();
        self.roots.extend(new);
        self.found = None;
        self.programs.values_mut().for_each(|program| program.forget());
        self.waiting = self.documents.keys().cloned().collect();
    }

    /// The program that begins with a document, as it is now.
    pub fn snapshot(&mut self, place: &Place) -> Rc<Snapshot> {
        if let Some(snapshot) = self.programs.get(place).and_then(|p| p.snapshot.clone()) {
            return snapshot;
        }
        let loaded = self.load(place);
        let snapshot = Rc::new(Snapshot::new(loaded, None));
        self.programs.entry(place.clone()).or_default().snapshot = Some(snapshot.clone());
        snapshot
    }

    /// Everything the compiler says of that program.
    pub fn analysis(&mut self, place: &Place) -> Rc<Analysis> {
        self.analyse(place, true)
    }

    /// The same, where experiments that are not known from before may be left out and are then put off.
    pub fn quick_analysis(&mut self, place: &Place) -> Rc<Analysis> {
        let analysis = self.analyse(place, false);
        if analysis.learned.is_partial && self.documents.contains_key(place) && !self.deferred.contains(place) {
            self.deferred.push(place.clone());
        }
        analysis
    }

    fn analyse(&mut self, place: &Place, elaborates: bool) -> Rc<Analysis> {
        let known = self.programs.get(place).and_then(|p| p.analysis.clone());
        if let Some(analysis) = known.filter(|a| !elaborates || !a.learned.is_partial) {
            return analysis;
        }
        let loaded = self.load(place);
        let program = self.programs.entry(place.clone()).or_default();
        let incoming = self.incoming.clone();
        let is_overtaken = || incoming.is_overtaken();
        let interrupt = Interrupt::when(&is_overtaken);
        let (Checked { loaded, problems }, mut learned) =
            program.session.check_remembering(loaded, &mut self.memory, elaborates, interrupt);
        let snapshot = Rc::new(Snapshot::new(loaded, learned.names.take()));
        let analysis = Rc::new(Analysis { snapshot: snapshot.clone(), problems, learned });
        program.snapshot = Some(snapshot);
        program.analysis = Some(analysis.clone());
        analysis
    }

    /// What the sound experiments of a document's program cost.
    pub fn costs(&mut self, place: &Place) -> Rc<Vec<Cost>> {
        let analysis = self.quick_analysis(place);
        let of = |costs: &[(Rc<Experiment>, Cost)], experiment: &Rc<Experiment>| {
            costs.iter().find(|(known, _)| Rc::ptr_eq(known, experiment)).map(|(_, cost)| cost.clone())
        };
        let mut found = vec![];
        for (span, experiment) in &analysis.learned.experiments {
            let cost = of(&self.costs, experiment).unwrap_or_else(|| {
                let cost = Cost::of_experiment(*span, experiment);
                // Those of experiments that changed are let go.
                self.costs.retain(|(known, _)| Rc::strong_count(known) > 1);
                self.costs.push((experiment.clone(), cost.clone()));
                cost
            });
            found.push(Cost { span: *span, ..cost });
        }
        Rc::new(found)
    }

    /// A program that uses every module of the standard library.
    pub fn library_program(&mut self) -> Rc<Snapshot> {
        let program = self.whole_library.get_or_insert_with(|| {
            let text: String = esper_stdlib::modules().map(|module| format!("use {module}.{{}}\n")).collect();
            Rc::new(Snapshot::new(Session::new().load_text("", &text, Path::new("")), None))
        });
        program.clone()
    }

    /// The modules that a document can name beside the standard library's.
    pub fn modules(&mut self, place: &Place) -> Vec<String> {
        let folder = self.folder_of(place);
        let files = self.all_files();
        let module = |file: &Place| match file {
            Place::File(path) if file != place => {
                let inside = path.strip_prefix(&folder).ok()?.with_extension("");
                Some(inside.to_string_lossy().replace(['/', '\\'], "."))
            }
            _ => None,
        };
        files.iter().filter_map(module).collect()
    }

    fn load(&mut self, place: &Place) -> Loaded {
        self.keep_few(place);
        let folder = self.folder_of(place);
        let program = self.programs.entry(place.clone()).or_default();
        program.session.files = self.files.clone();
        match place {
            Place::File(path) => program.session.load_in(path, &folder),
            Place::Library(module) => program.session.load_library(module),
            Place::Unsaved(uri) => {
                let text = self.documents.get(place).map(|d| d.text.clone()).unwrap_or_default();
                program.session.load_text(uri, &text, &folder)
            }
        }
    }

    /// Programs of closed files are let go once there are many.
    fn keep_few(&mut self, wanted: &Place) {
        if self.programs.len() > self.documents.len() + MOST_CLOSED {
            let documents = &self.documents;
            self.programs.retain(|place, _| place == wanted || documents.contains_key(place));
        }
    }

    /// The folder in which a document's `use` looks: the nearest one, up to the root, where every module it names is found; its own where
    /// there is none.
    fn folder_of(&mut self, place: &Place) -> PathBuf {
        let path = match place {
            Place::File(path) => path,
            Place::Unsaved(_) => return self.roots.first().cloned().unwrap_or_default(),
            Place::Library(_) => return PathBuf::new(),
        };
        let own = path.parent().unwrap_or(Path::new("")).to_path_buf();
        let roots = self.roots.iter().filter(|root| own.starts_with(root));
        let Some(root) = roots.min_by_key(|root| root.components().count()).cloned() else { return own };
        let modules = self.modules_of(place);
        let found = |folder: &Path| modules.iter().all(|m| self.exists(&folder.join(m.replace('.', "/")).with_extension("blueprint")));
        let ancestors = own.ancestors().take_while(|folder| folder.starts_with(&root));
        ancestors.map(Path::to_path_buf).find(|folder| found(folder)).unwrap_or(own.clone())
    }

    fn exists(&self, path: &Path) -> bool {
        self.documents.contains_key(&Place::File(path.to_path_buf())) || path.is_file()
    }

    /// The user's modules that a document names.
    fn modules_of(&mut self, place: &Place) -> Vec<String> {
        let Place::File(path) = place else { return vec![] };
        let Ok(text) = self.files.read(path) else { return vec![] };
        // Most files name none, and most of the others need no second tree.
        if !text.contains("use ") && !text.contains(" from ") {
            return vec![];
        }
        let parsed = self.programs.entry(place.clone()).or_default().session.parse_entry(&text);
        imports_of(&parsed.file).into_iter().map(|(module, _)| module).filter(|m| m != "std" && !m.starts_with("std.")).collect()
    }

    /// All blueprints of the roots and all open ones.
    pub fn all_files(&mut self) -> Vec<Place> {
        let found = self.found.get_or_insert_with(|| {
            let mut found = vec![];
            self.roots.iter().for_each(|root| collect(root, DEEPEST_FOLDER, &mut found));
            found.sort();
            found.dedup();
            found
        });
        let mut all: Vec<Place> = found.iter().cloned().map(Place::File).collect();
        all.extend(self.documents.keys().filter(|place| !matches!(place, Place::Library(_))).cloned());
        all.sort();
        all.dedup();
        all
    }
}

fn collect(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let Ok(kind) = entry.file_type() else { continue };
        let hidden = name.to_string_lossy().starts_with('.') || ["target", "node_modules", "runs"].iter().any(|skip| name == *skip);
        if kind.is_dir() && depth > 0 && !hidden {
            collect(&path, depth - 1, found);
        } else if kind.is_file() && path.extension().is_some_and(|e| e == "blueprint") {
            found.push(path);
        }
    }
}
