//! What a report tells of growth: the stages of every seed in time, the way of α, and the decisions in sentences.
use super::network::{Network, draw};
use super::plot::{Curve, MARGIN, Mark, WIDTH, plot, tick};
use super::{escape, thousands};
use std::fmt::Write as _;

/// A stage that a seed came to.
#[derive(Clone, Debug, PartialEq)]
pub struct StageSpan {
    /// `TRAINING`.
    pub name: String,
    /// When it came there, in epochs.
    pub from: f64,
}

/// The life of a seed.
#[derive(Clone, Debug, PartialEq)]
pub struct SeedLane {
    /// `mid#1`.
    pub name: String,
    /// Its slot.
    pub slot: String,
    /// `Bottleneck(reduce = 4)`.
    pub blueprint: String,
    /// Its stages in order.
    pub stages: Vec<StageSpan>,
    /// Its α over epochs.
    pub alpha: Vec<(f64, f64)>,
    /// What it came to, with the numbers, in a sentence.
    pub outcome: String,
}

/// A row of the table of decisions.
#[derive(Clone, Debug, PartialEq)]
pub struct DecisionRow {
    /// Epochs finished: the first and the last of equal ones.
    pub epochs: (u64, u64),
    /// Steps done at the last.
    pub step: u64,
    /// A slot, a policy, or the run.
    pub about: String,
    /// How often it was so.
    pub times: usize,
    /// The sentence.
    pub text: String,
    /// What the sentence leaves out.
    pub details: Vec<String>,
}

/// What a report tells of growth.
#[derive(Clone, Debug, PartialEq)]
pub struct GrowthReport {
    /// The slots that something may grow in.
    pub slots: Vec<String>,
    /// Every seed, in the order of germination.
    pub seeds: Vec<SeedLane>,
    /// Epochs of the run so far.
    pub epochs: f64,
    /// The network before and after.
    pub network: Network,
    /// The decisions in order.
    pub decisions: Vec<DecisionRow>,
    /// By how much each fossil lowers validation loss at the end, where that was measured, with how it was.
    pub contributions: Option<(String, Vec<(String, f64)>)>,
    /// What a comparison came to, line by line.
    pub verdict: Vec<String>,
}

/// Colours of seeds, in turn.
const SEEDS: [&str; 6] = ["#7048e8", "#0ca678", "#e8590c", "#1c7ed6", "#d6336c", "#66a80f"];
/// Height of a seed's lane.
const LANE: f64 = 26.0;

/// The colour of a stage.
fn color(stage: &str) -> &'static str {
    match stage {
        "GERMINATED" => "#ffe066",
        "TRAINING" => "#74c0fc",
        "BLENDING" => "#b197fc",
        "HOLDING" => "#f783ac",
        "FOSSILIZED" => "#69db7c",
        "PRUNED" => "#ff8787",
        "EMBARGOED" => "#ced4da",
        _ => "#e9ecef",
    }
}

/// The sections of growth, in front of the curves.
pub(super) fn sections(page: &mut String, growth: &GrowthReport) {
    verdict(page, &growth.verdict);
    if growth.seeds.is_empty() {
        page.push_str("<p><b>Nothing grew.</b> The last decisions below say what stood in the way.</p>\n");
    } else {
        page.push_str("<h2>Seeds</h2>\n");
        page.push_str(&timeline(growth));
        page.push_str("<ul>\n");
        for seed in &growth.seeds {
            let _ = write!(page, "<li>{}</li>\n", escape(&seed.outcome));
        }
        page.push_str("</ul>\n");
    }
    if let Some((how, shares)) = &growth.contributions {
        let _ = write!(
            page,
            "<h2>What each fossil contributes</h2>\n<p>{}</p>\n<table><tr><th>seed</th><th>lowers validation loss by</th></tr>\n",
            escape(how)
        );
        for (name, share) in shares {
            let _ = write!(page, "<tr><td>{}</td><td>{share:.5}</td></tr>\n", escape(name));
        }
        page.push_str("</table>\n");
    }
    page.push_str("<h2>The network before and after</h2>\n");
    page.push_str(&draw(&growth.network));
}

/// What a comparison came to.
pub(super) fn verdict(page: &mut String, lines: &[String]) {
    if !lines.is_empty() {
        let text = escape(&lines.join("\n"));
        let _ = write!(page, "<h2>Verdict</h2>\n<pre class=\"verdict\">{text}</pre>\n");
    }
}

/// The table of decisions, folded.
pub(super) fn decisions(page: &mut String, growth: &GrowthReport) {
    page.push_str(
        "<h2>Decisions</h2>\n<table class=\"decisions\"><tr><th>epochs</th><th>step</th><th>about</th><th>what happened</th></tr>\n",
    );
    for row in &growth.decisions {
        let (first, last) = row.epochs;
        let epochs = if first == last { first.to_string() } else { format!("{first}–{last}") };
        let times = if row.times > 1 { format!("{} times, the last: ", row.times) } else { String::new() };
        let _ = write!(page, "<tr><td>{epochs}</td><td>{}</td><td>{}</td><td>{times}{}", row.step, escape(&row.about), escape(&row.text));
        for detail in &row.details {
            let _ = write!(page, "<br>&nbsp;&nbsp;{}", escape(detail));
        }
        page.push_str("</td></tr>\n");
    }
    page.push_str("</table>\n");
}

/// Where seeds came and went, for the curves of loss.
pub(super) fn marks(growth: &GrowthReport) -> Vec<Mark> {
    let told = |name: &str| ["TRAINING", "FOSSILIZED", "PRUNED"].contains(&name);
    let seeds = growth.seeds.iter();
    seeds
        .flat_map(|seed| {
            seed.stages.iter().filter(|s| told(&s.name)).map(|s| Mark {
                at: s.from,
                color: color(&s.name),
                text: format!("{} {}", seed.name, s.name),
            })
        })
        .collect()
}

/// The plot of α, where a seed has had one.
pub(super) fn alpha(growth: &GrowthReport) -> Option<String> {
    let curves: Vec<Curve> = growth
        .seeds
        .iter()
        .enumerate()
        .filter(|(_, s)| s.alpha.iter().any(|(_, a)| *a != 0.0))
        .map(|(i, s)| Curve { name: s.name.clone(), color: SEEDS[i % SEEDS.len()], dashed: false, points: s.alpha.clone() })
        .collect();
    let top = curves.iter().flat_map(|c| &c.points).map(|p| p.1).fold(1.0, f64::max);
    (!curves.is_empty()).then(|| plot("α: how much each seed counts", &curves, &marks(growth), Some((0.0, top))))
}

/// One lane a seed, grouped by slot; every stage in its colour.
fn timeline(growth: &GrowthReport) -> String {
    let width = 2.0 * WIDTH + 16.0;
    let (left, right, top) = (150.0, width - MARGIN.1, 30.0);
    let lanes = growth.seeds.len().max(1) as f64;
    let slots: Vec<&String> = growth.slots.iter().filter(|slot| growth.seeds.iter().any(|s| s.slot == **slot)).collect();
    let height = top + LANE * lanes + 8.0 * slots.len() as f64 + 26.0;
    let x = |epoch: f64| left + (epoch / growth.epochs.max(1e-9)).clamp(0.0, 1.0) * (right - left);
    let mut svg = format!(
        "<svg viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" font-size=\"12\" role=\"img\" aria-label=\"stages of seeds\">\n"
    );
    let mut legend = left;
    for stage in ["GERMINATED", "TRAINING", "BLENDING", "HOLDING", "FOSSILIZED", "PRUNED", "EMBARGOED"] {
        let _ = write!(
            svg,
            "<rect x=\"{legend}\" y=\"4\" width=\"12\" height=\"12\" fill=\"{}\"/><text x=\"{}\" y=\"14\">{stage}</text>\n",
            color(stage),
            legend + 17.0
        );
        legend += 118.0;
    }
    let mut y = top;
    for slot in slots {
        for seed in growth.seeds.iter().filter(|s| s.slot == *slot) {
            let label = format!("{}: {}", seed.name, seed.blueprint);
            let _ = write!(
                svg,
                "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}<title>{}</title></text>\n",
                left - 8.0,
                y + 16.0,
                escape(&seed.name),
                escape(&label)
            );
            for (i, stage) in seed.stages.iter().enumerate() {
                // A place that is free again is no seed any more.
                if matches!(stage.name.as_str(), "DORMANT" | "RESETTING") {
                    continue;
                }
                let (from, to) = (x(stage.from), x(seed.stages.get(i + 1).map_or(growth.epochs, |next| next.from)));
                if to > from {
                    let _ = write!(
                        svg,
                        "<rect x=\"{from:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{}\"><title>{}</title></rect>\n",
                        y + 3.0,
                        to - from,
                        LANE - 6.0,
                        color(&stage.name),
                        escape(&format!("{label}: {} from epoch {}", stage.name, tick(stage.from)))
                    );
                    if to - from > 7.5 * label.chars().count() as f64 && stage.name == "FOSSILIZED" {
                        let _ = write!(svg, "<text x=\"{:.1}\" y=\"{:.1}\">{}</text>\n", from + 8.0, y + 17.0, escape(&seed.blueprint));
                    }
                }
            }
            y += LANE;
        }
        let _ = write!(svg, "<path d=\"M8 {0:.1}H{right}\" stroke=\"#e4e4e0\"/>\n", y + 4.0);
        y += 8.0;
    }
    let _ = write!(svg, "<text x=\"{left}\" y=\"{:.1}\">epoch 0</text>", y + 16.0);
    let _ = write!(svg, "<text x=\"{right}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\n</svg>\n", y + 16.0, tick(growth.epochs));
    svg
}

/// `310 → 1,510 parameters`.
pub(super) fn sizes(network: &Network) -> String {
    let grown: u64 = network.grown.iter().map(|g| g.parameters).sum();
    format!("{} → {} parameters", thousands(network.host), thousands(network.host + grown))
}
