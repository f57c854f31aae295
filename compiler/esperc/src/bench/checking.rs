//! How long the check of a long file takes, the library it uses included.
use crate::exit::Failure;
use esper_diagnostics::{Format, render};
use esper_driver::Session;
use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

/// Items of which the file is made, each with a number of its own.
const ITEMS: &str = include_str!("block.txt");
const HEAD: &str = "use std.nn.{BatchNorm, Conv2d, Linear, dropout, global_mean, relu, sigmoid, windows}\n";
const LINES: usize = 1_000;

/// What was measured. Times in milliseconds.
#[derive(serde::Serialize)]
pub struct Checking {
    workload: &'static str,
    lines: usize,
    checks: usize,
    /// Median over checks, each with a session of its own, so that nothing is remembered.
    milliseconds: f64,
    fastest_milliseconds: f64,
}

impl fmt::Display for Checking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "check of {} lines: {:.2} ms, fastest {:.2} ms", self.lines, self.milliseconds, self.fastest_milliseconds)
    }
}

/// Checks a file of a thousand lines for so many seconds.
pub fn measure(seconds: f64) -> Result<Checking, Failure> {
    let mut text = HEAD.to_string();
    for number in 0..LINES.div_ceil(ITEMS.lines().count()) {
        text.push_str(&ITEMS.replace("NUMBER", &number.to_string()));
    }
    let limit = Duration::from_secs_f64(seconds.clamp(0.01, 600.0));
    let mut times: Vec<f64> = Vec::new();
    let begin = Instant::now();
    while begin.elapsed() < limit || times.len() < 5 {
        let start = Instant::now();
        let checked = Session::new().check_text("lines.blueprint", &text, Path::new(""));
        times.push(start.elapsed().as_secs_f64() * 1e3);
        if !checked.problems.is_empty() {
            let told = render(&checked.problems, checked.sources(), Format::Short, false);
            return Err(Failure::Bug(format!("the file of the workload has problems:\n{told}")));
        }
    }
    times.sort_by(f64::total_cmp);
    Ok(Checking {
        workload: super::CHECK,
        lines: text.lines().count(),
        checks: times.len(),
        milliseconds: times[times.len() / 2],
        fastest_milliseconds: times[0],
    })
}
