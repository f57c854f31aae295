//! The story in words: a summary, then what each policy considered, then what happened in each slot.
use super::{About, Entry, SeedStory, Story};
use crate::summary::thousands;
use esper_policy::{Considered, digits};
use esper_telemetry::Scores;
use std::fmt::{self, Write as _};

/// Kinds of events that come again and again until something changes. Of a row of them the last is told, with their number.
const REPEATED: [&str; 5] = ["trigger", "shut", "filtered", "weighed", "denied"];
/// Columns for epochs.
const MARGIN: usize = 16;

/// An arm in a line.
pub(super) fn considered(arm: &Considered, chosen: bool) -> String {
    // What a rule tries first of all has no finite score.
    let score = if arm.score.is_finite() { digits(arm.score) } else { "before all that were tried".to_string() };
    let mut text = format!("{} {}: score {score}", if chosen { "took" } else { "left" }, arm.arm);
    let _ = write!(text, ", expected reward {} from {} rewards", digits(arm.expected), digits(arm.count));
    if let Some(gain) = arm.predicted {
        let _ = write!(text, ", predicted gain {} nats", digits(gain));
    }
    text
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.summary(f)?;
        for (number, policy) in self.policies.iter().enumerate() {
            self.section(f, &format!("Policy {} decides on {}", policy.name, policy.slots.join(", ")), &About::Policy(number))?;
        }
        for slot in &self.slots {
            self.section(f, &format!("Slot {slot}"), &About::Slot(slot.clone()))?;
        }
        self.section(f, "The run", &About::Run)
    }
}

impl Story {
    /// The story for people.
    pub fn text(&self) -> String {
        self.to_string()
    }

    fn summary(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let done = self.epochs.len() as u64;
        let state = if done == self.planned { "finished" } else { "not finished" };
        writeln!(
            f,
            "{}: {}, seed {}, {state}: {done} of {} epochs, {} steps\n",
            self.run,
            self.host,
            self.seed,
            self.planned,
            self.steps()
        )?;
        let mut facts: Vec<(&str, String)> = vec![];
        let count = |of: &dyn Fn(&&SeedStory) -> bool| self.seeds.iter().filter(of).count();
        let (fossils, given_up) = (count(&|s| s.fossilised()), count(&|s| s.reason.is_some()));
        let live = self.seeds.len() - fossils - given_up;
        let live = if live > 0 { format!(", {live} were alive at the end of the log") } else { String::new() };
        facts.push((
            "seeds",
            format!("{} germinated, {fossils} became part of the network, {given_up} were given up{live}", self.seeds.len()),
        ));
        let (before, after) = (self.parameters_before, self.parameters_after);
        facts.push(("parameters", format!("{} at the start, {} at the end", thousands(before), thousands(after))));
        for seed in &self.seeds {
            facts.push(("", outcome(seed)));
        }
        if let Some(found) = &self.contributions {
            facts.push(("contributed", found.sentence()));
        }
        if let Some(last) = self.epochs.last() {
            facts.push(("at the end", scores(&last.train, last.val.as_ref())));
        }
        if let Some(best) = self.epochs.iter().rev().find(|e| e.best) {
            facts.push(("best epoch", format!("{}: {}", best.epoch, scores(&best.train, best.val.as_ref()))));
        }
        if self.policies.is_empty() {
            facts.push(("growth", "the experiment has no `grow` lines: nothing could grow".to_string()));
        } else if self.entries.is_empty() {
            facts.push((
                "growth",
                "nothing was decided: a run without growth beside a growing one, or one that ended before an epoch".into(),
            ));
        }
        facts.extend(self.verdict.iter().map(|line| ("", line.clone())));
        facts.extend(self.notes.iter().map(|note| ("note", note.clone())));
        for (name, fact) in facts {
            writeln!(f, "  {name:<12}{fact}")?;
        }
        if self.network.iter().any(|b| b.alpha.is_some()) {
            let width = self.network.iter().map(|b| b.path.chars().count()).max().unwrap_or(0);
            writeln!(f, "\n  The network at the end")?;
            for block in &self.network {
                let alpha = block.alpha.map_or(String::new(), |a| match block.fossilised {
                    true => format!(", grew here, α {}", digits(a)),
                    false => format!(", still growing, α {}", digits(a)),
                });
                writeln!(f, "    {:<width$}  {}, {} parameters{alpha}", block.path, block.blueprint, thousands(block.parameters))?;
            }
        }
        Ok(())
    }

    /// What is about the same, with what came again and again told once.
    pub(super) fn groups(&self, about: &About) -> Vec<Group<'_>> {
        let mut groups: Vec<Group> = vec![];
        for entry in self.entries.iter().filter(|e| e.about == *about) {
            let quiet = groups.iter_mut().rev().take_while(|g| g.repeats).find(|g| g.takes(entry));
            match quiet {
                Some(group) => (group.last, group.count) = (entry, group.count + 1),
                None => groups.push(Group { first: entry, last: entry, count: 1, repeats: repeats(entry) }),
            }
        }
        groups
    }

    fn section(&self, f: &mut fmt::Formatter<'_>, title: &str, about: &About) -> fmt::Result {
        let groups = self.groups(about);
        if groups.is_empty() {
            return Ok(());
        }
        writeln!(f, "\n{title}")?;
        let mut shown = String::new();
        for group in groups {
            let (first, last) = (group.first.epoch, group.last.epoch);
            let when = if first == last { format!("epoch {first}") } else { format!("epochs {first}–{last}") };
            let times = if group.count > 1 { format!("{} times, the last: ", group.count) } else { String::new() };
            let margin = if when == shown { String::new() } else { when.clone() };
            writeln!(f, "  {margin:<MARGIN$}{times}{}", group.last.text.trim_end_matches('.'))?;
            for detail in &group.last.details {
                writeln!(f, "  {:<MARGIN$}  {detail}", "")?;
            }
            shown = when;
        }
        Ok(())
    }
}

/// Entries that are told together.
pub(super) struct Group<'a> {
    pub first: &'a Entry,
    pub last: &'a Entry,
    pub count: usize,
    repeats: bool,
}

impl Group<'_> {
    fn takes(&self, entry: &Entry) -> bool {
        // What was left out is told for each arm.
        let arm = |e: &Entry| e.text.split_once(" was left out").map(|(arm, _)| arm.to_string());
        repeats(entry) && (&self.last.kind, &self.last.seed) == (&entry.kind, &entry.seed) && arm(self.last) == arm(entry)
    }
}

fn repeats(entry: &Entry) -> bool {
    REPEATED.contains(&entry.kind.as_str()) && !entry.text.starts_with("The trigger fired")
}

/// `wide#1, Widen(units = 16), 1,200 parameters: FOSSILIZED; gain 0.1976 nats a row at a rent of 0.01583, e-value 61.45 of 32.90 (α_j 0.0304)`.
pub(super) fn outcome(seed: &SeedStory) -> String {
    let mut text = format!("{}, {}, {} parameters: ", seed.name, seed.blueprint, thousands(seed.parameters));
    let _ = match &seed.reason {
        // Its place goes on to other stages, which say nothing of it.
        Some(reason) => write!(text, "given up, because {reason}"),
        None => write!(text, "{}", seed.stage()),
    };
    if let Some(gain) = seed.gain {
        let _ = write!(text, "; gain {} nats a row", digits(gain));
    }
    if let Some((_, rent)) = seed.reward {
        let _ = write!(text, " at a rent of {}", digits(rent));
    }
    if let Some((evidence, threshold)) = seed.evidence {
        let value = |log: f64| digits(log.min(690.0).exp());
        let _ = write!(
            text,
            "; e-value {} of {} (p ≤ {} at a level of {})",
            value(evidence),
            value(threshold),
            value((-evidence).min(0.0)),
            value(-threshold)
        );
    }
    text
}

fn scores(train: &Scores, val: Option<&Scores>) -> String {
    let one = |prefix: &str, scores: &Scores| {
        let metrics: String = scores.metrics.0.iter().map(|(name, value)| format!(", {name} {value:.4}")).collect();
        format!("{prefix} loss {:.4}{metrics}", scores.loss)
    };
    val.map_or_else(|| one("training", train), |val| one("validation", val))
}
