//! What the tests share: where the project lies, and the tensors that the recorded PyTorch values were computed from.
pub mod harness;
pub mod mutate;
pub mod suite;

use std::path::{Path, PathBuf};

/// The project's root folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests lie in the project").to_path_buf()
}

/// The numbers that `tests/reference/record.py` fills tensors with: `scale` times a hash of the position, in [-1, 1).
pub fn fill(salt: u64, count: usize, scale: f64, shift: f64) -> Vec<f32> {
    let number = |i: u64| {
        let h = (i.wrapping_mul(2_654_435_761).wrapping_add(salt.wrapping_mul(340_573_321))) % (1 << 32);
        let h = ((h ^ (h >> 15)) * 2_246_822_519) % (1 << 32);
        let unit = (h >> 9) as f64 / f64::from(1u32 << 22) - 1.0;
        // the script rounds to float32 before it shifts
        (unit * scale) as f32 + shift as f32
    };
    (0..count as u64).map(number).collect()
}

/// Every file of the project that ends in one of these, without build products; sorted.
pub fn files(extensions: &[&str]) -> Vec<PathBuf> {
    fn walk(folder: &Path, extensions: &[&str], found: &mut Vec<PathBuf>) {
        let Ok(entries) = std::fs::read_dir(folder) else { return };
        for entry in entries.flatten() {
            let path = entry.path();
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with('.') || ["target", "runs", "node_modules"].contains(&name.as_ref()) {
                continue;
            }
            if path.is_dir() {
                walk(&path, extensions, found);
            } else if extensions.iter().any(|e| name.ends_with(e)) {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root(), extensions, &mut found);
    found.sort();
    found
}
