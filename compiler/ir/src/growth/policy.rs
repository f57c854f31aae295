//! A policy: how a model grows, as typed data with every default filled in.
use super::{Bound, Condition, PolicyRule};
use crate::Duration;
use esper_diagnostics::Span;
use serde::{Deserialize, Serialize};

/// When germination is considered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Trigger {
    /// One of these signals has not improved for `patience`; then nothing for `cooldown`.
    Plateau {
        /// What is watched: losses and errors, smaller is better.
        any: Vec<super::Signal>,
        /// How long without an improvement.
        patience: Duration,
        /// How long to wait after a germination.
        cooldown: Duration,
    },
    /// Every so often. It must have ended by 0.4 of the run.
    Periodic {
        /// The period.
        every: Duration,
    },
    /// SENN's expansion score gᵀF⁻¹g with KFAC is above `tau` (Mitchell et al., 2023).
    ExpansionScore {
        /// The bound, relative.
        tau: f64,
    },
    /// Validation loss is above training loss by less than this: the network has room.
    OverfitGap {
        /// The bound in nats.
        below: f64,
    },
    /// The predicted gain of the best candidate is above this share of the loss.
    MeritRatio {
        /// The bound.
        above: f64,
    },
    /// Never.
    Never,
}

/// What a newborn seed starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Initialiser {
    /// The last affine map zero.
    ZeroLast,
    /// Fan-in zero, fan-out the top right singular vectors of HᵀG/n (Evci et al., ICLR 2022); `None`: as many as there are units.
    Gradmax(Option<u32>),
    /// Units that correlate with the residual gradient most, fan-out zero (Fahlman and Lebiere, 1990).
    Cascor(Option<u32>),
    /// S^(-1/2)-whitened singular vectors with a line search (Verbockhaven et al., 2024).
    Tiny(Option<u32>),
    /// Low-rank factors of the gradient (Wang et al., 2024).
    LoraGa(u32),
    /// Pairs of units that cancel each other.
    Pair,
    /// What the layer before has, jittered.
    CopyPrev,
    /// Units split in two (Chen et al., ICLR 2016); for comparison.
    Net2Wider,
}

/// How one candidate is chosen among those that fit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Selection {
    /// m + c·√(2 ln t / n) (Auer et al., 2002).
    Ucb {
        /// c.
        exploration: f64,
    },
    /// UCB1-tuned (the same).
    UcbTuned,
    /// Thompson sampling with Beta posteriors.
    ThompsonBeta {
        /// Prior successes.
        alpha: f64,
        /// Prior failures.
        beta: f64,
    },
    /// Thompson sampling with normal-inverse-gamma posteriors.
    Thompson,
    /// The best so far, or with probability ε·decayᵗ any.
    EpsilonGreedy {
        /// ε.
        epsilon: f64,
        /// Its decay a pull.
        decay: f64,
    },
    /// Softmax of scale-free mean rewards.
    PerformanceWeighted {
        /// The temperature.
        temperature: f64,
    },
    /// All are probed; the worse half leaves, again and again.
    SuccessiveHalving,
    /// In turn.
    RoundRobin,
}

/// Several candidates learn side by side in one slot's shadow before one is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// How many at first.
    pub candidates: u32,
    /// For how long altogether.
    pub over: Duration,
}

/// How a seed learns before it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Isolation {
    /// In a tail of its own on detached activations.
    Shadow,
    /// It joins at α = 1 with its last affine map zero.
    ZeroLast,
    /// It joins at α = 0 and is ramped up at once.
    Ramp,
    /// A learned scalar decides how much it counts.
    Gate,
    /// Forward unchanged, gradient straight through; for comparison.
    StraightThrough,
}

/// How what a seed gives is put together with what stands in its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum BlendKind {
    Add,
    Lerp,
    Multiply,
    Gate,
    Mask,
}

/// The form of α's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum RampKind {
    Linear,
    Cosine,
    Sigmoid,
    Learned,
}

/// How a seed comes to count.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Blend {
    /// The join.
    pub kind: BlendKind,
    /// α's way.
    pub ramp: RampKind,
    /// Its length.
    pub over: Duration,
    /// Where it ends.
    pub target: f64,
}

/// How seeds share a slot.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Sharing {
    /// The worst active one leaves for a better one.
    Replace,
    /// Seeds of different kinds side by side.
    Diversify {
        /// The most at once.
        max_active: u32,
    },
    /// The best keep and raise their share.
    Specialize {
        /// How many.
        keep: u32,
    },
    /// All with equal shares.
    Ensemble {
        /// The sum of the shares.
        target: f64,
    },
    /// Tamiyo chooses by the state.
    ByState,
}

/// What a seed must pay for its size, in nats a sample.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Rent {
    /// factor · ln(1 + ΔP/P₀).
    LogParams(f64),
    /// κ·ΔP·ln n/(2n).
    Bic(f64),
    /// factor · ln(1 + ΔF/F₀) of FLOPs.
    LogFlops(f64),
    /// Nothing.
    Free,
}

/// The gain test.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Acceptance {
    /// The chance, over all seeds of a run together, that a useless one is accepted.
    pub alpha: f64,
    /// The rent.
    pub rent: Rent,
}

/// How fast newborns learn.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Newborn {
    /// The factor on the learning rate at birth.
    pub rate: f64,
    /// In which time its excess over 1 falls to 1/e.
    pub decay: Duration,
}

/// What happens to the states of the update rule when something grows; those of old parameters are carried over unless it says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OptimizerState {
    /// New parameters start with those of what they were copied from.
    Carry,
    /// New parameters start without.
    ResetNew,
    /// All parameters start anew.
    ResetAll,
    /// New parameters get a copy after their first stage.
    StagedCopy,
}

/// What is remembered from run to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Knowledge {
    /// Nothing.
    None,
    /// Posteriors, in the user's data folder.
    Persistent,
}

/// How a model grows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// `Gardener`.
    pub name: String,
    /// When germination is considered.
    pub trigger: Trigger,
    /// No germination after this time of the run.
    pub deadline: Duration,
    /// Initialisers to choose among.
    pub init: Vec<Initialiser>,
    /// How candidates are chosen.
    pub select: Selection,
    /// Whether several are probed first.
    pub probe: Option<Probe>,
    /// How seeds learn before they count.
    pub isolate: Isolation,
    /// How they come to count.
    pub blend: Blend,
    /// How they share a slot.
    pub share: Sharing,
    /// The gain test.
    pub accept: Acceptance,
    /// How fast newborns learn.
    pub newborn: Newborn,
    /// States of the update rule.
    pub optimizer_state: OptimizerState,
    /// What must hold of the whole, always.
    pub budget: Vec<Bound>,
    /// Rules.
    pub rules: Vec<PolicyRule>,
    /// Seeds that may live in one slot at once.
    pub capacity: u32,
    /// The least time between germination and the gain test's verdict.
    pub dwell: Duration,
    /// The most time in TRAINING.
    pub training: Duration,
    /// The most time in HOLDING.
    pub holding: Duration,
    /// The rest of a slot after its first failure; doubles with each.
    pub embargo: Duration,
    /// The longest such rest.
    pub longest_embargo: Duration,
    /// How often Tamiyo decides; none: at every validation.
    pub decide: Option<Duration>,
    /// From a decision until it takes effect; none: one validation interval.
    pub germination_delay: Option<Duration>,
    /// What is remembered.
    pub knowledge: Knowledge,
    /// Where it is declared.
    pub span: Span,
}

impl Policy {
    /// The default policy: waits for a plateau of loss or error, probes in the shadow, keeps what pays its rent.
    pub fn new(name: impl Into<String>, span: Span) -> Policy {
        use super::Signal;
        Policy {
            name: name.into(),
            trigger: Trigger::Plateau {
                any: vec![Signal::ValLoss, Signal::ValError],
                patience: Duration::Epochs(4.0),
                cooldown: Duration::Epochs(2.0),
            },
            deadline: Duration::Share(0.6),
            init: vec![Initialiser::ZeroLast],
            select: Selection::Thompson,
            probe: None,
            isolate: Isolation::Shadow,
            blend: Blend { kind: BlendKind::Add, ramp: RampKind::Cosine, over: Duration::Epochs(2.0), target: 1.0 },
            share: Sharing::Diversify { max_active: 2 },
            accept: Acceptance { alpha: 0.05, rent: Rent::LogParams(0.01) },
            newborn: Newborn { rate: 1.0, decay: Duration::Steps(1.0) },
            optimizer_state: OptimizerState::ResetNew,
            budget: vec![],
            rules: vec![],
            capacity: 2,
            dwell: Duration::Epochs(1.0),
            training: Duration::Epochs(8.0),
            holding: Duration::Epochs(6.0),
            embargo: Duration::Epochs(2.0),
            longest_embargo: Duration::Epochs(16.0),
            decide: None,
            germination_delay: None,
            knowledge: Knowledge::None,
            span,
        }
    }

    /// The conditions of all rules that allow germination.
    pub fn germination_conditions(&self) -> impl Iterator<Item = &Condition> {
        self.rules.iter().filter(|r| r.verb == super::Verb::Germinate).map(|r| &r.condition)
    }
}
