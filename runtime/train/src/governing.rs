//! The governor in the loop: a bad step is not committed; the run goes back to the last good state, and something is changed.
use crate::RunError;
use crate::checkpoint::{Progress, StoredTensor};
use crate::growth::{Change, Effected, GrowthState, Snapshots, Tensors};
use crate::training::Run;
use esper_ir::OnNonFinite;
use esper_policy::{Alarm, Response};
use esper_telemetry::GrowthRecord;
use serde::{Deserialize, Serialize};

/// The state at the last validation point, or at the start: what a run goes back to.
#[derive(Clone, Debug)]
pub(crate) struct Good {
    pub tensors: Vec<StoredTensor>,
    pub snapshots: Snapshots,
    pub noted: Noted,
}

/// The part of the last good state that a manifest holds, where it is not the state of the checkpoint itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Noted {
    /// How far the run had come.
    pub progress: Progress,
    /// What grew.
    pub growth: GrowthState,
}

impl Run<'_, '_, '_> {
    /// Whether the run goes back where something is not normal.
    pub(crate) fn goes_back(&self) -> bool {
        self.model.settings.on_nonfinite == OnNonFinite::Rollback
    }

    /// Takes note that the state is good, where the run may go back to it.
    pub(crate) fn note_good(&mut self) -> Result<(), RunError> {
        if self.goes_back() {
            let noted = Noted { progress: self.manifest.progress.clone(), growth: self.growing.state.clone() };
            self.good = Some(Good { tensors: self.engine.tensors()?, snapshots: self.growing.snapshots.clone(), noted });
        }
        Ok(())
    }

    /// The last good state as a checkpoint holds it: none where it is the state of now.
    pub(crate) fn good_apart(&self) -> Option<&Good> {
        self.good.as_ref().filter(|good| good.noted.progress.step != self.manifest.progress.step)
    }

    /// The last good state of a resumed run.
    pub(crate) fn restore_good(&mut self, tensors: &Tensors) -> Result<(), RunError> {
        match (self.manifest.good.take(), &tensors.good) {
            (Some(noted), Some((own, snapshots))) => {
                self.good = Some(Good { tensors: own.clone(), snapshots: snapshots.clone(), noted });
                Ok(())
            }
            _ => self.note_good(),
        }
    }

    /// Goes back to the last good state and changes something: the newest seed that counts is taken out, or the learning rate halves. The
    /// step that was not committed is not part of that state. False where the run is to stop.
    pub(crate) fn go_back(&mut self, step: u64, alarm: Alarm) -> Result<bool, RunError> {
        let newest = self.growing.newest_joined();
        // Without a learning rate there is nothing to halve.
        let possible = self.goes_back() && (newest.is_some() || self.model.optimizer.learning_rate().is_some());
        let response = self.growing.state.governor.respond(step, newest, possible);
        let (Some(good), false) = (self.good.clone(), response == Response::Stop) else { return Ok(false) };
        let change = match response {
            Response::Quarantine { id } => Change::Quarantine { id },
            Response::HalveRate | Response::Stop => Change::HalveRate,
        };
        let Noted { progress, growth } = good.noted;
        let mut state = GrowthState { governor: std::mem::take(&mut self.growing.state.governor), ..growth };
        if let Change::Quarantine { id } = change {
            state.cancel(id);
            state.quarantined.push((id, format!("quarantined, because {alarm} in step {step}")));
        }
        let effected = Effected { step: progress.step, changes: vec![change] };
        state.effect(effected.clone());
        let mut snapshots = good.snapshots;
        snapshots.retain(|id, _| state.seeds.iter().any(|s| s.id == *id));
        let (prepared, model) = self.growing.go_back(self.model, state, snapshots)?;
        self.engine.replace(self.options.device, prepared, &model)?;
        self.engine.restore_known(&good.tensors)?;
        self.manifest.progress = progress;
        self.metrics.fill(0.0);
        let epoch = self.manifest.progress.epochs;
        let text = format!("{alarm} in step {step}: the run {response}, after step {}", self.manifest.progress.step);
        let data = serde_json::json!({ "alarm": alarm, "response": response, "at": step });
        self.tell(GrowthRecord { step: self.manifest.progress.step, epoch, policy: None, kind: "rollback".into(), text, data });
        self.tell_effect(&effected)?;
        // What was good is so still, with what was changed: another alarm goes back to here.
        self.note_good()?;
        Ok(true)
    }
}
