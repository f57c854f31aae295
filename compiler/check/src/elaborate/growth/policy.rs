//! Policies: their lines as typed data, checked word by word, with what is inherited and the defaults filled in.
use crate::elaborate::Engine;
use crate::elaborate::messages::closest;
use crate::elaborate::scope::Scope;
use crate::elaborate::train::{Field, Words};
use crate::elaborate::value::{Kind, Value};
use crate::names::{ItemClass, ItemId};
use crate::policy::{FIELDS, words_of};
use esper_diagnostics::{Diagnostic, Span};
use esper_grammar::ast::*;
use esper_ir::{
    Acceptance, Blend, BlendKind, Condition, Duration, Initialiser, Isolation, Knowledge, Newborn, OptimizerState, Policy, PolicyRule,
    Probe, RampKind, Rent, Selection, Sharing, Trigger, Verb,
};

impl<'a> Engine<'a> {
    /// A policy with what it inherits. `None` where something is wrong, which is reported.
    pub(crate) fn policy(&mut self, id: ItemId) -> Option<Policy> {
        let mut lineage = vec![id];
        loop {
            let info = self.resolution.item(lineage[lineage.len() - 1]);
            let ItemKind::Policy(Derived { from: Some(path), .. }) = &info.item.kind else { break };
            match self.resolution.lookup_path(info.file, path) {
                Some(parent) if !lineage.contains(&parent) && self.resolution.item(parent).kind == ItemClass::Policy => {
                    lineage.push(parent)
                }
                // A problem of names, told there.
                _ => return None,
            }
        }
        let own = self.resolution.item(id);
        let mut policy = Policy::new(own.name.clone(), own.name_span);
        let mut sound = true;
        for id in lineage.into_iter().rev() {
            let info = self.resolution.item(id);
            let ItemKind::Policy(derived) = &info.item.kind else { continue };
            sound &= self.policy_lines(&mut policy, derived, info.file);
        }
        sound &= self.consistent(&policy);
        sound.then_some(policy)
    }

    fn policy_lines(&mut self, policy: &mut Policy, derived: &'a Derived, file: esper_diagnostics::FileId) -> bool {
        let mut sound = true;
        let mut replaced: Vec<Verb> = vec![];
        let mut said: Vec<(&str, Span)> = vec![];
        for line in &derived.body.lines {
            let done = match &line.kind {
                LineKind::Set { target: Expr { kind: ExprKind::Name(name), span }, value } => {
                    let twice = said.iter().find(|(n, _)| n == name).map(|(_, place)| *place);
                    if let Some(first) = twice {
                        let problem = Diagnostic::error("E0501", format!("`{name}` is said twice"), *span, "said again");
                        self.report(problem.label(first, "said here"));
                    }
                    said.push((name, *span));
                    let field = Field { name, name_span: *span, value, file, code: "E0501" };
                    self.policy_field(policy, &field).filter(|()| twice.is_none())
                }
                LineKind::Rule { verb, condition, duration } => {
                    let rule = self.rule(verb, condition, duration.as_ref(), file);
                    rule.map(|rule| {
                        // A rule replaces the inherited rules of its verb.
                        if !replaced.contains(&rule.verb) {
                            replaced.push(rule.verb);
                            policy.rules.retain(|r| r.verb != rule.verb);
                        }
                        policy.rules.push(rule);
                    })
                }
                _ => Some(()),
            };
            sound &= done.is_some();
        }
        sound
    }

    fn policy_field(&mut self, policy: &mut Policy, field: &Field<'a>) -> Option<()> {
        let s = &mut Scope::new(field.file, 0);
        match field.name {
            "trigger" => policy.trigger = self.trigger(field)?,
            "deadline" => policy.deadline = self.time(s, field.value, "`deadline`")?,
            "init" => policy.init = self.listed(field, |engine, field| engine.initialiser_word(field))?,
            "select" => policy.select = self.selection_rule(field)?,
            "probe" => policy.probe = self.probe(field)?,
            "isolate" => {
                policy.isolate = match self.policy_word(field, "a way to isolate")?.0 {
                    "zero_last" => Isolation::ZeroLast,
                    "ramp" => Isolation::Ramp,
                    "gate" => Isolation::Gate,
                    "ste" => Isolation::StraightThrough,
                    _ => Isolation::Shadow,
                }
            }
            "blend" => policy.blend = self.blend(field, policy.blend)?,
            "share" => policy.share = self.sharing(field)?,
            "accept" => policy.accept = self.acceptance(field)?,
            "newborn" => {
                let (_, words) = self.policy_word(field, "how newborns learn")?;
                let rate = self.number(s, &words, "lr", 3.0, "`lr`")?;
                policy.newborn = Newborn { rate, decay: self.time_of(s, &words, "decay", Duration::Steps(300.0))? };
            }
            "optimizer_state" => {
                policy.optimizer_state = match self.policy_word(field, "what happens to states of the optimizer")?.0 {
                    "carry" => OptimizerState::Carry,
                    "reset_all" => OptimizerState::ResetAll,
                    "staged_copy" => OptimizerState::StagedCopy,
                    _ => OptimizerState::ResetNew,
                }
            }
            "budget" => {
                let ExprKind::List(elems) = &field.value.kind else {
                    policy.budget = vec![self.condition(s, field.value)?];
                    return Some(());
                };
                let all: Vec<Option<Condition>> =
                    elems.iter().map(|e| if let Elem::Expr(e) = e { self.condition(s, e) } else { None }).collect();
                policy.budget = all.into_iter().collect::<Option<_>>()?;
            }
            "capacity" => policy.capacity = self.whole(s, field.value, "`capacity`")?,
            "dwell" => policy.dwell = self.time(s, field.value, "`dwell`")?,
            "training" => policy.training = self.time(s, field.value, "`training`")?,
            "holding" => policy.holding = self.time(s, field.value, "`holding`")?,
            "embargo" => policy.embargo = self.time(s, field.value, "`embargo`")?,
            "decide" => policy.decide = Some(self.time(s, field.value, "`decide`")?),
            "germination_delay" => policy.germination_delay = Some(self.time(s, field.value, "`germination_delay`")?),
            "knowledge" => {
                policy.knowledge = match self.policy_word(field, "what is remembered")?.0 {
                    "persistent" => Knowledge::Persistent,
                    _ => Knowledge::None,
                }
            }
            name => {
                let problem =
                    Diagnostic::error("E0501", format!("a policy has no field `{name}`"), field.name_span, "there is no such field");
                let problem = match closest(name, FIELDS.iter().map(|f| f.name)) {
                    Some(close) => problem.edit(format!("replace by `{close}`"), field.name_span, close).certain(),
                    None => problem.help(format!("its fields are {}", FIELDS.iter().map(|f| f.name).collect::<Vec<_>>().join(", "))),
                };
                self.report(problem);
                return None;
            }
        }
        Some(())
    }

    fn trigger(&mut self, field: &Field<'a>) -> Option<Trigger> {
        let (name, words) = self.policy_word(field, "a trigger")?;
        let s = &mut Scope::new(field.file, 0);
        Some(match name {
            "plateau" => {
                let any = match words.get("any") {
                    None => vec![esper_ir::Signal::ValLoss, esper_ir::Signal::ValError],
                    Some(Expr { kind: ExprKind::List(elems), .. }) => {
                        let signals = elems.iter().map(|e| if let Elem::Expr(e) = e { self.signal(e) } else { None });
                        signals.collect::<Option<Vec<_>>>()?
                    }
                    Some(one) => vec![self.signal(one)?],
                };
                let patience = self.time_of(s, &words, "patience", Duration::Epochs(4.0))?;
                Trigger::Plateau { any, patience, cooldown: self.time_of(s, &words, "cooldown", Duration::Epochs(2.0))? }
            }
            "periodic" => Trigger::Periodic { every: self.time_of(s, &words, "every", Duration::Epochs(5.0))? },
            "expansion_score" => Trigger::ExpansionScore { tau: self.number(s, &words, "tau", 1.0, "`tau`")? },
            "overfit_gap" => Trigger::OverfitGap { below: self.number(s, &words, "below", 0.05, "`below`")? },
            "merit_ratio" => Trigger::MeritRatio { above: self.number(s, &words, "above", 0.01, "`above`")? },
            _ => Trigger::Never,
        })
    }

    fn initialiser_word(&mut self, field: &Field<'a>) -> Option<Initialiser> {
        let (name, words) = self.policy_word(field, "an initialiser")?;
        let s = &mut Scope::new(field.file, 0);
        let units = match words.get("k").or(words.get("r")) {
            Some(e) => Some(self.whole(s, e, "the number of units")?),
            None => None,
        };
        Some(match name {
            "gradmax" => Initialiser::Gradmax(units),
            "cascor" => Initialiser::Cascor(units),
            "tiny" => Initialiser::Tiny(units),
            "lora_ga" => Initialiser::LoraGa(units.unwrap_or(4)),
            "pair" => Initialiser::Pair,
            "copy_prev" => Initialiser::CopyPrev,
            "net2wider" => Initialiser::Net2Wider,
            _ => Initialiser::ZeroLast,
        })
    }

    fn selection_rule(&mut self, field: &Field<'a>) -> Option<Selection> {
        let (name, words) = self.policy_word(field, "a selection rule")?;
        let s = &mut Scope::new(field.file, 0);
        if let Some(prior) = words.get("prior") {
            let field = Field { name: "prior", value: prior, ..field.clone() };
            self.policy_word(&field, "a prior")?;
        }
        let mut number = |key: &str, default| self.number(s, &words, key, default, key);
        Some(match name {
            "thompson" => Selection::Thompson,
            "thompson_beta" => Selection::ThompsonBeta { alpha: number("alpha", 1.0)?, beta: number("beta", 1.0)? },
            "ucb" => Selection::Ucb { exploration: number("c", 1.0)? },
            "ucb_tuned" => Selection::UcbTuned,
            "epsilon_greedy" => Selection::EpsilonGreedy { epsilon: number("epsilon", 0.1)?, decay: number("decay", 1.0)? },
            "performance_weighted" => Selection::PerformanceWeighted { temperature: number("temperature", 1.0)? },
            "successive_halving" => Selection::SuccessiveHalving,
            _ => Selection::RoundRobin,
        })
    }

    fn probe(&mut self, field: &Field<'a>) -> Option<Option<Probe>> {
        let (name, words) = self.policy_word(field, "a way to probe")?;
        let s = &mut Scope::new(field.file, 0);
        if name == "none" {
            return Some(None);
        }
        let candidates = match words.get("candidates") {
            Some(e) => self.whole(s, e, "`candidates`")?,
            None => 4,
        };
        Some(Some(Probe { candidates, over: self.time_of(s, &words, "over", Duration::Steps(60.0))? }))
    }

    fn blend(&mut self, field: &Field<'a>, default: Blend) -> Option<Blend> {
        let (name, words) = self.policy_word(field, "a blend")?;
        let s = &mut Scope::new(field.file, 0);
        let ramp = match words.get("ramp") {
            None => default.ramp,
            Some(value) => {
                let field = Field { name: "ramp", value, ..field.clone() };
                match self.policy_word(&field, "a ramp")?.0 {
                    "linear" => RampKind::Linear,
                    "sigmoid" => RampKind::Sigmoid,
                    "learned" => RampKind::Learned,
                    _ => RampKind::Cosine,
                }
            }
        };
        let target = self.number(s, &words, "target", 1.0, "`target`")?;
        if !(target > 0.0 && target <= 1.0) {
            let place = words.get("target").map_or(field.value.span, |e| e.span);
            self.report(Diagnostic::error("E0501", "α ends above 0 and at most at 1", place, format!("is {target}")));
            return None;
        }
        let kind = match name {
            "lerp" => BlendKind::Lerp,
            "multiply" => BlendKind::Multiply,
            "gate" => BlendKind::Gate,
            "mask" => BlendKind::Mask,
            _ => BlendKind::Add,
        };
        Some(Blend { kind, ramp, over: self.time_of(s, &words, "over", default.over)?, target })
    }

    fn sharing(&mut self, field: &Field<'a>) -> Option<Sharing> {
        let (name, words) = self.policy_word(field, "a strategy")?;
        let s = &mut Scope::new(field.file, 0);
        let mut whole = |engine: &mut Self, key: &str, default| words.get(key).map_or(Some(default), |e| engine.whole(s, e, key));
        Some(match name {
            "replace" => Sharing::Replace,
            "diversify" => Sharing::Diversify { max_active: whole(self, "max_active", 2)? },
            "specialize" => Sharing::Specialize { keep: whole(self, "keep", 1)? },
            "ensemble" => Sharing::Ensemble { target: self.number(s, &words, "target", 1.0, "`target`")? },
            _ => Sharing::ByState,
        })
    }

    fn acceptance(&mut self, field: &Field<'a>) -> Option<Acceptance> {
        let (_, words) = self.policy_word(field, "a gain test")?;
        let s = &mut Scope::new(field.file, 0);
        let alpha = self.number(s, &words, "alpha", 0.05, "`alpha`")?;
        if !(alpha > 0.0 && alpha < 1.0) {
            let place = words.get("alpha").map_or(field.value.span, |e| e.span);
            self.report(Diagnostic::error("E0501", "`alpha` is a chance: above 0 and below 1", place, format!("is {alpha}")));
            return None;
        }
        let rent = match words.get("rent") {
            None => Rent::LogParams(0.01),
            Some(value) => {
                let field = Field { name: "rent", value, ..field.clone() };
                let (name, words) = self.policy_word(&field, "a rent")?;
                let default = if name == "bic" { 1.0 } else { 0.01 };
                let factor = self.number(s, &words, "factor", default, "`factor`")?;
                match name {
                    "log_params" => Rent::LogParams(factor),
                    "bic" => Rent::Bic(factor),
                    "log_flops" => Rent::LogFlops(factor),
                    _ => Rent::Free,
                }
            }
        };
        Some(Acceptance { alpha, rent })
    }

    fn rule(&mut self, verb: &Name, condition: &'a Expr, lasting: Option<&'a Expr>, file: esper_diagnostics::FileId) -> Option<PolicyRule> {
        let s = &mut Scope::new(file, 0);
        let known = match verb.text.as_str() {
            "germinate" => Verb::Germinate,
            "prune" => Verb::Prune,
            other => {
                let problem =
                    Diagnostic::error("E0501", format!("there is no rule `{other} when`"), verb.span, "is neither `germinate` nor `prune`");
                let problem = match closest(other, ["germinate", "prune"].into_iter()) {
                    Some(close) => problem.edit(format!("replace by `{close}`"), verb.span, close).certain(),
                    None => problem,
                };
                self.report(problem);
                return None;
            }
        };
        let typed = self.condition(s, condition);
        let lasting = match lasting {
            Some(e) => Some(self.time(s, e, "how long a condition lasts")?),
            None => None,
        };
        let typed = typed?;
        if known == Verb::Germinate && typed.is_about_a_seed() {
            let problem =
                Diagnostic::error("E0510", "a rule about a seed that does not exist yet", condition.span, "asks for a number of one seed");
            self.report(problem.help("`germinate when` decides before there is a seed; `prune when` speaks of each live one"));
            return None;
        }
        match (typed.known(), known) {
            (Some(false), _) => {
                let problem =
                    Diagnostic::error("E0510", "a rule that can never hold", condition.span, "no value of its signals makes this true");
                self.report(problem.help("`esperc explain E0510` lists what each signal can be"));
                return None;
            }
            (Some(true), Verb::Prune) => {
                self.report(Diagnostic::error("E0510", "a rule that always holds", condition.span, "every seed would be removed at once"));
                return None;
            }
            _ => {}
        }
        Some(PolicyRule { verb: known, condition: typed, lasting })
    }

    /// What lines contradict each other.
    fn consistent(&mut self, policy: &Policy) -> bool {
        let contradiction = match (&policy.trigger, policy.deadline, policy.training) {
            (Trigger::Plateau { any, .. }, ..) if any.is_empty() => Some("a plateau of nothing: the trigger watches no signal"),
            (_, Duration::Share(x), _) if x <= 0.0 => Some("the deadline is the start of the run: nothing can germinate"),
            (.., Duration::Epochs(n)) if matches!(policy.dwell, Duration::Epochs(d) if d > n) => {
                Some("a seed must learn longer than it may: `dwell` is above `training`, so the gain test can never pass")
            }
            _ => None,
        };
        if let Some(message) = contradiction {
            self.report(Diagnostic::error("E0511", message, policy.span, "in this policy"));
        }
        for (field, what) in unsupported(policy) {
            let problem = Diagnostic::error(
                "E0512",
                format!("{what} does not exist yet in this version of Esper"),
                policy.span,
                format!("its `{field}` asks for it"),
            );
            self.report(problem.help("remove the word, or take another one of the field"));
        }
        contradiction.is_none() && unsupported(policy).is_empty()
    }

    /// A value that is one of the words of its field, with their arguments.
    fn policy_word(&mut self, field: &Field<'a>, what: &str) -> Option<(&'static str, Words<'a>)> {
        let known: Vec<&'static str> = words_of(field.name).map(|word| word.name).collect();
        let (name, span, args) = self.word_call(field, &known, what)?;
        let word = words_of(field.name).find(|word| word.name == name)?;
        let parameters: Vec<&'static str> = word.parameters.iter().map(|(name, _)| *name).collect();
        let words = self.words(word.name, args, span, &parameters)?;
        Some((word.name, words))
    }

    fn listed<T>(&mut self, field: &Field<'a>, mut each: impl FnMut(&mut Self, &Field<'a>) -> Option<T>) -> Option<Vec<T>> {
        let ExprKind::List(elems) = &field.value.kind else { return each(self, field).map(|one| vec![one]) };
        let all: Vec<Option<T>> = elems
            .iter()
            .map(|e| match e {
                Elem::Expr(value) => each(self, &Field { value, ..field.clone() }),
                Elem::Rest(..) | Elem::Slice(..) => None,
            })
            .collect();
        all.into_iter().collect()
    }

    fn time(&mut self, s: &mut Scope, e: &'a Expr, what: &str) -> Option<Duration> {
        match self.field_value(s, e, &Kind::Time, what) {
            Value::Time(time) => {
                let (Duration::Steps(n) | Duration::Epochs(n) | Duration::Share(n)) = time;
                if n.is_finite() && n >= 0.0 {
                    return Some(time);
                }
                self.report(Diagnostic::error("E0501", "a length of the run is not negative", e.span, format!("is {n}")));
                None
            }
            _ => None,
        }
    }

    fn time_of(&mut self, s: &mut Scope, words: &Words<'a>, name: &str, default: Duration) -> Option<Duration> {
        words.get(name).map_or(Some(default), |e| self.time(s, e, &format!("`{name}`")))
    }

    fn number(&mut self, s: &mut Scope, words: &Words<'a>, name: &str, default: f64, what: &str) -> Option<f64> {
        let Some(e) = words.get(name) else { return Some(default) };
        match self.field_value(s, e, &Kind::Float, what) {
            Value::Float(x) if x.is_finite() => Some(x),
            Value::Float(x) => {
                self.report(Diagnostic::error("E0501", format!("{what} is a finite number"), e.span, format!("is {x}")));
                None
            }
            _ => None,
        }
    }

    fn whole(&mut self, s: &mut Scope, e: &'a Expr, what: &str) -> Option<u32> {
        match self.field_value(s, e, &Kind::Int, what) {
            Value::Size(d) => {
                let n = d.as_const().filter(|n| *n >= 1).and_then(|n| u32::try_from(n).ok());
                if n.is_none() {
                    self.report(Diagnostic::error("E0501", format!("{what} is at least 1"), e.span, format!("is {d}")));
                }
                n
            }
            _ => None,
        }
    }
}

/// Words that the language knows and the runtime cannot do yet, by field.
fn unsupported(policy: &Policy) -> Vec<(&'static str, String)> {
    let mut missing = vec![];
    let mut add = |field, what: &str| missing.push((field, what.to_string()));
    match policy.isolate {
        Isolation::Shadow => {}
        Isolation::ZeroLast => add("isolate", "isolation by `zero_last`"),
        Isolation::Ramp => add("isolate", "isolation by `ramp`"),
        Isolation::Gate => add("isolate", "isolation by `gate`"),
        Isolation::StraightThrough => add("isolate", "isolation by `ste`"),
    }
    match policy.blend.kind {
        BlendKind::Add | BlendKind::Lerp | BlendKind::Multiply => {}
        BlendKind::Gate => add("blend", "the blend `gate`"),
        BlendKind::Mask => add("blend", "the blend `mask`"),
    }
    match policy.trigger {
        Trigger::ExpansionScore { .. } => add("trigger", "the expansion score"),
        Trigger::MeritRatio { .. } => add("trigger", "the merit ratio"),
        Trigger::Plateau { .. } | Trigger::Periodic { .. } | Trigger::OverfitGap { .. } | Trigger::Never => {}
    }
    for initialiser in &policy.init {
        match initialiser {
            Initialiser::CopyPrev => add("init", "the initialiser `copy_prev`"),
            Initialiser::Net2Wider => add("init", "the initialiser `net2wider`"),
            Initialiser::ZeroLast
            | Initialiser::Gradmax(_)
            | Initialiser::Cascor(_)
            | Initialiser::Tiny(_)
            | Initialiser::LoraGa(_)
            | Initialiser::Pair => {}
        }
    }
    if policy.knowledge == Knowledge::Persistent {
        add("knowledge", "knowledge that outlives a run");
    }
    if policy.germination_delay.is_some() {
        add("germination_delay", "another delay than one validation interval");
    }
    if policy.blend.ramp == RampKind::Learned {
        add("blend", "a learned ramp");
    }
    if policy.optimizer_state != OptimizerState::ResetNew {
        add("optimizer_state", "any rule but `reset_new`");
    }
    if policy.decide.is_some() {
        add("decide", "deciding between validation points");
    }
    missing
}
