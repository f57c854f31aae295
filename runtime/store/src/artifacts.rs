//! Compiled artifacts on disk, found by the hash of what they were compiled from.
//!
//! Each is a file: a keyed BLAKE3 tag over its name and its bytes, then the bytes. The key is the user's own (mode 0600), so that nobody else
//! can plant code that would be run. What has no right tag is removed and built again. Files appear by renaming, whole or not at all, so any
//! number of processes may share the folder; the oldest go when it is larger than its bound.
use crate::StoreError;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::SystemTime;

const TAG: usize = 32;
/// How full the folder is, in tenths, after the oldest have gone.
const TENTHS_KEPT: u64 = 8;

/// A folder of artifacts.
#[derive(Debug)]
pub struct Artifacts {
    folder: PathBuf,
    key: [u8; 32],
    bound: u64,
    found: AtomicU64,
    missing: AtomicU64,
    discarded: AtomicU64,
    evicted: AtomicU64,
}

/// What became of what was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Found and whole.
    pub found: u64,
    /// Not there.
    pub missing: u64,
    /// There, but without a right tag: removed.
    pub discarded: u64,
    /// Removed because the folder was full.
    pub evicted: u64,
}

impl Artifacts {
    /// The artifacts in a folder, which is made if it is not there, up to `bound` bytes of them.
    pub fn open(folder: impl Into<PathBuf>, bound: u64) -> Result<Artifacts, StoreError> {
        let folder = folder.into();
        fs::create_dir_all(&folder).map_err(StoreError::files(&folder))?;
        let key = user_key(&folder)?;
        let zero = || AtomicU64::new(0);
        Ok(Artifacts { folder, key, bound, found: zero(), missing: zero(), discarded: zero(), evicted: zero() })
    }
    /// The name of an artifact that is compiled from these parts: the graph, the instruction set, the compiler's version …
    pub fn name(parts: &[&[u8]]) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        for part in parts {
            // lengths keep ("ab", "c") and ("a", "bc") apart
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
        }
        *hasher.finalize().as_bytes()
    }
    /// An artifact's bytes. None where it is not there, or was not whole and has been removed.
    pub fn get(&self, name: &[u8; 32]) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.path(name);
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.missing.fetch_add(1, Relaxed);
                return Ok(None);
            }
            Err(error) => return Err(StoreError::files(path)(error)),
        };
        let mut bytes = vec![];
        file.read_to_end(&mut bytes).map_err(StoreError::files(&path))?;
        if bytes.len() < TAG
            || blake3::Hash::from_bytes(bytes[..TAG].try_into().expect("as long as a tag")) != self.tag(name, &bytes[TAG..])
        {
            self.discarded.fetch_add(1, Relaxed);
            remove(&path)?;
            return Ok(None);
        }
        // used now: it goes last. Where time cannot be set it goes a little earlier, which harms nothing.
        let _ = file.set_modified(SystemTime::now());
        self.found.fetch_add(1, Relaxed);
        bytes.drain(..TAG);
        Ok(Some(bytes))
    }
    /// Keeps an artifact; one of that name is replaced.
    pub fn put(&self, name: &[u8; 32], bytes: &[u8]) -> Result<(), StoreError> {
        let path = self.path(name);
        let folder = path.parent().expect("a name has a folder");
        fs::create_dir_all(folder).map_err(StoreError::files(folder))?;
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(StoreError::files(folder))?;
        file.write_all(self.tag(name, bytes).as_bytes()).and_then(|()| file.write_all(bytes)).map_err(StoreError::files(&path))?;
        file.persist(&path).map_err(|error| StoreError::files(&path)(error.error))?;
        self.make_room()
    }
    /// What became of what was asked for, since it was opened.
    pub fn counts(&self) -> Counts {
        let [found, missing, discarded, evicted] = [&self.found, &self.missing, &self.discarded, &self.evicted].map(|n| n.load(Relaxed));
        Counts { found, missing, discarded, evicted }
    }
    fn tag(&self, name: &[u8; 32], bytes: &[u8]) -> blake3::Hash {
        // the name belongs to it: a whole artifact under another name is a wrong one
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(name).update(bytes).finalize()
    }
    fn path(&self, name: &[u8; 32]) -> PathBuf {
        let hex = blake3::Hash::from_bytes(*name).to_hex();
        self.folder.join(&hex[..2]).join(&hex[2..])
    }
    /// Removes the artifacts that were used longest ago while there are too many bytes.
    fn make_room(&self) -> Result<(), StoreError> {
        let mut files: Vec<(SystemTime, u64, PathBuf)> = vec![];
        for folder in entries(&self.folder)? {
            if folder.is_dir() {
                for path in entries(&folder)? {
                    // what another process has just removed is no longer of interest
                    if let Ok(data) = fs::metadata(&path) {
                        files.push((data.modified().unwrap_or(SystemTime::UNIX_EPOCH), data.len(), path));
                    }
                }
            }
        }
        let mut bytes: u64 = files.iter().map(|f| f.1).sum();
        if bytes <= self.bound {
            return Ok(());
        }
        files.sort();
        for (_, size, path) in files {
            if bytes <= self.bound / 10 * TENTHS_KEPT {
                break;
            }
            remove(&path)?;
            self.evicted.fetch_add(1, Relaxed);
            bytes -= size;
        }
        Ok(())
    }
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    match fs::read_dir(folder) {
        Ok(entries) => Ok(entries.flatten().map(|e| e.path()).collect()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(vec![]),
        Err(error) => Err(StoreError::files(folder)(error)),
    }
}

/// Removes a file; that it is gone already is as good.
fn remove(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(StoreError::files(path)(error)),
        _ => Ok(()),
    }
}

/// The user's key, made when there is none. One that others can read is worth nothing: a new one takes its place, and every artifact with it.
fn user_key(folder: &Path) -> Result<[u8; 32], StoreError> {
    let path = folder.join("key");
    for _ in 0..2 {
        if let Some(key) = read_key(&path)? {
            return Ok(key);
        }
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(|error| StoreError::files(&path)(std::io::Error::other(error.to_string())))?;
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(StoreError::files(folder))?;
        file.write_all(&key).map_err(StoreError::files(&path))?;
        match file.persist_noclobber(&path) {
            Ok(_) => return Ok(key),
            // another process was first: its key is the key
            Err(error) if error.error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(StoreError::files(&path)(error.error)),
        }
    }
    read_key(&path)?.ok_or_else(|| StoreError::files(&path)(std::io::Error::other("is no key of 32 bytes that only you can read")))
}

fn read_key(path: &Path) -> Result<Option<[u8; 32]>, StoreError> {
    let mut file = match OpenOptions::new().read(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StoreError::files(path)(error)),
    };
    let mut bytes = vec![];
    file.read_to_end(&mut bytes).map_err(StoreError::files(path))?;
    match bytes.try_into() {
        Ok(key) if private(&file) => Ok(Some(key)),
        _ => remove(path).map(|()| None),
    }
}

#[cfg(unix)]
fn private(file: &File) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|data| data.permissions().mode() & 0o077 == 0)
}

/// Elsewhere a file in the user's folder is the user's by default.
#[cfg(not(unix))]
fn private(_: &File) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(folder: &Path) -> Vec<PathBuf> {
        entries(folder).unwrap().into_iter().filter(|p| p.is_dir()).flat_map(|p| entries(&p).unwrap()).collect()
    }

    #[test]
    fn what_was_put_is_found_again_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let name = Artifacts::name(&[b"graph", b"avx2", b"0.1"]);
        Artifacts::open(folder.path(), 1 << 20).unwrap().put(&name, b"code").unwrap();
        let again = Artifacts::open(folder.path(), 1 << 20).unwrap();
        assert_eq!(again.get(&name).unwrap().as_deref(), Some(&b"code"[..]));
        assert_eq!(again.get(&Artifacts::name(&[b"graph", b"avx512", b"0.1"])).unwrap(), None);
        assert_eq!(again.counts(), Counts { found: 1, missing: 1, ..Counts::default() });
        assert_ne!(Artifacts::name(&[b"ab", b"c"]), Artifacts::name(&[b"a", b"bc"]));
    }

    #[test]
    fn every_damage_is_noticed_and_the_damaged_removed() {
        let folder = tempfile::tempdir().unwrap();
        let artifacts = Artifacts::open(folder.path(), 1 << 20).unwrap();
        let name = Artifacts::name(&[b"graph"]);
        artifacts.put(&name, b"some code").unwrap();
        let path = artifacts.path(&name);
        let whole = fs::read(&path).unwrap();
        for i in 0..=whole.len() {
            let mut damaged = whole.clone();
            match damaged.get_mut(i) {
                Some(byte) => *byte ^= 1,
                None => damaged.truncate(20),
            }
            fs::write(&path, damaged).unwrap();
            assert_eq!(artifacts.get(&name).unwrap(), None, "byte {i}");
            assert!(!path.exists());
        }
        // a whole artifact under another name, and one with another user's key
        let other = Artifacts::name(&[b"other"]);
        artifacts.put(&name, b"some code").unwrap();
        fs::create_dir_all(artifacts.path(&other).parent().unwrap()).unwrap();
        fs::copy(&path, artifacts.path(&other)).unwrap();
        assert_eq!(artifacts.get(&other).unwrap(), None);
        fs::remove_file(folder.path().join("key")).unwrap();
        assert_eq!(Artifacts::open(folder.path(), 1 << 20).unwrap().get(&name).unwrap(), None);
    }

    #[cfg(unix)]
    #[test]
    fn the_key_is_the_users_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let first = Artifacts::open(folder.path(), 1 << 20).unwrap().key;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(Artifacts::open(folder.path(), 1 << 20).unwrap().key, first);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert_ne!(Artifacts::open(folder.path(), 1 << 20).unwrap().key, first);
    }

    #[test]
    fn the_bound_is_kept_and_what_was_used_longest_ago_goes() {
        let folder = tempfile::tempdir().unwrap();
        let artifacts = Artifacts::open(folder.path(), 10_000).unwrap();
        let names: Vec<[u8; 32]> = (0..12u8).map(|i| Artifacts::name(&[&[i]])).collect();
        for (i, name) in names.iter().enumerate() {
            artifacts.put(name, &vec![i as u8; 1000]).unwrap();
            if let Ok(file) = File::open(artifacts.path(name)) {
                file.set_modified(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(i as u64)).unwrap();
            }
            // the first is used all the time
            artifacts.get(&names[0]).unwrap();
        }
        let bytes: u64 = files(folder.path()).iter().map(|p| fs::metadata(p).unwrap().len()).sum();
        assert!(bytes <= 10_000 && artifacts.counts().evicted > 0);
        assert!(artifacts.get(&names[0]).unwrap().is_some() && artifacts.get(&names[1]).unwrap().is_none());
        assert!(artifacts.get(&names[11]).unwrap().is_some());
    }

    /// Writers and readers that share a folder, each opened on its own as by another process: nobody ever reads half an artifact.
    #[test]
    fn many_may_use_a_folder_at_once() {
        let folder = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for writer in 0..4u8 {
                let folder = folder.path();
                scope.spawn(move || {
                    let artifacts = Artifacts::open(folder, 60_000).unwrap();
                    for round in 0..60u8 {
                        let name = Artifacts::name(&[&[round % 10]]);
                        artifacts.put(&name, &vec![round % 10; 4000 + 500 * usize::from(writer)]).unwrap();
                        if let Some(bytes) = artifacts.get(&Artifacts::name(&[&[(round + writer) % 10]])).unwrap() {
                            assert!(bytes.len() >= 4000 && bytes.iter().all(|b| *b == (round + writer) % 10));
                        }
                    }
                    assert_eq!(artifacts.counts().discarded, 0);
                });
            }
        });
    }
}
