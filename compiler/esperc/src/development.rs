//! `esperc dev`: passes, operators and devices as tables, for those who work on the compiler.
use crate::arguments::Dev;
use crate::exit::Failure;
use crate::terminal::print;

/// Prints one of the tables.
pub fn show(what: Dev) -> Result<(), Failure> {
    let table: String = match what {
        Dev::Passes => esper_passes::PASSES.iter().map(|pass| format!("{:<24} {}\n", pass.name, pass.doc)).collect(),
        Dev::Operators => {
            esper_ir::TABLE.iter().map(|spec| format!("{:<28} {}\n", spec.name, spec.doc.lines().next().unwrap_or(""))).collect()
        }
        Dev::Devices => ["cpu", "cuda", "wgpu"]
            .iter()
            .map(|name| match esper_device::open(name) {
                Ok(device) => format!("{name:<6} {}\n", device.name()),
                Err(error) => format!("{name:<6} not available: {error}\n"),
            })
            .collect(),
    };
    print(&table)
}
