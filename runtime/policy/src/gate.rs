//! A condition on a number that can say by how much it was missed.
use serde::{Deserialize, Deserializer, Serialize};
use std::borrow::Cow;

/// Reads a number as JSON has it, which knows none that is not finite: `null` is not a number.
pub(crate) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

/// On which side of its bound a number has to lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Side {
    AtLeast,
    AtMost,
    Above,
    Below,
}

/// A number that was read, and the bound it was held against.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// What it is, with its unit: `steps in TRAINING`.
    pub name: Cow<'static, str>,
    /// The number; `None` where it is not known (yet).
    pub value: Option<f64>,
    /// On which side of the bound it has to lie.
    pub side: Side,
    /// The bound.
    #[serde(deserialize_with = "number")]
    pub bound: f64,
}

impl Reading {
    /// A reading; a value that is not finite counts as not known.
    pub fn new(name: impl Into<Cow<'static, str>>, value: Option<f64>, side: Side, bound: f64) -> Reading {
        Reading { name: name.into(), value: value.filter(|v| v.is_finite()), side, bound }
    }
    /// Whether the number lies where it has to. What is not known does not.
    pub fn holds(&self) -> bool {
        self.value.is_some_and(|v| match self.side {
            Side::AtLeast => v >= self.bound,
            Side::AtMost => v <= self.bound,
            Side::Above => v > self.bound,
            Side::Below => v < self.bound,
        })
    }
}

/// A number as people read it: four digits.
pub fn digits(value: f64) -> String {
    let size = value.abs();
    if value == value.trunc() && size < 1e7 {
        format!("{value}")
    } else if (1e-3..1e5).contains(&size) {
        let digits = (3 - size.log10().floor() as i32).max(0) as usize;
        format!("{value:.digits$}")
    } else {
        format!("{value:.3e}")
    }
}

impl std::fmt::Display for Reading {
    /// `steps in TRAINING: 40, at least 100 wanted`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let side = match self.side {
            Side::AtLeast => "at least",
            Side::AtMost => "at most",
            Side::Above => "more than",
            Side::Below => "less than",
        };
        let value = self.value.map_or("not known yet".into(), digits);
        write!(f, "{}: {value}, {side} {} wanted", self.name, digits(self.bound))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_says_what_fell_short_of_what() {
        let reading = Reading::new("steps in TRAINING", Some(40.0), Side::AtLeast, 100.0);
        assert_eq!((reading.to_string().as_str(), reading.holds()), ("steps in TRAINING: 40, at least 100 wanted", false));
        let unknown = Reading::new("gain", Some(f64::NAN), Side::AtMost, 1.0);
        assert_eq!((unknown.to_string().as_str(), unknown.holds()), ("gain: not known yet, at most 1 wanted", false));
        assert_eq!(
            ["0.01235", "1234", "1.235e6", "1.200e-5", "0"].map(String::from),
            [0.012345, 1234.4, 1234567.8, 1.2e-5, 0.0].map(digits)
        );
    }
}
