//! The report of a comparison: one page for all seeds, and the verdict and the twins' curves in the report of every growing run.
use super::control::says;
use super::{Arm, Row};
use crate::run::Run;
use esper_ir::Control;
use esper_telemetry::{ArmReport, ComparisonReport, SeedReport, render_comparison};
use esper_train::story::{Story, VERDICT, epochs, write_report};
use esper_train::{RunError, RunFolder};
use std::path::{Path, PathBuf};

/// Writes everything; gives the folder of the comparison.
pub fn write(arguments: &Run, rows: &[Row], verdict: &str) -> Result<PathBuf, RunError> {
    let mut seeds = vec![];
    for row in rows {
        let grown = RunFolder::open(&row.grown.folder)?;
        let seed = row.seed();
        grown.write(VERDICT, verdict.as_bytes())?;
        let beside = row.controls.iter().filter(|(control, _)| matches!(control, Control::Off | Control::EqualFlops));
        let beside = beside.map(|(control, arm)| Ok((control.name().to_string(), RunFolder::open(&arm.folder)?)));
        write_report(&grown, &row.experiment.model, &beside.collect::<Result<Vec<_>, RunError>>()?)?;
        let story = Story::read(&grown, &row.experiment.model)?;
        let mut arms = vec![arm("grown", &row.grown, &arguments.runs)?];
        for (control, of) in &row.controls {
            arms.push(arm(control.name(), of, &arguments.runs)?);
        }
        seeds.push(SeedReport { seed, arms, growth: story.growth_report(&row.experiment.model) });
    }
    let name = rows.first().map_or("", |row| &row.experiment.model.name);
    let folder = RunFolder::numbered(&arguments.runs, &format!("{name}-comparison"))?;
    let asked = |c: &Control| rows.iter().any(|row| row.arm(*c).is_some());
    let page = render_comparison(&ComparisonReport {
        title: folder.name(),
        verdict: verdict.lines().map(str::to_string).collect(),
        seeds,
        legend: Control::ALL.into_iter().filter(asked).map(|c| (c.name().to_string(), says(c).to_string())).collect(),
    });
    folder.write(VERDICT, verdict.as_bytes())?;
    folder.write("report.html", page.as_bytes())?;
    Ok(folder.path().to_path_buf())
}

fn arm(name: &str, arm: &Arm, runs: &Path) -> Result<ArmReport, RunError> {
    let folder = RunFolder::open(&arm.folder)?;
    // The page lies beside the runs.
    let link = arm.folder.strip_prefix(runs).unwrap_or(&arm.folder).to_string_lossy().replace('\\', "/");
    let (parameters, flops, epochs) = (arm.parameters, arm.flops, epochs(&folder)?);
    Ok(ArmReport { name: name.to_string(), folder: format!("../{link}"), epochs, parameters, flops })
}
