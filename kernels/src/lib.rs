//! Hand-written device text, as data: what code generation puts before the kernels that it writes for a target.

/// CUDA C that every translation unit starts with. Each function's contract stands above it in the file.
pub const CUDA_PRELUDE: &str = include_str!("../prelude.cu");

/// WGSL that every module starts with: the functions of [`CUDA_PRELUDE`], under the same names and contracts.
pub const WGSL_PRELUDE: &str = include_str!("../prelude.wgsl");

#[cfg(test)]
mod tests {
    use super::*;

    /// Name and number of parameters of every function whose declaration follows `keyword` at the start of a line.
    fn declared(text: &str, keyword: &str) -> Vec<(String, usize)> {
        let declarations = text.lines().filter_map(|line| line.strip_prefix(keyword));
        declarations
            .map(|line| {
                let (head, rest) = line.split_once('(').expect("a declaration has parameters");
                let parameters = rest.split_once(')').expect("on one line").0;
                let name = head.rsplit(' ').next().expect("a name").to_string();
                (name, parameters.split(',').count())
            })
            .collect()
    }

    #[test]
    fn both_targets_declare_the_same_functions() {
        let cuda = declared(CUDA_PRELUDE, "__device__ inline ");
        assert!(cuda.contains(&("uniform_number".into(), 6)), "{cuda:?}");
        assert_eq!(cuda, declared(WGSL_PRELUDE, "fn "));
    }

    #[test]
    fn every_function_has_the_same_contract_on_both_targets() {
        // The comment's first sentence says what a function promises; what follows may tell how a target keeps the promise.
        let promise = |text: &str, name: &str| -> String {
            let lines: Vec<&str> = text.lines().collect();
            let call = format!("{name}(");
            let at =
                lines.iter().position(|l| (l.starts_with("fn ") || l.starts_with("__device__")) && l.contains(&call)).expect("declared");
            let first = (0..at).rev().take_while(|&i| lines[i].starts_with("// ")).last().expect("a contract");
            lines[first].split([':', '.']).next().expect("a sentence").to_string()
        };
        for (name, _) in declared(WGSL_PRELUDE, "fn ") {
            assert_eq!(promise(CUDA_PRELUDE, &name), promise(WGSL_PRELUDE, &name), "{name}");
        }
    }
}
