//! What a comparison comes to in words: a line for each seed, and the verdict over all.
use super::control::says;
use super::statistics::{interval, plus_minus};
use super::{Arm, Row};
use esper_ir::Control;
use std::fmt::Write as _;

pub(super) fn loss(arm: &Arm) -> f64 {
    arm.last.val.as_ref().unwrap_or(&arm.last.train).loss
}

/// Accuracy where it is measured, otherwise nothing.
fn accuracy(arm: &Arm) -> Option<f64> {
    arm.last.val.as_ref().unwrap_or(&arm.last.train).metrics.get("accuracy")
}

/// One seed's line, after a heading where it is the first.
pub(super) fn told(row: &Row, first: bool) -> String {
    let mut text = String::new();
    if first {
        let _ = writeln!(
            text,
            "\nseed  grown: val loss  accuracy  parameters  fossilised   off: val loss  accuracy   static at equal FLOPs: val loss  accuracy"
        );
    }
    let share = |arm: Option<&Arm>| arm.and_then(accuracy).map_or("-".to_string(), |a| format!("{a:.4}"));
    let number = |arm: Option<&Arm>| arm.map_or("-".to_string(), |a| format!("{:.4}", loss(a)));
    let (off, fixed) = (row.arm(Control::Off), row.arm(Control::EqualFlops));
    let _ = writeln!(
        text,
        "{:>4}  {:>15}  {:>8}  {:>10}  {:>10}   {:>13}  {:>8}   {:>31}  {:>8}",
        row.seed(),
        number(Some(&row.grown)),
        share(Some(&row.grown)),
        row.grown.parameters,
        row.fossilised,
        number(off),
        share(off),
        number(fixed),
        share(fixed)
    );
    text
}

/// What all seeds together say; `rate` is the multiple of the learning rate that the static network was tuned to.
pub(super) fn verdict(rows: &[Row], rate: Option<f64>) -> String {
    let mut text = String::new();
    let fossils = rows.iter().filter(|r| r.fossilised > 0).count();
    let _ = writeln!(text, "growth: a seed became part of the network in {fossils} of {} runs", rows.len());
    let off: Vec<(&Arm, &Arm)> = pairs(rows, Control::Off);
    if !off.is_empty() {
        let (gain, half) = interval(&off.iter().map(|(grown, off)| loss(off) - loss(grown)).collect::<Vec<_>>());
        let said = match half {
            Some(half) if gain - half > 0.0 => "growth wins",
            Some(half) if gain + half < 0.0 => "growth loses",
            Some(_) => "no difference that these seeds could show",
            None => "one seed shows no interval",
        };
        let _ = writeln!(text, "verdict: {said}: validation loss {}", plus_minus(["lower", "higher"], gain, half, 4, ""));
        let shares: Vec<f64> = off.iter().filter_map(|(grown, off)| Some(100.0 * (accuracy(grown)? - accuracy(off)?))).collect();
        if shares.len() == off.len() {
            let (gain, half) = interval(&shares);
            let _ = writeln!(text, "         accuracy {}", plus_minus(["higher", "lower"], gain, half, 2, " points"));
        }
    }
    for control in [Control::EqualFlops, Control::Static, Control::FixedSchedule] {
        let pairs = pairs(rows, control);
        if pairs.is_empty() {
            continue;
        }
        let what = match (control, rate) {
            (Control::EqualFlops, None) => "the grown network trained from step 0 for the same FLOPs (same learning rate)".to_string(),
            (Control::EqualFlops, Some(rate)) => format!(
                "the grown network trained from step 0 for the same FLOPs (learning rate tuned on validation: factor {rate} of {})",
                super::rate::GRID.map(|r| r.to_string()).join(", ")
            ),
            (Control::Static, _) => "the grown network trained from step 0 for as many epochs (same learning rate)".to_string(),
            (control, _) => says(control).to_string(),
        };
        let (gain, half) = interval(&pairs.iter().map(|(grown, other)| loss(other) - loss(grown)).collect::<Vec<_>>());
        let told = plus_minus(["lower", "higher"], gain, half, 4, "");
        let _ = writeln!(text, "beside:  against {what}, validation loss {told}, {} of {} runs", pairs.len(), rows.len());
    }
    if let (Some(grown), Some(off)) = (mean_flops(off.iter().map(|p| p.0)), mean_flops(off.iter().map(|p| p.1))) {
        let _ = writeln!(
            text,
            "cost:    {grown:.3} GFLOP of training steps against {off:.3} without growth (shadow tails counted, evaluations not)"
        );
    }
    text
}

/// Growing runs with the arm of a control beside each.
fn pairs(rows: &[Row], control: Control) -> Vec<(&Arm, &Arm)> {
    rows.iter().filter_map(|r| Some((&r.grown, r.arm(control)?))).collect()
}

fn mean_flops<'a>(arms: impl Iterator<Item = &'a Arm>) -> Option<f64> {
    let all: Vec<f64> = arms.map(|a| a.flops.map(|f| f as f64 / 1e9)).collect::<Option<_>>()?;
    (!all.is_empty()).then(|| all.iter().sum::<f64>() / all.len() as f64)
}
