//! Rules and budgets of a policy: what their signals are worth now, and which of them fail with which numbers.
use crate::gate::{Reading, Side, digits};
use crate::observation::{Observation, SeedSeen};
use crate::rent::Costs;
use crate::settings::Settings;
use crate::state::{SeedState, State};
use esper_ir::{Amount, Arithmetic, Comparison, Condition, Duration, Signal};

/// The values of signals at one moment. What was not measured is NaN, with which nothing compares.
pub struct Signals<'a> {
    /// The run.
    pub state: &'a State,
    /// What is seen.
    pub seen: &'a Observation,
    /// One seed, for rules about seeds.
    pub seed: Option<(&'a SeedState, Option<&'a SeedSeen>)>,
    /// What would be added.
    pub more: Costs,
}

impl Signals<'_> {
    /// The value of a signal.
    pub fn value(&self, signal: Signal) -> f64 {
        let (facts, step) = (&self.state.facts, self.seen.step as f64);
        let added = || self.state.added().plus(self.more);
        let unknown = f64::NAN;
        let (seed, of_seed) = (self.seed.map(|s| s.0), self.seed.and_then(|s| s.1));
        match signal {
            Signal::Epoch => (step / facts.steps_per_epoch.max(1) as f64).floor(),
            Signal::Step => step,
            Signal::Share => step / facts.total_steps.max(1) as f64,
            Signal::TrainLoss => self.seen.training_loss.unwrap_or(unknown),
            Signal::ValLoss => self.seen.loss,
            Signal::ValError => self.seen.error.unwrap_or(unknown),
            Signal::Gap => self.seen.training_loss.map_or(unknown, |t| self.seen.loss - t),
            Signal::HostParams => facts.host.params as f64,
            Signal::HostStepFlops => facts.host.step_flops,
            Signal::Params => added().params as f64,
            Signal::StepFlops => self.seen.step_flops.map_or(facts.host.step_flops + added().step_flops, |now| now + self.more.step_flops),
            Signal::Seeds => self.state.seeds.values().filter(|s| s.stage.hopeful()).count() as f64,
            Signal::Alpha => seed.map_or(unknown, |s| s.ramp.at(self.seen.step)),
            Signal::Age => seed.map_or(unknown, |s| self.seen.step.saturating_sub(s.born) as f64),
            Signal::GradRatio => of_seed.and_then(|s| s.gradient_ratio).unwrap_or(unknown),
            Signal::ShadowGain => seed.and_then(|s| s.shadow_gain).unwrap_or(unknown),
            Signal::Gain => seed.and_then(|s| s.test).and_then(|t| t.mean_gain()).unwrap_or(unknown),
            Signal::EValue => seed.and_then(|s| s.test).map_or(unknown, |t| t.evidence()),
        }
    }
    /// Whether a condition holds now.
    pub fn hold(&self, settings: &Settings, condition: &Condition) -> bool {
        condition.holds(&|signal| self.value(signal), &|time| settings.steps(time) as f64)
    }
    /// A condition as readings, one for each comparison that all have to hold; an alternative is one reading of 1 or 0.
    pub fn readings(&self, settings: &Settings, condition: &Condition) -> Vec<Reading> {
        match condition {
            Condition::And(a, b) => [self.readings(settings, a), self.readings(settings, b)].concat(),
            Condition::Compare(left, how, right) if side(*how).is_some() => {
                let value = |a: &Amount| a.value(&|signal| self.value(signal), &|time| settings.steps(time) as f64);
                vec![Reading::new(amount(left), Some(value(left)), side(*how).unwrap_or(Side::AtLeast), value(right))]
            }
            other => {
                let holds = f64::from(u8::from(self.hold(settings, other)));
                vec![Reading::new(format!("truth of `{}`", text(other)), Some(holds), Side::AtLeast, 1.0)]
            }
        }
    }
}

fn side(how: Comparison) -> Option<Side> {
    match how {
        Comparison::Less => Some(Side::Below),
        Comparison::LessEqual => Some(Side::AtMost),
        Comparison::Greater => Some(Side::Above),
        Comparison::GreaterEqual => Some(Side::AtLeast),
        Comparison::Equal | Comparison::NotEqual => None,
    }
}

fn time(time: Duration) -> String {
    match time {
        Duration::Steps(n) => format!("steps({n})"),
        Duration::Epochs(n) => format!("epochs({n})"),
        Duration::Share(x) => format!("share({x})"),
    }
}

fn amount(of: &Amount) -> String {
    match of {
        Amount::Number(n) => digits(*n),
        Amount::Signal(signal) => signal.record().name.to_string(),
        Amount::Time(t) => time(*t),
        Amount::Of(op, left, right) => {
            let op = match op {
                Arithmetic::Add => "+",
                Arithmetic::Sub => "-",
                Arithmetic::Mul => "*",
                Arithmetic::Div => "/",
            };
            let side = |of: &Amount| if matches!(of, Amount::Of(..)) { format!("({})", amount(of)) } else { amount(of) };
            format!("{} {op} {}", side(left), side(right))
        }
    }
}

/// A condition as a policy writes it.
pub fn text(condition: &Condition) -> String {
    let side = |c: &Condition| if matches!(c, Condition::Compare(..)) { text(c) } else { format!("({})", text(c)) };
    match condition {
        Condition::Compare(left, how, right) => {
            let how = match how {
                Comparison::Less => "<",
                Comparison::LessEqual => "<=",
                Comparison::Greater => ">",
                Comparison::GreaterEqual => ">=",
                Comparison::Equal => "==",
                Comparison::NotEqual => "!=",
            };
            format!("{} {how} {}", amount(left), amount(right))
        }
        Condition::And(a, b) => format!("{} and {}", side(a), side(b)),
        Condition::Or(a, b) => format!("{} or {}", side(a), side(b)),
        Condition::Not(c) => format!("not {}", side(c)),
    }
}

/// A rule as a policy writes it, without its verb.
pub fn rule(condition: &Condition, lasting: Option<Duration>) -> String {
    let lasting = lasting.map(|t| format!(" for {}", time(t))).unwrap_or_default();
    format!("{}{lasting}", text(condition))
}
