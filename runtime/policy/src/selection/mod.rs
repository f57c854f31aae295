//! Which seed to try: rules over arms, each a blueprint with an initialiser in a slot.
mod bandit;
mod rounds;

use crate::posterior::Posterior;
use crate::random::Random;
use esper_ir::Selection;
use serde::{Deserialize, Serialize};

/// A rule as a policy writes it.
pub fn name(rule: Selection) -> String {
    match rule {
        Selection::Ucb { exploration } => format!("ucb({exploration})"),
        Selection::UcbTuned => "ucb_tuned".into(),
        Selection::ThompsonBeta { alpha, beta } => format!("thompson_beta({alpha}, {beta})"),
        Selection::Thompson => "thompson(normal_inverse_gamma)".into(),
        Selection::EpsilonGreedy { epsilon, decay } => format!("epsilon_greedy({epsilon}, {decay})"),
        Selection::PerformanceWeighted { temperature } => format!("performance_weighted({temperature})"),
        Selection::SuccessiveHalving => "successive_halving".into(),
        Selection::RoundRobin => "round_robin".into(),
    }
}

/// An arm for a rule: the rows of its parts in the posterior, which also name it.
pub type ArmRows = [usize; 3];

/// What rules remember besides rewards.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// Arms picked so far.
    pub picks: u64,
    /// How often each arm was picked, in the order of first picks.
    pulls: Vec<(ArmRows, u64)>,
    /// Arms still in the race of successive halving, with their picks in this round.
    race: Vec<(ArmRows, u64)>,
    /// Picks an arm gets in this round.
    round: u64,
}

impl Memory {
    fn pulls(&self, arm: &ArmRows) -> u64 {
        self.pulls.iter().find(|(a, _)| a == arm).map_or(0, |(_, n)| *n)
    }
    fn picked(&mut self, arm: ArmRows) {
        self.picks += 1;
        match self.pulls.iter_mut().find(|(a, _)| *a == arm) {
            Some((_, n)) => *n += 1,
            None => self.pulls.push((arm, 1)),
        }
    }
    /// Forgets the races and turns that a changed network has made meaningless.
    pub fn topology_changed(&mut self) {
        (self.race, self.round) = (vec![], 0);
    }
}

/// What a rule picked.
#[derive(Clone, Debug, PartialEq)]
pub struct Picks {
    /// Positions in the list of arms, best first.
    pub arms: Vec<usize>,
    /// What the rule went by, for each arm of the list, at the first pick.
    pub scores: Vec<f64>,
}

/// Picks up to `wanted` different arms. Scores, where they are equal, are decided by `hints` (predicted gains), then by order.
pub fn pick(
    rule: Selection,
    known: &Posterior,
    memory: &mut Memory,
    arms: &[ArmRows],
    hints: &[f64],
    wanted: usize,
    random: &mut Random,
) -> Picks {
    let mut picks = Picks { arms: vec![], scores: vec![] };
    while picks.arms.len() < wanted.min(arms.len()) {
        let left: Vec<usize> = (0..arms.len()).filter(|i| !picks.arms.contains(i)).collect();
        let rows: Vec<ArmRows> = left.iter().map(|&i| arms[i]).collect();
        let scores = match rule {
            Selection::Ucb { .. } | Selection::UcbTuned | Selection::ThompsonBeta { .. } | Selection::Thompson => {
                bandit::scores(rule, known, memory, &rows, random)
            }
            Selection::EpsilonGreedy { epsilon, decay } => {
                let explore = random.uniform() < epsilon * decay.powf(memory.picks as f64);
                let any = random.below(rows.len());
                let score = |(i, arm): (usize, &ArmRows)| if explore { f64::from(u8::from(i == any)) } else { known.expected(arm) };
                rows.iter().enumerate().map(score).collect()
            }
            Selection::PerformanceWeighted { temperature } => bandit::weighted(known, &rows, temperature, random),
            Selection::SuccessiveHalving => rounds::halving(known, memory, &rows),
            Selection::RoundRobin => rounds::turns(memory, &rows),
        };
        let hint = |i: usize| hints.get(left[i]).copied().filter(|h| !h.is_nan()).unwrap_or(f64::NEG_INFINITY);
        let mut best = 0;
        for i in 1..rows.len() {
            if (scores[i], hint(i)) > (scores[best], hint(best)) {
                best = i;
            }
        }
        if picks.scores.is_empty() {
            picks.scores = scores;
        }
        memory.picked(rows[best]);
        picks.arms.push(left[best]);
    }
    picks
}
