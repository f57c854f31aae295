//! A program ready to run: every step with its code and addresses. Running allocates nothing.
use super::arena::CpuMemory;
use super::code::{Code, Entry};
use super::library::Library;
use super::schedule::{self, Slices};
use super::workers::{Sequence, Workers};
use crate::{DeviceError, Executable, Memory, Phase, StepTime};
use esper_codegen::{BufferId, Class, Program, Step};
use esper_ir::DType;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Addresses of buffers, one after the other for all steps.
struct Addresses(Vec<*mut u8>);

// SAFETY: the addresses are only followed while a memory is borrowed alone in `run`.
unsafe impl Send for Addresses {}

/// The addresses of one step's buffers, for several threads.
#[derive(Clone, Copy)]
pub struct Arguments<'a>(&'a [*mut u8]);

// SAFETY: threads of one step write disjoint parts of its buffers: rows of a kernel, or the slices of a library step.
unsafe impl Sync for Arguments<'_> {}
// SAFETY: as above.
unsafe impl Send for Arguments<'_> {}

impl Arguments<'_> {
    /// The address of a step's buffer.
    pub fn get(&self, at: usize) -> *mut u8 {
        self.0[at]
    }
    fn table(&self) -> *const *mut u8 {
        self.0.as_ptr()
    }
}

/// What a step runs.
enum Work {
    Kernel { code: Code, slices: Slices },
    Library(Library),
}

struct Loaded {
    name: String,
    work: Work,
    /// Where its addresses are.
    arguments: Range<usize>,
    /// The f32 buffers that hold something new afterwards.
    results: Vec<BufferId>,
}

/// The bytes of a buffer.
#[derive(Clone, Copy)]
struct Place {
    class: Class,
    offset: usize,
}

/// A loaded program.
pub struct CpuExecutable {
    program: String,
    steps: Vec<Loaded>,
    update: usize,
    arenas: [usize; 7],
    places: Vec<Place>,
    addresses: Addresses,
    /// Of the memory that `addresses` are in.
    starts: [usize; 7],
    workers: Arc<Workers>,
    measuring: bool,
    /// Calls and time of each step; empty where nothing was ever measured.
    measured: Vec<(u64, Duration)>,
    /// Elements and place of every f32 buffer.
    floats: Vec<Option<(Class, Range<usize>)>>,
    inputs: Vec<BufferId>,
}

impl CpuExecutable {
    /// `program` has been validated; `codes` are those of its kernels.
    ///
    /// # Errors
    /// A library step without an implementation.
    pub fn new(program: &Program, codes: &[Code], workers: Arc<Workers>) -> Result<CpuExecutable, DeviceError> {
        let mut places = vec![];
        let mut steps = vec![];
        for step in &program.steps {
            let first = places.len();
            let (name, work, arguments, results) = match step {
                Step::Kernel { kernel: number, arguments } => {
                    let kernel = &program.kernels[*number];
                    let written = kernel.buffers.iter().zip(arguments).filter(|(p, _)| p.access != esper_codegen::Access::Read);
                    let results = written.map(|(_, &id)| id).collect();
                    let slices = schedule::slices(kernel, workers.threads());
                    (kernel.name.clone(), Work::Kernel { code: codes[*number].clone(), slices }, arguments.clone(), results)
                }
                other => {
                    let library = Library::plan(program, other, workers.threads())?;
                    let (arguments, result) = Library::arguments(other);
                    (library.name(), Work::Library(library), arguments, vec![result])
                }
            };
            places.extend(arguments.iter().map(|id| {
                let buffer = &program.buffers[id.0 as usize];
                Place { class: buffer.class, offset: buffer.offset }
            }));
            steps.push(Loaded { name, work, arguments: first..places.len(), results });
        }
        let floats = program
            .buffers
            .iter()
            .map(|b| (b.dtype == DType::F32).then(|| (b.class, b.offset..b.offset + b.shape.iter().product::<usize>() * 4)))
            .collect();
        Ok(CpuExecutable {
            program: program.name.clone(),
            addresses: Addresses(vec![std::ptr::null_mut(); places.len()]),
            steps,
            update: program.update,
            arenas: program.arenas,
            places,
            starts: [0; 7],
            workers,
            measuring: false,
            measured: vec![],
            floats,
            inputs: program.features.iter().copied().chain(program.target).collect(),
        })
    }

    /// Finds every buffer in this memory, if it is not the memory of the last run.
    fn bind(&mut self, memory: &dyn Memory) -> Result<(), DeviceError> {
        let memory = memory.as_any().downcast_ref::<CpuMemory>().ok_or(DeviceError::ForeignMemory)?;
        for class in Class::ALL {
            let (bytes, available) = (self.arenas[class as usize], memory.bytes(class));
            if bytes > available {
                return Err(DeviceError::OutOfRange { class, offset: 0, bytes, available });
            }
        }
        let starts = memory.starts();
        let numbers = starts.map(|s| s.addr());
        if numbers != self.starts {
            for (address, place) in self.addresses.0.iter_mut().zip(&self.places) {
                // Validation has shown that the buffer lies within its arena, and the arena is at least that large.
                *address = starts[place.class as usize].wrapping_add(place.offset);
            }
            self.starts = numbers;
        }
        Ok(())
    }

    /// The steps of a phase.
    fn range(&self, phase: Phase) -> Range<usize> {
        match phase {
            Phase::Compute => 0..self.update,
            Phase::Commit => self.update..self.steps.len(),
            Phase::All => 0..self.steps.len(),
        }
    }

    /// Runs one step; the addresses are bound to a memory that is borrowed alone.
    fn step(steps: &mut [Loaded], addresses: &Addresses, at: usize, sequence: &Sequence) {
        let step = &mut steps[at];
        let arguments = Arguments(&addresses.0[step.arguments.clone()]);
        match &mut step.work {
            Work::Kernel { code, slices } => call(code.entry(), slices, arguments, sequence),
            Work::Library(library) => library.run(arguments, sequence),
        }
    }

    fn is_finite(&self, memory: &CpuMemory, id: BufferId) -> bool {
        let Some((class, range)) = &self.floats[id.0 as usize] else { return true };
        let bytes = &memory.arena(*class)[range.clone()];
        bytes.chunks_exact(4).all(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]).is_finite())
    }
}

/// Runs a kernel's rows.
fn call(entry: Entry, slices: &Slices, arguments: Arguments, sequence: &Sequence) {
    let task = |slice: usize| {
        let rows = slices.rows(slice);
        // SAFETY: the program was validated: every argument has the elements and the type that the kernel was compiled for, written
        // arguments overlap no other, and the memory is borrowed alone. Rows are independent, and slices share no row.
        unsafe { entry(arguments.table(), rows.start as u64, rows.end as u64) }
    };
    sequence.run(slices.count(), &task);
}

impl Executable for CpuExecutable {
    fn run(&mut self, memory: &mut dyn Memory, phase: Phase) -> Result<(), DeviceError> {
        self.bind(memory)?;
        let range = self.range(phase);
        let (steps, addresses, measuring, times) = (&mut self.steps, &self.addresses, self.measuring, &mut self.measured);
        self.workers.sequence(|sequence| {
            for at in range {
                if !measuring {
                    CpuExecutable::step(steps, addresses, at, sequence);
                    continue;
                }
                let start = Instant::now();
                CpuExecutable::step(steps, addresses, at, sequence);
                times[at].0 += 1;
                times[at].1 += start.elapsed();
            }
        });
        Ok(())
    }

    fn first_non_finite(&mut self, memory: &mut dyn Memory) -> Result<Option<BufferId>, DeviceError> {
        self.bind(memory)?;
        let arenas = memory.as_any().downcast_ref::<CpuMemory>().ok_or(DeviceError::ForeignMemory)?;
        if let Some(&input) = self.inputs.iter().find(|&&id| !self.is_finite(arenas, id)) {
            return Ok(Some(input));
        }
        for at in 0..self.update {
            let (steps, addresses) = (&mut self.steps, &self.addresses);
            self.workers.sequence(|sequence| CpuExecutable::step(steps, addresses, at, sequence));
            let arenas = memory.as_any().downcast_ref::<CpuMemory>().ok_or(DeviceError::ForeignMemory)?;
            if let Some(&result) = self.steps[at].results.iter().find(|&&id| !self.is_finite(arenas, id)) {
                return Ok(Some(result));
            }
        }
        Ok(None)
    }

    fn measure(&mut self, on: bool) {
        self.measuring = on;
        if on {
            self.measured = vec![(0, Duration::ZERO); self.steps.len()];
        }
    }

    fn profile(&self) -> Vec<StepTime> {
        self.steps
            .iter()
            .zip(&self.measured)
            .map(|(step, (calls, time))| StepTime { name: step.name.clone(), calls: *calls, seconds: time.as_secs_f64() })
            .collect()
    }
}

impl std::fmt::Debug for CpuExecutable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} with {} steps", self.program, self.steps.len())
    }
}
