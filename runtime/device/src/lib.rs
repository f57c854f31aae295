//! Devices: where programs are loaded, where their memory lives, and what runs them. Knows neither text nor graphs.
pub mod cpu;
mod device;
mod error;

pub use device::{Device, Executable, Memory, Phase, StepTime, all_finite};
pub use error::DeviceError;

/// Opens a device by name: `cpu`, or `cpu:4` for the processor with 4 threads.
///
/// # Errors
/// A name that is not known, a device that this build does not have, a processor without the needed instructions.
pub fn open(name: &str) -> Result<Box<dyn Device>, DeviceError> {
    let unknown = || DeviceError::UnknownDevice { name: name.to_string() };
    let (kind, setting) = name.split_once(':').map_or((name, None), |(kind, setting)| (kind, Some(setting)));
    match (kind, setting) {
        ("cpu", None) => Ok(Box::new(cpu::Processor::open(cpu::CpuOptions::default())?)),
        ("cpu", Some(threads)) => {
            let threads = threads.trim_end_matches("threads").trim().parse().ok().filter(|&n| n > 0).ok_or_else(unknown)?;
            Ok(Box::new(cpu::Processor::open(cpu::CpuOptions { threads: Some(threads) })?))
        }
        ("cuda" | "wgpu", _) => Err(DeviceError::NotBuilt { name: kind.to_string() }),
        _ => Err(unknown()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_open_what_they_say_or_fail_aloud() {
        assert_eq!(open("cpu:2").expect("a processor").name(), "cpu (2 threads)");
        assert!(matches!(open("cuda"), Err(DeviceError::NotBuilt { .. })));
        assert!(matches!(open("cpu:0"), Err(DeviceError::UnknownDevice { .. })));
        assert!(matches!(open("gpu"), Err(DeviceError::UnknownDevice { .. })));
    }
}
