//! What a growing run is compared with.
use serde::{Deserialize, Serialize};

/// Something trained beside a growing run, on the same rows in the same order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Control {
    /// The same without growth: the twin.
    Off,
    /// The network that grew, from step 0, for as many epochs.
    Static,
    /// The network that grew, from step 0, for as many whole epochs as the growing run's FLOPs last.
    EqualFlops,
    /// The changes of the network of one seed's run at the same steps, whatever the policy would have decided.
    FixedSchedule,
}

impl Control {
    /// All of them, in the order they are told.
    pub const ALL: [Control; 4] = [Control::Off, Control::Static, Control::EqualFlops, Control::FixedSchedule];

    /// `fixed_schedule`, as the language writes it.
    pub fn name(self) -> &'static str {
        match self {
            Control::Off => "off",
            Control::Static => "static",
            Control::EqualFlops => "equal_flops",
            Control::FixedSchedule => "fixed_schedule",
        }
    }

    /// The control of that name.
    pub fn named(name: &str) -> Option<Control> {
        Control::ALL.into_iter().find(|control| control.name() == name)
    }
}
