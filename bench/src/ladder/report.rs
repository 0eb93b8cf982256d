//! What was measured of the ladder.

use std::fmt;

use serde::Serialize;

use super::{Peer, worker::Run};
use crate::report::{Machine, Percentiles, number, table};

/// Frames a second of all sources here.
const RATE: f64 = 30.0;

/// A run that put out fewer of the pictures than that did less than its peer.
const ENOUGH: f64 = 0.97;

/// All of it.
#[derive(Debug, Serialize)]
pub struct LadderReport {
    /// Where.
    pub machine: Machine,
    /// How fast the sources were sent, beside real time.
    pub pace: f64,
    /// One for each source and way.
    pub rows: Vec<LadderRow>,
}

/// One source, one way.
#[derive(Debug, Serialize)]
pub struct LadderRow {
    /// Which.
    pub name: String,
    /// Names of the encoded rungs.
    pub rungs: Vec<String>,
    /// CPU seconds of the worker for a second of the source.
    pub worker_cpu: f64,
    /// The same of FFmpeg.
    pub ffmpeg_cpu: Option<f64>,
    /// Worker by FFmpeg.
    pub ratio: Option<f64>,
    /// Milliseconds from the unit to the last packet, of each layer.
    pub delay_ms: Vec<Option<Percentiles>>,
    /// Share of the source's pictures that came out, the least of all encoded rungs.
    pub complete: f64,
    /// Bits a second of each layer.
    pub bitrates: Vec<f64>,
    /// The machine could not keep up: the figures are worth nothing.
    pub doubtful: bool,
}

impl LadderRow {
    pub(super) fn new(name: String, run: &Run, first: usize, peer: Peer, seconds: u32) -> Self {
        let seconds = f64::from(seconds.max(1));
        let worker_cpu = run.cpu.as_secs_f64() / seconds;
        let ffmpeg_cpu = peer.cpu.as_secs_f64() / seconds;
        let layers = first..run.layers.len();
        let complete = layers
            .clone()
            .map(|layer| run.pictures(layer) as f64 / (seconds * RATE))
            .fold(1.0, f64::min);
        Self {
            name,
            rungs: layers.map(|layer| run.layers[layer].name.clone()).collect(),
            worker_cpu,
            ffmpeg_cpu: Some(ffmpeg_cpu),
            ratio: Some(worker_cpu / ffmpeg_cpu),
            delay_ms: delays(run),
            complete,
            bitrates: bitrates(run, seconds),
            doubtful: run.overloaded || complete < ENOUGH,
        }
    }

    /// Nothing was encoded.
    pub(super) fn passed(name: String, run: &Run, seconds: u32) -> Self {
        let media = f64::from(seconds.max(1));
        let complete = run.pictures(0) as f64 / (media * RATE);
        Self {
            name,
            rungs: Vec::new(),
            // Of a core, in real time.
            worker_cpu: run.cpu.as_secs_f64() / media,
            ffmpeg_cpu: None,
            ratio: None,
            delay_ms: delays(run),
            complete,
            bitrates: bitrates(run, media),
            doubtful: run.overloaded || complete < ENOUGH,
        }
    }
}

fn delays(run: &Run) -> Vec<Option<Percentiles>> {
    let layers = run.delays.iter();
    layers
        .map(|delays| Percentiles::of(delays.iter().copied()))
        .collect()
}

fn bitrates(run: &Run, seconds: f64) -> Vec<f64> {
    run.bytes
        .iter()
        .map(|bytes| *bytes as f64 * 8.0 / seconds)
        .collect()
}

impl LadderReport {
    pub(super) fn new(pace: f64, rows: Vec<LadderRow>) -> Self {
        Self {
            machine: Machine::here(),
            pace,
            rows,
        }
    }
}

impl fmt::Display for LadderReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.machine.line())?;
        writeln!(
            f,
            "CPU seconds for a second of the source, sent at {} of real time",
            self.pace
        )?;
        let rows: Vec<Vec<String>> = self
            .rows
            .iter()
            .map(|row| {
                let delays = row.delay_ms.iter();
                let delays: Vec<_> = delays
                    .map(|delay| number(delay.map(|delay| delay.p50), 0))
                    .collect();
                let kilobits: Vec<_> = row
                    .bitrates
                    .iter()
                    .map(|bits| format!("{:.0}", bits / 1e3))
                    .collect();
                vec![
                    row.name.clone(),
                    row.rungs.join(" "),
                    format!("{:.3}", row.worker_cpu),
                    number(row.ffmpeg_cpu, 3),
                    number(row.ratio, 3),
                    delays.join("/"),
                    kilobits.join("/"),
                    format!("{:.0} %", row.complete * 100.0),
                    if row.doubtful { "doubtful" } else { "" }.to_owned(),
                ]
            })
            .collect();
        table(
            f,
            &[
                "source",
                "encoded",
                "worker",
                "ffmpeg",
                "RATIO",
                "delay ms p50",
                "kbit/s",
                "pictures",
                "",
            ],
            &rows,
        )
    }
}
