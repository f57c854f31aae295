//! Tells the command which profile it was built with, so that a debug build can say that it is slow.
fn main() {
    println!("cargo:rustc-env=ESPERC_PROFILE={}", std::env::var("PROFILE").unwrap_or_default());
    println!("cargo:rerun-if-changed=build.rs");
}
