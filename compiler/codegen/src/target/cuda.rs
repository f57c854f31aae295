//! Kernels as CUDA C text without headers, for NVRTC: one function a kernel, one thread a row, any number of blocks.
//!
//! A row's reductions run in one thread, so that they add in the order that the kernel says. Compile without contraction (`--fmad=false`).
use super::c_like::{Spelling, Writer};
use crate::{Access, Kernel, Program, Unsupported};
use esper_ir::{DType, Prim};
use esper_kernels::CUDA_PRELUDE;

/// The source of every kernel of a program.
///
/// # Errors
/// Element types without arithmetic here (f16, bf16).
pub fn emit_cuda(program: &Program) -> Result<String, Unsupported> {
    let kernels = program.kernels.iter().map(kernel).collect::<Result<Vec<_>, _>>()?;
    Ok(format!("{CUDA_PRELUDE}\n{}", kernels.join("\n")))
}

/// One function, without the prelude.
fn kernel(kernel: &Kernel) -> Result<String, Unsupported> {
    let types = kernel.buffers.iter().map(|b| b.dtype).chain(kernel.stages.iter().flat_map(|s| s.dtypes.iter().copied()));
    if let Some(dtype) = types.into_iter().find(|d| matches!(d, DType::F16 | DType::BF16)) {
        return Err(Unsupported::of_kernel(&kernel.name, format!("the CUDA target does not compute in {} yet", dtype.name())));
    }
    let parameter = |(n, b): (usize, &crate::BufferParameter)| {
        let constant = if b.access == Access::Read { "const " } else { "" };
        format!("{constant}{}* __restrict__ b{n}", memory_type(b.dtype))
    };
    let parameters: Vec<String> = kernel.buffers.iter().enumerate().map(parameter).collect();
    let mut writer = Writer::new(2);
    let mut rest = "(int)row".to_string();
    for (n, extent) in kernel.rows.iter().enumerate().rev() {
        let counter = if n == 0 { rest.clone() } else { format!("({rest}) % {extent}") };
        writer.line(&format!("const int r{n} = {counter};"));
        rest = format!("({rest}) / {extent}");
    }
    writer.row(kernel, &Cuda);
    Ok(format!(
        "// {}\nextern \"C\" __global__ void {}({}) {{\n    for (long long row = blockIdx.x * (long long)blockDim.x + threadIdx.x; row < {}LL; row += gridDim.x * (long long)blockDim.x) {{\n{}    }}\n}}\n",
        kernel.origin.join(", "),
        kernel.name,
        parameters.join(", "),
        kernel.row_count(),
        writer.text
    ))
}

fn memory_type(dtype: DType) -> &'static str {
    match dtype {
        DType::F32 | DType::F16 | DType::BF16 => "float",
        DType::I32 | DType::Bool => "int",
        DType::U8 => "unsigned char",
    }
}

struct Cuda;

impl Spelling for Cuda {
    fn type_name(&self, dtype: DType) -> &'static str {
        if dtype == DType::Bool { "bool" } else { memory_type(dtype) }
    }
    fn number(&self, value: f64, dtype: DType) -> String {
        match dtype {
            DType::F32 | DType::F16 | DType::BF16 => format!("__int_as_float({:#x})", (value as f32).to_bits()),
            DType::I32 if value as i32 == i32::MIN => "(-2147483647 - 1)".into(),
            DType::I32 | DType::U8 => format!("{}", value as i32),
            DType::Bool => format!("{}", value != 0.0),
        }
    }
    fn constant(&self, name: &str, dtype: DType, value: &str) -> String {
        format!("const {} {name} = {value};", self.type_name(dtype))
    }
    fn variable(&self, name: &str, dtype: DType, value: &str) -> String {
        format!("{} {name} = {value};", self.type_name(dtype))
    }
    fn lanes(&self, name: &str, dtype: DType, start: &str) -> String {
        format!("{} {name}[16]; for (int lane = 0; lane < 16; lane++) {{ {name}[lane] = {start}; }}", self.type_name(dtype))
    }
    fn loop_head(&self, counter: &str, extent: usize) -> String {
        format!("for (int {counter} = 0; {counter} < {extent}; {counter}++) {{")
    }
    fn load(&self, buffer: usize, index: &str, dtype: DType) -> String {
        let element = format!("b{buffer}[{index}]");
        if dtype == DType::Bool { format!("{element} != 0") } else { element }
    }
    fn store(&self, buffer: usize, index: &str, value: &str, dtype: DType) -> String {
        let value = if dtype == DType::Bool { format!("{value} ? 1 : 0") } else { value.to_string() };
        format!("b{buffer}[{index}] = {value};")
    }
    fn choose(&self, condition: &str, then: &str, otherwise: &str) -> String {
        format!("({condition}) ? ({then}) : ({otherwise})")
    }
    fn apply(&self, prim: Prim, a: &[String], dtype: DType) -> String {
        let call = |name: &str| format!("{name}({})", a.join(", "));
        let infix = |operator: &str| format!("{} {operator} {}", a[0], a[1]);
        let float = dtype.is_float();
        match prim {
            Prim::Neg => format!("-{}", a[0]),
            Prim::Exp => call("expf"),
            Prim::Log => call("logf"),
            Prim::Sqrt => call("sqrtf"),
            Prim::Rsqrt => format!("1.0f / sqrtf({})", a[0]),
            Prim::Reciprocal => format!("1.0f / {}", a[0]),
            Prim::Sin => call("sinf"),
            Prim::Cos => call("cosf"),
            Prim::Tanh => call("hyperbolic_tangent"),
            Prim::Erf => call("error_function"),
            Prim::ErfInv => call("inverse_error_function"),
            Prim::Abs => call(if float { "fabsf" } else { "abs" }),
            Prim::Sign if float => call("sign_of"),
            Prim::Sign => format!("({0} > 0) - ({0} < 0)", a[0]),
            Prim::Floor | Prim::Ceil | Prim::Round if !float => a[0].clone(),
            Prim::Floor => call("floorf"),
            Prim::Ceil => call("ceilf"),
            Prim::Round => call("rintf"),
            Prim::Not => format!("!{}", a[0]),
            Prim::Add => infix("+"),
            Prim::Sub => infix("-"),
            Prim::Mul => infix("*"),
            Prim::Div if float => infix("/"),
            Prim::Div => format!("{1} == 0 ? 0 : {0} / {1}", a[0], a[1]),
            Prim::Maximum => call(if float { "greater" } else { "max" }),
            Prim::Minimum => call(if float { "lesser" } else { "min" }),
            Prim::Pow if float => call("power"),
            Prim::Pow => format!("(int)power((float){}, (float){})", a[0], a[1]),
            Prim::Rem if float => call("floored_remainder"),
            Prim::Rem => format!("{1} == 0 ? 0 : floor_remainder({0}, {1})", a[0], a[1]),
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
        match (from, to) {
            (_, DType::Bool) => format!("{value} != 0"),
            (DType::F32 | DType::F16 | DType::BF16, DType::U8) => format!("(unsigned char)min(max(__float2int_rz({value}), 0), 255)"),
            (DType::F32 | DType::F16 | DType::BF16, DType::I32) => format!("__float2int_rz({value})"),
            _ => format!("({})({value})", self.type_name(to)),
        }
    }
    fn random(&self, key: usize, stream: u64, index: &str) -> String {
        let word = |n: usize| format!("(unsigned)b{key}[{n}]");
        let (low, high) = (stream as u32, (stream >> 32) as u32);
        format!("uniform_number({}, {}, {}, {low:#x}u, {high:#x}u, (unsigned)({index}))", word(0), word(1), word(2))
    }
}
