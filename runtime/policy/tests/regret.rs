//! Selection rules on made-up arms: their regret against what is published about them.
use esper_ir::Selection;
use esper_policy::{ArmRows, Memory, Part, Posterior, Random, pick};

/// Chances of success of independent arms.
const CHANCES: [f64; 5] = [0.9, 0.75, 0.6, 0.5, 0.3];
const PULLS: usize = 1500;
const RUNS: u64 = 24;

/// Mean regret after each number of pulls, and how often the best arm was the last one picked.
fn regret(rule: Selection, at: &[usize]) -> (Vec<f64>, f64) {
    let mut sums = vec![0.0; at.len()];
    let mut best_last = 0;
    for run in 0..RUNS {
        let mut random = Random::new(1000 + run);
        let mut known = Posterior::default();
        let arms: Vec<ArmRows> = (0..CHANCES.len())
            .map(|i| {
                let parts = [Part::Blueprint(i.to_string()), Part::Initialiser("same".into()), Part::Slot("same".into(), 0)];
                known.rows(&parts).try_into().expect("three rows")
            })
            .collect();
        let mut memory = Memory::default();
        let (mut sum, mut last) = (0.0, 0);
        for pull in 1..=PULLS {
            last = pick(rule, &known, &mut memory, &arms, &[], 1, &mut random).arms[0];
            known.learn(&arms[last], f64::from(u8::from(random.uniform() < CHANCES[last])), 1.0);
            sum += CHANCES[0] - CHANCES[last];
            at.iter().enumerate().filter(|(_, n)| **n == pull).for_each(|(i, _)| sums[i] += sum / RUNS as f64);
        }
        best_last += usize::from(last == 0);
    }
    (sums, best_last as f64 / RUNS as f64)
}

fn gaps() -> impl Iterator<Item = f64> {
    CHANCES[1..].iter().map(|c| CHANCES[0] - c)
}

#[test]
fn ucb1_stays_below_its_bound_and_tuned_below_it() {
    let (plain, _) = regret(Selection::Ucb { exploration: 1.0 }, &[PULLS]);
    // Auer et al. (2002), theorem 1
    let bound: f64 = gaps().map(|gap| 8.0 * (PULLS as f64).ln() / gap + (1.0 + std::f64::consts::PI.powi(2) / 3.0) * gap).sum();
    assert!(plain[0] < bound, "{plain:?} {bound}");
    // section 4 there: tuned is markedly better
    let (tuned, _) = regret(Selection::UcbTuned, &[PULLS]);
    assert!(tuned[0] < 0.6 * plain[0], "{tuned:?} {plain:?}");
    println!("ucb {plain:?} (bound {bound:.0}), tuned {tuned:?}");
}

#[test]
fn thompson_sampling_has_regret_of_the_order_of_the_logarithm() {
    // Lai and Robbins (1985): the least that any consistent rule can have, per unit of ln n
    let kullback = |p: f64, q: f64| p * (p / q).ln() + (1.0 - p) * ((1.0 - p) / (1.0 - q)).ln();
    let least: f64 = CHANCES[1..].iter().map(|c| (CHANCES[0] - c) / kullback(*c, CHANCES[0])).sum::<f64>() * (PULLS as f64).ln();
    for rule in [Selection::ThompsonBeta { alpha: 1.0, beta: 1.0 }, Selection::Thompson] {
        let (at, best) = regret(rule, &[PULLS / 4, PULLS]);
        println!("{rule:?}: {at:?}, Lai and Robbins {least:.1}");
        // four times the pulls cost far less than four times the regret
        assert!(at[1] < 2.2 * at[0] && at[1] < 4.0 * least && best > 0.9, "{rule:?} {at:?} {least} {best}");
    }
}

#[test]
fn a_fixed_chance_of_exploring_costs_its_share_for_ever_and_a_decaying_one_does_not() {
    let mean_gap = gaps().sum::<f64>() / CHANCES.len() as f64;
    let (fixed, _) = regret(Selection::EpsilonGreedy { epsilon: 0.2, decay: 1.0 }, &[PULLS / 2, PULLS]);
    let slope = (fixed[1] - fixed[0]) / (PULLS / 2) as f64;
    assert!((slope / (0.2 * mean_gap) - 1.0).abs() < 0.35, "{slope} {}", 0.2 * mean_gap);
    let (decaying, _) = regret(Selection::EpsilonGreedy { epsilon: 1.0, decay: 0.97 }, &[PULLS / 2, PULLS]);
    assert!((decaying[1] - decaying[0]) / (PULLS / 2) as f64 <= 0.3 * slope, "{decaying:?}");
}

#[test]
fn round_robin_takes_turns_and_halving_ends_with_the_best() {
    let (turns, _) = regret(Selection::RoundRobin, &[PULLS]);
    assert!((turns[0] - PULLS as f64 * gaps().sum::<f64>() / CHANCES.len() as f64).abs() < 1e-6);
    let (halving, best) = regret(Selection::SuccessiveHalving, &[PULLS]);
    assert!(halving[0] < turns[0] / 2.0 && best > 0.5, "{halving:?} {best}");
}

#[test]
fn performance_weighting_goes_from_uniform_to_greedy() {
    let mean_gap = gaps().sum::<f64>() / CHANCES.len() as f64;
    let (hot, _) = regret(Selection::PerformanceWeighted { temperature: 100.0 }, &[PULLS]);
    let (cold, _) = regret(Selection::PerformanceWeighted { temperature: 0.2 }, &[PULLS]);
    assert!((hot[0] / (PULLS as f64 * mean_gap) - 1.0).abs() < 0.1, "{hot:?}");
    assert!(cold[0] < 0.4 * hot[0], "{cold:?} {hot:?}");
}

#[test]
fn several_picks_are_different_and_equal_scores_follow_the_predicted_gain() {
    let mut known = Posterior::default();
    let mut arms: Vec<ArmRows> = vec![];
    for i in 0..6 {
        let parts = [Part::Blueprint(i.to_string()), Part::Initialiser("a".into()), Part::Slot("s".into(), 0)];
        arms.push(known.rows(&parts).try_into().expect("three rows"));
    }
    let hints = [0.1, 0.5, 0.3, f64::NAN, 0.2, 0.4];
    let rules = [
        Selection::Ucb { exploration: 1.0 },
        Selection::UcbTuned,
        Selection::ThompsonBeta { alpha: 1.0, beta: 1.0 },
        Selection::Thompson,
        Selection::EpsilonGreedy { epsilon: 0.5, decay: 1.0 },
        Selection::PerformanceWeighted { temperature: 1.0 },
        Selection::SuccessiveHalving,
        Selection::RoundRobin,
    ];
    for rule in rules {
        let picks = pick(rule, &known, &mut Memory::default(), &arms, &hints, 4, &mut Random::new(3));
        let mut sorted = picks.arms.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!((sorted.len(), picks.scores.len()), (4, 6), "{rule:?}");
        if rule == Selection::RoundRobin {
            assert_eq!(picks.arms, [1, 5, 2, 4]);
        }
        assert_eq!(pick(rule, &known, &mut Memory::default(), &arms, &hints, 9, &mut Random::new(3)).arms.len(), 6);
    }
}
