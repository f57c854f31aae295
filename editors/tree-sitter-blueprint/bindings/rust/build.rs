//! Compiles the generated parser and the scanner of line ends.
fn main() {
    let sources = ["src/parser.c", "src/scanner.c"];
    // what the generator writes has unused parts
    cc::Build::new().std("c11").include("src").warnings(false).files(sources).compile("tree-sitter-blueprint");
    for source in sources {
        println!("cargo:rerun-if-changed={source}");
    }
}
