//! Reading `metrics.jsonl` back, as strictly as a log can be read that a crash may have cut off.
use crate::growth::{Change, Contributions};
use crate::run_folder::LOG_VERSION;
use crate::{RunError, RunFolder};
use esper_policy::Event as Decided;
use esper_telemetry::{Event, GrowthRecord};
use std::cmp::Ordering;
use std::io;

/// One line.
pub(super) enum Line {
    /// Anything but growth.
    Event(Event),
    /// What a policy considered or decided.
    Decided(GrowthRecord, Decided),
    /// What took effect.
    Effect(GrowthRecord, Change),
    /// What fossils contribute.
    Contributed(GrowthRecord, Contributions),
    /// The run went back to an earlier step.
    WentBack(GrowthRecord),
    /// What is told in its sentence alone.
    Told(GrowthRecord),
}

/// A log as it was read.
pub(super) struct Log {
    pub lines: Vec<Line>,
    /// What was not as it should be, and does not matter.
    pub notes: Vec<String>,
}

/// Refuses a log of another version than this build writes.
pub(super) fn check_version(folder: &RunFolder) -> Result<(), RunError> {
    let path = folder.path().join("metrics.jsonl");
    let refused = |what: String| RunError::Files { path: path.clone(), error: io::Error::new(io::ErrorKind::InvalidData, what) };
    let configuration = folder.configuration()?;
    match configuration.log.cmp(&LOG_VERSION) {
        Ordering::Equal => {}
        Ordering::Less => {
            return Err(refused(format!(
                "the log has version {}, this esperc tells version {LOG_VERSION}: esperc {} wrote it, an older one; train again to read its story",
                configuration.log, configuration.esper
            )));
        }
        Ordering::Greater => {
            return Err(refused(format!(
                "the log has version {}, this esperc tells version {LOG_VERSION}: esperc {} wrote it, use that or a newer one",
                configuration.log, configuration.esper
            )));
        }
    }
    Ok(())
}

/// Reads a run's log.
pub(super) fn read(folder: &RunFolder) -> Result<Log, RunError> {
    let path = folder.path().join("metrics.jsonl");
    let refused = |what: String| RunError::Files { path: path.clone(), error: io::Error::new(io::ErrorKind::InvalidData, what) };
    let bytes = folder.read("metrics.jsonl")?;
    let mut log = Log { lines: vec![], notes: vec![] };
    let mut lines: Vec<&[u8]> = bytes.split(|b| *b == b'\n').collect();
    // Every line ends with a line break, so that nothing follows the last one, unless a crash cut it off.
    if let Some(rest) = lines.pop()
        && !rest.is_empty()
    {
        log.notes
            .push(format!("the last line of the log (line {}) was cut off and is left out: the run ended in a crash", lines.len() + 1));
    }
    for (number, line) in lines.into_iter().enumerate() {
        let read = parsed(line).map_err(|e| refused(format!("line {} is no event of a run: {e}", number + 1)))?;
        log.lines.push(read);
    }
    Ok(log)
}

fn parsed(line: &[u8]) -> Result<Line, serde_json::Error> {
    let Event::Growth(record) = serde_json::from_slice(line)? else { return serde_json::from_slice(line).map(Line::Event) };
    let data = record.data.clone();
    Ok(match record.kind.as_str() {
        _ if data.is_null() => Line::Told(record),
        "contributions" => Line::Contributed(record, serde_json::from_value(data)?),
        "rollback" => Line::WentBack(record),
        "effect" => Line::Effect(record, serde_json::from_value(data)?),
        _ => Line::Decided(record, serde_json::from_value(data)?),
    })
}
