//! Reports of growth: what is drawn, and that nothing is needed from outside.
use super::*;
use crate::{Scores, Values};

fn epoch(epoch: u64, loss: f64) -> EpochRecord {
    let scores = Scores { loss, metrics: Values(vec![("accuracy".into(), 1.0 - loss)]) };
    EpochRecord { epoch, step: 10 * epoch, train: scores.clone(), val: Some(scores), scalars: Values::default(), best: false }
}

fn lane(name: &str, stages: &[(&str, f64)]) -> SeedLane {
    SeedLane {
        name: name.into(),
        slot: "wide".into(),
        blueprint: "Widen(units = 16)".into(),
        stages: stages.iter().map(|(name, from)| StageSpan { name: name.to_string(), from: *from }).collect(),
        alpha: vec![(2.0, 0.0), (3.0, 1.0)],
        outcome: format!("{name}, gain < 0.2"),
    }
}

fn growth() -> GrowthReport {
    let layer = |path: &str, parameters| Layer { path: path.into(), blueprint: "Linear".into(), shapes: "a → b".into(), parameters };
    let grown = Grown {
        name: "wide#1".into(),
        slot: "wide".into(),
        blueprint: "Widen(units = 16)".into(),
        parameters: 1200,
        alpha: 1.0,
        fossilised: true,
    };
    GrowthReport {
        slots: vec!["mid".into(), "wide".into()],
        seeds: vec![
            lane("wide#1", &[("GERMINATED", 1.0), ("TRAINING", 1.5), ("BLENDING", 2.0), ("FOSSILIZED", 3.0)]),
            lane("wide#2", &[("GERMINATED", 3.0), ("PRUNED", 3.5), ("EMBARGOED", 3.5), ("DORMANT", 3.75)]),
        ],
        epochs: 4.0,
        network: Network {
            layers: vec![layer("first", 260), layer("last", 50)],
            places: vec![Place { path: "mid".into(), from: 1, to: 1 }, Place { path: "wide".into(), from: 0, to: 2 }],
            grown: vec![grown],
            host: 310,
        },
        decisions: vec![DecisionRow {
            epochs: (1, 3),
            step: 30,
            about: "wide".into(),
            times: 3,
            text: "wide#1 is not BLENDING yet".into(),
            details: vec!["left".into()],
        }],
        contributions: None,
        verdict: vec!["verdict: growth wins".into()],
    }
}

#[test]
fn a_growing_run_shows_stages_marks_the_network_and_its_decisions() {
    let epochs: Vec<EpochRecord> = (1..=4).map(|n| epoch(n, 1.0 / n as f64)).collect();
    let beside = [("twin".to_string(), epochs.clone())];
    let growth = growth();
    let report = Report { title: "r", summary: "", configuration: "", epochs: &epochs, growth: Some(&growth), beside: &beside };
    let page = render_report(&report);
    // Four stages of the first seed; of the second two, as what it left at once has no width and what is free again is no stage.
    assert_eq!(page.matches("from epoch").count(), 6);
    assert!(page.contains("wide#1: Widen(units = 16): BLENDING from epoch 2"));
    // Three marks in each curve of scores and in that of α.
    assert_eq!(page.matches("<title>wide#1 FOSSILIZED</title>").count(), 3);
    assert_eq!(page.matches("stroke-dasharray=\"5 3\"").count(), 2, "the twin in loss and accuracy");
    for text in [
        "before: 310 parameters",
        "after: 1,510 parameters",
        "+1,200",
        "wide#1, α 1, part of the network",
        "growth wins",
        "3 times, the last: wide#1 is not BLENDING yet",
        "gain &lt; 0.2",
    ] {
        assert!(page.contains(text), "{text}:\n{page}");
    }
    assert!(!page.contains("http") && !page.contains("<script") && !page.contains("NaN"));
    assert_eq!(page, render_report(&report));
}

#[test]
fn a_comparison_holds_every_seed_on_one_page() {
    let arm = |name: &str, loss: f64| ArmReport {
        name: name.into(),
        folder: format!("../{name}-1"),
        epochs: vec![epoch(1, 1.0), epoch(2, loss)],
        parameters: 310,
        flops: Some(2_000_000),
    };
    let seed = |seed, gain: f64| SeedReport {
        seed,
        arms: vec![arm("grown", 0.5), arm("off", 0.5 + gain), arm("static", 0.5 - gain)],
        growth: growth(),
    };
    let report = ComparisonReport {
        title: "c".into(),
        verdict: vec!["verdict: growth wins".into()],
        seeds: vec![seed(3, 0.25), seed(4, 0.125)],
        legend: vec![("off".into(), "without growth".into())],
    };
    let page = render_comparison(&report);
    assert_eq!(page.matches("<details open>").count(), 1);
    assert!(page.contains("seed 3: 1 of 2 seeds became part of the network, 310 → 1,510 parameters") && page.contains("seed 4: 1 of 2"));
    // Better to the right in green, worse to the left in red, a dot a seed and arm.
    assert_eq!((page.matches("fill=\"#2b8a3e\" fill-opacity").count(), page.matches("fill=\"#c92a2a\" fill-opacity").count()), (2, 2));
    assert!(
        page.contains("<title>seed 4: 0.125</title>") && page.contains("<td>0.002</td>") && page.contains("href=\"../off-1/report.html\"")
    );
    assert!(!page.contains("http") && !page.contains("NaN"));
}

#[test]
fn a_run_in_which_nothing_grew_says_so_first() {
    let growth = GrowthReport { seeds: vec![], verdict: vec![], ..growth() };
    let page = render_report(&Report { title: "r", summary: "", configuration: "", epochs: &[], growth: Some(&growth), beside: &[] });
    assert!(page.contains("Nothing grew.") && !page.contains("stages of seeds"));
}
