//! What one more viewer costs the media plane, beside the limit.

mod report;
mod run;

use std::{path::PathBuf, time::Duration};

use anyhow::bail;

pub use report::{FanoutReport, FanoutRow};
pub use run::FanoutRun;

use crate::{
    limit::{self, Sending},
    report::ms,
    source::{LATE, Source},
    viewers::FEEDBACK,
};

/// How often a run is made again because the source was late or a viewer failed.
const ATTEMPTS: usize = 5;

/// What is measured, and how.
#[derive(Debug, Clone)]
pub struct FanoutPlan {
    /// This benchmark's own program, which is started again as the media plane.
    pub program: PathBuf,
    /// Numbers of viewers.
    pub viewers: Vec<usize>,
    /// Measured time of a run.
    pub duration: Duration,
    /// Time of the stream without viewers: for its cost by itself, and until what it stores is
    /// full.
    pub warm_up: Duration,
    /// Time between the last viewer's start and the measurement.
    pub settle: Duration,
    /// Measured time of a run of the limit.
    pub limit_duration: Duration,
    /// How often everything is measured; medians are reported.
    pub repeats: usize,
    /// Threads of the media plane.
    pub shards: usize,
    /// Viewers that join in a second.
    pub ramp: f64,
    /// Threads of the viewers.
    pub viewer_threads: usize,
    /// Between two feedbacks of a viewer for congestion control; zero: none.
    pub feedback: Duration,
    /// Publish over WebRTC instead of feeding as the bridge does.
    pub whip: bool,
    /// Layers of the picture, 1 to 3.
    pub layers: usize,
    /// Take a run whose source was late, with a warning in the report. For checks that the
    /// benchmark works, on machines that do something else; its figures are worth nothing.
    pub allow_late: bool,
}

impl FanoutPlan {
    /// The measurement: 50, 500 and 1,000 viewers, three times 15 s.
    pub fn full(program: PathBuf) -> Self {
        Self {
            program,
            viewers: vec![50, 500, 1_000],
            duration: Duration::from_secs(15),
            warm_up: Duration::from_secs(5),
            settle: Duration::from_secs(3),
            limit_duration: Duration::from_secs(6),
            repeats: 3,
            shards: 1,
            ramp: 100.0,
            viewer_threads: 1,
            feedback: FEEDBACK,
            whip: false,
            layers: 1,
            allow_late: false,
        }
    }

    /// Seconds instead of minutes: whether everything works.
    pub fn smoke(program: PathBuf) -> Self {
        Self {
            viewers: vec![3],
            duration: Duration::from_secs(2),
            warm_up: Duration::from_secs(1),
            settle: Duration::from_millis(500),
            limit_duration: Duration::from_secs(1),
            repeats: 1,
            allow_late: true,
            ..Self::full(program)
        }
    }
}

/// Measures the media plane and the limit in turn. `progress` gets a line for each step.
///
/// # Errors
/// When a part of it fails, a viewer loses its session, or the source stays late.
pub async fn fanout(plan: &FanoutPlan, progress: &dyn Fn(&str)) -> anyhow::Result<FanoutReport> {
    let source = Source::new();
    let mut runs = Vec::new();
    let mut limits = Vec::new();
    for repeat in 1..=plan.repeats {
        for &viewers in &plan.viewers {
            progress(&format!(
                "{repeat}/{}: {viewers} viewers, {:?}",
                plan.repeats, plan.duration
            ));
            runs.push(run_on_time(plan, viewers, progress).await?);
            let duration = plan.limit_duration;
            limits.push(limit::measure(&source, viewers, duration, Sending::Gso)?);
        }
    }
    Ok(FanoutReport::new(plan, &source, runs, limits))
}

/// One measurement, again when the source was late.
async fn run_on_time(
    plan: &FanoutPlan,
    viewers: usize,
    progress: &dyn Fn(&str),
) -> anyhow::Result<FanoutRun> {
    let mut last = None;
    for _ in 0..ATTEMPTS {
        let run = match run::run(plan, viewers).await {
            Ok(run) if run.late_frames == 0 || plan.allow_late => return Ok(run),
            Ok(run) => run,
            Err(error) => {
                progress(&format!("failed: {error:#}"));
                last = Some(error);
                continue;
            }
        };
        progress(&format!(
            "thrown away: {} frames of the source were later than {:.0} ms (worst {:.0} ms)",
            run.late_frames,
            ms(LATE),
            run.max_source_delay_ms
        ));
    }
    if let Some(error) = last {
        return Err(error.context(format!("{ATTEMPTS} runs with {viewers} viewers failed")));
    }
    bail!("the source was late in {ATTEMPTS} runs: the machine is too busy to measure on")
}
