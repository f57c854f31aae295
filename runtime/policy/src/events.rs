//! What happened to a growing network and why, as data, and the one place where each event becomes a sentence.
use crate::decision::Reason;
use crate::gate::{Reading, digits};
use crate::stage::Stage;
use serde::{Deserialize, Serialize};

/// An arm that a selection rule looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Considered {
    /// `mid: Bottleneck(reduce = 4), zero_last`.
    pub arm: String,
    /// The reward that is expected of it, in [0, 1].
    #[serde(deserialize_with = "crate::gate::number")]
    pub expected: f64,
    /// How many rewards that is worth.
    #[serde(deserialize_with = "crate::gate::number")]
    pub count: f64,
    /// What the rule went by.
    #[serde(deserialize_with = "crate::gate::number")]
    pub score: f64,
    /// Predicted first-order gain in nats per sample, where there was one.
    pub predicted: Option<f64>,
}

/// One event. `seed` is the seed's name, `mid#1`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The trigger was asked.
    Trigger {
        /// Whether it fired.
        fired: bool,
        /// What it went by.
        readings: Vec<Reading>,
    },
    /// Nothing can be planted now, whatever the trigger says.
    Shut {
        /// What stands in the way.
        readings: Vec<Reading>,
    },
    /// Arms left out before the selection.
    Filtered {
        /// `mid: Bottleneck(reduce = 4)`.
        arm: String,
        /// Why.
        why: String,
    },
    /// What the selection rule saw and what it took.
    Selected {
        /// `thompson(normal_inverse_gamma)`.
        rule: String,
        /// The arms.
        arms: Vec<Considered>,
        /// Those it took, by their place in `arms`.
        chosen: Vec<usize>,
    },
    /// A seed moved to another stage.
    Moved {
        /// Which seed.
        seed: String,
        /// From where.
        from: Stage,
        /// To where.
        to: Stage,
        /// The conditions that were met.
        readings: Vec<Reading>,
        /// Why it is given up, where it is.
        reason: Option<Reason>,
    },
    /// A gate denied a seed the next stage.
    Denied {
        /// Which seed.
        seed: String,
        /// Which stage.
        stage: Stage,
        /// All conditions, met or not.
        readings: Vec<Reading>,
    },
    /// Gate rows were weighed.
    Weighed {
        /// Which seed.
        seed: String,
        /// Whether by the process that may only veto.
        veto: bool,
        /// Rows weighed by now.
        rows: u64,
        /// Mean uncapped gain in nats per sample, in the gain test.
        gain: Option<f64>,
        /// Natural logarithm of the e-value.
        #[serde(deserialize_with = "crate::gate::number")]
        log_evidence: f64,
        /// Natural logarithm of what it has to reach.
        #[serde(deserialize_with = "crate::gate::number")]
        log_threshold: f64,
    },
    /// What a try of an arm was worth.
    Rewarded {
        /// The arm.
        arm: String,
        /// Gain in nats per sample.
        gain: Option<f64>,
        /// Rent in nats per sample.
        #[serde(deserialize_with = "crate::gate::number")]
        rent: f64,
        /// In [0, 1].
        #[serde(deserialize_with = "crate::gate::number")]
        reward: f64,
    },
    /// Probes were compared.
    Halved {
        /// Which slot.
        slot: String,
        /// Seeds with their shadow gains less rent, best first.
        standing: Vec<(String, Option<f64>)>,
        /// How many stay.
        kept: usize,
    },
    /// α of a seed gets another target.
    AlphaSet {
        /// Which seed.
        seed: String,
        /// α now.
        #[serde(deserialize_with = "crate::gate::number")]
        from: f64,
        /// Its target.
        #[serde(deserialize_with = "crate::gate::number")]
        to: f64,
        /// Steps it takes.
        steps: u64,
        /// Why.
        why: String,
    },
    /// A slot rests.
    Embargo {
        /// Which slot.
        slot: String,
        /// Until so many steps are done.
        until: u64,
        /// Failures in a row.
        failures: u32,
    },
    /// The network is worse than when a seed began to blend, so that state returns.
    Restored {
        /// Which seed.
        seed: String,
        /// Validation loss then.
        #[serde(deserialize_with = "crate::gate::number")]
        before: f64,
        /// Validation loss now.
        #[serde(deserialize_with = "crate::gate::number")]
        after: f64,
        /// The largest rise that would have been let pass.
        #[serde(deserialize_with = "crate::gate::number")]
        allowed: f64,
        /// Whether that state returns. It does not where the network has been changed in the meantime.
        returns: bool,
    },
    /// The governor acted.
    Governed {
        /// What was not normal.
        alarm: crate::governor::Alarm,
        /// What is done.
        response: crate::governor::Response,
        /// The seed it concerns.
        seed: Option<String>,
    },
    /// The run is over.
    Ended {
        /// Seeds germinated.
        germinated: u32,
        /// Seeds fossilised.
        fossilised: u32,
        /// Seeds pruned.
        pruned: u32,
        /// How often the trigger was asked, and how often it fired.
        asked: (u64, u64),
        /// The last thing that kept the policy from acting, where it never did.
        never_because: Option<String>,
    },
}

fn list(readings: &[Reading]) -> String {
    readings.iter().map(Reading::to_string).collect::<Vec<_>>().join("; ")
}

fn missing(readings: &[Reading]) -> String {
    list(&readings.iter().filter(|r| !r.holds()).cloned().collect::<Vec<_>>())
}

impl Event {
    /// The event as a sentence of the run's story.
    pub fn sentence(&self) -> String {
        match self {
            Event::Trigger { fired: true, readings } => format!("The trigger fired ({}).", list(readings)),
            Event::Trigger { fired: false, readings } => format!("The trigger did not fire: {}.", missing(readings)),
            Event::Shut { readings } => format!("Nothing can be planted now: {}.", missing(readings)),
            Event::Filtered { arm, why } => format!("{arm} was left out: {why}."),
            Event::Selected { rule, arms, chosen } => {
                let arm = |i: &usize| arms.get(*i).map_or(String::new(), |a| format!("{} (score {})", a.arm, digits(a.score)));
                let chosen = chosen.iter().map(arm).collect::<Vec<_>>().join(", ");
                format!("Of {} arms {rule} chose {chosen}.", arms.len())
            }
            Event::Moved { seed, from, to, reason: Some(reason), .. } => format!("{seed}: {from} → {to}, because {reason}."),
            Event::Moved { seed, from, to, readings, .. } if readings.is_empty() => format!("{seed}: {from} → {to}."),
            Event::Moved { seed, from, to, readings, .. } => format!("{seed}: {from} → {to} ({}).", list(readings)),
            Event::Denied { seed, stage, readings } => format!("{seed} is not {stage} yet: {}.", missing(readings)),
            Event::Weighed { seed, veto, rows, gain, log_evidence, log_threshold } => {
                let (what, gain) = (if *veto { "against" } else { "for" }, gain.map(|g| format!(", mean gain {} nats", digits(g))));
                let gain = gain.unwrap_or_default();
                format!(
                    "Evidence {what} {seed} after {rows} gate rows: e-value {} of {}{gain}.",
                    digits(log_evidence.min(690.0).exp()),
                    digits(log_threshold.exp())
                )
            }
            Event::Rewarded { arm, gain, rent, reward } => {
                let gain = gain.map_or("no measured gain".into(), |g| format!("a gain of {} nats", digits(g)));
                format!("{arm} earned a reward of {} for {gain} at a rent of {}.", digits(*reward), digits(*rent))
            }
            Event::Halved { slot, standing, kept } => {
                let one = |(seed, gain): &(String, Option<f64>)| format!("{seed} {}", gain.map_or("unknown".into(), digits));
                let standing = standing.iter().map(one).collect::<Vec<_>>().join(", ");
                format!("Probes in {slot}, by shadow gain less rent: {standing}; the first {kept} stay.")
            }
            Event::AlphaSet { seed, from, to, steps, why } => {
                format!("α of {seed} goes from {} to {} over {steps} steps: {why}.", digits(*from), digits(*to))
            }
            Event::Embargo { slot, until, failures } => {
                format!("{slot} rests until step {until}, after {failures} failure{} in a row.", if *failures == 1 { "" } else { "s" })
            }
            Event::Restored { seed, before, after, allowed, returns } => format!(
                "Validation loss is {} and was {} when {seed} began to blend, a rise of more than {}: {}.",
                digits(*after),
                digits(*before),
                digits(*allowed),
                if *returns { "that state returns" } else { "that state cannot return, because the network has changed since" }
            ),
            Event::Governed { alarm, response, seed } => {
                let seed = seed.as_ref().map(|s| format!(" ({s})")).unwrap_or_default();
                format!("The governor saw that {alarm} and {response}{seed}.")
            }
            Event::Ended { germinated: 0, asked: (asked, fired), never_because, .. } => {
                let why = never_because.as_deref().unwrap_or("it was never asked");
                format!("THE POLICY NEVER ACTED. Its trigger was asked {asked} times and fired {fired} times. {why}")
            }
            Event::Ended { germinated, fossilised, pruned, .. } => {
                format!("{germinated} seeds germinated, {fossilised} became part of the network, {pruned} were pruned.")
            }
        }
    }
}
