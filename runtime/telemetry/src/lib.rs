//! What a run says while it trains ("Nissa"): events, the metrics log, the display of progress and the report at the end.
//!
//! The metrics log holds no clock time: a run that was interrupted and resumed writes the same bytes as one that was not.
mod display;
mod event;
mod log;
mod report;
mod slots;

pub use display::{Display, DisplayMode};
pub use event::{EpochRecord, Event, GrowthRecord, Observer, Scores, SeedRecord, SlotRecord, StepRecord, Values};
pub use log::{LogCursor, MetricsLog};
pub use report::{
    ArmReport, ComparisonReport, DecisionRow, Grown, GrowthReport, Layer, Network, Place, Report, SeedLane, SeedReport, StageSpan,
    render_comparison, render_report,
};
