//! The standard library and the explanations of codes as documents: held by the server, or as read-only files for clients that only open files.
use crate::uri::{Place, SCHEME, library_module, library_uri, path_of, uri_of};
use esper_driver::{explain, explanation, write_atomically};
use gen_lsp_types::Uri;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where such documents stand.
#[derive(Clone, Debug)]
pub struct Library {
    /// Whether the client reads documents of the server's scheme.
    virtual_documents: bool,
    /// The folder of the files; its name holds the version, so that another version's files stay as they are.
    folder: PathBuf,
    written: BTreeMap<String, Option<Uri>>,
}

impl Library {
    /// `virtual_documents`: the client asks the server for the text of documents with the server's scheme.
    pub fn new(virtual_documents: bool, folder: PathBuf) -> Library {
        Library { virtual_documents, folder, written: BTreeMap::new() }
    }
    /// The folder in the user's cache.
    pub fn cache_folder() -> PathBuf {
        let variable = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
        let cache = variable("XDG_CACHE_HOME")
            .or_else(|| variable("LOCALAPPDATA"))
            .or_else(|| variable("HOME").map(|home| home.join(".cache")))
            .unwrap_or_else(std::env::temp_dir);
        cache.join("esper").join(format!("library-{}", env!("CARGO_PKG_VERSION")))
    }
    /// The address of a module; `None` where there is none of that name, or its file cannot be written.
    pub fn module_uri(&mut self, module: &str) -> Option<Uri> {
        let text = esper_stdlib::module(module)?;
        if self.virtual_documents {
            return Some(library_uri(module));
        }
        self.file(&format!("{}.blueprint", module.replace('.', "/")), text)
    }
    /// The address of the explanation of a code: a file, because editors open the link themselves.
    pub fn explanation_uri(&mut self, code: &str) -> Option<Uri> {
        if let Some(known) = self.written.get(&format!("codes/{code}.md")) {
            return known.clone();
        }
        let record = explain(code)?;
        self.file(&format!("codes/{code}.md"), &explanation(record))
    }
    /// The module that a document is.
    pub fn module_of(&self, uri: &str) -> Option<String> {
        if uri.starts_with(SCHEME) {
            return library_module(uri).filter(|module| esper_stdlib::module(module).is_some());
        }
        let path = path_of(uri)?;
        let module = path.strip_prefix(&self.folder).ok()?.with_extension("").to_string_lossy().replace(['/', '\\'], ".");
        esper_stdlib::module(&module).map(|_| module)
    }
    /// What a document of the client is.
    pub fn place(&self, uri: &str) -> Place {
        match (self.module_of(uri), path_of(uri)) {
            (Some(module), _) => Place::Library(module),
            (None, Some(path)) => Place::File(path),
            (None, None) => Place::Unsaved(uri.to_string()),
        }
    }

    /// A read-only file with this text, written once a run unless it is there already.
    fn file(&mut self, name: &str, text: &str) -> Option<Uri> {
        if let Some(uri) = self.written.get(name) {
            return uri.clone();
        }
        let path = self.folder.join(name);
        let uri = write_read_only(&path, text).ok().and_then(|()| uri_of(&path));
        self.written.insert(name.to_string(), uri.clone());
        uri
    }
}

fn write_read_only(path: &Path, text: &str) -> std::io::Result<()> {
    if std::fs::read(path).is_ok_and(|bytes| bytes == text.as_bytes()) {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    write_atomically(path, text.as_bytes())?;
    let mut permissions = std::fs::metadata(path)?.permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(path, permissions)
}
