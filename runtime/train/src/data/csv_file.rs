//! Rows from a csv file: numbers separated by commas, one row a line, one column of them the label.
use super::places::{self, DataPlace};
use super::raw_file::RawFile;
use super::table::{RowFormat, Table, TargetFormat, Targets};
use csv::ByteRecord;
use esper_diagnostics::Diagnostic;
use esper_ir::DataSpec;
use std::path::Path;

/// How the columns are to be read.
#[derive(Clone, Copy)]
pub(super) struct Layout {
    /// The label's column, negative from the end.
    pub label: Option<i64>,
    /// Whether the first line holds names.
    pub header: bool,
}

/// The reader's state: where it is and what the rows look like.
struct Rows<'a> {
    spec: &'a DataSpec,
    format: &'a RowFormat,
    file: &'a RawFile,
    columns: usize,
    label: Option<usize>,
}

/// Reads all rows.
pub(super) fn read(spec: &DataSpec, format: &RowFormat, folder: &Path, path: &str, layout: Layout) -> Result<Table, Diagnostic> {
    let file = RawFile::open(spec, folder, path)?;
    let mut hasher = blake3::Hasher::new();
    file.digest_into(&mut hasher);
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(file.content());
    let (mut record, mut header_pending) = (ByteRecord::new(), layout.header);
    let mut rows: Option<Rows> = None;
    let mut features = vec![];
    let mut targets = match format.target {
        TargetFormat::Class(_) => Targets::Classes(vec![]),
        TargetFormat::Value => Targets::Values(vec![]),
        TargetFormat::Absent => Targets::Absent,
    };
    loop {
        match reader.read_byte_record(&mut record) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => return Err(failure(spec, &file, error, reader.position().line())),
        }
        if std::mem::take(&mut header_pending) {
            continue;
        }
        let line = line_of(&record, reader.position().line());
        let rows = match &rows {
            Some(rows) => rows,
            None => rows.insert(Rows::new(spec, format, &file, layout, &record, line)?),
        };
        rows.push(&record, line, layout, &mut features, &mut targets)?;
    }
    if features.is_empty() {
        return Err(places::problem(spec, "D0110", format!("`{path}` has no rows"), "read here").note(format!("in the data: {path}:1:1")));
    }
    Ok(Table { features, width: format.width(), targets, digest: hasher.finalize().to_hex().to_string() })
}

/// The line a record stands in. The reader gives the line where it began to look, before blank lines; the line behind the record is
/// right wherever no cell holds a line break.
fn line_of(record: &ByteRecord, behind: u64) -> u64 {
    let breaks = record.iter().map(|cell| cell.iter().filter(|b| **b == b'\n').count() as u64).sum::<u64>();
    let started = record.position().map_or(1, |p| p.line());
    behind.saturating_sub(1 + breaks).max(started)
}

fn failure(spec: &DataSpec, file: &RawFile, error: csv::Error, line: u64) -> Diagnostic {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => file.broken(spec, &error, Some(line)),
        other => {
            let place = DataPlace { file: &file.name, line, column: 1 };
            places::at(spec, "D0104", &place, format_args!("cannot be read: {other:?}"), "read here", "")
        }
    }
}

impl<'a> Rows<'a> {
    /// Decides from the first row where the label is and whether the rest is what the model takes.
    fn new(
        spec: &'a DataSpec,
        format: &'a RowFormat,
        file: &'a RawFile,
        layout: Layout,
        first: &ByteRecord,
        line: u64,
    ) -> Result<Rows<'a>, Diagnostic> {
        let (columns, width) = (first.len(), format.width());
        let place = DataPlace { file: &file.name, line, column: 1 };
        let absent = format.target == TargetFormat::Absent;
        let label = match layout.label {
            _ if absent && columns == width => None,
            None => None,
            Some(label) => {
                let counted = if label < 0 { label.checked_add(columns as i64) } else { Some(label) };
                match counted.and_then(|n| usize::try_from(n).ok()).filter(|n| *n < columns) {
                    Some(n) => Some(n),
                    None if !absent => {
                        let message = format!("there is no column {label}: a row has {columns} {}", plural(columns, "value"));
                        return Err(places::at(spec, "D0108", &place, message, "`label` names a column of this file", &excerpt(first, 0))
                            .help(format!("columns count from 0, so the last one is {} or -1", columns - 1)));
                    }
                    None => None,
                }
            }
        };
        let given = columns - usize::from(label.is_some());
        if given != width {
            let shape = format.shape.iter().map(|n| n.to_string()).collect::<Vec<_>>().join(" × ");
            let size = if format.shape.len() > 1 { format!("{shape} = {width}") } else { width.to_string() };
            let message = format!("a row has {given} {} {}, the model takes {size}", plural(given, "feature"), beside(label));
            let mut diagnostic = places::at(spec, "D0107", &place, message, "these rows do not fit the model", &excerpt(first, 0));
            if columns == 1 && first.get(0).is_some_and(|cell| cell.iter().any(|b| matches!(b, b';' | b'\t' | b' '))) {
                diagnostic = diagnostic.help("values must be separated by commas");
            }
            return Err(diagnostic);
        }
        if label.is_some() || absent {
            check_shape(spec, format, &[width])?;
        }
        Ok(Rows { spec, format, file, columns, label })
    }

    fn place(&self, record: &ByteRecord, line: u64, cell: usize) -> DataPlace<'a> {
        // As if no cell were quoted, which is how files of numbers are written.
        let column = 1 + record.iter().take(cell).map(|c| c.len() + 1).sum::<usize>();
        DataPlace { file: &self.file.name, line, column }
    }

    fn push(
        &self,
        record: &ByteRecord,
        line: u64,
        layout: Layout,
        features: &mut Vec<f32>,
        targets: &mut Targets,
    ) -> Result<(), Diagnostic> {
        if record.len() != self.columns {
            let place = self.place(record, line, record.len().min(self.columns));
            let message = format!("{} {}, the rows above have {}", record.len(), plural(record.len(), "value"), self.columns);
            return Err(places::at(
                self.spec,
                "D0106",
                &place,
                message,
                "all rows of this file must be equally long",
                &excerpt(record, record.len()),
            ));
        }
        for (cell, bytes) in record.iter().enumerate() {
            if Some(cell) == self.label && self.format.target == TargetFormat::Absent {
                continue;
            }
            let value = self.number(record, line, cell, bytes, layout, features.is_empty())?;
            if Some(cell) != self.label {
                let scaled = (value * self.spec.scale) as f32;
                if !scaled.is_finite() {
                    let message = format!("{value} times the scale {} is too large for an f32", self.spec.scale);
                    return Err(places::at(
                        self.spec,
                        "D0105",
                        &self.place(record, line, cell),
                        message,
                        "read here",
                        &excerpt(record, cell),
                    ));
                }
                features.push(scaled);
                continue;
            }
            match targets {
                Targets::Classes(classes) => {
                    let class = class_number(value, self.format.target).map_err(|message| {
                        places::at(
                            self.spec,
                            "D0109",
                            &self.place(record, line, cell),
                            message,
                            "labels of this data",
                            &excerpt(record, cell),
                        )
                    })?;
                    classes.push(class);
                }
                Targets::Values(values) => values.push(value as f32),
                Targets::Absent => {}
            }
        }
        Ok(())
    }

    fn number(&self, record: &ByteRecord, line: u64, cell: usize, bytes: &[u8], layout: Layout, first: bool) -> Result<f64, Diagnostic> {
        let text = std::str::from_utf8(bytes).unwrap_or("").trim();
        let place = || self.place(record, line, cell);
        match text.parse::<f64>() {
            Ok(value) if (value as f32).is_finite() => Ok(value),
            Ok(value) => {
                let message = match value.is_finite() {
                    true => format!("{text} is too large for an f32"),
                    false => format!("value {} is `{text}`", cell + 1),
                };
                Err(places::at(self.spec, "D0105", &place(), message, "every value of this data must be finite", &excerpt(record, cell)))
            }
            Err(_) => {
                let shown: String = String::from_utf8_lossy(bytes).trim().chars().take(40).collect();
                let what = if shown.is_empty() { "is empty".to_string() } else { format!("is `{shown}`, which is no number") };
                let mut diagnostic = places::at(
                    self.spec,
                    "D0104",
                    &place(),
                    format_args!("value {} {what}", cell + 1),
                    "every value of this data must be a number",
                    &excerpt(record, cell),
                );
                if first && !layout.header && !shown.is_empty() {
                    diagnostic = diagnostic.help("where the first line holds the names of the columns, write `header = true`");
                }
                Err(diagnostic)
            }
        }
    }
}

/// The class that a label says, or what is wrong with it.
pub(super) fn class_number(value: f64, target: TargetFormat) -> Result<i32, String> {
    if value.fract() != 0.0 {
        return Err(format!("the label {value} is not a whole number, and the loss reads labels as classes"));
    }
    let classes = match target {
        TargetFormat::Class(Some(classes)) => classes as f64,
        _ => f64::from(i32::MAX),
    };
    if value < 0.0 || value >= classes {
        return Err(format!("the label {value} is not one of the model's {classes} classes (0 to {})", classes - 1.0));
    }
    Ok(value as i32)
}

/// Whether rows that come in `given` shape (or the one that the spec gives them) have the model's shape.
pub(super) fn check_shape(spec: &DataSpec, format: &RowFormat, given: &[usize]) -> Result<(), Diagnostic> {
    let shape = spec.shape.as_deref().unwrap_or(given);
    if shape == format.shape {
        return Ok(());
    }
    Err(places::problem(
        spec,
        "D0107",
        format!("a row is {shape:?}, the model takes {:?}", format.shape),
        "these rows do not fit the model",
    )
    .help(format!("write `shape = {:?}` to give the rows that shape", format.shape)))
}

/// The cells around one, as they stand in the line.
fn excerpt(record: &ByteRecord, cell: usize) -> String {
    let first = cell.saturating_sub(4).min(record.len().saturating_sub(8));
    let shown: Vec<String> = record.iter().skip(first).take(8).map(|c| String::from_utf8_lossy(c).chars().take(24).collect()).collect();
    let (before, behind) = (if first > 0 { "…," } else { "" }, if first + 8 < record.len() { ",…" } else { "" });
    format!("{before}{}{behind}", shown.join(","))
}

fn plural(n: usize, word: &str) -> String {
    if n == 1 { word.to_string() } else { format!("{word}s") }
}

fn beside(label: Option<usize>) -> &'static str {
    if label.is_some() { "beside the label" } else { "and no label" }
}
