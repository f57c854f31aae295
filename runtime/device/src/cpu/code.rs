//! Kernels as machine code: compiled once per device and kept by content; freed with the device and the last program that runs them.
use crate::DeviceError;
use cranelift_codegen::Context;
use cranelift_codegen::control::ControlPlane;
use cranelift_codegen::isa::OwnedTargetIsa;
use cranelift_codegen::settings::{self, Configurable};
use cranelift_jit::{JITBuilder, JITModule};
use cranelift_module::{Linkage, Module, default_libcall_names};
use esper_codegen::target::clif::{self, Machine};
use esper_codegen::{Kernel, Unsupported};
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A compiled kernel's entry: buffer addresses, first row, one past the last row.
pub type Entry = unsafe extern "C" fn(*const *mut u8, u64, u64);

/// The code of the kernels that were compiled together.
struct Batch {
    module: Mutex<Option<JITModule>>,
}

impl Drop for Batch {
    fn drop(&mut self) {
        let module = self.module.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(module) = module {
            // SAFETY: every `Code` holds an Arc of its batch, so none is left that could be running or be called later.
            unsafe { module.free_memory() }
        }
    }
}

/// A compiled kernel.
#[derive(Clone)]
pub struct Code {
    entry: Entry,
    _batch: Arc<Batch>,
}

impl Code {
    /// The function; it may be called as long as this value lives.
    pub fn entry(&self) -> Entry {
        self.entry
    }
}

/// Compiles kernels for this processor.
pub struct Compiler {
    isa: OwnedTargetIsa,
    machine: Machine,
    /// By everything of a kernel but its name and origin.
    known: Mutex<HashMap<Vec<u8>, Code>>,
    compiled: AtomicUsize,
}

/// Fewer kernels than this are compiled on the calling thread: starting others would take longer.
const WORTH_A_THREAD: usize = 6;

impl Compiler {
    /// For the processor this runs on.
    ///
    /// # Errors
    /// A processor without a back end.
    pub fn new() -> Result<Compiler, DeviceError> {
        let machine = |message: String| DeviceError::Machine { message };
        let mut flags = settings::builder();
        let checked = if cfg!(debug_assertions) { "true" } else { "false" };
        let wanted = [
            ("opt_level", "speed"),
            ("enable_verifier", checked),
            ("is_pic", "false"),
            ("use_colocated_libcalls", "false"),
            ("enable_probestack", "false"),
            ("unwind_info", "false"),
        ];
        for (name, value) in wanted {
            flags.set(name, value).map_err(|e| machine(e.to_string()))?;
        }
        let builder = cranelift_native::builder().map_err(|e| machine(e.to_string()))?;
        let isa = builder.finish(settings::Flags::new(flags)).map_err(|e| machine(e.to_string()))?;
        let machine = Machine::of(&*isa);
        Ok(Compiler { isa, machine, known: Mutex::new(HashMap::new()), compiled: AtomicUsize::new(0) })
    }

    /// How many kernels were compiled so far; those found again are not counted.
    pub fn compiled(&self) -> usize {
        self.compiled.load(Ordering::Relaxed)
    }

    /// Code for every kernel, in order, with up to `threads` threads.
    ///
    /// # Errors
    /// A kernel that cannot be compiled.
    pub fn compile(&self, kernels: &[Kernel], threads: usize) -> Result<Vec<Code>, DeviceError> {
        let keys: Vec<Vec<u8>> = kernels.iter().map(key).collect::<Result<_, _>>()?;
        // Held to the end: another program that needs the same kernels waits for them.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut missing: Vec<usize> = vec![];
        for at in 0..kernels.len() {
            if !known.contains_key(&keys[at]) && !missing.iter().any(|&m| keys[m] == keys[at]) {
                missing.push(at);
            }
        }
        if !missing.is_empty() {
            let bytes = self.machine_code(kernels, &missing, threads)?;
            for (at, code) in missing.iter().zip(self.place(kernels, &missing, &bytes)?) {
                known.insert(keys[*at].clone(), code);
            }
            self.compiled.fetch_add(missing.len(), Ordering::Relaxed);
        }
        Ok(keys.iter().map(|key| known[key].clone()).collect())
    }

    /// The bytes of the kernels numbered in `missing`.
    fn machine_code(&self, kernels: &[Kernel], missing: &[usize], threads: usize) -> Result<Vec<Translated>, DeviceError> {
        let next = AtomicUsize::new(0);
        let work = || {
            let mut context = Context::new();
            let mut done = vec![];
            while let Some(&kernel) = missing.get(next.fetch_add(1, Ordering::Relaxed)) {
                done.push((kernel, self.translate(&kernels[kernel], &mut context)));
            }
            done
        };
        let helpers = threads.min(missing.len() / WORTH_A_THREAD).saturating_sub(1);
        let mut all = if helpers == 0 {
            work()
        } else {
            std::thread::scope(|scope| {
                let others: Vec<_> = (0..helpers).map(|_| scope.spawn(work)).collect();
                let mut all = work();
                for other in others {
                    all.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
                }
                all
            })
        };
        all.sort_by_key(|(kernel, _)| *kernel);
        all.into_iter().map(|(_, code)| code).collect()
    }

    fn translate(&self, kernel: &Kernel, context: &mut Context) -> Result<Translated, DeviceError> {
        let failed = |reason: String| Unsupported::of_kernel(&kernel.name, reason);
        context.clear();
        context.func = clif::build(kernel, &self.machine)?;
        let code = context.compile(&*self.isa, &mut ControlPlane::default()).map_err(|error| failed(format!("{:?}", error.inner)))?;
        if let Some(call) = code.buffer.relocs().first() {
            return Err(failed(format!("it needs a library call ({:?})", call.target)).into());
        }
        Ok(Translated { bytes: code.code_buffer().to_vec(), alignment: u64::from(code.buffer.alignment) })
    }

    /// Puts code where it can run.
    fn place(&self, kernels: &[Kernel], numbers: &[usize], translated: &[Translated]) -> Result<Vec<Code>, DeviceError> {
        let machine = |error: cranelift_module::ModuleError| DeviceError::Machine { message: error.to_string() };
        let mut module = JITModule::new(JITBuilder::with_isa(self.isa.clone(), default_libcall_names()));
        let signature = clif::signature(&self.machine);
        let mut functions = vec![];
        for (&number, code) in numbers.iter().zip(translated) {
            let name = format!("{}.{number}", kernels[number].name);
            let function = module.declare_function(&name, Linkage::Local, &signature).map_err(machine)?;
            module.define_function_bytes(function, code.alignment, &code.bytes, &[]).map_err(machine)?;
            functions.push(function);
        }
        module.finalize_definitions().map_err(machine)?;
        let entries: Vec<*const u8> = functions.iter().map(|&function| module.get_finalized_function(function)).collect();
        let batch = Arc::new(Batch { module: Mutex::new(Some(module)) });
        let code = |address: *const u8| {
            // SAFETY: the address is that of a finished function of exactly this signature.
            let entry = unsafe { std::mem::transmute::<*const u8, Entry>(address) };
            Code { entry, _batch: batch.clone() }
        };
        Ok(entries.into_iter().map(code).collect())
    }
}

/// Machine code of one kernel.
struct Translated {
    bytes: Vec<u8>,
    alignment: u64,
}

/// What two kernels must share to share their code.
fn key(kernel: &Kernel) -> Result<Vec<u8>, DeviceError> {
    let content = (&kernel.buffers, &kernel.rows, &kernel.stages, &kernel.registers, &kernel.vector);
    postcard::to_stdvec(&content).map_err(|error| DeviceError::Machine { message: format!("kernel `{}`: {error}", kernel.name) })
}
