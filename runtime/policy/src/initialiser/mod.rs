//! Initialisers: what a newborn seed starts from, computed from statistics of one batch.
use esper_ir::Initialiser;

/// An initialiser as a policy writes it.
pub fn name(initialiser: Initialiser) -> String {
    let counted = |name: &str, units: Option<u32>| units.map_or(name.to_string(), |k| format!("{name}({k})"));
    match initialiser {
        Initialiser::ZeroLast => "zero_last".into(),
        Initialiser::Gradmax(units) => counted("gradmax", units),
        Initialiser::Cascor(units) => counted("cascor", units),
        Initialiser::Tiny(units) => counted("tiny", units),
        Initialiser::LoraGa(rank) => format!("lora_ga({rank})"),
        Initialiser::Pair => "pair".into(),
        Initialiser::CopyPrev => "copy_prev".into(),
        Initialiser::Net2Wider => "net2wider".into(),
    }
}
