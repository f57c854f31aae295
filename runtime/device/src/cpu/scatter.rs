//! Adding rows to the places that indices name, always in the order of the updates.
use super::executable::Arguments;
use super::workers::Sequence;
use esper_codegen::Scatter;

/// A scatter's sizes and how it is divided: threads take disjoint outer blocks, or disjoint columns of the one block there is.
#[derive(Clone, Debug)]
pub struct ScatterPlan {
    outer: usize,
    count: usize,
    places: usize,
    inner: usize,
    per_element: bool,
    /// Columns of one piece.
    columns: usize,
}

/// Elements that are worth a piece of their own.
const WORTH_A_SLICE: usize = 16 * 1024;

impl ScatterPlan {
    /// Plans a scatter.
    pub fn new(scatter: &Scatter) -> ScatterPlan {
        let &Scatter { outer, count, places, inner, per_element, .. } = scatter;
        // Columns of a cache line at least; pieces do not depend on the number of threads.
        let tall = count.max(places).max(1);
        let columns = (WORTH_A_SLICE.div_ceil(tall)).next_multiple_of(16).min(inner.max(1));
        ScatterPlan { outer, count, places, inner, per_element, columns }
    }

    /// For people.
    pub fn name(&self) -> String {
        format!("scatter {}x{}x{} into {}", self.outer, self.count, self.inner, self.places)
    }

    /// Arguments: indices, updates, result.
    pub fn run(&self, arguments: Arguments, sequence: &Sequence) {
        let pieces = self.inner.div_ceil(self.columns.max(1));
        let task = |slice: usize| {
            let (block, piece) = (slice / pieces, slice % pieces);
            let columns = piece * self.columns..((piece + 1) * self.columns).min(self.inner);
            let (indices, updates) = (arguments.get(0).cast::<i32>(), arguments.get(1).cast::<f32>());
            let result = arguments.get(2).cast::<f32>();
            for place in 0..self.places {
                let row = (block * self.places + place) * self.inner;
                for column in columns.clone() {
                    // SAFETY: validation has shown that the result has outer × places × inner elements; this piece alone has these columns.
                    unsafe { *result.add(row + column) = 0.0 }
                }
            }
            for update in 0..self.count {
                let from = (block * self.count + update) * self.inner;
                for column in columns.clone() {
                    let at = if self.per_element { from + column } else { update };
                    // SAFETY: the indices have `count` elements, or as many as the updates.
                    let place = unsafe { *indices.add(at) };
                    let Some(place) = usize::try_from(place).ok().filter(|&p| p < self.places) else { continue };
                    // SAFETY: as above, and the updates have outer × count × inner elements.
                    unsafe { *result.add((block * self.places + place) * self.inner + column) += *updates.add(from + column) }
                }
            }
        };
        sequence.run(self.outer * pieces, &task);
    }
}
