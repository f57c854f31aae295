//! Yardsticks that need no network of the language: what the parts of a policy promise, measured. `esperc bench growth` prints them.
mod gradmax;
mod honest_gate;

pub use gradmax::gradmax;
pub use honest_gate::honest_gate;

use serde::{Deserialize, Serialize};

/// What a measured number is held against.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Goal {
    /// At most so much.
    AtMost(f64),
    /// At least so much.
    AtLeast(f64),
    /// Between the two.
    Between(f64, f64),
    /// Nothing: it is only reported.
    Reported,
}

/// One line of a yardstick.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// What was tried.
    pub name: String,
    /// What came out: a share, a ratio.
    pub value: f64,
    /// Half the width of its 95 % interval.
    pub margin: f64,
    /// What it should be.
    pub goal: Goal,
}

impl Line {
    /// Whether the goal is met; a number that is only reported always is.
    pub fn met(&self) -> bool {
        match self.goal {
            Goal::AtMost(bound) => self.value <= bound,
            Goal::AtLeast(bound) => self.value >= bound,
            Goal::Between(low, high) => (low..=high).contains(&self.value),
            Goal::Reported => true,
        }
    }
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let goal = match self.goal {
            Goal::AtMost(bound) => format!("at most {bound:.2}"),
            Goal::AtLeast(bound) => format!("at least {bound:.2}"),
            Goal::Between(low, high) => format!("{low:.2} to {high:.2}"),
            Goal::Reported => "reported".into(),
        };
        let verdict = match (self.goal, self.met()) {
            (Goal::Reported, _) => "",
            (_, true) => "  met",
            (_, false) => "  NOT MET",
        };
        write!(f, "{:<62} {:.3} ± {:.3}  ({goal}){verdict}", self.name, self.value, self.margin)
    }
}
