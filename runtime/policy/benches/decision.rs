//! How long a decision takes: `cargo bench -p esper-policy` prints it for every selection rule, over 36 arms that share what is known.
use esper_ir::{Policy, Selection};
use esper_policy::*;
use std::hint::black_box;
use std::time::Instant;

const TIMES: u32 = 200;
const BATCHES: u32 = 50;

/// The fastest of several batches: what else the machine does is no part of a decision.
fn microseconds(mut what: impl FnMut()) -> f64 {
    let mut batch = || {
        let start = Instant::now();
        (0..TIMES).for_each(|_| what());
        start.elapsed().as_secs_f64() * 1e6 / f64::from(TIMES)
    };
    (0..BATCHES).map(|_| batch()).fold(f64::INFINITY, f64::min)
}

fn main() {
    let mut known = Posterior::default();
    let mut arms: Vec<ArmRows> = vec![];
    for blueprint in 0..6 {
        for initialiser in ["zero_last", "gradmax", "cascor"] {
            for slot in ["early", "late"] {
                let parts = [Part::Blueprint(blueprint.to_string()), Part::Initialiser(initialiser.into()), Part::Slot(slot.into(), 0)];
                arms.push(known.rows(&parts).try_into().expect("three rows"));
            }
        }
    }
    let mut random = Random::new(1);
    for _ in 0..30 {
        known.learn(&arms[random.below(arms.len())], random.uniform(), 1.0);
    }
    println!("selecting among {} arms (goal: under 10 µs)", arms.len());
    for rule in [
        Selection::Ucb { exploration: 1.0 },
        Selection::UcbTuned,
        Selection::ThompsonBeta { alpha: 1.0, beta: 1.0 },
        Selection::Thompson,
        Selection::EpsilonGreedy { epsilon: 0.1, decay: 1.0 },
        Selection::PerformanceWeighted { temperature: 1.0 },
        Selection::SuccessiveHalving,
        Selection::RoundRobin,
    ] {
        let mut memory = Memory::default();
        let time = microseconds(|| {
            black_box(pick(rule, &known, &mut memory, black_box(&arms), &[], 1, &mut random));
        });
        println!("  {rule:<48} {time:>7.2} µs", rule = format!("{rule:?}"));
    }
    let mut state = State::new(Facts { steps_per_epoch: 20, total_steps: 1 << 40, ..Facts::default() }, known);
    let policy = Policy::new("Default", Default::default());
    let mut step = 0;
    let time = microseconds(|| {
        step += 20;
        let seen = Observation { step, loss: 1.0 / step as f64, ..Observation::default() };
        black_box(decide(&policy, &mut state, &seen));
    });
    println!("a whole decision without a planting                {time:>7.2} µs");
}
