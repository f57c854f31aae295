//! The processor as a device: its compiler, its worker threads, and what programs are checked for before they run.
use super::arena::CpuMemory;
use super::code::Compiler;
use super::executable::CpuExecutable;
use super::workers::Workers;
use crate::{Device, DeviceError, Executable, Memory};
use esper_codegen::Program;
use std::sync::Arc;

/// How the processor is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuOptions {
    /// Threads that compute; `None`: as many as the machine has. Results do not depend on it.
    pub threads: Option<usize>,
}

/// More threads than this are refused rather than asked of the operating system.
const MOST_THREADS: usize = 512;

/// The processor.
pub struct Processor {
    compiler: Arc<Compiler>,
    workers: Arc<Workers>,
}

impl Processor {
    /// Starts the worker threads.
    ///
    /// # Errors
    /// A processor that code cannot be made for, or more threads than are supported.
    pub fn open(options: CpuOptions) -> Result<Processor, DeviceError> {
        let available = || std::thread::available_parallelism().map_or(1, usize::from);
        let threads = options.threads.unwrap_or_else(available).max(1);
        if threads > MOST_THREADS {
            return Err(DeviceError::Machine { message: format!("{threads} threads; at most {MOST_THREADS} are supported") });
        }
        Ok(Processor { compiler: Arc::new(Compiler::new()?), workers: Arc::new(Workers::new(threads)) })
    }
    /// Compiles the kernels of several programs together, so that loading them finds all code ready.
    ///
    /// # Errors
    /// A kernel that cannot be compiled.
    pub fn prepare(&self, programs: &[&Program]) -> Result<(), DeviceError> {
        let kernels: Vec<_> = programs.iter().flat_map(|p| p.kernels.iter().cloned()).collect();
        self.compiler.compile(&kernels, self.workers.threads()).map(drop)
    }
    /// How many kernels were compiled so far.
    pub fn compiled_kernels(&self) -> usize {
        self.compiler.compiled()
    }
}

impl Device for Processor {
    fn name(&self) -> String {
        let threads = self.workers.threads();
        format!("cpu ({threads} thread{})", if threads == 1 { "" } else { "s" })
    }
    fn memory(&self, arenas: [usize; 7]) -> Result<Box<dyn Memory>, DeviceError> {
        Ok(Box::new(CpuMemory::new(arenas)?))
    }
    fn room(&self) -> Option<u64> {
        super::room::room()
    }
    fn load(&self, program: &Program) -> Result<Box<dyn Executable>, DeviceError> {
        super::validate::validate(program)?;
        let codes = self.compiler.compile(&program.kernels, self.workers.threads())?;
        Ok(Box::new(CpuExecutable::new(program, &codes, self.workers.clone())?))
    }
}
