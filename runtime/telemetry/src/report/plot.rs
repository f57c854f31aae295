//! Curves over epochs as SVG, with marks at what happened to seeds.
use super::escape;
use std::fmt::Write as _;

/// One curve of a plot.
pub(super) struct Curve {
    pub name: String,
    pub color: &'static str,
    /// Whether it is of another run, which is drawn in dashes.
    pub dashed: bool,
    pub points: Vec<(f64, f64)>,
}

/// A moment to mark in a plot: an epoch, a colour and what happened.
pub(super) struct Mark {
    pub at: f64,
    pub color: &'static str,
    pub text: String,
}

pub(super) const WIDTH: f64 = 640.0;
pub(super) const HEIGHT: f64 = 280.0;
/// Room for the axes: left, right, top, bottom.
pub(super) const MARGIN: (f64, f64, f64, f64) = (64.0, 16.0, 28.0, 32.0);
pub(super) const TRAIN: &str = "#1f77b4";
pub(super) const VAL: &str = "#d9480f";
/// Of other runs, in turn.
pub(super) const BESIDE: [&str; 2] = ["#868e96", "#0c8599"];

/// Draws a plot. What lies outside `range`, where one is given, is cut off.
pub(super) fn plot(title: &str, curves: &[Curve], marks: &[Mark], range: Option<(f64, f64)>) -> String {
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
        let ((x0, x1), (y0, y1)) = (bounds(&|p| p.0), range.unwrap_or_else(|| bounds(&|p| p.1)));
        let (left, right, top, bottom) = (MARGIN.0, WIDTH - MARGIN.1, MARGIN.2, HEIGHT - MARGIN.3);
        let x = |v: f64| left + (v - x0) / (x1 - x0) * (right - left);
        let y = |v: f64| bottom - (v.clamp(y0, y1) - y0) / (y1 - y0) * (bottom - top);
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
        for mark in marks.iter().filter(|m| (x0..=x1).contains(&m.at)) {
            let _ = write!(
                svg,
                "<path d=\"M{:.1} {top}V{bottom}\" stroke=\"{}\" stroke-width=\"1.5\" stroke-dasharray=\"2 3\"><title>{}</title></path>\n",
                x(mark.at),
                mark.color,
                escape(&mark.text)
            );
        }
        let mut legend = right;
        for curve in curves.iter().filter(|c| !c.points.is_empty()) {
            let dashes = if curve.dashed { " stroke-dasharray=\"5 3\"" } else { "" };
            let _ = write!(svg, "<polyline fill=\"none\" stroke=\"{}\" stroke-width=\"1.8\"{dashes} points=\"", curve.color);
            for (px, py) in &curve.points {
                let _ = write!(svg, "{:.1},{:.1} ", x(*px), y(*py));
            }
            svg.push_str("\"/>\n");
            if let [(px, py)] = curve.points[..] {
                let _ = write!(svg, "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"{}\"/>\n", x(px), y(py), curve.color);
            }
            if !curve.name.is_empty() {
                let name = escape(&curve.name);
                let _ = write!(svg, "<text x=\"{legend:.0}\" y=\"16\" text-anchor=\"end\" fill=\"{}\">{name}</text>\n", curve.color);
                legend -= 7.0 * curve.name.chars().count() as f64 + 14.0;
            }
        }
    }
    svg.push_str("</svg>\n");
    svg
}

/// A number at an axis: four significant digits.
pub(super) fn tick(value: f64) -> String {
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
