//! `.espb`: what is written is read, and what is not right is named.
use crate::{Artifact, ArtifactError, Session};
use std::path::Path;

fn artifact() -> Artifact {
    let built = Session::new().build(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/digits.blueprint"), None, &[]);
    built.expect("the example builds")
}

#[test]
fn an_artifact_is_read_as_it_was_written() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("model.espb");
    let artifact = artifact();
    artifact.write(&path).expect("written");
    let read = Artifact::read(&path).expect("read");
    assert_eq!(read.to_bytes().expect("bytes"), artifact.to_bytes().expect("bytes"));
    assert_eq!(read.sources, artifact.sources);
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1, "no part file is left");
}

#[test]
fn every_truncation_and_every_change_of_a_byte_is_noticed() {
    let bytes = artifact().to_bytes().expect("bytes");
    let path = Path::new("model.espb");
    for length in [0, 1, 7, 8, 11, 13, 30, 60, bytes.len() / 2, bytes.len() - 1] {
        let error = Artifact::from_bytes(&bytes[..length], path).expect_err("too short");
        assert!(matches!(error, ArtifactError::Truncated(_) | ArtifactError::Foreign(_)), "{length}: {error}");
    }
    for position in [70, bytes.len() / 2, bytes.len() - 1] {
        let mut changed = bytes.clone();
        changed[position] ^= 0x40;
        assert!(matches!(Artifact::from_bytes(&changed, path), Err(ArtifactError::Damaged(_) | ArtifactError::Truncated(_))), "{position}");
    }
}

#[test]
fn foreign_files_and_other_formats_are_named() {
    let path = Path::new("model.espb");
    let foreign = Artifact::from_bytes(b"blueprint A {}", path).expect_err("foreign");
    assert_eq!(foreign.to_string(), "model.espb is not a compiled blueprint (.espb)");
    let mut newer = artifact().to_bytes().expect("bytes");
    newer[8..12].copy_from_slice(&9u32.to_le_bytes());
    let said = Artifact::from_bytes(&newer, path).expect_err("newer").to_string();
    assert!(said.contains("newer format 9"), "{said}");
}
