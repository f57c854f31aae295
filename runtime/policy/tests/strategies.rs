//! How seeds share a slot: what each strategy does to their α, step by step.
mod simulated;
use esper_ir::{BlendKind, Duration, Sharing, Trigger};
use esper_policy::{Action, Event, Stage};
use simulated::{EPOCH, Simulated, Worth, facts};

/// What the seeds gain, in nats.
const RISING: [f64; 3] = [0.2, 0.3, 0.45];

/// A run of one slot with three useful seeds, planted one after the other; α of all seeds after every step.
fn run(share: Sharing, blend: BlendKind, gains: [f64; 3]) -> (Simulated, Vec<Vec<f64>>) {
    let worth = |gain| Worth { gain, spread: 0.1 };
    let mut run = Simulated::new(facts(120, 1, 3), gains.map(worth).to_vec());
    run.policy.share = share;
    run.policy.blend.kind = blend;
    run.policy.capacity = 3;
    run.policy.trigger = Trigger::Periodic { every: Duration::Epochs(4.0) };
    // long enough for all of them to meet
    run.policy.holding = Duration::Epochs(200.0);
    run.policy.init.truncate(1);
    let mut alphas = vec![];
    while run.step < 110 * EPOCH {
        let before = run.step;
        run.advance();
        // the steps up to the next decision, as this one leaves them
        let ids: Vec<u32> = (1..=run.state.tally.germinated).collect();
        alphas.extend((before..run.step).map(|step| ids.iter().map(|id| run.state.alpha(*id, step + EPOCH)).collect::<Vec<f64>>()));
    }
    (run, alphas)
}

fn joined(run: &Simulated) -> Vec<(u32, f64)> {
    run.state.seeds.values().filter(|s| s.stage.joined()).map(|s| (s.id, s.ramp.at(run.step))).collect()
}

#[test]
fn diversify_lets_seeds_of_different_kinds_stand_side_by_side_up_to_its_bound() {
    let (run, _) = run(Sharing::Diversify { max_active: 2 }, BlendKind::Add, RISING);
    assert_eq!(joined(&run).iter().map(|(_, a)| *a).collect::<Vec<_>>(), [1.0, 1.0], "{}", run.story());
    assert!(run.events().any(|e| e.sentence().contains("seeds that take part in the slot: 2, less than 2 wanted")), "{}", run.story());
    assert!(run.events().any(|e| e.sentence().contains("of the same kind grows there")));
}

#[test]
fn shares_of_a_lerp_never_exceed_the_whole() {
    let (run, alphas) = run(Sharing::Diversify { max_active: 2 }, BlendKind::Lerp, RISING);
    assert_eq!(joined(&run).iter().map(|(_, a)| *a).collect::<Vec<_>>(), [0.5, 0.5], "{}", run.story());
    assert!(alphas.iter().all(|a| a.iter().sum::<f64>() <= 1.0 + 1e-12));
}

#[test]
fn replace_hands_alpha_over_with_a_constant_sum_and_only_to_a_better_one() {
    let (run, alphas) = run(Sharing::Replace, BlendKind::Add, RISING);
    let replaced = run.moves().iter().filter(|(_, from, to)| (*from, *to) == (Stage::Holding, Stage::Pruned)).count();
    assert!(replaced >= 1, "{}", run.story());
    // from the first arrival on the shares sum to one, in the middle of every exchange too
    let first = alphas.iter().position(|a| a.iter().sum::<f64>() >= 1.0).expect("one arrives");
    for a in &alphas[first..] {
        assert!((a.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{a:?}\n{}", run.story());
    }
    let gains: Vec<f64> = run.state.seeds.values().filter(|s| s.stage.joined()).filter_map(|s| s.test?.mean_gain()).collect();
    let left: Vec<f64> = run.state.seeds.values().filter(|s| s.stage == Stage::Embargoed).filter_map(|s| s.test?.mean_gain()).collect();
    assert!(gains.len() == 1 && left.iter().all(|g| *g < gains[0]));
}

#[test]
fn ensemble_gives_every_seed_the_same_share() {
    let (run, alphas) = run(Sharing::Ensemble { target: 1.2 }, BlendKind::Add, [0.3; 3]);
    let shares = joined(&run);
    assert!(shares.len() == 3 && shares.iter().all(|(_, a)| (a - 0.4).abs() < 1e-12), "{shares:?}\n{}", run.story());
    assert!(alphas.iter().all(|a| a.iter().sum::<f64>() <= 1.2 + 1e-9));
    assert!(
        run.decisions.iter().flat_map(|d| &d.actions).any(|a| matches!(a, Action::SetAlpha { ramp, .. } if (ramp.to - 0.4).abs() < 1e-12))
    );
}

#[test]
fn specialise_keeps_the_best_which_takes_over_the_share_of_the_rest() {
    let (run, _) = run(Sharing::Specialize { keep: 1 }, BlendKind::Add, RISING);
    let why = |e: &&Event| matches!(e, Event::Moved { to: Stage::Pruned, .. }) && e.sentence().contains("other seeds take its share");
    assert!(run.events().filter(why).count() >= 1, "{}", run.story());
    let left = joined(&run);
    assert!(!left.is_empty() && left.iter().all(|(_, a)| *a <= 1.0), "{}", run.story());
}

#[test]
fn tamiyo_diversifies_while_there_is_room_and_replaces_when_there_is_none() {
    let (run, _) = run(Sharing::ByState, BlendKind::Add, RISING);
    assert!(joined(&run).len() > 1 || run.moves().iter().any(|(_, from, to)| (*from, *to) == (Stage::Holding, Stage::Pruned)));
}
