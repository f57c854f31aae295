//! What a person sees while a run goes on: a bar on a terminal, plain lines elsewhere.
use crate::slots::lines;
use crate::{EpochRecord, Event, Observer, Scores, SlotRecord, StepRecord};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::fmt::Write as _;
use std::io::Write;
use std::time::{Duration, Instant};

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisplayMode {
    /// A bar that redraws itself, with lines of epochs above it, and below it a line for each slot of a growing run.
    Terminal,
    /// Lines of epochs, and one about every ten seconds within a long epoch.
    Plain,
    /// Nothing.
    Silent,
}

/// Seconds between two drawings of the bar, and between two plain lines within an epoch.
const REDRAW: Duration = Duration::from_millis(100);
const PLAIN_LINE: Duration = Duration::from_secs(10);
/// Of more epochs than this, those are shown that come this long after the one shown before, and the last: all are in the log.
const EVERY_EPOCH: u64 = 100;
const EPOCH_LINE: Duration = Duration::from_millis(500);
/// Which events of growth are told while the run goes on; all are in the log.
const TOLD: [&str; 4] = ["moved", "alpha_set", "restored", "ended"];
/// Weight of the newest step in the smoothed loss.
const SMOOTHING: f64 = 0.02;

/// Shows a run to a person. Reads the clock; writes to the given stream (standard error in the command).
pub struct Display {
    mode: DisplayMode,
    out: Box<dyn Write + Send>,
    bar: Option<ProgressBar>,
    /// The bar with the lines below it.
    together: Option<MultiProgress>,
    slots: Vec<ProgressBar>,
    epochs: u64,
    epoch_steps: u64,
    first_step: u64,
    started: Instant,
    epoch_started: Instant,
    last_shown: Instant,
    rows: u64,
    epoch_rows: u64,
    smoothed: Option<f64>,
    /// When the last line of an epoch was written.
    epoch_shown: Option<Instant>,
    /// The best epoch's scores, in words.
    best: Option<String>,
}

impl Display {
    /// A display. In terminal mode indicatif draws the bar on standard error; `out` gets everything else and all plain lines.
    pub fn new(mode: DisplayMode, out: Box<dyn Write + Send>) -> Display {
        let now = Instant::now();
        Display {
            mode,
            out,
            bar: None,
            together: None,
            slots: vec![],
            epochs: 0,
            epoch_steps: 0,
            first_step: 0,
            started: now,
            epoch_started: now,
            last_shown: now,
            rows: 0,
            epoch_rows: 0,
            smoothed: None,
            epoch_shown: None,
            best: None,
        }
    }

    /// A line above the bar, or among the others. A display that cannot be written to is no reason to stop a run.
    fn line(&mut self, text: &str) {
        match (&self.bar, self.mode) {
            (Some(bar), _) => bar.println(text),
            (None, DisplayMode::Silent) => {}
            (None, _) => {
                let _ = writeln!(self.out, "{text}");
                let _ = self.out.flush();
            }
        }
    }

    fn start(&mut self, epochs: u64, epoch_steps: u64, done: u64) {
        let now = Instant::now();
        (self.epochs, self.epoch_steps, self.first_step) = (epochs, epoch_steps, done);
        (self.started, self.epoch_started, self.last_shown) = (now, now, now);
        if self.mode == DisplayMode::Terminal {
            let style = ProgressStyle::with_template("{prefix} {bar:24} {pos}/{len}  {wide_msg}").expect("the template is well formed");
            let together = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(10));
            let bar = together.add(ProgressBar::new(epochs * epoch_steps));
            bar.set_style(style.progress_chars("━╸─"));
            bar.set_prefix(format!("epoch {}/{epochs}", (done / epoch_steps.max(1) + 1).min(epochs)));
            bar.set_position(done);
            (self.bar, self.together) = (Some(bar), Some(together));
        }
    }

    /// Shows how the slots stand, on a terminal; elsewhere the lines of what happens say it.
    fn stand(&mut self, slots: &[SlotRecord]) {
        let Some(together) = &self.together else { return };
        let lines = lines(slots);
        self.slots.drain(lines.len().min(self.slots.len())..).for_each(|line| together.remove(&line));
        for (number, text) in lines.into_iter().enumerate() {
            if number == self.slots.len() {
                let style = ProgressStyle::with_template("  {wide_msg}").expect("the template is well formed");
                self.slots.push(together.add(ProgressBar::new_spinner().with_style(style)));
            }
            self.slots[number].set_message(text);
        }
    }

    fn step(&mut self, step: &StepRecord) {
        self.rows += step.rows as u64;
        self.epoch_rows += step.rows as u64;
        self.smoothed = Some(match self.smoothed {
            Some(old) => old + SMOOTHING * (step.loss - old),
            None => step.loss,
        });
        let interval = if self.bar.is_some() { REDRAW } else { PLAIN_LINE };
        if self.mode == DisplayMode::Silent || self.last_shown.elapsed() < interval {
            return;
        }
        self.last_shown = Instant::now();
        let message = self.speed(step);
        match &self.bar {
            Some(bar) => {
                bar.set_prefix(format!("epoch {}/{}", step.epoch, self.epochs));
                bar.set_message(message);
                bar.set_position(step.step);
            }
            None => {
                let total = self.epochs * self.epoch_steps;
                let text = format!("epoch {}/{}  step {}/{total}  {message}", step.epoch, self.epochs, step.step);
                self.line(&text);
            }
        }
    }

    /// `loss 0.1230  lr 1.0e-3  0:12 left  812 steps/s  51968 samples/s`: what matters most first, as a narrow terminal cuts the end off.
    fn speed(&self, step: &StepRecord) -> String {
        let seconds = self.started.elapsed().as_secs_f64().max(1e-9);
        let done = step.step - self.first_step;
        let steps_per_second = done as f64 / seconds;
        let left = (self.epochs * self.epoch_steps).saturating_sub(step.step) as f64 / steps_per_second.max(1e-9);
        let mut text = format!("loss {:.4}", self.smoothed.unwrap_or(step.loss));
        if let Some(rate) = step.learning_rate {
            let _ = write!(text, "  lr {rate:.1e}");
        }
        if let Some(norm) = step.gradient_norm {
            let _ = write!(text, "  gradient {norm:.2}");
        }
        let _ = write!(text, "  {} left", clock(left));
        let _ = write!(text, "  {} steps/s  {} samples/s", quantity(steps_per_second), quantity(self.rows as f64 / seconds));
        text
    }

    fn epoch(&mut self, record: &EpochRecord) {
        let seconds = self.epoch_started.elapsed().as_secs_f64();
        let train = scores("", &record.train);
        let val = record.val.as_ref().map(|val| scores("val ", val));
        if record.best {
            self.best = Some(val.clone().unwrap_or_else(|| train.clone()));
        }
        let due = self.epoch_shown.is_none_or(|shown| shown.elapsed() >= EPOCH_LINE);
        if self.epochs <= EVERY_EPOCH || record.epoch == self.epochs || due {
            let width = self.epochs.to_string().len();
            let mut text = format!("epoch {:>width$}/{}  {train}", record.epoch, self.epochs);
            if let Some(val) = val {
                let _ = write!(text, "  {val}");
            }
            let speed = quantity(self.epoch_rows as f64 / seconds.max(1e-9));
            let _ = write!(text, "  {}  {speed} samples/s", duration(seconds));
            if record.best {
                text.push_str("  best");
            }
            self.line(&text);
            self.epoch_shown = Some(Instant::now());
        }
        if let Some(bar) = &self.bar {
            bar.set_position(record.step);
        }
        self.epoch_rows = 0;
        self.epoch_started = Instant::now();
    }

    /// What a run came to; a resumed one that had nothing left to do says so.
    fn finished(&mut self, step: u64, best_epoch: Option<u64>) {
        self.end();
        if self.first_step == step {
            self.line(&format!("the run had already finished all its {} epochs: there is nothing left to train", self.epochs));
            return;
        }
        let mut text = format!("{} steps in {}", step - self.first_step, duration(self.started.elapsed().as_secs_f64()));
        if let Some(epoch) = best_epoch {
            let _ = write!(text, "; best epoch {epoch}");
            // Known where the best epoch was part of this call.
            if let Some(best) = &self.best {
                let _ = write!(text, ": {best}");
            }
        }
        self.line(&text);
    }

    fn end(&mut self) {
        for bar in self.slots.drain(..).chain(self.bar.take()) {
            bar.finish_and_clear();
        }
        self.together = None;
    }
}

impl Observer for Display {
    fn event(&mut self, event: &Event) {
        match event {
            Event::Started { folder, device, epochs, epoch_steps, done_steps, summary, .. } => {
                self.line(summary);
                self.line(&format!("run in {folder} on {device}"));
                if *done_steps > 0 {
                    self.line(&format!("resumed after step {done_steps}"));
                }
                self.start(*epochs, *epoch_steps, *done_steps);
            }
            Event::Step(step) => self.step(step),
            Event::Epoch(record) => self.epoch(record),
            Event::Growth(record) if TOLD.contains(&record.kind.as_str()) => self.line(&format!("epoch {}: {}", record.epoch, record.text)),
            Event::Growth(_) => {}
            Event::Slots { slots } => self.stand(slots),
            Event::Checkpoint { .. } => {}
            Event::Interrupted { step } => {
                self.end();
                self.line(&format!("interrupted after step {step}, saved"));
            }
            Event::Finished { step, best_epoch } => self.finished(*step, *best_epoch),
        }
    }
}

/// Three significant digits are enough to see a speed: `0.52`, `812`, `52.0k`, `1.20M`.
fn quantity(value: f64) -> String {
    let (scaled, unit) = match value {
        v if v >= 1e6 => (v / 1e6, "M"),
        v if v >= 1e4 => (v / 1e3, "k"),
        v => (v, ""),
    };
    match scaled {
        v if v >= 100.0 => format!("{v:.0}{unit}"),
        v if v >= 10.0 => format!("{v:.1}{unit}"),
        v => format!("{v:.2}{unit}"),
    }
}

/// `loss 0.5000  accuracy 0.7500`, each name behind a prefix.
fn scores(prefix: &str, scores: &Scores) -> String {
    let mut text = format!("{prefix}loss {:.4}", scores.loss);
    for (name, value) in &scores.metrics.0 {
        let _ = write!(text, "  {prefix}{name} {value:.4}");
    }
    text
}

/// `3.9 ms`, `0.52 s`, `75.0 s`, `1:02:40`.
fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 0.0995 => format!("{:.1} ms", s * 1e3),
        s if s < 9.995 => format!("{s:.2} s"),
        s if s < 99.95 => format!("{s:.1} s"),
        s => clock(s),
    }
}

/// Seconds as `m:ss` or `h:mm:ss`.
fn clock(seconds: f64) -> String {
    let seconds = seconds.clamp(0.0, 359_999_999.0) as u64;
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, m, s) => format!("{m}:{s:02}"),
        (h, m, s) => format!("{h}:{m:02}:{s:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Values;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);
    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn shown(mode: DisplayMode) -> String {
        let out = Shared::default();
        let mut display = Display::new(mode, Box::new(out.clone()));
        display.event(&Event::Started {
            name: "digits".into(),
            folder: "runs/digits-1".into(),
            device: "cpu".into(),
            epochs: 10,
            epoch_steps: 2,
            done_steps: 0,
            summary: "the summary".into(),
        });
        let scores = Scores { loss: 0.5, metrics: Values(vec![("accuracy".into(), 0.75)]) };
        let val = Some(scores.clone());
        display.event(&Event::Epoch(EpochRecord { epoch: 1, step: 2, train: scores, val, scalars: Values::default(), best: true }));
        display.event(&Event::Finished { step: 2, best_epoch: Some(1) });
        String::from_utf8(out.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn plain_lines_tell_the_epoch_without_control_codes() {
        let text = shown(DisplayMode::Plain);
        assert!(text.starts_with("the summary\nrun in runs/digits-1 on cpu\n"), "{text}");
        assert!(text.contains("epoch  1/10  loss 0.5000  accuracy 0.7500  val loss 0.5000  val accuracy 0.7500"), "{text}");
        assert!(text.contains("; best epoch 1: val loss 0.5000  val accuracy 0.7500\n"), "{text}");
        assert!(!text.contains('\u{1b}') && !text.contains('\r'), "{text}");
    }

    #[test]
    fn many_epochs_are_thinned_out_and_the_last_is_shown() {
        let out = Shared::default();
        let mut display = Display::new(DisplayMode::Plain, Box::new(out.clone()));
        display.start(5000, 1, 0);
        for epoch in 1..=5000 {
            let train = Scores { loss: 0.5, metrics: Values::default() };
            display.event(&Event::Epoch(EpochRecord { epoch, step: epoch, train, val: None, scalars: Values::default(), best: false }));
        }
        let text = String::from_utf8(out.0.lock().unwrap().clone()).unwrap();
        assert!(text.starts_with("epoch    1/5000") && text.contains("epoch 5000/5000") && text.lines().count() < 1000, "{text}");
    }

    #[test]
    fn a_run_that_was_finished_already_says_so() {
        let out = Shared::default();
        let mut display = Display::new(DisplayMode::Plain, Box::new(out.clone()));
        display.start(3, 2, 6);
        display.event(&Event::Finished { step: 6, best_epoch: Some(1) });
        assert!(String::from_utf8(out.0.lock().unwrap().clone()).unwrap().contains("already finished all its 3 epochs"));
    }

    #[test]
    fn silent_is_silent() {
        assert_eq!(shown(DisplayMode::Silent), "");
    }

    #[test]
    fn quantities_and_times_are_short() {
        assert_eq!([quantity(0.5), quantity(52.0), quantity(812.4), quantity(51968.0)], ["0.50", "52.0", "812", "52.0k"]);
        assert_eq!([clock(9.4), clock(75.0), clock(3700.0)], ["0:09", "1:15", "1:01:40"]);
        assert_eq!([duration(0.0039), duration(0.52), duration(75.0), duration(200.0)], ["3.9 ms", "0.52 s", "75.0 s", "3:20"]);
    }
}
