//! What each seed contributes: Shapley values of the loss over which seeds are on, from losses that one fused pass measures.
//!
//! Leaving one out books shared gains to nobody or to everybody; Shapley values share them out and sum to the whole. Up to four seeds all
//! sixteen settings are measured and the values are exact. For more, permutations are drawn in pairs, each with its reverse: Mitchell,
//! Cooper, Frank and Holmes, "Sampling permutations for Shapley value estimation" (JMLR 2022), section 2.
use crate::random::Random;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// So many seeds are measured exactly.
pub const EXACT_UP_TO: usize = 4;

/// Which settings to measure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    seeds: usize,
    /// Orders in which seeds are switched on; empty where every setting is measured.
    orders: Vec<Vec<usize>>,
    /// Settings to measure: bit i says that seed i keeps its α, else it has 0.
    pub settings: Vec<u64>,
}

impl Plan {
    /// A plan for up to 64 seeds; `pairs` of permutations are drawn for more than four.
    pub fn new(seeds: usize, pairs: usize, random: &mut Random) -> Plan {
        assert!(seeds <= 64, "a slot's model holds at most 64 seeds");
        if seeds <= EXACT_UP_TO {
            return Plan { seeds, orders: vec![], settings: (0..1 << seeds).collect() };
        }
        let mut orders = vec![];
        for _ in 0..pairs.max(1) {
            let mut order: Vec<usize> = (0..seeds).collect();
            for last in (1..seeds).rev() {
                order.swap(last, random.below(last + 1));
            }
            let reversed = order.iter().rev().copied().collect();
            orders.extend([order, reversed]);
        }
        let mut settings: Vec<u64> = orders.iter().flat_map(|o| prefixes(o)).collect();
        settings.sort_unstable();
        settings.dedup();
        Plan { seeds, orders, settings }
    }
    /// By how much each seed lowers the loss, given the losses of [`Plan::settings`] in their order. They sum to the loss without any less the
    /// loss with all. None where the number of losses is another.
    pub fn contributions(&self, losses: &[f64]) -> Option<Vec<f64>> {
        if losses.len() != self.settings.len() {
            return None;
        }
        let loss: BTreeMap<u64, f64> = self.settings.iter().copied().zip(losses.iter().copied()).collect();
        let gain = |before: u64, seed: usize| loss[&before] - loss[&(before | 1 << seed)];
        if self.orders.is_empty() {
            let n = self.seeds;
            let factorial = |k: usize| (1..=k).map(|i| i as f64).product::<f64>();
            let value = |seed: usize| {
                let without = (0..1u64 << n).filter(|s| s & (1 << seed) == 0);
                let weight = |s: u64| {
                    let size = s.count_ones() as usize;
                    factorial(size) * factorial(n - size - 1) / factorial(n)
                };
                without.map(|s| weight(s) * gain(s, seed)).sum()
            };
            return Some((0..n).map(value).collect());
        }
        let mut values = vec![0.0; self.seeds];
        for order in &self.orders {
            for (before, seed) in prefixes(order).into_iter().zip(order) {
                values[*seed] += gain(before, *seed) / self.orders.len() as f64;
            }
        }
        Some(values)
    }
}

/// The settings an order goes through, from none to all.
fn prefixes(order: &[usize]) -> Vec<u64> {
    let mut at = 0;
    std::iter::once(0)
        .chain(order.iter().map(|seed| {
            at |= 1u64 << seed;
            at
        }))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seeds 0 and 1 do the same, so that one is enough; seed 2 works on its own; the rest does nothing.
    fn loss(setting: u64) -> f64 {
        2.0 - 0.6 * f64::from(u8::from(setting & 0b11 != 0)) - 0.1 * f64::from(u8::from(setting & 0b100 != 0))
    }

    #[test]
    fn up_to_four_seeds_are_exact_and_share_what_they_share() {
        let plan = Plan::new(4, 0, &mut Random::new(0));
        assert_eq!(plan.settings.len(), 16);
        let values = plan.contributions(&plan.settings.iter().map(|s| loss(*s)).collect::<Vec<_>>()).unwrap();
        for (value, expected) in values.iter().zip([0.3, 0.3, 0.1, 0.0]) {
            assert!((value - expected).abs() < 1e-12, "{values:?}");
        }
        // leaving one out would have booked nothing to either
        assert_eq!(loss(0b1110) - loss(0b1111), 0.0);
        assert_eq!(plan.contributions(&[1.0]), None);
    }

    #[test]
    fn more_seeds_are_estimated_and_their_sum_is_exact() {
        let plan = Plan::new(7, 20, &mut Random::new(1));
        let values = plan.contributions(&plan.settings.iter().map(|s| loss(*s)).collect::<Vec<_>>()).unwrap();
        assert!((values.iter().sum::<f64>() - (loss(0) - loss(0b1111111))).abs() < 1e-12);
        // for two that share one gain a permutation and its reverse are exact together
        assert!((values[0] - 0.3).abs() < 1e-12 && (values[1] - 0.3).abs() < 1e-12, "{values:?}");
        assert_eq!(Plan::new(0, 1, &mut Random::new(1)).contributions(&[2.0]), Some(vec![]));
    }
}
