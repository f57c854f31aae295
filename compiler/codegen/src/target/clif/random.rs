//! Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC11) in one lane and in four.
use super::lanes::{Lanes, Term, little};
use cranelift_codegen::ir::{InstBuilder, Value, types};
use esper_ir::StreamId;

/// The multipliers of the two pairs of words.
const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
/// What the two words of the key grow by every round.
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];

impl Lanes<'_, '_> {
    /// A number in [0, 1) of 24 bits. `seed`: low and high half; `step`; `position` in the tensor; all i32 of this width.
    pub fn uniform(&mut self, seed: [Value; 2], step: Value, position: Value, stream: StreamId) -> Term {
        let (low, high) = (self.int(stream.0 as u32 as i32), self.int((stream.0 >> 32) as u32 as i32));
        let mut counter = [position, step, low, high];
        let mut key = seed;
        for round in 0..10 {
            if round > 0 {
                for word in 0..2 {
                    let growth = self.int(WEYL[word] as i32);
                    key[word] = self.builder.ins().iadd(key[word], growth);
                }
            }
            let (high0, low0) = self.product(counter[0], MULTIPLIERS[0]);
            let (high1, low1) = self.product(counter[2], MULTIPLIERS[1]);
            let first = self.builder.ins().bxor(high1, counter[1]);
            let first = self.builder.ins().bxor(first, key[0]);
            let third = self.builder.ins().bxor(high0, counter[3]);
            let third = self.builder.ins().bxor(third, key[1]);
            counter = [first, low1, third, low0];
        }
        let bits = self.shift_right(counter[0], 8);
        let whole = self.to_float(Term::Int(bits));
        let scale = self.float(1.0 / 16_777_216.0);
        Term::Float(self.mul(whole, scale))
    }

    /// High and low word of an unsigned 32-bit product.
    fn product(&mut self, a: Value, multiplier: u32) -> (Value, Value) {
        if !self.wide {
            let wide = self.builder.ins().uextend(types::I64, a);
            let factor = self.builder.ins().iconst(types::I64, i64::from(multiplier));
            let product = self.builder.ins().imul(wide, factor);
            let low = self.builder.ins().ireduce(types::I32, product);
            let high = self.builder.ins().ushr_imm_u(product, 32);
            return (self.builder.ins().ireduce(types::I32, high), low);
        }
        let factor = self.int(multiplier as i32);
        let halves = [self.builder.ins().uwiden_low(a), self.builder.ins().uwiden_high(a)];
        let factors = [self.builder.ins().uwiden_low(factor), self.builder.ins().uwiden_high(factor)];
        let products = [0, 1].map(|i| {
            let product = self.builder.ins().imul(halves[i], factors[i]);
            self.builder.ins().bitcast(types::I8X16, little(), product)
        });
        let mut words = |first: u8| {
            let lanes = [first, first + 2, first + 4, first + 6];
            let bytes = lanes.iter().flat_map(|lane| (0..4).map(move |b| lane * 4 + b)).collect::<Vec<u8>>();
            let mask = self.builder.func.dfg.immediates.push(bytes.into());
            let picked = self.builder.ins().shuffle(products[0], products[1], mask);
            self.builder.ins().bitcast(types::I32X4, little(), picked)
        };
        (words(1), words(0))
    }
}
