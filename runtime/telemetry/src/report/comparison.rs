//! The report of an experiment: growing runs of several seeds beside their twins and controls, on one page.
use super::growth::{self, GrowthReport, SeedLane};
use super::plot::{Curve, HEIGHT, MARGIN, VAL, WIDTH, plot, tick};
use super::{BESIDE, curve, escape, head, thousands};
use crate::EpochRecord;
use std::fmt::Write as _;

/// What one run of one seed came to.
#[derive(Clone, Debug, PartialEq)]
pub struct ArmReport {
    /// `grown`, `off`, `static`.
    pub name: String,
    /// The run's folder, as a link from the report.
    pub folder: String,
    /// Its epochs.
    pub epochs: Vec<EpochRecord>,
    /// Parameters at the end.
    pub parameters: u64,
    /// Floating-point operations of its training steps, where known.
    pub flops: Option<u64>,
}

/// All runs of one seed.
#[derive(Clone, Debug, PartialEq)]
pub struct SeedReport {
    /// The seed of the experiment.
    pub seed: u64,
    /// The growing run, then those beside it.
    pub arms: Vec<ArmReport>,
    /// What grew.
    pub growth: GrowthReport,
}

/// What the page of an experiment tells.
#[derive(Clone, Debug, PartialEq)]
pub struct ComparisonReport {
    /// `digits-comparison-1`.
    pub title: String,
    /// What all seeds together say, line by line.
    pub verdict: Vec<String>,
    /// Every seed.
    pub seeds: Vec<SeedReport>,
    /// What each arm is, for people.
    pub legend: Vec<(String, String)>,
}

/// The whole page.
pub fn render_comparison(report: &ComparisonReport) -> String {
    let mut page = String::with_capacity(64 * 1024);
    head(&mut page, &report.title);
    growth::verdict(&mut page, &report.verdict);
    page.push_str("<div class=\"plots\">\n");
    page.push_str(&curves(report));
    page.push_str(&differences(report));
    page.push_str("</div>\n<h2>Runs</h2>\n");
    table(&mut page, report);
    page.push_str("<ul>\n");
    for (name, what) in &report.legend {
        let _ = write!(page, "<li><b>{}</b>: {}</li>\n", escape(name), escape(what));
    }
    page.push_str("</ul>\n");
    for seed in &report.seeds {
        let grew = seed.growth.network.grown.iter().filter(|g| g.fossilised).count();
        let open = if seed.seed == report.seeds[0].seed { " open" } else { "" };
        let sizes = growth::sizes(&seed.growth.network);
        let _ = write!(
            page,
            "<details{open}><summary>seed {}: {grew} of {} seeds became part of the network, {sizes}</summary>\n",
            seed.seed,
            seed.growth.seeds.len()
        );
        let growth =
            GrowthReport { verdict: vec![], seeds: seed.growth.seeds.iter().map(SeedLane::clone).collect(), ..seed.growth.clone() };
        growth::sections(&mut page, &growth);
        page.push_str("<details><summary>Decisions</summary>\n");
        growth::decisions(&mut page, &growth);
        page.push_str("</details></details>\n");
    }
    page.push_str("</body></html>\n");
    page
}

/// Loss on validation rows, on training rows where an experiment has none.
fn loss(epoch: &EpochRecord) -> f64 {
    epoch.val.as_ref().unwrap_or(&epoch.train).loss
}

/// Validation loss of every growing run and every twin.
fn curves(report: &ComparisonReport) -> String {
    let mut curves: Vec<Curve> = vec![];
    // Each arm is named once. Twins first, so that what grows lies above them.
    for (arm, color, dashed) in [(1, BESIDE[0], true), (0, VAL, false)] {
        for (i, seed) in report.seeds.iter().enumerate() {
            let Some(of) = seed.arms.get(arm) else { continue };
            let name = if i == 0 { of.name.as_str() } else { "" };
            curves.push(Curve { dashed, ..curve(name, color, &of.epochs, &|e| Some(loss(e))) });
        }
    }
    plot("validation loss of every seed", &curves, &[], None)
}

/// For every seed by how much the growing run's loss lies below that of each arm beside it: a dot each, right of the line is better.
fn differences(report: &ComparisonReport) -> String {
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" font-size=\"12\" role=\"img\" aria-label=\"differences\">\
<text x=\"{}\" y=\"16\" font-weight=\"bold\">by how much growth lowers the last validation loss, seed by seed</text>\n",
        MARGIN.0
    );
    let last = |arm: &super::ArmReport| arm.epochs.last().map(loss).filter(|l| l.is_finite());
    let mut rows: Vec<(String, Vec<(u64, f64)>)> = vec![];
    for seed in &report.seeds {
        let Some(grown) = seed.arms.first().and_then(last) else { continue };
        for arm in &seed.arms[1..] {
            let Some(other) = last(arm) else { continue };
            match rows.iter_mut().find(|(name, _)| *name == arm.name) {
                Some((_, of)) => of.push((seed.seed, other - grown)),
                None => rows.push((arm.name.clone(), vec![(seed.seed, other - grown)])),
            }
        }
    }
    let values = || rows.iter().flat_map(|(_, of)| of.iter().map(|v| v.1));
    let (low, high) = values().fold((0.0f64, 0.0f64), |(l, h), v| (l.min(v), h.max(v)));
    let (left, right) = (170.0, WIDTH - 40.0);
    let span = (high - low).max(1e-9);
    let x = |v: f64| left + (v - low) / span * (right - left);
    let step = (HEIGHT - 70.0) / rows.len().max(1) as f64;
    let _ = write!(svg, "<path d=\"M{0:.1} 30V{1}\" stroke=\"#495057\"/>\n", x(0.0), HEIGHT - 34.0);
    for (value, anchor) in [(low, "start"), (high, "end")] {
        let _ = write!(svg, "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"{anchor}\">{}</text>\n", x(value), HEIGHT - 14.0, tick(value));
    }
    for (i, (name, of)) in rows.iter().enumerate() {
        let y = 40.0 + step * (i as f64 + 0.5);
        let mean = of.iter().map(|v| v.1).sum::<f64>() / of.len() as f64;
        let _ = write!(svg, "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">than {}</text>\n", left - 10.0, y + 4.0, escape(name));
        for (seed, value) in of {
            let color = if *value > 0.0 { "#2b8a3e" } else { "#c92a2a" };
            let _ = write!(
                svg,
                "<circle cx=\"{:.1}\" cy=\"{y:.1}\" r=\"5\" fill=\"{color}\" fill-opacity=\".55\"><title>seed {seed}: {}</title></circle>\n",
                x(*value),
                tick(*value)
            );
        }
        let _ = write!(
            svg,
            "<path d=\"M{:.1} {:.1}v24\" stroke=\"#000\" stroke-width=\"2\"><title>mean {}</title></path>\n",
            x(mean),
            y - 12.0,
            tick(mean)
        );
    }
    svg.push_str("</svg>\n");
    svg
}

fn table(page: &mut String, report: &ComparisonReport) {
    page.push_str("<table><tr><th>seed</th><th>run</th><th>epochs</th><th>val loss</th>");
    let metrics = report.seeds.first().and_then(|s| s.arms.first()?.epochs.first()).map(|e| e.train.metrics.0.clone()).unwrap_or_default();
    for (name, _) in &metrics {
        let _ = write!(page, "<th>{}</th>", escape(name));
    }
    page.push_str("<th>parameters</th><th>GFLOP of training steps</th><th>folder</th></tr>\n");
    for seed in &report.seeds {
        for (i, arm) in seed.arms.iter().enumerate() {
            let class = if i == 0 { " class=\"best\"" } else { "" };
            let _ = write!(page, "<tr{class}><td>{}</td><td>{}</td><td>{}</td>", seed.seed, escape(&arm.name), arm.epochs.len());
            let Some(last) = arm.epochs.last() else { continue };
            let scores = last.val.as_ref().unwrap_or(&last.train);
            let _ = write!(page, "<td>{:.5}</td>", scores.loss);
            for (name, _) in &metrics {
                let _ = write!(page, "<td>{}</td>", scores.metrics.get(name).map_or("-".to_string(), |v| format!("{v:.5}")));
            }
            let flops = arm.flops.map_or("-".to_string(), |f| format!("{:.3}", f as f64 / 1e9));
            let folder = escape(&arm.folder);
            let _ = write!(
                page,
                "<td>{}</td><td>{flops}</td><td><a href=\"{folder}/report.html\">{folder}</a></td></tr>\n",
                thousands(arm.parameters)
            );
        }
    }
    page.push_str("</table>\n");
}
