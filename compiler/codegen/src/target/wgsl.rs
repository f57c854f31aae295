//! Kernels as WGSL text: one module a kernel, one invocation a row, workgroups flattened over two dispatch axes.
//!
//! Every buffer is a storage binding of group 0, in the order of the kernel's parameters; a bool is an i32 of 0 or 1 in memory.
use super::c_like::{Spelling, Writer};
use crate::{Access, Kernel, Program, Unsupported};
use esper_ir::{DType, Prim};

/// Invocations of one workgroup.
pub const WORKGROUP: usize = 64;
/// The most workgroups along one dispatch axis that every device allows.
pub const MOST_GROUPS: usize = 65535;

/// Functions that WGSL lacks or defines otherwise. The error function is its Taylor series below 1/2 and the complement of Numerical Recipes (3rd ed.,
/// 6.2.2) above; its inverse is that of M. Giles, "Approximating the erfinv function", 2010.
const PRELUDE: &str = r"fn floor_quotient(a: i32, n: i32) -> i32 { let q = a / n; return select(q, q - 1, q * n > a); }
fn floor_remainder(a: i32, n: i32) -> i32 { return a - floor_quotient(a, n) * n; }
fn is_nan(a: f32) -> bool { return (bitcast<u32>(a) & 0x7fffffffu) > 0x7f800000u; }
fn greater(a: f32, b: f32) -> f32 { return select(select(b, a, a > b || is_nan(a)), b, is_nan(b)); }
fn lesser(a: f32, b: f32) -> f32 { return select(select(b, a, a < b || is_nan(a)), b, is_nan(b)); }
fn floored_remainder(a: f32, b: f32) -> f32 { return a - b * floor(a / b); }
fn hyperbolic_tangent(x: f32) -> f32 { return tanh(clamp(x, -15.0, 15.0)); }
fn power(a: f32, b: f32) -> f32 {
    if (b == 0.0) { return 1.0; }
    let magnitude = pow(abs(a), b);
    let odd = floor(b * 0.5) * 2.0 != b;
    return select(magnitude, -magnitude, a < 0.0 && odd);
}
fn error_function(x: f32) -> f32 {
    let a = abs(x);
    if (a < 0.5) {
        let q = x * x;
        return x * (1.1283791671 + q * (-0.3761263890 + q * (0.1128379167 + q * (-0.0268661706 + q * (0.0052239776 - q * 0.0008548327)))));
    }
    let t = 1.0 / (1.0 + 0.5 * a);
    let s = -a * a - 1.26551223 + t * (1.00002368 + t * (0.37409196 + t * (0.09678418 + t * (-0.18628806 + t * (0.27886807
        + t * (-1.13520398 + t * (1.48851587 + t * (-0.82215223 + t * 0.17087277))))))));
    return sign(x) * (1.0 - t * exp(s));
}
fn inverse_error_function(x: f32) -> f32 {
    var w = -log((1.0 - x) * (1.0 + x));
    var p = 0.0;
    if (w < 5.0) {
        w = w - 2.5;
        p = 1.50140941 + w * (0.246640727 + w * (-0.00417768164 + w * (-0.00125372503 + w * (0.000218580870 + w * (-4.39150654e-06
            + w * (-3.52338770e-06 + w * (3.43273939e-07 + w * 2.81022636e-08)))))));
    } else {
        w = sqrt(w) - 3.0;
        p = 2.83297682 + w * (1.00167406 + w * (0.00943887047 + w * (-0.00762246130 + w * (0.00573950773 + w * (-0.00367342844
            + w * (0.00134934322 + w * (0.000100950558 + w * -0.000200214257)))))));
    }
    return p * x;
}
fn high_product(a: u32, b: u32) -> u32 {
    let a0 = a & 0xffffu; let a1 = a >> 16u; let b0 = b & 0xffffu; let b1 = b >> 16u;
    let middle = a1 * b0 + ((a0 * b0) >> 16u);
    let other = a0 * b1 + (middle & 0xffffu);
    return a1 * b1 + (middle >> 16u) + (other >> 16u);
}
fn uniform_number(key: vec3<u32>, low: u32, high: u32, position: u32) -> f32 {
    var c = vec4<u32>(position, key.z, low, high);
    var k = key.xy;
    for (var round = 0; round < 10; round++) {
        let h0 = high_product(0xD2511F53u, c.x); let l0 = 0xD2511F53u * c.x;
        let h1 = high_product(0xCD9E8D57u, c.z); let l1 = 0xCD9E8D57u * c.z;
        c = vec4<u32>(h1 ^ c.y ^ k.x, l1, h0 ^ c.w ^ k.y, l0);
        k = k + vec2<u32>(0x9E3779B9u, 0xBB67AE85u);
    }
    return f32(c.x >> 8u) * 5.9604644775390625e-8;
}
";

/// The modules of a program, each after a line with its kernel's name.
///
/// # Errors
/// As [`emit_wgsl_kernel`].
pub fn emit_wgsl(program: &Program) -> Result<String, Unsupported> {
    let modules = program.kernels.iter().map(|k| Ok(format!("// ---- {}\n{}", k.name, emit_wgsl_kernel(k)?)));
    Ok(modules.collect::<Result<Vec<_>, _>>()?.join("\n"))
}

/// The module of a kernel; its entry point is `main`.
///
/// # Errors
/// Element types other than f32, i32 and bool.
pub fn emit_wgsl_kernel(kernel: &Kernel) -> Result<String, Unsupported> {
    let types = kernel.buffers.iter().map(|b| b.dtype).chain(kernel.stages.iter().flat_map(|s| s.dtypes.iter().copied()));
    if let Some(dtype) = types.into_iter().find(|d| !matches!(d, DType::F32 | DType::I32 | DType::Bool)) {
        return Err(Unsupported::new(format!("kernel {} needs {}, which WGSL does not have", kernel.name, dtype.name())));
    }
    let bindings: String = kernel
        .buffers
        .iter()
        .enumerate()
        .map(|(n, b)| {
            let access = if b.access == Access::Read { "read" } else { "read_write" };
            let element = if b.dtype == DType::F32 { "f32" } else { "i32" };
            format!("@group(0) @binding({n}) var<storage, {access}> b{n}: array<{element}>;\n")
        })
        .collect();
    let mut writer = Writer::new(1);
    writer.line(&format!("let row = i32((group.y * {MOST_GROUPS}u + group.x) * {WORKGROUP}u + thread);"));
    writer.line(&format!("if (row >= {}) {{ return; }}", kernel.row_count()));
    let mut rest = "row".to_string();
    for (n, extent) in kernel.rows.iter().enumerate().rev() {
        let counter = if n == 0 { rest.clone() } else { format!("({rest}) % {extent}") };
        writer.line(&format!("let r{n} = {counter};"));
        rest = format!("({rest}) / {extent}");
    }
    writer.row(kernel, &Wgsl);
    Ok(format!(
        "{PRELUDE}{bindings}@compute @workgroup_size({WORKGROUP})\nfn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {{\n{}}}\n",
        writer.text
    ))
}

struct Wgsl;

impl Spelling for Wgsl {
    fn type_name(&self, dtype: DType) -> &'static str {
        match dtype {
            DType::F32 | DType::F16 | DType::BF16 => "f32",
            DType::I32 | DType::U8 => "i32",
            DType::Bool => "bool",
        }
    }
    fn number(&self, value: f64, dtype: DType) -> String {
        match dtype {
            // WGSL refuses constants that are not finite; bits that come from a variable are not constants.
            DType::F32 | DType::F16 | DType::BF16 if !(value as f32).is_finite() => {
                format!("bitcast<f32>({:#x}u | u32(row < 0))", (value as f32).to_bits())
            }
            DType::F32 | DType::F16 | DType::BF16 => format!("f32({:?})", value as f32),
            DType::I32 | DType::U8 if value as i32 == i32::MIN => "(-2147483647 - 1)".into(),
            DType::I32 | DType::U8 => format!("i32({})", value as i32),
            DType::Bool => format!("{}", value != 0.0),
        }
    }
    fn constant(&self, name: &str, dtype: DType, value: &str) -> String {
        format!("let {name}: {} = {value};", self.type_name(dtype))
    }
    fn variable(&self, name: &str, dtype: DType, value: &str) -> String {
        format!("var {name}: {} = {value};", self.type_name(dtype))
    }
    fn lanes(&self, name: &str, dtype: DType, start: &str) -> String {
        format!("var {name}: array<{}, 16>; for (var lane = 0; lane < 16; lane++) {{ {name}[lane] = {start}; }}", self.type_name(dtype))
    }
    fn loop_head(&self, counter: &str, extent: usize) -> String {
        format!("for (var {counter} = 0; {counter} < {extent}; {counter}++) {{")
    }
    fn load(&self, buffer: usize, index: &str, dtype: DType) -> String {
        let element = format!("b{buffer}[{index}]");
        if dtype == DType::Bool { format!("{element} != 0") } else { element }
    }
    fn store(&self, buffer: usize, index: &str, value: &str, dtype: DType) -> String {
        let value = if dtype == DType::Bool { format!("i32({value})") } else { value.to_string() };
        format!("b{buffer}[{index}] = {value};")
    }
    fn choose(&self, condition: &str, then: &str, otherwise: &str) -> String {
        format!("select({otherwise}, {then}, {condition})")
    }
    fn apply(&self, prim: Prim, a: &[String], dtype: DType) -> String {
        let call = |name: &str| format!("{name}({})", a.join(", "));
        let infix = |operator: &str| format!("{} {operator} {}", a[0], a[1]);
        let float = dtype.is_float();
        match prim {
            Prim::Neg => format!("-{}", a[0]),
            Prim::Exp => call("exp"),
            Prim::Log => call("log"),
            Prim::Sqrt => call("sqrt"),
            Prim::Rsqrt => format!("1.0 / sqrt({})", a[0]),
            Prim::Reciprocal => format!("1.0 / {}", a[0]),
            Prim::Sin => call("sin"),
            Prim::Cos => call("cos"),
            Prim::Tanh => call("hyperbolic_tangent"),
            Prim::Erf => call("error_function"),
            Prim::ErfInv => call("inverse_error_function"),
            Prim::Abs => call("abs"),
            Prim::Sign => call("sign"),
            Prim::Floor | Prim::Ceil | Prim::Round if !float => a[0].clone(),
            Prim::Floor => call("floor"),
            Prim::Ceil => call("ceil"),
            Prim::Round => call("round"),
            Prim::Not => format!("!{}", a[0]),
            Prim::Add => infix("+"),
            Prim::Sub => infix("-"),
            Prim::Mul => infix("*"),
            Prim::Div if float => infix("/"),
            Prim::Div => format!("select({0} / {1}, 0, {1} == 0)", a[0], a[1]),
            Prim::Maximum => call(if float { "greater" } else { "max" }),
            Prim::Minimum => call(if float { "lesser" } else { "min" }),
            Prim::Pow if float => call("power"),
            Prim::Pow => format!("i32(power(f32({}), f32({})))", a[0], a[1]),
            Prim::Rem if float => call("floored_remainder"),
            Prim::Rem => format!("select(floor_remainder({0}, {1}), 0, {1} == 0)", a[0], a[1]),
            Prim::Equal => infix("=="),
            Prim::NotEqual => infix("!="),
            Prim::Less => infix("<"),
            Prim::LessEqual => infix("<="),
            Prim::And => infix("&&"),
            Prim::Or => infix("||"),
            Prim::Select => self.choose(&a[0], &a[1], &a[2]),
        }
    }
    fn cast(&self, value: &str, from: DType, to: DType) -> String {
        match to {
            DType::Bool if from == DType::Bool => value.to_string(),
            DType::Bool if from.is_float() => format!("{value} != 0.0"),
            DType::Bool => format!("{value} != 0"),
            _ => format!("{}({value})", self.type_name(to)),
        }
    }
    fn random(&self, key: usize, stream: u64, index: &str) -> String {
        let key = format!("vec3<u32>(u32(b{key}[0]), u32(b{key}[1]), u32(b{key}[2]))");
        format!("uniform_number({key}, {:#x}u, {:#x}u, u32({index}))", stream as u32, (stream >> 32) as u32)
    }
}
