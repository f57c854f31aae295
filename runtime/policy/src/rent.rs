//! What a seed has to earn to stay: nats per sample, from what it adds to the host as it stood at step 0.
use esper_ir::Rent;
use serde::{Deserialize, Serialize};

/// What something costs. Counted from the graph, never measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Costs {
    /// Trained numbers.
    pub params: u64,
    /// Floating-point operations of one training step, 6 for each multiply-accumulate of a row.
    pub step_flops: f64,
    /// Floating-point operations of one row in evaluation.
    pub eval_flops: f64,
    /// Bytes of parameters, optimizer state and kept activations.
    pub bytes: u64,
}

impl Costs {
    /// Both together.
    pub fn plus(self, other: Costs) -> Costs {
        Costs {
            params: self.params + other.params,
            step_flops: self.step_flops + other.step_flops,
            eval_flops: self.eval_flops + other.eval_flops,
            bytes: self.bytes + other.bytes,
        }
    }
}

/// Nats per sample for a seed of these costs in a host that had those at step 0 and trains on `rows` rows. The criterion with ln n is
/// Schwarz's, per sample.
pub fn rent(rent: Rent, seed: Costs, host: Costs, rows: u64) -> f64 {
    match rent {
        Rent::Free => 0.0,
        Rent::LogParams(factor) => factor * (seed.params as f64 / host.params.max(1) as f64).ln_1p(),
        Rent::LogFlops(factor) => factor * (seed.step_flops / host.step_flops.max(1.0)).ln_1p(),
        Rent::Bic(factor) => {
            let n = rows.max(2) as f64;
            factor * seed.params as f64 * n.ln() / (2.0 * n)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rents_are_their_formulas() {
        let host = Costs { params: 1000, step_flops: 1e6, ..Costs::default() };
        let seed = Costs { params: 1000, step_flops: 3e6, ..Costs::default() };
        assert_eq!(rent(Rent::Free, seed, host, 500), 0.0);
        assert!((rent(Rent::LogParams(0.01), seed, host, 500) - 0.01 * 2f64.ln()).abs() < 1e-15);
        assert!((rent(Rent::LogFlops(0.01), seed, host, 500) - 0.01 * 4f64.ln()).abs() < 1e-15);
        assert!((rent(Rent::Bic(2.0), seed, host, 500) - 1000.0 * 500f64.ln() / 500.0).abs() < 1e-12);
    }
}
