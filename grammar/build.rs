//! Generates the parser from `src/blueprint.lalrpop`.
fn main() {
    if let Err(problem) = lalrpop::process_src() {
        eprintln!("{problem}");
        std::process::exit(1);
    }
}
