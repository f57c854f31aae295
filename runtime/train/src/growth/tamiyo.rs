//! Tamiyo in a run: what she is shown at a validation point, and what becomes of her decisions.
use super::birth;
use super::growing::Growing;
use super::newborn::Boost;
use super::topology::Change;
use super::trial;
use crate::RunError;
use crate::data::{Batch, Dataset, Purpose, permute};
use crate::engine::{Engine, SeedScalars};
use crate::programs::ProgramSource;
use esper_ir::{Birth, BlendKind, Join, Model, Part, Planting, Policy};
use esper_policy::{Action, Candidate, Costs, Decision, Facts, Observation, Place, Posterior, SeedSeen, Settings, State};
use esper_telemetry::Scores;
use serde::{Deserialize, Serialize};

/// What Tamiyo remembers in a run: part of every checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tamiyo {
    /// One state a policy, in the order of [`Model::policies`].
    pub states: Vec<State>,
    /// Gate rows that the last decisions asked for: seed and number.
    pub samples: Vec<(u32, u64)>,
}

/// How long things take in a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lengths {
    pub epoch_steps: u64,
    pub total_steps: u64,
}

/// What was measured at a validation point.
pub(crate) struct Measured<'a> {
    pub step: u64,
    pub train: &'a Scores,
    pub val: Option<&'a Scores>,
}

/// A decision of one policy with the numbers that its seeds have in the run.
pub(crate) struct Decided {
    pub decision: Decision,
    /// Of what takes effect at [`Decision::effective`].
    pub changes: Vec<Change>,
    /// Of what takes effect now.
    pub at_once: Vec<Change>,
}

impl Tamiyo {
    /// Tamiyo at the start of a run. Every policy decides on its own slots.
    pub(crate) fn new(model: &Model, source: &dyn ProgramSource, dataset: &Dataset, lengths: Lengths) -> Result<Tamiyo, RunError> {
        let batch = model.settings.batch.min(dataset.split.train.len());
        let host = costs(model, model, source, batch)?;
        let mut states = vec![];
        for (number, policy) in model.policies.iter().enumerate() {
            let mut places = vec![];
            for (slot, of) in model.slots.iter().enumerate().filter(|(_, s)| s.policy == Some(number)) {
                let candidates = of.seeds.iter().map(|seed| candidate(model, source, policy, slot, *seed, host, batch));
                let kind = format!("{} -> {}", of.source, of.target);
                places.push(Place { slot, path: of.path.clone(), kind, candidates: candidates.collect::<Result<_, _>>()? });
            }
            let facts = Facts {
                seed: model.settings.seed ^ (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15),
                steps_per_epoch: lengths.epoch_steps,
                total_steps: lengths.total_steps,
                decide_every: lengths.epoch_steps,
                delay: lengths.epoch_steps,
                host,
                train_rows: dataset.split.train.len() as u64,
                gate_rows: dataset.split.gate.len() as u64,
                classes: model.classes,
                places,
            };
            states.push(State::new(facts, Posterior::default()));
        }
        Ok(Tamiyo { states, samples: vec![] })
    }

    /// The number in the run of a germination of one policy; the policies of a run take turns.
    fn global(&self, policy: usize, id: u32) -> u32 {
        (id - 1) * self.states.len() as u32 + policy as u32 + 1
    }

    /// The policy of a germination of the run, and its number there.
    fn local(&self, id: u32) -> (usize, u32) {
        let policies = self.states.len() as u32;
        (((id - 1) % policies) as usize, (id - 1) / policies + 1)
    }

    /// What each policy decides. Gate rows that were asked for are evaluated first.
    pub(crate) fn decide(
        &mut self,
        model: &Model,
        growing: &mut Growing,
        engine: &mut Engine,
        dataset: &Dataset,
        batch: &mut Batch,
        measured: &Measured,
    ) -> Result<Vec<Decided>, RunError> {
        let mut seen = self.look(model, growing, engine, dataset, batch, measured)?;
        self.samples.clear();
        let mut all = vec![];
        for (number, policy) in model.policies.iter().enumerate() {
            let own = std::mem::take(&mut seen[number]);
            let decision = esper_policy::decide(policy, &mut self.states[number], &own);
            let (mut changes, mut at_once) = (vec![], vec![]);
            for action in &decision.actions {
                self.carry_out(model, growing, policy, number, &decision, action, &mut changes, &mut at_once);
            }
            all.push(Decided { decision, changes, at_once });
        }
        growing.state.seeds.iter_mut().for_each(|s| s.sums = Default::default());
        Ok(all)
    }

    #[allow(clippy::too_many_arguments)]
    fn carry_out(
        &mut self,
        model: &Model,
        growing: &Growing,
        policy: &Policy,
        number: usize,
        decision: &Decision,
        action: &Action,
        changes: &mut Vec<Change>,
        at_once: &mut Vec<Change>,
    ) {
        match action {
            Action::Germinate { id, slot, seed, alpha, initialiser, .. } => {
                let settings = Settings::new(policy, &self.states[number].facts);
                let boost = Boost { rate: policy.newborn.rate, decay: settings.steps(policy.newborn.decay) as f64 };
                let join = match policy.blend.kind {
                    BlendKind::Lerp => Join::Lerp,
                    BlendKind::Multiply => Join::Multiply,
                    // The check refuses what cannot be joined yet.
                    BlendKind::Add | BlendKind::Gate | BlendKind::Mask => Join::Add,
                };
                let id = self.global(number, *id);
                let planting = Planting { id, slot: *slot, seed: *seed, part: Part::Shadow, join, opened: birth::is_opened(*initialiser) };
                let zeroed =
                    if model.seeds[*seed].birth == Birth::Unsaid { esper_pipeline::last_affine(&model.seeds[*seed]) } else { vec![] };
                changes.push(Change::Plant { planting, boost, zeroed, initialiser: *initialiser });
                changes.push(Change::Ramp { id, ramp: *alpha });
            }
            Action::StartBlending { id, ramp } => {
                let id = self.global(number, *id);
                changes.extend([Change::Join { id }, Change::Ramp { id, ramp: *ramp }]);
            }
            Action::SetAlpha { id, ramp } => at_once.push(Change::Ramp { id: self.global(number, *id), ramp: *ramp }),
            Action::Fossilise { id } => {
                let id = self.global(number, *id);
                if let Some(seed) = growing.state.seeds.iter().find(|s| s.id == id) {
                    changes.push(Change::Integrate { id, alpha: seed.ramp.at(decision.effective), born: seed.born });
                }
            }
            Action::Unload { id } => {
                let id = self.global(number, *id);
                if growing.state.seeds.iter().any(|s| s.id == id) {
                    changes.push(Change::Remove { id });
                }
            }
            Action::Restore { id } => changes.push(Change::Restore { id: self.global(number, *id) }),
            Action::SampleGate { id, rows } => self.samples.push((self.global(number, *id), *rows)),
        }
    }

    /// What there is to see, for each policy.
    fn look(
        &self,
        model: &Model,
        growing: &mut Growing,
        engine: &mut Engine,
        dataset: &Dataset,
        batch: &mut Batch,
        measured: &Measured,
    ) -> Result<Vec<Observation>, RunError> {
        let step = measured.step;
        let scores = measured.val.unwrap_or(measured.train);
        let accuracy = scores.metrics.0.iter().find(|(name, _)| name == "accuracy").map(|(_, value)| *value);
        let rows = &dataset.split.val;
        let live = !growing.state.seeds.is_empty();
        let losses = if live || model.classes.is_none() { trial::rows(engine, &dataset.table, batch, rows)? } else { vec![] };
        let general = Observation {
            step,
            loss: scores.loss,
            loss_error: standard_error(&losses),
            error: accuracy.map(|a| 1.0 - a),
            training_loss: Some(measured.train.loss),
            loss_quantile: model.classes.is_none().then(|| quantile(losses, CAP)).flatten(),
            ..Observation::default()
        };
        let mut seen = vec![general; self.states.len()];
        for (id, why) in std::mem::take(&mut growing.state.quarantined) {
            let (policy, local) = self.local(id);
            seen[policy].refused.push((local, why));
        }
        let scalars: Vec<SeedScalars> = growing.state.scalars(step + 1).collect();
        let network: u64 = growing.host().parameters.iter().map(|p| p.ty.elements().unwrap_or(0) as u64).sum();
        let ids: Vec<u32> = growing.state.seeds.iter().map(|s| s.id).collect();
        for (number, id) in ids.into_iter().enumerate() {
            let joined = growing.is_joined(id);
            let wanted = self.samples.iter().find(|(seed, _)| *seed == id).map_or(0, |(_, rows)| *rows as usize);
            let mut order = dataset.split.gate.clone();
            permute(model.settings.seed, Purpose::Gate, id, &mut order);
            let own: u64 = growing.model().parameters[growing.model().live[number].parameters.clone()]
                .iter()
                .map(|p| p.ty.elements().unwrap_or(0) as u64)
                .sum();
            let alive = engine.alive_gradients(&growing.model().parameters[growing.model().live[number].parameters.clone()])?;
            let Some((_, seed)) = growing.seed(id) else { continue };
            let rows = &order[seed.gate_rows.min(order.len())..(seed.gate_rows + wanted).min(order.len())];
            seed.gate_rows += rows.len();
            let target = if joined { scalars[number].alpha } else { 1.0 };
            let gate = trial::pairs(engine, &dataset.table, batch, rows, &scalars, number, target)?;
            let batches = seed.sums.batches.max(1) as f64;
            let root_mean_square = |norm: f64, count: u64| norm / batches / (count.max(1) as f64).sqrt();
            let ratio = root_mean_square(seed.sums.norm, own) / root_mean_square(seed.sums.network_norm, network);
            let (policy, local) = self.local(id);
            seen[policy].seeds.push(SeedSeen {
                id: local,
                alpha: scalars[number].alpha,
                gate,
                shadow_gain: (!joined && seed.sums.batches > 0).then_some((seed.sums.without - seed.sums.with) / batches),
                gradient_ratio: (seed.sums.batches > 0).then_some(ratio),
                alive,
                finite: (seed.sums.with + seed.sums.norm).is_finite(),
            });
        }
        Ok(seen)
    }
}

/// The quantile of the host's losses above which those of a regression are capped in the gain test.
const CAP: f64 = 0.95;

/// The standard error of a mean.
fn standard_error(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    if n < 2.0 {
        return 0.0;
    }
    let mean = values.iter().sum::<f64>() / n;
    (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0) / n).sqrt()
}

fn quantile(mut values: Vec<f64>, share: f64) -> Option<f64> {
    values.retain(|v| v.is_finite());
    values.sort_by(f64::total_cmp);
    values.get(((values.len() as f64 * share) as usize).min(values.len().saturating_sub(1))).copied()
}

/// What a model costs; `host` is the same without its live seeds.
fn costs(model: &Model, host: &Model, source: &dyn ProgramSource, batch: usize) -> Result<Costs, RunError> {
    let params: u64 = model.parameters.iter().map(|p| p.ty.elements().unwrap_or(0) as u64).sum();
    let programs = source.programs(model, host)?;
    let states = 1 + model.optimizer.states.len() as u64;
    Ok(Costs {
        params,
        step_flops: programs.step_flops(batch)?.map_or(0.0, |n| n as f64),
        eval_flops: programs.eval_flops(batch)?.map_or(0.0, |n| n as f64 / batch as f64),
        bytes: 4 * params * states,
    })
}

/// A candidate with what one of it adds, its shadow tail included.
fn candidate(
    model: &Model,
    source: &dyn ProgramSource,
    policy: &Policy,
    slot: usize,
    seed: usize,
    host: Costs,
    batch: usize,
) -> Result<Candidate, RunError> {
    let planting = |part| Planting { id: 1, slot, seed, part, join: Join::Add, opened: false };
    let shadow = costs(&esper_pipeline::graft(model, &[planting(Part::Shadow)])?, model, source, batch)?;
    let joined = costs(&esper_pipeline::graft(model, &[planting(Part::Joined)])?, model, source, batch)?;
    let of = &model.seeds[seed];
    Ok(Candidate {
        seed,
        text: of.text.clone(),
        content: blake3::hash(esper_ir::print(&of.eval).as_bytes()).to_hex().to_string(),
        costs: Costs {
            params: shadow.params - host.params,
            step_flops: shadow.step_flops - host.step_flops,
            eval_flops: joined.eval_flops - host.eval_flops,
            bytes: shadow.bytes - host.bytes,
        },
        initialisers: policy.init.iter().filter(|i| birth::fits(**i, of)).copied().collect(),
    })
}
