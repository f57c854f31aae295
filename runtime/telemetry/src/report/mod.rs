//! The report of a run: one HTML file without scripts or outside parts, its curves drawn as SVG.
use crate::EpochRecord;
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
}

/// One curve of a plot.
struct Curve<'a> {
    name: &'a str,
    color: &'a str,
    points: Vec<(f64, f64)>,
}

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 280.0;
/// Room for the axes: left, right, top, bottom.
const MARGIN: (f64, f64, f64, f64) = (64.0, 16.0, 28.0, 32.0);
const TRAIN: &str = "#1f77b4";
const VAL: &str = "#d9480f";

/// The whole page.
pub fn render_report(report: &Report) -> String {
    let mut page = String::with_capacity(16 * 1024);
    let title = escape(report.title);
    let _ = write!(
        page,
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\n<style>\
body{{font:15px/1.5 system-ui,sans-serif;max-width:1360px;margin:2em auto;padding:0 1em;color:#222;background:#fff}}\
pre{{background:#f6f6f4;padding:1em;overflow-x:auto;font-size:13px;line-height:1.35}}\
.plots{{display:flex;flex-wrap:wrap;gap:16px}}svg{{max-width:100%;height:auto}}\
table{{border-collapse:collapse;font-size:13px}}td,th{{padding:2px 10px;text-align:right;border-bottom:1px solid #ddd}}tr.best{{background:#fdf1d6}}\
</style></head><body>\n<h1>{title}</h1>\n<div class=\"plots\">\n"
    );
    for plot in plots(report.epochs) {
        page.push_str(&plot);
    }
    page.push_str("</div>\n");
    table(&mut page, report.epochs);
    let _ = write!(page, "<h2>Model</h2>\n<pre>{}</pre>\n", escape(report.summary));
    let _ = write!(page, "<h2>Configuration</h2>\n<pre>{}</pre>\n</body></html>\n", escape(report.configuration));
    page
}

/// The loss, then every metric, then every scalar of the optimizer.
fn plots(epochs: &[EpochRecord]) -> Vec<String> {
    let Some(first) = epochs.first() else {
        return vec![];
    };
    let curve = |name, color, value: &dyn Fn(&EpochRecord) -> Option<f64>| Curve {
        name,
        color,
        points: epochs.iter().filter_map(|e| Some((e.epoch as f64, value(e)?))).filter(|p| p.1.is_finite()).collect(),
    };
    let mut plots =
        vec![plot("loss", &[curve("train", TRAIN, &|e| Some(e.train.loss)), curve("validation", VAL, &|e| Some(e.val.as_ref()?.loss))])];
    for (name, _) in &first.train.metrics.0 {
        let train = curve("train", TRAIN, &|e| e.train.metrics.get(name));
        plots.push(plot(name, &[train, curve("validation", VAL, &|e| e.val.as_ref()?.metrics.get(name))]));
    }
    for (name, _) in &first.scalars.0 {
        plots.push(plot(name, &[curve("", TRAIN, &|e| e.scalars.get(name))]));
    }
    plots
}

fn plot(title: &str, curves: &[Curve]) -> String {
    let points = || curves.iter().flat_map(|c| &c.points);
    let bounds = |value: &dyn Fn(&(f64, f64)) -> f64| {
        let (low, high) = points().map(value).fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        // A single point or a constant still needs an interval.
        if low < high { (low, high) } else { (low - 0.5, low + 0.5) }
    };
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" font-size=\"12\" role=\"img\" aria-label=\"{0}\">\
<text x=\"{1}\" y=\"16\" font-weight=\"bold\">{0}</text>\n",
        escape(title),
        MARGIN.0
    );
    if points().next().is_some() {
        let ((x0, x1), (y0, y1)) = (bounds(&|p| p.0), bounds(&|p| p.1));
        let (left, right, top, bottom) = (MARGIN.0, WIDTH - MARGIN.1, MARGIN.2, HEIGHT - MARGIN.3);
        let x = |v: f64| left + (v - x0) / (x1 - x0) * (right - left);
        let y = |v: f64| bottom - (v - y0) / (y1 - y0) * (bottom - top);
        for i in 0..=4 {
            let (value, at) = (y0 + (y1 - y0) * f64::from(i) / 4.0, bottom - (bottom - top) * f64::from(i) / 4.0);
            let _ = write!(
                svg,
                "<path d=\"M{left} {at:.1}H{right}\" stroke=\"#e4e4e0\"/><text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\n",
                left - 6.0,
                at + 4.0,
                tick(value)
            );
        }
        for (value, anchor) in [(x0, "start"), (x1, "end")] {
            let _ = write!(svg, "<text x=\"{:.1}\" y=\"{:.0}\" text-anchor=\"{anchor}\">{}</text>\n", x(value), HEIGHT - 12.0, tick(value));
        }
        let mut legend = right;
        for curve in curves.iter().filter(|c| !c.points.is_empty()) {
            let _ = write!(svg, "<polyline fill=\"none\" stroke=\"{}\" stroke-width=\"1.8\" points=\"", curve.color);
            for (px, py) in &curve.points {
                let _ = write!(svg, "{:.1},{:.1} ", x(*px), y(*py));
            }
            svg.push_str("\"/>\n");
            if let [(px, py)] = curve.points[..] {
                let _ = write!(svg, "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"{}\"/>\n", x(px), y(py), curve.color);
            }
            let _ = write!(
                svg,
                "<text x=\"{legend:.0}\" y=\"16\" text-anchor=\"end\" fill=\"{}\">{}</text>\n",
                curve.color,
                escape(curve.name)
            );
            legend -= 8.0 * curve.name.len() as f64 + 8.0;
        }
    }
    svg.push_str("</svg>\n");
    svg
}

fn table(page: &mut String, epochs: &[EpochRecord]) {
    let Some(first) = epochs.first() else {
        page.push_str("<p>No epoch was finished.</p>\n");
        return;
    };
    page.push_str("<h2>Epochs</h2>\n<table><tr><th>epoch</th><th>step</th><th>loss</th>");
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
    page.push_str("</table>\n");
}

/// A number at an axis: four significant digits.
fn tick(value: f64) -> String {
    if value == 0.0 {
        return "0".to_string();
    }
    let digits = 3 - value.abs().log10().floor() as i32;
    if !(-3..=7).contains(&digits) {
        return format!("{value:.2e}");
    }
    let text = format!("{value:.*}", digits.max(0) as usize);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_string() } else { text }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
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
        let page = render_report(&Report { title: "a<b", summary: "x & y", configuration: "{}", epochs: &epochs });
        assert_eq!(page.matches("<svg").count(), 3);
        assert_eq!(page.matches("<polyline").count(), 5);
        assert!(page.contains("<title>a&lt;b</title>") && page.contains("x &amp; y"));
        assert!(page.contains("<tr class=\"best\"><td>2</td>"));
        assert!(!page.contains("http") && !page.contains("<script") && !page.contains("NaN"));
    }

    #[test]
    fn no_epoch_one_epoch_and_bad_numbers_still_draw() {
        render_report(&Report { title: "", summary: "", configuration: "", epochs: &[] });
        let one = render_report(&Report { title: "", summary: "", configuration: "", epochs: &[record(1, f64::NAN)] });
        assert!(!one.contains("points=\"NaN"));
        assert_eq!([tick(0.0), tick(0.001), tick(12.5), tick(1e9), tick(250.0)], ["0", "0.001", "12.5", "1.00e9", "250"]);
    }
}
