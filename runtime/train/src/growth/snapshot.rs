//! The weights from before each joined seed began to blend, as they stand in a checkpoint beside the current ones.
use crate::checkpoint::StoredTensor;
use std::collections::BTreeMap;

/// By the numbers of the seeds.
pub(crate) type Snapshots = BTreeMap<u32, Vec<StoredTensor>>;

/// What the names of a snapshot's tensors begin with; no path of a model has a slash.
const PREFIX: &str = "snapshot/";

/// Tensors followed by those of the snapshots, under names of their own.
pub(crate) fn with_snapshots(mut tensors: Vec<StoredTensor>, snapshots: &Snapshots) -> Vec<StoredTensor> {
    for (id, of) in snapshots {
        tensors.extend(of.iter().map(|t| StoredTensor { name: format!("{PREFIX}{id}/{}", t.name), ..t.clone() }));
    }
    tensors
}

/// The inverse of [`with_snapshots`].
pub(crate) fn without_snapshots(tensors: &[StoredTensor]) -> (Vec<StoredTensor>, Snapshots) {
    let (mut own, mut snapshots) = (vec![], Snapshots::new());
    for tensor in tensors {
        let seed = tensor.name.strip_prefix(PREFIX).and_then(|rest| rest.split_once('/'));
        match seed.and_then(|(id, name)| Some((id.parse().ok()?, name))) {
            Some((id, name)) => snapshots.entry(id).or_default().push(StoredTensor { name: name.to_string(), ..tensor.clone() }),
            None => own.push(tensor.clone()),
        }
    }
    (own, snapshots)
}
