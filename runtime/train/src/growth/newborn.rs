//! How fast a seed learns at first.
use serde::{Deserialize, Serialize};

/// The factor on a newborn's learning rate, which decays to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Boost {
    /// The factor at birth.
    pub rate: f64,
    /// Steps after which its excess over 1 has fallen to 1/e.
    pub decay: f64,
}

impl Boost {
    /// No factor.
    pub const NONE: Boost = Boost { rate: 1.0, decay: 1.0 };

    /// The factor on a seed's update of that number, from 1.
    pub fn at(&self, age: u64) -> f64 {
        1.0 + (self.rate - 1.0) * (-(age.saturating_sub(1) as f64) / self.decay.max(1e-9)).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boost_begins_at_its_rate_and_ends_at_one() {
        let boost = Boost { rate: 3.0, decay: 300.0 };
        assert_eq!(boost.at(1), 3.0);
        assert!((boost.at(301) - (1.0 + 2.0 / std::f64::consts::E)).abs() < 1e-12);
        assert!((boost.at(100_000) - 1.0).abs() < 1e-12);
        assert_eq!(Boost::NONE.at(5), 1.0);
    }
}
