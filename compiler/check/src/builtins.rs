//! The functions of the language itself: one table that the check, hovers, documentation and did-you-mean read.

/// A function of the language.
#[derive(Clone, Copy, Debug)]
pub struct BuiltinInfo {
    /// Its name.
    pub name: &'static str,
    /// Its parameters as a user would write them; `…` stands for any number of further arguments.
    pub signature: &'static str,
    /// What it gives, in a sentence or two.
    pub doc: &'static str,
}

const fn entry(name: &'static str, signature: &'static str, doc: &'static str) -> BuiltinInfo {
    BuiltinInfo { name, signature, doc }
}

/// All of them, by families.
pub const BUILTINS: &[BuiltinInfo] = &[
    // ---- elementwise; on numbers known to the compiler they are computed by it
    entry("abs", "abs(x)", "Without the sign."),
    entry("ceil", "ceil(x)", "The smallest whole number not below `x`. `ceil(a / b)` of sizes is a size."),
    entry("cos", "cos(x)", "The cosine of an angle in radians."),
    entry("erf", "erf(x)", "The error function."),
    entry("erf_inv", "erf_inv(x)", "The inverse of the error function, on (-1, 1)."),
    entry("exp", "exp(x)", "e to the power `x`."),
    entry("floor", "floor(x)", "The largest whole number not above `x`. `floor(a / b)` of sizes is a size."),
    entry("log", "log(x)", "The natural logarithm."),
    entry("reciprocal", "reciprocal(x)", "1 / x."),
    entry("round", "round(x)", "The nearest whole number, halves to even."),
    entry("rsqrt", "rsqrt(x)", "1 / √x."),
    entry("sign", "sign(x)", "-1, 0 or 1."),
    entry("sin", "sin(x)", "The sine of an angle in radians."),
    entry("sqrt", "sqrt(x)", "The square root."),
    entry("tan", "tan(x)", "The tangent of an angle in radians."),
    entry("tanh", "tanh(x)", "The hyperbolic tangent."),
    entry("maximum", "maximum(x, y)", "The larger one of each pair of elements. (The largest of an axis is `max`.)"),
    entry("minimum", "minimum(x, y)", "The smaller one of each pair of elements."),
    entry("where", "where(condition, x, y)", "`x` where the condition holds, `y` elsewhere, element by element."),
    entry("clamp", "clamp(x, low, high)", "`x`, but not below `low` and not above `high`."),
    entry("lerp", "lerp(a, b, t)", "`a + t * (b - a)`."),
    entry(
        "cast",
        "cast(x, to)",
        "The elements as another element type: `cast(x, f32)`. Towards whole numbers it cuts off; towards bool it is `!= 0`.",
    ),
    entry("stop_gradient", "stop_gradient(x)", "`x`, through which no gradient passes."),
    // ---- over axes
    entry("sum", "sum(x, axis = all, keep = false)", "The sum over axes, given by number or by name; with `keep` they stay with size 1."),
    entry("mean", "mean(x, axis = all, keep = false)", "The mean over axes."),
    entry("variance", "variance(x, axis = all, keep = false)", "The mean squared distance from the mean (divided by the count)."),
    entry("max", "max(x, axis = all, keep = false)", "The largest element over axes; of two sizes, the larger one."),
    entry("min", "min(x, axis = all, keep = false)", "The smallest element over axes; of two sizes, the smaller one."),
    entry("argmax", "argmax(x, axis = -1, keep = false)", "The position of the first largest element along an axis, i32."),
    entry("argmin", "argmin(x, axis = -1, keep = false)", "The position of the first smallest element along an axis, i32."),
    // ---- movement
    entry("reshape", "reshape(x, shape)", "The same elements, row by row, under another shape of the same number of elements."),
    entry("transpose", "transpose(x, axes = last)", "The last two axes exchanged, or all axes in the order given."),
    entry("align", "align(x, like)", "`x` with each of its axes standing on the axis of `like` that is it, and size 1 elsewhere."),
    entry("broadcast", "broadcast(x, like)", "`x` repeated to a shape, or to the shape of a tensor."),
    entry("expand", "expand(x, shape)", "`x` repeated to a shape: axes of size 1 become what the shape says."),
    entry("concat", "concat(parts, axis)", "Tensors one after the other along an axis: `concat([a, b], axis = 1)`."),
    entry("stack", "stack(parts, axis = 0)", "Tensors of one type along a new axis."),
    entry("split", "split(x, parts, axis = -1)", "Equal parts along an axis, or parts of the sizes in a list."),
    entry("pad", "pad(x, axis, low = 0, high = 0, value = 0)", "A number put before and after the elements of axes."),
    entry("flip", "flip(x, axis)", "Backwards along axes."),
    // ---- indexed
    entry("gather", "gather(table, indices, axis = 0)", "Entries of an axis by number: the axis is replaced by the indices' axes."),
    entry("take_along", "take_along(x, indices, axis)", "Along an axis, the element that the index at the same place says."),
    entry(
        "scatter_add",
        "scatter_add(indices, updates, size, axis = 0)",
        "Zeros with `size` places, to which each update is added where its index says.",
    ),
    entry("one_hot", "one_hot(indices, classes)", "A new last axis that is 1 at the index and 0 elsewhere, f32."),
    // ---- contractions and windows
    entry("einsum", "einsum(pattern, …)", "Sums of products by letters: `einsum(\"b i, o i -> b o\", x, w)`."),
    entry(
        "rearrange",
        "rearrange(x, pattern, …)",
        "Axes taken apart, reordered and put together: `rearrange(x, \"b t (h d) -> b h t d\", h = heads)`.",
    ),
    entry(
        "conv",
        "conv(x, weight, stride = 1, padding = 0, dilation = 1, groups = 1)",
        "Convolution over the axes after the channels: `x` is [b, in, h, w] (or [b, in, t]), `weight` [out, in / groups, kh, kw].",
    ),
    entry("max_pool", "max_pool(x, kernel, stride = kernel, padding = 0)", "The largest element of each window of the last axes."),
    entry("avg_pool", "avg_pool(x, kernel, stride = kernel, padding = 0)", "The mean of each window of the last axes, padding counted."),
    // ---- made from nothing: they take a shape, or a tensor to be like; as an initialiser they wait for it
    entry("zeros", "zeros(shape)", "0 everywhere."),
    entry("ones", "ones(shape)", "1 everywhere."),
    entry("full", "full(shape, value)", "A number everywhere."),
    entry("iota", "iota(shape, axis = 0)", "0, 1, 2 … along an axis, i32."),
    entry("uniform", "uniform(shape, low = 0, high = 1)", "Random numbers, equally likely between `low` and `high`."),
    entry("normal", "normal(shape, mean = 0, std = 1)", "Normally distributed random numbers."),
    entry("bernoulli", "bernoulli(shape, p = 0.5)", "Random truths that are true with probability `p`."),
    entry("random_int", "random_int(shape, low = 0, high)", "Random whole numbers from `low` to below `high`, i32."),
    // ---- known to the compiler
    entry("range", "range(start, stop = none)", "The list 0, 1 … below a number, or from one number to below another."),
    entry("len", "len(list)", "How many elements a list has."),
    entry("rank", "rank(x)", "How many axes a tensor has."),
    entry("size", "size(axes)", "The product of the sizes behind `..space`, or the number of elements of a tensor."),
    entry("steps", "steps(n)", "A time of that many steps."),
    entry("epochs", "epochs(n)", "A time of that many passes over the training data."),
    entry("share", "share(x)", "A time that is a share of the run."),
];

/// The names of all functions of the language.
pub fn names() -> impl Iterator<Item = &'static str> {
    BUILTINS.iter().map(|b| b.name)
}

/// The place of a function in the table.
pub(crate) fn position(name: &str) -> Option<usize> {
    BUILTINS.iter().position(|b| b.name == name)
}

/// The parameters of a signature: name and whether it may be left out. `…` is not among them.
pub fn parameters(signature: &'static str) -> Vec<(&'static str, bool)> {
    let inner = signature.split_once('(').map_or("", |(_, rest)| rest.trim_end_matches(')'));
    inner
        .split(", ")
        .filter(|p| !p.is_empty() && *p != "…")
        .map(|p| match p.split_once(" = ") {
            Some((name, _)) => (name, true),
            None => (p, false),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_name_their_function_and_no_name_stands_twice() {
        for (i, b) in BUILTINS.iter().enumerate() {
            assert!(b.signature.starts_with(&format!("{}(", b.name)), "{}", b.name);
            assert_eq!(position(b.name), Some(i));
            assert!(!b.doc.is_empty());
        }
        assert_eq!(parameters("mean(x, axis = all, keep = false)"), [("x", false), ("axis", true), ("keep", true)]);
    }
}
