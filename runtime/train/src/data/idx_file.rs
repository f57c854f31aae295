//! Rows from IDX files, the format of MNIST: a head with the element type and the sizes, then the elements, big-endian.
use super::csv_file::{check_shape, class_number};
use super::places;
use super::raw_file::RawFile;
use super::table::{RowFormat, Table, TargetFormat, Targets};
use esper_diagnostics::Diagnostic;
use esper_ir::DataSpec;
use std::io::Read;
use std::path::Path;

/// The array in an IDX file.
struct Array {
    name: String,
    sizes: Vec<usize>,
    element: Element,
    bytes: Vec<u8>,
    head: usize,
}

/// The element types of the format.
#[derive(Clone, Copy)]
enum Element {
    U8,
    I8,
    I16,
    I32,
    F32,
    F64,
}

impl Element {
    fn from_code(code: u8) -> Option<Element> {
        Some(match code {
            0x08 => Element::U8,
            0x09 => Element::I8,
            0x0b => Element::I16,
            0x0c => Element::I32,
            0x0d => Element::F32,
            0x0e => Element::F64,
            _ => return None,
        })
    }

    fn bytes(self) -> usize {
        match self {
            Element::U8 | Element::I8 => 1,
            Element::I16 => 2,
            Element::I32 | Element::F32 => 4,
            Element::F64 => 8,
        }
    }

    fn value(self, bytes: &[u8]) -> f64 {
        match (self, bytes) {
            (Element::U8, &[a]) => f64::from(a),
            (Element::I8, &[a]) => f64::from(a as i8),
            (Element::I16, &[a, b]) => f64::from(i16::from_be_bytes([a, b])),
            (Element::I32, &[a, b, c, d]) => f64::from(i32::from_be_bytes([a, b, c, d])),
            (Element::F32, &[a, b, c, d]) => f64::from(f32::from_be_bytes([a, b, c, d])),
            (Element::F64, &[a, b, c, d, e, f, g, h]) => f64::from_be_bytes([a, b, c, d, e, f, g, h]),
            _ => unreachable!("an element is read with its own number of bytes"),
        }
    }
}

/// Reads the images, and the labels where there is a file of them.
pub(super) fn read(spec: &DataSpec, format: &RowFormat, folder: &Path, images: &str, labels: Option<&str>) -> Result<Table, Diagnostic> {
    let mut hasher = blake3::Hasher::new();
    let images = array(spec, folder, images, &mut hasher)?;
    let labels = labels.map(|path| array(spec, folder, path, &mut hasher)).transpose()?;
    let rows = images.sizes[0];
    if rows == 0 {
        return Err(places::problem(spec, "D0110", format!("`{}` has no rows", images.name), "read here"));
    }
    let shape = &images.sizes[1..];
    if shape.iter().product::<usize>() != format.width() {
        let message = format!("a row of `{}` is {shape:?}, the model takes {:?}", images.name, format.shape);
        return Err(places::problem(spec, "D0107", message, "these rows do not fit the model"));
    }
    check_shape(spec, format, shape)?;
    let mut features = Vec::with_capacity(rows * format.width());
    for index in 0..rows * format.width() {
        let value = (images.value(index) * spec.scale) as f32;
        if !value.is_finite() {
            return Err(
                places::problem(spec, "D0105", format!("{}: a value is {value}", images.name), "read here").note(images.place(index))
            );
        }
        features.push(value);
    }
    let targets = match (labels, format.target) {
        (None, _) | (_, TargetFormat::Absent) => Targets::Absent,
        (Some(labels), target) => read_labels(spec, target, rows, &images.name, &labels)?,
    };
    Ok(Table { features, width: format.width(), targets, digest: hasher.finalize().to_hex().to_string() })
}

fn read_labels(spec: &DataSpec, target: TargetFormat, rows: usize, images: &str, labels: &Array) -> Result<Targets, Diagnostic> {
    if labels.sizes[0] != rows || labels.sizes[1..].iter().any(|n| *n != 1) {
        let message = format!("`{images}` has {rows} rows, `{}` has labels of sizes {:?}", labels.name, labels.sizes);
        return Err(places::problem(spec, "D0103", message, "images and labels of this data differ in number"));
    }
    let bad = |index: usize, code: &str, message: String| {
        Err(places::problem(spec, code, format!("{}: {message}", labels.name), "labels of this data").note(labels.place(index)))
    };
    if let TargetFormat::Value = target {
        let values: Vec<f32> = (0..rows).map(|i| labels.value(i) as f32).collect();
        return match values.iter().position(|v| !v.is_finite()) {
            Some(i) => bad(i, "D0105", format!("a label is {}", values[i])),
            None => Ok(Targets::Values(values)),
        };
    }
    let mut classes = Vec::with_capacity(rows);
    for index in 0..rows {
        match class_number(labels.value(index), target) {
            Ok(class) => classes.push(class),
            Err(message) => return bad(index, "D0109", message),
        }
    }
    Ok(Targets::Classes(classes))
}

impl Array {
    fn value(&self, index: usize) -> f64 {
        let size = self.element.bytes();
        self.element.value(&self.bytes[index * size..(index + 1) * size])
    }

    fn place(&self, index: usize) -> String {
        let row = index / self.sizes[1..].iter().product::<usize>().max(1);
        format!("in the data: {}: row {row} (counted from 0), byte {}", self.name, self.head + index * self.element.bytes())
    }
}

fn array(spec: &DataSpec, folder: &Path, path: &str, hasher: &mut blake3::Hasher) -> Result<Array, Diagnostic> {
    let file = RawFile::open(spec, folder, path)?;
    file.digest_into(hasher);
    let bad = |message: String, place: usize| {
        Err(places::problem(spec, "D0103", format!("`{path}` {message}"), "read here").note(format!("in the data: {path}: byte {place}")))
    };
    let mut content = file.content();
    let mut head = vec![];
    content.by_ref().take(4).read_to_end(&mut head).map_err(|e| file.broken(spec, &e, None))?;
    let (element, axes) = match head[..] {
        [0, 0, code, axes] if axes > 0 => match Element::from_code(code) {
            Some(element) => (element, usize::from(axes)),
            None => return bad(format!("has elements of the unknown type {code:#04x}"), 2),
        },
        [_, _, _, _] => return bad("does not begin like an IDX file".to_string(), 0),
        _ => return bad(format!("ends after {} bytes, in its head", head.len()), head.len()),
    };
    let mut sizes = vec![];
    content.by_ref().take(4 * axes as u64).read_to_end(&mut sizes).map_err(|e| file.broken(spec, &e, None))?;
    if sizes.len() < 4 * axes {
        return bad(format!("ends after {} bytes, in its head", 4 + sizes.len()), 4 + sizes.len());
    }
    let sizes: Vec<usize> = sizes.chunks_exact(4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]) as usize).collect();
    let wanted = sizes.iter().try_fold(element.bytes(), |a, b| a.checked_mul(*b)).filter(|n| *n < isize::MAX as usize);
    let head = 4 + 4 * axes;
    let Some(wanted) = wanted else {
        return bad(format!("says that it has {sizes:?} elements, more than fit in memory"), 4);
    };
    let mut bytes = vec![];
    // One byte more than it should have shows a file that is too long, however long it is.
    content.take(wanted as u64 + 1).read_to_end(&mut bytes).map_err(|e| file.broken(spec, &e, None))?;
    if bytes.len() < wanted {
        let message = format!("is cut off: {sizes:?} elements need {wanted} bytes, {} are there", bytes.len());
        return bad(message, head + bytes.len());
    }
    if bytes.len() > wanted {
        return bad(format!("goes on after its {sizes:?} elements"), head + wanted);
    }
    Ok(Array { name: path.to_string(), sizes, element, bytes, head })
}
