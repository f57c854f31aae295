//! Random orders: a function of a seed, a purpose and an epoch, so that a resumed run sees the rows as it would have.
use esper_ir::philox::philox4x32;

/// What an order is for; orders of different purposes have nothing in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Which row is for validation and test.
    Split,
    /// In which order an epoch sees the training rows.
    Shuffle,
    /// Which training rows are withheld for the gain test.
    Gate,
    /// Which training rows a newborn seed's initialiser sees.
    Statistics,
}

impl Purpose {
    /// The upper counter words: a stream of its own among those of the model's layers.
    fn stream(self) -> [u32; 2] {
        match self {
            Purpose::Split => [u32::from_le_bytes(*b"data"), u32::from_le_bytes(*b"splt")],
            Purpose::Shuffle => [u32::from_le_bytes(*b"data"), u32::from_le_bytes(*b"shuf")],
            Purpose::Statistics => [u32::from_le_bytes(*b"data"), u32::from_le_bytes(*b"stat")],
            Purpose::Gate => [u32::from_le_bytes(*b"data"), u32::from_le_bytes(*b"gate")],
        }
    }
}

/// Permutes rows in place: the shuffle of Fisher and Yates, its k-th choice drawn from the counter (k, epoch, purpose) of Philox.
pub fn permute(seed: u64, purpose: Purpose, epoch: u32, rows: &mut [u32]) {
    let key = [seed as u32, (seed >> 32) as u32];
    let [low, high] = purpose.stream();
    for last in (1..rows.len()).rev() {
        let words = philox4x32([last as u32, epoch, low, high], key);
        let random = u64::from(words[0]) | u64::from(words[1]) << 32;
        // The high half of a product of 64 bits: uniform below last + 1 to within 2^-32 for any number of rows that fits.
        let choice = (u128::from(random) * (last as u128 + 1)) >> 64;
        rows.swap(last, choice as usize);
    }
}

/// The training rows in the order of the current epoch.
#[derive(Clone, Debug)]
pub struct EpochOrder {
    seed: u64,
    rows: Vec<u32>,
    order: Vec<u32>,
}

impl EpochOrder {
    /// An order of these rows, not yet shuffled.
    pub fn new(seed: u64, rows: Vec<u32>) -> EpochOrder {
        EpochOrder { seed, order: rows.clone(), rows }
    }

    /// Puts the rows into the order of an epoch, whatever came before. Allocates nothing.
    pub fn shuffle(&mut self, epoch: u32) {
        self.order.copy_from_slice(&self.rows);
        permute(self.seed, Purpose::Shuffle, epoch, &mut self.order);
    }

    /// The rows of a batch; the last one of an epoch may be smaller.
    pub fn batch(&self, number: usize, size: usize) -> &[u32] {
        let first = number * size;
        &self.order[first..(first + size).min(self.order.len())]
    }

    /// How many rows an epoch sees.
    pub fn rows(&self) -> usize {
        self.order.len()
    }
}
