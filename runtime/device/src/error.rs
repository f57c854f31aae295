//! What can go wrong between a program and the machine it runs on.
use esper_codegen::{Class, Unsupported};
use std::fmt;

/// Why a device did not do what it was asked.
#[derive(Clone, Debug, PartialEq)]
pub enum DeviceError {
    /// No device has this name.
    UnknownDevice {
        /// The name asked for.
        name: String,
    },
    /// The device exists in the design and not in this build.
    NotBuilt {
        /// Its name.
        name: String,
    },
    /// The machine lacks something the device needs.
    Machine {
        /// What.
        message: String,
    },
    /// There is not enough memory. Nothing was changed.
    OutOfMemory {
        /// Bytes of each arena asked for, in the order of [`Class::ALL`].
        arenas: [usize; 7],
        /// The arena that did not fit.
        class: Class,
    },
    /// A range outside an arena.
    OutOfRange {
        /// Which arena.
        class: Class,
        /// First byte.
        offset: usize,
        /// How many.
        bytes: usize,
        /// How many the arena has.
        available: usize,
    },
    /// A kernel that this device cannot compile.
    Unsupported(Unsupported),
    /// A step that this device has no implementation for.
    UnsupportedStep {
        /// The program.
        program: String,
        /// The step, as people call it.
        step: String,
        /// Why.
        reason: String,
    },
    /// A program that contradicts itself: a bug in the compiler.
    InvalidProgram {
        /// The program.
        program: String,
        /// What is wrong.
        message: String,
    },
    /// Memory that belongs to another device.
    ForeignMemory,
}

impl fmt::Display for DeviceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DeviceError::UnknownDevice { name } => write!(f, "there is no device `{name}`; devices are `cpu` and `cpu:N` (N threads)"),
            DeviceError::NotBuilt { name } => write!(f, "the device `{name}` is not built yet; use `cpu`"),
            DeviceError::Machine { message } => write!(f, "this machine cannot run programs: {message}"),
            DeviceError::OutOfMemory { arenas, class } => {
                let total = arenas.iter().fold(0usize, |a, b| a.saturating_add(*b));
                write!(f, "out of memory: the program needs {total} bytes (")?;
                for (position, (class, bytes)) in Class::ALL.iter().zip(arenas).enumerate() {
                    write!(f, "{}{} {bytes}", if position > 0 { ", " } else { "" }, class_name(*class))?;
                }
                write!(f, "), and there was no room for its {}", class_name(*class))
            }
            DeviceError::OutOfRange { class, offset, bytes, available } => {
                write!(f, "bytes {offset}..{} of the {}, which have {available} bytes", offset.saturating_add(*bytes), class_name(*class))
            }
            DeviceError::Unsupported(unsupported) => unsupported.fmt(f),
            DeviceError::UnsupportedStep { program, step, reason } => write!(f, "program `{program}`: {step} cannot run here: {reason}"),
            DeviceError::InvalidProgram { program, message } => write!(f, "program `{program}` is not valid: {message}"),
            DeviceError::ForeignMemory => f.write_str("the memory belongs to another device"),
        }
    }
}

impl std::error::Error for DeviceError {}

impl From<Unsupported> for DeviceError {
    fn from(unsupported: Unsupported) -> DeviceError {
        DeviceError::Unsupported(unsupported)
    }
}

/// An arena as people call it.
fn class_name(class: Class) -> &'static str {
    match class {
        Class::Parameters => "parameters",
        Class::States => "states",
        Class::OptimizerStates => "states of the update rule",
        Class::Gradients => "gradients",
        Class::Scalars => "scalars",
        Class::Exchange => "batch and results",
        Class::Activations => "activations",
    }
}
