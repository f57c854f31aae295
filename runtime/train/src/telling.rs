//! What a run tells of its growth: to its log, and to those who watch.
use crate::RunError;
use crate::checkpoint::Progress;
use crate::growth::{Change, Effected, Measuring, contributions};
use crate::training::Run;
use esper_telemetry::{Event, GrowthRecord, Observer};

impl Run<'_, '_, '_> {
    /// Tells that something decided earlier has taken effect.
    pub(crate) fn tell_effect(&mut self, effected: &Effected) -> Result<(), RunError> {
        let epoch = self.manifest.progress.epochs;
        for change in &effected.changes {
            let data = serde_json::to_value(change).map_err(|e| RunError::bug(e.to_string()))?;
            let (text, kind) = (change.sentence(self.model), "effect".to_string());
            self.tell(GrowthRecord { step: effected.step, epoch, policy: None, kind, text, data });
        }
        for text in std::mem::take(&mut self.growing.births) {
            let data = serde_json::Value::Null;
            self.tell(GrowthRecord { step: effected.step, epoch, policy: None, kind: "birth".to_string(), text, data });
        }
        Ok(())
    }

    /// At the end of the run: what each fossil contributes.
    pub(crate) fn tell_contributions(&mut self) -> Result<(), RunError> {
        let Progress { step, epochs: epoch, .. } = self.manifest.progress;
        if epoch < self.model.settings.epochs as u64 {
            return Ok(());
        }
        let (tensors, state) = (self.engine.tensors()?, &self.growing.state);
        let slots = &self.model.slots;
        let planted = |id: u32| {
            state.log.iter().flat_map(|e| &e.changes).find_map(|c| match c {
                Change::Plant { planting, .. } if planting.id == id => Some(slots[planting.slot].path.as_str()),
                _ => None,
            })
        };
        let name = |id| crate::story::name(self.model, id, planted(id).unwrap_or_default());
        let (device, source, dataset) = (self.options.device, self.source, &self.dataset);
        let measuring = Measuring { device, source, model: self.model, step, tensors: &tensors, dataset };
        let Some(found) = contributions(&measuring, state, &mut self.batch, name)? else { return Ok(()) };
        let data = serde_json::to_value(&found).map_err(|e| RunError::bug(e.to_string()))?;
        self.tell(GrowthRecord { step, epoch, policy: None, kind: "contributions".to_string(), text: found.sentence(), data });
        Ok(())
    }

    pub(crate) fn tell(&mut self, record: GrowthRecord) {
        let event = Event::Growth(record);
        self.log.event(&event);
        self.observer.event(&event);
    }
}
