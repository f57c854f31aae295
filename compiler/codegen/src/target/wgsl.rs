//! Kernels as WGSL text: one module a kernel, one invocation a row, workgroups flattened over two dispatch axes.
//!
//! Every buffer is a storage binding of group 0, in the order of the kernel's parameters; a bool is an i32 of 0 or 1 in memory.
use super::c_like::{Spelling, Writer};
use crate::{Access, Kernel, Program, Unsupported};
use esper_ir::{DType, Prim};
use esper_kernels::WGSL_PRELUDE;

/// Invocations of one workgroup.
pub const WORKGROUP: usize = 64;
/// The most workgroups along one dispatch axis that every device allows.
pub const MOST_GROUPS: usize = 65535;

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
        return Err(Unsupported::of_kernel(&kernel.name, format!("WGSL does not have {}", dtype.name())));
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
        "{WGSL_PRELUDE}\n{bindings}@compute @workgroup_size({WORKGROUP})\nfn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {{\n{}}}\n",
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
            Prim::Sign => call(if float { "sign_of" } else { "sign" }),
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
        let word = |n: usize| format!("u32(b{key}[{n}])");
        let (low, high) = (stream as u32, (stream >> 32) as u32);
        format!("uniform_number({}, {}, {}, {low:#x}u, {high:#x}u, u32({index}))", word(0), word(1), word(2))
    }
}
