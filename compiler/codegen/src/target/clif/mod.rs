//! Kernels as Cranelift functions: 128-bit vectors along rows or inner positions, scalar tails with the same bits.
//!
//! A compiled kernel is `extern "C" fn(buffers: *const *mut u8, row_start: u64, row_end: u64)`: the addresses of its buffers in the order of
//! [`Kernel::buffers`], and the rows to compute. Every result is a function of the kernel alone: not of how rows are divided over calls, nor
//! of what lies in the lanes.
mod affine;
mod body;
mod lanes;
mod math;
mod nest;
mod primitive;
mod random;
mod reduction;
mod rows;
#[cfg(test)]
mod tests;

use crate::{Kernel, Unsupported};
use body::Context;
use cranelift_codegen::ir::{AbiParam, Function, InstBuilder, MemFlagsData, Signature, UserFuncName, types};
use cranelift_codegen::isa::{self, TargetFrontendConfig, TargetIsa};
use cranelift_codegen::settings;
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use nest::Nest;

/// What of the machine decides the code.
#[derive(Clone, Copy)]
pub struct Machine {
    /// Calling convention and pointer width.
    pub frontend: TargetFrontendConfig,
    /// Whether there is a fused multiply-add instruction. Without one, polynomials multiply and add.
    pub fused_multiply_add: bool,
}

impl Machine {
    /// Of a machine that code is made for.
    pub fn of(isa: &dyn TargetIsa) -> Machine {
        let x86 = isa.name() == "x64";
        let fused = !x86 || isa.isa_flags().iter().any(|flag| flag.name == "has_fma" && flag.as_bool() == Some(true));
        Machine { frontend: isa.frontend_config(), fused_multiply_add: fused }
    }
    /// A current machine of the compiler's own architecture, to look at code; `None` where there is no back end for it.
    pub fn typical() -> Option<Machine> {
        let isa = isa::lookup_by_name(std::env::consts::ARCH).ok()?.finish(settings::Flags::new(settings::builder())).ok()?;
        Some(Machine { frontend: isa.frontend_config(), fused_multiply_add: true })
    }
}

/// The signature of every compiled kernel.
pub fn signature(machine: &Machine) -> Signature {
    let mut signature = Signature::new(machine.frontend.default_call_conv);
    signature.params = vec![AbiParam::new(types::I64); 3];
    signature
}

/// The function of a kernel.
///
/// # Errors
/// Element types without arithmetic on this target (f16, bf16), and kernels that contradict themselves.
pub fn build(kernel: &Kernel, machine: &Machine) -> Result<Function, Unsupported> {
    let nest = Nest::of(kernel)?;
    let mut function = Function::with_name_signature(UserFuncName::user(0, 0), signature(machine));
    let mut memory = FunctionBuilderContext::new();
    let mut builder = FunctionBuilder::new(&mut function, &mut memory);
    let entry = builder.create_block();
    builder.append_block_params_for_function_params(entry);
    builder.switch_to_block(entry);
    builder.seal_block(entry);
    let [table, start, end] = [0, 1, 2].map(|n| builder.block_params(entry)[n]);
    let flags = MemFlagsData::trusted().with_readonly().with_can_move();
    let buffers = (0..kernel.buffers.len()).map(|n| builder.ins().load(types::I64, flags, table, (n * 8) as i32)).collect();
    let mut context = Context { builder: &mut builder, fma: machine.fused_multiply_add, parameters: &kernel.buffers, buffers };
    rows::write(&mut context, &nest, kernel.registers.len(), start, end);
    builder.ins().return_(&[]);
    builder.finalize(machine.frontend);
    Ok(function)
}

/// The function as text, as `--emit clif` shows it.
///
/// # Errors
/// As [`build`].
pub fn print(kernel: &Kernel) -> Result<String, Unsupported> {
    let no_machine = || Unsupported::of_kernel(&kernel.name, format!("there is no back end for {}", std::env::consts::ARCH));
    let function = build(kernel, &Machine::typical().ok_or_else(no_machine)?)?;
    Ok(format!("; {}: {}\n{}", kernel.name, kernel.origin.join(", "), function.display()))
}
