//! What every device offers: memory in one arena per lifetime class, and programs that are loaded once and run many times.
use crate::DeviceError;
use esper_codegen::{BufferId, Class, Program};
use std::any::Any;

/// A machine that runs programs.
pub trait Device: Send + Sync {
    /// For people: `cpu (2 threads)`.
    fn name(&self) -> String;
    /// Zeroed memory: bytes of each arena, in the order of [`Class::ALL`]. Size it for the largest of the programs that will use it.
    ///
    /// # Errors
    /// Not enough memory.
    fn memory(&self, arenas: [usize; 7]) -> Result<Box<dyn Memory>, DeviceError>;
    /// Bytes that [`Device::memory`] can be asked for without the machine running out; `None` where nobody knows.
    fn room(&self) -> Option<u64> {
        None
    }
    /// Compiles a program and prepares everything that running it needs.
    ///
    /// # Errors
    /// A kernel or step that the device cannot run, or a program that is not valid.
    fn load(&self, program: &Program) -> Result<Box<dyn Executable>, DeviceError>;
}

/// A device's arenas.
pub trait Memory: Send {
    /// Bytes of an arena.
    fn bytes(&self, class: Class) -> usize;
    /// Copies from the host, from byte `offset` of the arena.
    ///
    /// # Errors
    /// A range outside the arena.
    fn write(&mut self, class: Class, offset: usize, bytes: &[u8]) -> Result<(), DeviceError>;
    /// Copies to the host.
    ///
    /// # Errors
    /// A range outside the arena.
    fn read(&self, class: Class, offset: usize, bytes: &mut [u8]) -> Result<(), DeviceError>;
    /// Makes arenas at least this large; what they hold stays, what is new is zero.
    ///
    /// # Errors
    /// Not enough memory; then nothing has changed.
    fn grow(&mut self, arenas: [usize; 7]) -> Result<(), DeviceError>;
    /// For the device that made it.
    fn as_any(&self) -> &dyn Any;
    /// For the device that made it.
    fn as_any_mut(&mut self) -> &mut dyn Any;
}

/// Which steps of a program to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Those before [`Program::update`]: nothing that lasts changes.
    Compute,
    /// Those from there on.
    Commit,
    /// All.
    All,
}

/// What a step of a program took.
#[derive(Clone, Debug, PartialEq)]
pub struct StepTime {
    /// The kernel's name, or the library step with its sizes.
    pub name: String,
    /// How often it ran.
    pub calls: u64,
    /// Altogether.
    pub seconds: f64,
}

/// A loaded program.
pub trait Executable: Send {
    /// Runs it on the memory, which must have at least the arenas it was compiled for.
    ///
    /// # Errors
    /// Memory of another device or too small.
    fn run(&mut self, memory: &mut dyn Memory, phase: Phase) -> Result<(), DeviceError>;
    /// Runs the compute phase again step by step and names the first buffer that a step left with a NaN or an infinity; a batch that
    /// already has one comes first.
    ///
    /// # Errors
    /// As [`Executable::run`].
    fn first_non_finite(&mut self, memory: &mut dyn Memory) -> Result<Option<BufferId>, DeviceError>;
    /// Starts (with all times at zero) or stops measuring every step; what was measured stays.
    fn measure(&mut self, on: bool);
    /// What each step took while it was measured last, in the program's order; empty where it never was.
    fn profile(&self) -> Vec<StepTime>;
}

/// Whether an arena of f32 values holds no NaN and no infinity.
///
/// # Errors
/// None from the memory's own range; those of [`Memory::read`].
pub fn all_finite(memory: &dyn Memory, class: Class) -> Result<bool, DeviceError> {
    const CHUNK: usize = 16 * 1024;
    let mut chunk = vec![0u8; CHUNK];
    let end = memory.bytes(class) / 4 * 4;
    let mut offset = 0;
    while offset < end {
        let part = &mut chunk[..CHUNK.min(end - offset)];
        memory.read(class, offset, part)?;
        // An exponent of all ones is an infinity or a NaN: the largest magnitude shows it.
        let magnitude = |b: &[u8]| u32::from_le_bytes([b[0], b[1], b[2], b[3]]) & 0x7fff_ffff;
        if part.chunks_exact(4).map(magnitude).fold(0, u32::max) >= 0x7f80_0000 {
            return Ok(false);
        }
        offset += part.len();
    }
    Ok(true)
}
