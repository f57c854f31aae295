//! Where what training keeps lies in memory, the same in every program of a model; and how the update runs over it.
use crate::{Class, scalar_words};
use esper_ir::{DType, Graph, TensorType};
use serde::{Deserialize, Serialize};

/// Bytes that every tensor's place is a multiple of: one cache line, and enough for any vector load.
pub const ALIGNMENT: usize = 64;

/// `bytes` rounded up to a multiple of [`ALIGNMENT`].
pub(crate) fn aligned(bytes: usize) -> usize {
    bytes.div_ceil(ALIGNMENT) * ALIGNMENT
}

/// Parameters that one rule updates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UpdateGroup {
    /// Their numbers; for an elementwise rule the whole group of the [`Layout`] in its order.
    pub parameters: Vec<usize>,
    /// Whether one kernel runs over the range of the arena that holds all of them, padding included; otherwise there is one parameter.
    pub elementwise: bool,
    /// The rule with sizes bound: shape `[n]` with `n` = [`Layout::group_elements`] where elementwise, otherwise the parameter's.
    /// Inputs: Updated, Gradient, OptimizerState(k), OptimizerScalar(k), Step. Outputs: Updated, OptimizerState(k, 0).
    pub graph: Graph,
}

/// The places of parameters (and with them gradients and states of the update rule) and of states.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Layout {
    parameters: Vec<Place>,
    states: Vec<Place>,
    groups: Vec<Group>,
    parameter_bytes: usize,
    state_bytes: usize,
    optimizer_states: usize,
    optimizer_scalars: usize,
}

/// A run-time scalar of a live seed, which the loop writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeedScalar {
    /// How much it counts.
    Alpha,
    /// Its updates so far, the current one included.
    Age,
    /// What its learning rate is multiplied by.
    Boost,
}

/// A range of an arena, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    offset: usize,
    bytes: usize,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Group {
    members: Vec<usize>,
    dtype: DType,
    place: Place,
}

impl Layout {
    /// Lays tensors out: every tensor at a multiple of 64 bytes, the parameters of one group one after another. Parameters in no group follow
    /// behind. All types must have known sizes.
    pub fn new(parameters: &[TensorType], groups: &[Vec<usize>], states: &[TensorType], optimizer_states: usize) -> Layout {
        let mut places = vec![None; parameters.len()];
        let mut end = 0;
        let mut laid = Vec::with_capacity(groups.len());
        for members in groups {
            let start = end;
            for &member in members {
                let bytes = tensor_bytes(&parameters[member]);
                places[member] = Some(Place { offset: end, bytes });
                end += aligned(bytes);
            }
            let dtype = members.first().map_or(DType::F32, |&m| parameters[m].dtype);
            laid.push(Group { members: members.clone(), dtype, place: Place { offset: start, bytes: end - start } });
        }
        let parameters = places
            .into_iter()
            .zip(parameters)
            .map(|(place, ty)| {
                place.unwrap_or_else(|| {
                    let place = Place { offset: end, bytes: tensor_bytes(ty) };
                    end += aligned(place.bytes);
                    place
                })
            })
            .collect();
        let mut state_bytes = 0;
        let states = states
            .iter()
            .map(|ty| {
                let place = Place { offset: state_bytes, bytes: tensor_bytes(ty) };
                state_bytes += aligned(place.bytes);
                place
            })
            .collect();
        Layout { parameters, states, groups: laid, parameter_bytes: end, state_bytes, optimizer_states, optimizer_scalars: 0 }
    }
    /// The same with room for the update rule's run-time scalars before those of live seeds.
    pub fn with_optimizer_scalars(self, optimizer_scalars: usize) -> Layout {
        Layout { optimizer_scalars, ..self }
    }
    /// The word in [`Class::Scalars`] of a scalar of the live seed of that number: behind those of the update rule.
    pub fn seed_word(&self, live: usize, scalar: SeedScalar) -> usize {
        scalar_words::OPTIMIZER + self.optimizer_scalars + 3 * live + scalar as usize
    }

    /// How many elements the range of a group has, padding between its tensors included.
    pub fn group_elements(&self, group: usize) -> usize {
        self.groups[group].place.bytes / self.groups[group].dtype.bytes()
    }
    /// The first byte of a group's range in [`Class::Parameters`] and [`Class::Gradients`].
    pub fn group_offset(&self, group: usize) -> usize {
        self.groups[group].place.offset
    }
    /// The group that has exactly these members.
    pub fn group_of(&self, parameters: &[usize]) -> Option<usize> {
        self.groups.iter().position(|g| g.members == parameters)
    }
    /// The first byte of a parameter in [`Class::Parameters`], and of its gradient in [`Class::Gradients`].
    pub fn parameter_offset(&self, parameter: usize) -> usize {
        self.parameters[parameter].offset
    }
    /// The first byte of a state in [`Class::States`].
    pub fn state_offset(&self, state: usize) -> usize {
        self.states[state].offset
    }
    /// The first byte in [`Class::OptimizerStates`] of block `k`; a parameter's state lies in it at the parameter's own offset.
    pub fn optimizer_block(&self, k: usize) -> usize {
        k * self.parameter_bytes
    }
    /// How many parameters there are.
    pub fn parameter_count(&self) -> usize {
        self.parameters.len()
    }
    /// Bytes of an arena that has the same layout in every program; 0 for the others.
    pub fn arena_bytes(&self, class: Class) -> usize {
        match class {
            Class::Parameters | Class::Gradients => self.parameter_bytes,
            Class::States => self.state_bytes,
            Class::OptimizerStates => self.parameter_bytes * self.optimizer_states,
            Class::Scalars | Class::Exchange | Class::Activations => 0,
        }
    }
}

/// Bytes of a tensor whose sizes are known.
pub(crate) fn tensor_bytes(ty: &TensorType) -> usize {
    ty.elements().expect("sizes are bound before code is generated") * ty.dtype.bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use esper_ir::Dim;

    #[test]
    fn groups_are_contiguous_and_tensors_aligned() {
        let tensor = |sizes: &[i64]| TensorType::new(DType::F32, sizes.iter().map(|&n| Dim::constant(n)).collect());
        let layout = Layout::new(&[tensor(&[3]), tensor(&[5, 5]), tensor(&[7])], &[vec![0, 2], vec![1]], &[tensor(&[20])], 2);
        assert_eq!((layout.parameter_offset(0), layout.parameter_offset(2), layout.parameter_offset(1)), (0, 64, 128));
        assert_eq!((layout.group_elements(0), layout.group_offset(1)), (32, 128));
        assert_eq!(layout.optimizer_block(1), layout.arena_bytes(Class::Parameters));
        assert_eq!(layout.arena_bytes(Class::OptimizerStates), 2 * (128 + 128));
        assert_eq!(layout.arena_bytes(Class::States), 128);
    }
}
