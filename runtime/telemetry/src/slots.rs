//! A line for each slot of a growing run: what grows there, how far it is, and what speaks for it.
use crate::{SeedRecord, SlotRecord};
use std::fmt::Write as _;

/// More lines than this would leave no room for anything else.
pub(crate) const LINES: usize = 12;

/// The lines below the bar. Of many slots those in which something happens come first; the rest are counted.
pub(crate) fn lines(slots: &[SlotRecord]) -> Vec<String> {
    let width = slots.iter().map(|s| s.path.chars().count()).max().unwrap_or(0);
    if slots.len() <= LINES {
        return slots.iter().map(|slot| line(slot, width)).collect();
    }
    let (busy, empty): (Vec<_>, Vec<_>) = slots.iter().partition(|s| !s.seeds.is_empty());
    let shown: Vec<&SlotRecord> = busy.into_iter().chain(empty).take(LINES - 1).collect();
    let rest = slots.len() - shown.len();
    shown.into_iter().map(|slot| line(slot, width)).chain([format!("and {rest} more slots")]).collect()
}

fn line(slot: &SlotRecord, width: usize) -> String {
    let mut text = format!("{:<width$}  ", slot.path);
    if slot.seeds.is_empty() {
        text.push_str("empty");
    }
    text.push_str(&slot.seeds.iter().map(seed).collect::<Vec<_>>().join("  |  "));
    if let Some(step) = slot.rests_until {
        let _ = write!(text, ", rests until step {step}");
    }
    if slot.fossils > 0 {
        let _ = write!(text, "  ({} grew here before)", slot.fossils);
    }
    text
}

/// `wide#1 TRAINING  α 0.00  gain 0.158  e-value 4.17/32.9  Widen(units = 16)`: what matters most first, as a narrow terminal cuts the end off.
fn seed(seed: &SeedRecord) -> String {
    let mut text = format!("{} {}  α {:.2}", seed.name, seed.stage, seed.alpha);
    if let Some(gain) = seed.gain {
        let _ = write!(text, "  gain {gain:.3}");
    }
    if let Some((evidence, threshold)) = seed.evidence {
        let _ = write!(text, "  e-value {}/{}", short(evidence), short(threshold));
    }
    let _ = write!(text, "  {}", seed.blueprint);
    text
}

fn short(value: f64) -> String {
    match value {
        v if v >= 1e4 => format!("{v:.1e}"),
        v if v >= 99.5 => format!("{v:.0}"),
        v => format!("{v:.1}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(path: &str, stage: Option<&str>) -> SlotRecord {
        let seed = |stage: &str| SeedRecord {
            name: format!("{path}#1"),
            blueprint: "Lora(4)".into(),
            stage: stage.into(),
            alpha: 0.256,
            gain: Some(0.1579),
            evidence: Some((4.169, 32.899)),
        };
        SlotRecord { path: path.into(), seeds: stage.map(seed).into_iter().collect(), fossils: 0, rests_until: None }
    }

    #[test]
    fn a_slot_is_a_line() {
        let empty = SlotRecord { fossils: 1, rests_until: Some(640), ..slot("b", None) };
        assert_eq!(
            lines(&[slot("wide", Some("BLENDING")), empty]),
            [
                "wide  wide#1 BLENDING  α 0.26  gain 0.158  e-value 4.2/32.9  Lora(4)",
                "b     empty, rests until step 640  (1 grew here before)"
            ]
        );
        assert_eq!([short(12345.0), short(345.6), short(0.01)], ["1.2e4", "346", "0.0"]);
    }

    #[test]
    fn of_many_slots_those_with_seeds_are_shown() {
        let many: Vec<SlotRecord> = (0..30).map(|i| slot(&format!("blocks[{i}].mid"), (i == 29).then_some("TRAINING"))).collect();
        let lines = lines(&many);
        assert_eq!(lines.len(), LINES);
        assert!(lines[0].starts_with("blocks[29].mid  blocks[29].mid#1 TRAINING") && lines[LINES - 1] == "and 19 more slots", "{lines:?}");
    }
}
