//! A made-up run: losses follow simple formulas, and the loop's side of the contract is kept as the real loop keeps it.
use esper_ir::{Duration, Initialiser, Policy};
use esper_policy::*;
use std::collections::BTreeMap;

/// What a made-up seed is worth.
#[derive(Clone, Copy, Debug)]
pub struct Worth {
    /// Nats per row that it gains at α = 1 once it has learnt.
    pub gain: f64,
    /// Deviation of that gain over rows.
    pub spread: f64,
}

/// A run with one kind of seed per candidate.
pub struct Simulated {
    pub policy: Policy,
    pub state: State,
    /// By candidate.
    pub worths: Vec<Worth>,
    /// Seeds in the program: germination → (candidate, in the program since).
    pub program: BTreeMap<u32, (usize, u64)>,
    /// What takes effect later.
    pending: Vec<(u64, Action)>,
    /// Gate rows asked for.
    asked: Vec<(u32, u64)>,
    /// What fossilised seeds gain.
    pub grown: f64,
    pub decisions: Vec<Decision>,
    pub random: Random,
    pub step: u64,
}

pub const EPOCH: u64 = 20;

pub fn facts(total_epochs: u64, slots: usize, candidates: usize) -> Facts {
    let candidate = |seed: usize| Candidate {
        seed,
        text: format!("Seed{seed}"),
        content: format!("content of {seed}"),
        costs: Costs { params: 100, step_flops: 1e5, eval_flops: 1e4, bytes: 1200 },
        initialisers: vec![Initialiser::ZeroLast, Initialiser::Gradmax(None)],
    };
    let place = |slot: usize| Place {
        slot,
        path: format!("slot{slot}"),
        kind: "f32[b, 8] -> f32[b, 8]".into(),
        candidates: (0..candidates).map(candidate).collect(),
    };
    Facts {
        seed: 1,
        steps_per_epoch: EPOCH,
        total_steps: total_epochs * EPOCH,
        decide_every: EPOCH,
        delay: EPOCH,
        host: Costs { params: 1000, step_flops: 1e6, eval_flops: 1e5, bytes: 12_000 },
        train_rows: 1000,
        gate_rows: 400,
        classes: Some(10),
        places: (0..slots).map(place).collect(),
    }
}

impl Simulated {
    pub fn new(facts: Facts, worths: Vec<Worth>) -> Simulated {
        // the specification's least dwell, which is long against these short epochs
        let policy = Policy { dwell: Duration::Steps(100.0), ..Policy::new("Default", Default::default()) };
        Simulated {
            policy,
            random: Random::new(facts.seed ^ 0xabcd),
            state: State::new(facts, Posterior::default()),
            worths,
            program: BTreeMap::new(),
            pending: vec![],
            asked: vec![],
            grown: 0.0,
            decisions: vec![],
            step: 0,
        }
    }
    /// A seed has learnt after eighty steps.
    fn learnt(&self, id: u32) -> f64 {
        self.program.get(&id).map_or(0.0, |(_, born)| (self.step.saturating_sub(*born) as f64 / 80.0).min(1.0))
    }
    fn gain(&self, id: u32) -> f64 {
        self.worths[self.program[&id].0].gain * self.learnt(id)
    }
    fn loss(&self) -> f64 {
        let joined: f64 = self.program.keys().map(|id| self.state.alpha(*id, self.step) * self.gain(*id)).sum();
        0.9 + 1.4 * (-(self.step as f64) / 60.0).exp() - self.grown - joined
    }
    pub fn observation(&mut self) -> Observation {
        let asked = std::mem::take(&mut self.asked);
        let mut seeds = vec![];
        for id in self.program.keys().copied().collect::<Vec<_>>() {
            let worth = self.worths[self.program[&id].0];
            let rows = asked.iter().filter(|(i, _)| *i == id).map(|(_, n)| *n).sum::<u64>();
            let alpha = self.state.alpha(id, self.step);
            let joined = self.state.seeds.get(&id).is_some_and(|s| s.stage.joined());
            let share = if joined { alpha } else { 1.0 };
            let (gain, host) = (self.gain(id) * share, self.loss());
            let gate = (0..rows)
                .map(|_| {
                    let off = (host + 0.3 * self.random.normal()).max(0.0);
                    (off, (off - gain - worth.spread * share * self.random.normal()).max(0.0))
                })
                .collect();
            let shadow_gain = Some(self.gain(id) + 0.002 * self.random.normal());
            seeds.push(SeedSeen { id, alpha, gate, shadow_gain, gradient_ratio: Some(1.0), alive: (2, 2), finite: true });
        }
        let loss = self.loss() + 0.004 * self.random.normal();
        Observation { step: self.step, loss, loss_error: 0.01, error: Some(loss / 3.0), seeds, ..Observation::default() }
    }
    /// Carries out what is due.
    fn carry_out(&mut self, action: Action) {
        match action {
            Action::Germinate { id, seed, .. } => {
                self.program.insert(id, (seed, self.step));
            }
            Action::Unload { id } => {
                self.program.remove(&id);
            }
            Action::Fossilise { id } => {
                self.grown += self.gain(id);
                self.program.remove(&id);
            }
            Action::StartBlending { .. } | Action::SetAlpha { .. } | Action::Restore { .. } | Action::SampleGate { .. } => {}
        }
    }
    /// To the next validation point, and what is decided there.
    pub fn advance(&mut self) {
        self.step += EPOCH;
        let (due, later) = std::mem::take(&mut self.pending).into_iter().partition(|(at, _)| *at <= self.step);
        self.pending = later;
        for (_, action) in due {
            self.carry_out(action);
        }
        let seen = self.observation();
        self.decide(&seen);
    }
    pub fn decide(&mut self, seen: &Observation) {
        let decision = decide(&self.policy, &mut self.state, seen);
        for action in &decision.actions {
            match action {
                Action::SampleGate { id, rows } => self.asked.push((*id, *rows)),
                other => self.pending.push((decision.effective, other.clone())),
            }
        }
        self.decisions.push(decision);
    }
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.decisions.iter().flat_map(|d| &d.events)
    }
    pub fn moves(&self) -> Vec<(String, Stage, Stage)> {
        self.events()
            .filter_map(|e| match e {
                Event::Moved { seed, from, to, .. } => Some((seed.clone(), *from, *to)),
                _ => None,
            })
            .collect()
    }
    pub fn story(&self) -> String {
        self.decisions.iter().flat_map(|d| d.events.iter().map(move |e| format!("{:>5} {}\n", d.step, e.sentence()))).collect()
    }
}
