//! The events of a run, in the order they happen, and who may watch them.
use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Named numbers in their order; a JSON object. What is not finite is written as `null` and read as NaN.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Values(pub Vec<(String, f64)>);

impl Values {
    /// The value of that name.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, v)| *v)
    }
}

impl Serialize for Values {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, &value.is_finite().then_some(*value))?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Values, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Values;
            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("an object of numbers")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Values, A::Error> {
                let mut values = vec![];
                while let Some((name, value)) = map.next_entry::<String, Option<f64>>()? {
                    values.push((name, value.unwrap_or(f64::NAN)));
                }
                Ok(Values(values))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// The loss and the metrics over some rows: means over rows, summed in double precision.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// The mean loss of a row.
    pub loss: f64,
    /// The metrics in the order of the experiment.
    pub metrics: Values,
}

/// One training step, after it was committed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// Steps done in the run, this one included.
    pub step: u64,
    /// The epoch it belongs to, from 1.
    pub epoch: u64,
    /// Its place in the epoch, from 1.
    pub step_in_epoch: u64,
    /// Rows of its batch.
    pub rows: usize,
    /// The mean loss of its batch.
    pub loss: f64,
    /// The first run-time scalar of the optimizer, its learning rate.
    pub learning_rate: Option<f64>,
    /// The global norm of the gradient before clipping, where the run clips.
    pub gradient_norm: Option<f64>,
}

/// One epoch, after its validation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// From 1.
    pub epoch: u64,
    /// Steps done in the run.
    pub step: u64,
    /// Over the training batches as they were seen, in training mode.
    pub train: Scores,
    /// Over the validation rows, in evaluation mode; absent where the experiment has none.
    pub val: Option<Scores>,
    /// The run-time scalars of the optimizer at the epoch's last step.
    pub scalars: Values,
    /// Whether it is the best epoch so far: by validation loss, without validation by training loss.
    pub best: bool,
}

/// Something of the network's growth: what was considered, decided, or took effect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GrowthRecord {
    /// Steps done in the run.
    pub step: u64,
    /// Epochs finished.
    pub epoch: u64,
    /// The policy that decided, by its number among the model's; none for what took effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<usize>,
    /// What kind of event it is, in one word: `germinate`, `denied`.
    pub kind: String,
    /// The event in a sentence for people.
    pub text: String,
    /// Everything that it rests on, for programs.
    pub data: serde_json::Value,
}

/// How a slot stands, for people who watch. It is not logged: the log has the events that it follows from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SlotRecord {
    /// `blocks[3].mid`.
    pub path: String,
    /// What grows there.
    pub seeds: Vec<SeedRecord>,
    /// How many seeds have become part of the network there.
    pub fossils: usize,
    /// Until so many steps are done nothing is planted there, where that lies ahead.
    pub rests_until: Option<u64>,
}

/// How a seed stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeedRecord {
    /// `mid#1`.
    pub name: String,
    /// `Bottleneck(reduce = 4)`.
    pub blueprint: String,
    /// `TRAINING`.
    pub stage: String,
    /// How much it counts.
    pub alpha: f64,
    /// Mean gain in nats a gate row, once its gain test has begun.
    pub gain: Option<f64>,
    /// The e-value of its gain test and what it has to reach.
    pub evidence: Option<(f64, f64)>,
}

/// What happens in a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Everything is ready and the first step follows.
    Started {
        /// The experiment.
        name: String,
        /// The run's folder.
        folder: String,
        /// The device, in words.
        device: String,
        /// Epochs of the whole run.
        epochs: u64,
        /// Steps of an epoch.
        epoch_steps: u64,
        /// Steps already done, where the run is resumed.
        done_steps: u64,
        /// The summary of the model.
        summary: String,
    },
    /// A step was committed.
    Step(StepRecord),
    /// An epoch is over.
    Epoch(EpochRecord),
    /// The network grew, or was kept from growing.
    Growth(GrowthRecord),
    /// How the slots stand after a decision.
    Slots {
        /// Every slot that something may grow in.
        slots: Vec<SlotRecord>,
    },
    /// A checkpoint was written.
    Checkpoint {
        /// `last`, `best`, `epoch-10`.
        name: String,
        /// Steps done.
        step: u64,
    },
    /// The run was asked to stop and has saved its state.
    Interrupted {
        /// Steps done.
        step: u64,
    },
    /// The run is over.
    Finished {
        /// Steps done.
        step: u64,
        /// The best epoch.
        best_epoch: Option<u64>,
    },
}

/// Somebody who watches a run.
pub trait Observer {
    /// Called for every event, in order. Steps come every few microseconds for small models: be quick about them.
    fn event(&mut self, event: &Event);
}

/// Watches nothing.
impl Observer for () {
    fn event(&mut self, _: &Event) {}
}

/// Several watchers in turn.
impl<A: Observer, B: Observer> Observer for (A, B) {
    fn event(&mut self, event: &Event) {
        self.0.event(event);
        self.1.event(event);
    }
}

impl<T: Observer + ?Sized> Observer for &mut T {
    fn event(&mut self, event: &Event) {
        (**self).event(event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_order_and_what_is_not_finite_is_null() {
        let values = Values(vec![("b".into(), 0.1), ("a".into(), f64::NAN)]);
        let text = serde_json::to_string(&values).unwrap();
        assert_eq!(text, r#"{"b":0.1,"a":null}"#);
        let back: Values = serde_json::from_str(&text).unwrap();
        assert_eq!(back.0[0], ("b".to_string(), 0.1));
        assert!(back.get("a").unwrap().is_nan());
    }

    #[test]
    fn an_event_names_itself() {
        let text = serde_json::to_string(&Event::Checkpoint { name: "last".into(), step: 3 }).unwrap();
        assert_eq!(text, r#"{"event":"checkpoint","name":"last","step":3}"#);
        assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), Event::Checkpoint { name: "last".into(), step: 3 });
    }
}
