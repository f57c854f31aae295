//! The story as a report: `report.html` of a run, rendered from its log alone, so that the same run gives the same bytes.
use super::{About, Story, text};
use crate::{RunError, RunFolder};
use esper_ir::{Input, Model, NodeId, Op};
use esper_telemetry::{DecisionRow, EpochRecord, Grown, GrowthReport, Layer, Network, Place, Report, SeedLane, StageSpan, render_report};
use std::collections::BTreeSet;

/// Points of a curve of α, at least.
const POINTS: u64 = 400;

/// Renders `report.html` anew from what is in a run's folder. `beside` are runs whose curves are drawn too: what they are called, and their
/// folders.
pub fn write_report(folder: &RunFolder, model: &Model, beside: &[(String, RunFolder)]) -> Result<(), RunError> {
    // A run that an older build began, and this one ended, has a report too.
    let story = Story::assembled(folder, model)?;
    let growth = (!story.policies.is_empty() && !story.entries.is_empty()).then(|| story.growth_report(model));
    let of = |(name, folder): &(String, RunFolder)| Ok::<_, RunError>((name.clone(), epochs(folder)?));
    let beside = beside.iter().map(of).collect::<Result<Vec<_>, _>>()?;
    let text = |name: &str| folder.read(name).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let page = render_report(&Report {
        title: &folder.name(),
        summary: &text("summary.txt")?,
        configuration: &text("config.resolved.json")?,
        epochs: &story.epochs,
        growth: growth.as_ref(),
        beside: &beside,
    });
    folder.write("report.html", page.as_bytes())
}

/// The epochs in a run's log.
pub fn epochs(folder: &RunFolder) -> Result<Vec<EpochRecord>, RunError> {
    let lines = super::log::read(folder)?.lines.into_iter();
    Ok(lines
        .filter_map(|line| match line {
            super::log::Line::Event(esper_telemetry::Event::Epoch(record)) => Some(record),
            _ => None,
        })
        .collect())
}

impl Story {
    /// What a report shows of growth; `model` is the one of the run's artifact.
    pub fn growth_report(&self, model: &Model) -> GrowthReport {
        let steps = self.steps();
        let epoch_steps = self.epochs.last().map_or(1.0, |e| e.step as f64 / e.epoch as f64).max(1.0);
        let seeds = self.seeds.iter().map(|seed| {
            let stride = (steps / POINTS).max(1);
            let last = seed.ramps.last().map_or(0, |(since, ramp)| (*since).max(ramp.end())).min(steps);
            // The curve begins where those of losses do, after the first epoch.
            let first = (epoch_steps as u64).min(last);
            // Where the run goes on with a fossil, its α does too; what left has none.
            let end = if seed.fossilised() { steps } else { last };
            let moments = (first..=end).step_by(stride as usize).chain([end]);
            SeedLane {
                name: seed.name.clone(),
                slot: seed.slot.clone(),
                blueprint: seed.blueprint.clone(),
                stages: seed.stages.iter().map(|(s, stage)| StageSpan { name: stage.to_string(), from: *s as f64 / epoch_steps }).collect(),
                alpha: moments.map(|step| (step as f64 / epoch_steps, seed.alpha(step))).collect(),
                outcome: text::outcome(seed),
            }
        });
        GrowthReport {
            slots: self.slots.clone(),
            seeds: seeds.collect(),
            epochs: steps as f64 / epoch_steps,
            network: self.network(model),
            decisions: self.decisions(),
            contributions: self.contributions.as_ref().map(|c| (c.method(), c.shares.clone())),
            verdict: self.verdict.clone(),
        }
    }

    fn decisions(&self) -> Vec<DecisionRow> {
        let mut about: Vec<About> = vec![];
        for entry in &self.entries {
            if !about.contains(&entry.about) {
                about.push(entry.about.clone());
            }
        }
        let mut rows: Vec<DecisionRow> = vec![];
        for about in about {
            let name = match &about {
                About::Policy(number) => self.policies.get(*number).map_or("policy".to_string(), |p| p.name.clone()),
                About::Slot(path) => path.clone(),
                About::Run => "run".to_string(),
            };
            rows.extend(self.groups(&about).into_iter().map(|group| DecisionRow {
                epochs: (group.first.epoch, group.last.epoch),
                step: group.last.step,
                about: name.clone(),
                times: group.count,
                text: group.last.text.clone(),
                details: group.last.details.clone(),
            }));
        }
        rows.sort_by_key(|row| row.step);
        rows
    }

    /// The picture of the network: where each slot stands follows from what its value is calculated from.
    fn network(&self, model: &Model) -> Network {
        // What was made is not always called in that order, and a layer without parameters of its own has no place in the calculation.
        let first = |path: &str| {
            let own = |n: &NodeId| matches!(model.predict.op(*n), Op::Input(Input::Parameter(p)) if model.parameters[*p].owner.0 == path);
            let users = |n: NodeId| model.predict.users(n).first().copied();
            model.predict.ids().filter(own).filter_map(users).min()
        };
        let mut layers: Vec<(NodeId, &super::Block)> =
            self.network.iter().filter(|b| b.alpha.is_none()).filter_map(|b| Some((first(&b.path)?, b))).collect();
        layers.sort_by_key(|(node, _)| *node);
        let before = |node: NodeId| {
            let above = ancestors(model, node);
            layers.iter().filter(|(first, _)| above.contains(first)).count()
        };
        let places = model.predict.ids().filter_map(|node| match (model.predict.op(node), model.predict.args(node)) {
            (Op::Slot { slot }, [target, source]) if model.slots[*slot].policy.is_some() => {
                let (from, to) = (before(*source), before(*target));
                Some(Place { path: model.slots[*slot].path.clone(), from: from.min(to), to })
            }
            _ => None,
        });
        Network {
            places: places.collect(),
            layers: layers
                .iter()
                .map(|(_, b)| Layer {
                    path: b.path.clone(),
                    blueprint: b.blueprint.clone(),
                    shapes: format!("{} → {}", b.input, b.output),
                    parameters: b.parameters,
                })
                .collect(),
            grown: self
                .network
                .iter()
                .filter_map(|b| {
                    Some(Grown {
                        alpha: b.alpha?,
                        name: b.path.clone(),
                        slot: b.path.rsplit_once('#').map_or(String::new(), |(slot, _)| slot.to_string()),
                        blueprint: b.blueprint.clone(),
                        parameters: b.parameters,
                        fossilised: b.fossilised,
                    })
                })
                .collect(),
            host: self.parameters_before,
        }
    }
}

/// All that a node is calculated from, itself included.
fn ancestors(model: &Model, node: NodeId) -> BTreeSet<NodeId> {
    let (mut seen, mut open) = (BTreeSet::new(), vec![node]);
    while let Some(node) = open.pop() {
        if seen.insert(node) {
            open.extend(model.predict.args(node));
        }
    }
    seen
}
