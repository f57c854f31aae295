//! Small dense matrices in double precision: what statistics are given as, and the decompositions initialisers need.
use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

/// A matrix, row by row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Matrix {
    rows: usize,
    columns: usize,
    values: Vec<f64>,
}

impl Matrix {
    /// A matrix of these values, row by row. None where their number is another.
    pub fn new(rows: usize, columns: usize, values: Vec<f64>) -> Option<Matrix> {
        (values.len() == rows * columns).then_some(Matrix { rows, columns, values })
    }
    /// Nothing but zeros.
    pub fn zeros(rows: usize, columns: usize) -> Matrix {
        Matrix { rows, columns, values: vec![0.0; rows * columns] }
    }
    /// How many rows.
    pub fn rows(&self) -> usize {
        self.rows
    }
    /// How many columns.
    pub fn columns(&self) -> usize {
        self.columns
    }
    /// All values, row by row.
    pub fn values(&self) -> &[f64] {
        &self.values
    }
    /// One value.
    pub fn at(&self, row: usize, column: usize) -> f64 {
        self.values[row * self.columns + column]
    }
    /// One row.
    pub fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.columns..(row + 1) * self.columns]
    }
    /// Whether every value is finite.
    pub fn finite(&self) -> bool {
        self.values.iter().all(|v| v.is_finite())
    }
    /// Mean Euclidean norm of its rows; 0 without rows.
    pub fn mean_row_norm(&self) -> f64 {
        let norm = |row: &[f64]| row.iter().map(|v| v * v).sum::<f64>().sqrt();
        (0..self.rows).map(|r| norm(self.row(r))).sum::<f64>() / self.rows.max(1) as f64
    }
    /// Its first rows and columns.
    pub fn head(&self, rows: usize, columns: usize) -> Matrix {
        self.dense().view((0, 0), (rows.min(self.rows), columns.min(self.columns))).into_owned().into()
    }
    /// Takes the first rows of another matrix of as many columns in place of its own.
    pub fn take_rows(&mut self, other: &Matrix, rows: usize) {
        let count = rows.min(self.rows).min(other.rows) * self.columns;
        self.values[..count].copy_from_slice(&other.values[..count]);
    }
    /// Takes the first columns of another matrix of as many rows in place of its own.
    pub fn take_columns(&mut self, other: &Matrix, columns: usize) {
        for row in 0..self.rows {
            let count = columns.min(self.columns).min(other.columns);
            self.values[row * self.columns..][..count].copy_from_slice(&other.row(row)[..count]);
        }
    }
    pub(crate) fn dense(&self) -> DMatrix<f64> {
        DMatrix::from_row_slice(self.rows, self.columns, &self.values)
    }
}

impl From<DMatrix<f64>> for Matrix {
    fn from(m: DMatrix<f64>) -> Matrix {
        Matrix { rows: m.nrows(), columns: m.ncols(), values: m.transpose().as_slice().to_vec() }
    }
}

/// Singular values, largest first, with the left and right vectors as columns.
pub(super) struct Singular {
    pub values: Vec<f64>,
    pub left: DMatrix<f64>,
    pub right: DMatrix<f64>,
}

/// More sweeps than a decomposition of finite numbers ever took.
const SWEEPS: usize = 10_000;
/// Singular values below this share of the largest are rounding.
pub(super) const ROUNDING: f64 = 1e-10;

/// The singular value decomposition. None where it does not converge, which finite numbers have not been seen to do.
pub(super) fn singular(m: DMatrix<f64>) -> Option<Singular> {
    let svd = m.try_svd(true, true, f64::EPSILON, SWEEPS)?;
    Some(Singular { values: svd.singular_values.as_slice().to_vec(), left: svd.u?, right: svd.v_t?.transpose() })
}

impl Singular {
    /// How many singular values are more than rounding.
    pub fn rank(&self) -> usize {
        let top = self.values.first().copied().unwrap_or(0.0);
        self.values.iter().filter(|s| **s > ROUNDING * top && **s > 0.0).count()
    }
}

/// S^(-1/2) of a symmetric matrix without negative eigenvalues, on the space where they are more than rounding; and S⁻¹ likewise.
pub(super) fn inverse_roots(s: DMatrix<f64>) -> Option<(DMatrix<f64>, DMatrix<f64>)> {
    let eigen = s.try_symmetric_eigen(f64::EPSILON, SWEEPS)?;
    let top = eigen.eigenvalues.iter().copied().fold(0.0, f64::max);
    let power = |p: f64| {
        let scaled = eigen.eigenvalues.map(|e| if e > ROUNDING * top && e > 0.0 { e.powf(p) } else { 0.0 });
        &eigen.eigenvectors * DMatrix::from_diagonal(&scaled) * eigen.eigenvectors.transpose()
    };
    Some((power(-0.5), power(-1.0)))
}
