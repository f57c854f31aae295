//! What a checkpoint holds beside the current weights: those from before each joined seed began to blend, and the last good state.
use crate::checkpoint::StoredTensor;
use std::collections::BTreeMap;

/// The weights from before each joined seed began to blend, by the numbers of the seeds.
pub(crate) type Snapshots = BTreeMap<u32, Vec<StoredTensor>>;

/// What the names of a snapshot's tensors begin with; no path of a model has a slash.
const SNAPSHOT: &str = "snapshot/";
/// What the names of the last good state's tensors begin with.
const GOOD: &str = "good/";

/// The tensors of one checkpoint, told apart.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Tensors {
    /// As they are now.
    pub own: Vec<StoredTensor>,
    /// From before seeds began to blend.
    pub snapshots: Snapshots,
    /// Of the last good state, where that is another: its own tensors and snapshots.
    pub good: Option<(Vec<StoredTensor>, Snapshots)>,
}

impl Tensors {
    /// One list, under names of their own.
    pub fn together(self) -> Vec<StoredTensor> {
        let mut all = listed(self.own, &self.snapshots);
        if let Some((own, snapshots)) = self.good {
            all.extend(listed(own, &snapshots).into_iter().map(|t| StoredTensor { name: format!("{GOOD}{}", t.name), ..t }));
        }
        all
    }

    /// The inverse of [`Tensors::together`].
    pub fn apart(tensors: &[StoredTensor]) -> Tensors {
        let of_good = |t: &StoredTensor| t.name.strip_prefix(GOOD).map(|name| StoredTensor { name: name.to_string(), ..t.clone() });
        let good: Vec<StoredTensor> = tensors.iter().filter_map(of_good).collect();
        let (own, snapshots) = told_apart(tensors.iter().filter(|t| !t.name.starts_with(GOOD)));
        Tensors { own, snapshots, good: (!good.is_empty()).then(|| told_apart(good.iter())) }
    }
}

fn listed(mut tensors: Vec<StoredTensor>, snapshots: &Snapshots) -> Vec<StoredTensor> {
    for (id, of) in snapshots {
        tensors.extend(of.iter().map(|t| StoredTensor { name: format!("{SNAPSHOT}{id}/{}", t.name), ..t.clone() }));
    }
    tensors
}

fn told_apart<'a>(tensors: impl Iterator<Item = &'a StoredTensor>) -> (Vec<StoredTensor>, Snapshots) {
    let (mut own, mut snapshots) = (vec![], Snapshots::new());
    for tensor in tensors {
        let seed = tensor.name.strip_prefix(SNAPSHOT).and_then(|rest| rest.split_once('/'));
        match seed.and_then(|(id, name)| Some((id.parse().ok()?, name))) {
            Some((id, name)) => snapshots.entry(id).or_default().push(StoredTensor { name: name.to_string(), ..tensor.clone() }),
            None => own.push(tensor.clone()),
        }
    }
    (own, snapshots)
}
