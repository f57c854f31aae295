//! The signals that rules of a policy may speak of: measured or counted numbers, each with one record.
use serde::{Deserialize, Serialize};

/// A number that a rule may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Signal {
    Epoch,
    Step,
    Share,
    TrainLoss,
    ValLoss,
    ValError,
    Gap,
    HostParams,
    HostStepFlops,
    Params,
    StepFlops,
    Seeds,
    Alpha,
    Age,
    GradRatio,
    ShadowGain,
    Gain,
    EValue,
}

/// What a signal is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// The whole run.
    Run,
    /// One live seed: known in `prune` rules only.
    Seed,
}

/// What is known of a signal.
#[derive(Clone, Copy, Debug)]
pub struct SignalRecord {
    /// The signal.
    pub signal: Signal,
    /// As it is written: `val.loss`.
    pub name: &'static str,
    /// Its unit: `nats`, `epochs`, `1`.
    pub unit: &'static str,
    /// The smallest value it can have.
    pub least: f64,
    /// The largest value it can have.
    pub most: f64,
    /// Whose number it is.
    pub about: About,
    /// What it is.
    pub doc: &'static str,
}

const fn record(
    signal: Signal,
    name: &'static str,
    unit: &'static str,
    range: (f64, f64),
    about: About,
    doc: &'static str,
) -> SignalRecord {
    SignalRecord { signal, name, unit, least: range.0, most: range.1, about, doc }
}

const ANY: (f64, f64) = (f64::NEG_INFINITY, f64::INFINITY);
const COUNT: (f64, f64) = (0.0, f64::INFINITY);
const SHARE: (f64, f64) = (0.0, 1.0);

/// All signals, in the order of [`Signal`].
pub static SIGNALS: &[SignalRecord] = &[
    record(Signal::Epoch, "epoch", "epochs", COUNT, About::Run, "Epochs finished."),
    record(Signal::Step, "step", "steps", COUNT, About::Run, "Training steps done."),
    record(Signal::Share, "share", "1", SHARE, About::Run, "Which share of the run's steps is done."),
    record(Signal::TrainLoss, "train.loss", "nats", ANY, About::Run, "The mean training loss of the last epoch, in training mode."),
    record(Signal::ValLoss, "val.loss", "nats", ANY, About::Run, "The validation loss at the last validation point."),
    record(
        Signal::ValError,
        "val.error",
        "1",
        SHARE,
        About::Run,
        "1 − accuracy on the validation rows; needs `accuracy` among the metrics.",
    ),
    record(Signal::Gap, "gap", "nats", ANY, About::Run, "Validation loss minus training loss."),
    record(Signal::HostParams, "host.params", "parameters", COUNT, About::Run, "Parameters of the host at step 0."),
    record(Signal::HostStepFlops, "host.step_flops", "FLOP", COUNT, About::Run, "FLOPs of the host's training step at step 0."),
    record(Signal::Params, "params", "parameters", COUNT, About::Run, "Parameters added so far, in live and fossilised seeds."),
    record(Signal::StepFlops, "step_flops", "FLOP", COUNT, About::Run, "FLOPs of the training step as it is, shadow tails included."),
    record(Signal::Seeds, "seeds", "seeds", COUNT, About::Run, "How many seeds live."),
    record(Signal::Alpha, "alpha", "1", SHARE, About::Seed, "How much the seed counts."),
    record(Signal::Age, "age", "steps", COUNT, About::Seed, "Updates the seed has had."),
    record(
        Signal::GradRatio,
        "grad_ratio",
        "1",
        COUNT,
        About::Seed,
        "Norm of the seed's gradient relative to the network's, averaged since the last decision.",
    ),
    record(
        Signal::ShadowGain,
        "shadow_gain",
        "nats",
        ANY,
        About::Seed,
        "How much the seed lowers the loss of the training rows that it learns from: progress, no evidence.",
    ),
    record(Signal::Gain, "gain", "nats", ANY, About::Seed, "Mean gain on gate rows, which the seed has not learned from."),
    record(Signal::EValue, "e_value", "1", COUNT, About::Seed, "The gain test's wealth: how strongly gate rows speak for the seed."),
];

impl Signal {
    /// Its record.
    pub fn record(self) -> &'static SignalRecord {
        &SIGNALS[self as usize]
    }
    /// The signal of that name.
    pub fn of_name(name: &str) -> Option<Signal> {
        SIGNALS.iter().find(|r| r.name == name).map(|r| r.signal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_stand_in_the_order_of_signals_and_names_are_unique() {
        for (at, record) in SIGNALS.iter().enumerate() {
            assert_eq!(record.signal as usize, at, "{}", record.name);
            assert_eq!(Signal::of_name(record.name), Some(record.signal));
        }
        assert_eq!(Signal::of_name("val.los"), None);
    }
}
