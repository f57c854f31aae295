//! The gain test: what it accepts under continuous checking, and the traps it must not fall into.
use esper_policy::yardstick::honest_gate;
use esper_policy::{Bettor, GainTest, LARGEST_STAKE, Veto, level};
use proptest::prelude::*;

#[test]
fn placebos_are_refused_and_planted_effects_accepted() {
    let lines = honest_gate(400, 17);
    for line in &lines {
        println!("{line}");
    }
    assert!(lines.iter().all(|l| l.met()), "{lines:#?}");
}

/// Without the mean of uncapped losses the seed with catastrophes would be accepted nearly always.
#[test]
fn the_uncapped_mean_is_what_refuses_a_heavy_bad_tail() {
    let mut test = GainTest::new(10f64.ln(), 0.005, level(0.05, 1));
    for i in 0..2000 {
        test.add(1.0, if i % 50 == 49 { 31.0 } else { 0.9 });
    }
    assert!(test.evidence() > test.threshold() && test.mean_gain().unwrap() < 0.0);
    // it passed before the first catastrophe was seen, or not at all
    assert!(test.passed_after.is_none_or(|n| n < 50));
}

#[test]
fn losses_that_are_no_numbers_speak_against_the_seed() {
    let mut test = GainTest::new(1.0, 0.0, level(0.05, 1));
    test.add(0.5, f64::NAN);
    (0..5000).for_each(|_| test.add(0.5, 0.1));
    assert!(!test.passed() && test.mean_gain().unwrap() < 0.0);
}

#[test]
fn levels_of_all_tests_together_sum_to_alpha() {
    let sum: f64 = (1..100_000).map(|j| level(0.05, j)).sum();
    assert!(sum <= 0.05 && sum > 0.0499, "{sum}");
}

#[test]
fn the_veto_speaks_against_harm_and_is_silent_about_help() {
    let run = |gain: f64| {
        let mut veto = Veto::new(10f64.ln(), 0.005, 0.05);
        (0..400).for_each(|i| veto.add(1.0, 1.0 - gain + 0.1 * f64::from(i % 3 - 1)));
        veto.speaks()
    };
    assert!(run(-0.2) && !run(0.2) && !run(0.01));
}

proptest! {
    /// The stake is fixed before its number is seen, lies in [0, 0.9], and never ruins the bettor.
    #[test]
    fn no_numbers_ruin_the_bettor(numbers in prop::collection::vec(-1.0..1.0f64, 1..200)) {
        let mut bettor = Bettor::default();
        for x in numbers {
            let stake = bettor.stake();
            let before = bettor.log_wealth;
            prop_assert!((0.0..=LARGEST_STAKE).contains(&stake));
            bettor.add(x);
            prop_assert!((bettor.log_wealth - before - (stake * x).ln_1p()).abs() < 1e-12);
            prop_assert!(bettor.log_wealth.is_finite());
        }
    }
    /// The expectation of a bet on a number of mean zero is nothing, whatever went before: W is a martingale.
    #[test]
    fn a_fair_number_is_worth_nothing(numbers in prop::collection::vec(-1.0..1.0f64, 0..50), x in 0.0..1.0f64) {
        let mut bettor = Bettor::default();
        numbers.into_iter().for_each(|n| bettor.add(n));
        let wealth = bettor.log_wealth.exp();
        let after: f64 = [x, -x].into_iter().map(|x| { let mut b = bettor; b.add(x); b.log_wealth.exp() / 2.0 }).sum();
        prop_assert!((after / wealth - 1.0).abs() < 1e-9);
    }
}
