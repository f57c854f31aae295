//! Who decides what grows: nobody, a log that is replayed, or Tamiyo by the policies of the experiment.
use super::state::Effected;

/// How a run grows.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Growth {
    /// As the policies of its `grow` lines say.
    #[default]
    Policies,
    /// Not at all; the gate rows are withheld all the same. The twin that a growing run is compared with.
    Off,
    /// As another run did: its changes, at its steps.
    Replay(Vec<Effected>),
}

impl Growth {
    /// What a replayed log lets take effect after a step beyond `after` and up to `until`: at the first such step, everything.
    pub(crate) fn replayed(&self, after: u64, until: u64) -> Option<Effected> {
        let Growth::Replay(log) = self else { return None };
        let step = log.iter().map(|e| e.step).find(|step| *step > after && *step <= until)?;
        // What was decided earlier, and changes of α that needed nothing built, may fall on one step.
        let changes = log.iter().filter(|e| e.step == step).flat_map(|e| e.changes.iter().cloned());
        Some(Effected { step, changes: changes.collect() })
    }
}
