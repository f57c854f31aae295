//! Documents of the client: files on disk, modules of the standard library, and texts that were never saved.
use gen_lsp_types::Uri;
use std::path::{Path, PathBuf};
use url::Url;

/// The scheme of documents that the server itself holds, for clients that ask it for their text: `blueprint-std:/std/nn.blueprint`.
pub const SCHEME: &str = "blueprint-std";

/// What a document is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// A file on disk.
    File(PathBuf),
    /// A module of the standard library: `std.nn`.
    Library(String),
    /// A text that is no file, by its address.
    Unsaved(String),
}

/// The path of a `file:` address.
pub fn path_of(uri: &str) -> Option<PathBuf> {
    let url = Url::parse(uri).ok().filter(|u| u.scheme() == "file")?;
    url.to_file_path().ok()
}

/// The address of a file; `None` where the path is not absolute.
pub fn uri_of(path: &Path) -> Option<Uri> {
    Url::from_file_path(path).ok().map(|u| Uri(u.to_string()))
}

/// The address of a module of the standard library for a client that reads such documents from the server.
pub fn library_uri(module: &str) -> Uri {
    Uri(format!("{SCHEME}:/{}.blueprint", module.replace('.', "/")))
}

/// The module that a document's address names.
pub fn library_module(uri: &str) -> Option<String> {
    let path = uri.strip_prefix(SCHEME)?.strip_prefix(':')?.trim_start_matches('/').strip_suffix(".blueprint")?;
    Some(path.replace('/', "."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_paths_come_back() {
        let path = Path::new("/tmp/a folder/größe.blueprint");
        let uri = uri_of(path).expect("absolute");
        assert_eq!(uri.0, "file:///tmp/a%20folder/gr%C3%B6%C3%9Fe.blueprint");
        assert_eq!(path_of(&uri.0).as_deref(), Some(path));
        assert_eq!(path_of("file:///tmp/a%20folder/gr%c3%b6%C3%9fe.blueprint").as_deref(), Some(path));
        assert_eq!(path_of("untitled:Untitled-1"), None);
        assert_eq!(uri_of(Path::new("relative")), None);
        assert_eq!(library_module(&library_uri("std.nn").0).as_deref(), Some("std.nn"));
    }
}
