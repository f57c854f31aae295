//! The fields of a `policy` and the words that only they know: one table that the check, completion, hovers and did-you-mean read.
use crate::experiment::WordInfo;

/// A field of a `policy`.
#[derive(Clone, Copy, Debug)]
pub struct PolicyField {
    /// Its name.
    pub name: &'static str,
    /// As a user would write it.
    pub example: &'static str,
    /// What it says, and what holds where it is left out.
    pub doc: &'static str,
}

const fn field(name: &'static str, example: &'static str, doc: &'static str) -> PolicyField {
    PolicyField { name, example, doc }
}

/// All fields of a `policy`, in the order of a seed's life.
pub const FIELDS: &[PolicyField] = &[
    field(
        "trigger",
        "trigger = plateau(any = [val.loss], patience = epochs(4), cooldown = epochs(2))",
        "When germination is considered. Without it, once neither validation loss nor error gets better.",
    ),
    field("deadline", "deadline = share(0.6)", "No germination after this time of the run. Without it, `share(0.6)`."),
    field("init", "init = zero_last", "What seeds start from: one word, or a list to choose among. Without it, `zero_last`."),
    field("select", "select = thompson", "How one candidate is chosen among those that fit. Without it, `thompson`."),
    field(
        "probe",
        "probe = shadow(candidates = 4, over = steps(60))",
        "Whether several candidates learn side by side before one is chosen. Without it, `none`.",
    ),
    field("isolate", "isolate = shadow", "How a seed learns before it counts. Without it, `shadow`."),
    field(
        "blend",
        "blend = add(ramp = cosine, over = epochs(2))",
        "How a seed comes to count: how it joins what stands in its slot, and how its share α rises. Without it, `add`.",
    ),
    field("share", "share = diversify(max_active = 2)", "How seeds share a slot. Without it, `diversify(max_active = 2)`."),
    field(
        "accept",
        "accept = e_process(alpha = 0.05, rent = log_params(0.01))",
        "The gain test that a seed must pass on rows that it has not learned from. Without it, as in the example.",
    ),
    field("newborn", "newborn = boost(lr = 3.0, decay = steps(300))", "How fast newborns learn. Without it, as all others."),
    field(
        "optimizer_state",
        "optimizer_state = reset_new",
        "What happens to states of the update rule when something grows. Without it, `reset_new`.",
    ),
    field("budget", "budget = [params <= 2 * host.params]", "What must hold of the whole, always. Without it, nothing."),
    field("capacity", "capacity = 2", "Seeds that may live in one slot at once. Without it, 2."),
    field("dwell", "dwell = epochs(1)", "The least time between germination and the gain test's verdict. Without it, `epochs(1)`."),
    field("training", "training = epochs(8)", "The most time that a seed learns before it counts. Without it, `epochs(8)`."),
    field("holding", "holding = epochs(6)", "The most time that a seed waits for the verdict once it counts. Without it, `epochs(6)`."),
    field(
        "embargo",
        "embargo = epochs(2)",
        "The rest of a slot after its first failure; it doubles with each further one. Without it, `epochs(2)`.",
    ),
    field("decide", "decide = epochs(1)", "How often Tamiyo decides. Without it, at every validation. Does not exist yet."),
    field(
        "germination_delay",
        "germination_delay = epochs(1)",
        "From a decision until it takes effect. Without it, one validation interval. Does not exist yet.",
    ),
    field("knowledge", "knowledge = none", "What is remembered from run to run. Without it, nothing."),
];

type Parameters = &'static [(&'static str, Option<&'static str>)];

const fn word(field: &'static str, name: &'static str, parameters: Parameters, doc: &'static str) -> WordInfo {
    WordInfo { field, name, parameters, doc }
}

const BLEND: Parameters = &[("ramp", Some("cosine")), ("over", Some("epochs(2)")), ("target", Some("1"))];
const UNITS: Parameters = &[("k", Some("…"))];

/// All words of fields, and those of the parameters `prior`, `ramp` and `rent`.
pub const WORDS: &[WordInfo] = &[
    word(
        "trigger",
        "plateau",
        &[("any", Some("[val.loss, val.error]")), ("patience", Some("epochs(4)")), ("cooldown", Some("epochs(2)"))],
        "One of these signals has not improved for `patience`; after a germination nothing for `cooldown`.",
    ),
    word("trigger", "periodic", &[("every", Some("epochs(5)"))], "Every so often. It must have ended by 0.4 of the run."),
    word(
        "trigger",
        "expansion_score",
        &[("tau", Some("1"))],
        "The expansion score gᵀF⁻¹g of SENN (Mitchell et al., 2023) is above `tau`. Does not exist yet.",
    ),
    word("trigger", "overfit_gap", &[("below", Some("0.05"))], "Validation loss is above training loss by less than this: there is room."),
    word(
        "trigger",
        "merit_ratio",
        &[("above", Some("0.01"))],
        "The predicted gain of the best candidate is above this share of the loss. Does not exist yet.",
    ),
    word("trigger", "never", &[], "Nothing germinates."),
    word("init", "zero_last", &[], "The last affine map is zero, so that the network computes what it did."),
    word("init", "gradmax", UNITS, "Fan-in zero, fan-out the top right singular vectors of HᵀG/n, for `k` units (Evci et al., ICLR 2022)."),
    word("init", "cascor", UNITS, "`k` units that correlate with the residual gradient most, fan-out zero (Fahlman and Lebiere, 1990)."),
    word("init", "tiny", UNITS, "Whitened singular vectors with a line search (Verbockhaven et al., 2024)."),
    word("init", "lora_ga", &[("r", Some("4"))], "Factors of the gradient of rank `r` (Wang et al., 2024)."),
    word("init", "pair", &[], "Pairs of units that cancel each other."),
    word("init", "copy_prev", &[], "What the layer before has, jittered. Does not exist yet."),
    word("init", "net2wider", &[], "Units split in two (Chen et al., ICLR 2016); for comparison. Does not exist yet."),
    word(
        "select",
        "thompson",
        &[("prior", Some("normal_inverse_gamma"))],
        "Thompson sampling: the candidate whose gain, drawn from what is known of it, is largest.",
    ),
    word(
        "select",
        "thompson_beta",
        &[("alpha", Some("1")), ("beta", Some("1"))],
        "Thompson sampling of successes and failures, with so many of each to begin with.",
    ),
    word("select", "ucb", &[("c", Some("1"))], "The upper confidence bound m + c·√(2 ln t / n) (Auer et al., 2002)."),
    word("select", "ucb_tuned", &[], "The upper confidence bound with the variance seen, UCB1-tuned (Auer et al., 2002)."),
    word(
        "select",
        "epsilon_greedy",
        &[("epsilon", Some("0.1")), ("decay", Some("1"))],
        "The best so far, or with probability ε·decayᵗ any other.",
    ),
    word("select", "performance_weighted", &[("temperature", Some("1"))], "A draw by the softmax of mean rewards, free of their scale."),
    word("select", "successive_halving", &[], "All are probed; the worse half leaves, again and again."),
    word("select", "round_robin", &[], "One after the other."),
    word("prior", "normal_inverse_gamma", &[], "Mean and variance of a candidate's gain are both learned."),
    word(
        "probe",
        "shadow",
        &[("candidates", Some("4")), ("over", Some("steps(60)"))],
        "So many candidates learn side by side in the slot's shadow before one is chosen.",
    ),
    word("probe", "none", &[], "The chosen candidate germinates alone."),
    word("isolate", "shadow", &[], "In a tail of its own on detached activations: the host does not notice it."),
    word("isolate", "zero_last", &[], "It joins at α = 1 with its last affine map zero. Does not exist yet."),
    word("isolate", "ramp", &[], "It joins at α = 0 and is ramped up at once. Does not exist yet."),
    word("isolate", "gate", &[], "A learned scalar decides how much it counts. Does not exist yet."),
    word("isolate", "ste", &[], "Forward unchanged, gradient straight through; for comparison. Does not exist yet."),
    word("blend", "add", BLEND, "h + Σ αᵢ·fᵢ(h)."),
    word("blend", "lerp", BLEND, "(1 − Σ αᵢ)·h + Σ αᵢ·fᵢ(h): seeds take the place of what stands there."),
    word("blend", "multiply", BLEND, "h · Π (1 + αᵢ·tanh fᵢ(h))."),
    word("blend", "gate", BLEND, "A learned gate between both. Does not exist yet."),
    word("blend", "mask", BLEND, "A mask decides element by element. Does not exist yet."),
    word("ramp", "linear", &[], "α rises evenly."),
    word("ramp", "cosine", &[], "α rises slowly at both ends, as half a wave."),
    word("ramp", "sigmoid", &[], "α rises steeply in the middle."),
    word("ramp", "learned", &[], "α is trained. Does not exist yet."),
    word("share", "replace", &[], "The worst active seed leaves for a better one."),
    word("share", "diversify", &[("max_active", Some("2"))], "Seeds of different kinds side by side, at most so many."),
    word("share", "specialize", &[("keep", Some("1"))], "The best `keep` stay and raise their share."),
    word("share", "ensemble", &[("target", Some("1"))], "All with equal shares, which add up to `target`."),
    word("share", "by_state", &[], "Tamiyo chooses by the state of the run."),
    word(
        "accept",
        "e_process",
        &[("alpha", Some("0.05")), ("rent", Some("log_params(0.01)"))],
        "A test that may be looked at after every step: the chance that a useless seed is accepted is at most `alpha` over all seeds of a run \
         together. A seed must gain more than its `rent`.",
    ),
    word("rent", "log_params", &[("factor", Some("0.01"))], "factor · ln(1 + ΔP/P₀) nats for ΔP parameters more than P₀."),
    word("rent", "bic", &[("factor", Some("1"))], "κ·ΔP·ln n/(2n) nats for ΔP parameters and n rows."),
    word("rent", "log_flops", &[("factor", Some("0.01"))], "factor · ln(1 + ΔF/F₀) nats for ΔF operations more than F₀."),
    word("rent", "none", &[("factor", Some("0.01"))], "Nothing is paid for size."),
    word(
        "newborn",
        "boost",
        &[("lr", Some("3")), ("decay", Some("steps(300)"))],
        "The learning rate is larger by the factor `lr` at birth; its excess over 1 falls to 1/e in `decay`.",
    ),
    word("optimizer_state", "carry", &[], "New parameters start with the states of what they were copied from. Does not exist yet."),
    word("optimizer_state", "reset_new", &[], "New parameters start without states; old ones keep theirs."),
    word("optimizer_state", "reset_all", &[], "All parameters start anew. Does not exist yet."),
    word("optimizer_state", "staged_copy", &[], "New parameters get a copy after their first stage. Does not exist yet."),
    word("knowledge", "none", &[], "Nothing."),
    word("knowledge", "persistent", &[], "What was learned of candidates, in the user's data folder. Does not exist yet."),
];

/// The field of that name.
pub fn field_named(name: &str) -> Option<&'static PolicyField> {
    FIELDS.iter().find(|f| f.name == name)
}

/// The words of a field, or of a parameter of one.
pub fn words_of(field: &str) -> impl Iterator<Item = &'static WordInfo> {
    WORDS.iter().filter(move |w| w.field == field)
}
