//! Cascade correlation: of many candidate units the ones that go with what the network gets wrong.
use super::{Matrix, NewUnits, Refusal, Statistics};

/// How much each candidate goes with the gradient: the sum over outputs of |covariance of its activation and that gradient|, over the
/// deviation of its activation so that large units have no advantage. Fahlman and Lebiere, "The cascade-correlation learning architecture"
/// (1990), equation 1. `activations`: rows × candidates.
pub fn correlations(activations: &Matrix, gradients: &Matrix) -> Vec<f64> {
    let n = activations.rows() as f64;
    let mean = |m: &Matrix, c: usize| (0..m.rows()).map(|r| m.at(r, c)).sum::<f64>() / n;
    let means: Vec<f64> = (0..gradients.columns()).map(|o| mean(gradients, o)).collect();
    (0..activations.columns())
        .map(|c| {
            let own = mean(activations, c);
            let deviation = ((0..activations.rows()).map(|r| (activations.at(r, c) - own).powi(2)).sum::<f64>() / n).sqrt();
            let covariance =
                |o: usize| (0..activations.rows()).map(|r| (activations.at(r, c) - own) * (gradients.at(r, o) - means[o])).sum::<f64>() / n;
            if deviation > 0.0 { (0..gradients.columns()).map(|o| covariance(o).abs()).sum::<f64>() / deviation } else { 0.0 }
        })
        .collect()
}

/// The `units` candidates (rows of `fan_in`: candidates × inputs) that go with the gradient most, with a fan-out of zero. `activations` is
/// what they make of the inputs: rows × candidates.
pub fn cascor(statistics: &Statistics, fan_in: &Matrix, units: usize, activations: &Matrix) -> Result<NewUnits, Refusal> {
    statistics.check()?;
    if !fan_in.finite() || !activations.finite() {
        return Err(Refusal::NotFinite);
    }
    let merits = correlations(activations, &statistics.gradients);
    let mut order: Vec<usize> = (0..merits.len()).collect();
    order.sort_by(|a, b| merits[*b].total_cmp(&merits[*a]).then(a.cmp(b)));
    order.truncate(units);
    let mut kept = nalgebra::DMatrix::zeros(units, fan_in.columns());
    for (unit, candidate) in order.iter().enumerate() {
        kept.set_row(unit, &nalgebra::RowDVector::from_row_slice(fan_in.row(*candidate)));
    }
    let strengths = order.iter().map(|c| merits[*c]).collect();
    Ok(NewUnits { fan_in: kept.into(), fan_out: Matrix::zeros(statistics.gradients.columns(), units), strengths })
}
