//! Names that are known everywhere: element types, kinds, values and functions of the language itself.

/// Element types; in expressions they stand as arguments: `cast(x, bf16)`.
pub(super) const ELEMENT_TYPES: [&str; 6] = ["f32", "f16", "bf16", "i32", "u8", "bool"];

/// Kinds of compile-time parameters (`bool` is an element type and a kind).
pub(super) const KINDS: [&str; 9] = ["dim", "int", "float", "str", "time", "axis", "fn", "init", "blueprint"];

/// Values and functions that need no `use`.
pub(super) fn builtins() -> impl Iterator<Item = &'static str> {
    const WORDS: [&str; 2] = ["inf", "training"];
    WORDS.into_iter().chain(FUNCTIONS)
}

/// Whether a name is known everywhere in expressions.
pub(super) fn is_builtin(name: &str) -> bool {
    ELEMENT_TYPES.contains(&name) || builtins().any(|b| b == name)
}

/// Functions of the language.
const FUNCTIONS: [&str; 75] = [
    "abs",
    "align",
    "all",
    "any",
    "argmax",
    "avg_pool",
    "bernoulli",
    "broadcast",
    "cast",
    "ceil",
    "clamp",
    "concat",
    "conv",
    "cos",
    "dropout",
    "einsum",
    "epochs",
    "erf",
    "erf_inv",
    "exp",
    "expand",
    "flatten",
    "flip",
    "floor",
    "gather",
    "iota",
    "len",
    "lerp",
    "log",
    "log1p",
    "expm1",
    "max",
    "max_pool",
    "maximum",
    "mean",
    "min",
    "minimum",
    "normal",
    "one_hot",
    "ones",
    "pad",
    "random_int",
    "range",
    "rank",
    "rearrange",
    "reshape",
    "round",
    "rsqrt",
    "scatter_add",
    "share",
    "sigmoid",
    "sign",
    "sin",
    "size",
    "split",
    "sqrt",
    "stack",
    "steps",
    "stop_gradient",
    "sum",
    "take_along",
    "tan",
    "tanh",
    "transpose",
    "uniform",
    "variance",
    "where",
    "zeros",
    "argmin",
    "full",
    "tril",
    "triu",
    "squeeze",
    "unsqueeze",
    "prod",
];
