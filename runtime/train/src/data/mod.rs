//! The rows a run trains on: read from files, checked against the model, divided, normalised, and gathered into batches.
mod csv_file;
mod idx_file;
mod normalise;
mod order;
mod places;
mod raw_file;
mod split;
mod table;

pub use normalise::Normalisation;
pub use order::{EpochOrder, Purpose, permute};
pub use places::{CODES, DataPlace};
pub use split::{SplitRows, divide};
pub use table::{Batch, RowFormat, Table, TargetFormat, Targets};

use esper_diagnostics::Diagnostic;
use esper_ir::{DataSource, DataSpec, Model};
use std::path::Path;

/// All rows of the data, checked, with features multiplied by `scale` but not normalised. `folder` is where the blueprint lies.
pub fn read(spec: &DataSpec, format: &RowFormat, folder: &Path) -> Result<Table, Diagnostic> {
    match &spec.source {
        DataSource::Csv { path, label, header } => {
            csv_file::read(spec, format, folder, path, csv_file::Layout { label: Some(*label), header: *header })
        }
        DataSource::Idx { images, labels } => idx_file::read(spec, format, folder, images, Some(labels)),
        DataSource::Unsupported { function } => Err(places::unsupported(spec, function)),
    }
}

/// Rows to predict from, in the format of the run's data; a label column may be there and is ignored.
pub fn read_unlabelled(spec: &DataSpec, format: &RowFormat, file: &Path) -> Result<Table, Diagnostic> {
    // Absolute paths stay as they are, and relative ones are taken from where the command runs.
    let folder = Path::new("");
    let path = file.to_string_lossy();
    let table = match &spec.source {
        DataSource::Csv { label, header, .. } => {
            csv_file::read(spec, &format.without_target(), folder, &path, csv_file::Layout { label: Some(*label), header: *header })
        }
        DataSource::Idx { .. } => idx_file::read(spec, &format.without_target(), folder, &path, None),
        DataSource::Unsupported { function } => Err(places::unsupported(spec, function)),
    };
    table.map_err(|mut problem| {
        // The place in the source is that of the training data: it says what the rows should be like, not what is wrong.
        problem.primary.text = "rows must be like those of this data; the label may be left out".to_string();
        problem.helps.retain(|help| help != raw_file::PATHS);
        problem
    })
}

/// The data of a run, ready for batches.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// All rows, normalised.
    pub table: Table,
    /// Which row is for what.
    pub split: SplitRows,
    /// What was done to the features, to do the same to others.
    pub normalisation: Option<Normalisation>,
}

/// Reads, checks, divides and normalises the data of a model; as it says, or as its weights are used to.
pub fn prepare(model: &Model, folder: &Path, used: Option<Normalisation>) -> Result<Dataset, Diagnostic> {
    let format = RowFormat::of(model)?;
    let mut table = read(&model.data, &format, folder)?;
    let split = divide(table.rows(), &model.data, model.settings.seed)?;
    let normalisation = used.or_else(|| Normalisation::measure(&table, &split.train, model.data.normalise, &format.shape));
    if let Some(normalisation) = &normalisation {
        normalisation.apply(&mut table.features);
    }
    Ok(Dataset { table, split, normalisation })
}

#[cfg(test)]
mod tests;
