//! Paired differences with Student's t intervals.

/// `lower by 0.1 (95 % paired t interval 0.05 to 0.15)`: which of the two words it is, the sign of the gain says.
pub(super) fn plus_minus(words: [&str; 2], gain: f64, half: Option<f64>, digits: usize, unit: &str) -> String {
    let (word, sign) = if gain < 0.0 { (words[1], -1.0) } else { (words[0], 1.0) };
    let size = sign * gain;
    match half {
        Some(half) => {
            format!("{word} by {size:.digits$}{unit} (95 % paired t interval {:.digits$} to {:.digits$})", size - half, size + half)
        }
        None => format!("{word} by {size:.digits$}{unit}"),
    }
}

/// The mean and half the width of its 95 % interval by Student's t; no width for a single value.
pub(super) fn interval(values: &[f64]) -> (f64, Option<f64>) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    if values.len() < 2 {
        return (mean, None);
    }
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, Some(quantile(values.len() - 1) * (variance / n).sqrt()))
}

/// The 0.975 quantile of Student's t. Above 30 degrees of freedom by the expansion of Cornish and Fisher, exact to three digits there.
fn quantile(freedom: usize) -> f64 {
    const TABLE: [f64; 30] = [
        12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101,
        2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
    ];
    let z = 1.959_964f64;
    let n = freedom as f64;
    let expanded = z + (z.powi(3) + z) / (4.0 * n) + (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / (96.0 * n * n);
    TABLE.get(freedom - 1).copied().unwrap_or(expanded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_students() {
        // R: t.test(c(1, 2, 3, 4, 5)): mean 3, interval 1.036757 to 4.963243.
        let (mean, half) = interval(&[1.0, 2.0, 3.0, 4.0, 5.0]);
        assert!((mean - 3.0).abs() < 1e-12 && (half.unwrap() - 1.963_243).abs() < 1e-3);
        assert_eq!(interval(&[2.0]), (2.0, None));
        assert!((quantile(31) - 2.0395).abs() < 1e-3 && (quantile(120) - 1.9799).abs() < 1e-3);
    }
}
