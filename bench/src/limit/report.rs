//! What the limit was, for people and as JSON.

use std::fmt;

use serde::Serialize;

use super::{LimitPlan, RawCost, Sending};
use crate::{
    report::{Machine, median, number, table},
    source::{Source, VIDEO_BITRATE},
};

/// One measurement.
#[derive(Debug, Clone, Serialize)]
pub struct LimitRun {
    /// Receiving sockets.
    pub viewers: usize,
    /// Whether a frame's packets went to the kernel at once.
    pub gso: bool,
    /// CPU of the sending thread for a viewer and a second, in microseconds.
    pub us_per_viewer_second: f64,
    /// The same for a packet, in nanoseconds.
    pub ns_per_packet: f64,
    /// Packets in a system call.
    pub packets_per_send: f64,
    /// Packets that did not arrive.
    pub lost: u64,
}

impl LimitRun {
    pub(super) fn new(viewers: usize, sending: Sending, cost: RawCost) -> Self {
        let nanos = cost.cpu.as_secs_f64() * 1e9;
        Self {
            viewers,
            gso: sending == Sending::Gso,
            us_per_viewer_second: nanos / 1e3 / viewers as f64 / cost.media.as_secs_f64(),
            ns_per_packet: nanos / cost.packets as f64,
            packets_per_send: cost.packets as f64 / cost.sends as f64,
            lost: cost.packets - cost.arrived.min(cost.packets),
        }
    }
}

/// Medians for one number of viewers.
#[derive(Debug, Clone, Serialize)]
pub struct LimitRow {
    /// Receiving sockets.
    pub viewers: usize,
    /// CPU for one viewer and second with GSO, in microseconds.
    pub gso_us: f64,
    /// The same for one packet, in nanoseconds.
    pub gso_ns_per_packet: f64,
    /// CPU for one viewer and second with one packet a system call, in microseconds.
    pub single_us: f64,
    /// Packets in a system call with GSO.
    pub packets_per_send: f64,
}

/// What `limit` found.
#[derive(Debug, Clone, Serialize)]
pub struct LimitReport {
    /// Where.
    pub machine: Machine,
    /// Video bits a second.
    pub video_bitrate: u32,
    /// RTP packets a second.
    pub packets_per_second: f64,
    /// Measurements of each kind.
    pub repeats: usize,
    /// Medians.
    pub rows: Vec<LimitRow>,
    /// Each run.
    pub runs: Vec<LimitRun>,
}

impl LimitReport {
    pub(super) fn new(plan: &LimitPlan, source: &Source, runs: Vec<LimitRun>) -> Self {
        let row = |viewers: usize| {
            let of = |gso, value: fn(&LimitRun) -> f64| {
                let runs = runs.iter().filter(|r| r.viewers == viewers && r.gso == gso);
                median(runs.map(value)).unwrap_or(f64::NAN)
            };
            LimitRow {
                viewers,
                gso_us: of(true, |run| run.us_per_viewer_second),
                gso_ns_per_packet: of(true, |run| run.ns_per_packet),
                single_us: of(false, |run| run.us_per_viewer_second),
                packets_per_send: of(true, |run| run.packets_per_send),
            }
        };
        Self {
            machine: Machine::here(),
            video_bitrate: VIDEO_BITRATE,
            packets_per_second: source.packets_per_second(),
            repeats: plan.repeats,
            rows: plan.viewers.iter().map(|viewers| row(*viewers)).collect(),
            runs,
        }
    }
}

impl fmt::Display for LimitReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "Seal and send, nothing else: H.264 at {:.1} Mbit/s and Opus, {:.0} packets a second",
            f64::from(self.video_bitrate) / 1e6,
            self.packets_per_second
        )?;
        writeln!(f, "{}; medians of {}\n", self.machine.line(), self.repeats)?;
        writeln!(f, "CPU in µs for one viewer and second")?;
        let rows: Vec<_> = self
            .rows
            .iter()
            .map(|row| {
                vec![
                    row.viewers.to_string(),
                    number(Some(row.gso_us), 0),
                    number(Some(row.gso_ns_per_packet), 0),
                    number(Some(row.packets_per_send), 1),
                    number(Some(row.single_us), 0),
                ]
            })
            .collect();
        table(
            f,
            &["viewers", "GSO", "ns/packet", "per send", "single"],
            &rows,
        )?;
        let lost: u64 = self.runs.iter().map(|run| run.lost).sum();
        if lost > 0 {
            writeln!(f, "DOUBTFUL: {lost} packets did not arrive")?;
        }
        Ok(())
    }
}
