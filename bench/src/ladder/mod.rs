//! What the bridge's ladder costs, beside an equal FFmpeg command over the same file.

mod ffmpeg;
mod flv;
mod report;
mod usage;
mod worker;

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, ensure};
use tempfile::TempDir;
use weir_media::Demand;

pub use report::{LadderReport, LadderRow};
pub use worker::host as bridge_worker;

use worker::Run;

/// The hidden subcommand that is a bridge worker.
pub const SUBCOMMAND: &str = "bridge-worker";

/// What is to be measured.
#[derive(Debug, Clone)]
pub struct LadderPlan {
    /// This program.
    pub program: PathBuf,
    /// Lines of the sources, which have 30 pictures a second.
    pub heights: Vec<u32>,
    /// Seconds of each source.
    pub seconds: u32,
    /// How fast it is sent, beside real time. Slower where the machine cannot do all of it in time: a
    /// picture costs the same.
    pub pace: f64,
}

/// One source: how OBS sends by default, of which nothing can pass to viewers, or for low delay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Reordered,
    InOrder,
}

/// Measures all of it.
///
/// # Errors
/// When FFmpeg or a worker fails.
pub fn ladder(plan: &LadderPlan, progress: &dyn Fn(&str)) -> anyhow::Result<LadderReport> {
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let mut rows = Vec::new();
    for height in &plan.heights {
        for kind in [Kind::Reordered, Kind::InOrder] {
            let name = match kind {
                Kind::Reordered => format!("{height}p30, all rungs encoded"),
                Kind::InOrder => format!("{height}p30, first rung passed on"),
            };
            progress(&format!("{name}: source"));
            let file = source(&folder, *height, kind, plan.seconds)?;
            let bitrate = bitrate(&file, plan.seconds)?;
            progress(&format!("{name}: worker"));
            let all = Demand {
                rtp: 0xff,
                hls: 0xff,
            };
            let run = worker::run(&plan.program, &file, all, plan.pace)?;
            let first = usize::from(kind == Kind::InOrder);
            progress(&format!("{name}: ffmpeg"));
            let peer = ffmpeg::run(
                &folder,
                &file,
                &run.layers[first..],
                first,
                bitrate,
                plan.pace,
            )?;
            rows.push(LadderRow::new(name, &run, first, peer, plan.seconds));
            if kind == Kind::InOrder {
                progress(&format!("{height}p30: passed on only"));
                let run = worker::run(&plan.program, &file, Demand::default(), plan.pace)?;
                rows.push(LadderRow::passed(
                    format!("{height}p30, passed on only"),
                    &run,
                    plan.seconds,
                ));
            }
        }
    }
    Ok(LadderReport::new(plan.pace, rows))
}

/// A moving picture with some noise, which is what cameras make.
fn source(folder: &TempDir, height: u32, kind: Kind, seconds: u32) -> anyhow::Result<PathBuf> {
    let file = folder.path().join(format!("{height}-{kind:?}.flv"));
    let width = height * 16 / 9;
    let bitrate = if height > 720 { "4500k" } else { "2500k" };
    let coding = match kind {
        Kind::Reordered => "-preset veryfast -bf 3 -g 250",
        Kind::InOrder => "-preset veryfast -tune zerolatency -bf 0 -g 60",
    };
    let status = Command::new("ffmpeg")
        .args(["-v", "error", "-y", "-f", "lavfi", "-i"])
        .arg(format!(
            "testsrc2=size={width}x{height}:rate=30,noise=alls=6:allf=t"
        ))
        .args([
            "-t",
            &seconds.to_string(),
            "-pix_fmt",
            "yuv420p",
            "-c:v",
            "libx264",
        ])
        .args(coding.split_whitespace())
        .args(["-b:v", bitrate, "-maxrate", bitrate, "-bufsize", bitrate])
        .arg(&file)
        .status()
        .context("cannot start ffmpeg, which makes the source")?;
    ensure!(status.success(), "ffmpeg cannot make the source");
    Ok(file)
}

/// Bits a second of a file.
fn bitrate(file: &Path, seconds: u32) -> anyhow::Result<u32> {
    let bytes = std::fs::metadata(file)?.len();
    Ok(u32::try_from(bytes * 8 / u64::from(seconds.max(1)))?)
}

/// CPU time of a process that has ended, and what it did.
#[derive(Debug, Clone, Copy)]
struct Peer {
    cpu: Duration,
}

impl Run {
    /// Pictures of a layer that came out.
    fn pictures(&self, layer: usize) -> usize {
        self.delays.get(layer).map_or(0, Vec::len)
    }
}
