//! `esperc bench growth`: the yardsticks of growth that need no network of the user's.
use crate::exit::Failure;
use crate::terminal::print;
use esper_policy::yardstick::{Line, gradmax, honest_gate};

/// Names of the yardsticks.
const YARDSTICKS: [&str; 2] = ["gradmax", "honest_gate"];
/// Streams of gate rows, teachers, and the seed of both.
const STREAMS: u32 = 400;
const TEACHERS: u32 = 30;
const SEED: u64 = 17;

/// Measures some yardsticks, all of them where none is named, and prints goal, result and 95 % interval.
pub fn measure(names: &[String], json: bool) -> Result<(), Failure> {
    if let Some(unknown) = names.iter().find(|name| !YARDSTICKS.contains(&name.as_str())) {
        return Err(Failure::Usage(format!("`{unknown}` is no yardstick of growth: there are {}", YARDSTICKS.join(" and "))));
    }
    for name in YARDSTICKS.into_iter().filter(|name| names.is_empty() || names.iter().any(|n| n == name)) {
        let lines = if name == "gradmax" { gradmax(TEACHERS, SEED) } else { honest_gate(STREAMS, SEED) };
        let told = |line: &Line| if json { super::json(line) } else { Ok(format!("{name:<12} {line}\n")) };
        print(&lines.iter().map(told).collect::<Result<String, _>>()?)?;
    }
    Ok(())
}
