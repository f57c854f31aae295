//! The metrics log: `metrics.jsonl` (steps and epochs) and `metrics.csv` (one row an epoch), appended line by line and cut back on resume.
use crate::{EpochRecord, Event, Observer};
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

/// How many bytes of each file a checkpoint vouches for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogCursor {
    /// Bytes of `metrics.jsonl`.
    pub jsonl: u64,
    /// Bytes of `metrics.csv`.
    pub csv: u64,
}

/// Writes both files. Every line goes out in one write, so a reader never sees half of one.
#[derive(Debug)]
pub struct MetricsLog {
    jsonl: File,
    csv: File,
    cursor: LogCursor,
    every: u64,
    line: Vec<u8>,
    failure: Option<io::Error>,
}

impl MetricsLog {
    /// Opens the log in a run's folder and forgets what lies behind `cursor` (everything, for a new run). Every `every`-th step is
    /// logged besides the epochs; 0: none. Fails where a file is shorter than the cursor says.
    pub fn open(folder: &Path, cursor: LogCursor, every: u64) -> io::Result<MetricsLog> {
        let open = |name: &str, keep: u64| -> io::Result<File> {
            let mut file = OpenOptions::new().create(true).read(true).write(true).truncate(false).open(folder.join(name))?;
            let length = file.metadata()?.len();
            if length < keep {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("{name} has {length} bytes, the checkpoint was made at {keep}"),
                ));
            }
            file.set_len(keep)?;
            file.seek(SeekFrom::End(0))?;
            Ok(file)
        };
        let (jsonl, csv) = (open("metrics.jsonl", cursor.jsonl)?, open("metrics.csv", cursor.csv)?);
        Ok(MetricsLog { jsonl, csv, cursor, every, line: Vec::with_capacity(1024), failure: None })
    }

    /// How far the files have come, after everything is on the disk.
    pub fn sync(&mut self) -> io::Result<LogCursor> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        self.jsonl.sync_data()?;
        self.csv.sync_data()?;
        Ok(self.cursor)
    }

    /// How far the files have come, maybe not on the disk yet.
    pub fn cursor(&self) -> LogCursor {
        self.cursor
    }

    fn write_json(&mut self, event: &Event) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, event)?;
        self.line.push(b'\n');
        self.jsonl.write_all(&self.line)?;
        self.cursor.jsonl += self.line.len() as u64;
        Ok(())
    }

    fn write_csv(&mut self, record: &EpochRecord) -> io::Result<()> {
        self.line.clear();
        if self.cursor.csv == 0 {
            csv_header(record, &mut self.line)?;
        }
        csv_row(record, &mut self.line)?;
        self.csv.write_all(&self.line)?;
        self.cursor.csv += self.line.len() as u64;
        Ok(())
    }

    fn record(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::Step(step) if self.every > 0 && step.step.is_multiple_of(self.every) => self.write_json(event),
            Event::Growth(_) => self.write_json(event),
            Event::Epoch(record) => {
                self.write_json(event)?;
                self.write_csv(record)
            }
            _ => Ok(()),
        }
    }
}

impl Observer for MetricsLog {
    /// Appends steps and epochs. The first failure to write is kept, stops the log, and is what [`MetricsLog::sync`] then gives.
    fn event(&mut self, event: &Event) {
        if self.failure.is_none() {
            self.failure = self.record(event).err();
        }
    }
}

fn csv_header(record: &EpochRecord, line: &mut Vec<u8>) -> io::Result<()> {
    write!(line, "epoch,step,train_loss")?;
    for (name, _) in &record.train.metrics.0 {
        write!(line, ",train_{name}")?;
    }
    if let Some(val) = &record.val {
        write!(line, ",val_loss")?;
        for (name, _) in &val.metrics.0 {
            write!(line, ",val_{name}")?;
        }
    }
    for (name, _) in &record.scalars.0 {
        write!(line, ",{name}")?;
    }
    writeln!(line)
}

fn csv_row(record: &EpochRecord, line: &mut Vec<u8>) -> io::Result<()> {
    write!(line, "{},{},{}", record.epoch, record.step, record.train.loss)?;
    for (_, value) in &record.train.metrics.0 {
        write!(line, ",{value}")?;
    }
    if let Some(val) = &record.val {
        write!(line, ",{}", val.loss)?;
        for (_, value) in &val.metrics.0 {
            write!(line, ",{value}")?;
        }
    }
    for (_, value) in &record.scalars.0 {
        write!(line, ",{value}")?;
    }
    writeln!(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Scores, StepRecord, Values};

    fn epoch(n: u64) -> Event {
        let scores = |loss| Scores { loss, metrics: Values(vec![("accuracy".into(), 0.5)]) };
        Event::Epoch(EpochRecord {
            epoch: n,
            step: 10 * n,
            train: scores(1.0 / n as f64),
            val: Some(scores(2.0 / n as f64)),
            scalars: Values(vec![("lr".into(), 0.001)]),
            best: true,
        })
    }

    fn step(n: u64) -> Event {
        let record = StepRecord { step: n, epoch: 1, step_in_epoch: n, rows: 4, loss: 0.25, learning_rate: Some(0.5), gradient_norm: None };
        Event::Step(record)
    }

    #[test]
    fn a_log_has_a_header_and_a_row_an_epoch() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = MetricsLog::open(folder.path(), LogCursor::default(), 2).unwrap();
        for n in 1..=4 {
            log.event(&step(n));
        }
        log.event(&epoch(1));
        log.event(&epoch(2));
        log.sync().unwrap();
        let csv = std::fs::read_to_string(folder.path().join("metrics.csv")).unwrap();
        assert_eq!(
            csv,
            "epoch,step,train_loss,train_accuracy,val_loss,val_accuracy,lr\n1,10,1,0.5,2,0.5,0.001\n2,20,0.5,0.5,1,0.5,0.001\n"
        );
        let jsonl = std::fs::read_to_string(folder.path().join("metrics.jsonl")).unwrap();
        let events: Vec<Event> = jsonl.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        assert_eq!(events, [step(2), step(4), epoch(1), epoch(2)]);
    }

    #[test]
    fn reopening_at_a_cursor_forgets_what_came_after() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = MetricsLog::open(folder.path(), LogCursor::default(), 0).unwrap();
        log.event(&epoch(1));
        let cursor = log.sync().unwrap();
        log.event(&epoch(2));
        drop(log);
        let mut log = MetricsLog::open(folder.path(), cursor, 0).unwrap();
        log.event(&epoch(2));
        log.sync().unwrap();
        let csv = std::fs::read_to_string(folder.path().join("metrics.csv")).unwrap();
        assert_eq!(csv.lines().count(), 3);
        assert_eq!(csv.matches("epoch").count(), 1);
    }

    #[test]
    fn a_log_shorter_than_its_checkpoint_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let error = MetricsLog::open(folder.path(), LogCursor { jsonl: 9, csv: 0 }, 0).unwrap_err();
        assert!(error.to_string().contains("metrics.jsonl has 0 bytes"), "{error}");
    }
}
