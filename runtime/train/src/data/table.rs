//! Rows in memory and what a model asks of a row.
use super::places;
use esper_diagnostics::Diagnostic;
use esper_ir::{DType, Model};

/// What a row's target is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetFormat {
    /// A class number below this (or any whole number from 0), an i32.
    Class(Option<usize>),
    /// A number, an f32.
    Value,
    /// None.
    Absent,
}

/// What the model asks of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowFormat {
    /// The shape of a row's features.
    pub shape: Vec<usize>,
    /// Its target.
    pub target: TargetFormat,
}

impl RowFormat {
    /// What this model asks. An error (D0111) where no file of rows can give it.
    pub fn of(model: &Model) -> Result<RowFormat, Diagnostic> {
        let spec = &model.data;
        let [feature] = &model.features[..] else {
            return Err(places::format(spec, format!("the model takes {} inputs, a row of a file is one", model.features.len())));
        };
        let sizes = |ty: &esper_ir::TensorType| -> Option<Vec<usize>> {
            ty.shape.get(1..)?.iter().map(|d| d.as_const().and_then(|n| usize::try_from(n).ok())).collect()
        };
        let shape = match sizes(feature) {
            Some(shape) if feature.dtype == DType::F32 && !shape.contains(&0) => shape,
            _ => return Err(places::format(spec, format!("the model takes {feature}; rows of a file are f32 of known sizes"))),
        };
        let one = sizes(&model.target).is_some_and(|s| s.iter().all(|n| *n == 1));
        let target = match model.target.dtype {
            DType::I32 if one => TargetFormat::Class(model.classes),
            DType::F32 if one => TargetFormat::Value,
            _ => {
                let message = format!("the loss takes targets of type {}; a row of a file has one number", model.target);
                return Err(places::format(spec, message));
            }
        };
        Ok(RowFormat { shape, target })
    }

    /// The same features without a target.
    pub fn without_target(&self) -> RowFormat {
        RowFormat { shape: self.shape.clone(), target: TargetFormat::Absent }
    }

    /// Numbers of a row.
    pub fn width(&self) -> usize {
        self.shape.iter().product()
    }
}

/// The targets of all rows.
#[derive(Clone, Debug, PartialEq)]
pub enum Targets {
    /// Class numbers.
    Classes(Vec<i32>),
    /// Numbers.
    Values(Vec<f32>),
    /// None.
    Absent,
}

/// All rows of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Row after row.
    pub features: Vec<f32>,
    /// Numbers of a row, at least 1.
    pub width: usize,
    /// One a row.
    pub targets: Targets,
    /// The BLAKE3 digest of the files' bytes, to see whether a resumed run has the same data.
    pub digest: String,
}

impl Table {
    /// How many rows.
    pub fn rows(&self) -> usize {
        self.features.len() / self.width
    }

    /// Copies these rows into a batch. Allocates nothing once the batch has held as many.
    pub fn gather(&self, rows: &[u32], batch: &mut Batch) {
        batch.features.resize(4 * self.width * rows.len(), 0);
        for (&row, bytes) in rows.iter().zip(batch.features.chunks_exact_mut(4 * self.width)) {
            let features = &self.features[row as usize * self.width..][..self.width];
            // Optimised builds make one copy of this loop.
            for (bytes, value) in bytes.chunks_exact_mut(4).zip(features) {
                bytes.copy_from_slice(&value.to_le_bytes());
            }
        }
        batch.targets.clear();
        match &self.targets {
            Targets::Classes(values) => rows.iter().for_each(|row| batch.targets.extend(values[*row as usize].to_le_bytes())),
            Targets::Values(values) => rows.iter().for_each(|row| batch.targets.extend(values[*row as usize].to_le_bytes())),
            Targets::Absent => {}
        }
    }
}

/// The bytes of a batch as a program reads them: little-endian, row after row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// f32.
    pub features: Vec<u8>,
    /// i32 or f32; empty where the rows have no target.
    pub targets: Vec<u8>,
}

impl Batch {
    /// An empty batch with room for that many rows.
    pub fn with_capacity(rows: usize, width: usize) -> Batch {
        Batch { features: Vec::with_capacity(rows * width * 4), targets: Vec::with_capacity(rows * 4) }
    }
}
