//! Whole runs under the default policy: what is useful stays, what is not goes, and silence is loud.
mod simulated;
use esper_ir::*;
use esper_policy::{Decision, Event, LARGEST_CHANGE, Observation, SeedSeen, Settings, Stage, State, decide};
use proptest::prelude::*;
use simulated::{Simulated, Worth, facts};

const USEFUL: Worth = Worth { gain: 0.4, spread: 0.2 };
const USELESS: Worth = Worth { gain: 0.0, spread: 0.2 };
const HARMFUL: Worth = Worth { gain: -0.3, spread: 0.2 };

#[test]
fn a_useful_seed_becomes_part_of_the_network_unaided() {
    let mut run = Simulated::new(facts(80, 1, 1), vec![USEFUL]);
    run.run();
    let path: Vec<Stage> = run.moves().iter().filter(|(seed, ..)| seed == "slot0#1").map(|(.., to)| *to).collect();
    use Stage::*;
    assert_eq!(path, [Germinated, Training, Blending, Holding, Fossilized], "{}", run.story());
    assert!(run.grown > 0.3);
}

#[test]
fn a_useless_and_a_harmful_seed_are_pruned_and_their_slot_rests_longer_each_time() {
    for worth in [USELESS, HARMFUL] {
        let mut run = Simulated::new(facts(150, 1, 1), vec![worth]);
        run.run();
        assert!(run.state.fossils.is_empty() && run.state.tally.pruned > 1, "{}", run.story());
        assert!(!run.moves().iter().any(|(.., to)| *to == Stage::Blending));
        let rests: Vec<u64> = run
            .decisions
            .iter()
            .flat_map(|d| d.events.iter().filter_map(|e| if let Event::Embargo { until, .. } = e { Some(until - d.step) } else { None }))
            .collect();
        assert_eq!(rests[..2], [2 * simulated::EPOCH, 4 * simulated::EPOCH], "{}", run.story());
    }
}

#[test]
fn a_policy_that_never_acted_says_so() {
    let mut run = Simulated::new(facts(20, 1, 1), vec![USEFUL]);
    let late = Condition::Compare(Amount::Signal(Signal::Step), Comparison::GreaterEqual, Amount::Number(10_000.0));
    run.policy.rules = vec![PolicyRule { verb: Verb::Germinate, condition: late, lasting: None }];
    run.run();
    let last = run.events().last().expect("an event").sentence();
    assert!(last.starts_with("THE POLICY NEVER ACTED.") && last.contains("at least 10000 wanted"), "{last}");
}

#[test]
fn a_state_that_was_saved_decides_the_same() {
    let mut run = Simulated::new(facts(80, 2, 3), vec![USEFUL, USELESS, HARMFUL]);
    for _ in 0..80 {
        run.advance();
        let json = serde_json::to_string(&run.state).expect("a state can be written");
        assert_eq!(serde_json::from_str::<State>(&json).expect("and read"), run.state);
        let seen = Observation { step: run.step + 1, loss: 1.0, ..Observation::default() };
        let mut saved: State = serde_json::from_str(&json).expect("read");
        let mut here = run.state.clone();
        assert_eq!(decide(&run.policy, &mut saved, &seen), decide(&run.policy, &mut here, &seen));
        let decision = run.decisions.last().expect("decided");
        let json = serde_json::to_string(decision).expect("a decision can be written");
        assert_eq!(&serde_json::from_str::<Decision>(&json).expect("and read"), decision);
    }
}

/// Everything that can be seen of a seed, and of the run.
fn anything() -> impl Strategy<Value = Vec<(f64, Vec<(u32, f64, f64, bool, bool)>, Vec<u32>, u64)>> {
    let loss = prop_oneof![8 => 0.1..5.0f64, 1 => Just(f64::NAN), 1 => Just(f64::INFINITY)];
    let seed = (1..12u32, -1.0..1.0f64, 0.0..3.0f64, prop::bool::weighted(0.95), any::<bool>());
    prop::collection::vec((loss, prop::collection::vec(seed, 0..5), prop::collection::vec(1..12u32, 0..2), 1..60u64), 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    /// Whatever is seen, however wrong, no seed takes a step that is none, α keeps its bound and capacity is kept.
    #[test]
    fn no_sequence_of_observations_reaches_an_illegal_stage(
        seen in anything(), probes in any::<bool>(), eager in any::<bool>(),
        isolate in prop::sample::select(vec![Isolation::Shadow, Isolation::ZeroLast, Isolation::Ramp]),
        sharing in prop::sample::select(vec![
            Sharing::Replace, Sharing::Diversify { max_active: 2 }, Sharing::Specialize { keep: 1 }, Sharing::Ensemble { target: 1.0 },
            Sharing::ByState,
        ]),
    ) {
        let mut run = Simulated::new(facts(60, 2, 3), vec![USEFUL; 3]);
        run.policy.share = sharing;
        run.policy.isolate = isolate;
        run.policy.probe = probes.then_some(Probe { candidates: 3, over: Duration::Steps(60.0) });
        if eager {
            run.policy.trigger = Trigger::Periodic { every: Duration::Steps(1.0) };
            (run.policy.dwell, run.policy.blend.over, run.policy.holding) = (Duration::Steps(1.0), Duration::Steps(1.0), Duration::Steps(30.0));
        }
        let total = Settings::new(&run.policy, &run.state.facts).total_alpha();
        let mut step = 0;
        for (loss, seeds, refused, gone) in seen {
            let before = step;
            step += gone;
            let seeds = seeds.into_iter().map(|(id, gain, off, finite, alive)| SeedSeen {
                id,
                alpha: 0.0,
                gate: vec![(off, off - gain); 30],
                shadow_gain: Some(gain),
                gradient_ratio: None,
                alive: (usize::from(alive), 1),
                finite,
            });
            let refused = refused.into_iter().filter(|id| id % 4 == 0).map(|id| (id, "no".to_string())).collect();
            let seen = Observation { step, loss, loss_error: 0.1, seeds: seeds.collect(), refused, ..Observation::default() };
            let alphas: Vec<(u32, f64)> = run.state.seeds.keys().map(|id| (*id, run.state.alpha(*id, step))).collect();
            run.decide(&seen);
            for (id, alpha) in alphas {
                // a decision never makes α jump
                if run.state.seeds.contains_key(&id) && step < run.state.facts.total_steps {
                    prop_assert!((run.state.alpha(id, step) - alpha).abs() < 1e-9);
                    prop_assert!((run.state.alpha(id, step + 1) - run.state.alpha(id, step)).abs() <= LARGEST_CHANGE + 1e-9);
                }
            }
            for slot in 0..2 {
                let here = run.state.seeds.values().filter(|s| s.slot == slot && s.stage.joined());
                let shares: f64 = here.clone().map(|s| s.target).sum();
                prop_assert!(here.count() <= 3);
                prop_assert!(matches!(sharing, Sharing::ByState) || shares <= total + 1e-9, "shares {}", shares);
            }
            if step >= run.state.facts.total_steps {
                prop_assert!(run.state.seeds.values().all(|s| !s.stage.hopeful()), "alive after the end");
                break;
            }
            prop_assert!(before < step);
        }
        let mut stages: std::collections::BTreeMap<String, Stage> = Default::default();
        for (seed, from, to) in run.moves() {
            prop_assert_eq!(stages.insert(seed, to).unwrap_or(Stage::Dormant), from);
            prop_assert!(from.next().contains(&to));
        }
        for event in run.events() {
            prop_assert!(!event.sentence().is_empty());
        }
    }
}
