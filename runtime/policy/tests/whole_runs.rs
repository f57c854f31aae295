//! Whole runs under the default policy: what is useful stays, what is not goes, and silence is loud.
mod simulated;
use esper_ir::*;
use esper_policy::{Decision, Event, LARGEST_CHANGE, Observation, SeedSeen, Settings, Stage, State, decide};
use proptest::prelude::*;
use simulated::{Simulated, Worth, facts};

const USEFUL: Worth = Worth { gain: 0.4, spread: 0.2 };
const USELESS: Worth = Worth { gain: 0.0, spread: 0.2 };
const HARMFUL: Worth = Worth { gain: -0.3, spread: 0.2 };

fn to_the_end(run: &mut Simulated) {
    while run.step < run.state.facts.total_steps {
        run.advance();
    }
}

#[test]
fn a_useful_seed_becomes_part_of_the_network_unaided() {
    let mut run = Simulated::new(facts(80, 1, 1), vec![USEFUL]);
    to_the_end(&mut run);
    let path: Vec<Stage> = run.moves().iter().filter(|(seed, ..)| seed == "slot0#1").map(|(.., to)| *to).collect();
    use Stage::*;
    assert_eq!(path, [Germinated, Training, Blending, Holding, Fossilized], "{}", run.story());
    assert!(run.grown > 0.3);
}

#[test]
fn a_useless_and_a_harmful_seed_are_pruned_and_their_slot_rests_longer_each_time() {
    for worth in [USELESS, HARMFUL] {
        let mut run = Simulated::new(facts(150, 1, 1), vec![worth]);
        to_the_end(&mut run);
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
    to_the_end(&mut run);
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

/// From every stage every stage that may follow is reached under the default policy, by what a run can show it.
#[test]
fn every_legal_step_of_a_life_is_taken_under_the_default_policy() {
    let mut taken: std::collections::BTreeSet<(Stage, Stage)> = Default::default();
    let mut note = |run: &Simulated| taken.extend(run.moves().into_iter().map(|(_, from, to)| (from, to)));
    // a useful one lives to the end, a useless one is given up and its place is free again
    for worth in [USEFUL, USELESS] {
        let mut run = Simulated::new(facts(120, 1, 1), vec![worth]);
        to_the_end(&mut run);
        note(&run);
    }
    // refused by the forge, not finite while it blends, and spoken against while it holds
    for stage in [Stage::Germinated, Stage::Blending, Stage::Holding] {
        let mut run = Simulated::new(facts(120, 1, 1), vec![USEFUL]);
        let there = |run: &Simulated| run.state.seeds.values().any(|s| s.stage == stage);
        while !there(&run) {
            run.advance();
        }
        for _ in 0..6 {
            run.step += 1;
            let mut seen = run.observation();
            match stage {
                Stage::Germinated => seen.refused = vec![(1, "its values differ from the interpreter's".into())],
                Stage::Blending => seen.seeds.iter_mut().for_each(|s| s.finite = false),
                _ => seen.seeds.iter_mut().for_each(|s| s.gate = vec![(0.5, 1.5); 20]),
            }
            run.decide(&seen);
        }
        assert!(run.moves().iter().any(|(_, from, to)| (*from, *to) == (stage, Stage::Pruned)), "{stage}: {}", run.story());
        note(&run);
    }
    let legal = Stage::ALL.iter().flat_map(|from| from.next().iter().map(move |to| (*from, *to))).collect();
    assert_eq!(taken, legal);
}

#[test]
fn probes_are_halved_and_the_best_goes_on_without_a_rest_for_the_slot() {
    let mut run = Simulated::new(facts(100, 1, 4), vec![USELESS, Worth { gain: 0.05, spread: 0.2 }, USEFUL, HARMFUL]);
    run.policy.probe = Some(Probe { candidates: 4, over: Duration::Steps(60.0) });
    to_the_end(&mut run);
    let halved: Vec<usize> = run.events().filter_map(|e| if let Event::Halved { kept, .. } = e { Some(*kept) } else { None }).collect();
    assert_eq!(halved[..2], [2, 1], "{}", run.story());
    assert!(run.state.fossils[0].arm.contains("Seed2"), "{}", run.story());
    assert!(
        !run.decisions
            .iter()
            .take_while(|d| !d.events.iter().any(|e| matches!(e, Event::Halved { kept: 1, .. })))
            .any(|d| d.events.iter().any(|e| matches!(e, Event::Embargo { .. })))
    );
    // what was learnt is there for the next run
    let rewards = run.events().filter(|e| matches!(e, Event::Rewarded { .. })).count();
    assert!(run.state.trials.len() == rewards && run.state.trials.iter().any(|t| t.blueprint == "content of 2" && t.reward > 0.8));
}

#[test]
fn rules_and_budgets_of_a_policy_are_kept_and_named() {
    let signal = |s| Box::new(Amount::Signal(s));
    let compare = |s, how, bound| Condition::Compare(Amount::Signal(s), how, Amount::Number(bound));
    let mut run = Simulated::new(facts(100, 1, 1), vec![USEFUL]);
    run.policy.budget = vec![Condition::Compare(
        Amount::Signal(Signal::Params),
        Comparison::LessEqual,
        Amount::Of(Arithmetic::Mul, Box::new(Amount::Number(0.05)), signal(Signal::HostParams)),
    )];
    to_the_end(&mut run);
    assert_eq!(run.state.tally.germinated, 0);
    assert!(run.story().contains("slot0: Seed0 was left out: params: 100, at most 50 wanted"), "{}", run.story());
    assert!(run.story().contains("THE POLICY NEVER ACTED"));

    let mut run = Simulated::new(facts(100, 1, 1), vec![USEFUL]);
    run.policy.rules = vec![PolicyRule {
        verb: Verb::Prune,
        condition: compare(Signal::GradRatio, Comparison::Less, 2.0),
        lasting: Some(Duration::Epochs(3.0)),
    }];
    to_the_end(&mut run);
    let first = run.events().find(|e| matches!(e, Event::Moved { to: Stage::Pruned, .. })).expect("it is given up").sentence();
    assert!(first.contains("the policy says: prune when grad_ratio < 2 for epochs(3)"), "{first}");
    let times: Vec<u64> =
        run.decisions.iter().filter(|d| d.events.iter().any(|e| e.sentence().contains("slot0#1: "))).map(|d| d.step).collect();
    assert_eq!(times[2] - times[1], 3 * simulated::EPOCH, "{}", run.story());
}

#[test]
fn a_network_that_is_worse_without_a_seed_than_before_it_gets_its_old_state_back() {
    let mut run = Simulated::new(facts(120, 1, 1), vec![USEFUL]);
    while !run.state.seeds.values().any(|s| s.stage == Stage::Holding) {
        run.advance();
    }
    let mut restored = false;
    for _ in 0..8 {
        run.step += simulated::EPOCH;
        let mut seen = run.observation();
        // it went bad, and the host had come to lean on it
        seen.seeds.iter_mut().for_each(|s| s.gate = vec![(0.5, 1.5); 20]);
        seen.loss = 3.0;
        run.decide(&seen);
        restored |= run.decisions.last().unwrap().actions.iter().any(|a| matches!(a, esper_policy::Action::Restore { id: 1 }));
    }
    assert!(restored, "{}", run.story());
}
