//! Reading and dividing data: what is right gives rows, every mistake gives its one error with both places.
use super::*;
use esper_diagnostics::{FileId, Span};
use esper_ir::{Normalise, Split};
use flate2::{Compression, write::GzEncoder};
use std::io::Write;

const DATA: Span = Span { file: FileId(0), start: 10, end: 20 };
const SPLIT: Span = Span { file: FileId(0), start: 30, end: 40 };

fn spec(source: DataSource) -> DataSpec {
    DataSpec {
        source,
        scale: 0.5,
        shape: None,
        normalise: Normalise::None,
        split: Split::Holdout { val: 0.25, test: 0.25, seed: None },
        span: DATA,
        gate: 0.0,
        split_span: SPLIT,
    }
}

fn csv(label: i64, header: bool) -> DataSpec {
    spec(DataSource::Csv { path: "rows.csv".into(), label, header })
}

fn classes(width: usize, classes: usize) -> RowFormat {
    RowFormat { shape: vec![width], target: TargetFormat::Class(Some(classes)) }
}

/// Reads `text` as `rows.csv`: two features and a label in the last column unless said otherwise.
fn read_text(text: impl AsRef<[u8]>, spec: &DataSpec, format: &RowFormat) -> Result<Table, Diagnostic> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rows.csv"), text).unwrap();
    read(spec, format, folder.path())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(vec![], Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The text of an error: its code, message, notes and helps in lines.
#[track_caller]
fn error(result: Result<Table, Diagnostic>) -> String {
    let diagnostic = result.unwrap_err();
    assert!(diagnostic.primary.span == DATA || diagnostic.primary.span == SPLIT);
    assert!(CODES.iter().any(|c| c.code == diagnostic.code), "{} has no record", diagnostic.code);
    let mut text = format!("{} {}", diagnostic.code, diagnostic.message);
    for line in diagnostic.notes.iter().chain(&diagnostic.helps) {
        text.push('\n');
        text.push_str(line);
    }
    text
}

#[test]
fn a_csv_file_gives_scaled_features_and_labels() {
    let table = read_text("1,2,0\n3, 4 ,1\n\"5\",6e0,1\n", &csv(-1, false), &classes(2, 2)).unwrap();
    assert_eq!(table.features, [0.5, 1.0, 1.5, 2.0, 2.5, 3.0]);
    assert_eq!(table.targets, Targets::Classes(vec![0, 1, 1]));
    assert_eq!(table.rows(), 3);
}

#[test]
fn a_header_blank_lines_a_byte_order_mark_and_a_missing_last_line_break_are_fine() {
    let table = read_text("\u{feff}y,a,b\r\n\r\n1,2,3\r\n\r\n0,4,5", &csv(0, true), &classes(2, 2)).unwrap();
    assert_eq!(table.features, [1.0, 1.5, 2.0, 2.5]);
    assert_eq!(table.targets, Targets::Classes(vec![1, 0]));
    let table = read_text("\u{feff}1,2,3\n", &csv(0, false), &classes(2, 2)).unwrap();
    assert_eq!(table.targets, Targets::Classes(vec![1]));
}

#[test]
fn a_compressed_file_reads_the_same_and_a_cut_one_is_an_error() {
    let text: String = (0..2000).map(|i| format!("{},{},{}\n", i % 7, i * i % 31, i % 2)).collect();
    let packed = gzip(text.as_bytes());
    let plain = read_text(&text, &csv(-1, false), &classes(2, 2)).unwrap();
    let table = read_text(&packed, &csv(-1, false), &classes(2, 2)).unwrap();
    assert_eq!((&table.features, &table.targets), (&plain.features, &plain.targets));
    assert_ne!(table.digest, plain.digest);
    let cut = error(read_text(&packed[..packed.len() / 2], &csv(-1, false), &classes(2, 2)));
    assert!(cut.starts_with("D0102 the compressed file `rows.csv` ends in the middle\nin the data: rows.csv:"), "{cut}");
    let mut damaged = packed.clone();
    let last = damaged.len() - 5;
    damaged[last] ^= 0xff;
    assert!(error(read_text(&damaged, &csv(-1, false), &classes(2, 2))).starts_with("D0102"));
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rows.csv.gz"), &text).unwrap();
    let spec = spec(DataSource::Csv { path: "rows.csv.gz".into(), label: -1, header: false });
    assert!(error(read(&spec, &classes(2, 2), folder.path())).starts_with("D0102 `rows.csv.gz` is not gzip data"));
}

#[test]
fn a_missing_file_says_where_it_was_looked_for_and_what_lies_there() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rows.csv.gz"), "").unwrap();
    let text = error(read(&csv(-1, false), &classes(2, 2), folder.path()));
    assert!(text.starts_with("D0101 the data file `rows.csv` does not exist\nlooked for "), "{text}");
    assert!(text.ends_with("paths are taken from the folder of the blueprint, or of the artifact\ndid you mean `rows.csv.gz`?"), "{text}");
    std::fs::create_dir(folder.path().join("rows.csv")).unwrap();
    assert!(error(read(&csv(-1, false), &classes(2, 2), folder.path())).starts_with("D0101 `rows.csv` is a folder"));
}

#[test]
fn cells_that_are_no_numbers_show_their_place() {
    let text = error(read_text("1,2,0\n\n3,x y,1\n", &csv(-1, false), &classes(2, 2)));
    assert_eq!(text, "D0104 rows.csv:3:3: value 2 is `x y`, which is no number\nin the data, line 3: 3,x y,1");
    let text = error(read_text("1,2,0\n30,,1\n", &csv(-1, false), &classes(2, 2)));
    assert!(text.starts_with("D0104 rows.csv:2:4: value 2 is empty"), "{text}");
    let text = error(read_text("a,b,y\n1,2,0\n", &csv(-1, false), &classes(2, 2)));
    assert!(text.contains("rows.csv:1:1: value 1 is `a`") && text.ends_with("write `header = true`"), "{text}");
    let text = error(read_text([b'1', b',', 0xff, b',', b'0', b'\n'], &csv(-1, false), &classes(2, 2)));
    assert!(text.starts_with("D0104 rows.csv:1:3: value 2 is `\u{fffd}`"), "{text}");
    assert!(!error(read_text("1;2;0\n", &csv(-1, false), &classes(2, 2))).is_empty());
}

#[test]
fn values_that_are_not_finite_are_refused() {
    for (cell, message) in [("nan", "value 2 is `nan`"), ("-inf", "value 2 is `-inf`"), ("1e39", "1e39 is too large for an f32")] {
        let text = error(read_text(format!("1,2,0\n1,{cell},0\n"), &csv(-1, false), &classes(2, 2)));
        assert!(text.starts_with(&format!("D0105 rows.csv:2:3: {message}")), "{text}");
    }
    let large = DataSpec { scale: 1e10, ..csv(-1, false) };
    assert!(
        error(read_text("1,1e30,0\n", &large, &classes(2, 2))).starts_with("D0105 rows.csv:1:3: 1000000000000000000000000000000 times")
    );
}

#[test]
fn rows_of_another_length_are_errors() {
    let text = error(read_text("1,2,0\n1,2\n", &csv(-1, false), &classes(2, 2)));
    assert!(text.starts_with("D0106 rows.csv:2:5: 2 values, the rows above have 3"), "{text}");
    let text = error(read_text("1,2,0\n1,2,0,7\n", &csv(-1, false), &classes(2, 2)));
    assert!(text.starts_with("D0106 rows.csv:2:7: 4 values, the rows above have 3"), "{text}");
}

#[test]
fn rows_that_do_not_fit_the_model_are_errors() {
    let text = error(read_text("1,2,0\n", &csv(-1, false), &classes(3, 2)));
    assert!(text.starts_with("D0107 rows.csv:1:1: a row has 2 features beside the label, the model takes 3"), "{text}");
    let image = RowFormat { shape: vec![1, 2, 1], target: TargetFormat::Class(Some(2)) };
    let text = error(read_text("1,2,0\n", &csv(-1, false), &image));
    assert!(text.starts_with("D0107 a row is [2], the model takes [1, 2, 1]\nwrite `shape = [1, 2, 1]`"), "{text}");
    let shaped = DataSpec { shape: Some(vec![1, 2, 1]), ..csv(-1, false) };
    assert_eq!(read_text("1,2,0\n", &shaped, &image).unwrap().features, [0.5, 1.0]);
    let text = error(read_text("1;2;0\n", &csv(-1, false), &classes(2, 2)));
    assert!(text.ends_with("values must be separated by commas"), "{text}");
}

#[test]
fn labels_that_are_no_classes_are_errors() {
    for (label, message) in [
        ("2", "the label 2 is not one of the model's 2 classes (0 to 1)"),
        ("-1", "the label -1 is not one of"),
        ("0.5", "the label 0.5 is not a whole number"),
        ("1e300", "1e300 is too large"),
    ] {
        let text = error(read_text(format!("1,2,0\n1,2,{label}\n"), &csv(-1, false), &classes(2, 2)));
        assert!(text.contains(&format!("rows.csv:2:5: {message}")), "{text}");
    }
    for label in [3, -4, i64::MIN, i64::MAX] {
        let text = error(read_text("1,2,0\n", &csv(label, false), &classes(2, 2)));
        assert!(text.starts_with(&format!("D0108 rows.csv:1:1: there is no column {label}: a row has 3 values")), "{text}");
    }
    let value = RowFormat { shape: vec![2], target: TargetFormat::Value };
    assert_eq!(read_text("1,2,-0.5\n", &csv(-1, false), &value).unwrap().targets, Targets::Values(vec![-0.5]));
}

#[test]
fn a_file_without_rows_is_an_error() {
    assert!(error(read_text("", &csv(-1, false), &classes(2, 2))).starts_with("D0110 `rows.csv` has no rows"));
    assert!(error(read_text("a,b,c\n", &csv(-1, true), &classes(2, 2))).starts_with("D0110"));
}

#[test]
fn rows_to_predict_from_may_have_a_label_or_not() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("new.csv");
    for text in ["1,2\n3,4\n", "1,2,9\n3,4,anything\n"] {
        std::fs::write(&file, text).unwrap();
        let table = read_unlabelled(&csv(-1, false), &classes(2, 2), &file).unwrap();
        assert_eq!((table.features, table.targets), (vec![0.5, 1.0, 1.5, 2.0], Targets::Absent));
    }
    std::fs::write(&file, "1,2,3,4\n").unwrap();
    assert!(error(read_unlabelled(&csv(-1, false), &classes(2, 2), &file)).starts_with("D0107"));
}

#[test]
fn long_lines_are_shown_around_the_place() {
    let line: String = (0..20).map(|i| if i == 11 { "?,".to_string() } else { format!("{i},") }).collect();
    let text = error(read_text(format!("{line}0\n"), &csv(-1, false), &classes(20, 2)));
    assert!(text.contains("in the data, line 1: …,7,8,9,10,?,12,13,14,…"), "{text}");
}

#[test]
fn a_source_this_runtime_does_not_read_says_its_name() {
    let spec = spec(DataSource::Unsupported { function: "text".into() });
    assert_eq!(
        error(read(&spec, &classes(2, 2), std::path::Path::new(""))),
        "D0112 data from `text` cannot be read by this version\n`csv(…)` and `idx(…)` can be read"
    );
}

/// The bytes of an IDX file.
fn idx(code: u8, sizes: &[u32], bytes: &[u8]) -> Vec<u8> {
    let mut file = vec![0, 0, code, sizes.len() as u8];
    sizes.iter().for_each(|n| file.extend(n.to_be_bytes()));
    file.extend(bytes);
    file
}

fn read_idx(images: &[u8], labels: &[u8], format: &RowFormat) -> Result<Table, Diagnostic> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("images"), images).unwrap();
    std::fs::write(folder.path().join("labels"), labels).unwrap();
    read(&spec(DataSource::Idx { images: "images".into(), labels: "labels".into() }), format, folder.path())
}

#[test]
fn idx_files_give_rows_of_every_element_type() {
    let format = RowFormat { shape: vec![1, 2], target: TargetFormat::Class(Some(3)) };
    let labels = gzip(&idx(8, &[2], &[2, 0]));
    let floats: Vec<u8> = [1f32, 2.0, 3.0, 4.0].iter().flat_map(|v| v.to_be_bytes()).collect();
    let shorts: Vec<u8> = [1i16, 2, 3, 4].iter().flat_map(|v| v.to_be_bytes()).collect();
    for images in [idx(8, &[2, 1, 2], &[1, 2, 3, 4]), gzip(&idx(0x0d, &[2, 1, 2], &floats)), idx(0x0b, &[2, 1, 2], &shorts)] {
        let table = read_idx(&images, &labels, &format).unwrap();
        assert_eq!((table.features, table.targets), (vec![0.5, 1.0, 1.5, 2.0], Targets::Classes(vec![2, 0])));
    }
}

#[test]
fn broken_idx_files_are_errors() {
    let format = RowFormat { shape: vec![2], target: TargetFormat::Class(Some(3)) };
    let images = idx(8, &[2, 2], &[1, 2, 3, 4]);
    let labels = idx(8, &[2], &[2, 0]);
    let cases: [(Vec<u8>, Vec<u8>, &str); 9] = [
        (
            images[..images.len() - 1].to_vec(),
            labels.clone(),
            "D0103 `images` is cut off: [2, 2] elements need 4 bytes, 3 are there\nin the data: images: byte 15",
        ),
        ([&images[..], &[0]].concat(), labels.clone(), "D0103 `images` goes on after"),
        (b"PK\x03\x04 zip".to_vec(), labels.clone(), "D0103 `images` does not begin like an IDX file"),
        (vec![0, 0], labels.clone(), "D0103 `images` ends after 2 bytes"),
        (images[..9].to_vec(), labels.clone(), "D0103 `images` ends after 9 bytes"),
        (idx(0x33, &[2, 2], &[]), labels.clone(), "D0103 `images` has elements of the unknown type 0x33"),
        (idx(8, &[u32::MAX, u32::MAX, u32::MAX], &[]), labels.clone(), "D0103 `images` says that it has"),
        (images.clone(), idx(8, &[3], &[0, 0, 0]), "D0103 `images` has 2 rows, `labels` has labels of sizes [3]"),
        (images.clone(), idx(8, &[2], &[0, 3]), "D0109 labels: the label 3 is not one of the model's 3 classes"),
    ];
    for (images, labels, message) in cases {
        let text = error(read_idx(&images, &labels, &format));
        assert!(text.starts_with(message), "{text}");
    }
    assert!(error(read_idx(&idx(8, &[2, 3], &[0; 6]), &labels, &format)).starts_with("D0107"));
    assert!(error(read_idx(&idx(8, &[0, 2], &[]), &labels, &format)).starts_with("D0110"));
}

#[test]
fn a_holdout_covers_every_row_once_and_depends_on_the_seed_alone() {
    let divided = |seed, val| {
        let spec = DataSpec { split: Split::Holdout { val, test: 0.1, seed }, ..csv(-1, false) };
        divide(100, &spec, 7).unwrap()
    };
    let split = divided(None, 0.2);
    assert_eq!((split.train.len(), split.val.len(), split.test.len()), (70, 20, 10));
    let mut all = [&split.train[..], &split.val, &split.test].concat();
    all.sort_unstable();
    assert!(all.into_iter().eq(0..100));
    assert_eq!(split, divided(Some(7), 0.2));
    assert_ne!(split.val, divided(Some(8), 0.2).val);
    assert_eq!(split.test, divided(None, 0.4).test);
}

#[test]
fn a_tail_is_the_end_of_the_file_in_order() {
    let spec = DataSpec { split: Split::Tail { val: 0.2, test: 0.3 }, ..csv(-1, false) };
    let split = divide(10, &spec, 0).unwrap();
    assert_eq!(split, SplitRows { train: vec![0, 1, 2, 3, 4], val: vec![5, 6], test: vec![7, 8, 9], gate: vec![] });
}

#[test]
fn too_few_rows_and_impossible_shares_are_errors() {
    for (rows, val, test, message) in [
        (1, 0.5, 0.0, "1 row are too few"),
        (2, 0.1, 0.0, "a share of 0.1 of 2 rows leaves none for validation"),
        (10, 0.2, 0.01, "leaves none for the test"),
        (10, 0.5, 0.5, "leave nothing to train on"),
        (10, -0.1, 0.0, "leave nothing to train on"),
        (10, f64::NAN, 0.0, "leave nothing to train on"),
    ] {
        let spec = DataSpec { split: Split::Tail { val, test }, ..csv(-1, false) };
        let diagnostic = divide(rows, &spec, 0).unwrap_err();
        assert_eq!((&diagnostic.code[..], diagnostic.primary.span), ("D0110", SPLIT));
        assert!(diagnostic.message.contains(message), "{}", diagnostic.message);
    }
}

#[test]
fn an_order_is_a_function_of_seed_and_epoch() {
    let mut order = EpochOrder::new(5, (0..50).collect());
    order.shuffle(3);
    let third: Vec<u32> = order.batch(0, 50).to_vec();
    order.shuffle(4);
    assert_ne!(third, order.batch(0, 50));
    order.shuffle(3);
    assert_eq!(third, order.batch(0, 50));
    assert_eq!(order.batch(3, 16), &third[48..]);
    let mut sorted = third.clone();
    sorted.sort_unstable();
    assert!(sorted.into_iter().eq(0..50));
    let mut other = EpochOrder::new(5 | 1 << 40, (0..50).collect());
    other.shuffle(3);
    assert_ne!(third, other.batch(0, 50));
}

#[test]
fn every_order_is_equally_likely() {
    let mut counts = std::collections::BTreeMap::new();
    for epoch in 0..6000 {
        let mut rows = [0, 1, 2];
        permute(1, Purpose::Shuffle, epoch, &mut rows);
        *counts.entry(rows).or_insert(0) += 1;
    }
    assert_eq!(counts.len(), 6);
    // Five standard deviations of a count of 1000.
    assert!(counts.values().all(|n| (850..=1150).contains(n)), "{counts:?}");
}

#[test]
fn normalisation_measures_training_rows_only() {
    let mut table = Table { features: vec![1.0, 7.0, 3.0, 7.0, 100.0, 100.0], width: 2, targets: Targets::Absent, digest: String::new() };
    let normalisation = Normalisation::measure(&table, &[0, 1], Normalise::PerFeature, &[2]).unwrap();
    assert_eq!((&normalisation.mean[..], &normalisation.deviation[..]), (&[2.0, 7.0][..], &[1.0, 1.0][..]));
    normalisation.apply(&mut table.features);
    assert_eq!(table.features, [-1.0, 0.0, 1.0, 0.0, 98.0, 93.0]);
    let table = Table { features: vec![0.0, 2.0, 10.0, 14.0], width: 4, targets: Targets::Absent, digest: String::new() };
    let channels = Normalisation::measure(&table, &[0], Normalise::PerChannel, &[2, 1, 2]).unwrap();
    assert_eq!((channels.mean, channels.deviation), (vec![1.0, 12.0], vec![1.0, 2.0]));
    let global = Normalisation::measure(&table, &[0], Normalise::Global, &[2, 1, 2]).unwrap();
    assert_eq!(global.mean, [6.5]);
    assert_eq!(Normalisation::measure(&table, &[0], Normalise::None, &[4]), None);
}

#[test]
fn a_batch_holds_the_bytes_of_its_rows() {
    let table = Table { features: vec![1.0, 2.0, 3.0], width: 1, targets: Targets::Classes(vec![4, 5, 6]), digest: String::new() };
    let mut batch = Batch::with_capacity(2, 1);
    table.gather(&[2, 0], &mut batch);
    assert_eq!(batch.features, [3f32.to_le_bytes(), 1f32.to_le_bytes()].concat());
    assert_eq!(batch.targets, [6i32.to_le_bytes(), 4i32.to_le_bytes()].concat());
}
