//! The report of a run: one HTML file without scripts or outside parts, its curves drawn as SVG.
mod comparison;
mod growth;
#[cfg(test)]
#[path = "tests.rs"]
mod growth_tests;
mod network;
mod plot;

pub use comparison::{ArmReport, ComparisonReport, SeedReport, render_comparison};
pub use growth::{DecisionRow, GrowthReport, SeedLane, StageSpan};
pub use network::{Grown, Layer, Network, Place};

use crate::EpochRecord;
use plot::{BESIDE, Curve, Mark, TRAIN, VAL, plot};
use std::fmt::Write as _;

/// What the report tells.
#[derive(Clone, Debug)]
pub struct Report<'a> {
    /// The run's name, `digits-3`.
    pub title: &'a str,
    /// The summary of the model, as text.
    pub summary: &'a str,
    /// The resolved configuration, as text.
    pub configuration: &'a str,
    /// All epochs.
    pub epochs: &'a [EpochRecord],
    /// What grew, where something may grow.
    pub growth: Option<&'a GrowthReport>,
    /// Other runs that it is compared with: what they are called, and their epochs.
    pub beside: &'a [(String, Vec<EpochRecord>)],
}

/// The whole page.
pub fn render_report(report: &Report) -> String {
    let mut page = String::with_capacity(16 * 1024);
    head(&mut page, report.title);
    if let Some(growth) = report.growth {
        let _ = write!(page, "<p>{}</p>\n", growth::sizes(&growth.network));
        growth::sections(&mut page, growth);
        page.push_str("<h2>Curves</h2>\n");
    }
    page.push_str("<div class=\"plots\">\n");
    for plot in plots(report) {
        page.push_str(&plot);
    }
    page.push_str("</div>\n");
    if let Some(growth) = report.growth {
        growth::decisions(&mut page, growth);
    }
    table(&mut page, report.epochs);
    let _ = write!(page, "<h2>Model</h2>\n<pre>{}</pre>\n", escape(report.summary));
    let _ = write!(page, "<h2>Configuration</h2>\n<pre>{}</pre>\n</body></html>\n", escape(report.configuration));
    page
}

fn head(page: &mut String, title: &str) {
    let title = escape(title);
    let _ = write!(
        page,
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\n<style>\
body{{font:15px/1.5 system-ui,sans-serif;max-width:1360px;margin:2em auto;padding:0 1em;color:#222;background:#fff}}\
pre{{background:#f6f6f4;padding:1em;overflow-x:auto;font-size:13px;line-height:1.35}}pre.verdict{{white-space:pre-wrap;background:#ebfbee;border-left:4px solid #2b8a3e}}\
.plots{{display:flex;flex-wrap:wrap;gap:16px}}svg{{max-width:100%;height:auto}}\
table{{border-collapse:collapse;font-size:13px}}td,th{{padding:2px 10px;text-align:right;border-bottom:1px solid #ddd}}tr.best{{background:#fdf1d6}}\
table.decisions td,table.decisions th{{vertical-align:top;text-align:left}}summary{{cursor:pointer;font-weight:bold;margin:.5em 0}}\
</style></head><body>\n<h1>{title}</h1>\n"
    );
}

/// Where seeds came and went is marked in all curves: the loss, then every metric, then α, then every scalar of the optimizer.
fn plots(report: &Report) -> Vec<String> {
    let Some(first) = report.epochs.first() else {
        return vec![];
    };
    let marks: Vec<Mark> = report.growth.map(growth::marks).unwrap_or_default();
    let both = |name: &str, value: &dyn Fn(&crate::Scores) -> Option<f64>| {
        let mut curves = vec![
            curve("train", TRAIN, report.epochs, &|e| value(&e.train)),
            curve("validation", VAL, report.epochs, &|e| value(e.val.as_ref()?)),
        ];
        let beside = report.beside.iter().zip(BESIDE.into_iter().cycle());
        curves.extend(beside.map(|((name, epochs), color)| Curve {
            dashed: true,
            ..curve(name, color, epochs, &|e| value(e.val.as_ref().unwrap_or(&e.train)))
        }));
        plot(name, &curves, &marks, None)
    };
    let mut plots = vec![both("loss", &|s| Some(s.loss))];
    plots.extend(first.train.metrics.0.iter().map(|(name, _)| both(name, &|s| s.metrics.get(name))));
    plots.extend(report.growth.and_then(growth::alpha));
    plots.extend(
        first.scalars.0.iter().map(|(name, _)| plot(name, &[curve("", TRAIN, report.epochs, &|e| e.scalars.get(name))], &[], None)),
    );
    plots
}

fn curve(name: &str, color: &'static str, epochs: &[EpochRecord], value: &dyn Fn(&EpochRecord) -> Option<f64>) -> Curve {
    let points = epochs.iter().filter_map(|e| Some((e.epoch as f64, value(e)?))).filter(|p| p.1.is_finite()).collect();
    Curve { name: name.to_string(), color, dashed: false, points }
}

fn table(page: &mut String, epochs: &[EpochRecord]) {
    let Some(first) = epochs.first() else {
        page.push_str("<p>No epoch was finished.</p>\n");
        return;
    };
    page.push_str("<details><summary>Epochs</summary>\n<table><tr><th>epoch</th><th>step</th><th>loss</th>");
    for (name, _) in &first.train.metrics.0 {
        let _ = write!(page, "<th>{}</th>", escape(name));
    }
    if let Some(val) = &first.val {
        page.push_str("<th>val loss</th>");
        for (name, _) in &val.metrics.0 {
            let _ = write!(page, "<th>val {}</th>", escape(name));
        }
    }
    page.push_str("</tr>\n");
    // The last epoch marked best is the best of the run.
    let best = epochs.iter().rev().find(|e| e.best).map(|e| e.epoch);
    for epoch in epochs {
        let class = if Some(epoch.epoch) == best { " class=\"best\"" } else { "" };
        let _ = write!(page, "<tr{class}><td>{}</td><td>{}</td>", epoch.epoch, epoch.step);
        for scores in std::iter::once(&epoch.train).chain(&epoch.val) {
            let _ = write!(page, "<td>{:.5}</td>", scores.loss);
            for (_, value) in &scores.metrics.0 {
                let _ = write!(page, "<td>{value:.5}</td>");
            }
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</table></details>\n");
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// `1,234,567`.
fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().map(|c| std::str::from_utf8(c).unwrap_or_default()).collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Scores, Values};

    fn record(epoch: u64, loss: f64) -> EpochRecord {
        let scores = Scores { loss, metrics: Values(vec![("accuracy".into(), 1.0 - loss)]) };
        let val = Some(Scores { loss: loss + 0.125, ..scores.clone() });
        EpochRecord { epoch, step: epoch, train: scores, val, scalars: Values(vec![("lr".into(), 1e-3)]), best: epoch == 2 }
    }

    #[test]
    fn a_report_draws_every_curve_and_needs_nothing_from_outside() {
        let epochs = [record(1, 0.5), record(2, 0.25), record(3, 0.375)];
        let page =
            render_report(&Report { title: "a<b", summary: "x & y", configuration: "{}", epochs: &epochs, growth: None, beside: &[] });
        assert_eq!(page.matches("<svg").count(), 3);
        assert_eq!(page.matches("<polyline").count(), 5);
        assert!(page.contains("<title>a&lt;b</title>") && page.contains("x &amp; y"));
        assert!(page.contains("<tr class=\"best\"><td>2</td>"));
        assert!(!page.contains("http") && !page.contains("<script") && !page.contains("NaN"));
    }

    #[test]
    fn no_epoch_one_epoch_and_bad_numbers_still_draw() {
        render_report(&Report { title: "", summary: "", configuration: "", epochs: &[], growth: None, beside: &[] });
        let one =
            render_report(&Report { title: "", summary: "", configuration: "", epochs: &[record(1, f64::NAN)], growth: None, beside: &[] });
        assert!(!one.contains("points=\"NaN"));
        assert_eq!(
            [plot::tick(0.0), plot::tick(0.001), plot::tick(12.5), plot::tick(1e9), plot::tick(250.0)],
            ["0", "0.001", "12.5", "1.00e9", "250"]
        );
    }
}
