//! What the media plane costs, for people and as JSON.

use std::fmt;

use serde::Serialize;

use super::{FanoutPlan, FanoutRun};
use crate::{
    limit::LimitRun,
    report::{Machine, Percentiles, median, number, table},
    source::{Source, VIDEO_BITRATE},
};

/// Share of the time that the media plane may wait for a core; beyond, delays are those of the
/// machine.
const MOST_WAITING: f64 = 0.03;

/// Medians for one number of viewers.
#[derive(Debug, Clone, Serialize)]
pub struct FanoutRow {
    /// How many viewers.
    pub viewers: usize,
    /// CPU of the media plane for one viewer and second, everything counted, in microseconds.
    pub server_us: f64,
    /// Share of that which the kernel worked.
    pub kernel_share: f64,
    /// CPU of the limit for the same, in microseconds.
    pub limit_us: f64,
    /// The first over the second.
    pub ratio: f64,
    /// CPU of the media plane for one packet to one viewer, in nanoseconds.
    pub ns_per_packet: f64,
    /// Media packets that a viewer received in a second.
    pub packets_per_second: f64,
    /// Datagrams in one system call of the server.
    pub packets_per_send: f64,
    /// Share of packets that did not arrive.
    pub loss: f64,
    /// Delay in the server of a frame until its last viewer, in milliseconds.
    pub delay_ms: Option<Percentiles>,
    /// From the offer to the first media packet, in milliseconds.
    pub join_ms: Option<Percentiles>,
    /// Heap that came with one viewer, in bytes.
    pub heap: f64,
    /// Resident memory that came with one viewer, in bytes.
    pub resident: f64,
    /// Heap allocations for one packet to one viewer.
    pub allocations_per_packet: f64,
    /// RTCP datagrams of one viewer in a second.
    pub rtcp_per_second: f64,
    /// CPU of the viewers for one of them and second, in microseconds.
    pub generator_us: f64,
}

/// What one viewer more costs between the smallest and the largest number of them.
#[derive(Debug, Clone, Serialize)]
pub struct Growth {
    /// Smallest and largest number.
    pub viewers: [usize; 2],
    /// Growth of CPU per viewer, as a share.
    pub cpu: f64,
    /// Heap for one viewer more, in bytes.
    pub heap: f64,
    /// Resident memory for one viewer more, in bytes.
    pub resident: f64,
}

/// All that was measured.
#[derive(Debug, Clone, Serialize)]
pub struct FanoutReport {
    /// Where.
    pub machine: Machine,
    /// Threads of the media plane.
    pub shards: usize,
    /// How the stream came in: `ingest`, as from the bridge, or `whip`.
    pub published: &'static str,
    /// Layers of the picture.
    pub layers: usize,
    /// Video bits a second of the top layer.
    pub video_bitrate: u32,
    /// RTP packets a second of the top layer and audio.
    pub source_packets_per_second: f64,
    /// Measurements of each kind.
    pub repeats: usize,
    /// CPU of the media plane with no viewers, in microseconds a second.
    pub idle_us: f64,
    /// Medians.
    pub rows: Vec<FanoutRow>,
    /// From the smallest to the largest number of viewers, when there are two.
    pub growth: Option<Growth>,
    /// What makes the figures doubtful.
    pub doubts: Vec<String>,
    /// Each run of the media plane.
    pub runs: Vec<FanoutRun>,
    /// Each run of the limit.
    pub limits: Vec<LimitRun>,
}

impl FanoutReport {
    pub(super) fn new(
        plan: &FanoutPlan,
        source: &Source,
        runs: Vec<FanoutRun>,
        limits: Vec<LimitRun>,
    ) -> Self {
        let rows: Vec<FanoutRow> = plan
            .viewers
            .iter()
            .map(|viewers| row(*viewers, &runs, &limits))
            .collect();
        Self {
            machine: Machine::here(),
            shards: plan.shards,
            published: if plan.whip { "whip" } else { "ingest" },
            layers: plan.layers,
            video_bitrate: VIDEO_BITRATE,
            source_packets_per_second: source.packets_per_second(),
            repeats: plan.repeats,
            idle_us: median(runs.iter().map(|run| run.idle_us_per_second)).unwrap_or(f64::NAN),
            growth: growth(&rows, &runs),
            doubts: doubts(&runs, &limits),
            rows,
            runs,
            limits,
        }
    }
}

fn row(viewers: usize, runs: &[FanoutRun], limits: &[LimitRun]) -> FanoutRow {
    let n = viewers as f64;
    let of = |value: fn(&FanoutRun) -> f64| {
        let runs = runs.iter().filter(|run| run.viewers == viewers);
        median(runs.map(value)).unwrap_or(f64::NAN)
    };
    let percentiles = |value: fn(&FanoutRun) -> Option<Percentiles>| {
        let all = || {
            let runs = runs.iter().filter(|run| run.viewers == viewers);
            runs.filter_map(value)
        };
        Some(Percentiles {
            p50: median(all().map(|p| p.p50))?,
            p95: median(all().map(|p| p.p95))?,
            p99: median(all().map(|p| p.p99))?,
            max: all().map(|p| p.max).fold(0.0, f64::max),
        })
    };
    let server_us = of(|run| run.server_us_per_second) / n;
    let limits = limits.iter().filter(|limit| limit.viewers == viewers);
    let limit_us = median(limits.map(|limit| limit.us_per_viewer_second)).unwrap_or(f64::NAN);
    let packets_per_second = of(|run| run.received_per_second) / n;
    let grown = |memory: [u64; 2]| memory[1] as f64 - memory[0] as f64;
    let of_memory = |value: fn(&FanoutRun) -> [u64; 2]| {
        let runs = runs.iter().filter(|run| run.viewers == viewers);
        median(runs.map(|run| grown(value(run)))).unwrap_or(f64::NAN) / n
    };
    FanoutRow {
        viewers,
        server_us,
        kernel_share: of(|run| run.kernel_share),
        limit_us,
        ratio: server_us / limit_us,
        ns_per_packet: server_us * 1e3 / packets_per_second,
        packets_per_second,
        packets_per_send: of(|run| run.packets_per_send),
        loss: of(|run| run.lost as f64 / (run.received_per_second * run.seconds).max(1.0)),
        delay_ms: percentiles(|run| run.delay_ms),
        join_ms: percentiles(|run| run.join_ms),
        heap: of_memory(|run| run.heap),
        resident: of_memory(|run| run.resident),
        allocations_per_packet: of(|run| run.allocations_per_packet),
        rtcp_per_second: of(|run| run.rtcp_per_viewer_second),
        generator_us: of(|run| run.generator_us_per_second) / n,
    }
}

/// What the stream needs by itself cancels out between two numbers of viewers.
fn growth(rows: &[FanoutRow], runs: &[FanoutRun]) -> Option<Growth> {
    let few = rows.iter().min_by_key(|row| row.viewers)?;
    let many = rows.iter().max_by_key(|row| row.viewers)?;
    if few.viewers == many.viewers {
        return None;
    }
    let of = |viewers: usize, value: fn(&FanoutRun) -> f64| {
        let runs = runs.iter().filter(|run| run.viewers == viewers);
        median(runs.map(value)).unwrap_or(f64::NAN)
    };
    let one_more = |value: fn(&FanoutRun) -> f64| {
        let difference = of(many.viewers, value) - of(few.viewers, value);
        difference / (many.viewers - few.viewers) as f64
    };
    Some(Growth {
        viewers: [few.viewers, many.viewers],
        cpu: many.server_us / few.server_us - 1.0,
        heap: one_more(|run| run.heap[1] as f64),
        resident: one_more(|run| run.resident[1] as f64),
    })
}

fn doubts(runs: &[FanoutRun], limits: &[LimitRun]) -> Vec<String> {
    let mut doubts = Vec::new();
    for run in runs {
        let n = run.viewers;
        let mut doubt = |yes: bool, text: String| {
            if yes {
                doubts.push(format!("{n} viewers: {text}"));
            }
        };
        doubt(
            run.late_frames > 0,
            format!(
                "{} source frames were late, worst {:.0} ms",
                run.late_frames, run.max_source_delay_ms
            ),
        );
        doubt(
            run.server_waited > MOST_WAITING,
            format!(
                "the server waited {:.0} % of the time for a core: delays are wrong",
                run.server_waited * 100.0
            ),
        );
        doubt(run.lost > 0, format!("{} packets lost", run.lost));
        doubt(
            run.time_jumps > 0,
            format!("{} frames missing or out of turn", run.time_jumps),
        );
        doubt(
            run.incomplete_frames > 0,
            format!("{} frames did not reach everybody", run.incomplete_frames),
        );
        doubt(
            run.overflow_drops > 0,
            format!("the server dropped {} packets", run.overflow_drops),
        );
        doubt(
            run.viewer_drops > 0,
            format!(
                "the server held {} packets back: it thought paths too narrow",
                run.viewer_drops
            ),
        );
        doubt(
            run.rejected > 0,
            format!("{} packets were not authentic", run.rejected),
        );
        doubt(!run.aead, "not all of them got AES-GCM".to_owned());
        doubt(
            !run.transport_cc,
            "not all of them send congestion feedback".to_owned(),
        );
    }
    let lost: u64 = limits.iter().map(|limit| limit.lost).sum();
    if lost > 0 {
        doubts.push(format!("limit: {lost} packets did not arrive"));
    }
    doubts
}

impl fmt::Display for FanoutReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "Fan-out of one stream: H.264 at {:.1} Mbit/s and Opus, {:.0} packets a second, by {}{}, {} shard{}",
            f64::from(self.video_bitrate) / 1e6,
            self.source_packets_per_second,
            self.published,
            if self.layers > 1 {
                format!(" in {} layers", self.layers)
            } else {
                String::new()
            },
            self.shards,
            if self.shards == 1 { "" } else { "s" },
        )?;
        writeln!(f, "{}; medians of {}", self.machine.line(), self.repeats)?;
        self.costs(f)?;
        self.times(f)?;
        writeln!(
            f,
            "\nThe stream without viewers: {:.0} µs a second (counted above too)",
            self.idle_us
        )?;
        for row in &self.rows {
            writeln!(
                f,
                "RATIO at {} viewers: {:.2} ({:.0} µs a second for a viewer, the limit is {:.0})",
                row.viewers, row.ratio, row.server_us, row.limit_us
            )?;
        }
        if let Some(growth) = &self.growth {
            let [few, many] = growth.viewers;
            writeln!(
                f,
                "From {few} to {many} viewers: CPU per viewer {:+.1} %, each one more {:.0} KB of heap, {:.0} KB resident",
                growth.cpu * 100.0,
                growth.heap / 1e3,
                growth.resident / 1e3
            )?;
        }
        let worst = |value: fn(&FanoutRun) -> f64| self.runs.iter().map(value).fold(0.0, f64::max);
        writeln!(
            f,
            "Latest source frame: {:.1} ms late; longest generator pause: {:.0} ms",
            worst(|run| run.max_source_delay_ms),
            worst(|run| run.max_generator_pause_ms)
        )?;
        for doubt in &self.doubts {
            writeln!(f, "DOUBTFUL: {doubt}")?;
        }
        Ok(())
    }
}

impl FanoutReport {
    fn costs(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nCPU in µs for one viewer and second")?;
        let head = [
            "viewers",
            "server",
            "(kernel)",
            "limit",
            "ratio",
            "ns/packet",
            "packets/s",
            "per send",
            "loss",
            "RTCP/s",
            "allocs/packet",
            "generator",
        ];
        let cells = |row: &FanoutRow| {
            vec![
                row.viewers.to_string(),
                number(Some(row.server_us), 0),
                format!("{:.0} %", row.kernel_share * 100.0),
                number(Some(row.limit_us), 0),
                number(Some(row.ratio), 2),
                number(Some(row.ns_per_packet), 0),
                number(Some(row.packets_per_second), 1),
                number(Some(row.packets_per_send), 1),
                format!("{:.2} %", row.loss * 100.0),
                number(Some(row.rtcp_per_second), 1),
                number(Some(row.allocations_per_packet), 3),
                number(Some(row.generator_us), 0),
            ]
        };
        let rows: Vec<_> = self.rows.iter().map(cells).collect();
        table(f, &head, &rows)
    }

    fn times(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\nDelay until the last viewer's packet, and joining until media, in ms; memory in KB a viewer"
        )?;
        let head = [
            "viewers",
            "delay p50",
            "p99",
            "max",
            "join p50",
            "p95",
            "max",
            "heap",
            "resident",
        ];
        let cells = |row: &FanoutRow| {
            let delay = |value: fn(Percentiles) -> f64| number(row.delay_ms.map(value), 2);
            let join = |value: fn(Percentiles) -> f64| number(row.join_ms.map(value), 0);
            vec![
                row.viewers.to_string(),
                delay(|p| p.p50),
                delay(|p| p.p99),
                delay(|p| p.max),
                join(|p| p.p50),
                join(|p| p.p95),
                join(|p| p.max),
                number(Some(row.heap / 1e3), 0),
                number(Some(row.resident / 1e3), 0),
            ]
        };
        let rows: Vec<_> = self.rows.iter().map(cells).collect();
        table(f, &head, &rows)
    }
}
