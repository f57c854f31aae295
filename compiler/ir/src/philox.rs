//! Counter-based random numbers: Philox4x32-10 of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC11).
use crate::StreamId;

const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
/// The golden ratio and √3 - 1, as in the paper.
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
const ROUNDS: usize = 10;

/// Four random words for a counter under a key.
pub fn philox4x32(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    let ([mut c0, mut c1, mut c2, mut c3], [mut k0, mut k1]) = (counter, key);
    for _ in 0..ROUNDS {
        let left = u64::from(MULTIPLIERS[0]) * u64::from(c0);
        let right = u64::from(MULTIPLIERS[1]) * u64::from(c2);
        (c0, c1, c2, c3) = ((right >> 32) as u32 ^ c1 ^ k0, right as u32, (left >> 32) as u32 ^ c3 ^ k1, left as u32);
        (k0, k1) = (k0.wrapping_add(WEYL[0]), k1.wrapping_add(WEYL[1]));
    }
    [c0, c1, c2, c3]
}

/// The number of a stream at a position of its tensor: uniform in [0, 1), a multiple of 2⁻²⁴ from the top 24 bits of the first word.
/// The key is the seed (low half, high half); the counter is (position, step, stream's low half, stream's high half).
pub fn uniform(seed: u64, step: u32, stream: StreamId, position: u32) -> f64 {
    let words = philox4x32([position, step, stream.0 as u32, (stream.0 >> 32) as u32], [seed as u32, (seed >> 32) as u32]);
    f64::from(words[0] >> 8) / f64::from(1u32 << 24)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The known answers that Random123 is distributed with (kat_vectors, philox4x32 10).
    #[test]
    fn known_answers_of_random123() {
        assert_eq!(philox4x32([0; 4], [0; 2]), [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
        assert_eq!(philox4x32([u32::MAX; 4], [u32::MAX; 2]), [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]);
        let pi = ([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0]);
        assert_eq!(philox4x32(pi.0, pi.1), [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1]);
    }

    #[test]
    fn uniform_numbers_fill_the_interval() {
        let mean = (0..4096).map(|i| uniform(7, 1, StreamId(42), i)).sum::<f64>() / 4096.0;
        assert!((mean - 0.5).abs() < 0.02, "{mean}");
        assert_ne!(uniform(7, 1, StreamId(42), 0), uniform(7, 2, StreamId(42), 0));
        assert_ne!(uniform(7, 1, StreamId(42), 0), uniform(7, 1, StreamId(42 << 32), 0));
        assert_ne!(uniform(7, 1, StreamId(42), 0), uniform(7 << 32, 1, StreamId(42), 0));
    }
}
