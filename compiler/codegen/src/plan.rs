//! Places in the arena of everything that lives within a step: buffers whose lives overlap never share a byte.

/// A buffer's size and life, in steps; both ends count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Life {
    pub bytes: usize,
    pub first: usize,
    pub last: usize,
}

impl Life {
    fn meets(&self, other: &Life) -> bool {
        self.first <= other.last && other.first <= self.last
    }
}

/// The offset of each buffer, and the bytes of the arena. The largest first, each into the smallest gap that holds it (best fit by decreasing
/// size: Pisarchyk and Lee, "Efficient memory management for deep neural net inference", 2020).
pub(crate) fn offsets(lives: &[Life]) -> (Vec<usize>, usize) {
    let mut order: Vec<usize> = (0..lives.len()).collect();
    order.sort_by_key(|&i| (std::cmp::Reverse(lives[i].bytes), lives[i].first, i));
    let mut placed: Vec<usize> = vec![];
    let mut offsets = vec![0; lives.len()];
    let mut end = 0;
    for i in order {
        let mut taken: Vec<(usize, usize)> =
            placed.iter().filter(|&&j| lives[j].meets(&lives[i])).map(|&j| (offsets[j], offsets[j] + lives[j].bytes)).collect();
        taken.sort();
        let (mut best, mut from): (Option<(usize, usize)>, usize) = (None, 0);
        for (start, stop) in taken {
            if start > from && start - from >= lives[i].bytes && best.is_none_or(|(gap, _)| start - from < gap) {
                best = Some((start - from, from));
            }
            from = from.max(stop);
        }
        offsets[i] = best.map_or(from, |(_, at)| at);
        end = end.max(offsets[i] + lives[i].bytes);
        placed.push(i);
    }
    (offsets, end)
}

/// The most bytes that live at one time: no plan can do with less.
#[cfg(test)]
pub(crate) fn lower_bound(lives: &[Life]) -> usize {
    lives.iter().map(|at| lives.iter().filter(|l| l.first <= at.first && at.first <= l.last).map(|l| l.bytes).sum()).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn live_buffers_never_overlap(lives in prop::collection::vec((1usize..9, 0usize..20, 0usize..6), 0..40)) {
            let lives: Vec<Life> = lives.into_iter().map(|(n, first, more)| Life { bytes: n * 64, first, last: first + more }).collect();
            let (offsets, end) = offsets(&lives);
            for (i, a) in lives.iter().enumerate() {
                prop_assert!(offsets[i] % 64 == 0 && offsets[i] + a.bytes <= end);
                for (j, b) in lives.iter().enumerate().skip(i + 1) {
                    let apart = offsets[i] + a.bytes <= offsets[j] || offsets[j] + b.bytes <= offsets[i];
                    prop_assert!(apart || !a.meets(b));
                }
            }
            prop_assert!(end >= lower_bound(&lives));
        }
    }

    #[test]
    fn a_stack_of_activations_takes_what_is_alive() {
        // Forward activations live until their backward step, in reverse order.
        let lives: Vec<Life> = (0..10).map(|i| Life { bytes: 64 * (i + 1), first: i, last: 30 - i }).collect();
        assert_eq!(offsets(&lives).1, lower_bound(&lives));
    }
}
