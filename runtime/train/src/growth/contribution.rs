//! What each fossil contributes to the network at the end of a run: Shapley values of the validation loss over which fossils count.
//!
//! Every setting is a network of its own: the fossils that are on keep their α, the others have 0, and everything else is as it is, running
//! statistics included. The settings are evaluated one after another on validation rows, never on gate rows.
use super::state::GrowthState;
use super::topology::{Change, Topology};
use crate::RunError;
use crate::checkpoint::StoredTensor;
use crate::data::{Batch, Dataset};
use crate::engine::{Engine, Prepared, Sizes};
use crate::programs::{ProgramSource, batch_sizes};
use crate::training::score;
use esper_device::Device;
use esper_ir::Model;
use esper_policy::{EXACT_UP_TO, Plan, Random, digits};
use serde::{Deserialize, Serialize};

/// Pairs of an order of the fossils and its reverse, where they are too many to measure every setting.
const PAIRS: usize = 4;
/// More fossils than this are not told apart.
const MOST: usize = 64;

/// What the fossils of a run contribute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contributions {
    /// The name of each fossil and by how much it lowers the loss, in nats a row. They sum to `without` less `with`.
    pub shares: Vec<(String, f64)>,
    /// The loss with every fossil's α at 0.
    pub without: f64,
    /// The loss as the network is.
    pub with: f64,
    /// How many settings were measured.
    pub settings: usize,
    /// Whether these are all, so that the values are exact; otherwise they are estimated from pairs of orders.
    pub exact: bool,
}

impl Contributions {
    /// How it was measured, in a sentence.
    pub fn method(&self) -> String {
        let what = if self.exact { "all settings" } else { "settings on pairs of an order and its reverse" };
        format!(
            "Shapley values of validation loss at the end, from {} of which fossils have their α and which 0 ({} evaluations): {} without any, {} with all. \
             They say what the network depends on now; what it gained by growing, its twin says.",
            what,
            self.settings,
            digits(self.without),
            digits(self.with)
        )
    }
    /// All of it in a sentence.
    pub fn sentence(&self) -> String {
        let shares: Vec<String> = self.shares.iter().map(|(name, share)| format!("{name} {}", digits(*share))).collect();
        format!("What each fossil lowers validation loss by: {}. {}", shares.join(", "), self.method())
    }
}

/// What an evaluation of a run needs.
pub(crate) struct Measuring<'a> {
    pub device: &'a dyn Device,
    pub source: &'a dyn ProgramSource,
    /// As it was lowered.
    pub model: &'a Model,
    /// Steps done.
    pub step: u64,
    /// Everything that is kept of the network.
    pub tensors: &'a [StoredTensor],
    pub dataset: &'a Dataset,
}

/// Measures the contributions; none where there are no fossils, too many, or no validation rows. `name` gives a seed's name by its number.
pub(crate) fn contributions(
    of: &Measuring,
    state: &GrowthState,
    batch: &mut Batch,
    name: impl Fn(u32) -> String,
) -> Result<Option<Contributions>, RunError> {
    let integrated = |c: &Change| if let Change::Integrate { id, .. } = c { Some(*id) } else { None };
    let fossils: Vec<u32> = state.log.iter().flat_map(|e| &e.changes).filter_map(integrated).collect();
    let rows = &of.dataset.split.val;
    if fossils.is_empty() || fossils.len() > MOST || rows.is_empty() {
        return Ok(None);
    }
    let plan = Plan::new(fossils.len(), PAIRS, &mut Random::new(of.model.settings.seed));
    let sizes = Sizes { eval: batch_sizes(rows.len(), of.model.settings.batch), ..Sizes::default() };
    let mut losses = vec![];
    for setting in &plan.settings {
        let on = |id: u32| fossils.iter().position(|f| *f == id).is_none_or(|i| setting & (1 << i) != 0);
        let mut topology = Topology::new(of.model.clone());
        for effected in &state.log {
            let mut changes = effected.changes.clone();
            for change in &mut changes {
                if let Change::Integrate { id, alpha, .. } = change
                    && !on(*id)
                {
                    *alpha = 0.0;
                }
            }
            topology = topology.after(&changes)?;
        }
        let model = topology.model()?;
        let programs = of.source.programs(&model, &topology.host)?;
        let mut engine = Engine::new(of.device, Prepared::new(of.device, &*programs, &model, &sizes)?, &model)?;
        engine.write_scalars(of.model.settings.seed, of.step, 0, 0)?;
        engine.restore(of.tensors)?.map_err(RunError::bug)?;
        engine.write_seed_scalars(state.scalars(of.step + 1))?;
        losses.push(score(&mut engine, of.model, &of.dataset.table, rows, batch)?.loss);
    }
    let all = (1u128 << fossils.len()) - 1;
    let loss = |setting: u64| plan.settings.iter().position(|s| *s == setting).map(|i| losses[i]);
    let shares = plan.contributions(&losses).ok_or_else(|| RunError::bug("a setting of the fossils was not measured"))?;
    Ok(Some(Contributions {
        shares: fossils.iter().map(|id| name(*id)).zip(shares).collect(),
        without: loss(0).unwrap_or(f64::NAN),
        with: loss(all as u64).unwrap_or(f64::NAN),
        settings: losses.len(),
        exact: fossils.len() <= EXACT_UP_TO,
    }))
}
