//! What comes out, for people and as JSON.

use std::{collections::BTreeMap, fmt, fs};

use serde::Serialize;

use crate::{
    fanout::Plan,
    raw::{RawCost, Sending},
    source::{Source, VIDEO_BITRATE},
};

/// Thread names of the media plane.
const SHARD: &str = "sfu";

/// One measurement of the server.
#[derive(Debug, Clone, Serialize)]
pub struct Run {
    /// How many.
    pub viewers: usize,
    /// Measured time.
    pub seconds: f64,
    /// CPU of the server process.
    pub server_us_per_second: f64,
    /// The same by name of thread.
    pub threads: BTreeMap<String, f64>,
    /// CPU of the server's child processes (HLS of the stream).
    pub workers_us_per_second: f64,
    /// Media packets to all viewers, as the server counts them.
    pub packets_out_per_second: f64,
    /// Packets in a system call.
    pub packets_per_send: f64,
    /// Media bytes to all viewers.
    pub bytes_out_per_second: f64,
    /// Packets sent again.
    pub retransmissions: u64,
    /// Packets dropped in the server's queues.
    pub overflow_drops: u64,
    /// Media packets that all viewers received.
    pub received_per_second: f64,
    /// Packets missing at viewers.
    pub lost: u64,
    /// Frames at viewers that were not one frame after the one before.
    pub time_jumps: u64,
    /// Whether every viewer's packets were sealed with AES-GCM.
    pub aead: bool,
    /// CPU of the load generator's viewers.
    pub generator_us_per_second: f64,
    /// Longest time that the generator did not look at its sockets.
    pub max_generator_pause_ms: f64,
    /// What the publisher sent.
    pub source_packets_per_second: f64,
    /// Frames of the source that were late.
    pub late_frames: u64,
    /// Delay of its latest frame.
    pub max_source_delay_ms: f64,
    /// Keyframes that the server asked for.
    pub keyframe_requests: u64,
}

/// One measurement of the floor.
#[derive(Debug, Clone, Serialize)]
pub struct Floor {
    /// Receiving sockets.
    pub viewers: usize,
    /// Whether a frame's packets went to the kernel at once.
    pub gso: bool,
    /// CPU of the sending thread for a viewer and a second.
    pub us_per_viewer_second: f64,
    /// The same for a packet.
    pub ns_per_packet: f64,
    /// Packets in a system call.
    pub packets_per_send: f64,
    /// Packets that did not arrive.
    pub lost: u64,
}

impl Floor {
    pub(crate) fn new(viewers: usize, sending: Sending, cost: RawCost) -> Self {
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
pub struct Row {
    /// How many viewers.
    pub viewers: usize,
    /// Server CPU for one viewer and second, in microseconds, without what the stream costs with
    /// no viewers. None when only the floor was measured.
    pub server_us: Option<f64>,
    /// The part of it in the threads of the media plane.
    pub shards_us: Option<f64>,
    /// Server CPU for one packet to one viewer, in nanoseconds.
    pub server_ns_per_packet: Option<f64>,
    /// Packets to one viewer in a second.
    pub packets_per_second: Option<f64>,
    /// Packets in one system call of the server.
    pub packets_per_send: Option<f64>,
    /// Share of packets that did not arrive.
    pub loss: Option<f64>,
    /// The floor with GSO for one viewer and second, in microseconds.
    pub floor_gso_us: f64,
    /// The floor with one packet a system call.
    pub floor_single_us: f64,
    /// Server over floor with GSO.
    pub ratio: Option<f64>,
    /// CPU of the load generator for one viewer and second, in microseconds.
    pub generator_us: Option<f64>,
}

/// The machine, as far as figures depend on it.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// Model of the processor.
    pub cpu: String,
    /// Cores that can be used.
    pub cores: usize,
    /// Kernel release.
    pub kernel: String,
    /// Load average of the last minute at the end.
    pub load: String,
}

/// All that was measured.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Where.
    pub machine: Machine,
    /// Video bits a second of the source.
    pub video_bitrate: u32,
    /// RTP packets a second of the source.
    pub source_packets_per_second: f64,
    /// Measurements of each kind.
    pub repeats: usize,
    /// Medians.
    pub rows: Vec<Row>,
    /// Server CPU of the stream with no viewers, in microseconds a second.
    pub idle_us: Option<f64>,
    /// Each run of the server.
    pub runs: Vec<Run>,
    /// Each run of the floor.
    pub floors: Vec<Floor>,
}

impl Report {
    pub(crate) fn new(plan: &Plan, source: &Source, runs: Vec<Run>, floors: Vec<Floor>) -> Self {
        let rows = plan.viewers.iter().map(|n| row(*n, &runs, &floors));
        Self {
            machine: Machine::here(),
            video_bitrate: VIDEO_BITRATE,
            source_packets_per_second: source.packets_per_second(),
            repeats: plan.repeats,
            rows: rows.collect(),
            idle_us: of_server(&runs, 0, |run| run.server_us_per_second),
            runs,
            floors,
        }
    }

    /// Whether something makes the figures doubtful.
    pub fn doubts(&self) -> Vec<String> {
        let mut doubts = Vec::new();
        let mut doubt = |yes: bool, text: String| {
            if yes {
                doubts.push(text);
            }
        };
        for run in &self.runs {
            let n = run.viewers;
            doubt(
                run.late_frames > 0,
                format!(
                    "{n} viewers: {} source frames were late, worst {:.0} ms",
                    run.late_frames, run.max_source_delay_ms
                ),
            );
            doubt(
                run.lost > 0,
                format!("{n} viewers: {} packets lost", run.lost),
            );
            doubt(
                run.time_jumps > 0,
                format!(
                    "{n} viewers: {} frames missing or out of turn",
                    run.time_jumps
                ),
            );
            doubt(
                run.overflow_drops > 0,
                format!(
                    "{n} viewers: the server dropped {} packets",
                    run.overflow_drops
                ),
            );
            doubt(
                n > 0 && !run.aead,
                format!("{n} viewers: not all of them got AES-GCM"),
            );
        }
        let lost: u64 = self.floors.iter().map(|floor| floor.lost).sum();
        doubt(lost > 0, format!("floor: {lost} packets did not arrive"));
        doubts
    }
}

fn row(viewers: usize, runs: &[Run], floors: &[Floor]) -> Row {
    let n = viewers as f64;
    let of = |value: fn(&Run) -> f64| of_server(runs, viewers, value);
    let above_idle = |value: fn(&Run) -> f64| Some((of(value)? - of_server(runs, 0, value)?) / n);
    let server_us = above_idle(|run| run.server_us_per_second);
    let packets_per_second = of(|run| run.received_per_second).map(|packets| packets / n);
    let floor = |gso| {
        let of_kind = floors
            .iter()
            .filter(|f| f.viewers == viewers && f.gso == gso);
        median(of_kind.map(|f| f.us_per_viewer_second)).unwrap_or(f64::NAN)
    };
    let floor_gso_us = floor(true);
    Row {
        viewers,
        server_us,
        shards_us: above_idle(|run| run.threads.get(SHARD).copied().unwrap_or(0.0)),
        server_ns_per_packet: server_us
            .zip(packets_per_second)
            .map(|(us, packets)| us * 1e3 / packets),
        packets_per_second,
        packets_per_send: of(|run| run.packets_per_send),
        loss: of(|run| run.lost as f64 / (run.received_per_second * run.seconds).max(1.0)),
        floor_gso_us,
        floor_single_us: floor(false),
        ratio: server_us.map(|us| us / floor_gso_us),
        generator_us: of(|run| run.generator_us_per_second).map(|us| us / n),
    }
}

fn of_server(runs: &[Run], viewers: usize, value: fn(&Run) -> f64) -> Option<f64> {
    median(runs.iter().filter(|run| run.viewers == viewers).map(value))
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        even if even % 2 == 0 => Some(f64::midpoint(values[middle - 1], values[middle])),
        _ => Some(values[middle]),
    }
}

impl Machine {
    fn here() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let cpuinfo = read("/proc/cpuinfo");
        let model = cpuinfo.lines().find(|line| line.starts_with("model name"));
        let model = model.and_then(|line| Some(line.split_once(':')?.1.trim().to_owned()));
        Self {
            cpu: model.unwrap_or_else(|| "unknown".to_owned()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            load: read("/proc/loadavg")
                .split(' ')
                .next()
                .unwrap_or_default()
                .to_owned(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let machine = &self.machine;
        writeln!(
            f,
            "Fan-out of one stream: 720p30 at {:.1} Mbit/s and Opus, {:.0} packets a second",
            f64::from(self.video_bitrate) / 1e6,
            self.source_packets_per_second
        )?;
        writeln!(
            f,
            "{}, {} cores, Linux {}, load {}; medians of {}",
            machine.cpu, machine.cores, machine.kernel, machine.load, self.repeats
        )?;
        writeln!(f, "\nCPU in µs for one viewer and second\n")?;
        writeln!(
            f,
            "viewers   server  (shards)   floor: GSO  single   server/GSO   ns/packet  packets/s  per send    loss  generator"
        )?;
        for row in &self.rows {
            writeln!(
                f,
                "{:>7}  {:>7}  {:>8}   {:>10}  {:>6}   {:>10}   {:>9}  {:>9}  {:>8}  {:>6}  {:>9}",
                row.viewers,
                number(row.server_us, 0),
                number(row.shards_us, 0),
                number(Some(row.floor_gso_us), 0),
                number(Some(row.floor_single_us), 0),
                number(row.ratio, 2),
                number(row.server_ns_per_packet, 0),
                number(row.packets_per_second, 1),
                number(row.packets_per_send, 1),
                row.loss
                    .map_or("-".to_owned(), |loss| format!("{:.2} %", loss * 100.0)),
                number(row.generator_us, 0),
            )?;
        }
        if let Some(idle) = self.idle_us {
            let workers = of_server(&self.runs, 0, |run| run.workers_us_per_second);
            writeln!(
                f,
                "\nStream without viewers: {idle:.0} µs a second in the server (subtracted above), {} in its workers",
                number(workers, 0)
            )?;
        }
        if let Some(run) = self.runs.iter().max_by_key(|run| run.viewers) {
            writeln!(f, "Threads at {} viewers, µs a second:", run.viewers)?;
            let mut threads: Vec<_> = run.threads.iter().collect();
            threads.sort_by(|a, b| b.1.total_cmp(a.1));
            for (name, us) in threads.iter().take(5) {
                writeln!(f, "  {name:<18} {us:>9.0}")?;
            }
            let worst = self.runs.iter().map(|run| run.max_source_delay_ms);
            writeln!(
                f,
                "Latest source frame: {:.1} ms late; longest generator pause: {:.0} ms",
                worst.fold(0.0, f64::max),
                self.runs
                    .iter()
                    .map(|run| run.max_generator_pause_ms)
                    .fold(0.0, f64::max)
            )?;
        }
        for doubt in self.doubts() {
            writeln!(f, "DOUBTFUL: {doubt}")?;
        }
        Ok(())
    }
}

fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_is_the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), Some(2.0));
        assert_eq!(median([4.0, 1.0].into_iter()), Some(2.5));
        assert_eq!(median(std::iter::empty()), None);
    }
}
