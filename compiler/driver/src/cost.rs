//! What predicting one row costs, read off the operator table.
use esper_check::hir::Experiment;
use esper_ir::{BATCH, Dim, TensorType};

/// Floating-point operations of predicting one row with an experiment's network; `None` where an operator of it has no number.
pub fn operations_of_prediction(experiment: &Experiment) -> Option<u64> {
    let graph = esper_lower::lower(experiment).ok()?.predict;
    let row = |ty: &TensorType| one_row(ty);
    graph.ids().try_fold(0u64, |sum, id| {
        let operands: Vec<TensorType> = graph.args(id).iter().map(|a| row(graph.ty(*a))).collect();
        let op = graph.op(id);
        sum.checked_add((op.spec().flops)(op, &operands.iter().collect::<Vec<_>>(), &row(graph.ty(id)))?)
    })
}

/// The type with one row in place of the batch.
pub fn one_row(ty: &TensorType) -> TensorType {
    let one = |name: &str| (name == BATCH).then(|| Dim::constant(1));
    TensorType::new(ty.dtype, ty.shape.iter().map(|d| d.substitute(&one).unwrap_or_else(|_| d.clone())).collect())
}
